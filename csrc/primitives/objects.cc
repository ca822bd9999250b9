// Finding things in grids.
#include "primitives/patch.h"
#include "primitives/place_table.h"

namespace codeit {
namespace {

// The cells of a grid as objects sees them: what each holds, and a number that is equal exactly for
// equal ones. Reading a cell that a ragged grid lacks is an error only when it is read.
class CellClasses {
  public:
    CellClasses(Machine &m, int64_t height, int64_t width)
        : m_(m), height_(height), width_(width), classes_(m) {}

    Outcome read(const Value &grid);

    // The class of an equal value that occurs in the grid, or one of its own.
    Outcome class_of(const Value &v, int32_t *out) {
        uint32_t index;
        TRY(classes_.add(v, &index));
        *out = static_cast<int32_t>(index);
        return Outcome::ok;
    }

    Outcome at(Place place, int32_t *out) const {
        int32_t number = numbers_[index_of(place)];
        if (number == kNoItem) return Outcome::index_error;
        if (number == kNotIndexable) return Outcome::type_error;
        *out = number;
        return Outcome::ok;
    }

    Outcome cell(Place place, Value *out) const {
        if (grid_ != nullptr) {
            *out = Value::cell(grid_->at(place.i, place.j), place.i, place.j);
            return Outcome::ok;
        }
        return make_pair(m_, items_[index_of(place)], Value::pair(place.i, place.j), out);
    }

    bool contains(Place place) const {
        return place.i >= 0 && place.i < height_ && place.j >= 0 && place.j < width_;
    }
    size_t index_of(Place place) const { return static_cast<size_t>(place.i * width_ + place.j); }

  private:
    static constexpr int32_t kNoItem = -1;
    static constexpr int32_t kNotIndexable = -2;

