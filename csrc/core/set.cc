#include "core/set.h"

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

Outcome allocate_slots(Machine &m, uint32_t mask, uint32_t **out) {
    size_t count = size_t{mask} + 1;
    TRY(m.allocate(count, out));
    std::memset(*out, 0, count * sizeof(uint32_t));
    return Outcome::ok;
}

// RESIZE: lays the live slots out afresh, slot 0 upward.
Outcome resize(Machine &m, Set *set, uint64_t more_than) {
    uint32_t mask = mask_above(more_than);
    if (mask == 7 && set->mask == 7 && set->fill == set->size) return Outcome::ok;
    uint32_t *slots;
    TRY(allocate_slots(m, mask, &slots));
    for (uint32_t at = 0; at <= set->mask; ++at) {
        uint32_t entry = set->slots[at];
        if (entry != Set::kEmptySlot && entry != Set::kDummySlot) {
            place(slots, mask, set->hashes[entry - 1], entry);
        }
    }
    set->slots = slots;
    set->mask = mask;
    set->fill = set->size;
    return Outcome::ok;
}

Outcome ensure_hashes(Machine &m, Set *set) {
    if (set->hashes != nullptr) return Outcome::ok;
    if (set->recipe == Set::Recipe::copied) {
        TRY(ensure_hashes(m, set->source));
        set->hashes = set->source->hashes;
        return Outcome::ok;
    }
    uint64_t *hashes;
    TRY(m.allocate(set->size, &hashes));
    for (uint32_t k = 0; k < set->size; ++k) TRY(hash_of(m, set->values[k], &hashes[k]));
    set->hashes = hashes;
    return Outcome::ok;
}

// GEN of values known to be distinct: the k-th one added is values[next()].
template <typename Next>
Outcome lay_out_distinct(Machine &m, Set *set, Next next) {
    TRY(ensure_hashes(m, set));
    Set table; // of those added so far
    table.hashes = set->hashes;
    TRY(allocate_slots(m, table.mask, &table.slots));
    while (table.size < set->size) {
        uint32_t index = next();
        place(table.slots, table.mask, set->hashes[index], index + 1);
        table.fill = ++table.size;
        if (is_crowded(table.fill, table.mask)) TRY(resize(m, &table, grown(table.size)));
    }
    set->mask = table.mask;
    set->fill = table.fill;
    set->slots = table.slots;
    return Outcome::ok;
}

// COPY, into a set that shares the values and hashes of its source, which is laid out.
Outcome start_copy(Machine &m, const Set *source, Set *set) {
    set->size = source->size;
    set->kinds = source->kinds;
    set->values = source->values;
    set->hashes = source->hashes;
    uint32_t mask = 7;
    if (is_crowded(set->size, mask)) mask = mask_above(uint64_t{set->size} * 2);
    uint32_t *slots;
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
    switch (set->recipe) {
    case Set::Recipe::inserted: {
        uint32_t index = 0;
        TRY(lay_out_distinct(m, set, [&] { return index++; }));
        break;
    }
    case Set::Recipe::mapped: {
        const Set *source = set->source;
        TRY(lay_out(m, set->source));
        uint32_t at = 0;
        TRY(lay_out_distinct(m, set, [&] {
            while (source->slots[at] == Set::kEmptySlot || source->slots[at] == Set::kDummySlot) {
                ++at;
            }
            return source->slots[at++] - 1;
        }));
        break;
    }
    case Set::Recipe::copied:
        TRY(lay_out(m, set->source));
        TRY(start_copy(m, set->source, set));
        break;
    }
    set->chain = 0;
    return Outcome::ok;
}

