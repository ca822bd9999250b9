#include "primitives/scaling.h"

#include "core/cells.h"
#include "primitives/operators.h"
#include "primitives/patch.h"
#include "primitives/wide_cells.h"

#include <algorithm>

namespace codeit {

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

namespace {

// Writes each cell of a row `factor` times. Eight or sixteen at a time; those too many are written
// over, or spare.
void widen_row(const int8_t *row, int64_t width, int64_t factor, int8_t *to) {
    if (factor == 1) return copy_row(to, row, width);
    if (factor == 2) {
        for (int64_t j = 0; j < width; j += 8) {
            const Cells cells = load_cells(row + j);
            store_cells(to + 2 * j, __builtin_shuffle(cells, Cells{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5,
                                                                   5, 6, 6, 7, 7}));
        }
        return;
    }
    for (int64_t j = 0; j < width; ++j, to += factor) {
        uint64_t cells = static_cast<uint8_t>(row[j]) * 0x0101010101010101u;
        int64_t k = 0;
        do {
            std::memcpy(to + k, &cells, sizeof cells);
            k += 8;
        } while (k < factor);
    }
}

// Each row as many times as it says, and in it each cell; both are above 0. A row is widened again
// for each copy, as reading what has just been written would wait for it.
void widen_rows(const Grid &from, int64_t vertical, int64_t horizontal, Grid *to) {
    const int64_t wide = to->width;
    const int8_t *row = from.cells;
    int8_t *next = to->cells;
    for (int64_t i = 0; i < from.height; ++i, row += from.stride) {
        for (int64_t k = 0; k < vertical; ++k, next += wide) {
            widen_row(row, from.width, horizontal, next);
        }
    }
}

} // namespace

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
        widen_rows(from, vertical.integer, horizontal.integer, to);
        *out = Value::of_grid(to);
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

namespace {

// The cells that an object of so many becomes; 0 where the factor is not positive.
uint64_t num_upscaled(size_t num_cells, int64_t factor) {
    if (factor <= 0) return 0;
    const auto side = static_cast<uint64_t>(factor);
    return num_pairs(num_pairs(side, side), num_cells);
}

// For an object whose cells leave 64 bits on their way to the origin and back.
Outcome upscaled_far(Machine &m, const Value &object, const Value *origin, const Value &factor,
                     Value *out) {
    WideCells normalized(m);
    WideCells scaled(m);
    const WideCell *cells;
    bool are_ints;
    TRY(move_wide(m, object, -Wide{origin[0].integer}, -Wide{origin[1].integer}, &normalized,
                  &are_ints));
    if (!are_ints || !factor.is_int()) return Outcome::type_error;
    const uint64_t count = num_upscaled(normalized.size(), factor.integer);
    TRY(m.charge(count));
    TRY(scaled.reserve(count));
    TRY(normalized.in_order(false, &cells));
    for (size_t k = 0; k < normalized.size(); ++k) {
        const auto &[color, i, j] = cells[k];
        for (int64_t a = 0; a < factor.integer; ++a) {
            for (int64_t b = 0; b < factor.integer; ++b) {
                TRY(scaled.add({color, i * factor.integer + a, j * factor.integer + b}));
            }
        }
    }
    SetBuilder moved(m);
    TRY(scaled.in_order(true, &cells));
    for (size_t k = 0; k < scaled.size(); ++k) {
        Value place[2];
        Value both;
        Value cell;
        TRY(narrowed(cells[k].i + origin[0].integer, &place[0]));
        TRY(narrowed(cells[k].j + origin[1].integer, &place[1]));
        TRY(make_pair(m, place[0], place[1], &both));
        TRY(make_pair(m, cells[k].color, both, &cell));
        TRY(moved.add(cell));
    }
    return moved.finish(out);
}

Outcome upscaled_near(Machine &m, const Value &object, const Value *origin, const Value &factor,
                      Value *out) {
    Addend offsets[2];
    for (int k = 0; k < 2; ++k) TRY(minus(m, Wide{0}, origin[k], &offsets[k]));
    Value normalized;
    Items cells;
    TRY(shift_by(m, object, offsets, &normalized));
    TRY(items_of(m, normalized, &cells));
    SetBuilder scaled(m);
    for (const Value &cell : cells) {
        Value color;
        Value i;
        Value j;
        TRY(unpack_cell(m, cell, &color, &i, &j));
        if (!factor.is_int()) return Outcome::type_error;
        // All of the work at once, so that a factor that is far too large fails at once.
        if (&cell == cells.begin()) TRY(m.charge(num_upscaled(cells.size, factor.integer)));
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
    Value shift[2];
    TRY(scaled.finish_copied(&shift[0]));
    TRY(make_pair(m, origin[0], origin[1], &shift[1]));
    return primitive_shift(m, shift, out);
}

Outcome upscaled_in_order(Machine &m, const Value *args, Value *out) {
    Value corner;
    Value origin[2];
    TRY(primitive_ulcorner(m, args, &corner));
    TRY(unpack(m, corner, &origin[0], &origin[1]));
    const Outcome outcome = upscaled_near(m, args[0], origin, args[1], out);
    return outcome == Outcome::integer_overflow ? upscaled_far(m, args[0], origin, args[1], out)
                                                : outcome;
}

// The cells of a packed object, each a square of `factor` cells a side, in a small window.
Outcome upscaled_patch(Machine &m, const Patch &from, int64_t factor, const Window &window,
                       Patch *out) {
    BitmapBuilder builder(m, window);
    TRY(builder.start());
    *out = from;
    if (from.colors != nullptr) {
        int8_t *colors;
        TRY(m.charge(static_cast<uint64_t>(window.height * window.width)));
        TRY(m.allocate(static_cast<size_t>(window.height * window.width), &colors));
        for (int64_t i = 0; i < window.height; ++i) {
            const int8_t *row = from.colors + i / factor * from.stride;
            for (int64_t j = 0; j < window.width; ++j) *colors++ = row[j / factor];
        }
        out->colors = colors - window.height * window.width;
        out->stride = static_cast<int32_t>(window.width);
    }
    for (int64_t i = 0; i < from.bits.height; ++i) {
        // Bit j becomes `factor` bits side by side, and the row as many rows.
        Row wide = 0;
        for_each_bit(from.bits.rows[i],
                     [&](int64_t j) { wide |= low_columns(factor) << (j * factor); });
        for (int64_t k = 0; k < factor; ++k) builder.row(i * factor + k) = wide;
    }
    out->bits = builder.finish_tight();
    return Outcome::ok;
}

} // namespace

Outcome upscaled_object(Machine &m, const Value &object, const Value &factor, Value *out) {
    const Value args[2] = {object, factor};
    Set *packed;
    TRY(packed_patch(m, object, &packed));
    if (packed == nullptr || !packed->holds_only(Kind::cell) || !factor.is_int() ||
        factor.integer < 1 || factor.integer > Bitmap::kMaxWidth) {
        return upscaled_in_order(m, args, out);
    }
    const Bitmap &bits = packed->patch.bits;
    Window window = {bits.top, bits.left, bits.height * factor.integer,
                     bits.width * factor.integer};
    if (!window.is_small()) return upscaled_in_order(m, args, out);
    Patch patch;
    TRY(m.charge(packed->size));
    TRY(upscaled_patch(m, packed->patch, factor.integer, window, &patch));
    auto size = static_cast<uint32_t>(packed->size * factor.integer * factor.integer);
    return constructed_by(m, upscaled_in_order, args, 2, Kind::cell, patch, size, packed->chain,
                          out);
}

} // namespace codeit
