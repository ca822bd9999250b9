#include "vm/result_grid.h"

#include "core/cells.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace codeit {
namespace {

bool is_color(int64_t n) {
    return n >= 0 && n < kNumColors;
}

bool is_side(uint64_t n) {
    return n >= 1 && n <= kMaxGridSide;
}

// Writes the row of a valid grid; false for any other value.
bool write_row(const Value &row, uint8_t *to) {
    auto write = [&](int64_t n) {
        *to++ = static_cast<uint8_t>(n);
        return is_color(n);
    };
    if (row.kind == Kind::pair) return write(row.i) && write(row.j);
    return row.kind == Kind::tuple && row.size <= kMaxGridSide &&
           std::all_of(row.items, row.items + row.size,
                       [&](const Value &item) { return item.is_int() && write(item.integer); });
}

size_t length_of_row(const Value &row) {
    return row.kind == Kind::pair ? 2 : row.size;
}

bool write_tuple(const Value &v, uint8_t *to, uint8_t *height, uint8_t *width) {
    if (v.kind != Kind::tuple || !is_side(v.size)) return false;
    const size_t length = length_of_row(v.items[0]);
    for (uint32_t i = 0; i < v.size; ++i, to += length) {
        const Value &row = v.items[i];
        if (length_of_row(row) != length || !write_row(row, to)) return false;
    }
    *height = static_cast<uint8_t>(v.size);
    *width = static_cast<uint8_t>(length);
    return is_side(length);
}

bool write_dense(const Grid &grid, uint8_t *to, uint8_t *height, uint8_t *width) {
    if (grid.height > kMaxGridSide || grid.width > kMaxGridSide) return false;
    const Lines lines(grid);
    const int64_t last = (lines.length - 1) / kCellsAtOnce * kCellsAtOnce;
    const Cells are_last = first_cells(lines.length - last);
    Cells no_color = {}; // the highest bit of a byte is set where some were none
    for (int64_t i = 0; i < lines.count; ++i, to += lines.length) {
        const int8_t *from = grid.row(i);
        auto copy = [&](int64_t j) {
            Cells cells = load_cells(from + j);
            store_cells(reinterpret_cast<int8_t *>(to) + j, cells);
            return cells | (cells > all_cells(kNumColors - 1));
        };
        for (int64_t j = 0; j < last; j += kCellsAtOnce) no_color |= copy(j);
        no_color |= copy(last) & are_last;
    }
    const auto halves = std::bit_cast<Halves>(no_color);
    *height = static_cast<uint8_t>(grid.height);
    *width = static_cast<uint8_t>(grid.width);
    return ((halves[0] | halves[1]) & 0x8080808080808080u) == 0;
}

bool is_dense_result(const Grid &grid, const InputGrid &expected) {
    if (grid.height != expected.height || grid.width != expected.width) return false;
    const auto width = static_cast<size_t>(grid.width);
    const uint8_t *row = expected.cells;
    for (int32_t i = 0; i < grid.height; ++i, row += width) {
        if (std::memcmp(grid.row(i), row, width) != 0) return false;
    }
    return true;
}

} // namespace

bool write_result(const Value &v, uint8_t *to, uint8_t *height, uint8_t *width) {
    return v.kind == Kind::grid ? write_dense(*v.grid, to, height, width)
                                : write_tuple(v, to, height, width);
}

bool is_result(const Value &v, const InputGrid &expected) {
    if (v.kind == Kind::grid) return is_dense_result(*v.grid, expected);
    uint8_t cells[kMaxCells + kSpareCells];
    uint8_t height;
    uint8_t width;
    return write_tuple(v, cells, &height, &width) && height == expected.height &&
           width == expected.width &&
           std::memcmp(cells, expected.cells, size_t{height} * width) == 0;
}

} // namespace codeit
