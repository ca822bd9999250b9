// A fuzz target: whole programs, with a grid and limits of their own (case.h). Each is run, and
// then once more in another way that must lead to the same end; with PLAIN=1 in the environment,
// always on the plain path. With SHOW=1 the case is printed first, as text.
#include "core/print.h"
#include "fuzz/case.h"
#include "fuzz/check.h"
#include "primitives/bodies.h"

#include <array>
#include <memory>

using namespace codeit;
using fuzz::Case;

namespace {

constexpr int64_t kMaxPrinted = 3'000; // values a line

// What the runs of this process came to; shown when it ends.
struct Tally {
    std::array<uint64_t, kNumOutcomes> runs{};
    uint64_t plain = 0; // that were compared with the plain path

    ~Tally() {
        uint64_t total = 0;
        for (uint64_t n : runs) total += n;
        std::fprintf(stderr, "%llu programs", static_cast<unsigned long long>(total));
        for (unsigned k = 0; k < kNumOutcomes; ++k) {
            if (runs[k] == 0) continue;
            std::fprintf(stderr, ", %s %llu", kOutcomes[k].name,
                         static_cast<unsigned long long>(runs[k]));
        }
        std::fprintf(stderr, "; %llu compared with the plain path\n",
                     static_cast<unsigned long long>(plain));
    }
} tally;

void show(const Case &given) {
    std::fprintf(stderr,
                 "%s, fuel %lld, max_bytes %llu, max_depth %u, max_len %u, check %u %u\n%s\n",
                 given.dialect == Dialect::codeit ? "codeit" : "arc-dsl",
                 static_cast<long long>(given.limits.fuel),
                 static_cast<unsigned long long>(given.limits.max_bytes), given.limits.max_depth,
                 given.limits.max_len, given.check, given.detail, given.text.c_str());
    for (size_t k = 0; k < given.cells.size(); ++k) {
        bool is_last = (k + 1) % static_cast<size_t>(given.width) == 0;
        std::fprintf(stderr, "%d%s", given.cells[k], is_last ? "\n" : " ");
    }
}

// How a run ended. The texts of its lines are empty where there was not enough left to print them.
struct End {
    Outcome outcome;
    size_t line;
    int64_t fuel;
    std::vector<std::string> texts;

    bool is_exception() const {
        return kOutcomes[static_cast<size_t>(outcome)].exception[0] != '\0';
    }
    bool is_limit() const {
        return outcome == Outcome::out_of_fuel || outcome == Outcome::out_of_memory;
    }
};

class Trials {
  public:
    Trials(const Program &program, const Case &given)
        : program_(program), given_(given), m_(machine_of(given.limits)) {}

    End run(const Limits &limits, bool is_plain, uint64_t fail_after) {
        m_.set_limits(limits, nullptr, is_plain);
        m_.arena().fail_after(fail_after);
        RunResult result = codeit::run(m_, program_, given_.input());
        m_.arena().fail_after(0);
        return end_of(result);
    }

    // The program, another that may begin with the same lines, and the program again.
    std::array<End, 3> run_shared(const Program &other) {
        m_.set_limits(given_.limits);
        SharedRuns runs(m_, given_.input());
        size_t num_common = num_common_lines(program_, other);
        std::array<End, 3> ends;
        ends[0] = end_of(runs.run(program_, 0, num_common));
        ends[1] = end_of(runs.run(other, num_common, num_common));
        ends[2] = end_of(runs.run(program_, num_common, 0));
        return ends;
    }

  private:
    End end_of(const RunResult &result) {
        End end = {result.outcome, result.line, m_.fuel_used(), {}};
        CHECK(end.outcome != Outcome::internal_error);
        CHECK(end.fuel >= 0 && end.fuel <= m_.limits().fuel);
        CHECK(end.outcome != Outcome::ok || result.value.kind != Kind::unbound);
        for (size_t k = 0; k < end.line && result.lines != nullptr; ++k) {
            end.texts.push_back(text_of(result.lines[k]));
        }
        return end;
    }

    static Machine &machine_of(const Limits &limits) {
        static std::vector<std::unique_ptr<Machine>> machines;
        for (const auto &machine : machines) {
            if (machine->limits().max_bytes == limits.max_bytes) return *machine;
        }
        machines.push_back(std::make_unique<Machine>(limits));
        CHECK(machines.back()->arena().is_reserved());
        return *machines.back();
    }

