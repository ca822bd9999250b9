// Sets that are held as bits: of places, or of cells that are no two at one place (core/set.h).
#pragma once

#include "core/set.h"

namespace codeit {

// What follows is inline, as copies of what has just been written in parts would wait for it. For
// the same reason a flag that is rarely set is not written where it is not.

// A packed set without a recipe, never empty.
inline Outcome new_packed(Machine &m, Kind kind, const Patch &patch, uint32_t size, Set **set,
                          Value *out) {
    Set *made;
    TRY(m.allocate(1, &made));
    new (made) Set();
    made->size = size;
    made->kinds = static_cast<uint16_t>(1u << static_cast<unsigned>(kind));
    made->patch = patch;
    if (is_sparse(patch.bits.height, size)) [[unlikely]]
        made->is_sparse = true;
    *set = made;
    *out = Value::of_set(made);
    return Outcome::ok;
}
// Gives up the bits of a set that a plain run has made.
Outcome unpack(Machine &m, Set *set);

// A set of places (Kind::pair) or cells given as bits. `size` is their number and may be 0.
// GEN of them, row by row:
inline Outcome set_of_rows(Machine &m, Kind kind, const Patch &patch, uint32_t size, Value *out) {
    if (size == 0) return set_of_distinct(m, nullptr, 0, out);
    Set *set;
    TRY(new_packed(m, kind, patch, size, &set, out));
    return m.is_plain() ? unpack(m, set) : Outcome::ok;
}
// GEN of the images of `source`, in its iteration order; no two have the same image:
inline Outcome set_of_images(Machine &m, Set *source, Kind kind, const Patch &patch,
                             const Image &image, Value *out) {
    struct Mapped {
        Set set;
        Image image;
    } *mapped;
    TRY(m.allocate(1, &mapped));
    if (source->chain >= Set::kMaxChain) [[unlikely]]
        TRY(lay_out(m, source));
    Set *set = new (&mapped->set) Set();
    mapped->image = image;
    set->size = source->size;
    set->kinds = static_cast<uint16_t>(1u << static_cast<unsigned>(kind));
    set->recipe = Set::Recipe::mapped;
    set->chain = static_cast<uint8_t>(source->chain + 1);
    set->source = source;
    set->image = &mapped->image;
    set->patch = patch;
    if (is_sparse(patch.bits.height, source->size)) [[unlikely]]
        set->is_sparse = true;
    *out = Value::of_set(set);
    return Outcome::ok;
}
// GEN of values in the order given:
Outcome set_in_turn(Machine &m, Kind kind, const Patch &patch, Value *values, uint32_t size,
                    Value *out);
// Whatever the construction does, which has the same elements. `chain` is the largest one of the
// sets that it uses.
inline void start_constructed(Kind kind, const Patch &patch, uint32_t size,
                              const Construction *construction, unsigned chain, Set *set) {
    set->size = size;
    set->kinds = static_cast<uint16_t>(1u << static_cast<unsigned>(kind));
    set->recipe = Set::Recipe::constructed;
    set->chain = static_cast<uint8_t>(chain + 1);
    set->construction = construction;
    set->patch = patch;
    if (is_sparse(patch.bits.height, size)) [[unlikely]]
        set->is_sparse = true;
}
inline Outcome constructed_set(Machine &m, Kind kind, const Patch &patch, uint32_t size,
                               const Construction *construction, unsigned chain, Value *out) {
    if (size == 0) return set_of_distinct(m, nullptr, 0, out);
    Set *set;
    TRY(m.allocate(1, &set));
    start_constructed(kind, patch, size, construction, chain, new (set) Set());
    *out = Value::of_set(set);
    if (m.is_plain()) return unpack(m, set);
    return chain >= Set::kMaxChain ? lay_out(m, set) : Outcome::ok;
}

// The same as constructed_set for values that are known to be distinct, in any order; `kinds` of
// them as in Set. They may be nullptr where the construction makes them.
Outcome constructed_set(Machine &m, Value *values, size_t size, uint16_t kinds,
                        const Construction *construction, unsigned chain, Value *out);

// What a packed set holds.
inline Kind kind_of(const Set &packed) {
    return packed.holds_only(Kind::pair) ? Kind::pair : Kind::cell;
}

// Gives a set of nothing but places or of nothing but cells its bits, where it can have them; but
// not one that is sparse, unless it must. Not the empty set.
Outcome pack_values(Machine &m, Set *set, bool is_sparse_too);
inline Outcome pack(Machine &m, Set *set, bool *is_packed, bool is_sparse_too = false) {
    bool is_plain = set->holds_only(Kind::pair) || set->holds_only(Kind::cell);
    bool is_wanted = is_sparse_too || !set->is_sparse;
    if (is_plain && is_wanted && !set->is_packed() && !set->is_unpackable && !m.is_plain()) {
        TRY(pack_values(m, set, is_sparse_too));
    }
    *is_packed = set->is_packed() && (is_sparse_too || !set->is_sparse);
    return Outcome::ok;
}

// The places of `size` pairs or cells, some of which may be the same. *fits is false where they are
// too far apart for bits, and where these are not worth it.
Outcome places_of(Machine &m, const Value *values, size_t size, Bitmap *out, uint32_t *num_places,
                  bool *fits, bool is_sparse_too = false);

// A part of the places of a patch, with their colors.
Patch part_of(const Patch &whole, const Bitmap &bits);

// The places of a that are (or are not) places of b, both packed and of one kind; a cell is one
// only where the colors are equal, too.
Outcome common_places(Machine &m, const Set &a, const Set &b, Patch *out, uint32_t *size);
Outcome other_places(Machine &m, const Set &a, const Set &b, Patch *out, uint32_t *size);

// The same as is_sparse() for the colors, of which an array has a byte for each place of the box,
// cell or not.
inline bool are_colors_sparse(const Bitmap &bits, uint64_t num_places) {
    constexpr uint64_t kFreeColors = 1024;
    constexpr uint64_t kColorsOfPlace = 64;
    return static_cast<uint64_t>(int64_t{bits.height} * bits.width) >
           kFreeColors + kColorsOfPlace * num_places;
}

Outcome hash_set(Machine &m, Set *set, uint64_t *result);

} // namespace codeit
