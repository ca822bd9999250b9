#include "primitives/applying.h"

#include "primitives/images.h"

#include <algorithm>

namespace codeit {
namespace {

// The images of the elements of a set, added in its order.
struct Applying : Construction {
    Set *source;
    Items elements;
    Items images;

    static Outcome lay_out_images(Machine &m, const Construction &how, Set *set) {
        const auto &applying = static_cast<const Applying &>(how);
        const Items &images = applying.images;
        ScratchScope scratch(m);
        uint32_t *turns;
        TRY(turns_of(m, applying.source, applying.elements, &turns));
        if (set->is_packed()) return lay_out_places(m, images, turns, set);
        if (set->values == images.data) { // no two are equal
            ValueTable table(m, set);
            TRY(table.start());
            for (size_t k = 0; k < images.size; ++k) TRY(table.add(turns[k]));
            return table.finish();
        }
        SetBuilder distinct(m);
        Value built;
        for (size_t k = 0; k < images.size; ++k) TRY(distinct.add(images[turns[k]]));
        TRY(distinct.finish(&built));
        return adopt_table(m, built, set);
    }

    // Of packed images a bit says whether one has been there; only the first of equal ones is
    // inserted.
    static Outcome lay_out_places(Machine &m, const Items &images, const uint32_t *turns,
                                  Set *set) {
        const Bitmap &bits = set->patch.bits;
        BitmapBuilder seen(m, window_of(bits));
        Value *in_turn;
        TRY(seen.start());
        TRY(m.charge(images.size));
        TRY(m.allocate(set->size, &in_turn));
        uint32_t count = 0;
        for (size_t k = 0; k < images.size; ++k) {
            const Value &v = images[turns[k]];
            Row &row = seen.row(v.i - bits.top);
            Row bit = Row{1} << (v.j - bits.left);
            if ((row & bit) == 0) in_turn[count++] = v;
            row |= bit;
        }
        Value built;
        TRY(set_in_turn(m, kind_of(*set), set->patch, in_turn, set->size, &built));
        return adopt_table(m, built, set);
    }
};

// The same for equal sets, from few of their elements.
uint64_t key_of(const Set &set) {
    const Bitmap &bits = set.patch.bits;
    uint64_t key = hashing::of_pair(bits.top, bits.left) ^ set.size;
    for (int32_t i = 0; i < bits.height; ++i) {
        key = hashing::add_item(key, low_half(bits.rows[i]));
        key = hashing::add_item(key, high_half(bits.rows[i]));
    }
    if (set.holds_only(Kind::cell)) {
        Row top = bits.rows[0];
        int from = low_half(top) != 0 ? std::countr_zero(low_half(top))
                                      : 64 + std::countr_zero(high_half(top));
        key ^= static_cast<uint64_t>(set.patch.color_at(bits.top, bits.left + from)) << 32;
    }
    return key ^ key >> 32;
}

// Whether nothing tells a set that is younger than `since` from an equal one for which this holds,
// too: both have been made by this very apply, in row order, and nobody else has them. Of other
// equal sets the first stays, with its order, and which one comes first is a matter of order.
bool is_one_of_many(const Set *set, const char *since) {
    return set->is_packed() && set->recipe == Set::Recipe::inserted && set->values == nullptr &&
           reinterpret_cast<const char *>(set) >= since;
}

// The distinct ones of sets, all of them packed or empty. *fits is false where two are equal and
// could be told apart.
Outcome distinct_sets(Machine &m, const Items &sets, const char *since, Items *out, bool *fits) {
    // A table of indices with linear probing, at most half full.
    constexpr uint32_t kFree = UINT32_MAX;
    ScratchScope scratch(m);
    size_t mask = (size_t{2} << std::bit_width(sets.size)) - 1;
    uint32_t *slots;
    uint32_t count = 0;        // of distinct ones
    Value *distinct = nullptr; // once one is left out
    TRY(m.charge(sets.size * units::kNested));
    TRY(m.allocate_scratch(mask + 1, &slots));
    std::fill_n(slots, mask + 1, kFree);
    for (uint32_t k = 0; k < sets.size; ++k) {
        Set *set = sets[k].set;
        TRY(m.charge(static_cast<uint64_t>(set->patch.bits.height) * 2));
        size_t at = set->size == 0 ? 0 : key_of(*set) & mask;
        bool is_known = false;
        for (; slots[at] != kFree && !is_known; at = (at + 1) & mask) {
            Set *other = sets[slots[at]].set;
            TRY(m.charge(units::kFound));
            TRY(equal_sets(m, other, set, &is_known));
            *fits = !is_known || set == other ||
                    (is_one_of_many(set, since) && is_one_of_many(other, since));
            if (!*fits) return Outcome::ok;
        }
        if (is_known && distinct == nullptr) {
            TRY(m.allocate(sets.size, &distinct));
            std::copy_n(sets.data, k, distinct);
        }
        if (is_known) continue;
        slots[at] = k;
        if (distinct != nullptr) distinct[count] = sets[k];
        ++count;
    }
    *out = {distinct != nullptr ? distinct : sets.data, count};
    return Outcome::ok;
}

// What stands for equal images, whichever of them comes first. Places and numbers are the same;
// sets may differ in their order.
Outcome set_of_images(Machine &m, const Applying *how, Kind kind, const char *since, Value *out) {
    const Items &images = how->images;
    auto *values = const_cast<Value *>(images.data);
    auto size = static_cast<uint32_t>(images.size);
    auto kinds = static_cast<uint16_t>(1u << static_cast<unsigned>(kind));
    unsigned chain = how->source->chain;
    bool fits = true;
    if (kind == Kind::integer) { // a table of them in any order says which are distinct
        SetBuilder numbers(m);
        Value built;
        for (const Value &v : images) TRY(numbers.add(v));
        TRY(numbers.finish(&built));
        return constructed_set(m, built.set->values, built.set->size, kinds, how, chain, out);
    }
    if (kind == Kind::pair) {
        Patch places;
        TRY(places_of(m, values, size, &places.bits, &size, &fits));
        if (fits) return constructed_set(m, kind, places, size, how, chain, out);
    } else if (kind == Kind::cell) {
        Set cells;
        cells.size = size;
        cells.kinds = kinds;
        cells.values = values;
        TRY(pack(m, &cells, &fits));
        if (fits) return constructed_set(m, kind, cells.patch, size, how, chain, out);
    } else {
        Items distinct;
        TRY(distinct_sets(m, images, since, &distinct, &fits));
        values = const_cast<Value *>(distinct.data);
        if (fits) return constructed_set(m, values, distinct.size, kinds, how, chain, out);
    }
    // All calls have succeeded, but their images do not fit: they are inserted in order now.
    ScratchScope scratch(m);
    uint32_t *turns;
    SetBuilder in_turn(m);
    TRY(turns_of(m, how->source, how->elements, &turns));
    for (size_t k = 0; k < images.size; ++k) TRY(in_turn.add(images[turns[k]]));
    return in_turn.finish(out);
}

// Whether the order of a value, and of what it holds, is all that tells it from an equal one, and
// it holds no function: those are told apart by when they were made. No bool passes: True and 1 are
// equal, and are printed differently.
Outcome is_settled_image(Machine &m, const Value &image, bool *result) {
    *result = image.kind == Kind::integer || image.kind == Kind::pair || image.kind == Kind::cell ||
              (image.is_set() && image.set->size == 0);
    if (!*result && image.is_set()) TRY(pack(m, image.set, result));
    return Outcome::ok;
}

} // namespace

Outcome apply_in_any_order(Machine &m, const Value &function, Set *source, bool *is_done,
                           Value *out) {
    *is_done = !m.is_plain() && source->size > 1;
    if (!*is_done) return Outcome::ok;
    const char *since = m.arena().mark();
    Items items;
    Value *images;
    TRY(elements(m, source, &items));
    TRY(m.charge(items.size));
    TRY(m.allocate(items.size, &images));
    Images image(m, function, items, Images::Wanted::alike);
    for (size_t k = 0; k < items.size; ++k) {
        Outcome outcome = image.next(&images[k]);
        if (is_limit(outcome)) return outcome;
        *is_done = outcome == Outcome::ok && images[k].kind == images[0].kind;
        if (*is_done) TRY(is_settled_image(m, images[k], is_done));
        if (!*is_done) return Outcome::ok;
    }
    Applying *applying;
    TRY(m.allocate(1, &applying));
    *applying = {{Applying::lay_out_images}, source, items, {images, items.size}};
    return set_of_images(m, applying, images[0].kind, since, out);
}

} // namespace codeit
