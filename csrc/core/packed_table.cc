#include "core/packed_table.h"

#include "core/set_table.h"

#include <algorithm>

namespace codeit {
constexpr ColorHashes::ColorHashes() : parts() {
    for (int32_t color = INT8_MIN; color <= INT8_MAX; ++color) {
        parts[static_cast<uint8_t>(color)] = hashing::color_part(color);
    }
}
constexpr ColorHashes kColorHashes;

constexpr PlaceHashes::PlaceHashes() : of() {
    for (int32_t i = 0; i < kCount; ++i) {
        uint64_t row = hashing::row_part(kFirst + i);
        for (int32_t j = 0; j < kCount; ++j) {
            of[i * kCount + j] = hashing::of_parts(row, hashing::column_part(kFirst + j));
        }
    }
}
constexpr PlaceHashes kPlaceHashes;

PackedHashes::PackedHashes(const Set &set)
    : has_cells_(set.holds_only(Kind::cell)), stride_(set.patch.stride), colors_(set.patch.colors),
      color_part_(hashing::color_part(set.patch.color)), places_(nullptr) {
    const Bitmap &bits = set.patch.bits;
    if (PlaceHashes::have(window_of(bits))) [[likely]] {
        places_ = kPlaceHashes.at(bits.top, bits.left);
    } else {
        tabulate(bits);
    }
}

void PackedHashes::tabulate(const Bitmap &bits) {
    for (int32_t k = 0; k < bits.height; ++k) {
        own_rows_[k] = hashing::row_part(bits.top + k);
    }
    for (int32_t k = 0; k < bits.width; ++k) {
        own_columns_[k] = hashing::column_part(bits.left + k);
    }
}

namespace {

// The table of a packed set under construction. The set's size must be that of the finished table.
class PackedTable {
  public:
    PackedTable(Machine &m, Set *set) : m_(m), set_(set), hashes_(*set), table_(m) {}

    Outcome start() { return table_.start(); }

    // ADD of places in turn that are not in the table yet, by their slots.
    Outcome add(const uint16_t *places, size_t count) {
        return hashes_.with([&](auto hash_of) { return table_.add(places, count, hash_of); });
    }

    // COPY of a laid out set whose box lies in this one, instead of start().
    Outcome copy(const Set &source);

    // Room for `count` more, as MERGE makes it.
    Outcome make_room(uint32_t count) {
        uint64_t size = uint64_t{table_.size()} + count;
        if (!table_rules::is_crowded(size, table_.mask())) return Outcome::ok;
        return hashes_.with([&](auto hash_of) { return table_.resize(size * 2, hash_of); });
    }

    // Gives the table to the set.
    Outcome finish() {
        if (table_.size() != set_->size) return broken_invariant();
        m_.before_change(set_);
        set_->codes = table_.slots();
        set_->mask = table_.mask();
        set_->fill = table_.size();
        return Outcome::ok;
    }

