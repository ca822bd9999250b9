#include "core/packed_table.h"

#include "core/cell_planes.h"
#include "core/set_table.h"

#include <algorithm>

namespace codeit {
constexpr CoordinateHashes::CoordinateHashes() : rows(), columns() {
    for (int32_t k = 0; k < kCount; ++k) {
        uint64_t hash = hashing::of_small_int(kFirst + k);
        rows[k] = hashing::add_item(hashing::kPrime5, hash);
        columns[k] = hash * hashing::kPrime2;
    }
}
constexpr CoordinateHashes kCoordinateHashes;

PackedHashes::PackedHashes(const Set &set)
    : patch_(set.patch), has_cells_(set.holds_only(Kind::cell)),
      color_part_(hashing::add_item(hashing::kPrime5, hashing::of_small_int(set.patch.color))) {
    const Bitmap &bits = set.patch.bits;
    bool has = bits.top >= CoordinateHashes::kFirst && bits.left >= CoordinateHashes::kFirst &&
               bits.bottom() < CoordinateHashes::kEnd && bits.right() < CoordinateHashes::kEnd;
    rows_ = has ? kCoordinateHashes.rows + (bits.top - CoordinateHashes::kFirst) : nullptr;
    columns_ = has ? kCoordinateHashes.columns + (bits.left - CoordinateHashes::kFirst) : nullptr;
}

Outcome PackedTable::allocate(uint32_t mask) {
    size_t count = size_t{mask} + 1;
    TRY(m_.allocate(count, &slots_));
    std::memset(slots_, 0, count * sizeof(uint16_t));
    mask_ = mask;
    return Outcome::ok;
}

Outcome PackedTable::resize(uint64_t more_than) {
    uint32_t mask = table_rules::mask_above(more_than);
    if (mask == 7 && mask_ == 7 && fill_ == used_) return Outcome::ok;
    const uint16_t *old = slots_;
    uint32_t old_mask = mask_;
    TRY(allocate(mask));
    for (uint32_t at = 0; at <= old_mask; ++at) {
        if (is_live(old[at])) put(old[at]);
    }
    fill_ = used_;
    return Outcome::ok;
}

Outcome PackedTable::copy(const Set &source) {
    used_ = fill_ = source.size;
    uint32_t mask = 7;
    if (table_rules::is_crowded(used_, mask)) mask = table_rules::mask_above(uint64_t{used_} * 2);
    TRY(allocate(mask));
    const Bitmap &from = source.patch.bits;
    const Bitmap &to = set_->patch.bits;
    int64_t by = ((int64_t{from.top} - to.top) << kCodeShift) + (int64_t{from.left} - to.left);
    bool is_verbatim = mask == source.mask && source.fill == source.size;
    for (uint32_t at = 0; at <= source.mask; ++at) {
        if (!is_live(source.codes[at])) continue;
        auto slot = static_cast<uint16_t>(source.codes[at] + by);
        if (is_verbatim) {
            slots_[at] = slot;
        } else {
            put(slot);
        }
    }
    return Outcome::ok;
}

void PackedTable::finish() {
    m_.before_change(set_);
    set_->codes = slots_;
    set_->mask = mask_;
    set_->fill = fill_;
}

namespace {

Outcome lay_out_rows(Machine &m, Set *set) {
    PackedTable table(m, set);
    TRY(table.start());
    const Bitmap &bits = set->patch.bits;
    for (int32_t i = 0; i < bits.height; ++i) {
        TRY(for_each_bit(bits.rows[i], [&](int32_t j) {
            return table.add(static_cast<uint16_t>((i << kCodeShift) + j + 1));
        }));
    }
    table.finish();
    return Outcome::ok;
}

Outcome lay_out_in_turn(Machine &m, Set *set) {
    PackedTable table(m, set);
    TRY(table.start());
    for (uint32_t k = 0; k < set->size; ++k) {
        TRY(table.add(slot_of(set->patch.bits, set->values[k].i, set->values[k].j)));
    }
    table.finish();
    return Outcome::ok;
}

Outcome lay_out_images(Machine &m, Set *set) {
    const Image &image = *set->image;
    Set *source = set->source;
    TRY(lay_out_packed(m, source));
    PackedTable table(m, set);
    TRY(table.start());
    bool is_moved_only = !image.is_transposed && image.scale_i > 0 && image.scale_j > 0;
    if (is_moved_only) { // the codes in the box are the same
        for (uint32_t at = 0; at <= source->mask; ++at) {
            if (is_live(source->codes[at])) TRY(table.add(source->codes[at]));
        }
    } else {
        TRY(for_each_in_order(*source, [&](int32_t i, int32_t j) {
            Value place = image.of_place(i, j);
            return table.add(slot_of(set->patch.bits, place.i, place.j));
        }));
    }
    table.finish();
    return Outcome::ok;
}

// The table of a set that has the elements of one that is packed.
Outcome lay_out_equal(Machine &m, Set *set) {
    bool is_packed;
    TRY(pack(m, set, &is_packed));
    return is_packed ? lay_out_packed(m, set) : broken_invariant();
}

Outcome lay_out_copy(Machine &m, Set *set) {
    TRY(lay_out_equal(m, set->source));
    PackedTable table(m, set);
    TRY(table.copy(*set->source));
    table.finish();
    return Outcome::ok;
}

// The table of values that a set has already, in codes.
Outcome encode_table(Machine &m, Set *set) {
    size_t count = size_t{set->mask} + 1;
    m.before_change(set);
    TRY(m.allocate(count, &set->codes));
    for (size_t at = 0; at < count; ++at) {
        uint32_t entry = set->slots[at];
        if (entry == Set::kEmptySlot) {
            set->codes[at] = kEmptyCode;
        } else if (entry == Set::kDummySlot) {
            set->codes[at] = kDummyCode;
        } else {
            const Value &v = set->values[entry - 1];
            set->codes[at] = slot_of(set->patch.bits, v.i, v.j);
        }
    }
    return Outcome::ok;
}

} // namespace

Outcome lay_out_packed(Machine &m, Set *set) {
    if (set->codes != nullptr) return Outcome::ok;
    TRY(m.charge(uint64_t{set->size} * units::kCode));
    if (set->slots != nullptr) return encode_table(m, set);
    switch (set->recipe) {
    case Set::Recipe::inserted:
        TRY(set->values == nullptr ? lay_out_rows(m, set) : lay_out_in_turn(m, set));
        break;
    case Set::Recipe::mapped:
        TRY(lay_out_images(m, set));
        break;
    case Set::Recipe::copied:
        TRY(lay_out_copy(m, set));
        break;
    case Set::Recipe::constructed:
        TRY(set->construction->lay_out(m, *set->construction, set));
        if (set->codes == nullptr) TRY(encode_table(m, set));
        break;
    }
    m.before_change(set);
    set->chain = 0;
    return Outcome::ok;
}

Outcome decode_order(Machine &m, Set *set) {
    Value *values;
    TRY(m.charge(uint64_t{set->size} * 2));
    TRY(m.allocate(set->size, &values));
    m.before_change(set);
    set->in_order = values;
    for (uint32_t at = 0; at <= set->mask; ++at) {
        if (is_live(set->codes[at])) *values++ = element_of(*set, set->codes[at]);
    }
    return Outcome::ok;
}

Outcome decode_table(Machine &m, Set *set) {
    const PackedHashes hash_of(*set);
    Value *values;
    uint64_t *hashes;
    uint32_t *slots;
    TRY(m.charge(uint64_t{set->size} * units::kCode));
    TRY(m.allocate(set->size, &values));
    TRY(m.allocate(set->size, &hashes));
    TRY(m.allocate(size_t{set->mask} + 1, &slots));
    uint32_t next = 0;
    for (uint32_t at = 0; at <= set->mask; ++at) {
        uint16_t slot = set->codes[at];
        slots[at] = slot == kEmptyCode ? Set::kEmptySlot : Set::kDummySlot;
        if (!is_live(slot)) continue;
        values[next] = element_of(*set, slot);
        hashes[next] = hash_of(slot);
        slots[at] = ++next;
    }
    m.before_change(set);
    set->values = values;
    set->in_order = values;
    set->hashes = hashes;
    set->slots = slots;
    return Outcome::ok;
}

// ---- Constructions -----------------------------------------------------------------------------

namespace {

struct Filtering : Construction {
    Set *source;

