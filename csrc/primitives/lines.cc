// Neighbors, rays, rows and columns.
#include "primitives/operators.h"
#include "primitives/patch.h"

#include <algorithm>
#include <cstdlib>

namespace codeit {
namespace {

constexpr int64_t kRayLength = 42;
constexpr int64_t kFrontierLength = 30;

// LIT of loc plus each of four steps. The two items of loc are read, and moved, as the steps need
// them: i - 1 is computed before j is read.
Outcome four_around(Machine &m, const Value &loc, const int8_t (*steps)[2], Value *out) {
    SetBuilder set(m);
    if (loc.kind == Kind::pair && std::abs(int64_t{loc.i}) < INT32_MAX &&
        std::abs(int64_t{loc.j}) < INT32_MAX) {
        for (int k = 0; k < 4; ++k) {
            TRY(set.add(Value::pair(loc.i + steps[k][0], loc.j + steps[k][1])));
        }
        return set.finish_copied(out);
    }
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

// GEN of the diagonal from (top, start) down to row `bottom`, the column moving by `step`.
Outcome diagonal(Machine &m, int64_t top, int64_t bottom, int64_t start, int64_t step, Value *out) {
    uint64_t count;
    TRY(count_range(top, bottom, &count));
    TRY(m.charge(count));
    Value *places;
    TRY(m.allocate(count, &places));
    for (uint64_t k = 0; k < count; ++k) {
        int64_t n = static_cast<int64_t>(k);
        TRY(make_int_pair(m, top + n, start + step * n, &places[k]));
    }
    return set_of_distinct(m, places, count, out);
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

} // namespace

PRIMITIVE(dneighbors) {
    static constexpr int8_t kSteps[4][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    return four_around(m, args[0], kSteps, out);
}

PRIMITIVE(ineighbors) {
    static constexpr int8_t kSteps[4][2] = {{-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
    return four_around(m, args[0], kSteps, out);
}

PRIMITIVE(neighbors) {
    Value beside;
    Value diagonal;
    TRY(primitive_dneighbors(m, args, &beside));
    TRY(primitive_ineighbors(m, args, &diagonal));
    return set_union(m, beside.set, diagonal.set, out);
}

PRIMITIVE(connect) {
    Value ai;
    Value aj;
    Value bi;
    Value bj;
    TRY(unpack(m, args[0], &ai, &aj));
    TRY(unpack(m, args[1], &bi, &bj));
    if (!ai.is_int() || !aj.is_int() || !bi.is_int() || !bj.is_int()) return Outcome::type_error;
    auto [top, bottom] = std::minmax(ai.integer, bi.integer);
    auto [left, right] = std::minmax(aj.integer, bj.integer);
    if (top == bottom) return straight_line(m, true, ai, left, right, out);
    if (left == right) return straight_line(m, false, aj, top, bottom, out);
    auto rows = static_cast<__int128>(bi.integer) - ai.integer;
    auto columns = static_cast<__int128>(bj.integer) - aj.integer;
    if (rows == columns) return diagonal(m, top, bottom, left, 1, out);
    if (rows == -columns) return diagonal(m, top, bottom, right, -1, out);
    return SetBuilder(m).finish(out);
}

PRIMITIVE(shoot) {
    Value ends[2];
    for (int64_t k = 0; k < 2; ++k) {
        Value start;
        Value step;
        Value distance;
        TRY(item_at(m, args[0], k, &start));
        TRY(item_at(m, args[1], k, &step));
        TRY(times(m, Value::of_int(kRayLength), step, &distance));
        TRY(plus(m, start, distance, &ends[k]));
    }
    Value line[2] = {args[0], Value()};
    TRY(make_pair(m, ends[0], ends[1], &line[1]));
    return primitive_connect(m, line, out);
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
    Value transposed;
    Items rows;
    Items columns;
    TRY(extent(m, grid, &height, &width));
    TRY(uniform_rows(m, grid, &rows));
    TRY(primitive_dmirror(m, &grid, &transposed));
    TRY(uniform_rows(m, transposed, &columns));
    SetBuilder horizontal(m);
    SetBuilder vertical(m);
    for (const Value &i : rows) {
        Value line;
        TRY(line_of_cells(m, grid, true, i.integer, width, &line));
        TRY(horizontal.add(line));
    }
    for (const Value &j : columns) {
        Value line;
        TRY(line_of_cells(m, grid, false, j.integer, height, &line));
        TRY(vertical.add(line));
    }
    Value sets[2];
    TRY(horizontal.finish_copied(&sets[0]));
    TRY(vertical.finish_copied(&sets[1]));
    return set_union(m, sets[0].set, sets[1].set, out);
}

} // namespace codeit
