#include "lang/selection.h"

#include <optional>

namespace codeit {
namespace {

std::optional<Type> type_of_name(std::string_view name) {
    for (unsigned k = 0; k < kNumTypes; ++k) {
        if (name == type_name(static_cast<Type>(k))) return static_cast<Type>(k);
    }
    return std::nullopt;
}

std::string quoted(std::string_view text) {
    return "'" + std::string(text.substr(0, Language::kMaxNameLength)) + "'";
}

} // namespace

std::string RowSelection::keep(std::string_view name) {
    const Name found = language_.find(name);
    if (found.kind == Name::Kind::unknown) return "the language has no name " + quoted(name);
    rows_.push_back(language_.row(found.number));
    return {};
}

std::string RowSelection::add(const NewPrimitive &primitive) {
    const std::string shown = quoted(primitive.name);
    const std::optional<Type> result = type_of_name(primitive.result);
    if (!result) return shown + " returns " + quoted(primitive.result) + ", which is no type";
    const size_t arity = primitive.parameter_types.size();
    if (arity < 1 || arity > kMaxArity) {
        return shown + " has " + std::to_string(arity) + " parameters; allowed are 1 to " +
               std::to_string(kMaxArity);
    }
    NameRow row = {.is_primitive = true};
    row.primitive.name = text(primitive.name);
    row.primitive.group = text(primitive.group);
    row.primitive.summary = text(primitive.summary);
    row.primitive.result = *result;
    for (size_t k = 0; k < arity; ++k) {
        const std::optional<Type> type = type_of_name(primitive.parameter_types[k]);
        if (!type) {
            return shown + " takes " + quoted(primitive.parameter_types[k]) + ", which is no type";
        }
        row.primitive.parameters[k] = Parameter(*type, text(primitive.parameter_names[k]));
    }
    if (primitive.foreign != nullptr) {
        row.foreign = primitive.foreign;
        rows_.push_back(row);
        return {};
    }
    const Name like = language_.find(primitive.like);
    if (like.kind != Name::Kind::primitive || language_.arity_of(like.number) != arity) {
        return shown + " is to be run like " + quoted(primitive.like) +
               ", which is no primitive of as many parameters";
    }
    row.like = text(primitive.like);
    rows_.push_back(row);
    return {};
}

std::unique_ptr<Language> RowSelection::make(std::string title, std::string *error) const {
    *error = Language::why_not(rows_);
    if (!error->empty()) return nullptr;
    return std::make_unique<Language>(std::move(title), rows_);
}

} // namespace codeit
