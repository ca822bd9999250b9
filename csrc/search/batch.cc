#include "search/batch.h"

#include "vm/machine_pool.h"

#include <algorithm>

namespace codeit::search {
namespace {

constexpr int64_t kFuelOfCall = 150'000;
constexpr uint64_t kBytesOfCall = uint64_t{256} << 20;
constexpr uint32_t kDepth = 200;

} // namespace

TaskResult search_task(const TaskGrids &grids, const Language &language, Dialect dialect,
                       const std::vector<const Program *> &corpus, const Settings &settings,
                       Interrupt::Poll poll) {
    Interrupt interrupt(poll);
    const Limits limits = {kFuelOfCall, kBytesOfCall, kDepth, 0};
    MachineLease lease(limits, &interrupt);
    const TaskView task(grids);
    Pool pool(language, dialect, lease.machine(), task, {settings.max_bytes, kFuelOfCall});
    std::vector<Lines> programs;
    for (const Program *program : corpus) {
        Lines lines = lines_of(program->code());
        if (!lines.empty()) programs.push_back(std::move(lines));
    }
    std::stable_sort(programs.begin(), programs.end(),
                     [](const Lines &a, const Lines &b) { return a.size() < b.size(); });
    TaskResult result;
    Search(pool, programs, settings).run(&result);
    if (interrupt.ask()) throw Interrupted();
    return result;
}

} // namespace codeit::search