  private:
    Machine &m_;
    Set *set_;
    PackedHashes hashes_;
    DistinctTable<uint16_t> table_;
};

// From the slots of a box to those of one around it.
uint16_t slots_between(const Bitmap &from, const Bitmap &to) {
    return static_cast<uint16_t>(slot_of(to, from.top, from.left) - 1);
}

Outcome PackedTable::copy(const Set &source) {
    uint32_t mask = 7;
    if (table_rules::is_crowded(source.size, mask)) {
        mask = table_rules::mask_above(uint64_t{source.size} * 2);
    }
    TRY(table_.start(mask));
    uint16_t by = slots_between(source.patch.bits, set_->patch.bits);
    // MERGE into an empty set: slot by slot where the tables are as large, else CLEAN
    // (language.md 4.6).
    if (mask == source.mask && source.fill == source.size) {
        for_each_slot(source.codes, mask, [&](uint16_t slot, uint32_t at) {
            table_.put_at(at, static_cast<uint16_t>(slot + by));
        });
        return Outcome::ok;
    }
    ScratchScope scratch(m_);
    uint16_t *places;
    TRY(m_.allocate_scratch(source.size, &places));
    uint16_t *next = places;
    for_each_slot(source.codes, source.mask,
                  [&](uint16_t slot, uint32_t) { *next++ = static_cast<uint16_t>(slot + by); });
    hashes_.with([&](auto hash_of) { table_.put(places, source.size, hash_of); });
    return Outcome::ok;
}

// The table of a set whose places are added in the turn in which fill(places) writes their slots.
template <typename Fill>
Outcome lay_out_turns(Machine &m, Set *set, Fill fill) {
    ScratchScope scratch(m);
    uint16_t *places;
    TRY(m.allocate_scratch(set->size, &places));
    TRY(fill(places));
    PackedTable table(m, set);
    TRY(table.start());
    TRY(table.add(places, set->size));
    return table.finish();
}

Outcome lay_out_rows(Machine &m, Set *set) {
    return lay_out_turns(m, set, [&](uint16_t *next) {
        const Bitmap &bits = set->patch.bits;
        for (int32_t i = 0; i < bits.height; ++i) {
            int32_t first = (i << kCodeShift) + 1;
            for_each_bit(bits.rows[i],
                         [&](int32_t j) { *next++ = static_cast<uint16_t>(first + j); });
        }
        return Outcome::ok;
    });
}

Outcome lay_out_in_turn(Machine &m, Set *set) {
    return lay_out_turns(m, set, [&](uint16_t *places) {
        for (uint32_t k = 0; k < set->size; ++k) {
            places[k] = slot_of(set->patch.bits, set->values[k].i, set->values[k].j);
        }
        return Outcome::ok;
    });
}

Outcome lay_out_images(Machine &m, Set *set) {
    const Image &image = *set->image;
    Set *source = set->source;
    TRY(lay_out_packed(m, source));
    return lay_out_turns(m, set, [&](uint16_t *next) {
        // Scales are 1 or -1. The images lie in their box as the originals in theirs, so that the
        // codes are the same; the hashes, and with them the table, are not.
        bool is_moved_only = !image.is_transposed && image.scale_i > 0 && image.scale_j > 0;
        if (is_moved_only) {
            for_each_slot(source->codes, source->mask,
                          [&](uint16_t slot, uint32_t) { *next++ = slot; });
            return Outcome::ok;
        }
        for_each_in_order(*source, [&](int32_t i, int32_t j) {
            Value place = image.of_place(i, j);
            *next++ = slot_of(set->patch.bits, place.i, place.j);
        });
        return Outcome::ok;
    });
}

// Lays out, in codes, a set that has the elements of one that is packed. It may not be packed
// itself: bits are made for it, even if it is sparse.
Outcome lay_out_equal(Machine &m, Set *set) {
    bool is_packed;
    TRY(pack(m, set, &is_packed, true));
    return is_packed ? lay_out_packed(m, set) : broken_invariant();
}

Outcome lay_out_copy(Machine &m, Set *set) {
    TRY(lay_out_equal(m, set->source));
    PackedTable table(m, set);
    TRY(table.copy(*set->source));
    return table.finish();
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
    set->chain = 0; // whoever is made from it need not lay out what it was made from
    return Outcome::ok;
}

namespace {

// Calls use(value_of), where value_of(slot) is an element of a packed set, as in PackedHashes.
template <typename Use>
void with_values(const Set &set, Use use) {
    const Patch &patch = set.patch;
    auto i_of = [top = patch.bits.top](uint16_t slot) { return top + ((slot - 1) >> kCodeShift); };
    auto j_of = [left = patch.bits.left](uint16_t slot) { return left + ((slot - 1) & kCodeMask); };
    if (set.holds_only(Kind::pair)) {
        use([=](uint16_t slot) { return Value::pair(i_of(slot), j_of(slot)); });
    } else if (patch.colors == nullptr) {
        use([=, color = patch.color](uint16_t slot) {
            return Value::cell(color, i_of(slot), j_of(slot));
        });
    } else {
        use([=, colors = patch.colors, stride = patch.stride](uint16_t slot) {
            int64_t row = (slot - 1) >> kCodeShift;
            return Value::cell(colors[row * stride + ((slot - 1) & kCodeMask)], i_of(slot),
                               j_of(slot));
        });
    }
}

} // namespace

Outcome decode_order(Machine &m, Set *set) {
    Value *values;
    TRY(m.charge(uint64_t{set->size} * 2));
    TRY(m.allocate(set->size, &values));
    m.before_change(set);
    set->in_order = values;
    with_values(*set, [&](auto value_of) {
        for_each_slot(set->codes, set->mask,
                      [&](uint16_t slot, uint32_t) { *values++ = value_of(slot); });
    });
    return Outcome::ok;
}

Outcome decode_table(Machine &m, Set *set) {
    Value *values;
    uint64_t *hashes;
    uint32_t *slots;
    TRY(m.charge(uint64_t{set->size} * units::kCode));
    TRY(m.allocate(set->size, &values));
    TRY(m.allocate(set->size, &hashes));
    TRY(m.allocate(size_t{set->mask} + 1, &slots));
    for (uint32_t at = 0; at <= set->mask; ++at) {
        slots[at] = set->codes[at] == kEmptyCode ? Set::kEmptySlot : Set::kDummySlot;
    }
    // The values are laid down in the order of the table, so that they are in_order, too.
    uint32_t next = 0;
    for_each_slot(set->codes, set->mask, [&](uint16_t slot, uint32_t at) {
        values[next] = element_of(*set, slot);
        slots[at] = ++next;
    });
    PackedHashes(*set).with([&](auto hash_of) {
        uint64_t *hash = hashes;
        for_each_slot(set->codes, set->mask,
                      [&](uint16_t slot, uint32_t) { *hash++ = hash_of(slot); });
    });
    m.before_change(set);
    set->values = values;
    set->in_order = values;
    set->hashes = hashes;
    set->slots = slots;
    return Outcome::ok;
}

// ---- Constructions -----------------------------------------------------------------------------

namespace {

// GEN of the elements of a packed set that have stayed, in its order (language.md 4.5).
struct Filtering : Construction {
    Set *source;

