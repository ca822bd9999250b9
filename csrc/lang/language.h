// The language as data: types, groups, primitives and constants, all generated from table.def.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace codeit {

enum class Dialect : uint8_t {
    codeit,  // canvas is bounded, four patch primitives fail on an empty patch
    arc_dsl, // the original library
};

enum class Type : uint8_t {
    Any,
    Boolean,
    Integer,
    IntegerTuple,
    Numerical,
    IntegerSet,
    Grid,
    Cell,
    Object,
    Objects,
    Indices,
    IndicesSet,
    Patch,
    Element,
    Piece,
    Tuple,
    TupleTuple,
    FrozenSet,
    Container,
    ContainerContainer,
    Callable,
};
inline constexpr unsigned kNumTypes = static_cast<unsigned>(Type::Callable) + 1;

enum class Opcode : uint8_t {
#define PRIMITIVE(group, name, result, parameters, many, summary) op_##name,
#include "lang/table.def"
};

inline constexpr size_t kMaxArity = 4;

// ---- The columns of table.def, whose head says what they mean ----

constexpr uint32_t bit_of(Type type) {
    return uint32_t{1} << static_cast<unsigned>(type);
}

// How many arguments a function is called with.
struct CalledWith {
    uint8_t least = 0; // 0: it is no function
    bool may_be_more = false;

    constexpr bool fits(unsigned arity) const {
        return may_be_more ? arity >= least : arity == least;
    }
    bool operator==(const CalledWith &) const = default;
};
struct OrMore {};
inline constexpr OrMore or_more;

struct Parameter {
    Type type = Type::Any; // declared
    const char *name = nullptr;
    Type taken = Type::Any; // in place of the declared one
    uint32_t also_taken = 0;
    CalledWith calls;
    bool may_be_joined = false;

    constexpr Parameter() = default;
    constexpr Parameter(Type type, const char *name)
        : type(type), name(name), taken(type),
          calls{static_cast<uint8_t>(type == Type::Callable), false} {}

    constexpr Parameter takes(Type other) const {
        Parameter changed = *this;
        changed.taken = other;
        return changed;
    }
    template <typename... Types>
    constexpr Parameter also(Types... types) const {
        Parameter changed = *this;
        changed.also_taken = (bit_of(types) | ...);
        return changed;
    }
    constexpr Parameter called_with(uint8_t count) const {
        Parameter changed = *this;
        changed.calls = {count, false};
        return changed;
    }
    constexpr Parameter called_with(uint8_t count, OrMore) const {
        Parameter changed = *this;
        changed.calls = {count, true};
        return changed;
    }
    constexpr Parameter or_joined() const {
        Parameter changed = *this;
        changed.may_be_joined = true;
        return changed;
    }
};

struct Result {
    enum class Form : uint8_t { plain, pair, bound_function };

    Type declared;
    Type given; // in place of the declared one, where the form is plain
    Form form = Form::plain;

    constexpr Result(Type type) : declared(type), given(type) {}
    constexpr Result gives(Type type) const {
        Result changed = *this;
        changed.given = type;
        return changed;
    }
    constexpr Result gives(Form other) const {
        Result changed = *this;
        changed.form = other;
        return changed;
    }
};
inline constexpr Result::Form a_pair = Result::Form::pair;
inline constexpr Result::Form a_bound_function = Result::Form::bound_function;

// How a function of many items takes a primitive.
enum class Many : uint8_t { alone, each, lazy, packed };

struct PrimitiveRow {
    const char *name;
    const char *group;
    Result result;
    Parameter parameters[kMaxArity]; // those after the last one have no name
    Many many;
    const char *summary;

    constexpr uint8_t arity() const {
        uint8_t count = 0;
        while (count < kMaxArity && parameters[count].name != nullptr) ++count;
        return count;
    }
};

// A boolean or an integer is its first component; a pair is both.
struct ConstantRow {
    const char *name;
    Type type;
    int32_t first;
    int32_t second = 0;
};

inline constexpr auto kPrimitives = [] {
    using enum Type;
    using R = Result;
    using P = Parameter;
    return std::to_array<PrimitiveRow>({
#define P(type, name) , P(type, #name)
#define FROM_SECOND(first, ...) __VA_ARGS__
#define PRIMITIVE(group, name, result, parameters, many, summary)                                  \
    {#name, #group, result, {FROM_SECOND(0 parameters)}, Many::many, summary},
#include "lang/table.def"
#undef FROM_SECOND
#undef P
    });
}();

inline constexpr ConstantRow kConstants[] = {
#define CONSTANT(name, type, ...) {#name, Type::type, __VA_ARGS__},
#include "lang/table.def"
};

inline constexpr size_t kNumPrimitives = kPrimitives.size();
inline constexpr size_t kNumConstants = sizeof(kConstants) / sizeof(kConstants[0]);

// The arity of each primitive, for the call of one.
inline constexpr std::array<uint8_t, kNumPrimitives> kArities = [] {
    std::array<uint8_t, kNumPrimitives> arities{};
    for (size_t k = 0; k < kNumPrimitives; ++k) arities[k] = kPrimitives[k].arity();
    return arities;
}();

inline const PrimitiveRow &row_of(Opcode opcode) {
    return kPrimitives[static_cast<size_t>(opcode)];
}

const char *type_name(Type type);

// What a name of the language stands for.
struct Name {
    enum class Kind : uint8_t { unknown, primitive, constant } kind;
    uint8_t index; // into kPrimitives or kConstants
};

Name find_name(std::string_view text);

} // namespace codeit
