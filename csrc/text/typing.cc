#include "text/typing.h"

#include <algorithm>
#include <cassert>
#include <vector>

namespace codeit::text {
namespace {

// Whether a parameter that calls functions so takes one of that arity.
bool is_callable(CalledWith calls, unsigned arity) {
    return calls == CalledWith{} || calls.fits(arity);
}

uint8_t kind_of_function(unsigned arity) {
    return static_cast<uint8_t>(kFunctionKind + arity);
}

// What a class takes: a type, some types besides, and of functions those that may be called so.
struct Wanted {
    Type type;
    CalledWith calls;
    uint32_t also;

    bool operator==(const Wanted &) const = default;
};

Wanted wanted_by(const Parameter &parameter) {
    Wanted wanted = {parameter.taken, {}, parameter.also_taken};
    if (parameter.taken == Type::Callable) wanted.calls = parameter.calls;
    // A truth value is a number.
    if (parameter.taken == Type::Numerical) wanted.also |= bit_of(Type::Boolean);
    return wanted;
}

uint8_t kind_of_result(const PrimitiveRow &row) {
    switch (row.result.form) {
    case Result::Form::pair:
        return kPairKind;
    case Result::Form::bound_function:
        return kBoundKind;
    case Result::Form::plain:
        break;
    }
    Type given = row.result.given;
    return given == Type::Callable ? kind_of_function(1) : static_cast<uint8_t>(given);
}

} // namespace

uint8_t Typing::add_class(Type type, CalledWith calls, uint32_t also) {
    assert(num_classes < kMaxClasses);
    auto takes = [&](Type given) { return (also >> static_cast<unsigned>(given) & 1) != 0; };
    size_t number = num_classes++;
    for (unsigned k = 0; k < kNumFixed; ++k) {
        uint8_t kind = kinds_of_fixed[k];
        Type given = k < kNumPrimitives ? Type::Callable : static_cast<Type>(kind);
        bool is_right = k >= kNumPrimitives || is_callable(calls, arity_of_kind(kind));
        if (is_right && (accepts(type, given) || takes(given))) fixed[number].add(k);
    }
    for (unsigned kind = 0; kind < kNumKinds; ++kind) {
        bool is_function = kind > kFunctionKind;
        Type given = is_function ? Type::Callable : static_cast<Type>(kind);
        unsigned known = arity_of_kind(static_cast<uint8_t>(kind));
        bool is_right = !is_function || is_callable(calls, known);
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
    any_class = add_class(Type::Any, {}, 0);
    function_class = add_class(is_typed ? Type::Callable : Type::Any, {}, 0);
    fixed[function_class] = {};
    // The function class is no parameter's.
    std::vector<Wanted> known = {{Type::Any, {}, 0}, {Type::Callable, {}, UINT32_MAX}};
    for (unsigned f = 0; f < kNumPrimitives; ++f) {
        const PrimitiveRow &row = kPrimitives[f];
        functions.add(f);
        if (is_typed) kinds_of_calls[f] = kind_of_result(row);
        if (!is_typed || may_accept(Type::Grid, row.result.declared)) output_functions.add(f);
        for (unsigned k = 0; is_typed && k < kArities[f]; ++k) {
            const Wanted wanted = wanted_by(row.parameters[k]);
            auto at = std::find(known.begin(), known.end(), wanted);
            class_of[f][k] = static_cast<uint8_t>(at - known.begin());
            if (at == known.end()) {
                known.push_back(wanted);
                add_class(wanted.type, wanted.calls, wanted.also);
            }
        }
    }
}

} // namespace codeit::text
