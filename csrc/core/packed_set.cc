// Sets of places and of cells that are held as bits: made of values, selected from, joined, hashed.
//
// A packed set needs no table for any of that. Where one does not fit bits (scattered places, two
// cells at one place, colors beyond 8 bits), these functions say so by a flag, and their callers
// take the general path of core/set.cc. What they decide depends on the elements alone, so that
// equal sets are held alike; it never shows in a result.
#include "core/packed_set.h"

#include "core/packed_table.h"
#include "core/set_table.h"

#include <algorithm>

namespace codeit {
namespace {

Outcome empty_set(Machine &m, Value *out) {
    return set_of_distinct(m, nullptr, 0, out);
}

} // namespace

Patch part_of(const Patch &whole, const Bitmap &bits) {
    Patch part = whole;
    part.bits = bits;
    if (whole.colors != nullptr && bits.rows != nullptr) {
        // Colors are found by the distance from the corner of the box, and the box has shrunk.
        part.colors +=
            int64_t{bits.top - whole.bits.top} * whole.stride + (bits.left - whole.bits.left);
    }
    return part;
}

Outcome hash_set(Machine &m, Set *set, uint64_t *result) {
    if (!set->has_hash) {
        TRY(m.charge(uint64_t{set->size} * 3));
        // The elements are joined by exclusive or (language.md 4.1), so that any order will do, and
        // no table is needed.
        uint64_t hash = 0;
        if (set->is_packed()) {
            const Bitmap &bits = set->patch.bits;
            PackedHashes(*set).with([&](auto hash_of) {
                for (int32_t i = 0; i < bits.height; ++i) {
                    uint32_t first = (static_cast<uint32_t>(i) << kCodeShift) + 1;
                    for_each_bit(bits.rows[i], [&](int32_t j) {
                        hash ^= hashing::shuffled(hash_of(first + static_cast<uint32_t>(j)));
                    });
                }
            });
        } else {
            TRY(ensure_hashes(m, set));
            for (uint32_t k = 0; k < set->size; ++k) hash ^= hashing::shuffled(set->hashes[k]);
        }
        m.before_change(set);
        set->hash = hashing::finish_set(hash, set->size);
        set->has_hash = true;
    }
    *result = set->hash;
    return Outcome::ok;
}

Outcome unpack(Machine &m, Set *set) {
    if (set->recipe == Set::Recipe::constructed) {
        set->patch = {};
        return lay_out(m, set);
    }
    TRY(fill_values(m, set));
    set->patch = {};
    return Outcome::ok;
}

Outcome set_in_turn(Machine &m, Kind kind, const Patch &patch, Value *values, uint32_t size,
                    Value *out) {
    TRY(set_of_rows(m, kind, patch, size, out));
    out->set->values = values;
    return Outcome::ok;
}

Outcome constructed_set(Machine &m, Value *values, size_t size, uint16_t kinds,
                        const Construction *construction, unsigned chain, Value *out) {
    if (size == 0) return empty_set(m, out);
    Set *set;
    TRY(new_set(m, &set, out));
    set->size = static_cast<uint32_t>(size);
    set->kinds = kinds;
    set->values = values;
    set->recipe = Set::Recipe::constructed;
    set->construction = construction;
    set->chain = static_cast<uint8_t>(chain + 1);
    return chain >= Set::kMaxChain ? lay_out(m, set) : Outcome::ok;
}

Outcome link(Machine &m, Set *source, Set *set) {
    if (source->chain >= Set::kMaxChain) TRY(lay_out(m, source));
    set->chain = static_cast<uint8_t>(source->chain + 1);
    set->source = source;
    set->size = source->size;
    return Outcome::ok;
}

Outcome places_of(Machine &m, const Value *values, size_t size, Bitmap *out, uint32_t *num_places,
                  bool *fits, bool is_sparse_too) {
    TRY(m.charge(size * 2));
    int32_t top = INT32_MAX;
    int32_t left = INT32_MAX;
    int32_t bottom = INT32_MIN;
    int32_t right = INT32_MIN;
    for (size_t k = 0; k < size; ++k) {
        top = std::min(top, values[k].i);
        left = std::min(left, values[k].j);
        bottom = std::max(bottom, values[k].i);
        right = std::max(right, values[k].j);
    }
    Window window = {top, left, int64_t{bottom} - top + 1, int64_t{right} - left + 1};
    *fits = window.is_small() && (is_sparse_too || !is_sparse(window.height, size));
    if (!*fits) return Outcome::ok;
    BitmapBuilder builder(m, window);
    TRY(builder.start());
    for (size_t k = 0; k < size; ++k) builder.add(values[k].i, values[k].j);
    builder.finish(out, num_places);
    return Outcome::ok;
}

Outcome pack_values(Machine &m, Set *set, bool is_sparse_too) {
    m.before_change(set);
    const Value *values = set->values;
    Patch patch;
    uint32_t num_places = 0;
    bool fits;
    TRY(places_of(m, values, set->size, &patch.bits, &num_places, &fits, is_sparse_too));
    TRY(m.charge(set->size));
    bool has_one_color = true;
    bool are_small = true;
    for (uint32_t k = 0; k < set->size; ++k) {
        has_one_color = has_one_color && values[k].color == values[0].color;
        are_small = are_small && static_cast<int8_t>(values[k].color) == values[k].color;
    }
    const bool is_wide = !has_one_color && are_colors_sparse(patch.bits, set->size);
    if (!is_sparse_too && (!fits || is_wide)) {
        set->is_sparse = true;
        return Outcome::ok;
    }
    // Fewer places than cells: two cells at one place.
    if (!fits || num_places != set->size || (!has_one_color && !are_small)) {
        set->is_unpackable = true;
        return Outcome::ok;
    }
    patch.color = values[0].color;
    if (!has_one_color) {
        int8_t *colors;
        const Bitmap &bits = patch.bits;
        TRY(m.allocate(static_cast<size_t>(bits.height) * static_cast<size_t>(bits.width),
                       &colors));
        patch.colors = colors;
        patch.stride = bits.width;
        for (uint32_t k = 0; k < set->size; ++k) {
            colors[int64_t{values[k].i - bits.top} * patch.stride + (values[k].j - bits.left)] =
                static_cast<int8_t>(values[k].color);
        }
    }
    set->patch = patch;
    return Outcome::ok;
}

namespace {

// The places of row i of a, of those of `common`, at which b holds the same color.
[[gnu::noinline]] Halves same_places(const Patch &a, const Patch &b, int32_t i, Halves common) {
    Row same = 0;
    for_each_bit(std::bit_cast<Row>(common), [&](int32_t k) {
        int32_t j = a.bits.left + k;
        if (a.color_at(i, j) == b.color_at(i, j)) same |= Row{1} << k;
    });
    return std::bit_cast<Halves>(same);
}

// The places of a at which b holds the same, or does not.
Outcome select_places(Machine &m, const Set &a, const Set &b, bool are_common, Patch *out,
                      uint32_t *size) {
    const Bitmap &bits = a.patch.bits;
    const Bitmap &others = b.patch.bits;
    // Boxes that share a column are less than 128 columns apart, as a view needs them to be; with
    // others, nothing is in common, as with an empty bitmap.
    bool are_apart = bits.left > others.right() || others.left > bits.right();
    bool are_one_color = a.patch.colors == nullptr && b.patch.colors == nullptr;
    bool may_differ =
        a.holds_only(Kind::cell) && !(are_one_color && a.patch.color == b.patch.color);
    BitmapBuilder builder(m, window_of(bits));
    TRY(builder.start_unwritten());
    if (may_differ) TRY(m.charge(a.size));
    const BitmapView view(are_apart ? Bitmap() : others, bits.top, bits.left);
    const Halves flip = are_common ? Halves{} : ~Halves{};
    for (int32_t i = 0; i < bits.height; ++i) {
        auto row = std::bit_cast<Halves>(bits.rows[i]);
        Halves same = row & view[i];
        if (may_differ && (same[0] | same[1]) != 0)
            same = same_places(a.patch, b.patch, bits.top + i, same);
        // The places that are the same, or those of the row that are not.
        builder.row(i) = std::bit_cast<Row>(row & (same ^ flip));
    }
    Bitmap selected;
    builder.finish(&selected, size);
    *out = part_of(a.patch, selected);
    return Outcome::ok;
}

} // namespace

Outcome common_places(Machine &m, const Set &a, const Set &b, Patch *out, uint32_t *size) {
    return select_places(m, a, b, true, out, size);
}

Outcome other_places(Machine &m, const Set &a, const Set &b, Patch *out, uint32_t *size) {
    return select_places(m, a, b, false, out, size);
}

} // namespace codeit
