#include "primitives/turning.h"

#include "primitives/operators.h"

#include <algorithm>

namespace codeit {

Outcome turned(Machine &m, const Grid &from, Turn turn, Value *out) {
    Grid *to;
    TRY(turn.transpose ? new_grid(m, from.width, from.height, &to)
                       : new_grid(m, from.height, from.width, &to));
    if (!turn.transpose) {
        for (int64_t i = 0; i < from.height; ++i) {
            const int8_t *row = from.row(turn.flip_rows ? from.height - 1 - i : i);
            turn.flip_columns ? reverse_row(to->row(i), row, from.width)
                              : copy_row(to->row(i), row, from.width);
        }
        *out = value_of_grid(to);
        return Outcome::ok;
    }
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
    std::swap(down, right);
    for (int64_t i = 0; i < to->height; ++i) {
        int8_t *row = to->row(i);
        const int8_t *source = origin + i * down;
        for (int64_t j = 0; j < to->width; ++j) row[j] = source[j * right];
    }
    *out = value_of_grid(to);
    return Outcome::ok;
}

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

Outcome rows_reversed(Machine &m, const Items &rows, Value *out) {
    Value *result;
    TRY(m.allocate(rows.size, &result));
    for (size_t i = 0; i < rows.size; ++i) TRY(reversed(m, rows[i], &result[i]));
    *out = tuple_of(result, rows.size);
    return Outcome::ok;
}

Outcome reversed_items(Machine &m, const Value &v, Items *out) {
    Value backwards;
    TRY(reversed(m, v, &backwards));
    return items_of(m, backwards, out);
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

} // namespace

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
    Set *packed;
    TRY(packed_patch(m, patch, &packed));
    if (packed != nullptr) {
        bool fits;
        Image image;
        (axis == 0 ? image.scale_i : image.scale_j) = -1;
        (axis == 0 ? image.offset_i : image.offset_j) = sum.integer;
        TRY(move_packed(m, packed, image, &fits, out));
        if (fits) return Outcome::ok;
    }
    return move_places(m, patch, axis == 0 ? place_upside_down : place_left_right, &sum, out);
}

Outcome transposed_patch(Machine &m, const Value &patch, Value *out) {
    Value first;
    Value corner[2];
    TRY(primitive_ulcorner(m, &patch, &first));
    TRY(unpack(m, first, &corner[0], &corner[1]));
    Set *packed;
    TRY(packed_patch(m, patch, &packed));
    if (packed != nullptr) {
        bool fits;
        Image image;
        image.is_transposed = true;
        image.offset_i = corner[0].integer - corner[1].integer;
        image.offset_j = -image.offset_i;
        TRY(move_packed(m, packed, image, &fits, out));
        if (fits) return Outcome::ok;
    }
    return move_places(m, patch, place_transposed, corner, out);
}

} // namespace codeit
