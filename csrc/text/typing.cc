#include "text/typing.h"

#include <algorithm>
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

uint8_t kind_of_result(Opcode opcode) {
    Type returns = row_of(opcode).returns;
    if (returns != Type::Callable) return static_cast<uint8_t>(returns);
    return is_binding(opcode) ? kBoundKind : kind_of_function(1);
}

} // namespace

uint8_t Typing::add_class(Type type, unsigned arity) {
    size_t number = num_classes++;
    for (unsigned k = 0; k < kNumFixed; ++k) {
        uint8_t kind = kinds_of_fixed[k];
        Type given = k < kNumPrimitives ? Type::Callable : static_cast<Type>(kind);
        bool is_right = k >= kNumPrimitives || is_arity_wanted(arity, arity_of_kind(kind));
        if (is_right && accepts(type, given)) fixed[number].add(k);
    }
    for (unsigned kind = 0; kind < kNumKinds; ++kind) {
        bool is_function = kind > kFunctionKind;
        Type given = is_function ? Type::Callable : static_cast<Type>(kind);
        unsigned known = arity_of_kind(static_cast<uint8_t>(kind));
        bool is_right = !is_function || is_arity_wanted(arity, known);
        if (is_right && may_accept(type, given)) kinds[number] |= uint32_t{1} << kind;
    }
    return static_cast<uint8_t>(number);
}

Typing::Typing(bool is_typed) : is_typed(is_typed) {
    for (unsigned k = 0; k < kNumPrimitives; ++k) kinds_of_fixed[k] = kind_of_function(kArities[k]);
    for (unsigned k = 0; k < kNumConstants; ++k) {
        kinds_of_fixed[kNumPrimitives + k] = static_cast<uint8_t>(kConstants[k].type);
    }
    kinds_of_fixed[kInput] = static_cast<uint8_t>(Type::Grid);
    any_class = add_class(Type::Any, kAnyArity);
    function_class = add_class(is_typed ? Type::Callable : Type::Any, kAnyArity);
    fixed[function_class] = {};
    struct Key {
        Type type;
        unsigned arity;
        bool operator==(const Key &) const = default;
    };
    std::vector<Key> keys = {{Type::Any, kAnyArity}, {Type::Callable, kNoParameter}};
    for (unsigned f = 0; f < kNumPrimitives; ++f) {
        auto opcode = static_cast<Opcode>(f);
        functions.add(f);
        if (is_typed) kinds_of_calls[f] = kind_of_result(opcode);
        if (!is_typed || may_accept(Type::Grid, kPrimitives[f].returns)) output_functions.add(f);
        for (unsigned k = 0; is_typed && k < kArities[f]; ++k) {
            bool is_bound = is_binding(opcode) && k == 0;
            Key key = {kPrimitives[f].parameters[k].type,
                       is_bound ? kTwoOrMore : arity_wanted(opcode, k)};
            auto known = std::find(keys.begin(), keys.end(), key);
            class_of[f][k] = static_cast<uint8_t>(known - keys.begin());
            if (known == keys.end()) {
                keys.push_back(key);
                add_class(key.type, key.arity);
            }
        }
    }
}

} // namespace codeit::text
