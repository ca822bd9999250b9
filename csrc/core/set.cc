// The general path: sets of anything as values and a hash table, and what all sets share.
//
// A table is three arrays. values and hashes have the elements in the order in which they were
// inserted, and stay where they are; slots has, for each slot of CPython's table, 0, a dummy's
// mark, or 1 + the index of an element. So to resize moves four bytes a slot, copies of a set share
// its values and hashes, and a set whose order nobody asks for has no slots. Elements with equal
// hashes are compared in full, as CPython does; those that are known to be distinct are placed
// without a look.
//
// Functions are named after the operations of language.md 4.4 to 4.6: add is ADD, place is CLEAN,
// resize is RESIZE, start_copy is COPY.
#include "core/set.h"

#include "core/grid.h"
#include "core/packed_table.h"
#include "core/set_table.h"
#include "core/table_rules.h"

#include <algorithm>

namespace codeit {

using table_rules::grown;
using table_rules::is_crowded;
using table_rules::mask_above;
using table_rules::probe;

namespace {

// CLEAN: the value is not in the table and has a free slot.
inline void place(uint32_t *slots, uint32_t mask, uint64_t hash, uint32_t entry) {
    probe(mask, hash, [&](uint32_t at) {
        if (slots[at] != Set::kEmptySlot) return false;
        slots[at] = entry;
        return true;
    });
}

// The bit of each kind that occurs: "all are pairs" is then one comparison.
uint16_t kinds_of(const Value *values, size_t size) {
    unsigned kinds = 0;
    for (size_t k = 0; k < size; ++k) kinds |= 1u << static_cast<unsigned>(values[k].kind);
    return static_cast<uint16_t>(kinds);
}

} // namespace

Outcome allocate_slots(Machine &m, uint32_t mask, uint32_t **out) {
    size_t count = size_t{mask} + 1;
    TRY(m.allocate(count, out));
    std::memset(*out, 0, count * sizeof(uint32_t));
    return Outcome::ok;
}

// RESIZE: lays the live slots out afresh, slot 0 upward.
Outcome resize(Machine &m, Set *set, uint64_t more_than) {
    uint32_t mask = mask_above(more_than);
    // CPython keeps the eight slots that are part of the object, unless they have dummies.
    if (mask == 7 && set->mask == 7 && set->fill == set->size) return Outcome::ok;
    uint32_t *slots;
    TRY(allocate_slots(m, mask, &slots));
    // What a later turn reads is asked for in time where the table is not in the caches.
    constexpr uint32_t kAhead = 8;
    constexpr uint32_t kCached = 1 << 13;
    auto entry_at = [&](uint32_t at) {
        uint32_t entry = at <= set->mask ? set->slots[at] : Set::kEmptySlot;
        return entry == Set::kDummySlot ? Set::kEmptySlot : entry;
    };
    for (uint32_t at = 0; at <= set->mask; ++at) {
        if (mask >= kCached) {
            uint32_t next = entry_at(at + kAhead);
            uint32_t later = entry_at(at + 2 * kAhead);
            if (later != 0) __builtin_prefetch(set->hashes + (later - 1));
            if (next != 0) __builtin_prefetch(slots + (set->hashes[next - 1] & mask));
        }
        if (uint32_t entry = entry_at(at)) place(slots, mask, set->hashes[entry - 1], entry);
    }
    set->slots = slots;
    set->mask = mask;
    set->fill = set->size;
    return Outcome::ok;
}

Outcome fill_values(Machine &m, Set *set) {
    if (set->values != nullptr || set->size == 0) return Outcome::ok;
    if (!set->is_packed()) return lay_out(m, set); // which makes them
    TRY(m.charge(set->size));
    m.before_change(set);
    TRY(m.allocate(set->size, &set->values));
    Value *next = set->values;
    const Patch &patch = set->patch;
    if (set->holds_only(Kind::pair)) {
        for_each_place(patch.bits, [&](int32_t i, int32_t j) { *next++ = Value::pair(i, j); });
    } else {
        for_each_place(patch.bits, [&](int32_t i, int32_t j) {
            *next++ = Value::cell(patch.color_at(i, j), i, j);
        });
    }
    return Outcome::ok;
}

Outcome elements(Machine &m, Set *set, Items *out) {
    TRY(fill_values(m, set));
    *out = {set->values, set->size};
    return Outcome::ok;
}

Outcome ensure_hashes(Machine &m, Set *set) {
    if (set->hashes != nullptr) return Outcome::ok;
    TRY(fill_values(m, set));
    if (set->hashes != nullptr) return Outcome::ok;
    TRY(m.charge(uint64_t{set->size} * units::kNested));
    uint64_t *hashes;
    TRY(m.allocate(set->size, &hashes));
    for (uint32_t k = 0; k < set->size; ++k) TRY(hash_of(m, set->values[k], &hashes[k]));
    m.before_change(set);
    set->hashes = hashes;
    return Outcome::ok;
}

Outcome ValueTable::start() {
    TRY(m_.charge(uint64_t{set_->size} * units::kPlaced));
    TRY(ensure_hashes(m_, set_));
    table_.hashes = set_->hashes;
    return allocate_slots(m_, table_.mask, &table_.slots);
}

void ValueTable::expect(uint32_t index) const {
    __builtin_prefetch(table_.slots + (table_.hashes[index] & table_.mask));
}

Outcome ValueTable::add(uint32_t index) {
    place(table_.slots, table_.mask, table_.hashes[index], index + 1);
    table_.fill = ++table_.size;
    return is_crowded(table_.fill, table_.mask) ? resize(m_, &table_, grown(table_.size))
                                                : Outcome::ok;
}

Outcome ValueTable::finish() {
    if (table_.size != set_->size) return broken_invariant();
    m_.before_change(set_);
    set_->mask = table_.mask;
    set_->fill = table_.fill;
    set_->slots = table_.slots;
    return Outcome::ok;
}

Outcome lay_out_distinct(Machine &m, Set *set) {
    ValueTable table(m, set);
    TRY(table.start());
    for (uint32_t k = 0; k < set->size; ++k) TRY(table.add(k));
    return table.finish();
}

Outcome turns_of(Machine &m, Set *set, const Items &elements, uint32_t **out) {
    TRY(m.charge(set->size));
    TRY(m.allocate_scratch(set->size, out));
    uint32_t *next = *out;
    if (set->is_packed()) return turns_of_packed(m, set, elements, next);
    TRY(lay_out(m, set));
    uint32_t *indices = nullptr; // of the values among the elements, where they have moved
    if (set->values != elements.data) {
        TRY(m.charge(set->size));
        TRY(m.allocate_scratch(set->size, &indices));
        for (uint32_t k = 0; k < set->size; ++k) {
            uint64_t hash;
            uint32_t entry;
            TRY(hash_of(m, elements[k], &hash));
            TRY(find(m, set, elements[k], hash, &entry));
            if (entry == Set::kEmptySlot) return broken_invariant();
            indices[entry - 1] = k;
        }
    }
    for (uint32_t at = 0; at <= set->mask; ++at) {
        uint32_t entry = set->slots[at];
        if (entry == Set::kEmptySlot || entry == Set::kDummySlot) continue;
        *next++ = indices != nullptr ? indices[entry - 1] : entry - 1;
    }
    return Outcome::ok;
}

// COPY, into a set that shares the values and hashes of its source, which is laid out.
Outcome start_copy(Machine &m, const Set *source, Set *set) {
    m.before_change(set);
    set->size = source->size;
    set->kinds = source->kinds;
    set->values = source->values;
    set->hashes = source->hashes;
    uint32_t mask = 7;
    if (is_crowded(set->size, mask)) mask = mask_above(uint64_t{set->size} * 2);
    uint32_t *slots;
    // MERGE takes a table over slot by slot where it is as large and has no dummies; the two sets
    // can then share it, as neither changes.
    if (mask == source->mask && source->fill == source->size) {
        slots = source->slots;
    } else {
        TRY(allocate_slots(m, mask, &slots));
        for (uint32_t at = 0; at <= source->mask; ++at) {
            uint32_t entry = source->slots[at];
            if (entry != Set::kEmptySlot && entry != Set::kDummySlot) {
                place(slots, mask, set->hashes[entry - 1], entry);
            }
        }
    }
    set->mask = mask;
    set->fill = set->size;
    set->slots = slots;
    return Outcome::ok;
}

Outcome lay_out(Machine &m, Set *set) {
    if (set->slots != nullptr) return Outcome::ok;
    if (set->is_packed()) {
        TRY(lay_out_packed(m, set));
        return set->slots != nullptr ? Outcome::ok : decode_table(m, set);
    }
    switch (set->recipe) {
    case Set::Recipe::inserted:
        TRY(lay_out_distinct(m, set));
        break;
    case Set::Recipe::copied:
        TRY(lay_out(m, set->source));
        TRY(start_copy(m, set->source, set));
        break;
    case Set::Recipe::constructed:
        TRY(set->construction->lay_out(m, *set->construction, set));
        break;
    case Set::Recipe::mapped: // always packed
        return broken_invariant();
    }
    m.before_change(set);
    set->chain = 0;
    return Outcome::ok;
}

// The entry (1 + index) of v, or kEmptySlot.
Outcome find(Machine &m, const Set *set, const Value &v, uint64_t hash, uint32_t *entry) {
    TRY(m.charge(units::kFound));
    Outcome failure = Outcome::ok;
    *entry = Set::kEmptySlot;
    probe(set->mask, hash, [&](uint32_t at) {
        uint32_t candidate = set->slots[at];
        if (candidate == Set::kEmptySlot) return true;
        if (candidate == Set::kDummySlot || set->hashes[candidate - 1] != hash) return false;
        bool is_equal;
        failure = equal_items(m, set->values[candidate - 1], v, &is_equal);
        if (failure != Outcome::ok) return true;
        if (is_equal) *entry = candidate;
        return is_equal;
    });
    return failure;
}

// Room for `count` values and hashes in a table under construction.
Outcome reserve(Machine &m, Set *set, size_t count, size_t *capacity) {
    if (count <= *capacity) return Outcome::ok;
    size_t wanted = std::max<size_t>(count, *capacity * 2);
    Value *values;
    uint64_t *hashes;
    TRY(m.allocate(wanted, &values));
    TRY(m.allocate(wanted, &hashes));
    if (set->size != 0) {
        std::memcpy(static_cast<void *>(values), set->values, set->size * sizeof(Value));
        std::memcpy(hashes, set->hashes, set->size * sizeof(uint64_t));
    }
    set->values = values;
    set->hashes = hashes;
    *capacity = wanted;
    return Outcome::ok;
}

Outcome start_table(Machine &m, Set *set, size_t *capacity) {
    TRY(reserve(m, set, 4, capacity));
    return allocate_slots(m, set->mask, &set->slots);
}

// ADD, into a table under construction: an equal element that is there already stays. *index says
// where it, or v, stands among the values.
Outcome add(Machine &m, Set *set, size_t *capacity, const Value &v, uint64_t hash,
            uint32_t *index) {
    TRY(m.charge(units::kAdded));
    Outcome failure = Outcome::ok;
    uint32_t free_slot = UINT32_MAX;
    uint32_t num_probes = 0;
    *index = set->size;
    auto look_at = [&](uint32_t at) {
        ++num_probes;
        uint32_t candidate = set->slots[at];
        if (candidate == Set::kEmptySlot) {
            free_slot = at;
            return true;
        }
        if (candidate == Set::kDummySlot || set->hashes[candidate - 1] != hash) return false;
        bool is_equal;
        failure = equal_items(m, set->values[candidate - 1], v, &is_equal);
        if (failure == Outcome::ok && is_equal) *index = candidate - 1;
        return failure != Outcome::ok || is_equal;
    };
    // The first slot is free more often than not.
    auto home = static_cast<uint32_t>(hash) & set->mask;
    if (set->slots[home] == Set::kEmptySlot) {
        free_slot = home;
    } else {
        probe(set->mask, hash, look_at);
    }
    // Hashes that meet again and again are the business of hostile programs.
    if (num_probes > table_rules::kLinearProbes + 1) TRY(m.charge(num_probes * units::kFound));
    if (free_slot == UINT32_MAX) return failure;
    if (set->size == *capacity) TRY(reserve(m, set, set->size + size_t{1}, capacity));
    set->values[set->size] = v;
    set->hashes[set->size] = hash;
    set->slots[free_slot] = ++set->size;
    ++set->fill;
    set->kinds = static_cast<uint16_t>(set->kinds | 1u << static_cast<unsigned>(v.kind));
    if (is_crowded(set->fill, set->mask)) return resize(m, set, grown(set->size));
    return Outcome::ok;
}

Outcome publish(Machine &m, const Set &table, Value *out) {
    Set *set;
    TRY(m.allocate(1, &set));
    *set = table;
    *out = Value::of_set(set);
    return Outcome::ok;
}

Outcome ordered(Machine &m, Set *set, const Value **out) {
    // A set of one element has one order, whatever its table.
    if (set->size <= 1) {
        TRY(fill_values(m, set));
        *out = set->values;
        return Outcome::ok;
    }
    if (set->in_order == nullptr && set->is_packed()) {
        TRY(lay_out_packed(m, set));
        TRY(decode_order(m, set));
    }
    if (set->in_order == nullptr) {
        TRY(lay_out(m, set));
        Value *values;
        constexpr auto kTuple = 1u << static_cast<unsigned>(Kind::tuple);
        bool has_tuples = (set->kinds & kTuple) != 0; // which will be read in this order
        TRY(m.charge(uint64_t{set->size} * (has_tuples ? units::kFetched : units::kNested)));
        TRY(m.allocate(set->size, &values));
        Value *next = values;
        for (uint32_t at = 0; at <= set->mask; ++at) {
            uint32_t entry = set->slots[at];
            if (entry != Set::kEmptySlot && entry != Set::kDummySlot) {
                *next++ = set->values[entry - 1];
            }
        }
        m.before_change(set);
        set->in_order = values;
    }
    *out = set->in_order;
    return Outcome::ok;
}

Outcome set_of_distinct(Machine &m, Value *values, size_t size, Value *out) {
    TRY(m.charge(size));
    Set *set;
    TRY(new_set(m, &set, out));
    set->size = static_cast<uint32_t>(size);
    set->values = values;
    set->kinds = kinds_of(values, size);
    return Outcome::ok;
}

Outcome copy_of_set(Machine &m, Set *source, Value *out) {
    TRY(m.charge(1));
    Set *set;
    TRY(new_set(m, &set, out));
    TRY(link(m, source, set));
    set->recipe = Set::Recipe::copied;
    set->kinds = source->kinds;
    set->has_hash = source->has_hash;
    set->hash = source->hash;
    set->values = source->values;
    set->hashes = source->hashes;
    set->patch = source->patch;
    set->is_unpackable = source->is_unpackable;
    set->is_sparse = source->is_sparse;
    return Outcome::ok;
}

Outcome tuple_or_grid(Machine &m, const ValueList &list, Value *out) {
    *out = list.as_tuple();
    Items items = list.items();
    bool may_be_grid = items.size != 0 && items[0].kind == Kind::tuple && items[0].size > 2 &&
                       items[0].items[0].kind == Kind::integer;
    if (!may_be_grid) return Outcome::ok;
    const Grid *grid;
    TRY(dense_grid(m, *out, &grid));
    if (grid != nullptr) *out = Value::of_grid(grid);
    return Outcome::ok;
}

Outcome SetBuilder::add(const Value &v, uint32_t *index) {
    uint64_t hash;
    uint32_t unused;
    TRY(hash_of(m_, v, &hash));
    return add_hashed(v, hash, index != nullptr ? index : &unused);
}

Outcome SetBuilder::add_hashed(const Value &v, uint64_t hash, uint32_t *index) {
    if (table_.slots == nullptr) TRY(start_table(m_, &table_, &capacity_));
    return codeit::add(m_, &table_, &capacity_, v, hash, index);
}

Outcome SetBuilder::finish(Value *out) {
    return publish(m_, table_, out);
}

Outcome SetBuilder::finish_copied(Value *out) {
    Value built;
    TRY(finish(&built));
    return copy_of_set(m_, built.set, out);
}

} // namespace codeit
