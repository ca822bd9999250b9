#include "lang/language.h"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_set>

namespace codeit {
namespace {

// From the length, the first four and the last two characters, which tell most names apart.
uint32_t name_hash(std::string_view text) {
    size_t size = text.size();
    auto at = [&](size_t k) {
        return k < size ? uint32_t{static_cast<unsigned char>(text[k])} : 0;
    };
    uint32_t hash = at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
    hash ^= (at(size - 1) << 9) ^ (at(size - 2) << 15) ^ static_cast<uint32_t>(size << 20);
    return hash * 2654435769u;
}

// Whether programs write it for something else: the input, the output, or a variable.
bool is_taken(std::string_view name) {
    auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return name == "I" || name == "O" ||
           (name.size() > 1 && name[0] == 'x' && std::ranges::all_of(name.substr(1), is_digit));
}

void add_row(const PrimitiveRow &row, Lanes *lanes) {
    lanes->absorb(std::string_view(type_name(row.result.declared)));
    lanes->absorb(std::string_view(type_name(row.result.given)));
    lanes->absorb(static_cast<uint64_t>(row.result.form));
    lanes->absorb(uint64_t{row.arity()});
    for (unsigned k = 0; k < row.arity(); ++k) {
        const Parameter &parameter = row.parameters[k];
        lanes->absorb(std::string_view(type_name(parameter.type)));
        lanes->absorb(std::string_view(type_name(parameter.taken)));
        lanes->absorb(uint64_t{parameter.also_taken});
        lanes->absorb(uint64_t{parameter.calls.least} << 1 | uint64_t{parameter.calls.may_be_more});
    }
}

void add_row(const ConstantRow &row, Lanes *lanes) {
    lanes->absorb(std::string_view(type_name(row.type)));
    lanes->absorb(static_cast<uint64_t>(int64_t{row.first}));
    lanes->absorb(static_cast<uint64_t>(int64_t{row.second}));
}

Routine routine_of(const NameRow &row) {
    Routine routine;
    if (!row.is_primitive) return routine;
    routine = {row.body, row.step, row.primitive.arity(), row.primitive.many, 0};
    for (unsigned k = 0; k < routine.arity; ++k) {
        if (!row.primitive.parameters[k].may_be_joined) continue;
        routine.joined_parameters = static_cast<uint8_t>(routine.joined_parameters | 1u << k);
    }
    return routine;
}

} // namespace

bool is_identifier(std::string_view name) {
    static constexpr std::array<std::string_view, 35> kKeywords = {
        "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
        "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
        "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
        "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};
    auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    if (name.empty() || !is_letter(name[0])) return false;
    bool has_digit = false; // which no keyword has
    for (char c : name) {
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_letter(c) && !is_digit) return false;
        has_digit = has_digit || is_digit;
    }
    return has_digit || std::ranges::find(kKeywords, name) == kKeywords.end();
}

const char *type_name(Type type) {
    static constexpr const char *kNames[] = {
        "Any",        "Boolean",    "Integer",   "IntegerTuple", "Numerical",
        "IntegerSet", "Grid",       "Cell",      "Object",       "Objects",
        "Indices",    "IndicesSet", "Patch",     "Element",      "Piece",
        "Tuple",      "TupleTuple", "FrozenSet", "Container",    "ContainerContainer",
        "Callable",
    };
    return kNames[static_cast<size_t>(type)];
}

std::string Language::why_not(const std::vector<NameRow> &rows) {
    if (rows.size() > kMaxNames) {
        return "a language has at most " + std::to_string(kMaxNames) + " names, not " +
               std::to_string(rows.size());
    }
    std::unordered_set<std::string_view> known;
    bool has_call_to_end = false;
    size_t num_foreign = 0;
    for (const NameRow &row : rows) {
        const std::string_view name = row.name();
        const std::string shown = "'" + std::string(name.substr(0, kMaxNameLength)) + "'";
        if (name.size() > kMaxNameLength || !is_identifier(name)) {
            return shown + " is no name of a primitive; allowed are 1 to " +
                   std::to_string(kMaxNameLength) +
                   " ASCII letters, digits and underscores that are no keyword of Python";
        }
        if (is_taken(name)) return shown + " stands for something else in every program";
        if (!known.insert(name).second) return shown + " is a name of the language already";
        if (!row.is_primitive) continue;
        if (row.primitive.arity() == 0) return shown + " has no parameter";
        has_call_to_end = has_call_to_end || row.primitive.arity() == 1;
        num_foreign += row.foreign != nullptr;
    }
    if (num_foreign > kMaxForeign) {
        return "a language has at most " + std::to_string(kMaxForeign) +
               " primitives of one's own, not " + std::to_string(num_foreign);
    }
    if (!has_call_to_end) return "no primitive has one parameter: no program could end";
    return {};
}

Language::Language(std::string title, const std::vector<NameRow> &rows)
    : title_(std::move(title)), rows_(rows) {
    Lanes digest(kBeginOfName);
    for (size_t number = 0; number < rows_.size(); ++number) {
        NameRow &row = rows_[number];
        PrimitiveRow &primitive = row.primitive;
        primitive.name = keep(primitive.name);
        primitive.group = keep(primitive.group);
        primitive.summary = keep(primitive.summary);
        for (Parameter &parameter : primitive.parameters) parameter.name = keep(parameter.name);
        row.constant.name = keep(row.constant.name);
        row.like = keep(row.like);
        names_.emplace_back(row.name());
        keys_.push_back(key_of_name(row.name()));
        routines_.push_back(routine_of(row));
        auto &numbers = row.is_primitive ? primitives_ : constants_;
        numbers.push_back(static_cast<uint16_t>(number));
        if (row.foreign != nullptr) foreign_.push_back(static_cast<uint16_t>(number));
        digest.absorb(std::string_view(row.name()));
        if (row.is_primitive) {
            add_row(row.primitive, &digest);
        } else {
            add_row(row.constant, &digest);
        }
    }
    digest_ = digest.key().low;
    // At most three of eight buckets are full, so that probes are short.
    const size_t num_buckets = std::bit_ceil(rows_.size() * 8 / 3 + 1);
    shift_ = 32 - static_cast<unsigned>(std::countr_zero(num_buckets));
    buckets_.assign(num_buckets, 0);
    for (size_t number = 0; number < rows_.size(); ++number) {
        size_t at = name_hash(names_[number]) >> shift_;
        while (buckets_[at] != 0) at = (at + 1) % num_buckets;
        buckets_[at] = static_cast<uint16_t>(number + 1);
    }
}

const char *Language::keep(const char *text) {
    return text == nullptr ? nullptr : texts_.emplace_back(text).c_str();
}

Name Language::find(std::string_view text) const {
    const size_t mask = buckets_.size() - 1;
    for (size_t at = name_hash(text) >> shift_; buckets_[at] != 0; at = (at + 1) & mask) {
        const uint16_t number = static_cast<uint16_t>(buckets_[at] - 1);
        if (names_[number] != text) continue;
        return {routines_[number].arity != 0 ? Name::Kind::primitive : Name::Kind::constant,
                number};
    }
    return {};
}

} // namespace codeit
