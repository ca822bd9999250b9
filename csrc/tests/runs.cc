// Runs, shared runs and batches: what their fuel, memory, threads and interrupts may not change.
#include "core/print.h"
#include "primitives/bodies.h"
#include "tests/program_of.h"
#include "vm/batch.h"
#include "vm/machine_pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace codeit;

namespace {

constexpr Limits kLimits = {int64_t{1} << 30, uint64_t{1} << 26, 1000, 0};
constexpr uint8_t kCells[] = {0, 1, 1, 0, 2, 0, 0, 2, 1, 0, 3, 3};
constexpr InputGrid kGrid = {kCells, 3, 4};

// Ends after 10^12 calls.
constexpr std::string_view kEndless = "n = multiply(TEN, TEN)\n"
                                      "f1 = power(increment, n)\n"
                                      "f2 = power(f1, n)\n"
                                      "f3 = power(f2, n)\n"
                                      "f4 = power(f3, n)\n"
                                      "f5 = power(f4, n)\n"
                                      "f6 = power(f5, n)\n"
                                      "O = f6(ONE)";

// They begin with the same lines, ask for orders between them, and the last one fails.
std::vector<Program> some_programs() {
    const std::string begin = "x1 = objects(I, T, F, F)\nx2 = order(x1, size)\n";
    std::vector<Program> programs;
    for (const char *rest :
         {"x3 = first(x2)\nO = paint(I, x3)",
          "x3 = first(x2)\nx4 = toindices(x3)\nO = fill(I, TWO, x4)",
          "x3 = last(x2)\nO = subgrid(x3, I)", "O = apply(color, x1)",
          "x3 = first(x1)\nO = cover(I, x3)", "O = mapply(toindices, x1)", "O = subgrid(x2, x2)"}) {
        programs.push_back(program_of(begin + rest));
    }
    return programs;
}

bool are_same(const BatchResults &a, const BatchResults &b) {
    if (a.outcomes != b.outcomes || a.fuel != b.fuel) return false;
    if (a.heights != b.heights || a.widths != b.widths) return false;
    for (size_t k = 0; k < a.outcomes.size(); ++k) {
        const uint8_t *cells = a.cells.data() + a.cells_begin[k];
        if (!std::equal(cells, cells + a.heights[k] * a.widths[k],
                        b.cells.data() + b.cells_begin[k])) {
            return false;
        }
    }
    return true;
}

// Says the order of every set.
std::string text_of_value(Machine &m, const Value &value) {
    std::string text;
    int64_t most = 1000;
    m.refuel(1 << 20);
    Value settled = value;
    REQUIRE(m.settle(&settled) == Outcome::ok);
    REQUIRE(print_value(m, settled, &most, &text) == Outcome::ok);
    return text;
}

bool polled_yes() {
    return true;
}

} // namespace

TEST_CASE("a run succeeds with exactly the fuel that it used, and with any less is out of it") {
    for (const Program &program : some_programs()) {
        Machine m(kLimits);
        const RunResult full = run(m, program, kGrid);
        const int64_t used = m.fuel_used();
        REQUIRE(used > 0);
        size_t line = 0;
        for (int64_t fuel = 0; fuel <= used; ++fuel) {
            Limits limits = kLimits;
            limits.fuel = fuel;
            m.set_limits(limits);
            const RunResult result = run(m, program, kGrid);
            if (fuel == used) {
                CHECK(result.outcome == full.outcome);
                CHECK(m.fuel_used() == used);
            } else {
                REQUIRE(result.outcome == Outcome::out_of_fuel);
                REQUIRE(m.fuel_used() == fuel);
                REQUIRE(result.line >= line);
                line = result.line;
            }
        }
    }
}

TEST_CASE("shared runs end as those alone, whatever was run before on their machine") {
    const std::vector<Program> programs = some_programs();
    Machine shared_machine(kLimits);
    SharedRuns shared(shared_machine, kGrid);
    size_t num_shared = 0;
    for (size_t k = 0; k < programs.size(); ++k) {
        auto common = [&](size_t other) {
            return other < programs.size() ? num_common_lines(programs[k], programs[other]) : 0;
        };
        const size_t before = k == 0 ? 0 : common(k - 1);
        num_shared += before;
        const RunResult together = shared.run(programs[k], before, common(k + 1));
        Machine m(kLimits);
        const RunResult alone = run(m, programs[k], kGrid);
        CHECK(together.outcome == alone.outcome);
        CHECK(together.line == alone.line);
        CHECK(shared_machine.fuel_used() == m.fuel_used());
        CHECK(shared_machine.arena().mark() - shared_machine.arena().begin() ==
              m.arena().mark() - m.arena().begin());
        if (alone.outcome == Outcome::ok) {
            CHECK(text_of_value(shared_machine, together.value) == text_of_value(m, alone.value));
        }
    }
    CHECK(num_shared >= 2 * (programs.size() - 1));
}

