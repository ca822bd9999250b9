// Grids from grids. Most bodies have two halves: dense cells, and any tuple of anything iterable.
#include "primitives/operators.h"
#include "primitives/patch.h"

#include <algorithm>

namespace codeit {
namespace {

// ---- Dense: cell (i, j) of the result is one cell of the source
// ------------------------------------

// Some rows and columns of a grid.
class KeptLines {
  public:
    explicit KeptLines(Machine &m) : m_(m) {}

    template <typename IsRowKept, typename IsColumnKept>
    Outcome select(int64_t height, int64_t width, IsRowKept is_row_kept,
                   IsColumnKept is_column_kept) {
        TRY(m_.allocate(static_cast<size_t>(height), &rows_));
        TRY(m_.allocate(static_cast<size_t>(width), &columns_));
        for (int64_t i = 0; i < height; ++i) {
            if (is_row_kept(i)) rows_[num_rows_++] = static_cast<int32_t>(i);
        }
        for (int64_t j = 0; j < width; ++j) {
            if (is_column_kept(j)) columns_[num_columns_++] = static_cast<int32_t>(j);
        }
        return Outcome::ok;
    }

    Outcome cut(const Grid &from, Value *out) const {
        if (num_rows_ == 0 || num_columns_ == 0) return empty_rows(m_, num_rows_, out);
        Grid *to;
        TRY(new_grid(m_, num_rows_, num_columns_, &to));
        for (int64_t i = 0; i < num_rows_; ++i) {
            for (int64_t j = 0; j < num_columns_; ++j) {
                to->row(i)[j] = from.at(rows_[i], columns_[j]);
            }
        }
        *out = value_of_grid(to);
        return Outcome::ok;
    }

