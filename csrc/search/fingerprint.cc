#include "search/fingerprint.h"

#include "core/grid.h"
#include "core/packed_set.h"
#include "core/sequence.h"

namespace codeit::search {
namespace {

// What the kinds of values begin with.
enum Seed : uint64_t {
    kNone = 11,
    kBool,
    kInt,
    kPair,
    kCell,
    kGrid,
    kTuple,
    kEmpty,
    kPatch,
    kSet,
    kPrimitive,
    kClosure
};

uint64_t of_grid(const Grid &grid) {
    uint64_t h =
        mixed(kGrid, static_cast<uint64_t>(grid.height) << 32 | static_cast<uint64_t>(grid.width));
    for (int32_t i = 0; i < grid.height; ++i) {
        const int8_t *row = grid.row(i);
        int32_t j = 0;
        uint64_t word;
        for (; j + 8 <= grid.width; j += 8) {
            std::memcpy(&word, row + j, sizeof word);
            h = mixed(h, word);
        }
        word = 0;
        std::memcpy(&word, row + j, static_cast<size_t>(grid.width - j));
        h = mixed(h, word);
    }
    return h;
}

// A patch is held by one color for all places or by a color for each; a patch of one color may be
// held either way.
uint64_t of_patch(const Set &set) {
    const Patch &patch = set.patch;
    const Bitmap &bits = patch.bits;
    uint64_t h = mixed(kPatch + set.kinds, set.size);
    h = mixed(h, static_cast<uint64_t>(static_cast<uint32_t>(bits.top)) << 32 |
                     static_cast<uint32_t>(bits.left));
    for (int32_t i = 0; i < bits.height; ++i) {
        h = mixed(h, low_half(bits.rows[i]));
        if (bits.width > 64) h = mixed(h, high_half(bits.rows[i]));
    }
    if (set.holds_only(Kind::pair)) return h;
    if (patch.colors == nullptr) return mixed(h, static_cast<uint64_t>(patch.color));
    uint64_t colors = 0;
    int32_t first = 0;
    bool has_one = true;
    bool is_first = true;
    for_each_place(bits, [&](int32_t i, int32_t j) {
        const int32_t color = patch.color_at(i, j);
        if (is_first) first = color;
        is_first = false;
        has_one = has_one && color == first;
        colors = (colors ^ static_cast<uint64_t>(color)) * 0x100000001B3u;
    });
    return has_one ? mixed(h, static_cast<uint64_t>(first)) : mixed(mixed(h, colors), set.size);
}

Outcome of_items(Machine &m, uint64_t seed, const Value *items, size_t size, uint64_t *out) {
    uint64_t h = mixed(seed, size);
    for (size_t k = 0; k < size; ++k) {
        uint64_t item;
        TRY(fingerprint(m, items[k], &item));
        h = mixed(h, item);
    }
    *out = h;
    return Outcome::ok;
}

Outcome of_set(Machine &m, Set *set, uint64_t *out) {
    if (set->size == 0) {
        *out = mixed(kEmpty, 0);
        return Outcome::ok;
    }
    TRY(m.charge(set->size));
    bool is_packed;
    TRY(pack(m, set, &is_packed, true));
    if (is_packed) {
        *out = of_patch(*set);
        return Outcome::ok;
    }
    const bool is_patch = set->holds_only(Kind::pair) || set->holds_only(Kind::cell);
    if (!is_patch) {
        const Value *items;
        TRY(ordered(m, set, &items));
        return of_items(m, kSet, items, set->size, out);
    }
    // Wide, or with two cells at one place.
    Items items;
    TRY(elements(m, set, &items));
    uint64_t sum = 0;
    for (const Value &item : items) {
        uint64_t one;
        TRY(fingerprint(m, item, &one));
        sum += one;
    }
    *out = mixed(mixed(kSet, set->size), sum);
    return Outcome::ok;
}

Outcome of_closure(Machine &m, const Closure &closure, uint64_t *out) {
    const bool has_three =
        closure.form == Closure::Form::fork || closure.form == Closure::Form::chain;
    return of_items(m, kClosure + 16 * static_cast<uint64_t>(closure.form), closure.parts,
                    has_three ? 3 : 2, out);
}

} // namespace

Outcome fingerprint(Machine &m, const Value &v, uint64_t *out) {
    TRY(m.charge(units::kNested));
    switch (v.kind) {
    case Kind::boolean:
        *out = mixed(kBool, static_cast<uint64_t>(v.integer));
        return Outcome::ok;
    case Kind::integer:
        *out = mixed(kInt, static_cast<uint64_t>(v.integer));
        return Outcome::ok;
    case Kind::pair:
        *out = mixed(kPair, static_cast<uint64_t>(v.integer));
        return Outcome::ok;
    case Kind::cell:
        *out =
            mixed(mixed(kCell, static_cast<uint64_t>(v.integer)), static_cast<uint64_t>(v.color));
        return Outcome::ok;
    case Kind::grid:
        TRY(m.charge(static_cast<uint64_t>(v.grid->num_cells()) / 8));
        *out = of_grid(*v.grid);
        return Outcome::ok;
    case Kind::tuple: {
        const Grid *grid;
        TRY(dense_grid(m, v, &grid));
        if (grid != nullptr) {
            *out = of_grid(*grid);
            return Outcome::ok;
        }
        NestingScope nesting(m);
        TRY(nesting.outcome());
        return of_items(m, kTuple, v.items, v.size, out);
    }
    case Kind::set: {
        NestingScope nesting(m);
        TRY(nesting.outcome());
        return of_set(m, v.set, out);
    }
    case Kind::function: {
        if (v.closure == nullptr) {
            *out = mixed(kPrimitive, static_cast<uint64_t>(v.opcode));
            return Outcome::ok;
        }
        NestingScope nesting(m);
        TRY(nesting.outcome());
        return of_closure(m, *v.closure, out);
    }
    case Kind::joined: { // inside a closure
        Value settled = v;
        TRY(m.settle(&settled));
        return fingerprint(m, settled, out);
    }
    case Kind::none:
    case Kind::unbound:
        break;
    }
    *out = mixed(kNone, 0);
    return Outcome::ok;
}

} // namespace codeit::search
