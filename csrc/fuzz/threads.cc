// Runs programs on several threads at once, several times, for ThreadSanitizer.
//
//   threads PROGRAMS.jsonl [EVERY]   every EVERY-th line, which holds "program": "text" in JSON
#include "fuzz/check.h"
#include "mutation/population.h"
#include "primitives/bodies.h"
#include "vm/batch.h"
#include "vm/match.h"

#include <algorithm>
#include <fstream>

using namespace codeit;

namespace {

// The text of a program, which needs no escapes of JSON but that of a newline.
std::string text_in(const std::string &line) {
    constexpr std::string_view kField = "\"program\": \"";
    size_t begin = line.find(kField);
    CHECK(begin != std::string::npos);
    begin += kField.size();
    std::string text;
    for (size_t k = begin; line[k] != '"'; ++k) {
        CHECK(k + 1 < line.size());
        bool is_newline = line[k] == '\\';
        if (is_newline) CHECK(line[++k] == 'n');
        text += is_newline ? '\n' : line[k];
    }
    return text;
}

bool are_same(const BatchResults &a, const BatchResults &b) {
    if (a.outcomes != b.outcomes || a.fuel != b.fuel) return false;
    if (a.heights != b.heights || a.widths != b.widths) return false;
    for (size_t k = 0; k < a.outcomes.size(); ++k) {
        const uint8_t *of_a = a.cells.data() + a.cells_begin[k];
        const uint8_t *of_b = b.cells.data() + b.cells_begin[k];
        if (!std::equal(of_a, of_a + a.heights[k] * a.widths[k], of_b)) return false;
    }
    return true;
}

constexpr unsigned kNumThreads[] = {1, 2, 4, 7};

// Which programs make what some of them make of the inputs, by families of several bases.
void match_on_threads(const std::vector<Program> &programs, const std::vector<InputGrid> &inputs,
                      const BatchResults &results, const Limits &limits) {
    std::vector<Target> targets;
    for (size_t k = 0; k < results.heights.size(); k += 7) {
        if (results.heights[k] == 0) continue;
        const uint8_t *cells = results.cells.data() + results.cells_begin[k];
        targets.push_back(
            {inputs[k % inputs.size()], {cells, results.heights[k], results.widths[k]}});
    }
    std::vector<const Program *> members;
    std::vector<uint32_t> base_of;
    for (const Program &program : programs) {
        members.push_back(&program);
        base_of.push_back(static_cast<uint32_t>(members.size() % 3));
    }
    const std::vector<const Program *> bases = {&programs.front(), &programs.back(),
                                                &programs[programs.size() / 2]};
    std::vector<Hit> alone;
    for (unsigned num_threads : kNumThreads) {
        const auto families = families_of(bases, members, base_of, num_threads, nullptr);
        const auto hits = match(families, targets, limits, num_threads, nullptr);
        CHECK(hits.size() >= targets.size());
        if (num_threads == 1) alone = hits;
        CHECK(hits == alone);
    }
}

// Mutants of the programs and of these mutants.
void mutate_on_threads(const std::vector<Program> &programs, const std::vector<InputGrid> &inputs,
                       const Limits &limits) {
    std::vector<Code> alone;
    for (unsigned num_threads : kNumThreads) {
        mutation::Population population(codeit::standard_language(), Dialect::codeit, {}, 1, true,
                                        limits);
        for (const Program &program : programs) population.add_root(program, inputs, nullptr);
        uint64_t next = 0;
        std::vector<Code> codes;
        for (const mutation::Offspring &made :
             population.make(1000, &next, 20'000, num_threads, nullptr))
            codes.push_back(made.program.code());
        CHECK(!codes.empty());
        if (num_threads == 1) alone = codes;
        CHECK(codes == alone);
    }
}

} // namespace

int main(int count, char **words) {
    if (count < 2) {
        std::fprintf(stderr, "usage: threads PROGRAMS.jsonl [EVERY]\n");
        return 2;
    }
    size_t every = count < 3 ? 1 : std::strtoull(words[2], nullptr, 10);
    std::ifstream file(words[1]);
    std::vector<Program> programs;
    std::string line;
    for (size_t k = 0; std::getline(file, line); ++k) {
        if (every == 0 || k % every != 0) continue;
        ParseError error;
        CHECK(Program::parse(text_in(line), codeit::standard_language(), Dialect::codeit,
                             &programs.emplace_back(), &error));
    }
    CHECK(!programs.empty());

    constexpr int32_t kSides[] = {3, 10, 14};
    std::vector<uint8_t> cells(14 * 14);
    uint32_t noise = 1;
    for (uint8_t &cell : cells) {
        noise = noise * 1664525u + 1013904223u;
        cell = (noise >> 16) % 3;
    }
    std::vector<InputGrid> inputs;
    for (int32_t side : kSides) inputs.push_back({cells.data(), side, side});
    std::vector<Job> jobs;
    for (const Program &program : programs) jobs.push_back({&program, 0, inputs.size()});

    const Limits limits = {1'000'000, uint64_t{64} << 20, 997, 0};
    BatchResults alone;
    run_batch(jobs, inputs, limits, 1, false, nullptr, &alone);
    for (unsigned num_threads : kNumThreads) {
        for (bool is_sharing : {false, true}) {
            BatchResults together;
            run_batch(jobs, inputs, limits, num_threads, is_sharing, nullptr, &together);
            CHECK(are_same(alone, together));
        }
    }
    match_on_threads(programs, inputs, alone, limits);
    mutate_on_threads(programs, inputs, {50'000, uint64_t{64} << 20, 997, 0});
    size_t num_ok = 0;
    for (uint8_t outcome : alone.outcomes) num_ok += outcome == 0;
    std::fprintf(stderr, "%zu runs, %zu of them to the end, the same on 1, 2, 4 and 7 threads\n",
                 alone.outcomes.size(), num_ok);
    return 0;
}
