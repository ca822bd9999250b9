// What the primitives share about elements, patches and grids; the names in capitals are those of
// the specification, section 4.
#pragma once

#include "primitives/primitive.h"

namespace codeit {

// EXT: the number of rows and the length of row 0; ragged grids are legal.
Outcome extent(Machine &m, const Value &grid, int64_t *height, int64_t *width);

// 0 <= i < height and 0 <= j < width, with type_error for what cannot be compared, in that order.
Outcome is_inside(const Value &i, const Value &j, int64_t height, int64_t width, bool *result);

// The indices of the rows of a grid that consist of one value (and are not empty), as ints.
Outcome uniform_rows(Machine &m, const Value &grid, Items *out);

// FLAT: the colors of a grid or an object, row by row or in iteration order.
Outcome flat_colors(Machine &m, const Value &element, Items *out);

// IDX: the places of a patch without their colors; a patch of places is returned as it is.
Outcome to_indices(Machine &m, const Value &patch, Value *out);

// CELLED: whether the first element carries a color. The patch must not be empty.
Outcome is_celled(Machine &m, const Value &patch, bool *result);

// Whether a patch is a set of nothing but pairs, or of nothing but cells, and not empty: the
// ordinary case, in which each element's place is its (i, j) and no order is needed to read it.
inline bool has_plain_places(const Value &patch) {
    return patch.is_set() &&
           (patch.set->holds_only(Kind::pair) || patch.set->holds_only(Kind::cell));
}

// The smallest box around the places of a plain patch; charges for them.
struct Box {
    int32_t top;
    int32_t left;
    int32_t bottom;
    int32_t right;
};
Outcome bounding_box(Machine &m, const Set &patch, Box *out);

// COLS, reduced: calls use(k, column items) for the columns of IDX(patch) in turn.
// `columns` holds num_columns * num_rows values, column by column.
struct Columns {
    size_t num_columns = 0;
    size_t num_rows = 0;
    const Value *values = nullptr;

    Items operator[](size_t k) const { return {values + k * num_rows, num_rows}; }
};
Outcome columns_of(Machine &m, const Value &patch, Columns *out);

// GEN of elements moved one by one: place(i, j) gives the new place of each. Sets and tuples of
// pairs or of cells, as CELLED tells; the result is always a set.
using PlaceMap = Outcome (*)(Machine &m, const Value &i, const Value &j, const Value *offsets,
                             Value *new_i, Value *new_j);
Outcome move_places(Machine &m, const Value &patch, PlaceMap place, const Value *offsets,
                    Value *out);

// The same for a plain patch, without order: (i, j) -> (di + si * i, dj + sj * j), transposed first
// when asked. False when a coordinate leaves 32 bits; nothing is written then.
struct AffineMap {
    int64_t scale_i;
    int64_t offset_i;
    int64_t scale_j;
    int64_t offset_j;
    bool transpose;
};
Outcome move_plain_places(Machine &m, Set *patch, const AffineMap &map, bool *fits, Value *out);

// GEN of the straight line on which one coordinate is fixed, as the value it is, and the other runs
// over [first, last].
Outcome straight_line(Machine &m, bool row_is_fixed, const Value &fixed, int64_t first,
                      int64_t last, Value *out);

} // namespace codeit