    static Outcome lay_out_rest(Machine &m, const Construction &how, Set *set) {
        Set *source = static_cast<const Filtering &>(how).source;
        const Bitmap &bits = set->patch.bits;
        TRY(lay_out_packed(m, source));
        PackedTable table(m, set);
        TRY(table.start());
        TRY(for_each_in_order(*source, [&](int32_t i, int32_t j) {
            return bits.contains(i, j) ? table.add(slot_of(bits, i, j)) : Outcome::ok;
        }));
        table.finish();
        return Outcome::ok;
    }
};

struct OfTwo : Construction {
    Set *a;
    Set *b;

    static Outcome lay_out_union(Machine &m, const Construction &how, Set *set) {
        Set *a = static_cast<const OfTwo &>(how).a;
        Set *b = static_cast<const OfTwo &>(how).b;
        const Bitmap &bits = set->patch.bits;
        TRY(lay_out_packed(m, a));
        TRY(lay_out_packed(m, b));
        PackedTable table(m, set);
        TRY(table.copy(*a));
        TRY(table.make_room(b->size));
        TRY(for_each_in_order(*b, [&](int32_t i, int32_t j) {
            return a->patch.bits.contains(i, j) ? Outcome::ok : table.add(slot_of(bits, i, j));
        }));
        table.finish();
        return Outcome::ok;
    }
};

} // namespace

Outcome filtered_set(Machine &m, Set *source, Kind kind, const Patch &patch, uint32_t size,
                     Value *out) {
    Filtering *filtering;
    TRY(m.allocate(1, &filtering));
    *filtering = {{Filtering::lay_out_rest}, source};
    return constructed_set(m, kind, patch, size, filtering, source->chain, out);
}

Outcome united_set(Machine &m, Set *a, Set *b, const Patch &patch, uint32_t size, Value *out) {
    OfTwo *both;
    TRY(m.allocate(1, &both));
    *both = {{OfTwo::lay_out_union}, a, b};
    return constructed_set(m, kind_of(*a), patch, size, both, std::max(a->chain, b->chain), out);
}

namespace {

// Whether a set of cells of one color, or of places, adds to those marked before.
bool adds_to(const CellPlanes &planes, const uint64_t *plane, const Bitmap &bits) {
    for (int32_t i = 0; i < bits.height; ++i) {
        Row marked = planes.read(plane, int64_t{bits.top} + i, bits.left);
        if ((bits.rows[i] & ~marked) != 0) return true;
    }
    return false;
}

// The same for a union that is not packed. A set that adds nothing needs no order.
Outcome lay_out_scattered(Machine &m, const Items &sets, Set *set) {
    PatchUnion parts(m);
    for (const Value &v : sets) {
        bool fits;
        TRY(parts.add(v, &fits));
        if (!fits) return broken_invariant();
    }
    ScratchScope scratch(m);
    CellPlanes planes(m, parts.window());
    bool has_cells = parts.kind() == Kind::cell;
    Value *values;
    uint64_t *hashes;
    TRY(m.allocate(set->size, &values));
    TRY(m.allocate(set->size, &hashes));
    uint32_t count = 0;
    for (const Value &v : sets) {
        if (v.set->size == 0) continue;
        const Patch &patch = v.set->patch;
        uint64_t *plane = nullptr;
        TRY(m.charge(static_cast<uint64_t>(patch.bits.height)));
        if (!has_cells || patch.colors == nullptr) {
            TRY(planes.plane_of(has_cells ? patch.color : 0, &plane));
            if (!adds_to(planes, plane, patch.bits)) continue;
        }
        TRY(m.charge(uint64_t{v.set->size} * units::kPlaced));
        TRY(lay_out_packed(m, v.set));
        const PackedHashes hash_of(*v.set);
        for (uint32_t at = 0; at <= v.set->mask; ++at) {
            uint16_t slot = v.set->codes[at];
            if (!is_live(slot)) continue;
            Value element = element_of(*v.set, slot);
            if (patch.colors != nullptr) TRY(planes.plane_of(element.color, &plane));
            if (!planes.mark_new(plane, element.i, element.j)) continue;
            values[count] = element;
            hashes[count++] = hash_of(slot);
        }
    }
    if (count != set->size) return broken_invariant();
    m.before_change(set);
    set->values = values;
    set->hashes = hashes;
    return lay_out_distinct(m, set);
}

// Whether places add to those seen before, rows of a box around all.
bool adds_to(const Row *seen, const Bitmap &box, const Bitmap &bits) {
    for (int32_t i = 0; i < bits.height; ++i) {
        Row added = bits.rows[i] << (bits.left - box.left);
        if ((added & ~seen[i + bits.top - box.top]) != 0) return true;
    }
    return false;
}

} // namespace

Outcome lay_out_merged(Machine &m, const Items &sets, Set *set) {
    if (!set->is_packed()) return lay_out_scattered(m, sets, set);
    const Bitmap &bits = set->patch.bits;
    ScratchScope scratch(m);
    Row *seen; // the places added so far, in the box
    size_t height = static_cast<size_t>(bits.height);
    TRY(m.allocate_scratch(height, &seen));
    std::memset(seen, 0, height * sizeof(Row));
    PackedTable table(m, set);
    TRY(table.start());
    for (const Value &v : sets) {
        bool is_packed;
        if (v.set->size == 0) continue;
        TRY(pack(m, v.set, &is_packed));
        if (!is_packed) return broken_invariant();
        TRY(m.charge(static_cast<uint64_t>(v.set->patch.bits.height)));
        if (!adds_to(seen, bits, v.set->patch.bits)) continue;
        TRY(m.charge(uint64_t{v.set->size} * units::kCode));
        TRY(lay_out_packed(m, v.set));
        TRY(for_each_in_order(*v.set, [&](int32_t i, int32_t j) {
            Row &row = seen[i - bits.top];
            Row bit = Row{1} << (j - bits.left);
            if ((row & bit) != 0) return Outcome::ok;
            row |= bit;
            return table.add(slot_of(bits, i, j));
        }));
    }
    table.finish();
    return Outcome::ok;
}

Outcome turns_of_packed(Machine &m, Set *set, const Items &elements, uint32_t *out) {
    const Bitmap &box = set->patch.bits;
    uint16_t *indices; // of the elements, by slot
    TRY(lay_out_packed(m, set));
    TRY(m.allocate_scratch((static_cast<size_t>(box.height) << kCodeShift) + 1, &indices));
    for (uint32_t k = 0; k < set->size; ++k) {
        indices[slot_of(box, elements[k].i, elements[k].j)] = static_cast<uint16_t>(k);
    }
    for (uint32_t at = 0; at <= set->mask; ++at) {
        if (is_live(set->codes[at])) *out++ = indices[set->codes[at]];
    }
    return Outcome::ok;
}

Outcome adopt_table(Machine &m, const Value &built, Set *set) {
    if (!built.is_set() || built.set->size != set->size) return broken_invariant();
    Set *table = built.set;
    m.before_change(set);
    bool is_packed = false;
    if (set->is_packed()) TRY(pack(m, table, &is_packed));
    if (is_packed) {
        TRY(lay_out_packed(m, table));
        set->codes = table->codes;
    } else {
        TRY(lay_out(m, table));
        set->values = table->values;
        set->hashes = table->hashes;
        set->slots = table->slots;
    }
    set->mask = table->mask;
    set->fill = table->fill;
    return Outcome::ok;
}

} // namespace codeit
