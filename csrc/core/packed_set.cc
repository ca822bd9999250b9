// Sets of places and of cells that are held as bits: made of values, selected from, joined, hashed.
//
// A packed set needs no table for any of that. Where one does not fit bits (scattered places, two
// cells at one place, colors beyond 8 bits), these functions say so by a flag, and their callers
// take the general path of core/set.cc. What they decide depends on the elements alone, so that
// equal sets are held alike; it never shows in a result.
#include "core/packed_table.h"
#include "core/set_table.h"

#include <algorithm>

namespace codeit {
namespace {

Outcome empty_set(Machine &m, Value *out) {
    return set_of_distinct(m, nullptr, 0, out);
}

// The same as is_sparse() for the colors, of which an array has a byte for each place of the box,
// cell or not.
bool are_colors_sparse(const Bitmap &bits, uint64_t num_places) {
    constexpr uint64_t kFreeColors = 1024;
    constexpr uint64_t kColorsOfPlace = 64;
    return static_cast<uint64_t>(int64_t{bits.height} * bits.width) >
           kFreeColors + kColorsOfPlace * num_places;
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

Outcome PatchUnion::add(const Value &v, bool *fits) {
    *fits = v.is_set();
    if (!*fits || v.set->size == 0) return Outcome::ok;
    TRY(pack(m_, v.set, fits));
    if (!*fits) return Outcome::ok;
    Kind kind = kind_of(*v.set);
    const Patch &patch = v.set->patch;
    if (is_empty()) {
        kind_ = kind;
        window_ = window_of(patch.bits);
        has_one_color_ = patch.colors == nullptr;
    } else {
        const Patch &first = sets_.items()[0].set->patch;
        *fits = kind == kind_;
        window_ = joined(window_, window_of(patch.bits));
        has_one_color_ = has_one_color_ && patch.colors == nullptr && patch.color == first.color;
    }
    chain_ = std::max<unsigned>(chain_, v.set->chain);
    return sets_.push(v);
}

Outcome PatchUnion::finish(Patch *out, uint32_t *size, bool *is_packed) {
    *out = {};
    *size = 0;
    *is_packed = true;
    if (is_empty()) return Outcome::ok;
    size_t num_elements = 0;
    for (const Value &v : sets_.items()) num_elements += v.set->size;
    *is_packed = window_.is_small() && !is_sparse(window_.height, num_elements);
    if (!*is_packed) return Outcome::ok;
    BitmapBuilder builder(m_, window_);
    TRY(builder.start());
    for (const Value &v : sets_.items()) {
        TRY(m_.charge(static_cast<uint64_t>(v.set->patch.bits.height)));
        builder.add(v.set->patch.bits);
    }
    builder.finish(&out->bits, size);
    out->color = sets_.items()[0].set->patch.color;
    if (kind_ == Kind::pair || has_one_color_) return Outcome::ok;
    *is_packed = !are_colors_sparse(out->bits, num_elements);
    if (!*is_packed) return Outcome::ok;
    TRY(m_.charge(num_elements * 3));
    return color_cells(out, is_packed);
}

// Writes the colors of all sets into one array. Cells may share a place only when they are equal:
// `colored` knows which places have been written, and what comes there again is compared.
Outcome PatchUnion::color_cells(Patch *out, bool *is_packed) {
    const Bitmap &bits = out->bits;
    const auto height = static_cast<size_t>(bits.height);
    ScratchScope scratch(m_);
    int8_t *colors;
    Row *colored;
    TRY(m_.allocate(height * static_cast<size_t>(bits.width), &colors));
    TRY(m_.allocate_scratch(height, &colored));
    std::fill_n(colored, height, Row{0});
    bool fit = true;
    for (const Value &v : sets_.items()) {
        const Patch &patch = v.set->patch;
        const auto color = static_cast<int8_t>(patch.color);
        const int8_t *from = patch.colors;
        fit = fit && (from != nullptr || color == patch.color);
        if (!fit) break;
        const int32_t down = patch.bits.top - bits.top;
        const int32_t right = patch.bits.left - bits.left;
        int8_t *to = colors + int64_t{down} * bits.width + right;
        for (int32_t i = 0; i < patch.bits.height; ++i, to += bits.width) {
            const Row row = patch.bits.rows[i];
            Row &known = colored[down + i];
            const Row old = row & known >> right;
            known |= row << right;
            if (from == nullptr) {
                for_each_bit(row ^ old, [&](int32_t j) { to[j] = color; });
                for_each_bit(old, [&](int32_t j) { fit &= to[j] == color; });
            } else {
                for_each_bit(row ^ old, [&](int32_t j) { to[j] = from[j]; });
                for_each_bit(old, [&](int32_t j) { fit &= to[j] == from[j]; });
                from += patch.stride;
            }
        }
    }
    out->colors = colors;
    out->stride = bits.width;
    *is_packed = fit;
    return Outcome::ok;
}

} // namespace codeit
