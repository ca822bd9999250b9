// Dense grids: a tuple of rows held as one block of 8-bit cells.
#pragma once

#include "core/machine.h"

namespace codeit {

// Row i starts at cells + i * stride, so that a part of a grid shares its cells.
// Invariant: height and width are positive, and cells never change once a Value holds the grid.
struct Grid {
    int32_t height;
    int32_t width;
    int32_t stride;
    int8_t *cells;
    mutable int16_t most_common = kUnknown; // its most common color, once it has been counted

    static constexpr int16_t kUnknown = INT16_MIN;

    int8_t *row(int64_t i) { return cells + i * stride; }
    const int8_t *row(int64_t i) const { return cells + i * stride; }
    int8_t at(int64_t i, int64_t j) const { return cells[i * stride + j]; }
    bool contains(int64_t i, int64_t j) const {
        return i >= 0 && i < height && j >= 0 && j < width;
    }
    int64_t num_cells() const { return int64_t{height} * width; }
};

inline bool fits_cell(const Value &v) {
    return v.kind == Kind::integer && v.integer >= INT8_MIN && v.integer <= INT8_MAX;
}

// A grid with uninitialised cells; charges for them. Both sides must be positive. kSpareCells
// behind the last one may be written, too.
inline constexpr size_t kSpareCells = 16;
Outcome new_grid(Machine &m, int64_t height, int64_t width, Grid **out);

// Writes a row in whole vectors, so that up to kSpareCells behind it change: for rows of a new grid
// that are written from top to bottom.
inline void copy_row(int8_t *to, const int8_t *from, int64_t width) {
    for (int64_t j = 0; j < width; j += 16) std::memcpy(to + j, from + j, 16);
}
inline void reverse_row(int8_t *to, const int8_t *from, int64_t width) {
    int64_t j = 0;
    for (; j + 8 <= width; j += 8) {
        uint64_t cells;
        std::memcpy(&cells, from + width - 8 - j, sizeof cells);
        cells = __builtin_bswap64(cells);
        std::memcpy(to + j, &cells, sizeof cells);
    }
    for (; j < width; ++j) to[j] = from[width - 1 - j];
}

Outcome copy_grid(Machine &m, const Grid &grid, Grid **out);

// The part [i, i + height) x [j, j + width), which must lie inside; shares the cells. Sides may be
// 0.
Outcome grid_part(Machine &m, const Grid &grid, int64_t i, int64_t j, int64_t height, int64_t width,
                  Value *out);

Value value_of_grid(const Grid *grid);

// The tuple of `height` empty rows that a grid of width 0 is.
Outcome empty_rows(Machine &m, int64_t height, Value *out);

// Row i as a value: a tuple, or a pair when the grid is two wide.
Outcome grid_row(Machine &m, const Grid &grid, int64_t i, Value *out);

// The dense form of a tuple of rows, or nullptr when it has none: ragged, empty, bools, wide ints,
// or no tuple of tuples at all. Nothing fails but memory and fuel.
Outcome dense_grid(Machine &m, const Value &v, const Grid **out);

} // namespace codeit
