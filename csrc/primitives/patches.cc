// Building patches.
#include "primitives/operators.h"
#include "primitives/patch.h"

#include <algorithm>

namespace codeit {
namespace {

bool is_empty_in_arc_dsl(const Machine &m, size_t size) {
    return size == 0 && m.dialect() == Dialect::arc_dsl;
}

Outcome place_plus(Machine &m, const Value &i, const Value &j, const Value *offsets, Value *new_i,
                   Value *new_j) {
    TRY(plus(m, i, offsets[0], new_i));
    return plus(m, j, offsets[1], new_j);
}

// GEN of all (i, j), row-major, over two ranges with their ends.
Outcome rectangle(Machine &m, int64_t top, int64_t left, int64_t bottom, int64_t right,
                  Value *out) {
    uint64_t height;
    uint64_t width;
    uint64_t count;
    TRY(count_range(top, bottom, &height));
    TRY(count_range(left, right, &width));
    if (__builtin_mul_overflow(height, width, &count)) return Outcome::out_of_fuel;
    TRY(m.charge(count));
    Value *places;
    TRY(m.allocate(count, &places));
    Value *next = places;
    for (int64_t i = top; i <= bottom && width != 0; ++i) {
        for (int64_t j = left; j <= right; ++j) TRY(make_int_pair(m, i, j, next++));
    }
    return set_of_distinct(m, places, count, out);
}

// RING: the outline of the box between two corners given in any order. A side keeps the coordinate
// that it shares as the corner has it, which may be a bool.
Outcome ring(Machine &m, const Value *corners, Value *out) {
    for (int k = 0; k < 4; ++k) {
        if (!corners[k].is_int()) return Outcome::type_error;
    }
    // As min and max do, of equal ones the first.
    const Value &top = corners[corners[2].integer < corners[0].integer ? 2 : 0];
    const Value &bottom = corners[corners[2].integer > corners[0].integer ? 2 : 0];
    const Value &left = corners[corners[3].integer < corners[1].integer ? 3 : 1];
    const Value &right = corners[corners[3].integer > corners[1].integer ? 3 : 1];
    Value sides[4];
    Value vertical;
    Value horizontal;
    Value outline;
    TRY(straight_line(m, false, left, top.integer, bottom.integer, &sides[0]));
    TRY(straight_line(m, false, right, top.integer, bottom.integer, &sides[1]));
    TRY(set_union(m, sides[0].set, sides[1].set, &vertical));
    TRY(straight_line(m, true, top, left.integer, right.integer, &sides[2]));
    TRY(straight_line(m, true, bottom, left.integer, right.integer, &sides[3]));
    TRY(set_union(m, sides[2].set, sides[3].set, &horizontal));
    TRY(set_union(m, vertical.set, horizontal.set, &outline));
    return copy_of_set(m, outline.set, out);
}

// The ring whose sides lie `inwards` inside the bounding box.
Outcome ring_around(Machine &m, const Value &patch, int64_t inwards, Value *out) {
    constexpr Body kSides[4] = {primitive_uppermost, primitive_leftmost, primitive_lowermost,
                                primitive_rightmost};
    Value corners[4];
    for (int k = 0; k < 4; ++k) {
        Value side;
        TRY(kSides[k](m, &patch, &side));
        TRY(plus(m, side, Value::of_int(k < 2 ? inwards : -inwards), &corners[k]));
    }
    return ring(m, corners, out);
}

} // namespace

PRIMITIVE(corners) {
    constexpr Body kCorners[4] = {primitive_ulcorner, primitive_urcorner, primitive_llcorner,
                                  primitive_lrcorner};
    SetBuilder set(m);
    Value corners[4];
    for (int k = 0; k < 4; ++k) TRY(kCorners[k](m, args, &corners[k]));
    for (const Value &corner : corners) TRY(set.add(corner));
    return set.finish_copied(out);
}

PRIMITIVE(asindices) {
    size_t height;
    TRY(length_of(args[0], &height));
    if (height == 0) return SetBuilder(m).finish(out);
    int64_t rows;
    int64_t columns;
    TRY(extent(m, args[0], &rows, &columns));
    return rectangle(m, 0, 0, rows - 1, columns - 1, out);
}

PRIMITIVE(asobject) {
    if (args[0].kind == Kind::grid) {
        const Grid &grid = *args[0].grid;
        size_t count = static_cast<size_t>(grid.num_cells());
        TRY(m.charge(count));
        Value *cells;
        TRY(m.allocate(count, &cells));
        Value *next = cells;
        for (int32_t i = 0; i < grid.height; ++i) {
            const int8_t *row = grid.row(i);
            for (int32_t j = 0; j < grid.width; ++j) *next++ = Value::cell(row[j], i, j);
        }
        return set_of_distinct(m, cells, count, out);
    }
    Items rows;
    TRY(items_of(m, args[0], &rows));
    SetBuilder object(m);
    for (size_t i = 0; i < rows.size; ++i) {
        Items row;
        TRY(items_of(m, rows[i], &row));
        for (size_t j = 0; j < row.size; ++j) {
            Value place;
            Value cell;
            TRY(make_int_pair(m, static_cast<int64_t>(i), static_cast<int64_t>(j), &place));
            TRY(make_pair(m, row[j], place, &cell));
            TRY(object.add(cell));
        }
    }
    return object.finish(out);
}

PRIMITIVE(toindices) {
    return to_indices(m, args[0], out);
}

PRIMITIVE(toobject) {
    const Value &grid = args[1];
    int64_t height;
    int64_t width;
    Value places;
    TRY(extent(m, grid, &height, &width));
    TRY(to_indices(m, args[0], &places));
    if (grid.kind == Kind::grid && places.is_set() && places.set->holds_only(Kind::pair)) {
        Set *set = places.set;
        Box box;
        TRY(bounding_box(m, *set, &box));
        bool all_inside =
            grid.grid->contains(box.top, box.left) && grid.grid->contains(box.bottom, box.right);
        const Value *from = set->values;
        if (!all_inside) TRY(ordered(m, set, &from));
        Value *cells;
        TRY(m.allocate(set->size, &cells));
        size_t count = 0;
        for (uint32_t k = 0; k < set->size; ++k) {
            if (!grid.grid->contains(from[k].i, from[k].j)) continue;
            int8_t color = grid.grid->at(from[k].i, from[k].j);
            cells[count++] = Value::cell(color, from[k].i, from[k].j);
        }
        return all_inside ? set_of_images(m, set, cells, out)
                          : set_of_distinct(m, cells, count, out);
    }
    Items items;
    TRY(items_of(m, places, &items));
    SetBuilder object(m);
    for (const Value &place : items) {
        Value i;
        Value j;
        bool inside;
        TRY(unpack(m, place, &i, &j));
        TRY(is_inside(i, j, height, width, &inside));
        if (!inside) continue;
        Value row;
        Value color;
        Value rebuilt;
        Value cell;
        TRY(item_at(m, grid, i, &row));
        TRY(item_at(m, row, j, &color));
        TRY(make_pair(m, i, j, &rebuilt));
        TRY(make_pair(m, color, rebuilt, &cell));
        TRY(object.add(cell));
    }
    return object.finish(out);
}

PRIMITIVE(shift) {
    const Value &patch = args[0];
    size_t size;
    TRY(length_of(patch, &size));
    if (size == 0) {
        *out = patch;
        return Outcome::ok;
    }
    Value offsets[2];
    TRY(unpack(m, args[1], &offsets[0], &offsets[1]));
    bool are_small = true;
    for (const Value &offset : offsets) {
        are_small = are_small && offset.is_int() && fits_int32(offset.integer);
    }
    if (are_small && has_plain_places(patch)) {
        bool fits;
        AffineMap map = {1, offsets[0].integer, 1, offsets[1].integer, false};
        TRY(move_plain_places(m, patch.set, map, &fits, out));
        if (fits) return Outcome::ok;
    }
    return move_places(m, patch, place_plus, offsets, out);
}

PRIMITIVE(normalize) {
    size_t size;
    TRY(length_of(args[0], &size));
    if (is_empty_in_arc_dsl(m, size)) {
        *out = args[0];
        return Outcome::ok;
    }
    constexpr Body kSides[2] = {primitive_uppermost, primitive_leftmost};
    Value offsets[2];
    for (int k = 0; k < 2; ++k) {
        Value side;
        TRY(kSides[k](m, args, &side));
        TRY(minus(m, Value::of_int(0), side, &offsets[k]));
    }
    Value shift[2] = {args[0], Value()};
    TRY(make_pair(m, offsets[0], offsets[1], &shift[1]));
    return primitive_shift(m, shift, out);
}

PRIMITIVE(backdrop) {
    size_t size;
    TRY(length_of(args[0], &size));
    if (is_empty_in_arc_dsl(m, size)) return SetBuilder(m).finish(out);
    Value places;
    Value first;
    Value last;
    Value top;
    Value left;
    Value bottom;
    Value right;
    TRY(to_indices(m, args[0], &places));
    TRY(primitive_ulcorner(m, &places, &first));
    TRY(unpack(m, first, &top, &left));
    TRY(primitive_lrcorner(m, args, &last));
    TRY(unpack(m, last, &bottom, &right));
    if (!top.is_int() || !bottom.is_int()) return Outcome::type_error;
    if (top.integer <= bottom.integer && (!left.is_int() || !right.is_int())) {
        return Outcome::type_error;
    }
    return rectangle(m, top.integer, left.integer, bottom.integer, right.integer, out);
}

PRIMITIVE(delta) {
    size_t size;
    TRY(length_of(args[0], &size));
    if (is_empty_in_arc_dsl(m, size)) return SetBuilder(m).finish(out);
    Value whole;
    Value places;
    TRY(primitive_backdrop(m, args, &whole));
    TRY(to_indices(m, args[0], &places));
    return minus(m, whole, places, out);
}

PRIMITIVE(inbox) {
    return ring_around(m, args[0], 1, out);
}
PRIMITIVE(outbox) {
    return ring_around(m, args[0], -1, out);
}

PRIMITIVE(box) {
    size_t size;
    TRY(length_of(args[0], &size));
    if (is_empty_in_arc_dsl(m, size)) {
        *out = args[0];
        return Outcome::ok;
    }
    Value first;
    Value last;
    Value corners[4];
    TRY(primitive_ulcorner(m, args, &first));
    TRY(unpack(m, first, &corners[0], &corners[1]));
    TRY(primitive_lrcorner(m, args, &last));
    TRY(unpack(m, last, &corners[2], &corners[3]));
    return ring(m, corners, out);
}

} // namespace codeit
