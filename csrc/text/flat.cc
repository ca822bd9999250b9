#include "text/flat.h"

#include <cstddef>

namespace codeit::text {
namespace {

constexpr const char *kNodeType = "<u2,<u2,<u2,u1,u1,u1,u1";
constexpr const char *kEdgeType = "<u2,<u2";
constexpr const char *kChainType = "<u2,<u2,<u2,u1,u1";
static_assert(sizeof(Node) == 10 && sizeof(Edge) == 4 && sizeof(Chain) == 8);
static_assert(offsetof(Node, is_link) == 6 && offsetof(Chain, place) == 6);
static_assert(std::endian::native == std::endian::little);

constexpr size_t kNumChains = 7;
static_assert(offsetof(Tables, end_of_program) - offsetof(Tables, start) ==
              (kNumChains - 1) * sizeof(Chain));

} // namespace

std::vector<FlatTable> flat_tables(const Automaton &automaton) {
    const Tables &t = automaton.tables();
    const Typing &typing = automaton.typing();
    constexpr size_t kNumCosts = kMaxTermCost + 1;
    constexpr size_t kNumLines = kMaxVariables + 1;
    return {
        {"num_variables", "<u4", {1}, &t.num_variables},
        {"num_words", "<u4", {1}, &t.num_words},
        {"alphabet", "<u2", {t.alphabet.size()}, t.alphabet.data()},
        {"numbers", "<u2", {t.numbers.size()}, t.numbers.data()},
        {"nodes", kNodeType, {t.nodes.size()}, t.nodes.data()},
        {"edges", kEdgeType, {t.edges.size()}, t.edges.data()},
        {"under", "<u8", {t.under.size(), 5}, t.under.data()},
        {"roots", "<u2", {kNumRoots}, &t.roots},
        {"children", "<u2", {kNumRoots, kMaxTokens}, &t.children},
        {"costs", "u1", {kNumRoots, kFirstVariable}, &t.costs},
        {"first_tokens", "<u2", {kNumRoots, kFirstVariable}, &t.first_tokens},
        {"variable_costs", "u1", {kNumRoots}, &t.variable_costs},
        {"variable_tokens", "<u2", {kNumRoots}, &t.variable_tokens},
        {"fixed", "<u8", {kNumRoots, kMaxClasses, kNumCosts, 3}, &t.fixed},
        {"masks", "<u8", {kNumRoots, kMaxClasses, kNumCosts, kMaxWords}, &t.masks},
        {"chains", kChainType, {kNumChains}, &t.start},
        {"output_token", "<u2", {1}, &t.output_token},
        {"name_token", "<u2", {1}, &t.name_token},
        {"line_need", "<i4", {kNumLines}, &t.line_need},
        {"output_need", "<i4", {kNumLines}, &t.output_need},
        {"loose", "<i4", {1}, &t.loose},
        {"num_fixed", "<u4", {kMaxClasses}, &t.num_fixed},
        {"users_of", "<u8", {kMaxClasses, 3}, &t.users_of},
        {"may_run_out", "<u8", {3}, &t.may_run_out},
        {"num_classes", "<u4", {1}, &typing.num_classes},
        {"any_class", "u1", {1}, &typing.any_class},
        {"function_class", "u1", {1}, &typing.function_class},
        {"class_of", "u1", {kNumPrimitives, kMaxArity}, &typing.class_of},
        {"kinds", "<u4", {kMaxClasses}, &typing.kinds},
        {"kinds_of_fixed", "u1", {kFirstVariable}, &typing.kinds_of_fixed},
        {"kinds_of_calls", "u1", {kNumPrimitives}, &typing.kinds_of_calls},
        {"functions", "<u8", {3}, &typing.functions},
        {"output_functions", "<u8", {3}, &typing.output_functions},
        {"arities", "u1", {kNumPrimitives}, &kArities},
    };
}

} // namespace codeit::text
