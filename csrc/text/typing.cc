#include "text/typing.h"

#include <algorithm>
#include <stdexcept>

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

void Typing::add_class(const Language &language, Type type, CalledWith calls, uint32_t also) {
    auto takes = [&](Type given) { return (also & bit_of(given)) != 0; };
    fixed.add_row();
    Words terms = fixed[num_classes++];
    for (unsigned k = 0; k <= num_names; ++k) {
        const bool is_primitive = language.is_primitive(k);
        Type given = is_primitive ? Type::Callable : static_cast<Type>(kinds_of_fixed[k]);
        bool is_right = !is_primitive || is_callable(calls, arities[k]);
        if (is_right && (accepts(type, given) || takes(given))) add(terms, k);
    }
    uint32_t taken = 0;
    for (unsigned kind = 0; kind < kNumKinds; ++kind) {
        bool is_function = kind > kFunctionKind;
        Type given = is_function ? Type::Callable : static_cast<Type>(kind);
        unsigned known = arity_of_kind(static_cast<uint8_t>(kind));
        bool is_right = !is_function || is_callable(calls, known);
        if (is_right && (may_accept(type, given) || takes(given))) taken |= uint32_t{1} << kind;
    }
    kinds.push_back(taken);
}

Typing::Typing(const Language &language, bool is_typed)
    : is_typed(is_typed), num_names(static_cast<unsigned>(language.num_names())),
      fixed(0, num_words_for(num_names + 1)), functions(1, fixed.num_words()),
      output_functions(1, fixed.num_words()), class_of(num_names), kinds_of_calls(num_names),
      arities(num_names), kinds_of_fixed(fixed.num_words() * 64) {
    for (unsigned k : language.primitives()) {
        arities[k] = static_cast<uint8_t>(language.arity_of(k));
        kinds_of_fixed[k] = kind_of_function(arities[k]);
    }
    for (unsigned k : language.constants()) {
        kinds_of_fixed[k] = static_cast<uint8_t>(language.constant(k).type);
    }
    kinds_of_fixed[num_names] = static_cast<uint8_t>(Type::Grid); // of I
    any_class = 0;
    add_class(language, Type::Any, {}, 0);
    function_class = 1;
    add_class(language, is_typed ? Type::Callable : Type::Any, {}, 0);
    std::ranges::fill(fixed[function_class], 0);
    // The function class is no parameter's.
    std::vector<Wanted> known = {{Type::Any, {}, 0}, {Type::Callable, {}, UINT32_MAX}};
    for (unsigned f : language.primitives()) {
        const PrimitiveRow &row = language.row(f).primitive;
        add(functions[0], f);
        if (is_typed) kinds_of_calls[f] = kind_of_result(row);
        if (!is_typed || may_accept(Type::Grid, row.result.declared)) add(output_functions[0], f);
        for (unsigned k = 0; is_typed && k < arities[f]; ++k) {
            const Wanted wanted = wanted_by(row.parameters[k]);
            auto at = std::find(known.begin(), known.end(), wanted);
            if (at == known.end()) {
                if (num_classes > UINT8_MAX)
                    throw std::length_error("too many kinds of parameters");
                at = known.insert(at, wanted);
                add_class(language, wanted.type, wanted.calls, wanted.also);
            }
            class_of[f][k] = static_cast<uint8_t>(at - known.begin());
        }
    }
}

} // namespace codeit::text
