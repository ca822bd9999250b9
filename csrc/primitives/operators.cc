#include "primitives/operators.h"

#include "core/sequence.h"
#include "core/set_algebra.h"

namespace codeit {
namespace {

Outcome joined(Machine &m, const Value &a, const Value &b, Value *out) {
    Items first;
    Items second;
    TRY(items_of(m, a, &first));
    TRY(items_of(m, b, &second));
    Value *items;
    TRY(m.allocate(first.size + second.size, &items));
    for (size_t k = 0; k < first.size; ++k) items[k] = first[k];
    for (size_t k = 0; k < second.size; ++k) items[first.size + k] = second[k];
    *out = tuple_of(items, first.size + second.size);
    return Outcome::ok;
}

Outcome repeated(Machine &m, const Value &tuple, int64_t count, Value *out) {
    Items items;
    TRY(items_of(m, tuple, &items));
    if (count <= 0 || items.size == 0) {
        *out = tuple_of(nullptr, 0);
        return Outcome::ok;
    }
    uint64_t total;
    if (__builtin_mul_overflow(static_cast<uint64_t>(count), uint64_t{items.size}, &total)) {
        return Outcome::out_of_memory;
    }
    TRY(m.charge(total));
    Value *copies;
    TRY(m.allocate(total, &copies));
    for (uint64_t k = 0; k < total; k += items.size) {
        std::copy(items.begin(), items.end(), copies + k);
    }
    *out = tuple_of(copies, total);
    return Outcome::ok;
}

} // namespace

Outcome plus_others(Machine &m, const Value &a, const Value &b, Value *out) {
    return a.is_tuple() && b.is_tuple() ? joined(m, a, b, out) : Outcome::type_error;
}

Outcome minus_others(Machine &m, const Value &a, const Value &b, Value *out) {
    return a.is_set() && b.is_set() ? set_difference(m, a.set, b.set, out) : Outcome::type_error;
}

Outcome times(Machine &m, const Value &a, const Value &b, Value *out) {
    if (a.is_tuple() && b.is_int()) return repeated(m, a, b.integer, out);
    if (a.is_int() && b.is_tuple()) return repeated(m, b, a.integer, out);
    if (!a.is_int() || !b.is_int()) return Outcome::type_error;
    int64_t product;
    TRY(checked_multiply(a.integer, b.integer, &product));
    *out = Value::of_int(product);
    return Outcome::ok;
}

Outcome floor_divided(Machine &, const Value &a, const Value &b, Value *out) {
    if (!a.is_int() || !b.is_int()) return Outcome::type_error;
    int64_t quotient;
    TRY(checked_divide(a.integer, b.integer, &quotient));
    *out = Value::of_int(quotient);
    return Outcome::ok;
}

} // namespace codeit
