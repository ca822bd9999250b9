// Patches onto grids (language.md 6.11). Places outside the grid are skipped, not an error.
//
// Which of two colors a place gets depends on the order of the patch, and only where a patch has a
// place twice. So the ways to paint are tried from the fastest to the most general:
//
// - put_sets: packed patches onto a dense grid, a word of places of a row at a time. No place
//   occurs twice within one; several, as in a joined value, are painted one after the other.
// - put_set: the elements of any set in any order, where all have one color, or no place of the
//   grid gets two.
// - put of Items: elements in order onto a dense grid.
// - OpenGrid: anything onto anything, item by item, in the order of the original.
//
// All but the last look at everything before they paint, so that what they leave to the next one is
// untouched, and what is wrong is found in CPython's order.
#include "core/cells.h"
#include "primitives/patch.h"
#include "primitives/wide_cells.h"

#include <algorithm>

namespace codeit {
namespace {

// A grid of any items under change. Rows may be ragged; the extent is that of EXT
// (language.md 5.5).
class OpenGrid {
  public:
    explicit OpenGrid(Machine &m) : m_(m) {}

    Outcome copy(const Value &grid) {
        Items rows;
        TRY(items_of(m_, grid, &rows));
        num_rows_ = rows.size;
        TRY(m_.allocate(num_rows_, &rows_));
        TRY(m_.allocate(num_rows_, &widths_));
        for (size_t i = 0; i < num_rows_; ++i) {
            Items row;
            TRY(items_of(m_, rows[i], &row));
            widths_[i] = row.size;
            TRY(m_.allocate(row.size, &rows_[i]));
            for (size_t j = 0; j < row.size; ++j) rows_[i][j] = row[j];
        }
        return Outcome::ok;
    }

    // The item at a place inside the extent; index_error where its own row is shorter.
    Outcome at(const Value &i, const Value &j, Value **item) {
        size_t row = static_cast<size_t>(i.integer);
        size_t column = static_cast<size_t>(j.integer);
        if (column >= widths_[row]) return Outcome::index_error;
        *item = &rows_[row][column];
        return Outcome::ok;
    }

    Outcome close(Value *out) {
        Value *rows;
        TRY(m_.allocate(num_rows_, &rows));
        for (size_t i = 0; i < num_rows_; ++i) rows[i] = tuple_of(rows_[i], widths_[i]);
        *out = tuple_of(rows, num_rows_);
        const Grid *dense;
        TRY(dense_grid(m_, *out, &dense));
        if (dense != nullptr) *out = Value::of_grid(dense);
        return Outcome::ok;
    }

  private:
    Machine &m_;
    size_t num_rows_ = 0;
    Value **rows_ = nullptr;
    size_t *widths_ = nullptr;
};

// What the four painting primitives share. With `only_background`, a cell changes only while it
// holds the grid's most common color.
struct Brush {
    static constexpr int64_t kMaxColumns = 64; // at once

    Value grid;
    bool only_background;
    int64_t height;
    int64_t width;
    Value background;

    Outcome prepare(Machine &m) {
        TRY(extent(m, grid, &height, &width));
        if (only_background) TRY(primitive_mostcolor(m, &grid, &background));
        return Outcome::ok;
    }

    Outcome put(Machine &m, OpenGrid *open, const Value &i, const Value &j, const Value &color) {
        bool inside;
        TRY(is_inside(i, j, height, width, &inside));
        if (!inside) return Outcome::ok;
        Value *item;
        TRY(open->at(i, j, &item));
        bool may_change = true;
        if (only_background) TRY(equal(m, *item, background, &may_change));
        if (may_change) *item = color;
        return Outcome::ok;
    }