    Machine &m_;
    int64_t height_;
    int64_t width_;
    const Grid *grid_ = nullptr; // the grid, when it is dense
    int32_t *numbers_ = nullptr; // [height * width]
    Value *items_ = nullptr;     // [height * width], when it is not
    SetBuilder classes_;
};

Outcome CellClasses::read(const Value &grid) {
    uint64_t count;
    if (__builtin_mul_overflow(height_, width_, &count)) return Outcome::out_of_fuel;
    TRY(m_.charge(count));
    TRY(m_.allocate(count, &numbers_));
    TRY(dense_grid(m_, grid, &grid_));
    if (grid_ != nullptr) {
        int32_t class_of_color[256];
        for (int32_t &number : class_of_color) number = -1;
        int32_t *next = numbers_;
        for (int64_t i = 0; i < height_; ++i) {
            const int8_t *row = grid_->row(i);
            for (int64_t j = 0; j < width_; ++j) {
                int32_t &number = class_of_color[static_cast<uint8_t>(row[j])];
                if (number < 0) TRY(class_of(Value::of_int(row[j]), &number));
                *next++ = number;
            }
        }
        return Outcome::ok;
    }
    TRY(m_.allocate(count, &items_));
    Items rows;
    TRY(items_of(m_, grid, &rows));
    for (int64_t i = 0; i < height_; ++i) {
        const Value &row = rows[static_cast<size_t>(i)];
        Items items;
        if (row.is_tuple()) TRY(items_of(m_, row, &items));
        for (int64_t j = 0; j < width_; ++j) {
            size_t at = static_cast<size_t>(i * width_ + j);
            if (!row.is_tuple()) {
                numbers_[at] = kNotIndexable;
            } else if (j >= static_cast<int64_t>(items.size)) {
                numbers_[at] = kNoItem;
            } else {
                items_[at] = items[static_cast<size_t>(j)];
                TRY(class_of(items_[at], &numbers_[at]));
            }
        }
    }
    return Outcome::ok;
}

struct Component {
    bool univalued;
    bool diagonal;
    int32_t background; // -1: none
};

// The component around `start`, cell by cell in the order in which the original meets them: each
// round visits the candidates in the iteration order of a set, and the sets are laid out as CPython
// would. Marks what it takes in `occupied`.
Outcome grow_component(Machine &m, const CellClasses &cells, const Component &rules, Place start,
                       bool *occupied, size_t *num_occupied, Value *out) {
    ScratchScope scratch(m);
    PlaceTable candidates(m);
    PlaceTable next(m);
    int32_t seed;
    TRY(cells.at(start, &seed));
    ValueList object(m);
    Value first;
    TRY(cells.cell(start, &first));
    TRY(object.push(first));
    TRY(candidates.clear());
    TRY(candidates.add(start));
    while (candidates.size() > 0) {
        TRY(next.clear());
        for (Place place : candidates) {
            TRY(m.charge(1));
            int32_t number;
            TRY(cells.at(place, &number));
            if (rules.univalued ? number != seed : number == rules.background) continue;
            if (place != start) {
                Value cell;
                TRY(cells.cell(place, &cell));
                TRY(object.push(cell));
            }
            occupied[cells.index_of(place)] = true;
            ++*num_occupied;
            SmallPlaceTable around;
            for (Place neighbor : neighbors_in_order(place, rules.diagonal)) {
                if (cells.contains(neighbor)) around.add(neighbor);
            }
            TRY(m.charge(around.size()));
            TRY(next.merge(around));
        }
        auto is_occupied = [&](Place place) { return occupied[cells.index_of(place)]; };
        TRY(candidates.assign_difference(next, *num_occupied, is_occupied));
    }
    Value inserted;
    TRY(set_of_distinct(m, object.take(), object.size(), &inserted));
    return copy_of_set(m, inserted.set, out);
}

// GEN of the cells of a grid that hold `color`, row-major over its actual rows. They keep the
// grid's own items, which may be True where `color` is 1.
Outcome cells_of_color(Machine &m, const Items &rows, const Value &color, Value *out) {
    ValueList cells(m);
    for (size_t i = 0; i < rows.size; ++i) {
        Items row;
        TRY(items_of(m, rows[i], &row));
        for (size_t j = 0; j < row.size; ++j) {
            bool is_equal;
            TRY(equal(m, row[j], color, &is_equal));
            if (!is_equal) continue;
            Value place;
            Value cell;
            TRY(make_int_pair(m, static_cast<int64_t>(i), static_cast<int64_t>(j), &place));
            TRY(make_pair(m, row[j], place, &cell));
            TRY(cells.push(cell));
        }
    }
    return set_of_distinct(m, cells.take(), cells.size(), out);
}

Outcome cells_of_color(Machine &m, const Grid &grid, int64_t color, Value *out) {
    TRY(m.charge(static_cast<uint64_t>(grid.num_cells())));
    ValueList cells(m);
    for (int32_t i = 0; i < grid.height; ++i) {
        const int8_t *row = grid.row(i);
        for (int32_t j = 0; j < grid.width; ++j) {
            if (row[j] == color) TRY(cells.push(Value::cell(row[j], i, j)));
        }
    }
    return set_of_distinct(m, cells.take(), cells.size(), out);
}

// GEN of the objects of each color of `palette`, in its order.
Outcome objects_by_color(Machine &m, const Value &grid, const Value &palette, Value *out) {
    const Grid *dense;
    Items rows;
    Items colors;
    TRY(dense_grid(m, grid, &dense));
    if (dense == nullptr) TRY(items_of(m, grid, &rows));
    TRY(items_of(m, palette, &colors));
    ValueList objects(m);
    for (const Value &color : colors) {
        Value object;
        TRY(dense != nullptr ? cells_of_color(m, *dense, color.integer, &object)
                             : cells_of_color(m, rows, color, &object));
        TRY(objects.push(object));
    }
    return set_of_distinct(m, objects.take(), objects.size(), out);
}

} // namespace

PRIMITIVE(objects) {
    const Value &grid = args[0];
    Component rules = {is_true(args[1]), is_true(args[2]), -1};
    Value background = Value::none();
    int64_t height;
    int64_t width;
    if (is_true(args[3])) TRY(primitive_mostcolor(m, &grid, &background));
    TRY(extent(m, grid, &height, &width));
    if (height > INT32_MAX || width > INT32_MAX) return Outcome::out_of_fuel;

    Value indices;
    Items places;
    TRY(primitive_asindices(m, &grid, &indices));
    TRY(items_of(m, indices, &places));
    CellClasses cells(m, height, width);
    TRY(cells.read(grid));
    TRY(cells.class_of(background, &rules.background));

    ScratchScope scratch(m);
    bool *occupied;
    size_t num_occupied = 0;
    TRY(m.allocate_scratch(places.size, &occupied));
    std::memset(occupied, 0, places.size);
    ValueList found(m);
    for (const Value &at : places) {
        Place place = {at.i, at.j};
        if (occupied[cells.index_of(place)]) continue;
        int32_t number;
        TRY(cells.at(place, &number));
        if (number == rules.background) continue;
        Value object;
        TRY(grow_component(m, cells, rules, place, occupied, &num_occupied, &object));
        TRY(found.push(object));
    }
    Value inserted;
    TRY(set_of_distinct(m, found.take(), found.size(), &inserted));
    return copy_of_set(m, inserted.set, out);
}

PRIMITIVE(partition) {
    Value palette;
    TRY(primitive_palette(m, args, &palette));
    return objects_by_color(m, args[0], palette, out);
}

PRIMITIVE(fgpartition) {
    Value palette;
    Value background;
    Value background_set;
    Value foreground;
    TRY(primitive_palette(m, args, &palette));
    TRY(primitive_mostcolor(m, args, &background));
    TRY(primitive_initset(m, &background, &background_set));
    TRY(set_difference(m, palette.set, background_set.set, &foreground));
    return objects_by_color(m, args[0], foreground, out);
}

namespace {

// Whether a plain object occurs with its origin at (i, j). The order of the cells does not matter.
Outcome occurs_at(Machine &m, const Grid &grid, const Set &object, int64_t i, int64_t j,
                  bool *result) {
    *result = false;
    uint32_t k = 0;
    for (; k < object.size; ++k) {
        const Value &cell = object.values[k];
        int64_t a = cell.i + i;
        int64_t b = cell.j + j;
        if (!grid.contains(a, b) || grid.at(a, b) != cell.color) break;
    }
    *result = k == object.size;
    return m.charge(uint64_t{k} + 1);
}

// The same for anything that can be shifted, in iteration order, with the errors on the way.
Outcome occurs_at(Machine &m, const Value &grid, int64_t height, int64_t width,
                  const Value &normalized, const Value &offset, bool *result) {
    Value shift[2] = {normalized, offset};
    Value shifted;
    Items cells;
    TRY(primitive_shift(m, shift, &shifted));
    TRY(items_of(m, shifted, &cells));
    *result = false;
    for (const Value &cell : cells) {
        Value color;
        Value i;
        Value j;
        bool inside;
        TRY(unpack_cell(m, cell, &color, &i, &j));
        TRY(is_inside(i, j, height, width, &inside));
        if (!inside) return Outcome::ok;
        Value row;
        Value item;
        bool is_equal;
        TRY(item_at(m, grid, i, &row));
        TRY(item_at(m, row, j, &item));
        TRY(equal(m, item, color, &is_equal));
        if (!is_equal) return Outcome::ok;
    }
    *result = true;
    return Outcome::ok;
}

} // namespace

PRIMITIVE(occurrences) {
    const Value &grid = args[0];
    Value normalized;
    int64_t height;
    int64_t width;
    Value object_height;
    Value object_width;
    TRY(primitive_normalize(m, &args[1], &normalized));
    TRY(extent(m, grid, &height, &width));
    TRY(primitive_height(m, &args[1], &object_height));
    TRY(primitive_width(m, &args[1], &object_width));
    const Grid *dense;
    TRY(dense_grid(m, grid, &dense));
    bool is_plain =
        dense != nullptr && normalized.is_set() && normalized.set->holds_only(Kind::cell);
    ValueList places(m);
    for (int64_t i = 0; i <= height - object_height.integer; ++i) {
        for (int64_t j = 0; j <= width - object_width.integer; ++j) {
            Value place;
            bool occurs;
            TRY(make_int_pair(m, i, j, &place));
            if (is_plain) {
                TRY(occurs_at(m, *dense, *normalized.set, i, j, &occurs));
            } else {
                TRY(occurs_at(m, grid, height, width, normalized, place, &occurs));
            }
            if (occurs) TRY(places.push(place));
        }
    }
    Value inserted;
    TRY(set_of_distinct(m, places.take(), places.size(), &inserted));
    return copy_of_set(m, inserted.set, out);
}

} // namespace codeit