    std::string text_of(const Value &value) {
        std::string text;
        if (value.kind == Kind::unbound) return text;
        m_.refuel(8 * kMaxPrinted);
        int64_t values_left = kMaxPrinted;
        Value settled = value;
        Outcome outcome = m_.settle(&settled);
        if (outcome == Outcome::ok) outcome = print_value(m_, settled, &values_left, &text);
        if (outcome != Outcome::ok) text.clear();
        return text;
    }

    const Program &program_;
    const Case &given_;
    Machine &m_;
};

// The lines that both ran return the same.
void check_same_lines(const End &a, const End &b) {
    for (size_t k = 0; k < a.texts.size() && k < b.texts.size(); ++k) {
        bool are_printed = !a.texts[k].empty() && !b.texts[k].empty();
        CHECK(!are_printed || a.texts[k] == b.texts[k]);
    }
}

void check_same(const End &a, const End &b) {
    CHECK(a.outcome == b.outcome);
    CHECK(a.line == b.line);
    CHECK(a.fuel == b.fuel);
    CHECK(a.texts == b.texts);
}

void check_plain_path(Trials *trials, const Case &given, const End &fast) {
    End plain = trials->run(given.limits, true, 0);
    check_same_lines(fast, plain);
    if (fast.is_limit() || plain.is_limit()) return; // they pay for different work
    CHECK(fast.outcome == plain.outcome);
    CHECK(fast.line == plain.line);
}

// Exactly what was used is enough, and one less is not.
void check_fuel(Trials *trials, const Case &given, const End &free) {
    if (free.outcome == Outcome::out_of_fuel) return;
    Limits limits = given.limits;
    limits.fuel = free.fuel;
    End enough = trials->run(limits, false, 0);
    CHECK(enough.outcome == free.outcome && enough.line == free.line && enough.fuel == free.fuel);
    if (free.fuel == 0) return;
    --limits.fuel;
    End short_of_one = trials->run(limits, false, 0);
    CHECK(short_of_one.outcome == Outcome::out_of_fuel && short_of_one.fuel == limits.fuel);
    check_same_lines(free, short_of_one);
}

// A request for memory that is refused ends the run and leaves nothing behind.
void check_refused_memory(Trials *trials, const Case &given, const End &free) {
    uint64_t fail_after = 1 + given.detail;
    End refused = trials->run(given.limits, false, fail_after);
    if (refused.outcome != Outcome::out_of_memory) {
        CHECK(refused.outcome == free.outcome && refused.fuel == free.fuel);
    }
    CHECK(refused.fuel <= free.fuel);
    check_same_lines(free, refused);
    check_same(free, trials->run(given.limits, false, 0));
}

// What a program leaves behind for one that begins with the same lines changes neither.
void check_shared(Trials *trials, const End &end, const Program &other, const End &other_end) {
    std::array<End, 3> ends = trials->run_shared(other);
    check_same(end, ends[0]);
    check_same(other_end, ends[1]);
    check_same(end, ends[2]);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Program program;
    auto run = [&](const Case &given) {
        if (std::getenv("SHOW") != nullptr) show(given);
        ParseError error;
        CHECK(Program::parse(given.text, codeit::standard_language(), given.dialect, &program,
                             &error));
        End end = Trials(program, given).run(given.limits, false, 0);
        ++tally.runs[static_cast<size_t>(end.outcome)];
        return end;
    };
    // Most random lines fail, and what follows would not be reached: they are left out, one by one.
    std::vector<bool> is_left_out(fuzz::kMaxTextLines, false);
    Case given = fuzz::make_case(data, size, is_left_out);
    End end = run(given);
    for (unsigned k = 0; k < given.max_left_out && end.is_exception(); ++k) {
        is_left_out[end.line - 1] = true;
        given = fuzz::make_case(data, size, is_left_out);
        end = run(given);
    }
    static const bool kIsPlain = std::getenv("PLAIN") != nullptr;
    Trials trials(program, given);
    switch (kIsPlain ? 0 : given.check) {
    case 0:
        ++tally.plain;
        check_plain_path(&trials, given, end);
        break;
    case 1: {
        Program first = std::move(program);
        is_left_out[given.detail % first.num_lines()].flip();
        End other_end = run(fuzz::make_case(data, size, is_left_out));
        Trials shared(first, given);
        check_shared(&shared, end, program, other_end);
        break;
    }
    case 2:
        check_fuel(&trials, given, end);
        break;
    case 3:
        check_refused_memory(&trials, given, end);
        break;
    }
    return 0;
}
