#include "primitives/wide_cells.h"

namespace codeit {
namespace {

Value low_part(Wide n) {
    return Value::of_int(static_cast<int64_t>(static_cast<uint64_t>(n)));
}
Value high_part(Wide n) {
    return Value::of_int(static_cast<int64_t>(n >> 64));
}

uint64_t hash_of_two(uint64_t first, uint64_t second) {
    uint64_t hash = hashing::add_item(hashing::kPrime5, first);
    return hashing::finish_tuple(hashing::add_item(hash, second), 2);
}

} // namespace

Outcome WideCells::add(const WideCell &cell) {
    constexpr size_t kParts = 5;
    uint64_t of_color;
    Value *parts;
    uint32_t index;
    TRY(hash_of(m_, cell.color, &of_color));
    TRY(m_.allocate(kParts, &parts));
    parts[0] = cell.color;
    parts[1] = low_part(cell.i);
    parts[2] = high_part(cell.i);
    parts[3] = low_part(cell.j);
    parts[4] = high_part(cell.j);
    // The hash of (color, (i, j)), as CPython would work it out for ints of this size.
    const uint64_t of_place = hash_of_two(hashing::of_wide(cell.i), hashing::of_wide(cell.j));
    const size_t before = set_.size();
    TRY(set_.add_hashed(tuple_of(parts, kParts), hash_of_two(of_color, of_place), &index));
    if (set_.size() != before) cells_[index] = cell;
    return Outcome::ok;
}

Outcome WideCells::in_order(bool is_copied, const WideCell **out) {
    Value set;
    Items elements;
    WideCell *ordered;
    TRY(is_copied ? set_.finish_copied(&set) : set_.finish(&set));
    TRY(codeit::elements(m_, set.set, &elements));
    TRY(m_.allocate(elements.size, &ordered));
    ScratchScope scratch(m_);
    uint32_t *turns;
    TRY(turns_of(m_, set.set, elements, &turns));
    for (size_t k = 0; k < elements.size; ++k) ordered[k] = cells_[turns[k]];
    *out = ordered;
    return Outcome::ok;
}

Outcome move_wide(Machine &m, const Value &patch, Wide down, Wide right, WideCells *out,
                  bool *are_ints) {
    Items items;
    TRY(items_of(m, patch, &items));
    TRY(out->reserve(items.size));
    for (const Value &item : items) {
        Value color;
        Value i;
        Value j;
        TRY(unpack_cell(m, item, &color, &i, &j));
        *are_ints = i.is_int() && j.is_int();
        if (!*are_ints) return Outcome::ok;
        TRY(out->add({color, i.integer + down, j.integer + right}));
    }
    return Outcome::ok;
}

} // namespace codeit
