// What cells hold.
#include "primitives/patch.h"
#include "primitives/selection.h"

#include <algorithm>

namespace codeit {
namespace {

// How often each 8-bit color occurs, and the distinct ones in order of first occurrence.
class Histogram {
  public:
    void add(int8_t color, uint32_t times) {
        uint32_t &count = counts_[static_cast<uint8_t>(color)];
        if (count == 0) distinct_[size_++] = color;
        count += times;
    }

    // `places` tells which of 64 cells count.
    void add_cells(const int8_t *cells, int64_t width, uint64_t places) {
        while (places != 0) {
            int8_t color = cells[std::countr_zero(places)];
            uint64_t same = equal_mask(cells, width, color) & places;
            add(color, count_bits(same));
            places ^= same;
        }
    }

    size_t size() const { return size_; }
    int8_t color(size_t k) const { return distinct_[k]; }
    uint32_t count(size_t k) const { return counts_[static_cast<uint8_t>(distinct_[k])]; }

    // Whether a set of the colors is iterated in one order whatever the order of insertion: five
    // or more ints below 10 ascend, and fewer meet only where they are equal modulo 8.
    bool is_order_free() const {
        unsigned slots = 0;
        bool have_met = false;
        for (size_t k = 0; k < size_; ++k) {
            if (distinct_[k] < 0 || distinct_[k] > 9) return false;
            unsigned slot = 1u << (distinct_[k] & 7);
            have_met = have_met || (slots & slot) != 0;
            slots |= slot;
        }
        return size_ >= 5 || !have_met;
    }

    // The color that occurs most or least often, of equal ones the first in the order of a set of
    // the colors. There is one, and is_order_free().
    int8_t extreme(Extreme extreme) const {
        size_t best = 0;
        auto key = [&](size_t k) { return size_ >= 5 ? distinct_[k] : distinct_[k] & 7; };
        for (size_t k = 1; k < size_; ++k) {
            uint32_t left = count(k);
            uint32_t right = count(best);
            bool is_better = extreme == Extreme::largest ? left > right : left < right;
            if (is_better || (left == right && key(k) < key(best))) best = k;
        }
        return distinct_[best];
    }

