// Relations of values that have parts, or are of different kinds (language.md 3.5 to 3.7 and 4.1).
//
// A value can hold itself many times over, so that its size as a tree has no bound in its memory:
// each level is charged for and counted, as depth where CPython counts it (comparisons), as nesting
// where it does not (hashes).
#include "core/value.h"

#include "core/grid.h"
#include "core/packed_set.h"
#include "core/sequence.h"
#include "core/set_algebra.h"

#include <algorithm>

namespace codeit {
namespace {

Outcome equal_grids(Machine &m, const Grid &a, const Grid &b, bool *result) {
    *result = false;
    if (a.height != b.height || a.width != b.width) return Outcome::ok;
    TRY(m.charge(static_cast<uint64_t>(a.num_cells())));
    for (int64_t i = 0; i < a.height; ++i) {
        if (std::memcmp(a.row(i), b.row(i), static_cast<size_t>(a.width)) != 0) return Outcome::ok;
    }
    *result = true;
    return Outcome::ok;
}

// The position of the first unequal items, or the smaller size when there is none.
Outcome first_difference(Machine &m, const Items &a, const Items &b, size_t *out) {
    size_t common = std::min(a.size, b.size);
    size_t k = 0;
    for (; k < common; ++k) {
        bool is_equal;
        TRY(equal_items(m, a[k], b[k], &is_equal));
        if (!is_equal) break;
    }
    *out = k;
    return Outcome::ok;
}

Outcome hash_tuple(Machine &m, const Value &v, uint64_t *result) {
    Items items;
    TRY(items_of(m, v, &items));
    TRY(m.charge(units::kNested + items.size * 3));
    uint64_t accumulator = hashing::kPrime5;
    for (const Value &item : items) {
        uint64_t hash;
        TRY(hash_of(m, item, &hash));
        accumulator = hashing::add_item(accumulator, hash);
    }
    *result = hashing::finish_tuple(accumulator, items.size);
    return Outcome::ok;
}

} // namespace

Outcome equal_composites(Machine &m, const Value &a, const Value &b, bool *result) {
    TRY(m.charge(units::kNested));
    if (a.is_tuple() && b.is_tuple()) {
        size_t size_a = 0;
        size_t size_b = 0;
        TRY(length_of(a, &size_a));
        TRY(length_of(b, &size_b));
        *result = false;
        if (size_a != size_b) return Outcome::ok;
        if (a.kind == Kind::grid && b.kind == Kind::grid) {
            return equal_grids(m, *a.grid, *b.grid, result);
        }
        // Items that are one object are equal to themselves: there is no NaN.
        if (a.kind == Kind::tuple && b.kind == Kind::tuple && a.items == b.items) {
            *result = true;
            return Outcome::ok;
        }
        DepthScope nesting(m);
        TRY(nesting.outcome());
        Items items_a;
        Items items_b;
        TRY(items_of(m, a, &items_a));
        TRY(items_of(m, b, &items_b));
        size_t position;
        TRY(first_difference(m, items_a, items_b, &position));
        *result = position == size_a;
        return Outcome::ok;
    }
    if (a.is_set() && b.is_set()) {
        DepthScope nesting(m);
        TRY(nesting.outcome());
        return equal_sets(m, a.set, b.set, result);
    }
    if (a.kind == Kind::function && b.kind == Kind::function) {
        // Two closures are equal only if they are one; a primitive is one function.
        *result = a.closure == b.closure && (a.closure != nullptr || a.opcode == b.opcode);
    } else if (a.is_int() && b.is_int()) {
        *result = a.integer == b.integer;
    } else {
        *result = a.kind == Kind::none && b.kind == Kind::none;
    }
    return Outcome::ok;
}

Outcome less_composites(Machine &m, const Value &a, const Value &b, bool *result) {
    if (a.is_int() && b.is_int()) {
        *result = a.integer < b.integer;
        return Outcome::ok;
    }
    TRY(m.charge(units::kNested));
    DepthScope nesting(m);
    TRY(nesting.outcome());
    if (a.is_tuple() && b.is_tuple()) {
        Items items_a;
        Items items_b;
        TRY(items_of(m, a, &items_a));
        TRY(items_of(m, b, &items_b));
        size_t position;
        TRY(first_difference(m, items_a, items_b, &position));
        if (position == std::min(items_a.size, items_b.size)) {
            *result = items_a.size < items_b.size;
            return Outcome::ok;
        }
        return less(m, items_a[position], items_b[position], result);
    }
    if (a.is_set() && b.is_set()) {
        *result = false; // a proper subset is smaller
        if (a.set->size >= b.set->size) return Outcome::ok;
        return is_subset(m, a.set, b.set, result);
    }
    return Outcome::type_error;
}

Outcome hash_composite(Machine &m, const Value &v, uint64_t *result) {
    switch (v.kind) {
    case Kind::tuple:
    case Kind::grid: {
        NestingScope nesting(m);
        TRY(nesting.outcome());
        return hash_tuple(m, v, result);
    }
    case Kind::set: {
        NestingScope nesting(m);
        TRY(nesting.outcome());
        return hash_set(m, v.set, result);
    }
    case Kind::function:
        // CPython hashes the address; any fixed number will do (language.md 4.9).
        if (v.closure != nullptr) m.note_hashed_closure();
        *result = v.closure != nullptr ? uint64_t{v.closure->serial} * 0x9E3779B97F4A7C15u
                                       : static_cast<uint64_t>(v.opcode) * 0xC2B2AE3D27D4EB4Fu;
        return Outcome::ok;
    case Kind::none:
        *result = 4238894112u;
        return Outcome::ok; // as CPython 3.12 and later
    default:
        return broken_invariant();
    }
}

bool is_true_composite(const Value &v) {
    switch (v.kind) {
    case Kind::none:
        return false;
    case Kind::tuple:
        return v.size != 0;
    case Kind::set:
        return v.set->size != 0;
    default:
        return true;
    }
}

} // namespace codeit
