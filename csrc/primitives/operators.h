// Python's binary operators on the values of the language, leaks included (language.md 3.4): `+`
// joins tuples, `*` repeats them, `-` and `&` work on sets.
//
// Results are ints of 64 bits or fail with integer_overflow. Where a primitive adds up more than
// one step before it returns something, it does so with Addend, and narrows what it returns
// (language.md 2.3).
#pragma once

#include "core/machine.h"
#include "core/wide.h"

namespace codeit {

Outcome plus_others(Machine &m, const Value &a, const Value &b, Value *out); // not both ints
Outcome minus_others(Machine &m, const Value &a, const Value &b, Value *out);
Outcome times(Machine &m, const Value &a, const Value &b, Value *out);
Outcome floor_divided(Machine &m, const Value &a, const Value &b, Value *out);

// Integer arithmetic that ends in integer_overflow instead of wrapping.
inline Outcome checked_add(int64_t a, int64_t b, int64_t *out) {
    return __builtin_add_overflow(a, b, out) ? Outcome::integer_overflow : Outcome::ok;
}
inline Outcome checked_subtract(int64_t a, int64_t b, int64_t *out) {
    return __builtin_sub_overflow(a, b, out) ? Outcome::integer_overflow : Outcome::ok;
}
inline Outcome checked_multiply(int64_t a, int64_t b, int64_t *out) {
    return __builtin_mul_overflow(a, b, out) ? Outcome::integer_overflow : Outcome::ok;
}

// Division rounded towards minus infinity, and its remainder, which has the divisor's sign.
inline int64_t floor_quotient(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
inline int64_t floor_remainder(int64_t a, int64_t b) {
    int64_t remainder = b == -1 ? 0 : a % b;
    return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}
inline Outcome checked_divide(int64_t a, int64_t b, int64_t *out) {
    if (b == 0) return Outcome::zero_division;
    if (a == INT64_MIN && b == -1) return Outcome::integer_overflow;
    *out = floor_quotient(a, b);
    return Outcome::ok;
}

inline Outcome plus(Machine &m, const Value &a, const Value &b, Value *out) {
    if (!a.is_int() || !b.is_int()) return plus_others(m, a, b, out);
    int64_t sum;
    TRY(checked_add(a.integer, b.integer, &sum));
    *out = Value::of_int(sum);
    return Outcome::ok;
}
inline Outcome minus(Machine &m, const Value &a, const Value &b, Value *out) {
    if (!a.is_int() || !b.is_int()) return minus_others(m, a, b, out);
    int64_t difference;
    TRY(checked_subtract(a.integer, b.integer, &difference));
    *out = Value::of_int(difference);
    return Outcome::ok;
}

// What a primitive adds up on its way to a result: an int of any size, or another value, with which
// Python's operators do what they do with values. Only what comes of it in the end must be in 64
// bits.
struct Addend {
    Wide number = 0; // where is_int
    Value value;     // where not
    bool is_int = true;

    Addend() = default;
    Addend(Wide n) : number(n) {}
    Addend(const Value &v) : number(v.is_int() ? v.integer : 0), value(v), is_int(v.is_int()) {}
};

inline Outcome plus(Machine &m, const Addend &a, const Addend &b, Addend *out) {
    if (!a.is_int && !b.is_int) {
        out->is_int = false;
        return plus_others(m, a.value, b.value, &out->value);
    }
    if (!a.is_int || !b.is_int) return Outcome::type_error;
    *out = a.number + b.number;
    return Outcome::ok;
}
inline Outcome minus(Machine &m, const Addend &a, const Addend &b, Addend *out) {
    if (!a.is_int && !b.is_int) {
        out->is_int = false;
        return minus_others(m, a.value, b.value, &out->value);
    }
    if (!a.is_int || !b.is_int) return Outcome::type_error;
    *out = a.number - b.number;
    return Outcome::ok;
}

inline Outcome narrowed(const Addend &a, Value *out) {
    *out = a.is_int ? Value::of_int(static_cast<int64_t>(a.number)) : a.value;
    return !a.is_int || fits_int64(a.number) ? Outcome::ok : Outcome::integer_overflow;
}
// Both of a pair, after all that could fail in CPython has been done.
inline Outcome narrowed(const Addend &a, const Addend &b, Value *first, Value *second) {
    Outcome outcome = narrowed(a, first);
    TRY(narrowed(b, second));
    return outcome;
}

} // namespace codeit
