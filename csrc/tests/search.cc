// Kept values and pools: a kept value behaves as the one that it is a copy of, and a pool holds
// each behaviour once, with a derivation that makes it.
#include "core/print.h"
#include "core/store.h"
#include "primitives/bodies.h"
#include "search/corpus.h"
#include "search/methods.h"
#include "search/minimise.h"
#include "search/names.h"
#include "tests/program_of.h"
#include "vm/machine_pool.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace codeit;
using namespace codeit::search;

namespace {

constexpr Limits kLimits = {int64_t{1} << 24, uint64_t{1} << 26, 200, 0};
constexpr uint8_t kCells[] = {0, 1, 1, 0, 2, 0, 0, 2, 1, 0, 3, 3, 0, 5, 0, 3};
constexpr InputGrid kGrid = {kCells, 4, 4};
constexpr InputGrid kOther = {kCells + 3, 3, 4};

// Says the order of every set.
std::string text_of_value(Machine &m, const Value &value) {
    std::string text;
    int64_t most = 100'000;
    m.refuel(1 << 24);
    REQUIRE(print_value(m, value, &most, &text) == Outcome::ok);
    return text;
}

// One of each way in which values come about, and are held.
const std::vector<std::string> kPrograms = {
    "O = objects(I, T, F, T)",
    "O = objects(I, F, T, F)",
    "O = ofcolor(I, ZERO)",
    "O = asindices(I)",
    "O = palette(I)",
    "O = partition(I)",
    "x1 = objects(I, T, F, T)\nO = merge(x1)",
    "x1 = asobject(I)\nx2 = shift(x1, UNITY)\nO = combine(x1, x2)",
    "x1 = ofcolor(I, ZERO)\nx2 = ofcolor(I, ONE)\nO = combine(x2, x1)",
    "x1 = asobject(I)\nO = totuple(x1)",
    "x1 = asobject(I)\nx2 = shift(x1, THREE_BY_THREE)\nO = upscale(x2, TEN)",
    "x1 = ofcolor(I, ZERO)\nx2 = multiply(TEN, TEN)\nx3 = multiply(x2, UNITY)\n"
    "x4 = shift(x1, x3)\nO = combine(x1, x4)",
    "x1 = asindices(I)\nO = product(x1, x1)",
    "x1 = objects(I, T, F, T)\nO = apply(toindices, x1)",
    "O = crop(I, UNITY, TWO_BY_TWO)",
    "O = astuple(I, UNITY)",
    "x1 = initset(ORIGIN)\nO = remove(ORIGIN, x1)",
};

// What asks for orders, joins, copies and changes.
const std::vector<std::string> kUses = {
    "O = totuple(I)", "O = first(I)",   "O = last(I)",      "O = merge(I)",
    "O = size(I)",    "O = initset(I)", "O = normalize(I)", "O = toindices(I)",
};

Outcome result_of(Machine &m, std::string_view text, Value *out) {
    const Program program = program_of(text);
    RunResult result = run(m, program, kGrid);
    *out = result.value;
    return result.outcome;
}

} // namespace

TEST_CASE("a kept value has the text of its original, the order of sets included") {
    MachineLease lease(kLimits);
    Machine &m = lease.machine();
    Store store(uint64_t{1} << 24);
    std::vector<std::string> texts;
    std::vector<Value> kept;
    for (const std::string &text : kPrograms) {
        Value value;
        CAPTURE(text);
        REQUIRE(result_of(m, text, &value) == Outcome::ok);
        texts.push_back(text_of_value(m, value));
        m.refuel(1 << 24);
        REQUIRE(store.keep(m, value, &kept.emplace_back()) == Outcome::ok);
    }
    m.begin_calls(standard_language(), Dialect::codeit, store.begin());
    REQUIRE(m.end_call(store.num_bytes(), store.num_closures()));
    for (size_t k = 0; k < kept.size(); ++k) {
        CHECK(text_of_value(m, kept[k]) == texts[k]);
        REQUIRE(m.end_call(store.num_bytes(), store.num_closures()));
        CHECK(text_of_value(m, kept[k]) == texts[k]); // and once more
        REQUIRE(m.end_call(store.num_bytes(), store.num_closures()));
    }
}

TEST_CASE("a call on a kept value returns what it returns in a program") {
    MachineLease lease(kLimits);
    MachineLease other(kLimits);
    Machine &m = lease.machine();
    Machine &plain = other.machine();
    const Language &language = standard_language();
    TaskGrids grids;
    grids.inputs = {kGrid, kOther};
    grids.outputs = {kGrid};
    const TaskView task(grids);
    const Prior prior(language);
    Pool pool(language, Dialect::codeit, prior, m, task, {uint64_t{1} << 26, 1 << 22});
    for (const std::string &made : kPrograms) {
        LineNodes nodes;
        const Node node = run_lines(pool, lines_of(program_of(made).code()), kInputNode, &nodes);
        if (node == kNoNode) continue; // fails on the other grid
        for (const std::string &use : kUses) {
            const Node used = run_lines(pool, lines_of(program_of(use).code()), node, &nodes);
            if (used == kNoNode) continue;
            bool fits;
            const Program program(code_of(pool, used, &fits), language, Dialect::codeit);
            if (pool.is_leaf(used)) continue;
            REQUIRE(fits);
            for (size_t k = 0; k < 2; ++k) {
                RunResult result = run(plain, program, task.input(k));
                REQUIRE(result.outcome == Outcome::ok);
                CAPTURE(text_of(program.code(), language));
                CHECK(text_of_value(plain, result.value) == text_of_value(m, pool.value(used, k)));
            }
        }
    }
}

