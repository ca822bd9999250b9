// What is known of a name of the language: the columns of table.def, whose head says what they
// mean.
#pragma once

#include <cstddef>
#include <cstdint>

namespace codeit {

// What runs programs. The language hands it on without knowing more of it.
class Machine;
struct Value;
enum class [[nodiscard]] Outcome : uint8_t;
class Block;
struct Series;
struct ForeignFunction;

// The body of a primitive: arguments as many as its row has parameters, *out apart from them.
using Body = Outcome (*)(Machine &m, const Value *args, Value *out);
// The same for many items at once (primitives/steps.h).
using Step = bool (*)(Block &block, const Series *args, Series *out);

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

const char *type_name(Type type);

// The number of a primitive among the names of its language.
enum class Opcode : uint16_t {};

inline constexpr size_t kMaxArity = 4;

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
    const char *name = nullptr;
    const char *group = nullptr;
    Result result = Type::Any;
    Parameter parameters[kMaxArity]; // those after the last one have no name
    Many many = Many::alone;
    const char *summary = nullptr;

    constexpr uint8_t arity() const {
        uint8_t count = 0;
        while (count < kMaxArity && parameters[count].name != nullptr) ++count;
        return count;
    }
};

// A boolean or an integer is its first component; a pair is both.
struct ConstantRow {
    const char *name = nullptr;
    Type type = Type::Any;
    int32_t first = 0;
    int32_t second = 0;
};

// A primitive or a constant; a primitive has a body where programs are to be run.
struct NameRow {
    bool is_primitive;
    PrimitiveRow primitive{};
    ConstantRow constant{};
    const char *like = nullptr; // the standard primitive whose body it has; nullptr: its own
    const ForeignFunction *foreign =
        nullptr; // what its body calls, where that is no part of codeit
    Body body = nullptr;
    Step step = nullptr; // nullptr where it is none of its own

    const char *name() const { return is_primitive ? primitive.name : constant.name; }
};

} // namespace codeit