    // GEN of the distinct colors, and their counts in the same order.
    Outcome distinct_colors(Machine &m, Value *out, uint32_t **counts) const {
        Value *values;
        TRY(m.allocate(size_, &values));
        TRY(m.allocate(size_, counts));
        for (size_t k = 0; k < size_; ++k) {
            values[k] = Value::of_int(distinct_[k]);
            (*counts)[k] = count(k);
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
        for (int64_t from = 0; from < grid.width; from += 64) {
            int64_t width = std::min<int64_t>(grid.width - from, 64);
            histogram->add_cells(grid.row(i) + from, width, low_bits(width));
        }
    }
    return Outcome::ok;
}

// The colors of a packed object, row by row; its own order may be another.
Outcome count_object(Machine &m, const Patch &object, Histogram *histogram) {
    const Bitmap &bits = object.bits;
    TRY(m.charge(static_cast<uint64_t>(bits.height)));
    for (int64_t i = 0; i < bits.height; ++i) {
        if (object.colors == nullptr) {
            histogram->add(static_cast<int8_t>(object.color), count_bits(bits.rows[i]));
        } else {
            const int8_t *colors = object.colors + i * object.stride;
            histogram->add_cells(colors, std::min(bits.width, 64), low_half(bits.rows[i]));
            histogram->add_cells(colors + 64, bits.width - 64, high_half(bits.rows[i]));
        }
    }
    return Outcome::ok;
}

// The object that an element is, where it is packed and its colors fit a histogram; or nullptr.
Outcome packed_object(Machine &m, const Value &element, Set **out) {
    TRY(packed_patch(m, element, out));
    if (*out == nullptr) return Outcome::ok;
    const Patch &patch = (*out)->patch;
    bool fits = patch.color >= INT8_MIN && patch.color <= INT8_MAX;
    if (!(*out)->holds_only(Kind::cell) || !fits) *out = nullptr;
    return Outcome::ok;
}

// Counts the colors of a dense grid or a packed object; *is_in_order where the first occurrences
// are those of the element's own order. Nothing is counted for any other element.
Outcome count_colors(Machine &m, const Value &element, Histogram *histogram, bool *is_in_order) {
    const Grid *grid;
    *is_in_order = false;
    TRY(dense_grid(m, element, &grid));
    if (grid != nullptr) {
        *is_in_order = true;
        return count_grid(m, *grid, histogram);
    }
    Set *object;
    TRY(packed_object(m, element, &object));
    return object == nullptr ? Outcome::ok : count_object(m, object->patch, histogram);
}

// The distinct colors of an element as GEN builds them, with their counts.
Outcome distinct_colors(Machine &m, const Value &element, Value *out, uint32_t **counts) {
    Histogram histogram;
    bool is_in_order;
    TRY(count_colors(m, element, &histogram, &is_in_order));
    if (histogram.size() != 0 && (is_in_order || histogram.is_order_free())) {
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
    Histogram histogram;
    bool is_in_order;
    TRY(count_colors(m, element, &histogram, &is_in_order));
    if (histogram.size() != 0 && histogram.is_order_free()) {
        *out = Value::of_int(histogram.extreme(extreme));
        return Outcome::ok;
    }
    Value distinct;
    uint32_t *counts;
    TRY(distinct_colors(m, element, &distinct, &counts));
    return most_frequent(m, extreme, distinct.set, counts, out);
}

// The color of the first cell of an object, in iteration order.
Outcome first_color(Machine &m, const Value &obj, Value *out) {
    Set *object;
    TRY(packed_patch(m, obj, &object));
    if (object != nullptr && object->holds_only(Kind::cell) && object->patch.colors == nullptr) {
        *out = Value::of_int(object->patch.color);
        return Outcome::ok;
    }
    Value cell;
    TRY(first_of(m, obj, &cell));
    return item_at(m, cell, 0, out);
}

} // namespace

namespace {

Outcome colorfilter_in_order(Machine &m, const Value *args, Value *out) {
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

// Whether all elements of a set are objects of one color each; such an object needs no order to
// tell which.
Outcome are_of_one_color(Machine &m, const Items &objects, bool *result) {
    *result = true;
    for (const Value &v : objects) {
        Set *object;
        TRY(packed_object(m, v, &object));
        *result = *result && object != nullptr && object->patch.colors == nullptr;
    }
    return Outcome::ok;
}

} // namespace

PRIMITIVE(colorfilter) {
    if (args[0].is_set() && args[0].set->holds_only(Kind::set)) {
        Items objects;
        bool are_simple;
        TRY(elements(m, args[0].set, &objects));
        TRY(m.charge(objects.size));
        TRY(are_of_one_color(m, objects, &are_simple));
        if (are_simple) {
            ValueList kept(m);
            for (const Value &v : objects) {
                if (args[1].is_int() && v.set->patch.color == args[1].integer) TRY(kept.push(v));
            }
            return filtered_elements(m, args[0].set, objects, &kept, out);
        }
    }
    return colorfilter_in_order(m, args, out);
}

PRIMITIVE(mostcolor) {
    const Value &element = args[0];
    if (element.kind != Kind::grid) return extreme_color(m, Extreme::largest, element, out);
    const Grid &grid = *element.grid;
    if (grid.most_common == Grid::kUnknown) {
        TRY(extreme_color(m, Extreme::largest, element, out));
        m.before_change(&grid.most_common);
        grid.most_common = static_cast<int16_t>(out->integer);
    } else {
        TRY(m.charge(static_cast<uint64_t>(grid.num_cells())));
        *out = Value::of_int(grid.most_common);
    }
    return Outcome::ok;
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
    Set *object;
    TRY(packed_object(m, element, &object));
    if (object != nullptr) {
        Histogram histogram;
        TRY(count_object(m, object->patch, &histogram));
        for (size_t k = 0; k < histogram.size() && value.is_int(); ++k) {
            if (histogram.color(k) == value.integer) count = histogram.count(k);
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
        if (!fits_color(value)) return set_of_distinct(m, nullptr, 0, out);
        if (is_small(grid)) {
            Patch places;
            uint32_t size;
            TRY(places_of_color(m, grid, static_cast<int8_t>(value.integer), &places.bits, &size));
            return set_of_rows(m, Kind::pair, places, size, out);
        }
        size_t count = 0;
        for (int64_t i = 0; i < grid.height; ++i) {
            count += static_cast<size_t>(
                std::count(grid.row(i), grid.row(i) + grid.width, value.integer));
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
    Set *packed;
    TRY(packed_patch(m, places, &packed));
    if (is_color && packed != nullptr && packed->holds_only(Kind::pair)) {
        Patch cells = {.bits = packed->patch.bits, .color = static_cast<int32_t>(value.integer)};
        return set_of_images(m, packed, Kind::cell, cells, {}, out);
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
    if (args[0].kind == Kind::grid && !fits_color(replacee)) { // no cell is it
        *out = args[0];
        return Outcome::ok;
    }
    auto map_cell = [old = static_cast<int8_t>(replacee.integer),
                     fresh = static_cast<int8_t>(replacer.integer)](int8_t cell) {
        return cell == old ? fresh : cell;
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
    auto map_cell = [from = static_cast<int8_t>(a.integer),
                     to = static_cast<int8_t>(b.integer)](int8_t cell) {
        return cell == to ? from : cell == from ? to : cell;
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
