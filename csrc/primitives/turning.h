// Quarter turns, mirrors and transposition: of dense grids, of any tuple of rows, and of patches
// (language.md 6.10).
//
// All seven of a grid are a transposition, or none, of rows and columns that may be read backwards
// (Turn). Of a packed patch they are images of its bits (core/set.h). Of anything else they are
// zip() and slices, in the order of the original.
#pragma once

#include "primitives/patch.h"

namespace codeit {

// What happens to the places of a dense grid.
struct Turn {
    bool transpose;
    bool flip_rows;    // of the source
    bool flip_columns; // of the source
};

Outcome turned(Machine &m, const Grid &from, Turn turn, Value *out);

// tuple(zip(*rows)), rows in the given order, cut to the shortest.
Outcome zipped(Machine &m, const Items &rows, Value *out);

// Every row of a tuple reversed; rows must be tuples.
Outcome rows_reversed(Machine &m, const Items &rows, Value *out);

// The items of v[::-1]; v must be a tuple.
Outcome reversed_items(Machine &m, const Value &v, Items *out);

// A patch mirrored in the middle of its bounding box: its rows (axis 0) or its columns (axis 1).
Outcome mirrored_patch(Machine &m, const Value &patch, int64_t axis, Value *out);

// A patch mirrored in the diagonal through its upper left corner.
Outcome transposed_patch(Machine &m, const Value &patch, Value *out);

} // namespace codeit
