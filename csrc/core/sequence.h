// Values as sequences: length, items, unpacking, indexing and slicing, as CPython does them
// (language.md 3.8 to 3.10).
//
// Tuples are held in four ways (see Value), and these functions hide which: pairs, cells and rows
// of grids have no items in memory, and are given some when all of them are asked for. What all of
// them fail with is CPython's: type_error before a length is looked at, value_error or index_error
// after.
#pragma once

#include "core/machine.h"
#include "core/wide.h"

namespace codeit {

// Items of a tuple in order, or of a set in iteration order.
struct Items {
    const Value *data = nullptr;
    size_t size = 0;

    const Value *begin() const { return data; }
    const Value *end() const { return data + size; }
    const Value &operator[](size_t k) const { return data[k]; }
};

// The tuple of `size` items at `items`, which must outlive the run; a pair or a cell where it is
// one.
inline Value tuple_of(const Value *items, size_t size) {
    if (size == 2 && items[0].kind == Kind::integer && fits_int32(items[0].integer)) {
        if (items[1].kind == Kind::integer && fits_int32(items[1].integer)) {
            return Value::pair(static_cast<int32_t>(items[0].integer),
                               static_cast<int32_t>(items[1].integer));
        }
        if (items[1].kind == Kind::pair) {
            return Value::cell(static_cast<int32_t>(items[0].integer), items[1].i, items[1].j);
        }
    }
    return Value::of_tuple(items, static_cast<uint32_t>(size));
}

// The tuple (a, b) of any two values.
inline Outcome make_pair(Machine &m, const Value &a, const Value &b, Value *out) {
    const Value local[2] = {a, b};
    Value v = tuple_of(local, 2);
    if (v.kind == Kind::tuple) {
        Value *items;
        TRY(m.allocate(2, &items));
        items[0] = local[0];
        items[1] = local[1];
        v.items = items;
    }
    *out = v;
    return Outcome::ok;
}

// The tuple (a, b) of two ints.
Outcome make_int_pair(Machine &m, int64_t a, int64_t b, Value *out);

// The tuple (color, (i, j)).
Outcome make_cell(Machine &m, const Value &color, const Value &place, Value *out);

// len(v); type_error unless v is a tuple or a set.
Outcome length_of(const Value &v, size_t *out);

// All items of v at once, charged for; type_error unless v is a tuple or a set.
Outcome items_of(Machine &m, const Value &v, Items *out);

// a, b = v
Outcome unpack_any(Machine &m, const Value &v, Value *a, Value *b);
inline Outcome unpack(Machine &m, const Value &v, Value *a, Value *b) {
    if (v.kind != Kind::pair && v.kind != Kind::cell) return unpack_any(m, v, a, b);
    *a = Value::of_int(v.kind == Kind::pair ? v.i : v.color);
    *b = v.kind == Kind::pair ? Value::of_int(v.j) : Value::pair(v.i, v.j);
    return Outcome::ok;
}

// color, (i, j) = v
Outcome unpack_cell(Machine &m, const Value &v, Value *color, Value *i, Value *j);

// next(iter(v)); stop_iteration when it is empty.
Outcome first_of(Machine &m, const Value &v, Value *out);

// v[k] with k an index as written in a program: type_error unless v is a tuple, index_error
// outside.
Outcome item_of_any(Machine &m, const Value &v, int64_t k, Value *out);
inline Outcome item_at(Machine &m, const Value &v, int64_t k, Value *out) {
    if (v.kind != Kind::pair || (k != 0 && k != 1)) return item_of_any(m, v, k, out);
    *out = Value::of_int(k == 0 ? v.i : v.j);
    return Outcome::ok;
}
Outcome item_at(Machine &m, const Value &v, const Value &k, Value *out);

// v[begin:end] for bounds already computed; any tuple, bounds clamp as Python's do.
Outcome slice(Machine &m, const Value &v, Wide begin, Wide end, Value *out);

// v[::-1]
Outcome reversed(Machine &m, const Value &v, Value *out);

// A growing list of values; its final storage lives until the run ends. Storage doubles, as the
// arena keeps what is outgrown: together at most as much again.
class ValueList {
  public:
    explicit ValueList(Machine &m) : m_(m) {}

    Outcome reserve(size_t count) { return count > capacity_ ? grow(count) : Outcome::ok; }
    Outcome push(const Value &v) {
        if (size_ == capacity_) TRY(grow(size_ + 1));
        data_[size_++] = v;
        return Outcome::ok;
    }
    size_t size() const { return size_; }
    Value *take() { return data_; } // for an owner that lives as long as the run
    Items items() const { return {data_, size_}; }
    Value as_tuple() const { return tuple_of(data_, size_); }

  private:
    Outcome grow(size_t at_least);

    Machine &m_;
    Value *data_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

} // namespace codeit
