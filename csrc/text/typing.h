// What may stand where in a call. Positions are sorted into classes, variables into kinds; a table
// says which kinds and which other terms a class takes. Without types there is one class, and it
// takes everything.
#pragma once

#include "lang/types.h"
#include "text/term.h"

namespace codeit::text {

inline constexpr unsigned kMaxClasses = 24;

// A variable's kind: the type that its primitive is declared to return, or a function whose arity
// is known.
inline constexpr uint8_t kAnyKind = static_cast<uint8_t>(Type::Any);
inline constexpr uint8_t kFunctionKind = static_cast<uint8_t>(Type::Callable); // of any arity
inline constexpr uint8_t kBoundKind = UINT8_MAX;    // a function of one argument less than another
inline constexpr uint8_t kPairKind = UINT8_MAX - 1; // two numbers, or a container of two others
inline constexpr unsigned kNumKinds = kFunctionKind + 1 + kMaxArity;

// 0 where a variable of that kind may be called with any number of arguments.
inline unsigned arity_of_kind(uint8_t kind) {
    return kind > kFunctionKind ? kind - kFunctionKind : 0;
}

struct Typing {
    explicit Typing(bool is_typed);

    bool is_typed;
    unsigned num_classes = 0;
    uint8_t any_class;      // an argument of a variable's call
    uint8_t function_class; // a variable in the place of a function; the class has no fixed terms
    std::array<std::array<uint8_t, kMaxArity>, kNumPrimitives> class_of{};
    std::array<FixedSet, kMaxClasses> fixed{}; // what a class takes, but for variables
    std::array<uint32_t, kMaxClasses> kinds{}; // a bit for each kind of variables that it takes
    FixedSet functions;                        // the primitives
    FixedSet output_functions;                 // those that may return a grid

    std::array<uint8_t, kFirstVariable> kinds_of_fixed{};
    std::array<uint8_t, kNumPrimitives> kinds_of_calls{}; // or kBoundKind, kPairKind

    // What a call returns; `kind_of_first` is that of its first argument.
    uint8_t kind_of_call(Term function, uint8_t kind_of_first) const {
        uint8_t kind = function < kNumPrimitives ? kinds_of_calls[function] : kAnyKind;
        if (kind == kPairKind) {
            bool is_number = kind_of_first == static_cast<uint8_t>(Type::Integer) ||
                             kind_of_first == static_cast<uint8_t>(Type::Numerical);
            return static_cast<uint8_t>(is_number ? Type::IntegerTuple : Type::Container);
        }
        if (kind != kBoundKind) return kind;
        return kind_of_first > kFunctionKind ? kind_of_first - 1 : kFunctionKind;
    }

  private:
    uint8_t add_class(Type type, CalledWith calls, uint32_t also);
};

} // namespace codeit::text
