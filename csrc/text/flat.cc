#include "text/flat.h"

#include <cstddef>

namespace codeit::text {
namespace {

constexpr const char *kNodeType = "<u2,<u2,<u2,u1,u1,u1,u1";
constexpr const char *kEdgeType = "<u2,<u2";
constexpr const char *kChainType = "<u2,<u2,<u2,u1,u1";
static_assert(sizeof(Node) == 10 && sizeof(Edge) == 4 && sizeof(Chain) == 8);
static_assert(offsetof(Node, is_link) == 6 && offsetof(Chain, decision) == 6);
static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(size_t) == 8);

constexpr size_t kNumChains = 7;
static_assert(offsetof(Tables, end_of_program) - offsetof(Tables, start) ==
              (kNumChains - 1) * sizeof(Chain));

} // namespace

FlatTables::FlatTables(const Automaton &automaton) {
    const Tables &t = automaton.tables();
    const Typing &typing = automaton.typing();
    const size_t num_fixed = t.num_fixed_words * 64;
    const size_t num_classes = t.num_classes;
    constexpr size_t kNumCosts = kMaxTermCost + 1;
    constexpr size_t kNumLines = kMaxVariables + 1;
    for (unsigned root = 0; root < kNumRoots; ++root) {
        children_.insert(children_.end(), t.children[root].begin(), t.children[root].end());
        costs_.insert(costs_.end(), t.costs[root].begin(), t.costs[root].end());
        first_tokens_.insert(first_tokens_.end(), t.first_tokens[root].begin(),
                             t.first_tokens[root].end());
    }
    tables_ = {
        {"num_variables", "<u4", {1}, &t.num_variables},
        {"num_words", "<u8", {1}, &t.num_words},
        {"alphabet", "<u2", {t.alphabet.size()}, t.alphabet.data()},
        {"numbers", "<u2", {t.numbers.size()}, t.numbers.data()},
        {"nodes", kNodeType, {t.nodes.size()}, t.nodes.data()},
        {"edges", kEdgeType, {t.edges.size()}, t.edges.data()},
        {"under", "<u8", {t.nodes.size(), t.under.num_words()}, t.under.data()},
        {"roots", "<u2", {kNumRoots}, &t.roots},
        {"children", "<u2", {kNumRoots, t.alphabet.size()}, children_.data()},
        {"costs", "u1", {kNumRoots, num_fixed}, costs_.data()},
        {"first_tokens", "<u2", {kNumRoots, num_fixed}, first_tokens_.data()},
        {"variable_costs", "u1", {kNumRoots}, &t.variable_costs},
        {"variable_tokens", "<u2", {kNumRoots}, &t.variable_tokens},
        {"fixed", "<u8", {kNumRoots, num_classes, kNumCosts, t.num_fixed_words}, t.fixed.data()},
        {"masks", "<u8", {kNumRoots, num_classes, kNumCosts, t.num_words}, t.masks.data()},
        {"chains", kChainType, {kNumChains}, &t.start},
        {"output_token", "<u2", {1}, &t.output_token},
        {"name_token", "<u2", {1}, &t.name_token},
        {"line_need", "<i4", {kNumLines}, &t.line_need},
        {"output_need", "<i4", {kNumLines}, &t.output_need},
        {"loose", "<i4", {1}, &t.loose},
        {"num_fixed", "<u4", {num_classes}, t.num_fixed.data()},
        {"users_of", "<u8", {num_classes, t.num_fixed_words}, t.users_of.data()},
        {"may_run_out", "<u8", {t.num_fixed_words}, t.may_run_out.data()},
        {"any_class", "u1", {1}, &typing.any_class},
        {"function_class", "u1", {1}, &typing.function_class},
        {"class_of", "u1", {typing.class_of.size(), kMaxArity}, typing.class_of.data()},
        {"kinds", "<u4", {num_classes}, typing.kinds.data()},
        {"kinds_of_fixed", "u1", {num_fixed}, typing.kinds_of_fixed.data()},
        {"kinds_of_calls", "u1", {typing.kinds_of_calls.size()}, typing.kinds_of_calls.data()},
        {"functions", "<u8", {t.num_fixed_words}, typing.functions.data()},
        {"output_functions", "<u8", {t.num_fixed_words}, typing.output_functions.data()},
        {"arities", "u1", {typing.arities.size()}, typing.arities.data()},
    };
}

} // namespace codeit::text