TEST_CASE("a batch returns the same on one thread and on many, sharing lines or not") {
    const std::vector<Program> programs = some_programs();
    const std::vector<InputGrid> inputs = {kGrid, {kCells, 4, 3}, {kCells, 1, 1}};
    std::vector<Job> jobs;
    for (int k = 0; k < 40; ++k) {
        for (const Program &program : programs) jobs.push_back({&program, 0, inputs.size()});
        jobs.push_back({&programs[0], 1, 0}); // runs on nothing
    }
    BatchResults expected;
    run_batch(jobs, inputs, kLimits, 1, false, nullptr, &expected);
    CHECK(expected.outcomes.size() == 40 * programs.size() * inputs.size());
    CHECK(std::count(expected.outcomes.begin(), expected.outcomes.end(), uint8_t{0}) > 0);
    for (unsigned num_threads : {1u, 2u, 5u}) {
        for (bool is_sharing : {false, true}) {
            BatchResults results;
            run_batch(jobs, inputs, kLimits, num_threads, is_sharing, nullptr, &results);
            CHECK(are_same(results, expected));
        }
    }
}

TEST_CASE("a batch without jobs has no results") {
    BatchResults results;
    run_batch({}, {}, kLimits, 3, true, nullptr, &results);
    CHECK(results.outcomes.empty());
    CHECK(results.cells.size() == 0);
}

TEST_CASE("an interrupt ends a batch on every thread, and printing too; the next one runs") {
    const Program endless = program_of(kEndless);
    Limits limits = kLimits;
    limits.fuel = int64_t{1} << 62;
    BatchResults results;
    const std::vector<Job> jobs(9, Job{&endless, 0, 1});
    for (unsigned num_threads : {1u, 3u}) {
        CHECK_THROWS_AS(run_batch(jobs, {kGrid}, limits, num_threads, true, polled_yes, &results),
                        Interrupted);
    }
    CHECK_THROWS_AS(run_and_print(endless, kGrid, limits, true, 100, polled_yes), Interrupted);
    limits.fuel = 1000;
    run_batch(jobs, {kGrid}, limits, 2, true, polled_yes, &results); // too short to be asked
    CHECK(results.outcomes.size() == jobs.size());
    CHECK(results.outcomes[0] == static_cast<uint8_t>(Outcome::out_of_fuel));
}

TEST_CASE("a lease has memory of the size that it asked for, or throws and leaves the pool whole") {
    Limits limits = kLimits;
    for (uint64_t bytes : {uint64_t{1} << 16, uint64_t{1} << 20, uint64_t{1} << 16}) {
        limits.max_bytes = bytes;
        MachineLease lease(limits);
        CHECK(lease.machine().arena().max_bytes() == bytes);
        MachineLease beside(limits);
        CHECK(&beside.machine() != &lease.machine());
    }
    limits.max_bytes = UINT64_MAX / 2;
    for (int k = 0; k < 3; ++k) CHECK_THROWS_AS(MachineLease{limits}, std::bad_alloc);
    limits.max_bytes = uint64_t{1} << 16;
    CHECK(MachineLease(limits).machine().arena().is_reserved());
}

TEST_CASE("a run that any allocation fails for is out of memory, or ended before it") {
    const Program program = some_programs()[0];
    const PrintedRun whole = run_and_print(program, kGrid, kLimits, false, 1000, nullptr);
    REQUIRE(whole.outcome == Outcome::ok);
    uint64_t k = 1;
    for (;; ++k) {
        const PrintedRun run =
            run_and_print(program, kGrid, kLimits, false, 1000, nullptr, Trial{false, k});
        if (run.outcome == Outcome::ok) {
            CHECK(run.texts == whole.texts);
            break;
        }
        REQUIRE(run.outcome == Outcome::out_of_memory);
        REQUIRE(k < 10'000);
    }
    CHECK(k > 3);
}

TEST_CASE("arguments that are no list of values are told apart from a call that fails") {
    const Opcode opcode{standard_language().find("hmirror").number};
    auto call = [&](const std::vector<int64_t> &numbers, size_t count) {
        return call_and_print(standard_language(), Dialect::codeit, opcode, numbers, count, kLimits,
                              100, nullptr)
            .outcome;
    };
    const std::vector<int64_t> grid = {3, 1, 3, 2, 1, 5, 1, 6}; // ((5, 6),)
    CHECK(call(grid, 1) == Outcome::ok);
    CHECK(call({1, 5}, 1) == Outcome::type_error);
#ifdef NDEBUG // a debug build ends there
    for (size_t size = 0; size < grid.size(); ++size) {
        CHECK(call({grid.begin(), grid.begin() + static_cast<ptrdiff_t>(size)}, 1) ==
              Outcome::internal_error);
    }
    CHECK(call({3, -1}, 1) == Outcome::internal_error);
    CHECK(call({3, INT64_MAX}, 1) == Outcome::internal_error);
    CHECK(call({99}, 1) == Outcome::internal_error);
#endif
}
