// Mutants: what is known of one before it is written is true of what is written.
#include "mutation/mutate.h"
#include "tests/program_of.h"

using namespace codeit;
using namespace codeit::mutation;

namespace {

constexpr Limits kLimits = {int64_t{1} << 24, uint64_t{1} << 26, 200, 0};
constexpr uint8_t kCells[] = {0, 1, 1, 0, 2, 0, 0, 2, 1, 0, 3, 3};
constexpr InputGrid kGrid = {kCells, 3, 4};

// Usual ones; one with a line that O does not need, one with a call that stands twice, one that
// mentions a line in itself, and two that shadow.
const std::vector<std::string> kParents = {
    "x1 = ofcolor(I, ZERO)\nx2 = fill(I, ONE, x1)\nx3 = objects(x2, T, F, T)\n"
    "x4 = argmax(x3, size)\nO = subgrid(x4, x2)",
    "x1 = compose(size, palette)\nx2 = objects(I, F, F, T)\nx3 = lbind(matcher, x1)\n"
    "x4 = x3(TWO)\nx5 = sfilter(x2, x4)\nx6 = merge(x5)\nO = fill(I, FIVE, x6)",
    "x1 = vmirror(I)\nx2 = hmirror(I)\nx3 = height(I)\nO = hconcat(x1, x2)",
    "x1 = hmirror(I)\nx2 = hmirror(I) \nx3 = vconcat(x1, x2)\nO = cover(x3, x3)",
    "x1 = hmirror(x1)\nO = vmirror(I)",
    "x1 = hmirror(I)\nTWO = width(I)\nO = upscale(x1, TWO)",
    "ONE = height(I)\nx2 = width(I)\nx3 = add(ONE, x2)\nO = upscale(I, x3)",
};

} // namespace

TEST_CASE("the key and the number of lines of a mutant are those of what it writes") {
    const Language &language = standard_language();
    std::vector<TypedCode> parents;
    for (const std::string &text : kParents) {
        const Program program = program_of(text);
        parents.emplace_back(program.code(), types_of_lines(program, kGrid, kLimits, nullptr));
    }
    Weights weights;
    weights.crossover = 0.3;
    Mutator mutator(language, weights);
    Code code;
    std::vector<Key> keys;
    for (size_t k = 0; k < parents.size(); ++k) {
        CAPTURE(kParents[k]);
        keys_of_lines(parents[k].code, language, &keys);
        size_t num_made = 0;
        for (uint64_t seed = 0; seed < 1000; ++seed) {
            Random random(seed);
            if (!mutator.draw(parents[k], parents, &random)) continue;
            ++num_made;
            const Key key = mutator.key(keys);
            mutator.write(&code);
            CAPTURE(text_of(code, language));
            REQUIRE(Code::why_not(code.words(), language).empty());
            REQUIRE(code.num_lines() == mutator.num_lines());
            REQUIRE(key_of_result(key, Dialect::codeit) == key_of(code, language, Dialect::codeit));
        }
        CHECK(num_made > 100);
    }
}
