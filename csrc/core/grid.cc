#include "core/grid.h"

#include "core/sequence.h"

namespace codeit {

Outcome new_grid(Machine &m, int64_t height, int64_t width, Grid **out) {
    if (height > INT32_MAX || width > INT32_MAX) return Outcome::out_of_memory;
    TRY(m.charge(static_cast<uint64_t>(height * width)));
    // One allocation for the header and the cells behind it, which begin at a multiple of 16.
    struct alignas(Arena::kAlignment) Header {
        Grid grid;
    };
    char *room;
    TRY(m.allocate(sizeof(Header) + static_cast<size_t>(height * width) + kSpareCells, &room));
    auto *cells = reinterpret_cast<int8_t *>(room + sizeof(Header));
    *out = &(new (room) Header{{static_cast<int32_t>(height), static_cast<int32_t>(width),
                                static_cast<int32_t>(width), cells}})
                ->grid;
    return Outcome::ok;
}

Outcome copy_grid(Machine &m, const Grid &grid, Grid **out) {
    TRY(new_grid(m, grid.height, grid.width, out));
    copy_cells(grid, (*out)->cells);
    return Outcome::ok;
}

Outcome empty_rows(Machine &m, int64_t height, Value *out) {
    Value *rows;
    TRY(m.charge(static_cast<uint64_t>(height)));
    TRY(m.allocate(static_cast<size_t>(height), &rows));
    for (int64_t i = 0; i < height; ++i) rows[i] = tuple_of(nullptr, 0);
    *out = tuple_of(rows, static_cast<size_t>(height));
    return Outcome::ok;
}

Outcome grid_part(Machine &m, const Grid &grid, int64_t i, int64_t j, int64_t height, int64_t width,
                  Value *out) {
    if (height == 0 || width == 0) return empty_rows(m, height, out);
    Grid *part;
    TRY(m.allocate(1, &part));
    *part = {static_cast<int32_t>(height), static_cast<int32_t>(width), grid.stride,
             const_cast<int8_t *>(grid.row(i)) + j};
    *out = Value::of_grid(part);
    return Outcome::ok;
}

Outcome grid_row(Machine &m, const Grid &grid, int64_t i, Value *out) {
    const int8_t *row = grid.row(i);
    if (grid.width == 2) {
        *out = Value::pair(row[0], row[1]);
        return Outcome::ok;
    }
    size_t width = static_cast<size_t>(grid.width);
    Value *items;
    TRY(m.charge(width));
    TRY(m.allocate(width, &items));
    for (size_t j = 0; j < width; ++j) items[j] = Value::of_int(row[j]);
    *out = tuple_of(items, width);
    return Outcome::ok;
}

namespace {

// The width of a row that could belong to a dense grid, or 0.
size_t dense_row_width(const Value &row) {
    if (row.kind == Kind::pair) return 2;
    return row.kind == Kind::tuple ? row.size : 0;
}

bool write_dense_row(const Value &row, int8_t *cells) {
    if (row.kind == Kind::pair) {
        cells[0] = static_cast<int8_t>(row.i);
        cells[1] = static_cast<int8_t>(row.j);
        return cells[0] == row.i && cells[1] == row.j;
    }
    for (uint32_t j = 0; j < row.size; ++j) {
        if (!fits_cell(row.items[j])) return false;
        cells[j] = static_cast<int8_t>(row.items[j].integer);
    }
    return true;
}

} // namespace

Outcome dense_grid(Machine &m, const Value &v, const Grid **out) {
    *out = nullptr;
    if (v.kind == Kind::grid) {
        *out = v.grid;
        return Outcome::ok;
    }
    if (v.kind != Kind::tuple || v.size == 0) return Outcome::ok;
    size_t width = dense_row_width(v.items[0]);
    for (uint32_t i = 0; i < v.size; ++i) {
        if (width == 0 || dense_row_width(v.items[i]) != width) return Outcome::ok;
    }
    Grid *grid;
    TRY(new_grid(m, v.size, static_cast<int64_t>(width), &grid));
    for (uint32_t i = 0; i < v.size; ++i) {
        if (!write_dense_row(v.items[i], grid->row(i))) return Outcome::ok;
    }
    *out = grid;
    return Outcome::ok;
}

} // namespace codeit