    // Paints packed patches one after the other, each run of places of a row at once. The patches
    // are sets of one kind; a color that is given goes before those of cells. *is_done is false,
    // and nothing painted, where one is not packed, or of another kind, or has a color that no
    // dense grid holds.
    Outcome put_sets(Machine &m, const Items &sets, const int8_t *color, bool *is_done,
                     Value *out) const {
        *is_done = grid.kind == Kind::grid && sets.size != 0;
        Kind kind = Kind::unbound;
        for (const Value &v : sets) {
            if (!*is_done) return Outcome::ok;
            if (v.set->size == 0) continue;
            Set *packed;
            TRY(packed_patch(m, v, &packed));
            *is_done = packed != nullptr && (kind == Kind::unbound || kind == kind_of(*packed)) &&
                       (color != nullptr || can_paint(*packed));
            if (*is_done) kind = kind_of(*packed);
        }
        if (!*is_done) return Outcome::ok;
        Grid *open;
        TRY(new_grid(m, height, width, &open));
        // A grid of one word a row is copied while the first patch is painted: each row is read,
        // painted and written once.
        bool is_copied = width > kMaxColumns;
        if (is_copied) copy_cells(*grid.grid, open->cells);
        for (const Value &v : sets) {
            if (v.set->size == 0) continue;
            Patch patch = v.set->patch;
            if (color != nullptr) patch = {.bits = patch.bits, .color = *color};
            TRY(m.charge(static_cast<uint64_t>(patch.bits.height)));
            for (int64_t from = 0; from < width; from += kMaxColumns) {
                put_patch(patch, from, is_copied ? *open : *grid.grid, open);
            }
            is_copied = true;
        }
        if (!is_copied) copy_cells(*grid.grid, open->cells);
        *out = Value::of_grid(open);
        return Outcome::ok;
    }

    // Paints some columns of a patch onto a grid that holds what `source` holds, or will.
    void put_patch(const Patch &patch, int64_t from, const Grid &source, Grid *open) const {
        const Bitmap &bits = patch.bits;
        const int64_t count = std::min<int64_t>(width - from, kMaxColumns);
        // Rows [first, end) are painted, those around them copied, if the grid is new.
        const bool is_outside = bits.left >= from + count || bits.right() < from;
        const int64_t first = is_outside ? height : std::clamp<int64_t>(bits.top, 0, height);
        const int64_t end = std::clamp<int64_t>(bits.bottom() + 1, first, height);
        if (&source != open) copy_rows(source, 0, first, open);
        if (first < end) {
            const BitmapView view(bits, first, from);
            const uint64_t inside = low_bits(count);
            const int64_t step = source.stride;
            const int64_t color_step = patch.colors != nullptr ? patch.stride : 0;
            const Cells one_color = all_cells(static_cast<int8_t>(patch.color));
            // Columns [left, right) may be painted. Where every cell has a color of its own, no
            // others are loaded: they would lie before the first of these colors, or far behind.
            int64_t left = 0;
            int64_t right = count;
            const int8_t *colors = patch.colors;
            if (colors != nullptr) {
                left = std::max<int64_t>(bits.left - from, 0);
                right = std::min<int64_t>(bits.right() + 1 - from, count);
                colors += (first - bits.top) * color_step + from + left - bits.left;
            }
            const bool is_new = &source != open;
            const int8_t *row = source.row(first) + from;
            int8_t *target = open->row(first) + from;
            for (int64_t k = 0; k < end - first; ++k) {
                uint64_t places = view[k][0] & inside;
                if (only_background) {
                    places &= equal_mask(row, count, static_cast<int8_t>(background.integer));
                }
                if (is_new) copy_line(row, left, target);
                put_row(row + left, target + left, right - left, places >> left, colors, one_color);
                if (is_new) copy_line(row + right, count - right, target + right);
                row += step;
                target += width;
                colors += color_step;
            }
        }
        if (&source != open) copy_rows(source, end, height, open);
    }

    // Paints the elements of a set, in any order unless that makes a difference.
    Outcome put_set(Machine &m, Set *set, const int8_t *color, bool *is_done, Value *out) const {
        Items elements;
        TRY(codeit::elements(m, set, &elements));
        TRY(m.charge(elements.size));
        *is_done = grid.kind == Kind::grid;
        if (color == nullptr && *is_done) TRY(has_one_color_each(m, elements, is_done));
        return *is_done ? put(m, elements, color, is_done, out) : Outcome::ok;
    }

