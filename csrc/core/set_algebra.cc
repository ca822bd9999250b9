// Frozensets as sets: membership, union, intersection, difference, equality, inclusion.
//
// Each operation has two forms. Of packed sets, the elements of the result are found as bits, and a
// Construction is kept that does the operation of language.md 4.6 when the order is asked for. The
// functions of tables do that operation at once, slot by slot, for any sets. Which form is taken
// never shows: the elements are the same, and so is the table in the end.
//
// Questions (equality, inclusion, membership) have no order, and pack what can be packed first.
#include "core/set_algebra.h"

#include "core/packed_table.h"
#include "core/patch_union.h"
#include "core/set_table.h"
#include "core/table_rules.h"

#include <algorithm>

namespace codeit {
namespace {

using table_rules::grown;
using table_rules::is_crowded;

// OR: MERGE of b into COPY(a).
Outcome union_of_tables(Machine &m, Set *a, Set *b, Value *out) {
    TRY(m.charge(uint64_t{a->size} + b->size));
    TRY(lay_out(m, a));
    Set table; // COPY(a), with arrays of its own that can grow
    TRY(start_copy(m, a, &table));
    size_t capacity = 0;
    TRY(reserve(m, &table, size_t{a->size} + b->size, &capacity));
    uint32_t *slots;
    TRY(allocate_slots(m, table.mask, &slots));
    std::memcpy(slots, table.slots, (size_t{table.mask} + 1) * sizeof(uint32_t));
    table.slots = slots;
    if (is_crowded(uint64_t{table.fill} + b->size, table.mask)) {
        TRY(resize(m, &table, (uint64_t{table.size} + b->size) * 2));
    }
    const Value *items;
    TRY(ordered(m, b, &items));
    for (uint32_t k = 0; k < b->size; ++k) {
        uint64_t hash;
        TRY(hash_of(m, items[k], &hash));
        uint32_t index;
        TRY(add(m, &table, &capacity, items[k], hash, &index));
    }
    return publish(m, table, out);
}

// AND: the elements of the smaller set that the other one has; of b's where they are as large.
Outcome intersection_of_tables(Machine &m, Set *a, Set *b, Value *out) {
    Set *small = b->size > a->size ? a : b;
    Set *big = small == a ? b : a;
    TRY(lay_out(m, small));
    if (!big->is_packed()) TRY(lay_out(m, big));
    TRY(m.charge(uint64_t{small->mask} + 1));
    Set table;
    size_t capacity = 0;
    TRY(start_table(m, &table, &capacity));
    for (uint32_t at = 0; at <= small->mask; ++at) {
        const uint32_t own = small->slots[at];
        if (own == Set::kEmptySlot || own == Set::kDummySlot) continue;
        const Value &v = small->values[own - 1];
        const uint64_t hash = small->hashes[own - 1];
        bool is_common;
        if (big->is_packed()) {
            TRY(contains(m, big, v, &is_common));
        } else {
            uint32_t entry;
            TRY(find(m, big, v, hash, &entry));
            is_common = entry != Set::kEmptySlot;
        }
        if (!is_common) continue;
        uint32_t index;
        TRY(add(m, &table, &capacity, v, hash, &index));
    }
    return publish(m, table, out);
}

// SUB: COPY(a) with dummies where |a| >> 2 > |b|, else GEN of what is left.
Outcome difference_of_tables(Machine &m, Set *a, Set *b, Value *out) {
    TRY(m.charge(uint64_t{a->size} + b->size));
    TRY(lay_out(m, a));
    TRY(lay_out(m, b));
    Set table;
    size_t capacity = 0;
    if (a->size >> 2 <= b->size) {
        const Value *items;
        TRY(ordered(m, a, &items));
        TRY(start_table(m, &table, &capacity));
        for (uint32_t k = 0; k < a->size; ++k) {
            uint64_t hash;
            TRY(hash_of(m, items[k], &hash));
            uint32_t entry;
            TRY(find(m, b, items[k], hash, &entry));
            if (entry != Set::kEmptySlot) continue;
            uint32_t index;
            TRY(add(m, &table, &capacity, items[k], hash, &index));
        }
        return publish(m, table, out);
    }

    // b is small beside a: copy a's table and leave a dummy where an element of b was.
    Set copy;
    TRY(start_copy(m, a, &copy));
    table.mask = copy.mask;
    TRY(reserve(m, &table, a->size, &capacity));
    TRY(allocate_slots(m, table.mask, &table.slots));
    for (uint32_t at = 0; at <= copy.mask; ++at) {
        uint32_t entry = copy.slots[at];
        if (entry == Set::kEmptySlot) continue;
        const Value &v = copy.values[entry - 1];
        uint64_t hash = copy.hashes[entry - 1];
        uint32_t in_b;
        TRY(find(m, b, v, hash, &in_b));
        ++table.fill;
        if (in_b != Set::kEmptySlot) {
            table.slots[at] = Set::kDummySlot;
            continue;
        }
        table.values[table.size] = v;
        table.hashes[table.size] = hash;
        table.slots[at] = ++table.size;
        table.kinds = static_cast<uint16_t>(table.kinds | 1u << static_cast<unsigned>(v.kind));
    }
    if (table.fill - table.size > table.mask >> 2) TRY(resize(m, &table, grown(table.size)));
    return publish(m, table, out);
}

Outcome is_subset_of_table(Machine &m, Set *a, Set *b, bool *result) {
    TRY(m.charge(a->size));
    TRY(ensure_hashes(m, a));
    TRY(lay_out(m, b));
    for (uint32_t k = 0; k < a->size; ++k) {
        uint32_t entry;
        TRY(find(m, b, a->values[k], a->hashes[k], &entry));
        if (entry == Set::kEmptySlot) {
            *result = false;
            return Outcome::ok;
        }
    }
    *result = true;
    return Outcome::ok;
}

// GEN of the elements of a set that are kept, to be done when the order is asked for.
struct Selection : Construction {
    Set *source;
    Items elements;
    Value *kept;