  private:
    Machine &m_;
    int32_t *rows_ = nullptr;
    int32_t *columns_ = nullptr;
    int64_t num_rows_ = 0;
    int64_t num_columns_ = 0;
};

struct Turn {
    bool transpose;
    bool flip_rows;    // of the source
    bool flip_columns; // of the source
};

Outcome turned(Machine &m, const Grid &from, Turn turn, Value *out) {
    Grid *to;
    TRY(turn.transpose ? new_grid(m, from.width, from.height, &to)
                       : new_grid(m, from.height, from.width, &to));
    const int8_t *origin = from.cells;
    int64_t down = from.stride;
    int64_t right = 1;
    if (turn.flip_rows) {
        origin += int64_t{from.stride} * (from.height - 1);
        down = -down;
    }
    if (turn.flip_columns) {
        origin += from.width - 1;
        right = -1;
    }
    if (turn.transpose) std::swap(down, right);
    for (int64_t i = 0; i < to->height; ++i) {
        int8_t *row = to->row(i);
        const int8_t *source = origin + i * down;
        for (int64_t j = 0; j < to->width; ++j) row[j] = source[j * right];
    }
    *out = value_of_grid(to);
    return Outcome::ok;
}

// ---- Any tuple
// --------------------------------------------------------------------------------------

// tuple(zip(*rows)), rows in the given order, cut to the shortest.
Outcome zipped(Machine &m, const Items &rows, Value *out) {
    Items *items;
    TRY(m.allocate(rows.size, &items));
    size_t width = rows.size == 0 ? 0 : SIZE_MAX;
    for (size_t i = 0; i < rows.size; ++i) {
        TRY(items_of(m, rows[i], &items[i]));
        width = std::min(width, items[i].size);
    }
    TRY(m.charge(width * rows.size));
    Value *columns;
    TRY(m.allocate(width, &columns));
    for (size_t j = 0; j < width; ++j) {
        Value *column;
        TRY(m.allocate(rows.size, &column));
        for (size_t i = 0; i < rows.size; ++i) column[i] = items[i][j];
        columns[j] = tuple_of(column, rows.size);
    }
    *out = tuple_of(columns, width);
    return Outcome::ok;
}

// Every row of a tuple reversed; rows must be tuples.
Outcome rows_reversed(Machine &m, const Items &rows, Value *out) {
    Value *result;
    TRY(m.allocate(rows.size, &result));
    for (size_t i = 0; i < rows.size; ++i) TRY(reversed(m, rows[i], &result[i]));
    *out = tuple_of(result, rows.size);
    return Outcome::ok;
}

// The items of v[::-1]; v must be a tuple.
Outcome reversed_items(Machine &m, const Value &v, Items *out) {
    Value backwards;
    TRY(reversed(m, v, &backwards));
    return items_of(m, backwards, out);
}

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
    Value turned;
    Value halved;
    TRY(primitive_rot90(m, &grid, &turned));
    TRY(half(m, turned, is_second, &halved));
    return primitive_rot270(m, &halved, out);
}

// Python's slices clamp whatever the size of their bounds.
int64_t saturating_add(int64_t a, int64_t b) {
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

int64_t clamp_bound(int64_t bound, int64_t size) {
    if (bound < 0) bound += size;
    return std::clamp(bound, int64_t{0}, size);
}

// tuple(r[j : j + width] for r in grid[i : i + height])
Outcome cropped(Machine &m, const Value &grid, int64_t i, int64_t j, int64_t height, int64_t width,
                Value *out) {
    int64_t end_i = saturating_add(i, height);
    int64_t end_j = saturating_add(j, width);
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

// Every item repeated `factor` times; the factor is looked at only where there is an item.
Outcome items_repeated(Machine &m, const Items &items, const Value &factor, Value *out) {
    if (items.size != 0 && !factor.is_int()) return Outcome::type_error;
    uint64_t times =
        items.size == 0 || factor.integer < 0 ? 0 : static_cast<uint64_t>(factor.integer);
    uint64_t count;
    if (__builtin_mul_overflow(times, uint64_t{items.size}, &count)) return Outcome::out_of_fuel;
    TRY(m.charge(count));
    Value *result;
    TRY(m.allocate(count, &result));
    Value *next = result;
    for (const Value &item : items) next = std::fill_n(next, times, item);
    *out = tuple_of(result, count);
    return Outcome::ok;
}

Outcome upscaled_grid(Machine &m, const Value &grid, const Value &vertical, const Value &horizontal,
                      Value *out) {
    if (grid.kind == Kind::grid && vertical.is_int() && horizontal.is_int() &&
        vertical.integer > 0 && horizontal.integer > 0) {
        const Grid &from = *grid.grid;
        int64_t height;
        int64_t width;
        if (__builtin_mul_overflow(int64_t{from.height}, vertical.integer, &height) ||
            __builtin_mul_overflow(int64_t{from.width}, horizontal.integer, &width) ||
            height > INT32_MAX || width > INT32_MAX) {
            return Outcome::out_of_fuel;
        }
        Grid *to;
        TRY(new_grid(m, height, width, &to));
        for (int64_t i = 0; i < from.height; ++i) {
            int8_t *first = to->row(i * vertical.integer);
            int8_t *next = first;
            for (int64_t j = 0; j < from.width; ++j) {
                next = std::fill_n(next, horizontal.integer, from.at(i, j));
            }
            for (int64_t k = 1; k < vertical.integer; ++k) {
                std::memcpy(first + k * width, first, static_cast<size_t>(width));
            }
        }
        *out = value_of_grid(to);
        return Outcome::ok;
    }
    Items rows;
    TRY(items_of(m, grid, &rows));
    ValueList result(m);
    for (const Value &row : rows) {
        Items items;
        Value widened;
        Value copies;
        Items copied;
        TRY(items_of(m, row, &items));
        TRY(items_repeated(m, items, horizontal, &widened));
        TRY(items_repeated(m, {&widened, 1}, vertical, &copies));
        TRY(items_of(m, copies, &copied));
        for (const Value &copy : copied) TRY(result.push(copy));
    }
    *out = result.as_tuple();
    return Outcome::ok;
}

Outcome upscaled_object(Machine &m, const Value &object, const Value &factor, Value *out) {
    Value corner;
    Value origin[2];
    Value shift[2] = {object, Value()};
    Value offsets[2];
    TRY(primitive_ulcorner(m, &object, &corner));
    TRY(unpack(m, corner, &origin[0], &origin[1]));
    for (int k = 0; k < 2; ++k) TRY(minus(m, Value::of_int(0), origin[k], &offsets[k]));
    TRY(make_pair(m, offsets[0], offsets[1], &shift[1]));
    Value normalized;
    Items cells;
    TRY(primitive_shift(m, shift, &normalized));
    TRY(items_of(m, normalized, &cells));
    SetBuilder scaled(m);
    for (const Value &cell : cells) {
        Value color;
        Value i;
        Value j;
        TRY(unpack_cell(m, cell, &color, &i, &j));
        if (!factor.is_int()) return Outcome::type_error;
        for (int64_t a = 0; a < factor.integer; ++a) {
            for (int64_t b = 0; b < factor.integer; ++b) {
                Value scaled_i;
                Value scaled_j;
                Value place[2];
                Value both;
                Value moved;
                TRY(times(m, i, factor, &scaled_i));
                TRY(plus(m, scaled_i, Value::of_int(a), &place[0]));
                TRY(times(m, j, factor, &scaled_j));
                TRY(plus(m, scaled_j, Value::of_int(b), &place[1]));
                TRY(make_pair(m, place[0], place[1], &both));
                TRY(make_pair(m, color, both, &moved));
                TRY(scaled.add(moved));
            }
        }
    }
    TRY(scaled.finish_copied(&shift[0]));
    TRY(make_pair(m, origin[0], origin[1], &shift[1]));
    return primitive_shift(m, shift, out);
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

namespace {

// The mirrors of a patch in the middle of its bounding box, or in a diagonal through its upper left
// corner. `offsets` holds what place_* below needs.
Outcome place_upside_down(Machine &m, const Value &i, const Value &j, const Value *offsets,
                          Value *new_i, Value *new_j) {
    *new_j = j;
    return minus(m, offsets[0], i, new_i);
}

Outcome place_left_right(Machine &m, const Value &i, const Value &j, const Value *offsets,
                         Value *new_i, Value *new_j) {
    *new_i = i;
    return minus(m, offsets[0], j, new_j);
}

// (j - b + a, i - a + b) for the corner (a, b)
Outcome place_transposed(Machine &m, const Value &i, const Value &j, const Value *corner,
                         Value *new_i, Value *new_j) {
    Value step;
    TRY(minus(m, j, corner[1], &step));
    TRY(plus(m, step, corner[0], new_i));
    TRY(minus(m, i, corner[0], &step));
    return plus(m, step, corner[1], new_j);
}

// hmirror (axis 0) and vmirror (axis 1) of a patch.
Outcome mirrored_patch(Machine &m, const Value &patch, int64_t axis, Value *out) {
    Value first;
    Value last;
    Value ends[2];
    Value sum;
    TRY(primitive_ulcorner(m, &patch, &first));
    TRY(item_at(m, first, axis, &ends[0]));
    TRY(primitive_lrcorner(m, &patch, &last));
    TRY(item_at(m, last, axis, &ends[1]));
    TRY(plus(m, ends[0], ends[1], &sum));
    if (has_plain_places(patch)) {
        bool fits;
        AffineMap map = axis == 0 ? AffineMap{-1, sum.integer, 1, 0, false}
                                  : AffineMap{1, 0, -1, sum.integer, false};
        TRY(move_plain_places(m, patch.set, map, &fits, out));
        if (fits) return Outcome::ok;
    }
    return move_places(m, patch, axis == 0 ? place_upside_down : place_left_right, &sum, out);
}

} // namespace

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
    Value first;
    Value corner[2];
    TRY(primitive_ulcorner(m, args, &first));
    TRY(unpack(m, first, &corner[0], &corner[1]));
    if (has_plain_places(piece)) {
        bool fits;
        int64_t across = corner[0].integer - corner[1].integer;
        AffineMap map = {1, across, 1, -across, true};
        TRY(move_plain_places(m, piece.set, map, &fits, out));
        if (fits) return Outcome::ok;
    }
    return move_places(m, piece, place_transposed, corner, out);
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

// The row bounds are computed before the grid is looked at, the column bounds once there is a row.
PRIMITIVE(crop) {
    const Value &grid = args[0];
    int64_t begin[2];
    int64_t length[2];
    auto read_bounds = [&](int axis) {
        Value start;
        Value dim;
        TRY(item_at(m, args[1], axis, &start));
        TRY(item_at(m, args[2], axis, &dim));
        if (!start.is_int() || !dim.is_int()) return Outcome::type_error;
        begin[axis] = start.integer;
        length[axis] = dim.integer;
        return Outcome::ok;
    };
    TRY(read_bounds(0));
    size_t size;
    if (!grid.is_tuple()) return Outcome::type_error;
    TRY(length_of(grid, &size));
    int64_t height = static_cast<int64_t>(size);
    if (clamp_bound(begin[0], height) >= clamp_bound(saturating_add(begin[0], length[0]), height)) {
        *out = tuple_of(nullptr, 0);
        return Outcome::ok;
    }
    TRY(read_bounds(1));
    return cropped(m, grid, begin[0], begin[1], length[0], length[1], out);
}

PRIMITIVE(subgrid) {
    Value crop[3] = {args[1], Value(), Value()};
    TRY(primitive_ulcorner(m, &args[0], &crop[1]));
    TRY(primitive_shape(m, &args[0], &crop[2]));
    return primitive_crop(m, crop, out);
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
        for (int64_t i = 0; i < to->height; ++i) {
            std::copy_n(left.row(i), left.width, to->row(i));
            std::copy_n(right.row(i), right.width, to->row(i) + left.width);
        }
        *out = value_of_grid(to);
        return Outcome::ok;
    }
    Items left;
    Items right;
    TRY(items_of(m, a, &left));
    TRY(items_of(m, b, &right));
    size_t size = std::min(left.size, right.size);
    Value *rows;
    TRY(m.allocate(size, &rows));
    for (size_t i = 0; i < size; ++i) TRY(plus(m, left[i], right[i], &rows[i]));
    *out = tuple_of(rows, size);
    return Outcome::ok;
}

PRIMITIVE(vconcat) {
    const Value &a = args[0];
    const Value &b = args[1];
    if (a.kind == Kind::grid && b.kind == Kind::grid && a.grid->width == b.grid->width) {
        Grid *to;
        TRY(new_grid(m, int64_t{a.grid->height} + b.grid->height, a.grid->width, &to));
        for (int64_t i = 0; i < to->height; ++i) {
            const int8_t *row =
                i < a.grid->height ? a.grid->row(i) : b.grid->row(i - a.grid->height);
            std::copy_n(row, to->width, to->row(i));
        }
        *out = value_of_grid(to);
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
    Value transposed;
    TRY(uniform_rows(m, grid, &rows_of_one));
    TRY(primitive_dmirror(m, &grid, &transposed));
    TRY(uniform_rows(m, transposed, &columns_of_one));
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
        constexpr int64_t kMaxCells = 1000;
        Value cells;
        bool is_large;
        TRY(item_at(m, args[1], 1, &sides[1]));
        TRY(times(m, sides[0], sides[1], &cells));
        TRY(less(m, Value::of_int(kMaxCells), cells, &is_large));
        if (is_large) {
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
    if (__builtin_mul_overflow(height, width, &cells)) return Outcome::out_of_fuel;
    if (fits_cell(value)) {
        Grid *grid;
        TRY(new_grid(m, height, width, &grid));
        std::memset(grid->cells, static_cast<int>(value.integer), static_cast<size_t>(cells));
        *out = value_of_grid(grid);
        return Outcome::ok;
    }
    TRY(m.charge(static_cast<uint64_t>(cells)));
    Value *row;
    Value *rows;
    TRY(m.allocate(static_cast<size_t>(width), &row));
    TRY(m.allocate(static_cast<size_t>(height), &rows));
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
    if (a.kind == Kind::grid && b.kind == Kind::grid && fits_cell(fallback) &&
        b.grid->height >= height && b.grid->width >= width) {
        Grid *to;
        TRY(new_grid(m, height, width, &to));
        for (int64_t i = 0; i < height; ++i) {
            const int8_t *row_a = a.grid->row(i);
            const int8_t *row_b = b.grid->row(i);
            int8_t *row = to->row(i);
            for (int64_t j = 0; j < width; ++j) {
                row[j] = row_a[j] == row_b[j] ? row_a[j] : static_cast<int8_t>(fallback.integer);
            }
        }
        *out = value_of_grid(to);
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
