// Where an object occurs in a dense grid (`occurrences`, language.md 6.9).
//
// The original shifts the object to each place and compares cell by cell. Here all columns of a row
// of places are tried at once: the cells of one color in a row of the grid are a word of bits, and
// shifted by a cell's column it says at which places this cell fits. The words of all cells are
// joined by "and", until none is left. The words of a color are made when first needed. A row of
// one color from side to side is one test for a run of bits; an object that is such a box needs no
// cells at all. The result is a set of places row by row (GEN), copied (LIT).
#pragma once

#include "primitives/patch.h"

namespace codeit {

// The places where the origin of a packed object can be so that all its cells occur in a grid, both
// small: for each row of places, those of all columns at once.
Outcome packed_occurrences(Machine &m, const Grid &grid, const Patch &object, Value *out);

} // namespace codeit