TEST_CASE("a store that is full says so, and gives back what it took") {
    MachineLease lease(kLimits);
    Machine &m = lease.machine();
    Store store(1 << 12);
    Value value;
    Value kept;
    REQUIRE(result_of(m, "x1 = asobject(I)\nO = upscale(x1, TEN)", &value) == Outcome::ok);
    char *mark = store.mark();
    CHECK(store.keep(m, value, &kept) == Outcome::out_of_memory);
    store.release(mark);
    CHECK(store.num_bytes() == 0);
}

TEST_CASE("one behaviour is one node, and counts its derivations") {
    MachineLease lease(kLimits);
    TaskGrids grids;
    grids.inputs = {kGrid};
    grids.outputs = {kGrid};
    const TaskView task(grids);
    const Language &language = standard_language();
    const Prior prior(language);
    Pool pool(language, Dialect::codeit, prior, lease.machine(), task,
              {uint64_t{1} << 26, 1 << 20});
    const Opcode mirror = Names::find(language, "hmirror");
    const Opcode turn = Names::find(language, "rot180");
    const Opcode other = Names::find(language, "vmirror");
    const Node turned = pool.call(turn, {kInputNode});
    const Node mirrored = pool.call(mirror, {pool.call(other, {kInputNode})});
    CHECK(turned == mirrored);
    CHECK(pool[turned].derivations == 2);
    CHECK(pool.call(turn, {kInputNode}) == turned); // by the memo
    CHECK(pool[turned].derivations == 2);
    CHECK(pool.call(turn, {turned}) == kInputNode);
    CHECK(pool.call(turn, {kNoNode}) == kNoNode);
    CHECK(pool.call(turn, {kInputNode, kInputNode}) == kNoNode);
    CHECK(pool.call(kNoOpcode, {kInputNode}) == kNoNode);
    CHECK(pool.apply(pool.integer(3), kInputNode) == kNoNode);
}

TEST_CASE("fingerprints tell values apart that CPython's hashes do not") {
    MachineLease lease(kLimits);
    Machine &m = lease.machine();
    auto of = [&](const Value &v) {
        uint64_t key = 0;
        m.refuel(1 << 20);
        REQUIRE(fingerprint(m, v, &key) == Outcome::ok);
        return key;
    };
    CHECK(of(Value::of_int(-1)) != of(Value::of_int(-2)));
    CHECK(of(Value::of_int(1)) != of(Value::boolean(true)));
    CHECK(of(Value::pair(0, 1)) != of(Value::pair(1, 0)));
    CHECK(of(Value::cell(1, 2, 3)) != of(Value::cell(2, 2, 3)));
    Value a;
    Value b;
    REQUIRE(result_of(m, "x1 = ofcolor(I, ZERO)\nO = recolor(ONE, x1)", &a) == Outcome::ok);
    const uint64_t first = of(a);
    REQUIRE(result_of(m, "x1 = ofcolor(I, ZERO)\nx2 = recolor(TWO, x1)\nO = recolor(ONE, x2)",
                      &b) == Outcome::ok);
    CHECK(of(b) == first);
}

TEST_CASE("a prior finds likelier what its programs do, and nothing impossible") {
    const Language &language = standard_language();
    Prior prior(language);
    const Opcode fill = Names::find(language, "fill");
    const auto call = static_cast<Prior::Symbol>(fill);
    const auto ofcolor = static_cast<Prior::Symbol>(Names::find(language, "ofcolor"));
    const auto asindices = static_cast<Prior::Symbol>(Names::find(language, "asindices"));
    CHECK(prior.bits(call, 2, ofcolor) == prior.bits(call, 2, asindices));
    const Lines lines = lines_of(program_of("x1 = ofcolor(I, ZERO)\nO = fill(I, ONE, x1)").code());
    for (int k = 0; k < 10; ++k) prior.learn(lines);
    prior.finish();
    CHECK(prior.bits(call, 2, ofcolor) < 1);
    CHECK(prior.bits(call, 0, prior.input()) < 1);
    CHECK(prior.bits(call, 2, asindices) > 5);
    CHECK(prior.bits(call, 2, asindices) < 20);
    // The chances at a place add up to one.
    double sum = 0;
    for (Prior::Symbol symbol = 0; symbol < prior.root(); ++symbol) {
        sum += std::exp2(-prior.bits(call, 2, symbol));
    }
    CHECK(sum == doctest::Approx(1).epsilon(0.01));
}

