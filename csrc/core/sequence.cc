#include "core/sequence.h"

#include "core/grid.h"
#include "core/set.h"

#include <algorithm>

namespace codeit {

// In this file, as it makes no set (core/set.h).
constinit const Set kEmptySet{Set::Empty{}};

Outcome make_int_pair(Machine &m, int64_t a, int64_t b, Value *out) {
    if (fits_int32(a) && fits_int32(b)) {
        *out = Value::pair(static_cast<int32_t>(a), static_cast<int32_t>(b));
        return Outcome::ok;
    }
    return make_pair(m, Value::of_int(a), Value::of_int(b), out);
}

Outcome length_of(const Value &v, size_t *out) {
    switch (v.kind) {
    case Kind::pair:
    case Kind::cell:
        *out = 2;
        return Outcome::ok;
    case Kind::tuple:
        *out = v.size;
        return Outcome::ok;
    case Kind::grid:
        *out = static_cast<size_t>(v.grid->height);
        return Outcome::ok;
    case Kind::set:
        *out = v.set->size;
        return Outcome::ok;
    case Kind::joined:
        *out = v.joined->size;
        return Outcome::ok;
    default:
        return Outcome::type_error;
    }
}

Outcome items_of(Machine &m, const Value &v, Items *out) {
    switch (v.kind) {
    case Kind::pair:
    case Kind::cell: {
        Value *items;
        TRY(m.charge(2));
        TRY(m.allocate(2, &items));
        if (v.kind == Kind::pair) {
            items[0] = Value::of_int(v.i);
            items[1] = Value::of_int(v.j);
        } else {
            items[0] = Value::of_int(v.color);
            items[1] = Value::pair(v.i, v.j);
        }
        *out = {items, 2};
        return Outcome::ok;
    }
    case Kind::tuple:
        TRY(m.charge(v.size));
        *out = {v.items, v.size};
        return Outcome::ok;
    case Kind::grid: {
        size_t height = static_cast<size_t>(v.grid->height);
        Value *rows;
        TRY(m.charge(height));
        TRY(m.allocate(height, &rows));
        for (size_t i = 0; i < height; ++i) {
            TRY(grid_row(m, *v.grid, static_cast<int64_t>(i), &rows[i]));
        }
        *out = {rows, height};
        return Outcome::ok;
    }
    case Kind::set:
        TRY(m.charge(v.set->size));
        TRY(ordered(m, v.set, &out->data));
        out->size = v.set->size;
        return Outcome::ok;
    default:
        return Outcome::type_error;
    }
}

// The number of items is wrong before any of them is looked at (language.md 3.10).
Outcome unpack_any(Machine &m, const Value &v, Value *a, Value *b) {
    size_t size;
    TRY(length_of(v, &size));
    if (size != 2) return Outcome::value_error;
    Items items;
    TRY(items_of(m, v, &items));
    *a = items[0];
    *b = items[1];
    return Outcome::ok;
}

Outcome unpack_cell(Machine &m, const Value &v, Value *color, Value *i, Value *j) {
    if (v.kind == Kind::cell) {
        *color = Value::of_int(v.color);
        *i = Value::of_int(v.i);
        *j = Value::of_int(v.j);
        return Outcome::ok;
    }
    Value place;
    TRY(unpack(m, v, color, &place));
    return unpack(m, place, i, j);
}

Outcome first_of(Machine &m, const Value &v, Value *out) {
    size_t size;
    TRY(length_of(v, &size));
    if (size == 0) return Outcome::stop_iteration;
    // The order of a set with one element is known without a table (`ordered`).
    if (v.kind == Kind::set) {
        const Value *items;
        TRY(ordered(m, v.set, &items));
        *out = items[0];
        return Outcome::ok;
    }
    return item_at(m, v, 0, out);
}

Outcome item_of_any(Machine &m, const Value &v, int64_t k, Value *out) {
    if (!v.is_tuple()) return Outcome::type_error;
    size_t size = 0;
    TRY(length_of(v, &size));
    if (k < 0) k += static_cast<int64_t>(size);
    if (k < 0 || k >= static_cast<int64_t>(size)) return Outcome::index_error;
    switch (v.kind) {
    case Kind::pair:
        *out = Value::of_int(k == 0 ? v.i : v.j);
        return Outcome::ok;
    case Kind::cell:
        *out = k == 0 ? Value::of_int(v.color) : Value::pair(v.i, v.j);
        return Outcome::ok;
    case Kind::grid:
        return grid_row(m, *v.grid, k, out);
    default:
        *out = v.items[k];
        return Outcome::ok;
    }
}

Outcome item_at(Machine &m, const Value &v, const Value &k, Value *out) {
    if (!v.is_tuple() || !k.is_int()) return Outcome::type_error;
    return item_at(m, v, k.integer, out);
}

Outcome slice(Machine &m, const Value &v, Wide from, Wide to, Value *out) {
    if (!v.is_tuple()) return Outcome::type_error;
    size_t length = 0;
    TRY(length_of(v, &length));
    int64_t size = static_cast<int64_t>(length);
    if (from < 0) from += size;
    if (to < 0) to += size;
    // An end before the beginning makes an empty slice; so it is clamped to that.
    const auto begin = static_cast<int64_t>(std::clamp<Wide>(from, 0, size));
    const auto end = static_cast<int64_t>(std::clamp<Wide>(to, begin, size));
    if (v.kind == Kind::grid) { // whose rows stay where they are
        if (begin == end) {
            *out = tuple_of(nullptr, 0);
            return Outcome::ok;
        }
        return grid_part(m, *v.grid, begin, 0, end - begin, v.grid->width, out);
    }
    Items items;
    TRY(items_of(m, v, &items));
    *out = tuple_of(items.data + begin, static_cast<size_t>(end - begin));
    return Outcome::ok;
}

Outcome reversed(Machine &m, const Value &v, Value *out) {
    if (!v.is_tuple()) return Outcome::type_error;
    Items items;
    TRY(items_of(m, v, &items));
    Value *copy;
    TRY(m.allocate(items.size, &copy));
    std::reverse_copy(items.begin(), items.end(), copy);
    *out = tuple_of(copy, items.size);
    return Outcome::ok;
}

Outcome ValueList::grow(size_t at_least) {
    size_t capacity = std::max<size_t>({at_least, capacity_ * 2, 8});
    Value *data;
    TRY(m_.allocate(capacity, &data));
    if (size_ != 0) std::memcpy(static_cast<void *>(data), data_, size_ * sizeof(Value));
    data_ = data;
    capacity_ = capacity;
    return Outcome::ok;
}

} // namespace codeit
