// What cells hold.
#include "primitives/patch.h"
#include "primitives/selection.h"

#include <algorithm>

namespace codeit {
namespace {

// How often each 8-bit color occurs, and the distinct ones in order of first occurrence.
class Histogram {
  public:
    void add(int8_t color) {
        uint32_t &count = counts_[static_cast<uint8_t>(color)];
        if (count++ == 0) distinct_[size_++] = color;
    }

    size_t size() const { return size_; }

    // GEN of the distinct colors, and their counts in the same order.
    Outcome distinct_colors(Machine &m, Value *out, uint32_t **counts) const {
        Value *values;
        TRY(m.allocate(size_, &values));
        TRY(m.allocate(size_, counts));
        for (size_t k = 0; k < size_; ++k) {
            values[k] = Value::of_int(distinct_[k]);
            (*counts)[k] = counts_[static_cast<uint8_t>(distinct_[k])];
        }
        return set_of_distinct(m, values, size_, out);
    }

  private:
    uint32_t counts_[256] = {};
    int8_t distinct_[256];
    size_t size_ = 0;
};

Outcome count_grid(Machine &m, const Grid &grid, Histogram *histogram) {
    TRY(m.charge(static_cast<uint64_t>(grid.num_cells())));
    for (int64_t i = 0; i < grid.height; ++i) {
        const int8_t *row = grid.row(i);
        for (int64_t j = 0; j < grid.width; ++j) histogram->add(row[j]);
    }
    return Outcome::ok;
}

// Whether an element is a set of cells of one and the same color.
bool has_one_color(const Value &element) {
    if (!element.is_set() || !element.set->holds_only(Kind::cell)) return false;
    Items cells = element.set->unordered();
    return std::all_of(cells.begin(), cells.end(),
                       [&](const Value &cell) { return cell.color == cells[0].color; });
}

// The distinct colors of an element as GEN builds them, with their counts.
Outcome distinct_colors(Machine &m, const Value &element, Value *out, uint32_t **counts) {
    const Grid *grid;
    TRY(dense_grid(m, element, &grid));
    if (grid != nullptr) {
        Histogram histogram;
        TRY(count_grid(m, *grid, &histogram));
        return histogram.distinct_colors(m, out, counts);
    }
    Items colors;
    TRY(flat_colors(m, element, &colors));
    TRY(m.allocate(colors.size, counts));
    SetBuilder distinct(m);
    for (const Value &color : colors) {
        size_t before = distinct.size();
        uint32_t index;
        TRY(distinct.add(color, &index));
        (*counts)[index] = distinct.size() != before ? 1 : (*counts)[index] + 1;
    }
    return distinct.finish(out);
}

Outcome extreme_color(Machine &m, Extreme extreme, const Value &element, Value *out) {
    if (has_one_color(element)) {
        TRY(m.charge(element.set->size));
        *out = Value::of_int(element.set->values[0].color);
        return Outcome::ok;
    }
    Value distinct;
    uint32_t *counts;
    TRY(distinct_colors(m, element, &distinct, &counts));
    return most_frequent(m, extreme, distinct.set, counts, out);
}

// The color of the first cell of an object, in iteration order.
Outcome first_color(Machine &m, const Value &obj, Value *out) {
    if (has_one_color(obj)) {
        *out = Value::of_int(obj.set->values[0].color);
        return Outcome::ok;
    }
    Value cell;
    TRY(first_of(m, obj, &cell));
    return item_at(m, cell, 0, out);
}

} // namespace

PRIMITIVE(colorfilter) {
    Items objects;
    TRY(items_of(m, args[0], &objects));
    SetBuilder kept(m);
    for (const Value &object : objects) {
        Value color;
        Outcome outcome = first_color(m, object, &color);
        if (outcome == Outcome::stop_iteration) return Outcome::runtime_error;
        TRY(outcome);
        bool is_equal;
        TRY(equal(m, color, args[1], &is_equal));
        if (is_equal) TRY(kept.add(object));
    }
    return kept.finish(out);
}

PRIMITIVE(mostcolor) {
    return extreme_color(m, Extreme::largest, args[0], out);
}
PRIMITIVE(leastcolor) {
    return extreme_color(m, Extreme::smallest, args[0], out);
}

PRIMITIVE(colorcount) {
    const Value &element = args[0];
    const Value &value = args[1];
    int64_t count = 0;
    if (element.kind == Kind::grid) {
        const Grid &grid = *element.grid;
        TRY(m.charge(static_cast<uint64_t>(grid.num_cells())));
        if (value.is_int()) {
            for (int64_t i = 0; i < grid.height; ++i) {
                count += std::count(grid.row(i), grid.row(i) + grid.width, value.integer);
            }
        }
        *out = Value::of_int(count);
        return Outcome::ok;
    }
    Items items;
    TRY(items_of(m, element, &items));
    for (const Value &item : items) {
        bool is_equal;
        if (element.is_tuple()) {
            if (!item.is_tuple()) return Outcome::attribute_error;
            Items row;
            TRY(items_of(m, item, &row));
            for (const Value &color : row) {
                TRY(equal(m, color, value, &is_equal));
                count += is_equal;
            }
        } else {
            Value color;
            Value place;
            TRY(unpack(m, item, &color, &place));
            TRY(equal(m, color, value, &is_equal));
            count += is_equal;
        }
    }
    *out = Value::of_int(count);
    return Outcome::ok;
}

PRIMITIVE(palette) {
    Value distinct;
    uint32_t *counts;
    TRY(distinct_colors(m, args[0], &distinct, &counts));
    return copy_of_set(m, distinct.set, out);
}

PRIMITIVE(numcolors) {
    Value distinct;
    uint32_t *counts;
    TRY(distinct_colors(m, args[0], &distinct, &counts));
    *out = Value::of_int(distinct.set->size);
    return Outcome::ok;
}

PRIMITIVE(color) {
    return first_color(m, args[0], out);
}

PRIMITIVE(ofcolor) {
    const Value &value = args[1];
    if (args[0].kind == Kind::grid) {
        const Grid &grid = *args[0].grid;
        TRY(m.charge(static_cast<uint64_t>(grid.num_cells())));
        size_t count = 0;
        if (value.is_int()) {
            for (int64_t i = 0; i < grid.height; ++i) {
                count += static_cast<size_t>(
                    std::count(grid.row(i), grid.row(i) + grid.width, value.integer));
            }
        }
        Value *places;
        TRY(m.allocate(count, &places));
        size_t next = 0;
        for (int32_t i = 0; i < grid.height && next < count; ++i) {
            const int8_t *row = grid.row(i);
            for (int32_t j = 0; j < grid.width; ++j) {
                if (row[j] == value.integer) places[next++] = Value::pair(i, j);
            }
        }
        return set_of_distinct(m, places, count, out);
    }
    Items rows;
    TRY(items_of(m, args[0], &rows));
    ValueList places(m);
    for (size_t i = 0; i < rows.size; ++i) {
        Items row;
        TRY(items_of(m, rows[i], &row));
        for (size_t j = 0; j < row.size; ++j) {
            bool is_equal;
            TRY(equal(m, row[j], value, &is_equal));
            if (!is_equal) continue;
            Value place;
            TRY(make_int_pair(m, static_cast<int64_t>(i), static_cast<int64_t>(j), &place));
            TRY(places.push(place));
        }
    }
    return set_of_distinct(m, places.take(), places.size(), out);
}

PRIMITIVE(recolor) {
    const Value &value = args[0];
    Value places;
    TRY(to_indices(m, args[1], &places));
    bool is_color = value.kind == Kind::integer && fits_int32(value.integer);
    if (is_color && places.is_set() && places.set->holds_only(Kind::pair)) {
        Items items = places.set->unordered();
        Value *cells;
        TRY(m.allocate(items.size, &cells));
        for (size_t k = 0; k < items.size; ++k) {
            cells[k] = Value::cell(static_cast<int32_t>(value.integer), items[k].i, items[k].j);
        }
        return set_of_images(m, places.set, cells, out);
    }
    Items items;
    TRY(items_of(m, places, &items));
    SetBuilder object(m);
    for (const Value &place : items) {
        Value cell;
        TRY(make_pair(m, value, place, &cell));
        TRY(object.add(cell));
    }
    return object.finish(out);
}

namespace {

// Every item of every row replaced by map(item): a tuple of tuples, or a grid where it stays one.
template <typename MapCell, typename MapItem>
Outcome map_items(Machine &m, const Value &grid, bool stays_dense, MapCell map_cell,
                  MapItem map_item, Value *out) {
    if (grid.kind == Kind::grid && stays_dense) {
        const Grid &from = *grid.grid;
        Grid *to;
        TRY(new_grid(m, from.height, from.width, &to));
        for (int64_t i = 0; i < from.height; ++i) {
            std::transform(from.row(i), from.row(i) + from.width, to->row(i), map_cell);
        }
        *out = value_of_grid(to);
        return Outcome::ok;
    }
    Items rows;
    TRY(items_of(m, grid, &rows));
    Value *mapped_rows;
    TRY(m.allocate(rows.size, &mapped_rows));
    for (size_t i = 0; i < rows.size; ++i) {
        Items row;
        TRY(items_of(m, rows[i], &row));
        Value *mapped;
        TRY(m.allocate(row.size, &mapped));
        for (size_t j = 0; j < row.size; ++j) TRY(map_item(row[j], &mapped[j]));
        mapped_rows[i] = tuple_of(mapped, row.size);
    }
    *out = tuple_of(mapped_rows, rows.size);
    return Outcome::ok;
}

} // namespace

PRIMITIVE(replace) {
    const Value &replacee = args[1];
    const Value &replacer = args[2];
    auto map_cell = [&](int8_t cell) {
        return replacee.is_int() && cell == replacee.integer ? static_cast<int8_t>(replacer.integer)
                                                             : cell;
    };
    auto map_item = [&](const Value &item, Value *mapped) {
        bool is_equal;
        TRY(equal(m, item, replacee, &is_equal));
        *mapped = is_equal ? replacer : item;
        return Outcome::ok;
    };
    return map_items(m, args[0], fits_cell(replacer), map_cell, map_item, out);
}

PRIMITIVE(switch) {
    const Value &a = args[1];
    const Value &b = args[2];
    auto map_cell = [&](int8_t cell) {
        return static_cast<int8_t>(cell == b.integer   ? a.integer
                                   : cell == a.integer ? b.integer
                                                       : cell);
    };
    auto map_item = [&](const Value &item, Value *mapped) {
        bool is_a;
        bool is_b;
        TRY(equal(m, item, b, &is_b));
        TRY(equal(m, item, a, &is_a));
        *mapped = is_b ? a : is_a ? b : item;
        return Outcome::ok;
    };
    return map_items(m, args[0], fits_cell(a) && fits_cell(b), map_cell, map_item, out);
}

PRIMITIVE(index) {
    const Value &grid = args[0];
    const Value &loc = args[1];
    Value i;
    Value j;
    int64_t height;
    int64_t width;
    bool inside;
    TRY(unpack(m, loc, &i, &j));
    TRY(extent(m, grid, &height, &width));
    TRY(is_inside(i, j, height, width, &inside));
    if (!inside) {
        *out = Value::none();
        return Outcome::ok;
    }
    if (!loc.is_tuple()) return Outcome::type_error;
    if (grid.kind == Kind::grid) {
        *out = Value::of_int(grid.grid->at(i.integer, j.integer));
        return Outcome::ok;
    }
    Value row;
    TRY(item_at(m, grid, i.integer, &row));
    return item_at(m, row, j.integer, out);
}

} // namespace codeit
