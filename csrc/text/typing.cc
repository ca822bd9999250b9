#include "text/typing.h"

#include <algorithm>
#include <cassert>
#include <vector>

namespace codeit::text {
namespace {

// Arities that a class of functions asks for, beside 1 and 2.
constexpr unsigned kAnyArity = 0;
constexpr unsigned kTwoOrMore = kMaxArity + 1;
constexpr unsigned kNoParameter = kMaxArity + 2; // the function class's, which no parameter has

bool is_arity_wanted(unsigned wanted, unsigned arity) {
    return wanted == kAnyArity || (wanted == kTwoOrMore ? arity >= 2 : arity == wanted);
}

bool is_binding(Opcode opcode) {
    return opcode == Opcode::op_rbind || opcode == Opcode::op_lbind;
}

uint8_t kind_of_function(unsigned arity) {
    return static_cast<uint8_t>(kFunctionKind + arity);
}

// The table has the declared types of the original, which say less than its functions do in a few
// places; programs rely on the rest.

// What a parameter takes: its type, functions of an arity, and some types besides.
struct Parameter {
    Type type;
    unsigned arity;
    uint32_t also; // bits of types

    bool operator==(const Parameter &) const = default;
};

constexpr uint32_t bit(Type type) {
    return uint32_t{1} << static_cast<unsigned>(type);
}

Parameter parameter_of(Opcode opcode, unsigned k) {
    const Type declared = row_of(opcode).parameters[k].type;
    Parameter p{declared, arity_wanted(opcode, k), 0};
    if (is_binding(opcode) && k == 0) p.arity = kTwoOrMore;
    // A truth value is a number.
    if (declared == Type::Numerical) p.also = bit(Type::Boolean);
    switch (opcode) {
    case Opcode::op_astuple:
        return {Type::Any, kAnyArity, 0}; // a pair of any two values
    case Opcode::op_mapply:
        if (k == 1) p.type = Type::Container; // the function is called with its items
        break;
    case Opcode::op_maximum:
    case Opcode::op_minimum:
        p.also = bit(Type::IntegerTuple);
        break;
    case Opcode::op_fill:
    case Opcode::op_underfill:
    case Opcode::op_paint:
    case Opcode::op_underpaint:
        // A patch need not be a set.
        if (p.type == Type::Patch || p.type == Type::Object) {
            p.also = bit(Type::Tuple) | bit(Type::TupleTuple);
        }
        break;
    default:
        break;
    }
    return p;
}

uint8_t kind_of_result(Opcode opcode) {
    switch (opcode) {
    case Opcode::op_numcolors: // a number, whatever is declared
        return static_cast<uint8_t>(Type::Integer);
    case Opcode::op_valmax: // what the function returns
    case Opcode::op_valmin:
        return kAnyKind;
    case Opcode::op_astuple:
        return kPairKind;
    default:
        break;
    }
    Type returns = row_of(opcode).returns;
    if (returns != Type::Callable) return static_cast<uint8_t>(returns);
    return is_binding(opcode) ? kBoundKind : kind_of_function(1);
}

} // namespace

uint8_t Typing::add_class(Type type, unsigned arity, uint32_t also) {
    assert(num_classes < kMaxClasses);
    auto takes = [&](Type given) { return (also >> static_cast<unsigned>(given) & 1) != 0; };
    size_t number = num_classes++;
    for (unsigned k = 0; k < kNumFixed; ++k) {
        uint8_t kind = kinds_of_fixed[k];
        Type given = k < kNumPrimitives ? Type::Callable : static_cast<Type>(kind);
        bool is_right = k >= kNumPrimitives || is_arity_wanted(arity, arity_of_kind(kind));
        if (is_right && (accepts(type, given) || takes(given))) fixed[number].add(k);
    }
    for (unsigned kind = 0; kind < kNumKinds; ++kind) {
        bool is_function = kind > kFunctionKind;
        Type given = is_function ? Type::Callable : static_cast<Type>(kind);
        unsigned known = arity_of_kind(static_cast<uint8_t>(kind));
        bool is_right = !is_function || is_arity_wanted(arity, known);
        if (is_right && (may_accept(type, given) || takes(given))) {
            kinds[number] |= uint32_t{1} << kind;
        }
    }
    return static_cast<uint8_t>(number);
}

Typing::Typing(bool is_typed) : is_typed(is_typed) {
    for (unsigned k = 0; k < kNumPrimitives; ++k) kinds_of_fixed[k] = kind_of_function(kArities[k]);
    for (unsigned k = 0; k < kNumConstants; ++k) {
        kinds_of_fixed[kNumPrimitives + k] = static_cast<uint8_t>(kConstants[k].type);
    }
    kinds_of_fixed[kInput] = static_cast<uint8_t>(Type::Grid);
    any_class = add_class(Type::Any, kAnyArity, 0);
    function_class = add_class(is_typed ? Type::Callable : Type::Any, kAnyArity, 0);
    fixed[function_class] = {};
    std::vector<Parameter> known = {{Type::Any, kAnyArity, 0}, {Type::Callable, kNoParameter, 0}};
    for (unsigned f = 0; f < kNumPrimitives; ++f) {
        auto opcode = static_cast<Opcode>(f);
        functions.add(f);
        if (is_typed) kinds_of_calls[f] = kind_of_result(opcode);
        if (!is_typed || may_accept(Type::Grid, kPrimitives[f].returns)) output_functions.add(f);
        for (unsigned k = 0; is_typed && k < kArities[f]; ++k) {
            const Parameter parameter = parameter_of(opcode, k);
            auto at = std::find(known.begin(), known.end(), parameter);
            class_of[f][k] = static_cast<uint8_t>(at - known.begin());
            if (at == known.end()) {
                known.push_back(parameter);
                add_class(parameter.type, parameter.arity, parameter.also);
            }
        }
    }
}

} // namespace codeit::text