TEST_CASE("what a call is seen to make is what it makes, and nothing of it stays") {
    MachineLease lease(kLimits);
    const TaskView task({{kGrid, kOther}, {}});
    const Prior prior(standard_language());
    Pool pool(standard_language(), Dialect::codeit, prior, lease.machine(), task,
              {uint64_t{1} << 26, int64_t{1} << 24});
    LineNodes nodes;
    for (const std::string &text : kPrograms) {
        const Lines lines = lines_of(program_of(text).code());
        if (run_lines(pool, lines, kInputNode, &nodes) == kNoNode) continue;
        const Line &last = lines.back();
        Node arguments[kMaxArity];
        for (size_t a = 0; a < last.num_arguments; ++a)
            arguments[a] = node_of(pool, last.arguments[a], kInputNode, nodes);
        const Node function = node_of(pool, last.function, kInputNode, nodes);
        const size_t size = pool.size();
        const uint64_t num_bytes = pool.num_bytes();
        for (size_t example = 0; example < task.num_examples(); ++example) {
            uint64_t key = 0;
            REQUIRE(pool.peek(function, {arguments, last.num_arguments}, example, &key) ==
                    Outcome::ok);
            CHECK(key == pool.fingerprint_of(nodes.back(), example));
        }
        CHECK(pool.size() == size);
        CHECK(pool.num_bytes() == num_bytes);
    }
    uint64_t key;
    CHECK(pool.peek(kInputNode, {}, 0, &key) != Outcome::ok);
    const Node input[] = {kInputNode, kInputNode};
    const Node mirror = pool.of_name(static_cast<size_t>(Names::find(pool.language(), "hmirror")));
    CHECK(pool.peek(mirror, input, 0, &key) != Outcome::ok);
}

TEST_CASE("a minimised program needs no line that it can do without") {
    const InputGrid inputs[] = {kGrid, kOther};
    const MinimiserLimits limits = {kLimits, 10'000, uint64_t{1} << 26};
    auto text = [&](const Program &program) {
        return text_of(minimised(program, inputs, limits, nullptr), standard_language());
    };
    CHECK(text(program_of("x1 = dmirror(I)\nO = cmirror(x1)")) == "O = rot180(I)");
    CHECK(text(program_of("x1 = rot90(I)\nx2 = rot270(x1)\nx3 = rot90(x2)\nO = rot90(x3)")) ==
          "O = rot180(I)");
    for (const std::string &program : kPrograms) {
        CHECK(text(program_of(program)).size() <= program.size());
    }
}

TEST_CASE("a cover begins where the fewest pieces help") {
    constexpr int32_t kRows = 5;
    constexpr int32_t kColumns = 8;
    constexpr InputGrid kSmall = {kCells, 1, 1};
    const std::vector<uint8_t> black(kRows * kColumns);
    std::vector<uint8_t> wanted = black;
    for (int32_t j = 0; j < kColumns; ++j) wanted[static_cast<size_t>(j)] = 1;
    wanted[2 * kColumns] = wanted[4 * kColumns] = 1;
    const TaskView task(
        {{{black.data(), kRows, kColumns}, kSmall}, {{wanted.data(), kRows, kColumns}}});
    MachineLease lease(kLimits);
    const Language &language = standard_language();
    const Prior prior(language);
    Pool pool(language, Dialect::codeit, prior, lease.machine(), task,
              {uint64_t{1} << 28, int64_t{1} << 24});
    const Settings settings = {1'000'000, uint64_t{1} << 28};
    const std::vector<Lines> no_programs;
    Search s(pool, no_programs, settings, nullptr);
    pool.begin_method(0, INT64_MAX / 2, true);
    const Opcode pair = Names::find(language, "astuple");
    const Opcode set = Names::find(language, "initset");
    const Opcode insert = Names::find(language, "insert");
    auto cell = [&](int i, int j) { return pool.call(pair, {pool.integer(i), pool.integer(j)}); };
    // All of the first row, and the two cells below it; before these, many cheaper pieces of the
    // row, all with its first cell, none with its last.
    for (unsigned some = 1; some < 1U << (kColumns - 2); ++some) {
        Node patch = pool.call(set, {cell(0, 0)});
        for (int j = 1; j < kColumns - 1; ++j) {
            if ((some >> (j - 1) & 1) != 0) patch = pool.call(insert, {cell(0, j), patch});
        }
    }
    Node row = pool.call(set, {cell(0, kColumns - 1)});
    for (int j = kColumns - 2; j >= 0; --j) row = pool.call(insert, {cell(0, j), row});
    pool.call(set, {cell(2, 0)});
    pool.call(set, {cell(4, 0)});
    cover(s);
    bool is_found = false;
    for (size_t node = 0; node < pool.size(); ++node) {
        const auto at = static_cast<Node>(node);
        is_found = is_found || (pool[at].sort == Sort::grid &&
                                TaskView::is_equal(pool.grid(at, 0), task.output(0)));
    }
    CHECK(is_found);
}