// The entry (1 + index) of v, or kEmptySlot.
Outcome find(Machine &m, const Set *set, const Value &v, uint64_t hash, uint32_t *entry) {
    Outcome failure = Outcome::ok;
    *entry = Set::kEmptySlot;
    probe(set->mask, hash, [&](uint32_t at) {
        uint32_t candidate = set->slots[at];
        if (candidate == Set::kEmptySlot) return true;
        if (candidate == Set::kDummySlot || set->hashes[candidate - 1] != hash) return false;
        bool is_equal;
        failure = equal(m, set->values[candidate - 1], v, &is_equal);
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
    Outcome failure = Outcome::ok;
    uint32_t free_slot = UINT32_MAX;
    *index = set->size;
    probe(set->mask, hash, [&](uint32_t at) {
        uint32_t candidate = set->slots[at];
        if (candidate == Set::kEmptySlot) {
            free_slot = at;
            return true;
        }
        if (candidate == Set::kDummySlot || set->hashes[candidate - 1] != hash) return false;
        bool is_equal;
        failure = equal(m, set->values[candidate - 1], v, &is_equal);
        if (failure == Outcome::ok && is_equal) *index = candidate - 1;
        return failure != Outcome::ok || is_equal;
    });
    if (free_slot == UINT32_MAX) return failure;
    TRY(reserve(m, set, set->size + size_t{1}, capacity));
    set->values[set->size] = v;
    set->hashes[set->size] = hash;
    set->slots[free_slot] = ++set->size;
    ++set->fill;
    set->kinds = static_cast<uint16_t>(set->kinds | 1u << static_cast<unsigned>(v.kind));
    if (is_crowded(set->fill, set->mask)) return resize(m, set, grown(set->size));
    return Outcome::ok;
}

uint16_t kinds_of(const Value *values, size_t size) {
    unsigned kinds = 0;
    for (size_t k = 0; k < size; ++k) kinds |= 1u << static_cast<unsigned>(values[k].kind);
    return static_cast<uint16_t>(kinds);
}

// Makes `source` the source of a set as large as itself.
Outcome link(Machine &m, Set *source, Set *set) {
    constexpr uint8_t kMaxChain = 32;
    if (source->chain >= kMaxChain) TRY(lay_out(m, source));
    set->chain = static_cast<uint8_t>(source->chain + 1);
    set->source = source;
    set->size = source->size;
    return Outcome::ok;
}

Outcome publish(Machine &m, const Set &table, Value *out) {
    Set *set;
    TRY(m.allocate(1, &set));
    *set = table;
    *out = Value::of_set(set);
    return Outcome::ok;
}

} // namespace

Outcome ordered(Machine &m, Set *set, const Value **out) {
    if (set->size <= 1) {
        *out = set->values;
        return Outcome::ok;
    }
    if (set->in_order == nullptr) {
        TRY(lay_out(m, set));
        Value *values;
        TRY(m.allocate(set->size, &values));
        Value *next = values;
        for (uint32_t at = 0; at <= set->mask; ++at) {
            uint32_t entry = set->slots[at];
            if (entry != Set::kEmptySlot && entry != Set::kDummySlot) {
                *next++ = set->values[entry - 1];
            }
        }
        set->in_order = values;
    }
    *out = set->in_order;
    return Outcome::ok;
}

Outcome contains(Machine &m, Set *set, const Value &v, bool *out) {
    uint64_t hash;
    TRY(hash_of(m, v, &hash));
    TRY(lay_out(m, set));
    uint32_t entry;
    TRY(find(m, set, v, hash, &entry));
    *out = entry != Set::kEmptySlot;
    return Outcome::ok;
}

Outcome set_of_distinct(Machine &m, Value *values, size_t size, Value *out) {
    TRY(m.charge(size));
    Set set;
    set.size = static_cast<uint32_t>(size);
    set.values = values;
    set.kinds = kinds_of(values, size);
    return publish(m, set, out);
}

Outcome set_of_images(Machine &m, Set *source, Value *values, Value *out) {
    TRY(m.charge(source->size));
    Set set;
    TRY(link(m, source, &set));
    set.recipe = Set::Recipe::mapped;
    set.values = values;
    set.kinds = kinds_of(values, source->size);
    return publish(m, set, out);
}

Outcome copy_of_set(Machine &m, Set *source, Value *out) {
    TRY(m.charge(source->size));
    Set set;
    TRY(link(m, source, &set));
    set.recipe = Set::Recipe::copied;
    set.kinds = source->kinds;
    set.has_hash = source->has_hash;
    set.hash = source->hash;
    set.values = source->values;
    set.hashes = source->hashes;
    return publish(m, set, out);
}

Outcome set_union(Machine &m, Set *a, Set *b, Value *out) {
    if (a == b || b->size == 0) return copy_of_set(m, a, out);
    if (a->size == 0) return copy_of_set(m, b, out);
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

Outcome set_intersection(Machine &m, Set *a, Set *b, Value *out) {
    if (a == b) return copy_of_set(m, a, out);
    Set *small = b->size > a->size ? a : b;
    Set *big = small == a ? b : a;
    TRY(m.charge(uint64_t{small->size}));
    const Value *items;
    TRY(ordered(m, small, &items));
    TRY(lay_out(m, big));
    Set table;
    size_t capacity = 0;
    TRY(start_table(m, &table, &capacity));
    for (uint32_t k = 0; k < small->size; ++k) {
        uint64_t hash;
        TRY(hash_of(m, items[k], &hash));
        uint32_t entry;
        TRY(find(m, big, items[k], hash, &entry));
        if (entry == Set::kEmptySlot) continue;
        uint32_t index;
        TRY(add(m, &table, &capacity, items[k], hash, &index));
    }
    return publish(m, table, out);
}

Outcome set_difference(Machine &m, Set *a, Set *b, Value *out) {
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

Outcome is_subset(Machine &m, Set *a, Set *b, bool *result) {
    *result = false;
    if (a->size > b->size) return Outcome::ok;
    TRY(m.charge(a->size));
    TRY(ensure_hashes(m, a));
    TRY(lay_out(m, b));
    for (uint32_t k = 0; k < a->size; ++k) {
        uint32_t entry;
        TRY(find(m, b, a->values[k], a->hashes[k], &entry));
        if (entry == Set::kEmptySlot) return Outcome::ok;
    }
    *result = true;
    return Outcome::ok;
}

Outcome equal_sets(Machine &m, Set *a, Set *b, bool *result) {
    if (a == b) {
        *result = true;
        return Outcome::ok;
    }
    *result = false;
    if (a->size != b->size) return Outcome::ok;
    uint64_t hash_a;
    uint64_t hash_b;
    TRY(hash_set(m, a, &hash_a));
    TRY(hash_set(m, b, &hash_b));
    if (hash_a != hash_b) return Outcome::ok;
    return is_subset(m, a, b, result);
}

Outcome hash_set(Machine &m, Set *set, uint64_t *result) {
    if (!set->has_hash) {
        TRY(m.charge(set->size));
        TRY(ensure_hashes(m, set));
        uint64_t hash = 0;
        for (uint32_t k = 0; k < set->size; ++k) {
            uint64_t h = set->hashes[k];
            hash ^= ((h ^ 89869747u) ^ (h << 16)) * 3644798167u;
        }
        hash ^= (uint64_t{set->size} + 1) * 1927868237u;
        hash ^= (hash >> 11) ^ (hash >> 25);
        hash = hash * 69069u + 907133923u;
        set->hash = hash == UINT64_MAX ? 590923713u : hash;
        set->has_hash = true;
    }
    *result = set->hash;
    return Outcome::ok;
}

Outcome SetBuilder::add(const Value &v, uint32_t *index) {
    TRY(m_.charge(1));
    uint64_t hash;
    TRY(hash_of(m_, v, &hash));
    if (table_.slots == nullptr) TRY(start_table(m_, &table_, &capacity_));
    uint32_t unused;
    return codeit::add(m_, &table_, &capacity_, v, hash, index != nullptr ? index : &unused);
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
