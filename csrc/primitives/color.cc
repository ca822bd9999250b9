// What cells hold (language.md 6.5).
//
// Most of these primitives count colors. CPython makes a set of the colors first, and ties are
// broken by that set's order, which depends on the order in which colors first occur. So an
// element's colors are counted in that order, or in any order where it makes no difference to the
// set (Histogram::is_order_free), and the set is built only where a tie asks for it. Dense grids
// are counted 16 cells at a time, packed objects by rows; what is neither goes the way of the
// original: the list of all colors (FLAT), and a scan (SCANMAX, SCANMIN).
#include "core/cells.h"
#include "lang/sizes.h"
#include "primitives/patch.h"
#include "primitives/selection.h"

#include <algorithm>

namespace codeit {
namespace {

// How often each 8-bit color occurs. Mostly there are few colors, and it takes little to start.
class Histogram {
  public:
    // Of another color than those so far.
    void append(int8_t color, uint32_t times) {
        colors_[size_] = color;
        counts_[size_++] = times;
    }

    void clear() { size_ = 0; }
    void add(size_t k, uint32_t times) { counts_[k] += times; }

    size_t size() const { return size_; }
    int8_t color(size_t k) const { return colors_[k]; }
    uint32_t count(size_t k) const { return counts_[k]; }

    // Whether a set of the colors is iterated in one order whatever the order of insertion. An int
    // below 10 is its own hash. Five or more are in 32 slots, each in its own, and ascend; fewer
    // are in 8 slots, where only those meet that are equal modulo 8.
    bool is_order_free() const {
        unsigned slots = 0;
        bool have_met = false;
        for (size_t k = 0; k < size_; ++k) {
            if (colors_[k] < 0 || colors_[k] > 9) return false;
            unsigned slot = 1u << (colors_[k] & 7);
            have_met = have_met || (slots & slot) != 0;
            slots |= slot;
        }
        return size_ >= 5 || !have_met;
    }

    // The color that occurs most or least often, of equal ones the first in the order of a set of
    // the colors, which is that of their slots (is_order_free() holds, and there is a color).
    int8_t extreme(Extreme extreme) const {
        size_t best = 0;
        auto key = [&](size_t k) { return size_ >= 5 ? colors_[k] : colors_[k] & 7; };
        for (size_t k = 1; k < size_; ++k) {
            uint32_t left = counts_[k];
            uint32_t right = counts_[best];
            bool is_better = extreme == Extreme::largest ? left > right : left < right;
            if (is_better || (left == right && key(k) < key(best))) best = k;
        }
        return colors_[best];
    }

    // GEN of the colors, in their order here.
    Outcome colors_as_set(Machine &m, Value *out) const {
        Value *values;
        TRY(m.allocate(size_, &values));
        for (size_t k = 0; k < size_; ++k) values[k] = Value::of_int(colors_[k]);
        return set_of_distinct(m, values, size_, out);
    }

  private:
    size_t size_ = 0;
    int8_t colors_[256];
    uint32_t counts_[256];
};

// Counts in order of first occurrence, cells of some of up to 64 columns at a time.
class OrderedCount {
  public:
    explicit OrderedCount(Histogram *out) : out_(out) {}

    void add_cells(const int8_t *cells, int64_t width, uint64_t places) {
        while (places != 0) {
            // The first place that is left has a color that comes next; all others of it are
            // counted with it.
            int8_t color = cells[std::countr_zero(places)];
            uint64_t same = equal_mask(cells, width, color) & places;
            add(color, count_bits(same));
            places ^= same;
        }
    }

  private:
    void add(int8_t color, uint32_t times) {
        auto byte = static_cast<uint8_t>(color);
        uint64_t &known = is_known_[byte / 64];
        uint64_t bit = uint64_t{1} << byte % 64;
        if ((known & bit) == 0) {
            known |= bit;
            index_of_[byte] = static_cast<uint8_t>(out_->size());
            out_->append(color, 0);
        }
        out_->add(index_of_[byte], times);
    }

