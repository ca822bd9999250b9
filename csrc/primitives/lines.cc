// Neighbors, rays, rows and columns (language.md 6.8).
//
// All of these are patches of a known shape: their bits are written down at once, and the order is
// worked out later. A line is inserted from end to end (GEN), which is row by row, so that it is an
// ordinary packed set. The places around one, and the frontiers of a grid, come about by LIT and
// OR, and have Constructions that do these again. Around a place that is no pair of small ints, the
// bodies named ..._in_order are the original.
#include "core/packed_table.h"
#include "primitives/operators.h"
#include "primitives/patch.h"

#include <algorithm>

namespace codeit {
namespace {

constexpr int64_t kRayLength = 42;
constexpr int64_t kFrontierLength = 30;

// LIT of loc plus each of four steps. The two items of loc are read, and moved, as the steps need
// them: i - 1 is computed before j is read.
Outcome four_around(Machine &m, const Value &loc, const int8_t (*steps)[2], Value *out) {
    SetBuilder set(m);
    for (int k = 0; k < 4; ++k) {
        Value components[2];
        for (int64_t axis = 0; axis < 2; ++axis) {
            Value coordinate;
            TRY(item_at(m, loc, axis, &coordinate));
            components[axis] = coordinate;
            if (steps[k][axis] != 0) {
                TRY(plus(m, coordinate, Value::of_int(steps[k][axis]), &components[axis]));
            }
        }
        Value place;
        TRY(make_pair(m, components[0], components[1], &place));
        TRY(set.add(place));
    }
    return set.finish_copied(out);
}

constexpr int8_t kBeside[4][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
constexpr int8_t kAcross[4][2] = {{-1, -1}, {-1, 1}, {1, -1}, {1, 1}};

Outcome dneighbors_in_order(Machine &m, const Value *args, Value *out) {
    return four_around(m, args[0], kBeside, out);
}

Outcome ineighbors_in_order(Machine &m, const Value *args, Value *out) {
    return four_around(m, args[0], kAcross, out);
}

Outcome neighbors_in_order(Machine &m, const Value *args, Value *out) {
    Value beside;
    Value diagonal;
    TRY(primitive_dneighbors(m, args, &beside));
    TRY(primitive_ineighbors(m, args, &diagonal));
    return set_union(m, beside.set, diagonal.set, out);
}

// The table that a body would give the places around one, by their slots in the box around it.
// Nothing is allocated but the table, yet it is charged for like the sets that the body would make.
using AroundTable = DistinctTable<uint16_t>;
constexpr uint64_t kUnitsOfFour = 319;
constexpr uint64_t kUnitsOfEight = 870;

template <typename HashOf>
Outcome add_four(const int8_t (*steps)[2], HashOf hash_of, AroundTable *table) {
    uint16_t slots[4];
    for (int k = 0; k < 4; ++k) slots[k] = slot_of({}, steps[k][0] + 1, steps[k][1] + 1);
    TRY(table->start());
    return table->add(slots, 4, hash_of);
}

Outcome lay_out_around(Machine &m, const Construction &how, Set *set) {
    const auto &around = static_cast<const ByBody &>(how);
    const Bitmap &box = set->patch.bits;
    if (!set->is_packed() || !PlaceHashes::have(window_of(box))) {
        Value built;
        TRY(around.body(m, around.args, &built));
        return adopt_table(m, built, set);
    }
    auto hash_of = [places = kPlaceHashes.at(box.top, box.left)](uint32_t slot) {
        return places[slot - 1];
    };
    AroundTable table(m);
    TRY(m.charge(set->size == 4 ? kUnitsOfFour : kUnitsOfEight));
    if (set->size == 4) {
        TRY(add_four(around.body == dneighbors_in_order ? kBeside : kAcross, hash_of, &table));
    } else { // OR
        AroundTable across(m);
        TRY(add_four(kBeside, hash_of, &table));
        TRY(add_four(kAcross, hash_of, &across));
        // MERGE of four into four: 5 * 8 >= 3 * 7, so that the table grows to 32 slots first.
        TRY(table.resize(uint64_t{set->size} * 2, hash_of));
        for_each_slot(across.slots(), across.mask(),
                      [&](uint16_t slot, uint32_t) { table.put(&slot, 1, hash_of); });
    }
    m.before_change(set);
    set->codes = table.slots();
    set->mask = table.mask();
    set->fill = table.size();
    return Outcome::ok;
}

// The places around a plain one, given as the rows of their bits.
Outcome around(Machine &m, Body in_order, const Value *args, const Row *rows, uint32_t size,
               Value *out) {
    const Value &loc = args[0];
    const Window box = {int64_t{loc.i} - 1, int64_t{loc.j} - 1, 3, 3};
    if (loc.kind != Kind::pair || !box.is_small()) return in_order(m, args, out);
    TRY(m.charge(size));
    ByBody *how;
    TRY(m.allocate(1, &how));
    *how = {{lay_out_around}, in_order, {loc, {}, {}}};
    Patch patch = {.bits = {loc.i - 1, loc.j - 1, 3, 3, rows}};
    return constructed_set(m, Kind::pair, patch, size, how, 0, out);
}

// GEN of the diagonal through a square box, from its first row to its last one.
Outcome diagonal(Machine &m, int64_t top, int64_t bottom, int64_t left, int64_t right,
                 bool is_falling, Value *out) {
    const Range rows(top, bottom);
    const Range columns(left, right);
    const uint64_t count = rows.size();
    auto column_of = [&](uint64_t k) { return columns[is_falling ? k : count - 1 - k]; };
    if (count <= Bitmap::kMaxWidth) {
        const auto length = static_cast<int64_t>(count);
        const Window window = {top, left, length, length};
        if (window.is_small()) {
            BitmapBuilder builder(m, window);
            TRY(builder.start());
            for (uint64_t k = 0; k < count; ++k) builder.add(rows[k], column_of(k));
            auto size = static_cast<uint32_t>(count);
            return set_of_rows(m, Kind::pair, {.bits = builder.finish_tight()}, size, out);
        }
    }
    TRY(m.charge(count));
    Value *places;
    TRY(m.allocate(count, &places));
    for (uint64_t k = 0; k < count; ++k) {
        TRY(make_int_pair(m, rows[k], column_of(k), &places[k]));
    }
    return set_of_distinct(m, places, count, out);
}

// GEN of the straight line between two places, ends included; of nothing where there is none. A
// coordinate that all of them share stays as the first place has it.
Outcome line_between(Machine &m, const Value &ai, const Value &aj, Wide bi, Wide bj, Value *out) {
    const Wide rows = bi - ai.integer;
    const Wide columns = bj - aj.integer;
    // A line runs along a row, a column, or a diagonal.
    const Wide across = columns < 0 ? -columns : columns;
    if (rows != 0 && columns != 0 && rows != across && rows != -across) {
        return SetBuilder(m).finish(out);
    }
    if (!fits_int64(bi) || !fits_int64(bj)) return Outcome::integer_overflow;
    auto [top, bottom] = std::minmax({ai.integer, static_cast<int64_t>(bi)});
    auto [left, right] = std::minmax({aj.integer, static_cast<int64_t>(bj)});
    if (rows == 0) return straight_line(m, true, ai, left, right, out);
    if (columns == 0) return straight_line(m, false, aj, top, bottom, out);
    return diagonal(m, top, bottom, left, right, rows == columns, out);
}

Outcome frontier(Machine &m, const Value &location, bool row_is_fixed, Value *out) {
    Value fixed;
    TRY(item_at(m, location, row_is_fixed ? 0 : 1, &fixed));
    return straight_line(m, row_is_fixed, fixed, 0, kFrontierLength - 1, out);
}

// LIT of the cells of one row or column of a grid.
Outcome line_of_cells(Machine &m, const Value &grid, bool is_row, int64_t at, int64_t length,
                      Value *out) {
    SetBuilder cells(m);
    for (int64_t k = 0; k < length; ++k) {
        int64_t i = is_row ? at : k;
        int64_t j = is_row ? k : at;
        Value row;
        Value color;
        Value place;
        Value cell;
        TRY(item_at(m, grid, i, &row));
        TRY(item_at(m, row, j, &color));
        TRY(make_int_pair(m, i, j, &place));
        TRY(make_pair(m, color, place, &cell));
        TRY(cells.add(cell));
    }
    return cells.finish_copied(out);
}

// The same for a grid, whether it is a row, and which.
Outcome line_in_order(Machine &m, const Value *args, Value *out) {
    const bool is_row = args[1].integer != 0;
    const Grid &grid = *args[0].grid;
    const int64_t length = is_row ? grid.width : grid.height;
    return line_of_cells(m, args[0], is_row, args[2].integer, length, out);
}

// Rows and columns of one color of a small grid, as bits.
Outcome packed_lines(Machine &m, const Value &grid, const Items &rows, const Items &columns,
                     ValueList *out) {
    const Grid &cells = *grid.grid;
    TRY(m.charge(rows.size + columns.size + static_cast<uint64_t>(cells.height)));
    // One array serves all lines: a column's rows have one bit each, and behind them is a row of
    // all.
    Row *bits;
    TRY(m.allocate(static_cast<size_t>(cells.height) + 1, &bits));
    std::fill_n(bits, cells.height, Row{1});
    bits[cells.height] = low_bits(cells.width);
    for (const Value &i : rows) {
        const auto at = static_cast<int32_t>(i.integer);
        const Patch patch = {.bits = {at, 0, 1, cells.width, bits + cells.height},
                             .color = cells.at(at, 0)};
        const Value args[] = {grid, Value::boolean(true), i};
        Value line;
        TRY(constructed_by(m, line_in_order, args, 3, Kind::cell, patch,
                           static_cast<uint32_t>(cells.width), 0, &line));
        TRY(out->push(line));
    }
    for (const Value &j : columns) {
        const auto at = static_cast<int32_t>(j.integer);
        const Patch patch = {.bits = {0, at, cells.height, 1, bits}, .color = cells.at(0, at)};
        const Value args[] = {grid, Value::boolean(false), j};
        Value line;
        TRY(constructed_by(m, line_in_order, args, 3, Kind::cell, patch,
                           static_cast<uint32_t>(cells.height), 0, &line));
        TRY(out->push(line));
    }
    return Outcome::ok;
}

// OR of LIT of the first lines, which are rows, and LIT of the others.
Outcome united_lines(Machine &m, const Items &lines, size_t num_rows, Value *out) {
    SetBuilder rows(m);
    SetBuilder columns(m);
    for (size_t k = 0; k < lines.size; ++k) TRY((k < num_rows ? rows : columns).add(lines[k]));
    Value sets[2];
    TRY(rows.finish_copied(&sets[0]));
    TRY(columns.finish_copied(&sets[1]));
    return set_union(m, sets[0].set, sets[1].set, out);
}

// The same, done when the order is asked for.
struct UnitedLines : Construction {
    Items lines;
    size_t num_rows;

    static Outcome lay_out_lines(Machine &m, const Construction &how, Set *set) {
        const auto &united = static_cast<const UnitedLines &>(how);
        Value built;
        TRY(united_lines(m, united.lines, united.num_rows, &built));
        return adopt_table(m, built, set);
    }
};

} // namespace

PRIMITIVE(dneighbors) {
    static constexpr Row kRows[3] = {0b010, 0b101, 0b010};
    return around(m, dneighbors_in_order, args, kRows, 4, out);
}

PRIMITIVE(ineighbors) {
    static constexpr Row kRows[3] = {0b101, 0b000, 0b101};
    return around(m, ineighbors_in_order, args, kRows, 4, out);
}

PRIMITIVE(neighbors) {
    static constexpr Row kRows[3] = {0b111, 0b101, 0b111};
    return around(m, neighbors_in_order, args, kRows, 8, out);
}

PRIMITIVE(connect) {
    Value ai;
    Value aj;
    Value bi;
    Value bj;
    TRY(unpack(m, args[0], &ai, &aj));
    TRY(unpack(m, args[1], &bi, &bj));
    if (!ai.is_int() || !aj.is_int() || !bi.is_int() || !bj.is_int()) return Outcome::type_error;
    return line_between(m, ai, aj, bi.integer, bj.integer, out);
}

PRIMITIVE(shoot) {
    const Value &from = args[0];
    const Value &by = args[1];
    if (from.kind == Kind::pair && by.kind == Kind::pair) {
        return line_between(m, Value::of_int(from.i), Value::of_int(from.j),
                            from.i + kRayLength * by.i, from.j + kRayLength * by.j, out);
    }
    Addend ends[2];
    for (int64_t k = 0; k < 2; ++k) {
        Value start;
        Value step;
        Addend distance;
        TRY(item_at(m, args[0], k, &start));
        TRY(item_at(m, args[1], k, &step));
        // 42 * step is worked out before it is added, and need not fit 64 bits.
        if (step.is_int()) {
            distance = static_cast<Wide>(step.integer) * kRayLength;
        } else {
            distance.is_int = false;
            TRY(times(m, Value::of_int(kRayLength), step, &distance.value));
        }
        TRY(plus(m, start, distance, &ends[k]));
    }
    Value i;
    Value j;
    TRY(unpack(m, args[0], &i, &j));
    if (!ends[0].is_int || !ends[1].is_int) return Outcome::type_error;
    return line_between(m, i, j, ends[0].number, ends[1].number, out);
}

PRIMITIVE(vfrontier) {
    return frontier(m, args[0], false, out);
}
PRIMITIVE(hfrontier) {
    return frontier(m, args[0], true, out);
}

PRIMITIVE(frontiers) {
    const Value &grid = args[0];
    int64_t height;
    int64_t width;
    Items rows;
    Items columns;
    TRY(extent(m, grid, &height, &width));
    TRY(uniform_rows(m, grid, &rows));
    TRY(uniform_columns(m, grid, &columns));
    ValueList lines(m);
    // The one cell of a grid is a row and a column, which are equal.
    const bool is_single = height == 1 && width == 1;
    if (grid.kind == Kind::grid && is_small(*grid.grid) && !is_single && !m.is_plain()) {
        TRY(packed_lines(m, grid, rows, columns, &lines));
        UnitedLines *construction;
        TRY(m.allocate(1, &construction));
        *construction = {{UnitedLines::lay_out_lines}, lines.items(), rows.size};
        constexpr uint16_t kSets = 1u << static_cast<unsigned>(Kind::set);
        return constructed_set(m, lines.take(), lines.size(), kSets, construction, 0, out);
    }
    for (const Value &i : rows) {
        Value line;
        TRY(line_of_cells(m, grid, true, i.integer, width, &line));
        TRY(lines.push(line));
    }
    for (const Value &j : columns) {
        Value line;
        TRY(line_of_cells(m, grid, false, j.integer, height, &line));
        TRY(lines.push(line));
    }
    return united_lines(m, lines.items(), rows.size, out);
}

} // namespace codeit
