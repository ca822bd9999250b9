// Python's binary operators on the values of the language, leaks included: `+` joins tuples, `*`
// repeats them, `-` and `&` work on sets.
#pragma once

#include "core/machine.h"

namespace codeit {

Outcome plus(Machine &m, const Value &a, const Value &b, Value *out);
Outcome minus(Machine &m, const Value &a, const Value &b, Value *out);
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