    static Outcome lay_out_rest(Machine &m, const Construction &how, Set *set) {
        Set *source = static_cast<const Filtering &>(how).source;
        const Bitmap &bits = set->patch.bits;
        TRY(lay_out_packed(m, source));
        return lay_out_turns(m, set, [&](uint16_t *next) {
            for_each_in_order(*source, [&](int32_t i, int32_t j) {
                if (bits.contains(i, j)) *next++ = slot_of(bits, i, j);
            });
            return Outcome::ok;
        });
    }
};

// OR (language.md 4.6): MERGE of b into COPY(a).
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
        TRY(table.make_room(b->size)); // for all of b, whatever a has of it
        ScratchScope scratch(m);
        uint16_t *places;
        TRY(m.allocate_scratch(b->size, &places));
        uint16_t *next = places;
        for_each_in_order(*b, [&](int32_t i, int32_t j) {
            if (!a->patch.bits.contains(i, j)) *next++ = slot_of(bits, i, j);
        });
        TRY(table.add(places, static_cast<size_t>(next - places)));
        return table.finish();
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

// Whether places add to those seen before, rows of a box around all.
bool adds_to(const Row *seen, const Bitmap &box, const Bitmap &bits) {
    for (int32_t i = 0; i < bits.height; ++i) {
        Row added = bits.rows[i] << (bits.left - box.left);
        if ((added & ~seen[i + bits.top - box.top]) != 0) return true;
    }
    return false;
}

} // namespace

Outcome lay_out_joined(Machine &m, const Items &sets, Set *set) {
    // Of a place that several sets have, the first one counts. A set whose places have all been
    // seen is passed over without its order being worked out: of the sets that mapply joins, many
    // are such.
    const Bitmap &bits = set->patch.bits;
    ScratchScope scratch(m);
    Row *seen; // the places added so far, in the box
    size_t height = static_cast<size_t>(bits.height);
    TRY(m.allocate_scratch(height, &seen));
    std::memset(seen, 0, height * sizeof(Row));
    return lay_out_turns(m, set, [&](uint16_t *next) {
        for (const Value &v : sets) {
            bool is_packed;
            if (v.set->size == 0) continue;
            TRY(pack(m, v.set, &is_packed, true));
            if (!is_packed) return broken_invariant();
            TRY(m.charge(static_cast<uint64_t>(v.set->patch.bits.height)));
            if (!adds_to(seen, bits, v.set->patch.bits)) continue;
            TRY(m.charge(uint64_t{v.set->size} * units::kCode));
            TRY(lay_out_packed(m, v.set));
            for_each_in_order(*v.set, [&](int32_t i, int32_t j) {
                Row &row = seen[i - bits.top];
                Row bit = Row{1} << (j - bits.left);
                if ((row & bit) != 0) return;
                row |= bit;
                *next++ = slot_of(bits, i, j);
            });
        }
        return Outcome::ok;
    });
}

Outcome turns_of_packed(Machine &m, Set *set, const Items &elements, uint32_t *out) {
    const Bitmap &box = set->patch.bits;
    TRY(lay_out_packed(m, set));
    // Of the elements, by slot. No more of it is touched, and charged for, than there are of them.
    // So it comes from the arena without a charge for its size.
    const size_t num_slots = (static_cast<size_t>(box.height) << kCodeShift) + 1;
    TRY(m.charge(set->size * units::kCode));
    auto *indices =
        static_cast<uint16_t *>(m.arena().allocate_scratch(num_slots * sizeof(uint16_t)));
    if (indices == nullptr) return Outcome::out_of_memory;
    for (uint32_t k = 0; k < set->size; ++k) {
        indices[slot_of(box, elements[k].i, elements[k].j)] = static_cast<uint16_t>(k);
    }
    for_each_slot(set->codes, set->mask, [&](uint16_t slot, uint32_t) { *out++ = indices[slot]; });
    return Outcome::ok;
}

Outcome adopt_table(Machine &m, const Value &built, Set *set) {
    if (!built.is_set() || built.set->size != set->size) return broken_invariant();
    Set *table = built.set;
    m.before_change(set);
    bool is_packed = false;
    if (set->is_packed()) TRY(pack(m, table, &is_packed, true));
    // Codes mean the same in both sets only if both have the same box: equal sets have equal
    // bitmaps.
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
