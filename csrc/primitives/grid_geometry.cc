// Grids from grids (language.md 6.10).
//
// Most bodies have two halves. Dense grids are worked on by cells, or share the cells of what they
// are cut from; nothing can fail in them but memory and fuel. Any other tuple may have ragged rows,
// rows that are sets, or items that are no rows at all: that half goes item by item in the order of
// the original, and fails where CPython would.
#include "core/cells.h"
#include "primitives/operators.h"
#include "primitives/patch.h"
#include "primitives/scaling.h"
#include "primitives/turning.h"

#include <algorithm>

namespace codeit {
namespace {

// v[:n//2] or v[n//2 + n%2:]
Outcome half(Machine &m, const Value &v, bool is_second, Value *out) {
    size_t size;
    TRY(length_of(v, &size));
    int64_t n = static_cast<int64_t>(size);
    return is_second ? slice(m, v, n / 2 + n % 2, n, out) : slice(m, v, 0, n / 2, out);
}

// A half of the columns: turned, halved and turned back, so that ragged rows are cut first.
Outcome side_half(Machine &m, const Value &grid, bool is_second, Value *out) {
    if (grid.kind == Kind::grid) {
        const Grid &cells = *grid.grid;
        int64_t width = cells.width / 2;
        if (width == 0) {
            *out = tuple_of(nullptr, 0);
            return Outcome::ok;
        }
        int64_t from = is_second ? cells.width - width : 0;
        return grid_part(m, cells, 0, from, cells.height, width, out);
    }
    // As the original does it: what zip() drops of ragged rows is dropped here, too.
    Value turned;
    Value halved;
    TRY(primitive_rot90(m, &grid, &turned));
    TRY(half(m, turned, is_second, &halved));
    return primitive_rot270(m, &halved, out);
}

// Python's slices clamp whatever the size of their bounds.
int64_t clamp_bound(Wide bound, int64_t size) {
    if (bound < 0) bound += size;
    return static_cast<int64_t>(std::clamp<Wide>(bound, 0, size));
}

// tuple(r[j : j + width] for r in grid[i : i + height])
Outcome cropped(Machine &m, const Value &grid, int64_t i, int64_t j, Wide height, Wide width,
                Value *out) {
    const Wide end_i = i + height;
    const Wide end_j = j + width;
    if (grid.kind == Kind::grid) {
        const Grid &cells = *grid.grid;
        int64_t top = clamp_bound(i, cells.height);
        int64_t left = clamp_bound(j, cells.width);
        int64_t rows = std::max(clamp_bound(end_i, cells.height) - top, int64_t{0});
        int64_t columns = std::max(clamp_bound(end_j, cells.width) - left, int64_t{0});
        return grid_part(m, cells, top, left, rows, columns, out);
    }
    Value selected;
    Items rows;
    TRY(slice(m, grid, i, end_i, &selected));
    TRY(items_of(m, selected, &rows));
    Value *result;
    TRY(m.allocate(rows.size, &result));
    for (size_t k = 0; k < rows.size; ++k) TRY(slice(m, rows[k], j, end_j, &result[k]));
    *out = tuple_of(result, rows.size);
    return Outcome::ok;
}

// n parts along one axis, each `length` // n long; with a remainder one line is skipped between
// them.
Outcome split(Machine &m, const Value &grid, const Value &n, bool side_by_side, Value *out) {
    size_t size;
    int64_t height;
    int64_t width;
    TRY(length_of(grid, &size));
    if (!side_by_side) { // the division comes before grid[0] is read
        if (!n.is_int()) return Outcome::type_error;
        if (n.integer == 0) return Outcome::zero_division;
    }
    TRY(extent(m, grid, &height, &width));
    if (!n.is_int()) return Outcome::type_error;
    if (n.integer == 0) return Outcome::zero_division;
    int64_t length = side_by_side ? width : height;
    int64_t part = floor_quotient(length, n.integer);
    int64_t stride = part + (floor_remainder(length, n.integer) != 0);
    size_t count = static_cast<size_t>(std::max(n.integer, int64_t{0}));
    TRY(m.charge(count));
    Value *parts;
    TRY(m.allocate(count, &parts));
    for (size_t k = 0; k < count; ++k) {
        int64_t start = stride * static_cast<int64_t>(k);
        TRY(side_by_side ? cropped(m, grid, 0, start, height, part, &parts[k])
                         : cropped(m, grid, start, 0, part, width, &parts[k]));
    }
    *out = tuple_of(parts, count);
    return Outcome::ok;
}

} // namespace

PRIMITIVE(rot90) {
    if (args[0].kind == Kind::grid) return turned(m, *args[0].grid, {true, true, false}, out);
    Items rows;
    TRY(reversed_items(m, args[0], &rows));
    return zipped(m, rows, out);
}

PRIMITIVE(rot180) {
    if (args[0].kind == Kind::grid) return turned(m, *args[0].grid, {false, true, true}, out);
    Items rows;
    TRY(reversed_items(m, args[0], &rows));
    return rows_reversed(m, rows, out);
}

PRIMITIVE(rot270) {
    if (args[0].kind == Kind::grid) return turned(m, *args[0].grid, {true, false, true}, out);
    Items rows;
    Value columns;
    Items column_items;
    Value flipped;
    TRY(reversed_items(m, args[0], &rows));
    TRY(zipped(m, rows, &columns));
    TRY(items_of(m, columns, &column_items));
    TRY(rows_reversed(m, column_items, &flipped));
    return reversed(m, flipped, out);
}

PRIMITIVE(hmirror) {
    if (args[0].kind == Kind::grid) return turned(m, *args[0].grid, {false, true, false}, out);
    if (args[0].is_tuple()) return reversed(m, args[0], out);
    return mirrored_patch(m, args[0], 0, out);
}

PRIMITIVE(vmirror) {
    if (args[0].kind == Kind::grid) return turned(m, *args[0].grid, {false, false, true}, out);
    if (!args[0].is_tuple()) return mirrored_patch(m, args[0], 1, out);
    Items rows;
    TRY(items_of(m, args[0], &rows));
    return rows_reversed(m, rows, out);
}

PRIMITIVE(dmirror) {
    const Value &piece = args[0];
    if (piece.kind == Kind::grid) return turned(m, *piece.grid, {true, false, false}, out);
    if (piece.is_tuple()) {
        Items rows;
        TRY(items_of(m, piece, &rows));
        return zipped(m, rows, out);
    }
    return transposed_patch(m, piece, out);
}

PRIMITIVE(cmirror) {
    const Value &piece = args[0];
    if (piece.kind == Kind::grid) return turned(m, *piece.grid, {true, true, true}, out);
    if (piece.is_tuple()) {
        Items rows;
        Value flipped;
        Items flipped_rows;
        TRY(reversed_items(m, piece, &rows));
        TRY(rows_reversed(m, rows, &flipped));
        TRY(items_of(m, flipped, &flipped_rows));
        return zipped(m, flipped_rows, out);
    }
    Value mirrored;
    Value transposed;
    TRY(primitive_vmirror(m, &piece, &mirrored));
    TRY(primitive_dmirror(m, &mirrored, &transposed));
    return primitive_vmirror(m, &transposed, out);
}

namespace {

// The row bounds are computed before the grid is looked at, the column bounds once there is a row.
// length_of(axis, &length) reads the length along an axis.
template <typename LengthOf>
Outcome crop_from(Machine &m, const Value &grid, const Value &from, LengthOf length_of_axis,
                  Value *out) {
    int64_t begin[2];
    Wide length[2];
    auto read_bounds = [&](int axis) {
        Value start;
        TRY(item_at(m, from, axis, &start));
        TRY(length_of_axis(axis, &length[axis]));
        if (!start.is_int()) return Outcome::type_error;
        begin[axis] = start.integer;
        return Outcome::ok;
    };
    TRY(read_bounds(0));
    size_t size;
    if (!grid.is_tuple()) return Outcome::type_error;
    TRY(length_of(grid, &size));
    int64_t height = static_cast<int64_t>(size);
    if (clamp_bound(begin[0], height) >= clamp_bound(begin[0] + length[0], height)) {
        *out = tuple_of(nullptr, 0);
        return Outcome::ok;
    }
    TRY(read_bounds(1));
    return cropped(m, grid, begin[0], begin[1], length[0], length[1], out);
}

} // namespace

PRIMITIVE(crop) {
    auto length_of_axis = [&](int axis, Wide *length) {
        Value dim;
        TRY(item_at(m, args[2], axis, &dim));
        if (!dim.is_int()) return Outcome::type_error;
        *length = dim.integer;
        return Outcome::ok;
    };
    return crop_from(m, args[0], args[1], length_of_axis, out);
}

PRIMITIVE(subgrid) {
    Value corner;
    Wide shape[2];
    TRY(primitive_ulcorner(m, &args[0], &corner));
    TRY(shape_of(m, args[0], shape));
    auto length_of_axis = [&](int axis, Wide *length) {
        *length = shape[axis];
        return Outcome::ok;
    };
    return crop_from(m, args[1], corner, length_of_axis, out);
}

PRIMITIVE(trim) {
    if (!args[0].is_tuple()) return Outcome::type_error;
    Value rows;
    Items items;
    TRY(slice(m, args[0], 1, -1, &rows));
    if (rows.kind == Kind::grid) {
        const Grid &cells = *rows.grid;
        int64_t width = std::max(cells.width - 2, 0);
        return grid_part(m, cells, 0, width == 0 ? 0 : 1, cells.height, width, out);
    }
    TRY(items_of(m, rows, &items));
    Value *trimmed;
    TRY(m.allocate(items.size, &trimmed));
    for (size_t i = 0; i < items.size; ++i) TRY(slice(m, items[i], 1, -1, &trimmed[i]));
    *out = tuple_of(trimmed, items.size);
    return Outcome::ok;
}

PRIMITIVE(tophalf) {
    return half(m, args[0], false, out);
}
PRIMITIVE(bottomhalf) {
    return half(m, args[0], true, out);
}
PRIMITIVE(lefthalf) {
    return side_half(m, args[0], false, out);
}
PRIMITIVE(righthalf) {
    return side_half(m, args[0], true, out);
}
PRIMITIVE(hsplit) {
    return split(m, args[0], args[1], true, out);
}
PRIMITIVE(vsplit) {
    return split(m, args[0], args[1], false, out);
}

PRIMITIVE(hconcat) {
    const Value &a = args[0];
    const Value &b = args[1];
    if (a.kind == Kind::grid && b.kind == Kind::grid) {
        const Grid &left = *a.grid;
        const Grid &right = *b.grid;
        Grid *to;
        TRY(new_grid(m, std::min(left.height, right.height), int64_t{left.width} + right.width,
                     &to));
        int8_t *row = to->cells;
        // Whole vectors are written from left to right and from top to bottom, so that each write
        // mends what the one before it wrote too much.
        const int8_t *rows[2] = {left.cells, right.cells};
        const int64_t widths[2] = {left.width, right.width};
        const int64_t steps[2] = {left.stride, right.stride};
        for (int8_t *end = row + to->num_cells(); row != end;) {
            for (int k = 0; k < 2; ++k, row += widths[k - 1]) {
                copy_row(row, rows[k], widths[k]);
                rows[k] += steps[k];
            }
        }
        *out = Value::of_grid(to);
        return Outcome::ok;
    }
    Items left;
    Items right;
    TRY(items_of(m, a, &left));
    TRY(items_of(m, b, &right));
    size_t size = std::min(left.size, right.size); // zip() stops at the shorter
    Value *rows;
    TRY(m.allocate(size, &rows));
    for (size_t i = 0; i < size; ++i) TRY(plus(m, left[i], right[i], &rows[i]));
    *out = tuple_of(rows, size);
    return Outcome::ok;
}

PRIMITIVE(vconcat) {
    const Value &a = args[0];
    const Value &b = args[1];
    // Of two widths, the result is a tuple with ragged rows, and no grid.
    if (a.kind == Kind::grid && b.kind == Kind::grid && a.grid->width == b.grid->width) {
        Grid *to;
        TRY(new_grid(m, int64_t{a.grid->height} + b.grid->height, a.grid->width, &to));
        copy_cells(*a.grid, to->cells);
        copy_cells(*b.grid, to->cells + a.grid->num_cells());
        *out = Value::of_grid(to);
        return Outcome::ok;
    }
    return plus(m, a, b, out);
}

PRIMITIVE(upscale) {
    if (args[0].is_tuple()) return upscaled_grid(m, args[0], args[1], args[1], out);
    size_t size;
    TRY(length_of(args[0], &size));
    if (size == 0) return SetBuilder(m).finish(out);
    return upscaled_object(m, args[0], args[1], out);
}

PRIMITIVE(hupscale) {
    return upscaled_grid(m, args[0], Value::of_int(1), args[1], out);
}

PRIMITIVE(vupscale) {
    if (args[0].kind == Kind::grid) {
        return upscaled_grid(m, args[0], args[1], Value::of_int(1), out);
    }
    Items items;
    TRY(items_of(m, args[0], &items));
    return items_repeated(m, items, args[1], out);
}

PRIMITIVE(downscale) {
    const Value &grid = args[0];
    const Value &factor = args[1];
    int64_t height;
    int64_t width;
    TRY(extent(m, grid, &height, &width));
    if (!factor.is_int()) return Outcome::type_error;
    if (factor.integer == 0) return Outcome::zero_division;
    auto is_kept = [&](int64_t k) { return floor_remainder(k, factor.integer) == 0; };
    if (grid.kind == Kind::grid) {
        KeptLines kept(m);
        TRY(kept.select(height, width, is_kept, is_kept));
        return kept.cut(*grid.grid, out);
    }
    // The cells of every row are read, also of those that are dropped.
    ValueList rows(m);
    for (int64_t i = 0; i < height; ++i) {
        ValueList row(m);
        Value items;
        TRY(item_at(m, grid, i, &items));
        TRY(m.charge(static_cast<uint64_t>(width)));
        for (int64_t j = 0; j < width; ++j) {
            if (!is_kept(j)) continue;
            Value item;
            TRY(item_at(m, items, j, &item));
            TRY(row.push(item));
        }
        if (is_kept(i)) TRY(rows.push(row.as_tuple()));
    }
    *out = rows.as_tuple();
    return Outcome::ok;
}

PRIMITIVE(compress) {
    const Value &grid = args[0];
    Items rows_of_one;
    Items columns_of_one;
    TRY(uniform_rows(m, grid, &rows_of_one));
    TRY(uniform_columns(m, grid, &columns_of_one));
    auto is_in = [](const Items &indices, int64_t k) {
        return std::any_of(indices.begin(), indices.end(),
                           [&](const Value &index) { return index.integer == k; });
    };
    auto is_row_kept = [&](int64_t i) { return !is_in(rows_of_one, i); };
    auto is_column_kept = [&](int64_t j) { return !is_in(columns_of_one, j); };
    if (grid.kind == Kind::grid) {
        const Grid &cells = *grid.grid;
        TRY(m.charge(static_cast<uint64_t>(cells.height) * rows_of_one.size +
                     static_cast<uint64_t>(cells.width) * columns_of_one.size));
        KeptLines kept(m);
        TRY(kept.select(cells.height, cells.width, is_row_kept, is_column_kept));
        return kept.cut(cells, out);
    }
    Items rows;
    TRY(items_of(m, grid, &rows));
    ValueList result(m);
    for (size_t i = 0; i < rows.size; ++i) {
        TRY(m.charge(rows_of_one.size));
        if (!is_row_kept(static_cast<int64_t>(i))) continue;
        Items row;
        TRY(items_of(m, rows[i], &row));
        TRY(m.charge(row.size * columns_of_one.size));
        ValueList kept(m);
        for (size_t j = 0; j < row.size; ++j) {
            if (is_column_kept(static_cast<int64_t>(j))) TRY(kept.push(row[j]));
        }
        TRY(result.push(kept.as_tuple()));
    }
    *out = result.as_tuple();
    return Outcome::ok;
}

PRIMITIVE(canvas) {
    const Value &value = args[0];
    Value sides[2];
    TRY(item_at(m, args[1], 0, &sides[0]));
    if (m.dialect() == Dialect::codeit) {
        // A product of anything but ints cannot be compared with the bound, or does not exist.
        constexpr __int128 kMaxCells = 1000;
        TRY(item_at(m, args[1], 1, &sides[1]));
        if (!sides[0].is_int() || !sides[1].is_int()) return Outcome::type_error;
        if (static_cast<__int128>(sides[0].integer) * sides[1].integer > kMaxCells) {
            *out = Value::none();
            return Outcome::ok;
        }
    }
    if (!sides[0].is_int()) return Outcome::type_error;
    if (sides[0].integer <= 0) {
        *out = tuple_of(nullptr, 0);
        return Outcome::ok;
    }
    TRY(item_at(m, args[1], 1, &sides[1]));
    if (!sides[1].is_int()) return Outcome::type_error;
    int64_t height = sides[0].integer;
    int64_t width = std::max(sides[1].integer, int64_t{0});
    if (width == 0) return empty_rows(m, height, out);
    int64_t cells;
    // More than 2^63 cells: no fuel pays for them.
    if (__builtin_mul_overflow(height, width, &cells)) return Outcome::out_of_fuel;
    if (fits_cell(value)) {
        Grid *grid;
        TRY(new_grid(m, height, width, &grid));
        std::memset(grid->cells, static_cast<int>(value.integer), static_cast<size_t>(cells));
        *out = Value::of_grid(grid);
        return Outcome::ok;
    }
    TRY(m.charge(static_cast<uint64_t>(cells)));
    Value *row;
    Value *rows;
    TRY(m.allocate(static_cast<size_t>(width), &row));
    TRY(m.allocate(static_cast<size_t>(height), &rows));
    // One row stands for all of them: values never change.
    std::fill_n(row, width, value);
    std::fill_n(rows, height, tuple_of(row, static_cast<size_t>(width)));
    *out = tuple_of(rows, static_cast<size_t>(height));
    return Outcome::ok;
}

PRIMITIVE(cellwise) {
    const Value &a = args[0];
    const Value &b = args[1];
    const Value &fallback = args[2];
    int64_t height;
    int64_t width;
    TRY(extent(m, a, &height, &width));
    // Where b is smaller, the general half finds the place that it lacks: index_error.
    if (a.kind == Kind::grid && b.kind == Kind::grid && fits_cell(fallback) &&
        b.grid->height >= height && b.grid->width >= width) {
        Grid *to;
        TRY(new_grid(m, height, width, &to));
        const Cells other = all_cells(static_cast<int8_t>(fallback.integer));
        const int8_t *row_a = a.grid->cells;
        const int8_t *row_b = b.grid->cells;
        const int64_t step_a = a.grid->stride;
        const int64_t step_b = b.grid->stride;
        int8_t *row = to->cells;
        for (const int8_t *end = row + to->num_cells(); row != end; row += width) {
            for (int64_t j = 0; j < width; j += kCellsAtOnce) {
                Cells of_a = load_cells(row_a + j);
                store_cells(row + j, chosen(of_a == load_cells(row_b + j), of_a, other));
            }
            row_a += step_a;
            row_b += step_b;
        }
        *out = Value::of_grid(to);
        return Outcome::ok;
    }
    ValueList rows(m);
    for (int64_t i = 0; i < height; ++i) {
        ValueList row(m);
        Value row_a;
        Value row_b;
        TRY(m.charge(static_cast<uint64_t>(width)));
        for (int64_t j = 0; j < width; ++j) {
            Value item_a;
            Value item_b;
            bool is_equal;
            // a[i][j], then b[i][j]: a row is read for its first item, and not if it needs none.
            if (j == 0) TRY(item_at(m, a, i, &row_a));
            TRY(item_at(m, row_a, j, &item_a));
            if (j == 0) TRY(item_at(m, b, i, &row_b));
            TRY(item_at(m, row_b, j, &item_b));
            TRY(equal(m, item_a, item_b, &is_equal));
            TRY(row.push(is_equal ? item_a : fallback));
        }
        TRY(rows.push(row.as_tuple()));
    }
    *out = rows.as_tuple();
    return Outcome::ok;
}

} // namespace codeit
