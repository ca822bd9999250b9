// What may stand where in a call. Positions are sorted into classes, variables into kinds; a table
// says which kinds and which other terms a class takes. Without types there is one class, and it
// takes everything.
#pragma once

#include "lang/types.h"
#include "text/term.h"

namespace codeit::text {

// A variable's kind: the type that its primitive is declared to return, or a function whose arity
// is known.
inline constexpr uint8_t kAnyKind = static_cast<uint8_t>(Type::Any);
inline constexpr uint8_t kFunctionKind = static_cast<uint8_t>(Type::Callable); // of any arity
inline constexpr uint8_t kBoundKind = UINT8_MAX;    // a function of one argument less than another
inline constexpr uint8_t kPairKind = UINT8_MAX - 1; // two numbers, or a container of two others
inline constexpr unsigned kNumKinds = kFunctionKind + 1 + kMaxArity;
static_assert(kNumKinds <= 32);

// 0 where a variable of that kind may be called with any number of arguments.
inline unsigned arity_of_kind(uint8_t kind) {
    return kind > kFunctionKind ? kind - kFunctionKind : 0;
}

struct Typing {
    Typing() = default;
    Typing(const Language &language, bool is_typed);

    bool is_typed = false;
    unsigned num_names = 0;
    unsigned num_classes = 0;
    uint8_t any_class = 0;       // an argument of a variable's call
    uint8_t function_class = 0;  // a variable in the place of a function; it has no fixed terms
    WordTable fixed;             // by class, the fixed terms that it takes
    std::vector<uint32_t> kinds; // by class, a bit for each kind of variables that it takes
    WordTable functions;         // one row: the primitives
    WordTable output_functions;  // one row: those that may return a grid

    // By name; what is not a primitive's is 0.
    std::vector<std::array<uint8_t, kMaxArity>> class_of; // of each parameter
    std::vector<uint8_t> kinds_of_calls;                  // or kBoundKind, kPairKind
    std::vector<uint8_t> arities;

    std::vector<uint8_t> kinds_of_fixed; // by fixed term, with room for whole words of them

    bool is_name(Term term) const { return term < num_names; }

    // What a call returns; `kind_of_first` is that of its first argument.
    uint8_t kind_of_call(Term function, uint8_t kind_of_first) const {
        uint8_t kind = is_name(function) ? kinds_of_calls[function] : kAnyKind;
        if (kind == kPairKind) {
            bool is_number = kind_of_first == static_cast<uint8_t>(Type::Integer) ||
                             kind_of_first == static_cast<uint8_t>(Type::Numerical);
            return static_cast<uint8_t>(is_number ? Type::IntegerTuple : Type::Container);
        }
        if (kind != kBoundKind) return kind;
        return kind_of_first > kFunctionKind ? kind_of_first - 1 : kFunctionKind;
    }

  private:
    void add_class(const Language &language, Type type, CalledWith calls, uint32_t also);
};

} // namespace codeit::text
