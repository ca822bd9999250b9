// Hash tables of values (core/set.cc): what the files that know how sets are laid out share, and
// bodies of primitives do not see. core/packed_table.h has the tables of codes.
#pragma once

#include "core/set.h"

namespace codeit {

// Gives the set its values, if need be in an order of no meaning.
Outcome fill_values(Machine &m, Set *set);
Outcome ensure_hashes(Machine &m, Set *set);

// An empty set to be made something of, and the value that holds it.
inline Outcome new_set(Machine &m, Set **set, Value *out) {
    TRY(m.allocate(1, set));
    new (*set) Set; // Set() would clear all of it first, in a way that takes long
    *out = Value::of_set(*set);
    return Outcome::ok;
}

Outcome publish(Machine &m, const Set &table, Value *out);

// Makes `source` the source of a set as large as itself.
Outcome link(Machine &m, Set *source, Set *set);

// GEN of the values, which are known to be distinct, in turn.
Outcome lay_out_distinct(Machine &m, Set *set);

// COPY, into a set that shares the values and hashes of its source, which is laid out.
Outcome start_copy(Machine &m, const Set *source, Set *set);

// The entry (1 + index) of v in a laid out set, or kEmptySlot.
Outcome find(Machine &m, const Set *set, const Value &v, uint64_t hash, uint32_t *entry);

// A table under construction.
Outcome start_table(Machine &m, Set *set, size_t *capacity);
Outcome reserve(Machine &m, Set *set, size_t count, size_t *capacity);
Outcome allocate_slots(Machine &m, uint32_t mask, uint32_t **out);
Outcome resize(Machine &m, Set *set, uint64_t more_than);

// ADD: an equal element that is there already stays. *index says where it, or v, stands among the
// values.
Outcome add(Machine &m, Set *set, size_t *capacity, const Value &v, uint64_t hash, uint32_t *index);

} // namespace codeit
