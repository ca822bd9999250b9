#include "core/store.h"

#include "core/packed_table.h"

namespace codeit {

Outcome Store::keep(Machine &m, const Value &v, Value *out) {
    switch (v.kind) {
    case Kind::grid:
        return keep_grid(*v.grid, out);
    case Kind::tuple:
        return keep_tuple(m, v, out);
    case Kind::set:
        return keep_set(m, v.set, out);
    case Kind::function:
        if (v.closure != nullptr) return keep_closure(m, *v.closure, out);
        break;
    case Kind::joined:
    case Kind::unbound:
        return broken_invariant();
    default:
        break;
    }
    *out = v;
    return Outcome::ok;
}

// Of what is read in whole vectors there may be as much behind it as behind memory of the machine.
template <typename T>
Outcome Store::copy(const T *from, size_t count, const T **out) {
    if (from == nullptr || holds(from)) {
        *out = from;
        return Outcome::ok;
    }
    T *to = allocate<T>(count);
    if (to == nullptr) return Outcome::out_of_memory;
    std::memcpy(static_cast<void *>(to), from, count * sizeof(T));
    *out = to;
    return Outcome::ok;
}

Outcome Store::keep_grid(const Grid &grid, Value *out) {
    if (holds(&grid)) {
        *out = Value::of_grid(&grid);
        return Outcome::ok;
    }
    struct alignas(Arena::kAlignment) Header {
        Grid grid;
    };
    const auto num_cells = static_cast<size_t>(grid.num_cells());
    char *room = allocate<char>(sizeof(Header) + num_cells + kSpareCells);
    if (room == nullptr) return Outcome::out_of_memory;
    auto *cells = reinterpret_cast<int8_t *>(room + sizeof(Header));
    copy_cells(grid, cells);
    const Header *kept =
        new (room) Header{{grid.height, grid.width, grid.width, cells, grid.most_common}};
    *out = Value::of_grid(&kept->grid);
    return Outcome::ok;
}

Outcome Store::keep_tuple(Machine &m, const Value &v, Value *out) {
    if (v.size == 0 || holds(v.items)) {
        *out = v.size == 0 ? Value::of_tuple(nullptr, 0) : v;
        return Outcome::ok;
    }
    const Grid *grid;
    TRY(dense_grid(m, v, &grid));
    if (grid != nullptr) return keep_grid(*grid, out);
    NestingScope nesting(m);
    TRY(nesting.outcome());
    Value *items = allocate<Value>(v.size);
    if (items == nullptr) return Outcome::out_of_memory;
    for (uint32_t k = 0; k < v.size; ++k) TRY(keep(m, v.items[k], &items[k]));
    *out = Value::of_tuple(items, v.size);
    return Outcome::ok;
}

Outcome Store::keep_set(Machine &m, Set *set, Value *out) {
    if (holds(set)) {
        *out = Value::of_set(set);
        return Outcome::ok;
    }
    NestingScope nesting(m);
    TRY(nesting.outcome());
    Set *kept = allocate<Set>(1);
    if (kept == nullptr) return Outcome::out_of_memory;
    new (kept) Set();
    kept->size = set->size;
    kept->kinds = set->kinds;
    kept->has_hash = set->has_hash;
    kept->hash = set->hash;
    *out = Value::of_set(kept);
    if (set->size == 0) return Outcome::ok;
    bool is_packed;
    TRY(pack(m, set, &is_packed, true));
    kept->is_unpackable = set->is_unpackable;
    kept->is_sparse = set->is_sparse;
    return is_packed ? keep_patch(m, set, kept) : keep_elements(m, set, kept);
}

// Bits, colors and the table in codes; values are made again when something asks.
Outcome Store::keep_patch(Machine &m, Set *set, Set *kept) {
    TRY(lay_out_packed(m, set));
    kept->fill = set->fill;
    kept->mask = set->mask;
    const uint16_t *codes;
    TRY(copy(set->codes, size_t{set->mask} + 1, &codes));
    kept->codes = const_cast<uint16_t *>(codes);
    kept->patch = set->patch;
    const Bitmap &bits = set->patch.bits;
    TRY(copy(bits.rows, static_cast<size_t>(bits.height), &kept->patch.bits.rows));
    if (set->patch.colors == nullptr || holds(set->patch.colors)) return Outcome::ok;
    auto *colors = allocate<int8_t>(static_cast<size_t>(bits.height) * bits.width);
    if (colors == nullptr) return Outcome::out_of_memory;
    kept->patch.colors = colors;
    kept->patch.stride = bits.width;
    for (int32_t i = 0; i < bits.height; ++i) {
        std::memcpy(colors + int64_t{i} * bits.width,
                    set->patch.colors + int64_t{i} * set->patch.stride,
                    static_cast<size_t>(bits.width));
    }
    return Outcome::ok;
}

// Values in iteration order, so that they serve as that, too, and the table over them.
Outcome Store::keep_elements(Machine &m, Set *set, Set *kept) {
    TRY(lay_out(m, set));
    TRY(m.charge(uint64_t{set->mask} + set->size));
    const size_t num_slots = size_t{set->mask} + 1;
    auto *values = allocate<Value>(set->size);
    auto *hashes = allocate<uint64_t>(set->size);
    auto *slots = allocate<uint32_t>(num_slots);
    if (values == nullptr || hashes == nullptr || slots == nullptr) return Outcome::out_of_memory;
    uint32_t next = 0;
    for (size_t at = 0; at < num_slots; ++at) {
        const uint32_t entry = set->slots[at];
        slots[at] = entry;
        if (entry == Set::kEmptySlot || entry == Set::kDummySlot) continue;
        TRY(keep(m, set->values[entry - 1], &values[next]));
        hashes[next] = set->hashes[entry - 1];
        slots[at] = ++next;
    }
    kept->fill = set->fill;
    kept->mask = set->mask;
    kept->values = values;
    kept->hashes = hashes;
    kept->slots = slots;
    kept->in_order = values;
    return Outcome::ok;
}

Outcome Store::keep_closure(Machine &m, const Closure &closure, Value *out) {
    if (holds(&closure)) {
        *out = Value::of_closure(&closure);
        return Outcome::ok;
    }
    NestingScope nesting(m);
    TRY(nesting.outcome());
    auto *kept = allocate<Closure>(1);
    if (kept == nullptr) return Outcome::out_of_memory;
    *kept = {closure.form, closure.arity, num_closures_++, {}};
    const bool has_three =
        closure.form == Closure::Form::fork || closure.form == Closure::Form::chain;
    for (unsigned k = 0; k < (has_three ? 3u : 2u); ++k) {
        Value part = closure.parts[k];
        TRY(m.settle(&part));
        TRY(keep(m, part, &kept->parts[k]));
    }
    *out = Value::of_closure(kept);
    return Outcome::ok;
}

} // namespace codeit
