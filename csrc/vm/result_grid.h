// What a run returned, as a grid of a task.
#pragma once

#include "core/grid.h"
#include "lang/sizes.h"
#include "vm/run.h"

namespace codeit {

inline constexpr size_t kMaxCells = kMaxGridSide * kMaxGridSide;

// Writes the cells of a value that is a valid grid (1 to 30 rows and columns of colors 0 to 9, True
// and False counting as 1 and 0), row by row; false for any other, whatever was written. It takes
// no memory of the machine, of which the run may have left none. There is room for kMaxCells and
// kSpareCells.
bool write_result(const Value &v, uint8_t *to, uint8_t *height, uint8_t *width);

// Whether a value is that grid, which is a valid one.
bool is_result(const Value &v, const InputGrid &expected);

} // namespace codeit
