// Python's binary operators on the values of the language, leaks included: `+` joins tuples, `*`
// repeats them, `-` and `&` work on sets.
#pragma once

#include "core/machine.h"

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

// The number of integers in [first, last], as a range with its end included.
inline Outcome count_range(int64_t first, int64_t last, uint64_t *out) {
    *out = last < first ? 0 : static_cast<uint64_t>(last) - static_cast<uint64_t>(first) + 1;
    bool is_whole_range = last >= first && *out == 0;
    return is_whole_range ? Outcome::out_of_memory : Outcome::ok;
}

// Division rounded towards minus infinity, and its remainder, which has the divisor's sign.
inline int64_t floor_quotient(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
inline int64_t floor_remainder(int64_t a, int64_t b) {
    int64_t remainder = b == -1 ? 0 : a % b;
    return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

} // namespace codeit
