// A fuzz target: populations of mutants. Four bytes of settings and two of the seed, then the roots
// (givens.h). What is made is distinct, valid, and the same for any number of threads; of a mutant
// that is drawn, all that is known is true of the program that is written.
#include "code/key.h"
#include "fuzz/check.h"
#include "fuzz/givens.h"
#include "mutation/population.h"
#include "primitives/bodies.h"
#include "vm/machine_pool.h"
#include "vm/result_grid.h"

#include <algorithm>
#include <cstring>

using namespace codeit;
using namespace codeit::mutation;
using fuzz::Given;

namespace {

constexpr size_t kHeader = 6;
constexpr size_t kMaxRoots = 3;
constexpr uint64_t kDraws = 1'500;

struct Asked {
    Weights weights;
    Limits limits;
    bool is_open_ended;
    size_t count;
    uint64_t seed;
};

Asked asked_of(const uint8_t *header, const Limits &limits) {
    Asked asked;
    const auto share = [](int bits) { return static_cast<double>(bits & 3) / 4; };
    asked.weights.argument = share(header[0]);
    asked.weights.function = share(header[0] >> 2);
    asked.weights.definition = share(header[0] >> 4);
    asked.weights.crossover = share(header[0] >> 6);
    asked.weights.new_variable = share(header[1]);
    if (header[0] == 0) asked.weights.argument = 1;
    asked.limits = limits;
    asked.limits.fuel = std::min<int64_t>(limits.fuel, 12'000);
    asked.is_open_ended = (header[1] & 4) != 0;
    asked.count = 1 + header[2];
    asked.seed = header[4] + 256u * header[5];
    return asked;
}

struct Made {
    std::vector<Offspring> all;
    uint64_t next = 0;
};

// In two calls, or in one.
Made make(const Asked &asked, const std::vector<Given> &roots, unsigned num_threads,
          size_t num_first) {
    Population population(standard_language(), roots[0].program.dialect(), asked.weights,
                          asked.seed, asked.is_open_ended, asked.limits);
    for (const Given &root : roots) {
        const InputGrid inputs[] = {root.from.input(), roots[0].from.input()};
        population.add_root(root.program, inputs, nullptr);
    }
    Made made;
    for (size_t count : {num_first, asked.count - num_first}) {
        for (Offspring &one : population.make(count, &made.next, kDraws, num_threads, nullptr))
            made.all.push_back(std::move(one));
    }
    return made;
}

void check_same(const Made &a, const Made &b, bool are_calls_same) {
    CHECK(a.all.size() == b.all.size());
    CHECK(!are_calls_same || a.next == b.next);
    for (size_t k = 0; k < a.all.size(); ++k) {
        CHECK(a.all[k].program.code() == b.all[k].program.code());
        CHECK(a.all[k].number == b.all[k].number && a.all[k].root == b.all[k].root);
        CHECK(a.all[k].depth == b.all[k].depth);
        CHECK(!are_calls_same || a.all[k].num_valid == b.all[k].num_valid);
    }
}

bool returns_grid(const Program &program, const InputGrid &input, const Limits &limits,
                  bool *is_same) {
    MachineLease lease(limits);
    const RunResult result = run(lease.machine(), program, input);
    uint8_t cells[kMaxCells + kSpareCells];
    uint8_t height;
    uint8_t width;
    if (result.outcome != Outcome::ok || !write_result(result.value, cells, &height, &width))
        return false;
    *is_same = height == input.height && width == input.width &&
               std::memcmp(cells, input.cells, size_t{height} * width) == 0;
    return true;
}

void check_mutants(const Asked &asked, const std::vector<Given> &roots, const Made &made) {
    CHECK(made.all.size() <= asked.count && made.next <= kDraws);
    std::vector<Key> keys;
    auto key_of_program = [](const Program &program) {
        return key_of(program.code(), program.language(), program.dialect());
    };
    for (const Given &root : roots) keys.push_back(key_of_program(root.program));
    const size_t num_roots = keys.size();
    for (const Offspring &one : made.all) {
        CHECK(one.root < roots.size() && one.depth >= 1);
        CHECK(asked.is_open_ended || one.depth == 1);
        CHECK(Code::why_not(one.program.code().words(), standard_language()).empty());
        CHECK(one.program.num_lines() <= kMaxVariables + 1);
        NeededLines needed_lines;
        Code needed;
        needed_lines.write(one.program.code(), &needed);
        CHECK(needed == one.program.code());
        const Key key = key_of_program(one.program);
        CHECK(std::find(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(num_roots), key) ==
              keys.begin() + static_cast<ptrdiff_t>(num_roots));
        keys.push_back(key);
        bool is_same[2] = {};
        CHECK(returns_grid(one.program, roots[one.root].from.input(), asked.limits, &is_same[0]));
        CHECK(returns_grid(one.program, roots[0].from.input(), asked.limits, &is_same[1]));
        CHECK(!is_same[0] || !is_same[1]);
    }
    auto precedes = [](const Key &a, const Key &b) {
        return a.low != b.low ? a.low < b.low : a.high < b.high;
    };
    const auto own = keys.begin() + static_cast<ptrdiff_t>(num_roots);
    std::sort(own, keys.end(), precedes);
    CHECK(std::adjacent_find(own, keys.end()) == keys.end());
}

void check_draws(const Asked &asked, const std::vector<Given> &roots) {
    std::vector<TypedCode> parents;
    for (const Given &root : roots) {
        parents.emplace_back(root.program.code(), types_of_lines(root.program, root.from.input(),
                                                                 asked.limits, nullptr));
    }
    Mutator mutator(standard_language(), asked.weights);
    std::vector<Key> keys;
    Code code;
    for (const TypedCode &parent : parents) {
        keys_of_lines(parent.code, standard_language(), &keys);
        for (uint64_t k = 0; k < 64; ++k) {
            Random random(asked.seed + k);
            if (!mutator.draw(parent, parents, &random)) continue;
            const Key key = mutator.key(keys);
            mutator.write(&code);
            CHECK(Code::why_not(code.words(), standard_language()).empty());
            CHECK(code.num_lines() == mutator.num_lines());
            for (const uint32_t repeats : repeats_of(code)) CHECK(repeats == 0);
            CHECK(key_of_result(key, Dialect::codeit) ==
                  key_of(code, standard_language(), Dialect::codeit));
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < kHeader) return 0;
    const std::vector<Given> roots = fuzz::make_givens(data + kHeader, size - kHeader, kMaxRoots);
    const Asked asked = asked_of(data, roots[0].from.limits);
    check_draws(asked, roots);
    const size_t num_first = data[3] % (asked.count + 1);
    const Made made = make(asked, roots, 1, num_first);
    check_mutants(asked, roots, made);
    check_same(made, make(asked, roots, 2, num_first), true);
    if (!asked.is_open_ended) check_same(made, make(asked, roots, 1, 0), false);
    return 0;
}