    // Paints elements one after the other, all of one kind, cells with their own colors unless one
    // is given. *is_done is false, and nothing painted, when one is of another kind or has a color
    // that no dense grid holds.
    Outcome put(Machine &m, const Items &elements, const int8_t *color, bool *is_done,
                Value *out) const {
        Kind kind = elements.size == 0 ? Kind::cell : elements[0].kind;
        *is_done = grid.kind == Kind::grid &&
                   (kind == Kind::cell || (kind == Kind::pair && color != nullptr)) &&
                   std::all_of(elements.begin(), elements.end(), [&](const Value &v) {
                       return v.kind == kind &&
                              (color != nullptr || static_cast<int8_t>(v.color) == v.color);
                   });
        if (!*is_done) return Outcome::ok;
        Grid *open;
        TRY(copy_grid(m, *grid.grid, &open));
        for (const Value &v : elements) {
            if (!open->contains(v.i, v.j)) continue;
            int8_t &cell = open->row(v.i)[v.j];
            if (only_background && cell != background.integer) continue;
            cell = color != nullptr ? *color : static_cast<int8_t>(v.color);
        }
        *out = Value::of_grid(open);
        return Outcome::ok;
    }

  private:
    static bool can_paint(const Set &packed) {
        return packed.holds_only(Kind::cell) &&
               (packed.patch.colors != nullptr ||
                static_cast<int8_t>(packed.patch.color) == packed.patch.color);
    }

    // Whether no place of the grid gets two colors.
    Outcome has_one_color_each(Machine &m, const Items &elements, bool *result) const {
        constexpr int16_t kNone = INT16_MIN;
        ScratchScope scratch(m);
        auto num_cells = static_cast<size_t>(height * width);
        int16_t *colors;
        TRY(m.charge(num_cells));
        TRY(m.allocate_scratch(num_cells, &colors));
        std::fill_n(colors, num_cells, kNone);
        for (const Value &v : elements) {
            *result = v.kind == Kind::cell && static_cast<int8_t>(v.color) == v.color;
            if (!*result) return Outcome::ok;
            if (!grid.grid->contains(v.i, v.j)) continue;
            int16_t &color = colors[v.i * width + v.j];
            *result = color == kNone || color == v.color;
            if (!*result) return Outcome::ok;
            color = static_cast<int16_t>(v.color);
        }
        return Outcome::ok;
    }

    static void copy_rows(const Grid &source, int64_t first, int64_t end, Grid *open) {
        if (first >= end) return;
        Grid part = source;
        part.cells = source.cells + first * source.stride;
        part.height = static_cast<int32_t>(end - first);
        copy_cells(part, open->row(first));
    }

    // Up to 15 cells behind the line change, too.
    static void copy_line(const int8_t *from, int64_t count, int8_t *to) {
        for (int64_t j = 0; j < count; j += kCellsAtOnce) {
            store_cells(to + j, load_cells(from + j));
        }
    }

