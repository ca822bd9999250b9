// Building patches (language.md 6.7).
//
// Rectangles and rings in a small window are written down as rows of bits; a ring keeps its
// corners, and the lines of which CPython would have joined it (GEN, OR, LIT) are made when its
// order is asked for. What is moved keeps its bits, too, and is the image of what it was (Image in
// core/set.h). Whatever is too large, too far away, or no set of places or cells, is built value by
// value.
#include "primitives/patch.h"

#include <algorithm>

namespace codeit {
namespace {

bool is_empty_in_arc_dsl(const Machine &m, size_t size) {
    return size == 0 && m.dialect() == Dialect::arc_dsl;
}

Outcome place_plus(Machine &m, const Value &i, const Value &j, const Addend *offsets, Value *new_i,
                   Value *new_j) {
    Addend moved_i;
    Addend moved_j;
    TRY(plus(m, i, offsets[0], &moved_i));
    TRY(plus(m, j, offsets[1], &moved_j));
    return narrowed(moved_i, moved_j, new_i, new_j);
}

// GEN of all (i, j), row-major, over two ranges with their ends.
Outcome rectangle(Machine &m, int64_t top, int64_t left, int64_t bottom, int64_t right,
                  Value *out) {
    const Range rows(top, bottom);
    const Range columns(left, right);
    const uint64_t count = num_pairs(rows.size(), columns.size());
    if (count != 0 && rows.size() <= Bitmap::kMaxHeight && columns.size() <= Bitmap::kMaxWidth) {
        Window window = {top, left, static_cast<int64_t>(rows.size()),
                         static_cast<int64_t>(columns.size())};
        if (window.is_small()) return full_window(m, window, out);
    }
    TRY(m.charge(count));
    Value *places;
    TRY(m.allocate(count, &places));
    Value *next = places;
    for (uint64_t a = 0; next != places + count; ++a) {
        for (uint64_t b = 0; b < columns.size(); ++b) {
            TRY(make_int_pair(m, rows[a], columns[b], next++));
        }
    }
    return set_of_distinct(m, places, count, out);
}

// The outline of the box between two corners, line by line.
Outcome ring_of_lines(Machine &m, const Value *corners, Value *out) {
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

// The same, done when the order is asked for.
struct RingOfLines : Construction {
    Value corners[4];

    static Outcome lay_out_ring(Machine &m, const Construction &how, Set *set) {
        Value built;
        TRY(ring_of_lines(m, static_cast<const RingOfLines &>(how).corners, &built));
        return adopt_table(m, built, set);
    }
};

// RING: the outline of the box between two corners given in any order. A side keeps the coordinate
// that it shares as the corner has it, which may be a bool.
Outcome ring(Machine &m, const Value *corners, Value *out) {
    bool are_plain = true;
    for (int k = 0; k < 4; ++k) {
        if (!corners[k].is_int()) return Outcome::type_error;
        are_plain = are_plain && corners[k].kind == Kind::integer && fits_int32(corners[k].integer);
    }
    if (!are_plain) return ring_of_lines(m, corners, out);
    auto [top, bottom] = std::minmax(corners[0].integer, corners[2].integer);
    auto [left, right] = std::minmax(corners[1].integer, corners[3].integer);
    Window window = {top, left, bottom - top + 1, right - left + 1};
    if (!window.is_small()) return ring_of_lines(m, corners, out);
    BitmapBuilder builder(m, window);
    TRY(builder.start());
    // Both ends of each row, and all of the first and the last one.
    Row sides = Row{1} << (window.width - 1) | 1;
    for (int64_t i = 0; i < window.height; ++i) builder.row(i) = sides;
    builder.row(0) = builder.row(window.height - 1) = low_columns(window.width);
    Patch patch = {.bits = builder.finish_tight()};
    uint32_t size = num_places(patch.bits);
    RingOfLines *lines;
    TRY(m.allocate(1, &lines));
    *lines = {{RingOfLines::lay_out_ring}, {corners[0], corners[1], corners[2], corners[3]}};
    return constructed_set(m, Kind::pair, patch, size, lines, 0, out);
}

// The ring whose sides lie `inwards` inside the bounding box.
Outcome ring_around(Machine &m, const Value &patch, int64_t inwards, Value *out) {
    constexpr Body kSides[4] = {primitive_uppermost, primitive_leftmost, primitive_lowermost,
                                primitive_rightmost};
    Addend sides[4];
    Value corners[4];
    for (int k = 0; k < 4; ++k) {
        Value side;
        TRY(kSides[k](m, &patch, &side));
        TRY(plus(m, side, Wide{k < 2 ? inwards : -inwards}, &sides[k]));
    }
    for (int k = 0; k < 4; ++k) TRY(narrowed(sides[k], &corners[k]));
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
        Window window = {0, 0, grid.height, grid.width};
        if (window.is_small() && !m.is_plain()) {
            Value places;
            TRY(full_window(m, window, &places));
            Patch cells = {places.set->patch.bits, grid.cells, grid.stride, 0};
            return set_of_rows(m, Kind::cell, cells, places.set->size, out);
        }
    }
    Items rows;
    TRY(items_of(m, args[0], &rows));
    ValueList object(m); // no two cells are equal, as their places are not
    for (size_t i = 0; i < rows.size; ++i) {
        Items row;
        TRY(items_of(m, rows[i], &row));
        for (size_t j = 0; j < row.size; ++j) {
            Value place;
            Value cell;
            TRY(make_int_pair(m, static_cast<int64_t>(i), static_cast<int64_t>(j), &place));
            TRY(make_pair(m, row[j], place, &cell));
            TRY(object.push(cell));
        }
    }
    return set_of_distinct(m, object.take(), object.size(), out);
}

PRIMITIVE(toindices) {
    return to_indices(m, args[0], out);
}

namespace {

// The cells of a grid at the places of an index set, one by one.
Outcome cells_at(Machine &m, const Value &places, const Value &grid, Value *out) {
    int64_t height;
    int64_t width;
    TRY(extent(m, grid, &height, &width));
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

// The same for a packed index set on a dense grid: what lies inside keeps its bits, and the grid's
// cells are the colors.
Outcome packed_cells_at(Machine &m, const Value &places, const Grid &grid, Value *out) {
    Set *set = places.set;
    const Bitmap &bits = set->patch.bits;
    bool all_inside =
        grid.contains(bits.top, bits.left) && grid.contains(bits.bottom(), bits.right());
    Patch cells = {bits, nullptr, grid.stride, 0};
    uint32_t size = set->size;
    if (!all_inside) {
        int64_t top = std::max<int64_t>(bits.top, 0);
        int64_t bottom = std::min<int64_t>(bits.bottom(), grid.height - 1);
        int64_t left = std::max<int64_t>(bits.left, 0);
        int64_t right = std::min<int64_t>(bits.right(), grid.width - 1);
        if (top > bottom || left > right) return set_of_distinct(m, nullptr, 0, out);
        Window window = {top, left, bottom - top + 1, right - left + 1};
        BitmapBuilder builder(m, window);
        TRY(builder.start());
        for (int64_t i = 0; i < window.height; ++i) {
            builder.row(i) = bits.window(top + i, left) & low_columns(window.width);
        }
        builder.finish(&cells.bits, &size);
    }
    if (size != 0) cells.colors = grid.row(cells.bits.top) + cells.bits.left;
    return all_inside ? set_of_images(m, set, Kind::cell, cells, {}, out)
                      : filtered_set(m, set, Kind::cell, cells, size, out);
}

} // namespace

PRIMITIVE(toobject) {
    int64_t height;
    int64_t width;
    Value places;
    TRY(extent(m, args[1], &height, &width));
    TRY(to_indices(m, args[0], &places));
    Set *packed;
    TRY(packed_patch(m, places, &packed));
    if (args[1].kind == Kind::grid && packed != nullptr && packed->holds_only(Kind::pair)) {
        return packed_cells_at(m, places, *args[1].grid, out);
    }
    return cells_at(m, places, args[1], out);
}

namespace {

// GEN of the shifted elements of a set of nothing but places or cells that is not packed; no two
// are equal. False when a coordinate leaves 32 bits.
Outcome shifted_values(Machine &m, Set *set, int64_t down, int64_t right, bool *fits, Value *out) {
    const Value *items;
    Value *shifted;
    TRY(ordered(m, set, &items));
    TRY(m.charge(uint64_t{set->size} * 2));
    TRY(m.allocate(set->size, &shifted));
    *fits = true;
    for (uint32_t k = 0; k < set->size; ++k) {
        int64_t i = items[k].i + down;
        int64_t j = items[k].j + right;
        *fits = *fits && fits_int32(i) && fits_int32(j);
        // Colors stay; where a coordinate does not fit, all of it is dropped.
        shifted[k] = items[k];
        shifted[k].i = static_cast<int32_t>(i);
        shifted[k].j = static_cast<int32_t>(j);
    }
    if (!*fits) return Outcome::ok;
    TRY(set_of_distinct(m, shifted, set->size, out));
    out->set->is_unpackable = set->is_unpackable;
    return Outcome::ok;
}

} // namespace

PRIMITIVE(shift) {
    const Value &patch = args[0];
    if (patch.is_set() && patch.set->is_packed() && args[1].kind == Kind::pair) { // the usual case
        bool fits;
        TRY(shift_packed(m, patch.set, args[1].i, args[1].j, &fits, out));
        if (fits) return Outcome::ok;
    }
    size_t size;
    TRY(length_of(patch, &size));
    if (size == 0) {
        *out = patch;
        return Outcome::ok;
    }
    Value down;
    Value right;
    TRY(unpack(m, args[1], &down, &right));
    const Addend offsets[2] = {down, right};
    return shift_by(m, patch, offsets, out);
}

Outcome shift_by(Machine &m, const Value &patch, const Addend *offsets, Value *out) {
    Set *packed;
    TRY(packed_patch(m, patch, &packed));
    auto is_small = [](const Addend &n) {
        return n.is_int && fits_int64(n.number) && fits_int32(static_cast<int64_t>(n.number));
    };
    bool has_places =
        patch.is_set() && (patch.set->holds_only(Kind::pair) || patch.set->holds_only(Kind::cell));
    if (is_small(offsets[0]) && is_small(offsets[1]) && has_places && !m.is_plain()) {
        const auto down = static_cast<int64_t>(offsets[0].number);
        const auto right = static_cast<int64_t>(offsets[1].number);
        bool fits;
        TRY(packed != nullptr ? shift_packed(m, packed, down, right, &fits, out)
                              : shifted_values(m, patch.set, down, right, &fits, out));
        if (fits) return Outcome::ok;
    }
    return move_places(m, patch, place_plus, offsets, out);
}

PRIMITIVE(normalize) {
    if (args[0].is_set() && args[0].set->is_packed()) { // the usual case
        const Bitmap &bits = args[0].set->patch.bits;
        bool fits;
        TRY(shift_packed(m, args[0].set, -int64_t{bits.top}, -int64_t{bits.left}, &fits, out));
        if (fits) return Outcome::ok;
    }
    size_t size;
    TRY(length_of(args[0], &size));
    if (is_empty_in_arc_dsl(m, size)) {
        *out = args[0];
        return Outcome::ok;
    }
    constexpr Body kSides[2] = {primitive_uppermost, primitive_leftmost};
    Addend offsets[2];
    for (int k = 0; k < 2; ++k) {
        Value side;
        TRY(kSides[k](m, args, &side));
        TRY(minus(m, Wide{0}, side, &offsets[k]));
    }
    return shift_by(m, args[0], offsets, out);
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
