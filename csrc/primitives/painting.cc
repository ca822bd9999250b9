// Patches onto grids. Places outside the grid are skipped, not an error.
#include "primitives/patch.h"

namespace codeit {
namespace {

// A grid of any items under change. Rows may be ragged; the extent is that of EXT.
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
        if (dense != nullptr) *out = value_of_grid(dense);
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

    void put(Grid *open, const Value &place, int8_t color) const {
        if (!open->contains(place.i, place.j)) return;
        int8_t &cell = open->row(place.i)[place.j];
        if (!only_background || cell == background.integer) cell = color;
    }
};

// fill and underfill: one color, so that no order is needed where the patch is plain.
Outcome fill_places(Machine &m, const Value *args, bool only_background, Value *out) {
    const Value &color = args[1];
    Brush brush = {args[0], only_background, 0, 0, Value::none()};
    TRY(brush.prepare(m));
    if (args[0].kind == Kind::grid && fits_cell(color) && has_plain_places(args[2])) {
        const Set &patch = *args[2].set;
        TRY(m.charge(patch.size));
        Grid *open;
        TRY(copy_grid(m, *args[0].grid, &open));
        for (const Value &place : patch.unordered()) {
            brush.put(open, place, static_cast<int8_t>(color.integer));
        }
        *out = value_of_grid(open);
        return Outcome::ok;
    }
    OpenGrid open(m);
    Value places;
    Items items;
    TRY(open.copy(args[0]));
    TRY(to_indices(m, args[2], &places));
    TRY(items_of(m, places, &items));
    for (const Value &place : items) {
        Value i;
        Value j;
        TRY(unpack(m, place, &i, &j));
        TRY(brush.put(m, &open, i, j, color));
    }
    return open.close(out);
}

// Whether all cells of a plain object have colors that a dense grid can hold, and whether no place
// occurs twice among those inside `grid`; then the order in which they are painted does not matter.
Outcome inspect_cells(Machine &m, const Set &object, const Grid &grid, bool *fit, bool *distinct) {
    TRY(m.charge(object.size));
    ScratchScope scratch(m);
    size_t num_cells = static_cast<size_t>(grid.num_cells());
    bool *is_taken;
    TRY(m.allocate_scratch(num_cells, &is_taken));
    std::memset(is_taken, 0, num_cells);
    *fit = *distinct = true;
    for (const Value &cell : object.unordered()) {
        *fit = *fit && cell.color >= INT8_MIN && cell.color <= INT8_MAX;
        if (!grid.contains(cell.i, cell.j)) continue;
        bool &taken = is_taken[int64_t{cell.i} * grid.width + cell.j];
        *distinct = *distinct && !taken;
        taken = true;
    }
    return Outcome::ok;
}

// paint and underpaint.
Outcome paint_cells(Machine &m, const Value *args, bool only_background, Value *out) {
    const Value &object = args[1];
    Brush brush = {args[0], only_background, 0, 0, Value::none()};
    TRY(brush.prepare(m));
    if (args[0].kind == Kind::grid && object.is_set() && object.set->holds_only(Kind::cell)) {
        bool fit;
        bool distinct;
        TRY(inspect_cells(m, *object.set, *args[0].grid, &fit, &distinct));
        if (fit) {
            const Value *cells = object.set->values;
            if (!distinct) TRY(ordered(m, object.set, &cells));
            Grid *open;
            TRY(copy_grid(m, *args[0].grid, &open));
            for (uint32_t k = 0; k < object.set->size; ++k) {
                brush.put(open, cells[k], static_cast<int8_t>(cells[k].color));
            }
            *out = value_of_grid(open);
            return Outcome::ok;
        }
    }
    OpenGrid open(m);
    Items cells;
    TRY(open.copy(args[0]));
    TRY(items_of(m, object, &cells));
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

PRIMITIVE(move) {
    Value paint[2];
    Value shift[2] = {args[1], args[2]};
    TRY(primitive_cover(m, args, &paint[0]));
    TRY(primitive_shift(m, shift, &paint[1]));
    return primitive_paint(m, paint, out);
}

} // namespace codeit