    static void put_row(const int8_t *row, int8_t *target, int64_t count, uint64_t places,
                        const int8_t *colors, Cells one_color) {
        for (int64_t j = 0; j < count; j += kCellsAtOnce, places >>= kCellsAtOnce) {
            Cells fresh = colors == nullptr ? one_color : load_cells(colors + j);
            store_cells(target + j, chosen(cells_of_bits(places), fresh, load_cells(row + j)));
        }
    }
};

// The sets that a patch is made of: itself, or those that it joins. None for any other value.
Items sets_in(const Value &patch) {
    if (patch.is_set()) return {&patch, 1};
    if (patch.kind == Kind::joined) return {patch.joined->sets, patch.joined->num_sets};
    return {};
}

// fill and underfill: one color, so that no order is needed where the patch is plain.
Outcome fill_places(Machine &m, const Value *args, bool only_background, Value *out) {
    const Value &color = args[1];
    Brush brush = {args[0], only_background, 0, 0, Value::none()};
    TRY(brush.prepare(m));
    Value patch = args[2];
    Items items;
    // A color that no dense grid can hold makes the result a tuple of values.
    if (fits_cell(color)) {
        auto dense_color = static_cast<int8_t>(color.integer);
        bool is_done;
        TRY(brush.put_sets(m, sets_in(patch), &dense_color, &is_done, out));
        if (is_done) return Outcome::ok;
        if (patch.is_set()) {
            TRY(brush.put_set(m, patch.set, &dense_color, &is_done, out));
            if (is_done) return Outcome::ok;
        }
        TRY(m.settle(&patch));
        TRY(items_of(m, patch, &items));
        TRY(brush.put(m, items, &dense_color, &is_done, out));
        if (is_done) return Outcome::ok;
    }
    TRY(m.settle(&patch));
    OpenGrid open(m);
    Value places;
    TRY(open.copy(args[0]));
    TRY(to_indices(m, patch, &places));
    TRY(items_of(m, places, &items));
    for (const Value &place : items) {
        Value i;
        Value j;
        TRY(unpack(m, place, &i, &j));
        TRY(brush.put(m, &open, i, j, color));
    }
    return open.close(out);
}

// paint and underpaint.
Outcome paint_cells(Machine &m, const Value *args, bool only_background, Value *out) {
    Value object = args[1];
    Brush brush = {args[0], only_background, 0, 0, Value::none()};
    TRY(brush.prepare(m));
    Items cells;
    bool is_done;
    TRY(brush.put_sets(m, sets_in(object), nullptr, &is_done, out));
    if (is_done) return Outcome::ok;
    if (object.is_set()) {
        TRY(brush.put_set(m, object.set, nullptr, &is_done, out));
        if (is_done) return Outcome::ok;
    }
    TRY(m.settle(&object));
    TRY(items_of(m, object, &cells));
    TRY(brush.put(m, cells, nullptr, &is_done, out));
    if (is_done) return Outcome::ok;
    OpenGrid open(m);
    TRY(open.copy(args[0]));
    for (const Value &cell : cells) {
        Value color;
        Value i;
        Value j;
        TRY(unpack_cell(m, cell, &color, &i, &j));
        TRY(brush.put(m, &open, i, j, color));
    }
    return open.close(out);
}

} // namespace

PRIMITIVE(fill) {
    return fill_places(m, args, false, out);
}
PRIMITIVE(paint) {
    return paint_cells(m, args, false, out);
}
PRIMITIVE(underfill) {
    return fill_places(m, args, true, out);
}
PRIMITIVE(underpaint) {
    return paint_cells(m, args, true, out);
}

PRIMITIVE(cover) {
    Value fill[3] = {args[0], Value(), Value()};
    TRY(primitive_mostcolor(m, args, &fill[1]));
    TRY(to_indices(m, args[1], &fill[2]));
    return primitive_fill(m, fill, out);
}

namespace {

// The cells of a shifted patch of which some leave 64 bits: those that do not, in the order of all,
// as a tuple. The others are outside of any grid.
Outcome shifted_in_reach(Machine &m, const Value &patch, const Value &offset, Value *out) {
    Value down;
    Value right;
    WideCells shifted(m);
    bool are_ints;
    bool is_celled;
    TRY(codeit::is_celled(m, patch, &is_celled));
    if (!is_celled) return Outcome::type_error; // of paint
    TRY(unpack(m, offset, &down, &right));
    if (!down.is_int() || !right.is_int()) return Outcome::integer_overflow;
    TRY(move_wide(m, patch, down.integer, right.integer, &shifted, &are_ints));
    if (!are_ints) return Outcome::integer_overflow;
    const WideCell *cells;
    ValueList in_reach(m);
    TRY(shifted.in_order(false, &cells));
    for (size_t k = 0; k < shifted.size(); ++k) {
        const auto &[color, i, j] = cells[k];
        if (!fits_int64(i) || !fits_int64(j)) continue;
        Value place;
        Value cell;
        TRY(make_int_pair(m, static_cast<int64_t>(i), static_cast<int64_t>(j), &place));
        TRY(make_pair(m, color, place, &cell));
        TRY(in_reach.push(cell));
    }
    *out = in_reach.as_tuple();
    return Outcome::ok;
}

} // namespace

PRIMITIVE(move) {
    Value paint[2];
    Value shift[2] = {args[1], args[2]};
    TRY(primitive_cover(m, args, &paint[0]));
    Outcome outcome = primitive_shift(m, shift, &paint[1]);
    if (outcome == Outcome::integer_overflow) {
        outcome = shifted_in_reach(m, args[1], args[2], &paint[1]);
    }
    TRY(outcome);
    return primitive_paint(m, paint, out);
}

} // namespace codeit
