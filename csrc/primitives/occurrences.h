// Where an object occurs in a dense grid.
#pragma once

#include "primitives/patch.h"

namespace codeit {

// The places where the origin of a packed object can be so that all its cells occur in a grid, both
// small: for each row of places, those of all columns at once.
Outcome packed_occurrences(Machine &m, const Grid &grid, const Patch &object, Value *out);

} // namespace codeit
