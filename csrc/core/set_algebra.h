// Sets beside each other: union, intersection, difference, comparison. What is packed takes a few
// words; all else looks elements up.
#pragma once

#include "core/set.h"

namespace codeit {

Outcome contains(Machine &m, Set *set, const Value &v, bool *out);

// OR, AND and SUB. `a` and `b` may be the same object, which AND treats apart.
Outcome set_union(Machine &m, Set *a, Set *b, Value *out);
Outcome set_intersection(Machine &m, Set *a, Set *b, Value *out);
Outcome set_difference(Machine &m, Set *a, Set *b, Value *out);

// GEN of some elements of a set, `kept`, in their order among all of its elements. Takes the array
// over.
Outcome filtered_set(Machine &m, Set *source, const Items &elements, Value *kept, size_t size,
                     Value *out);

Outcome equal_sets(Machine &m, Set *a, Set *b, bool *result);
// Whether every element of a is in b.
Outcome is_subset(Machine &m, Set *a, Set *b, bool *result);

} // namespace codeit
