#include "primitives/turning.h"

#include "primitives/operators.h"

#include <algorithm>

namespace codeit {

namespace {

using Bytes = uint8_t __attribute__((vector_size(16)));
using Pairs = uint16_t __attribute__((vector_size(16)));
using Quads = uint32_t __attribute__((vector_size(16)));

// The lower (upper) items of two vectors in turn. Three rounds of it transpose eight rows: first
// cells of neighboring rows, then pairs of cells, then quadruples.
Pairs mixed(Bytes a, Bytes b) {
    return std::bit_cast<Pairs>(
        __builtin_shuffle(a, b, Bytes{0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}));
}
Quads mixed(Pairs a, Pairs b, bool is_upper) {
    return std::bit_cast<Quads>(is_upper
                                    ? __builtin_shuffle(a, b, Pairs{4, 12, 5, 13, 6, 14, 7, 15})
                                    : __builtin_shuffle(a, b, Pairs{0, 8, 1, 9, 2, 10, 3, 11}));
}
Halves mixed(Quads a, Quads b, bool is_upper) {
    return std::bit_cast<Halves>(is_upper ? __builtin_shuffle(a, b, Quads{2, 6, 3, 7})
                                          : __builtin_shuffle(a, b, Quads{0, 4, 1, 5}));
}

// Eight rows of eight cells become their columns, two in a vector.
void transpose_block(const int8_t *const *rows, Halves *columns) {
    auto row = [&](int k) {
        uint64_t cells;
        std::memcpy(&cells, rows[k], sizeof cells);
        return std::bit_cast<Bytes>(Halves{cells, 0});
    };
    Pairs pairs[4];
    for (int k = 0; k < 4; ++k) pairs[k] = mixed(row(2 * k), row(2 * k + 1));
    for (int k = 0; k < 2; ++k) {
        Quads upper_rows = mixed(pairs[0], pairs[1], k == 1);
        Quads lower_rows = mixed(pairs[2], pairs[3], k == 1);
        columns[2 * k] = mixed(upper_rows, lower_rows, false);
        columns[2 * k + 1] = mixed(upper_rows, lower_rows, true);
    }
}

// Rows become columns, by blocks of eight. A block that is less high is written over the ends of
// its rows, therefore from top to bottom.
void transpose(const Grid &from, bool flip_rows, bool flip_columns, Grid *to) {
    constexpr int64_t kSide = 8;
    const int64_t last_row = from.height - 1;
    const int64_t last_column = from.width - 1;
    for (int64_t i = 0; i <= last_row; i += kSide) {
        // The last block overlaps the one before, where there is one.
        const int64_t first = std::max<int64_t>(std::min(i, from.height - kSide), 0);
        const int8_t *rows[kSide];
        for (int64_t k = 0; k < kSide; ++k) {
            // Of a grid of fewer than eight rows, the last one is read again in their place.
            int64_t row = std::min(first + k, last_row);
            rows[k] = from.row(flip_rows ? last_row - row : row);
        }
        for (int64_t block = 0; block <= last_column; block += kSide) {
            const int64_t j = flip_columns ? last_column / kSide * kSide - block : block;
            const int8_t *parts[kSide];
            uint64_t columns[kSide];
            for (int64_t k = 0; k < kSide; ++k) parts[k] = rows[k] + j;
            Halves pairs[kSide / 2];
            transpose_block(parts, pairs);
            std::memcpy(columns, pairs, sizeof columns);
            const int64_t count = std::min(kSide, from.width - j);
            for (int64_t k = 0; k < count; ++k) {
                const int64_t column = flip_columns ? count - 1 - k : k;
                int8_t *row = to->row(flip_columns ? last_column - j - column : j + column);
                std::memcpy(row + first, &columns[column], sizeof columns[column]);
            }
        }
    }
}

} // namespace

Outcome turned(Machine &m, const Grid &from, Turn turn, Value *out) {
    Grid *to;
    TRY(turn.transpose ? new_grid(m, from.width, from.height, &to)
                       : new_grid(m, from.height, from.width, &to));
    if (turn.transpose) {
        transpose(from, turn.flip_rows, turn.flip_columns, to);
    } else if (turn.flip_columns) {
        const int64_t width = from.width;
        const int8_t *source = turn.flip_rows ? from.row(from.height - 1) : from.cells;
        const int64_t step = turn.flip_rows ? -int64_t{from.stride} : from.stride;
        int8_t *row = to->cells;
        for (int8_t *end = row + from.num_cells(); row != end; row += width, source += step) {
            reverse_row(row, source, width);
        }
    } else {
        copy_cells(from, to->cells, turn.flip_rows);
    }
    *out = Value::of_grid(to);
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
Outcome place_upside_down(Machine &m, const Value &i, const Value &j, const Addend *offsets,
                          Value *new_i, Value *new_j) {
    Addend moved;
    *new_j = j;
    TRY(minus(m, offsets[0], i, &moved));
    return narrowed(moved, new_i);
}

Outcome place_left_right(Machine &m, const Value &i, const Value &j, const Addend *offsets,
                         Value *new_i, Value *new_j) {
    Addend moved;
    *new_i = i;
    TRY(minus(m, offsets[0], j, &moved));
    return narrowed(moved, new_j);
}

// (j - b + a, i - a + b) for the corner (a, b)
Outcome place_transposed(Machine &m, const Value &i, const Value &j, const Addend *corner,
                         Value *new_i, Value *new_j) {
    Addend step;
    Addend moved_i;
    Addend moved_j;
    TRY(minus(m, j, corner[1], &step));
    TRY(plus(m, step, corner[0], &moved_i));
    TRY(minus(m, i, corner[0], &step));
    TRY(plus(m, step, corner[1], &moved_j));
    return narrowed(moved_i, moved_j, new_i, new_j);
}

} // namespace

Outcome mirrored_patch(Machine &m, const Value &patch, int64_t axis, Value *out) {
    Value first;
    Value last;
    Value ends[2];
    Addend sum;
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
        (axis == 0 ? image.offset_i : image.offset_j) = static_cast<int64_t>(sum.number);
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
    const Addend offsets[2] = {corner[0], corner[1]};
    return move_places(m, patch, place_transposed, offsets, out);
}

} // namespace codeit