    Histogram *out_;
    uint64_t is_known_[4] = {}; // a bit for each color
    uint8_t index_of_[256];     // in the histogram, of those that are known
};

// Counts the colors of a grid in order of first occurrence, or in any order if that is the same.
Outcome count_grid(Machine &m, const Grid &grid, Histogram *histogram) {
    TRY(m.charge(static_cast<uint64_t>(grid.num_cells())));
    uint32_t counts[kNumColors] = {};
    count_cells<kNumColors>(grid, 0, counts);
    uint32_t sum = 0;
    for (int k = 0; k < kNumColors; ++k) {
        sum += counts[k];
        if (counts[k] != 0) histogram->append(static_cast<int8_t>(k), counts[k]);
    }
    if (sum == grid.num_cells() && histogram->is_order_free()) return Outcome::ok;
    histogram->clear();
    OrderedCount ordered(histogram);
    for (int64_t i = 0; i < grid.height; ++i) {
        for (int64_t from = 0; from < grid.width; from += 64) {
            int64_t width = std::min<int64_t>(grid.width - from, 64);
            ordered.add_cells(grid.row(i) + from, width, low_bits(width));
        }
    }
    return Outcome::ok;
}

// The colors of a packed object, row by row, whereas its own order may be another: the caller must
// look at is_order_free(), or need no order.
Outcome count_object(Machine &m, const Set &set, Histogram *histogram) {
    const Patch &object = set.patch;
    const Bitmap &bits = object.bits;
    if (object.colors == nullptr) {
        histogram->append(static_cast<int8_t>(object.color), set.size);
        return Outcome::ok;
    }
    TRY(m.charge(static_cast<uint64_t>(bits.height)));
    OrderedCount ordered(histogram);
    for (int64_t i = 0; i < bits.height; ++i) {
        const int8_t *colors = object.colors + i * object.stride;
        ordered.add_cells(colors, std::min(bits.width, 64), low_half(bits.rows[i]));
        ordered.add_cells(colors + 64, bits.width - 64, high_half(bits.rows[i]));
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
    return object == nullptr ? Outcome::ok : count_object(m, *object, histogram);
}

// Counts the colors of an element in such an order that GEN of them is that of the element.
// *is_known is false where nothing was counted, or the order is another one and makes a difference.
Outcome count_in_order(Machine &m, const Value &element, Histogram *histogram, bool *is_known) {
    bool is_in_order;
    TRY(count_colors(m, element, histogram, &is_in_order));
    *is_known = histogram->size() != 0 && (is_in_order || histogram->is_order_free());
    return Outcome::ok;
}

// GEN of the colors of any element.
Outcome distinct_colors(Machine &m, const Value &element, Value *out) {
    Items colors;
    TRY(flat_colors(m, element, &colors));
    SetBuilder distinct(m);
    for (const Value &color : colors) TRY(distinct.add(color));
    return distinct.finish(out);
}

Outcome extreme_color(Machine &m, Extreme extreme, const Value &element, Value *out) {
    Histogram histogram;
    bool is_known;
    TRY(count_in_order(m, element, &histogram, &is_known));
    if (!is_known) {
        Items colors;
        TRY(flat_colors(m, element, &colors));
        return most_frequent(m, extreme, colors, out);
    }
    if (histogram.is_order_free()) {
        *out = Value::of_int(histogram.extreme(extreme));
        return Outcome::ok;
    }
    Value distinct;
    ScratchScope scratch(m);
    uint32_t *counts;
    TRY(histogram.colors_as_set(m, &distinct));
    TRY(m.allocate_scratch(histogram.size(), &counts));
    for (size_t k = 0; k < histogram.size(); ++k) counts[k] = histogram.count(k);
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

// Whether all elements of a set are objects of one color each; the first cell of such an object,
// whichever it is, has that color.
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
    TRY(m.charge(static_cast<uint64_t>(grid.num_cells())));
    if (grid.most_common == Grid::kUnknown) {
        uint32_t num_black = 0;
        // A color of more than half of the cells is the most common one, and mostly 0 is that.
        count_cells<1>(grid, 0, &num_black);
        *out = Value::of_int(0);
        if (num_black <= grid.num_cells() / 2) {
            TRY(extreme_color(m, Extreme::largest, element, out));
        }
        m.before_change(&grid.most_common);
        grid.most_common = static_cast<int16_t>(out->integer);
    } else {
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
        uint32_t found = 0;
        if (fits_color(value)) count_cells<1>(grid, static_cast<int8_t>(value.integer), &found);
        count = found;
        *out = Value::of_int(count);
        return Outcome::ok;
    }
    Set *object;
    TRY(packed_object(m, element, &object));
    if (object != nullptr) {
        Histogram histogram;
        TRY(count_object(m, *object, &histogram));
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
    Histogram histogram;
    bool is_known;
    Value distinct;
    TRY(count_in_order(m, args[0], &histogram, &is_known));
    TRY(is_known ? histogram.colors_as_set(m, &distinct) : distinct_colors(m, args[0], &distinct));
    return copy_of_set(m, distinct.set, out);
}

PRIMITIVE(numcolors) {
    Histogram histogram;
    bool is_known;
    Value distinct;
    TRY(count_in_order(m, args[0], &histogram, &is_known));
    if (!is_known) TRY(distinct_colors(m, args[0], &distinct));
    *out = Value::of_int(is_known ? static_cast<int64_t>(histogram.size()) : distinct.set->size);
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
        // The cells are images of the places, inserted in their order; as bits, nothing but the
        // color is new.
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
template <typename MapCells, typename MapItem>
Outcome map_items(Machine &m, const Value &grid, bool stays_dense, MapCells map_cells,
                  MapItem map_item, Value *out) {
    if (grid.kind == Kind::grid && stays_dense) {
        const Grid &from = *grid.grid;
        Grid *to;
        TRY(new_grid(m, from.height, from.width, &to));
        codeit::map_cells(from, to, map_cells);
        *out = Value::of_grid(to);
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
    auto map_cells = [old = all_cells(static_cast<int8_t>(replacee.integer)),
                      fresh = all_cells(static_cast<int8_t>(replacer.integer))](Cells cells) {
        return chosen(cells == old, fresh, cells);
    };
    auto map_item = [&](const Value &item, Value *mapped) {
        bool is_equal;
        TRY(equal(m, item, replacee, &is_equal));
        *mapped = is_equal ? replacer : item;
        return Outcome::ok;
    };
    return map_items(m, args[0], fits_cell(replacer), map_cells, map_item, out);
}

PRIMITIVE(switch) {
    const Value &a = args[1];
    const Value &b = args[2];
    auto map_cells = [from = all_cells(static_cast<int8_t>(a.integer)),
                      to = all_cells(static_cast<int8_t>(b.integer))](Cells cells) {
        return chosen(cells == to, from, chosen(cells == from, to, cells));
    };
    auto map_item = [&](const Value &item, Value *mapped) {
        bool is_a;
        bool is_b;
        // An item that equals both becomes a, as language.md 6.5 says.
        TRY(equal(m, item, b, &is_b));
        TRY(equal(m, item, a, &is_a));
        *mapped = is_b ? a : is_a ? b : item;
        return Outcome::ok;
    };
    return map_items(m, args[0], fits_cell(a) && fits_cell(b), map_cells, map_item, out);
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
