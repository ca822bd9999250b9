// Dense grids: a tuple of rows held as one block of 8-bit cells.
//
// To a program a grid is a tuple of tuples of ints, and this is one of two ways to hold such a
// tuple (see Value). It needs a byte for each cell where values need 16, primitives on it work on
// whole vectors of cells (core/cells.h), and a crop shares the cells of the grid that it was cut
// from. Inputs are dense, and so is what primitives for grids return; dense_grid() makes the dense
// form of a tuple that came about otherwise, if it has one. Rows as values are made when something
// asks for them.
#pragma once

#include "core/machine.h"

#include <algorithm>

namespace codeit {

// Row i starts at cells + i * stride, so that a part of a grid shares its cells. A tuple with no
// rows, or with empty rows, is never dense.
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
    int64_t j = 0;
    do {
        std::memcpy(to + j, from + j, 16);
        j += 16;
    } while (j < width);
}
inline void reverse_row(int8_t *to, const int8_t *from, int64_t width) {
    constexpr int64_t kStep = 8;
    auto reversed = [&](int64_t at) {
        uint64_t cells;
        std::memcpy(&cells, from + at, sizeof cells);
        return __builtin_bswap64(cells);
    };
    auto put = [&](int64_t at, uint64_t cells) { std::memcpy(to + at, &cells, sizeof cells); };
    for (int64_t j = width - kStep; j > 0; j -= kStep) put(width - kStep - j, reversed(j));
    // The first eight cells come last, and overlap what the loop has written unless eight divides
    // the width. Of a shorter row, what was read behind its end is shifted out.
    int64_t excess = std::max(kStep - width, int64_t{0});
    put(std::max(width - kStep, int64_t{0}), reversed(0) >> (8 * excess));
}

// Writes all rows of a grid, one after the other; the last one first if it is upside down.
inline void copy_cells(const Grid &from, int8_t *to, bool is_upside_down = false) {
    const int64_t width = from.width;
    if (from.stride == width && !is_upside_down) return copy_row(to, from.cells, from.num_cells());
    const int8_t *row = is_upside_down ? from.row(from.height - 1) : from.cells;
    const int64_t step = is_upside_down ? -int64_t{from.stride} : from.stride;
    for (int8_t *end = to + from.num_cells(); to != end; to += width, row += step) {
        copy_row(to, row, width);
    }
}

Outcome copy_grid(Machine &m, const Grid &grid, Grid **out);

// The part [i, i + height) x [j, j + width), which must lie inside; shares the cells. Sides may be
// 0.
Outcome grid_part(Machine &m, const Grid &grid, int64_t i, int64_t j, int64_t height, int64_t width,
                  Value *out);

// The tuple of `height` empty rows that a grid of width 0 is.
Outcome empty_rows(Machine &m, int64_t height, Value *out);

// Row i as a value: a tuple, or a pair when the grid is two wide.
Outcome grid_row(Machine &m, const Grid &grid, int64_t i, Value *out);

// The dense form of a tuple of rows, or nullptr when it has none: ragged, empty, bools, wide ints,
// or no tuple of tuples at all. Nothing fails but memory and fuel.
Outcome dense_grid(Machine &m, const Value &v, const Grid **out);

} // namespace codeit