    static bool are_same(const Value &a, const Value &b) {
        return std::memcmp(&a, &b, sizeof(Value)) == 0;
    }

    static Outcome lay_out_selection(Machine &m, const Construction &how, Set *set) {
        const auto &selection = static_cast<const Selection &>(how);
        Set *source = selection.source;
        const Items &elements = selection.elements;
        constexpr uint32_t kNone = UINT32_MAX;
        ScratchScope scratch(m);
        uint32_t *turns;
        uint32_t *indices; // of the elements among those kept
        TRY(turns_of(m, source, elements, &turns));
        TRY(m.charge(source->size));
        TRY(m.allocate_scratch(source->size, &indices));
        // Those kept are some of the elements, in their order: one pass over both finds which.
        uint32_t count = 0;
        for (uint32_t k = 0; k < source->size; ++k) {
            bool is_kept = count < set->size && are_same(elements[k], selection.kept[count]);
            indices[k] = is_kept ? count++ : kNone;
        }
        if (source->values == elements.data && source->hashes != nullptr &&
            set->hashes == nullptr) {
            uint64_t *hashes;
            TRY(m.allocate(set->size, &hashes));
            for (uint32_t k = 0; k < source->size; ++k) {
                if (indices[k] != kNone) hashes[indices[k]] = source->hashes[k];
            }
            m.before_change(set);
            set->hashes = hashes;
        }
        ValueTable table(m, set);
        TRY(table.start());
        for (uint32_t k = 0; k < source->size; ++k) {
            if (indices[turns[k]] != kNone) TRY(table.add(indices[turns[k]]));
        }
        return table.finish();
    }
};

// SUB, to be done when the order of its result is asked for. Only where dummies are left: otherwise
// the result is a selection of a's elements.
struct Difference : Construction {
    Set *a;
    Set *b;

