// A fuzz target: the search of a task. Six bytes of settings, then up to four programs with a grid
// each (givens.h): the corpus and the inputs of a task, the last of which is a test's. The outputs
// are what a program makes of the inputs, or that with a wrong cell, or the grids in another order.
// A search keeps to its budget, what it has found does what it says, and it finds the same again,
// also after another search.
#include "fuzz/check.h"
#include "fuzz/givens.h"
#include "primitives/bodies.h"
#include "search/batch.h"
#include "vm/machine_pool.h"
#include "vm/result_grid.h"

#include <algorithm>
#include <cstring>

using namespace codeit;
using namespace codeit::search;
using fuzz::Given;

namespace {

constexpr size_t kHeader = 6;
constexpr size_t kMaxPrograms = 4;
constexpr Limits kPlenty = {int64_t{1} << 40, uint64_t{1} << 28, 997, 0};

constexpr Limits kOfOutput = {int64_t{1} << 20, uint64_t{1} << 28, 997, 0};

// What may be spent beyond the budget, in evaluations: what one costs that takes all of its fuel on
// each of four grids.
constexpr int64_t kMuchMore = 400;

struct Work {
    TaskGrids grids; // of the cells below
    std::vector<std::vector<uint8_t>> cells;
    std::vector<const Program *> corpus;
    Dialect dialect;
    Settings settings;
};

// False when the program makes no grid of the input.
bool add_output(const Program &program, const InputGrid &input, Work *work) {
    MachineLease lease(kOfOutput);
    const RunResult result = run(lease.machine(), program, input);
    uint8_t cells[kMaxCells + kSpareCells];
    uint8_t height;
    uint8_t width;
    if (result.outcome != Outcome::ok || !write_result(result.value, cells, &height, &width))
        return false;
    work->cells.emplace_back(cells, cells + size_t{height} * width);
    work->grids.outputs.push_back({work->cells.back().data(), height, width});
    return true;
}

Work work_of(const uint8_t *header, const std::vector<Given> &givens) {
    Work work;
    work.cells.reserve(2 * kMaxPrograms);
    work.dialect = givens[0].program.dialect();
    const size_t num_demonstrations = std::max<size_t>(1, givens.size() - 1);
    for (const Given &given : givens) {
        work.grids.inputs.push_back(given.from.input());
        work.corpus.push_back(&given.program);
    }
    const bool is_made = (header[0] & 1) != 0;
    const Program &maker = givens[header[0] / 4 % givens.size()].program;
    for (size_t k = 0; k < num_demonstrations; ++k) {
        const InputGrid &input = work.grids.inputs[k];
        if (is_made && add_output(maker, input, &work)) continue;
        work.grids.outputs.push_back(work.grids.inputs[(k + 1) % givens.size()]);
    }
    if ((header[0] & 2) != 0 && !work.cells.empty()) {
        uint8_t &cell = work.cells[0][header[1] % work.cells[0].size()];
        cell = static_cast<uint8_t>((cell + 1) % 10);
    }
    // The maker would be found at once.
    if ((header[1] & 1) != 0 && work.corpus.size() > 1)
        work.corpus.erase(work.corpus.begin() + header[0] / 4 % static_cast<int>(givens.size()));
    work.settings.evaluations = 1 + (int64_t{header[2]} << (header[3] & 3));
    work.settings.max_bytes = (uint64_t{1} << 25) << (header[3] >> 2 & 1);
    work.settings.methods = header[4] == 0 ? UINT32_MAX : header[4] | (header[3] >> 6) << 8;
    work.settings.num_leading = header[5] % (work.corpus.size() + 1);
    return work;
}

TaskResult search_of(const Work &work) {
    return search_task(work.grids, standard_language(), work.dialect, work.corpus, work.settings,
                       nullptr);
}

void check_same(const std::vector<Solution> &a, const std::vector<Solution> &b) {
    CHECK(a.size() == b.size());
    for (size_t k = 0; k < a.size(); ++k) {
        CHECK(a[k].code == b[k].code && a[k].method == b[k].method);
        CHECK(a[k].cost == b[k].cost && a[k].derivations == b[k].derivations);
        CHECK(a[k].evaluations == b[k].evaluations && a[k].num_right == b[k].num_right);
        CHECK(a[k].is_led == b[k].is_led);
    }
}

void check_same(const TaskResult &a, const TaskResult &b) {
    check_same(a.solutions, b.solutions);
    check_same(a.nearest, b.nearest);
    CHECK(a.num_calls == b.num_calls && a.work == b.work);
    CHECK(a.num_nodes == b.num_nodes && a.num_bytes == b.num_bytes);
    CHECK(a.methods.size() == b.methods.size());
    for (size_t k = 0; k < a.methods.size(); ++k) {
        CHECK(a.methods[k].work == b.methods[k].work && a.methods[k].found == b.methods[k].found);
    }
}

// The ordinary machine makes of the inputs what the search says.
void check_solution(const Work &work, const Solution &solution) {
    CHECK(Code::why_not(solution.code.words(), standard_language()).empty());
    CHECK(solution.evaluations <= work.settings.evaluations + kMuchMore);
    const Program program(solution.code, standard_language(), work.dialect);
    uint32_t num_right = 0;
    for (size_t k = 0; k < work.grids.inputs.size(); ++k) {
        MachineLease lease(kPlenty);
        const RunResult result = run(lease.machine(), program, work.grids.inputs[k]);
        CHECK(result.outcome == Outcome::ok);
        if (k < work.grids.outputs.size())
            num_right += is_result(result.value, work.grids.outputs[k]);
    }
    CHECK(num_right == solution.num_right);
}

void check_result(const Work &work, const TaskResult &result) {
    CHECK(result.work <= work.settings.evaluations + kMuchMore);
    CHECK(result.num_bytes <= work.settings.max_bytes);
    for (const Solution &solution : result.solutions) check_solution(work, solution);
    for (const Solution &solution : result.nearest) check_solution(work, solution);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < kHeader) return 0;
    const std::vector<Given> givens =
        fuzz::make_givens(data + kHeader, size - kHeader, kMaxPrograms);
    const Work work = work_of(data, givens);
    const TaskResult result = search_of(work);
    check_result(work, result);
    Work other = work;
    std::reverse(other.grids.inputs.begin(), other.grids.inputs.end());
    other.settings.evaluations = 1 + work.settings.evaluations / 2;
    other.settings.methods = UINT32_MAX;
    check_result(other, search_of(other));
    check_same(result, search_of(work));
    return 0;
}
