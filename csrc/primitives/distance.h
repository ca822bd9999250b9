// How far patches are from each other.
#pragma once

#include "primitives/primitive.h"

namespace codeit {

// The smallest Manhattan distance between a place of a and one of b, which takes no more than to
// look at all pairs. *are_plain is false, and nothing done, for anything but two sets of places or
// of cells, neither of them empty.
Outcome distance_between(Machine &m, const Value &a, const Value &b, bool *are_plain, int64_t *out);

} // namespace codeit
