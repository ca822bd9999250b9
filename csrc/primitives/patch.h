// What the primitives share about elements, patches and grids; the names in capitals are those of
// language.md 5.5, 5.6 and 5.7.
//
// A function here takes any value that a program can pass for a patch, and fails as CPython would.
// Those whose name says packed, and what takes a Patch or a Bitmap, are for sets held as bits:
// packed_patch() tells whether one is. The usual body asks that first, answers from the box or from
// the rows, and goes the general way otherwise.
#pragma once

#include "primitives/operators.h"
#include "primitives/primitive.h"

namespace codeit {

// EXT: the number of rows and the length of row 0; ragged grids are legal.
Outcome extent(Machine &m, const Value &grid, int64_t *height, int64_t *width);

// The rows and columns that a piece spans; a tuple is read as a grid.
Outcome shape_of(Machine &m, const Value &piece, Wide *sides);

// 0 <= i < height and 0 <= j < width, with type_error for what cannot be compared, in that order.
Outcome is_inside(const Value &i, const Value &j, int64_t height, int64_t width, bool *result);

// The indices of the rows of a grid that consist of one value (and are not empty), as ints.
Outcome uniform_rows(Machine &m, const Value &grid, Items *out);
// The same of its columns, for which a ragged grid is cut as dmirror does it.
Outcome uniform_columns(Machine &m, const Value &grid, Items *out);

// FLAT: the colors of a grid or an object, row by row or in iteration order.
Outcome flat_colors(Machine &m, const Value &element, Items *out);

// IDX: the places of a patch without their colors; a patch of places is returned as it is.
Outcome to_indices(Machine &m, const Value &patch, Value *out);

// CELLED: whether the first element carries a color. The patch must not be empty.
Outcome is_celled(Machine &m, const Value &patch, bool *result);

// The set that a patch is, where it is held as bits: the ordinary case, in which no order is needed
// to read its places. nullptr for any other value, the empty set among them.
inline Outcome packed_patch(Machine &m, const Value &patch, Set **out) {
    *out = nullptr;
    bool is_packed = false;
    if (patch.is_set()) TRY(pack(m, patch.set, &is_packed));
    if (is_packed) *out = patch.set;
    return Outcome::ok;
}

// A packed set that came about as a body does it, which is called again when the order is asked
// for.
struct ByBody : Construction {
    Body body;
    Value args[3];
};
Outcome constructed_by(Machine &m, Body body, const Value *args, unsigned num_args, Kind kind,
                       const Patch &patch, uint32_t size, unsigned chain, Value *out);

// GEN of some elements of a set, in its order; `kept` has them in the order of `elements`.
Outcome filtered_elements(Machine &m, Set *source, const Items &elements, ValueList *kept,
                          Value *out);

// The union of sets, in an order that a construction knows, which is lay_out_merged in the end;
// `chain` as in constructed_set, apart from those of the sets. *is_done is false, and nothing done,
// where they are not all packed patches of one kind, or too far apart.
Outcome union_of(Machine &m, const Items &sets, const Construction *construction, unsigned chain,
                 bool *is_done, Value *out);

// GEN of the elements of the sets in a container, in its order. `sets` are the same sets in any
// order. *is_done as above.
Outcome merged_sets(Machine &m, const Items &sets, const Value &container, bool *is_done,
                    Value *out);

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
// A place that leaves 64 bits fails the others only after all of them have been looked at, as what
// is wrong with another one comes first in CPython.
using PlaceMap = Outcome (*)(Machine &m, const Value &i, const Value &j, const Addend *offsets,
                             Value *new_i, Value *new_j);
Outcome move_places(Machine &m, const Value &patch, PlaceMap place, const Addend *offsets,
                    Value *out);

// The same, shifted; the patch must not be empty.
Outcome shift_by(Machine &m, const Value &patch, const Addend *offsets, Value *out);

// The same for a packed patch: shifted, or as an image of it with scales of 1 or -1. False when a
// coordinate leaves 32 bits, or when the image is too wide; nothing is written then. An offset has
// 33 bits at most.
Outcome shift_packed(Machine &m, Set *patch, int64_t down, int64_t right, bool *fits, Value *out);
Outcome move_packed(Machine &m, Set *patch, const Image &image, bool *fits, Value *out);

// Whether a value can equal a cell of a dense grid.
inline bool fits_color(const Value &v) {
    return v.is_int() && v.integer >= INT8_MIN && v.integer <= INT8_MAX;
}

// Whether a row of a grid is a word of bits.
inline bool is_small(const Grid &grid) {
    return grid.height <= Bitmap::kMaxHeight && grid.width <= 64;
}

// The places of a small grid that hold a color, as bits.
Outcome places_of_color(Machine &m, const Grid &grid, int8_t color, Bitmap *out, uint32_t *size);

// GEN of all (i, j), row by row, of a small window that is not empty.
Outcome full_window(Machine &m, const Window &window, Value *out);

// GEN of the straight line on which one coordinate is fixed, as the value it is, and the other runs
// over [first, last].
Outcome straight_line(Machine &m, bool row_is_fixed, const Value &fixed, int64_t first,
                      int64_t last, Value *out);

} // namespace codeit
