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

enum class Opcode : uint8_t {
#define PRIMITIVE(group, name, returns, parameters, summary) op_##name,
#include "lang/table.def"
};

inline constexpr size_t kMaxArity = 4;

struct Parameter {
    Type type;
    const char *name;
};

struct PrimitiveRow {
    const char *name;
    const char *group;
    Type returns;
    Parameter parameters[kMaxArity]; // those after the last one have no name
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

inline constexpr PrimitiveRow kPrimitives[] = {
#define P(type, name) {Type::type, #name},
#define PRIMITIVE(group, name, returns, parameters, summary)                                       \
    {#name, #group, Type::returns, {parameters}, summary},
#include "lang/table.def"
#undef P
};

inline constexpr ConstantRow kConstants[] = {
#define CONSTANT(name, type, ...) {#name, Type::type, __VA_ARGS__},
#include "lang/table.def"
};

inline constexpr size_t kNumPrimitives = sizeof(kPrimitives) / sizeof(kPrimitives[0]);
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
