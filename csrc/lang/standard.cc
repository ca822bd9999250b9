// The rows of table.def as constants of this program, and the language of them without bodies.
//
// In the table, `parameters` is written as `P(type, name) P(type, name)`, without commas between
// them, since a macro's argument ends at one. P therefore begins with a comma, and FROM_SECOND
// drops what stands before the first.
#include "lang/language.h"

namespace codeit {
namespace {

constexpr PrimitiveRow kPrimitives[] = {
// The names of columns, where rows are written.
#define P(type, name) , Parameter(Type::type, #name)
#define FROM_SECOND(first, ...) __VA_ARGS__
#define PRIMITIVE(group, name, result, parameters, many, summary)                                  \
    [] {                                                                                           \
        using enum Type;                                                                           \
        using R [[maybe_unused]] = Result;                                                         \
        return PrimitiveRow{#name,      #group, result, {FROM_SECOND(0 parameters)},               \
                            Many::many, summary};                                                  \
    }(),
#include "lang/table.def"
#undef FROM_SECOND
#undef P
};

constexpr ConstantRow kConstants[] = {
#define CONSTANT(name, type, ...) {#name, Type::type, __VA_ARGS__},
#include "lang/table.def"
};

} // namespace

std::vector<NameRow> standard_rows() {
    std::vector<NameRow> rows;
    for (const PrimitiveRow &row : kPrimitives)
        rows.push_back({.is_primitive = true, .primitive = row});
    for (const ConstantRow &row : kConstants)
        rows.push_back({.is_primitive = false, .constant = row});
    return rows;
}

const Language &standard_names() {
    // Never destroyed: threads may outlive the static objects.
    static const Language &language = *new Language("standard", standard_rows());
    return language;
}

} // namespace codeit
