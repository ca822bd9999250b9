// Numbers and truths about patches and grids (language.md 6.6).
//
// Of a packed patch the box has most answers, and the rows the others. Of anything else, the
// coordinates are scanned as the original does it (SCANMAX and SCANMIN of language.md 5.3): they
// may be values of any kind, and cannot always be compared. What is added up on the way may leave
// 64 bits (language.md 2.3), therefore Wide.
#include "primitives/distance.h"
#include "primitives/operators.h"
#include "primitives/patch.h"
#include "primitives/selection.h"

#include <algorithm>
#include <cstdlib>

namespace codeit {
namespace {

enum class Axis : uint8_t { row, column };

// The extreme i or j over IDX(patch); value_error when it is empty.
Outcome extreme_place(Machine &m, Extreme extreme, Axis axis, const Value &patch, Value *out) {
    Set *packed;
    TRY(packed_patch(m, patch, &packed));
    if (packed != nullptr) {
        const Bitmap &bits = packed->patch.bits;
        bool is_least = extreme == Extreme::smallest;
        *out = Value::of_int(axis == Axis::row ? (is_least ? bits.top : bits.bottom())
                                               : (is_least ? bits.left : bits.right()));
        return Outcome::ok;
    }
    Value places;
    Items items;
    TRY(to_indices(m, patch, &places));
    TRY(items_of(m, places, &items));
    Selection selection(m, extreme);
    for (const Value &item : items) {
        Value i;
        Value j;
        TRY(unpack(m, item, &i, &j));
        const Value &coordinate = axis == Axis::row ? i : j;
        TRY(selection.offer(coordinate, coordinate));
    }
    if (selection.is_empty()) return Outcome::value_error;
    *out = selection.item();
    return Outcome::ok;
}

// The number of rows or columns that a piece spans. A tuple is read as a grid. That of a patch may
// be twice as much as an int holds.
Outcome span_of(Machine &m, Axis axis, const Value &piece, Wide *out) {
    size_t size;
    TRY(length_of(piece, &size));
    if (size != 0 && piece.is_tuple() && axis == Axis::column) {
        Value row;
        TRY(item_at(m, piece, 0, &row));
        TRY(length_of(row, &size));
    }
    if (size == 0 || piece.is_tuple()) {
        *out = static_cast<int64_t>(size);
        return Outcome::ok;
    }
    Set *packed;
    TRY(packed_patch(m, piece, &packed));
    if (packed != nullptr) {
        const Bitmap &bits = packed->patch.bits;
        *out = axis == Axis::row ? bits.height : bits.width;
        return Outcome::ok;
    }
    Value last;
    Value first;
    Addend distance;
    TRY(extreme_place(m, Extreme::largest, axis, piece, &last));
    TRY(extreme_place(m, Extreme::smallest, axis, piece, &first));
    TRY(minus(m, last, first, &distance));
    if (!distance.is_int) return Outcome::type_error;
    *out = distance.number + 1;
    return Outcome::ok;
}

Outcome span_of(Machine &m, Axis axis, const Value &piece, Value *out) {
    Wide span;
    TRY(span_of(m, axis, piece, &span));
    return narrowed(span, out);
}

// (top or bottom, left or right) of the bounding box. Over any patch: the extreme of every column
// of COLS, by row_extreme for column 0 and column_extreme for column 1; a further column is a
// key_error unless both extremes are the same, in which case it is treated alike.
Outcome corner(Machine &m, Extreme row_extreme, Extreme column_extreme, const Value &patch,
               Value *out) {
    Set *packed;
    TRY(packed_patch(m, patch, &packed));
    if (packed != nullptr) {
        const Bitmap &bits = packed->patch.bits;
        int64_t i = row_extreme == Extreme::smallest ? bits.top : bits.bottom();
        int64_t j = column_extreme == Extreme::smallest ? bits.left : bits.right();
        *out = Value::pair(static_cast<int32_t>(i), static_cast<int32_t>(j));
        return Outcome::ok;
    }
    Columns columns;
    TRY(columns_of(m, patch, &columns));
    Value *corner;
    TRY(m.allocate(columns.num_columns, &corner));
    for (size_t k = 0; k < columns.num_columns; ++k) {
        if (k >= 2 && row_extreme != column_extreme) return Outcome::key_error;
        Selection selection(m, k == 0 ? row_extreme : column_extreme);
        for (const Value &item : columns[k]) TRY(selection.offer(item, item));
        corner[k] = selection.item();
    }
    *out = tuple_of(corner, columns.num_columns);
    return Outcome::ok;
}

// first + span // 2. That of a tuple, whose span is its length, may lie beyond 64 bits.
Outcome middle(Machine &m, Axis axis, const Value &patch, Wide *out) {
    Set *packed;
    TRY(packed_patch(m, patch, &packed));
    if (packed != nullptr) {
        const Bitmap &bits = packed->patch.bits;
        *out = axis == Axis::row ? int64_t{bits.top} + bits.height / 2
                                 : int64_t{bits.left} + bits.width / 2;
        return Outcome::ok;
    }
    Value first;
    Wide span;
    TRY(extreme_place(m, Extreme::smallest, axis, patch, &first));
    TRY(span_of(m, axis, patch, &span));
    if (!first.is_int()) return Outcome::type_error;
    *out = first.integer + span / 2;
    return Outcome::ok;
}

// Both arguments as packed patches, charged for; false where one of them is none.
struct TwoPatches {
    Bitmap a;
    Bitmap b;
};
Outcome two_packed(Machine &m, const Value *args, TwoPatches *out, bool *are_packed) {
    Set *a;
    Set *b = nullptr;
    TRY(packed_patch(m, args[0], &a));
    if (a != nullptr) TRY(packed_patch(m, args[1], &b));
    *are_packed = b != nullptr;
    if (!*are_packed) return Outcome::ok;
    *out = {a->patch.bits, b->patch.bits};
    return m.charge(static_cast<uint64_t>(out->a.height) + static_cast<uint64_t>(out->b.height));
}

// The coordinates of IDX(patch) on one axis, as a set.
Outcome coordinates(Machine &m, Axis axis, const Value &patch, Value *out) {
    Value places;
    Items items;
    TRY(to_indices(m, patch, &places));
    TRY(items_of(m, places, &items));
    SetBuilder set(m);
    for (const Value &item : items) {
        Value i;
        Value j;
        TRY(unpack(m, item, &i, &j));
        TRY(set.add(axis == Axis::row ? i : j));
    }
    return set.finish(out);
}

Outcome share_coordinate(Machine &m, Axis axis, const Value *args, bool *result) {
    TwoPatches patches;
    bool are_packed;
    TRY(two_packed(m, args, &patches, &are_packed));
    if (are_packed) {
        *result = axis == Axis::row ? share_row(patches.a, patches.b)
                                    : share_column(patches.a, patches.b);
        return Outcome::ok;
    }
    Value a;
    Value b;
    Value common;
    TRY(coordinates(m, axis, args[0], &a));
    TRY(coordinates(m, axis, args[1], &b));
    TRY(set_intersection(m, a.set, b.set, &common));
    *result = common.set->size != 0;
    return Outcome::ok;
}

bool packed_repeats_with(Axis axis, const Patch &n, int32_t p) {
    bool repeats = true;
    for_each_place(n.bits, [&](int32_t i, int32_t j) {
        int32_t to_i = axis == Axis::row ? i - p : i;
        int32_t to_j = axis == Axis::row ? j : j - p;
        if (to_i < 0 || to_j < 0) return;
        repeats =
            repeats && n.bits.contains(to_i, to_j) && n.color_at(to_i, to_j) == n.color_at(i, j);
    });
    return repeats;
}

// Whether every cell of n moved back by p along the axis, those that leave it apart, is a cell of
// n.
Outcome repeats_with(Machine &m, Axis axis, const Value &n, int64_t p, bool *result) {
    Set *packed;
    TRY(packed_patch(m, n, &packed));
    if (packed != nullptr && packed->holds_only(Kind::cell)) {
        TRY(m.charge(uint64_t{packed->size} * 2));
        *result = packed_repeats_with(axis, packed->patch, static_cast<int32_t>(p));
        return Outcome::ok;
    }
    const Addend back[2] = {axis == Axis::row ? -p : 0, axis == Axis::row ? 0 : -p};
    Value moved;
    Items cells;
    TRY(shift_by(m, n, back, &moved));
    TRY(items_of(m, moved, &cells));
    SetBuilder pruned(m);
    for (const Value &cell : cells) {
        Value color;
        Value i;
        Value j;
        bool is_outside;
        TRY(unpack_cell(m, cell, &color, &i, &j));
        TRY(less(m, axis == Axis::row ? i : j, Value::of_int(0), &is_outside));
        if (!is_outside) TRY(pruned.add(cell));
    }
    Value kept;
    TRY(pruned.finish(&kept));
    return is_subset(m, kept.set, n.set, result);
}

// A patch moved to the first row or column. Where it is too wide to be moved along the other axis,
// too, that makes no difference to its period.
Outcome normalized_along(Machine &m, Axis axis, const Value &patch, Value *out) {
    Value side;
    Addend offsets[2] = {Wide{0}, Wide{0}};
    TRY(extreme_place(m, Extreme::smallest, axis, patch, &side));
    TRY(minus(m, Wide{0}, side, &offsets[axis == Axis::row ? 0 : 1]));
    return shift_by(m, patch, offsets, out);
}

// The next number that can be a period of normalized cells, or else their span: the last of them
// moved back by a period meets another one, so that most numbers below a wide span cannot be one.
// Without it, a hostile patch of two cells far apart would take as many tries as its span is long.
// The cells have been moved before, so that all of them can be.
Outcome find_next_period(Machine &m, Axis axis, const Value &normalized, int64_t span, int64_t *p) {
    Items cells;
    TRY(items_of(m, normalized, &cells));
    int64_t next = span;
    for (const Value &cell : cells) {
        Value color;
        Value i;
        Value j;
        TRY(unpack_cell(m, cell, &color, &i, &j));
        const int64_t distance = span - 1 - (axis == Axis::row ? i : j).integer;
        if (distance > *p) next = std::min(next, distance);
    }
    *p = next;
    return Outcome::ok;
}

Outcome period(Machine &m, Axis axis, const Value &obj, Value *out) {
    Value normalized;
    Outcome outcome = primitive_normalize(m, &obj, &normalized);
    if (outcome == Outcome::integer_overflow) outcome = normalized_along(m, axis, obj, &normalized);
    TRY(outcome);
    Value span;
    Set *packed;
    TRY(span_of(m, axis, normalized, &span));
    TRY(packed_patch(m, normalized, &packed));
    for (int64_t p = 1; p < span.integer;) {
        bool repeats;
        TRY(repeats_with(m, axis, normalized, p, &repeats));
        if (repeats) {
            *out = Value::of_int(p);
            return Outcome::ok;
        }
        if (packed != nullptr) {
            ++p;
        } else {
            TRY(find_next_period(m, axis, normalized, span.integer, &p));
        }
    }
    *out = span;
    return Outcome::ok;
}

} // namespace

PRIMITIVE(uppermost) {
    return extreme_place(m, Extreme::smallest, Axis::row, args[0], out);
}
PRIMITIVE(lowermost) {
    return extreme_place(m, Extreme::largest, Axis::row, args[0], out);
}
PRIMITIVE(leftmost) {
    return extreme_place(m, Extreme::smallest, Axis::column, args[0], out);
}
PRIMITIVE(rightmost) {
    return extreme_place(m, Extreme::largest, Axis::column, args[0], out);
}

Outcome shape_of(Machine &m, const Value &piece, Wide *sides) {
    TRY(span_of(m, Axis::row, piece, &sides[0]));
    return span_of(m, Axis::column, piece, &sides[1]);
}

PRIMITIVE(height) {
    return span_of(m, Axis::row, args[0], out);
}
PRIMITIVE(width) {
    return span_of(m, Axis::column, args[0], out);
}

PRIMITIVE(shape) {
    Wide spans[2];
    Value shape[2];
    TRY(shape_of(m, args[0], spans));
    TRY(narrowed(spans[0], spans[1], &shape[0], &shape[1]));
    return make_pair(m, shape[0], shape[1], out);
}

PRIMITIVE(portrait) {
    Wide sides[2];
    TRY(shape_of(m, args[0], sides));
    *out = Value::boolean(sides[0] > sides[1]);
    return Outcome::ok;
}

PRIMITIVE(square) {
    const Value &piece = args[0];
    size_t size;
    TRY(length_of(piece, &size));
    if (piece.is_tuple()) {
        Value row;
        size_t width;
        TRY(item_at(m, piece, 0, &row));
        TRY(length_of(row, &width));
        *out = Value::boolean(size == width);
        return Outcome::ok;
    }
    Wide sides[2];
    TRY(shape_of(m, piece, sides));
    // A set has fewer than 2^32 elements, so that the product is not needed beyond, where it could
    // leave even Wide.
    const bool is_small = sides[0] <= UINT32_MAX;
    *out = Value::boolean(sides[0] == sides[1] && is_small && sides[0] * sides[1] == size);
    return Outcome::ok;
}

namespace {

// A line along `axis`: as long there as it has elements, and one wide across.
Outcome is_line(Machine &m, Axis axis, const Value &patch, Value *out) {
    size_t size;
    Wide along;
    TRY(span_of(m, axis, patch, &along));
    TRY(length_of(patch, &size));
    if (along != static_cast<Wide>(size)) {
        *out = Value::boolean(false);
        return Outcome::ok;
    }
    Wide across;
    TRY(span_of(m, axis == Axis::row ? Axis::column : Axis::row, patch, &across));
    *out = Value::boolean(across == 1);
    return Outcome::ok;
}

} // namespace

PRIMITIVE(vline) {
    return is_line(m, Axis::row, args[0], out);
}
PRIMITIVE(hline) {
    return is_line(m, Axis::column, args[0], out);
}

PRIMITIVE(ulcorner) {
    return corner(m, Extreme::smallest, Extreme::smallest, args[0], out);
}
PRIMITIVE(urcorner) {
    return corner(m, Extreme::smallest, Extreme::largest, args[0], out);
}
PRIMITIVE(llcorner) {
    return corner(m, Extreme::largest, Extreme::smallest, args[0], out);
}
PRIMITIVE(lrcorner) {
    return corner(m, Extreme::largest, Extreme::largest, args[0], out);
}

PRIMITIVE(center) {
    Wide middles[2];
    Value center[2];
    TRY(middle(m, Axis::row, args[0], &middles[0]));
    TRY(middle(m, Axis::column, args[0], &middles[1]));
    TRY(narrowed(middles[0], middles[1], &center[0], &center[1]));
    return make_pair(m, center[0], center[1], out);
}

// Cells that share a place count once in the sum and each in the divisor, the size of the patch.
PRIMITIVE(centerofmass) {
    Columns columns;
    size_t size;
    TRY(columns_of(m, args[0], &columns));
    TRY(length_of(args[0], &size));
    Value *means;
    TRY(m.allocate(columns.num_columns, &means));
    for (size_t k = 0; k < columns.num_columns; ++k) {
        Wide sum = 0;
        for (const Value &item : columns[k]) {
            if (!item.is_int()) return Outcome::type_error;
            sum += item.integer;
        }
        const auto count = static_cast<Wide>(size);
        TRY(narrowed(sum / count - (sum % count < 0), &means[k]));
    }
    *out = tuple_of(means, columns.num_columns);
    return Outcome::ok;
}

PRIMITIVE(position) {
    Wide centers[2][2];
    for (int k = 0; k < 2; ++k) {
        Value places;
        TRY(to_indices(m, args[k], &places));
        TRY(middle(m, Axis::row, places, &centers[k][0]));
        TRY(middle(m, Axis::column, places, &centers[k][1]));
    }
    auto [ia, ja] = centers[0];
    auto [ib, jb] = centers[1];
    int32_t down = ia < ib ? 1 : -1;
    int32_t right = ja < jb ? 1 : -1;
    *out = ia == ib   ? Value::pair(0, right)
           : ja == jb ? Value::pair(down, 0)
                      : Value::pair(down, right);
    return Outcome::ok;
}

PRIMITIVE(manhattan) {
    bool are_plain;
    int64_t distance;
    TRY(distance_between(m, args[0], args[1], &are_plain, &distance));
    if (are_plain) {
        *out = Value::of_int(distance);
        return Outcome::ok;
    }
    AnyDistance any(m);
    Wide least;
    TRY(any.read(args[0], args[1]));
    TRY(any.least(0, 0, &least));
    return narrowed(least, out);
}

PRIMITIVE(adjacent) {
    TwoPatches patches;
    bool are_packed;
    TRY(two_packed(m, args, &patches, &are_packed));
    if (are_packed) {
        *out = Value::boolean(are_adjacent(patches.a, patches.b));
        return Outcome::ok;
    }
    bool are_plain;
    int64_t distance;
    TRY(distance_between(m, args[0], args[1], &are_plain, &distance));
    if (are_plain) {
        *out = Value::boolean(distance == 1);
        return Outcome::ok;
    }
    AnyDistance any(m);
    Wide least;
    TRY(any.read(args[0], args[1]));
    TRY(any.least(0, 0, &least));
    *out = Value::boolean(least == 1);
    return Outcome::ok;
}

// Sides are looked at in this order and only as long as none touches, so a bad grid may go
// unnoticed.
PRIMITIVE(bordering) {
    const Value &patch = args[0];
    const Value &grid = args[1];
    const Value zero = Value::of_int(0);
    Value side;
    bool touches;
    TRY(extreme_place(m, Extreme::smallest, Axis::row, patch, &side));
    TRY(equal(m, side, zero, &touches));
    if (!touches) {
        TRY(extreme_place(m, Extreme::smallest, Axis::column, patch, &side));
        TRY(equal(m, side, zero, &touches));
    }
    if (!touches) {
        size_t height;
        TRY(extreme_place(m, Extreme::largest, Axis::row, patch, &side));
        TRY(length_of(grid, &height));
        TRY(equal(m, side, Value::of_int(static_cast<int64_t>(height) - 1), &touches));
    }
    if (!touches) {
        int64_t height;
        int64_t width;
        TRY(extreme_place(m, Extreme::largest, Axis::column, patch, &side));
        TRY(extent(m, grid, &height, &width));
        TRY(equal(m, side, Value::of_int(width - 1), &touches));
    }
    *out = Value::boolean(touches);
    return Outcome::ok;
}

PRIMITIVE(hmatching) {
    bool matches;
    TRY(share_coordinate(m, Axis::row, args, &matches));
    *out = Value::boolean(matches);
    return Outcome::ok;
}

PRIMITIVE(vmatching) {
    bool matches;
    TRY(share_coordinate(m, Axis::column, args, &matches));
    *out = Value::boolean(matches);
    return Outcome::ok;
}

namespace {

// Whether the box stays where bits can be after so many steps of one.
bool stays_small(const Bitmap &bits, int64_t steps) {
    Window around = {bits.top - steps, bits.left - steps, bits.height, bits.width};
    Window beyond = {bits.top + steps, bits.left + steps, bits.height, bits.width};
    return around.is_small() && beyond.is_small();
}

} // namespace

PRIMITIVE(gravitate) {
    constexpr int32_t kMaxSteps = 42;
    Wide centers[2][2];
    for (int k = 0; k < 2; ++k) {
        TRY(middle(m, Axis::row, args[k], &centers[k][0]));
        TRY(middle(m, Axis::column, args[k], &centers[k][1]));
    }
    bool is_above_or_below;
    TRY(share_coordinate(m, Axis::column, args, &is_above_or_below));
    int axis = is_above_or_below ? 0 : 1;
    int32_t step = centers[0][axis] < centers[1][axis] ? 1 : -1;
    Value move = is_above_or_below ? Value::pair(step, 0) : Value::pair(0, step);

    TwoPatches patches;
    bool are_packed;
    int32_t steps = 0;
    TRY(two_packed(m, args, &patches, &are_packed));
    if (are_packed && stays_small(patches.a, kMaxSteps)) {
        // A move changes two numbers of the bitmap.
        Bitmap &source = patches.a;
        while (!are_adjacent(source, patches.b) && steps < kMaxSteps) {
            TRY(m.charge(static_cast<uint64_t>(std::min(source.height, patches.b.height))));
            source.top += move.i;
            source.left += move.j;
            ++steps;
        }
        *out = Value::pair(move.i * steps, move.j * steps);
        return Outcome::ok;
    }
    AnyDistance any(m);
    TRY(any.read(args[0], args[1]));
    for (;; ++steps) {
        Wide distance;
        TRY(any.least(move.i * steps, move.j * steps, &distance));
        if (distance == 1 || steps == kMaxSteps) break;
    }
    *out = Value::pair(move.i * steps, move.j * steps);
    return Outcome::ok;
}

PRIMITIVE(hperiod) {
    return period(m, Axis::column, args[0], out);
}
PRIMITIVE(vperiod) {
    return period(m, Axis::row, args[0], out);
}

} // namespace codeit