    static Outcome lay_out_difference(Machine &m, const Construction &how, Set *set) {
        const auto &difference = static_cast<const Difference &>(how);
        Value built;
        TRY(difference_of_tables(m, difference.a, difference.b, &built));
        return adopt_table(m, built, set);
    }
};

// Whether both are held as bits, or can be, and neither is empty.
Outcome pack_both(Machine &m, Set *a, Set *b, bool *are_packed) {
    TRY(pack(m, a, are_packed));
    return *are_packed ? pack(m, b, are_packed) : Outcome::ok;
}

} // namespace

Outcome filtered_set(Machine &m, Set *source, const Items &elements, Value *kept, size_t size,
                     Value *out) {
    Selection *selection;
    TRY(m.allocate(1, &selection));
    *selection = {{Selection::lay_out_selection}, source, elements, kept};
    return constructed_set(m, kept, size, source->kinds, selection, source->chain, out);
}

namespace {

bool is_tuple_of_integers(const Value &v) {
    return v.kind == Kind::tuple && v.size == 2 && v.items[0].kind == Kind::integer &&
           v.items[1].kind == Kind::integer;
}

// A place or a cell with a number of more than 32 bits, or it would be held as one.
bool is_beyond_packed(const Value &v) {
    return is_tuple_of_integers(v) ||
           (v.kind == Kind::tuple && v.size == 2 && v.items[0].kind == Kind::integer &&
            is_tuple_of_integers(v.items[1]));
}

} // namespace

Outcome contains(Machine &m, Set *set, const Value &v, bool *out) {
    if (set->is_packed() && is_beyond_packed(v)) {
        *out = false;
        return Outcome::ok;
    }
    if (set->is_packed() && v.kind != Kind::tuple && v.kind != Kind::grid) {
        *out = set->holds_only(v.kind) && set->patch.bits.contains(v.i, v.j) &&
               (v.kind == Kind::pair || set->patch.color_at(v.i, v.j) == v.color);
        return Outcome::ok;
    }
    uint64_t hash;
    TRY(hash_of(m, v, &hash));
    TRY(lay_out(m, set));
    uint32_t entry;
    TRY(find(m, set, v, hash, &entry));
    *out = entry != Set::kEmptySlot;
    return Outcome::ok;
}

Outcome set_union(Machine &m, Set *a, Set *b, Value *out) {
    if (a == b || b->size == 0) return copy_of_set(m, a, out);
    if (a->size == 0) return copy_of_set(m, b, out);
    bool are_packed;
    TRY(pack_both(m, a, b, &are_packed));
    if (are_packed && a->kinds == b->kinds) {
        PatchUnion both(m);
        Patch patch;
        uint32_t size;
        TRY(both.add(Value::of_set(a), &are_packed));
        TRY(both.add(Value::of_set(b), &are_packed));
        TRY(both.finish(&patch, &size, &are_packed));
        if (are_packed) {
            return united_set(m, a, b, patch, size, out);
        }
    }
    return union_of_tables(m, a, b, out);
}

Outcome set_intersection(Machine &m, Set *a, Set *b, Value *out) {
    // One object: CPython looks at this before anything else (language.md 4.8).
    if (a == b) return copy_of_set(m, a, out);
    bool are_packed;
    TRY(pack_both(m, a, b, &are_packed));
    if (!are_packed || a->kinds != b->kinds) return intersection_of_tables(m, a, b, out);
    Patch patch;
    uint32_t size;
    Set *small = b->size > a->size ? a : b;
    TRY(common_places(m, *small, small == a ? *b : *a, &patch, &size));
    return filtered_set(m, small, kind_of(*small), patch, size, out);
}

Outcome set_difference(Machine &m, Set *a, Set *b, Value *out) {
    bool are_packed;
    TRY(pack_both(m, a, b, &are_packed));
    if (!are_packed || a->kinds != b->kinds) return difference_of_tables(m, a, b, out);
    Patch patch;
    uint32_t size;
    TRY(other_places(m, *a, *b, &patch, &size));
    if (a->size >> 2 <= b->size) return filtered_set(m, a, kind_of(*a), patch, size, out);
    Difference *difference;
    TRY(m.allocate(1, &difference));
    *difference = {{Difference::lay_out_difference}, a, b};
    return constructed_set(m, kind_of(*a), patch, size, difference, std::max(a->chain, b->chain),
                           out);
}

Outcome is_subset(Machine &m, Set *a, Set *b, bool *result) {
    *result = a->size == 0;
    if (a->size == 0 || a->size > b->size) return Outcome::ok;
    bool are_packed;
    TRY(pack_both(m, a, b, &are_packed));
    if (!are_packed) return is_subset_of_table(m, a, b, result);
    if (a->kinds != b->kinds) return Outcome::ok;
    const Patch &of_a = a->patch;
    const Patch &of_b = b->patch;
    TRY(m.charge(static_cast<uint64_t>(of_a.bits.height)));
    if (!is_within(of_a.bits, of_b.bits)) return Outcome::ok;
    bool are_equal = true;
    if (kind_of(*a) == Kind::cell) {
        if (of_a.colors == nullptr && of_b.colors == nullptr) {
            are_equal = of_a.color == of_b.color;
        } else {
            TRY(m.charge(a->size));
            for_each_place(of_a.bits, [&](int32_t i, int32_t j) {
                are_equal = are_equal && of_a.color_at(i, j) == of_b.color_at(i, j);
            });
        }
    }
    *result = are_equal;
    return Outcome::ok;
}

Outcome equal_sets(Machine &m, Set *a, Set *b, bool *result) {
    if (a == b) {
        *result = true;
        return Outcome::ok;
    }
    *result = false;
    if (a->size != b->size) return Outcome::ok;
    // Hashes are kept, so that of many unequal sets most are told apart by one comparison. Bits are
    // compared in less time than they are hashed.
    if (!a->is_densely_packed() || !b->is_densely_packed()) {
        uint64_t hash_a;
        uint64_t hash_b;
        TRY(hash_set(m, a, &hash_a));
        TRY(hash_set(m, b, &hash_b));
        if (hash_a != hash_b) return Outcome::ok;
    }
    return is_subset(m, a, b, result); // of as many elements
}

} // namespace codeit
