// Finding things in grids (language.md 6.9).
//
// The result of `objects` is seldom looked at in order. For a dense grid of up to 64 x 64 cells,
// the components are found as bits (primitives/labeling.h), and become packed sets whose colors are
// a view of the grid. When the order of the set of them is asked for, or that of one of them, it is
// worked out as the original would have met them: the places of the grid in the order of asindices
// say which object is found when (Flooding), and one object's cells are flooded in their order
// (FloodedObject), with what had been found before it counted as seen. Any other grid is flooded at
// once, cell by cell, with equal values as classes.
//
// `partition` takes the cells of each color row by row; `occurrences` matches rows of bits
// (primitives/occurrences.h).
#include "primitives/flood.h"
#include "primitives/labeling.h"
#include "primitives/occurrences.h"
#include "primitives/patch.h"

#include <algorithm>

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

    int64_t height() const { return height_; }
    int64_t width() const { return width_; }
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

struct FloodRules {
    bool univalued;
    bool diagonal;
    int32_t background; // -1: none
};

// One component of any grid. Marks what it takes in `occupied`.
Outcome grow_component(Machine &m, const CellClasses &cells, const FloodRules &rules, Place start,
                       bool *occupied, size_t *num_occupied, Value *out) {
    int32_t seed;
    TRY(cells.at(start, &seed));
    ValueList object(m);
    auto belongs = [&](Place place, bool *result) {
        int32_t number;
        TRY(cells.at(place, &number));
        *result = rules.univalued ? number == seed : number != rules.background;
        return Outcome::ok;
    };
    auto is_taken = [&](Place place) { return occupied[cells.index_of(place)]; };
    auto take = [&](Place place) {
        occupied[cells.index_of(place)] = true;
        Value cell;
        TRY(cells.cell(place, &cell));
        return object.push(cell);
    };
    PlaceNumbers numbers(cells.height(), cells.width());
    if (!numbers.fit()) return Outcome::out_of_memory;
    TRY(flood(m, start, rules.diagonal, numbers, *num_occupied, belongs, is_taken, take));
    *num_occupied += object.size();
    Value inserted;
    TRY(set_of_distinct(m, object.take(), object.size(), &inserted));
    return copy_of_set(m, inserted.set, out);
}

// Grids whose components are found run by run.
constexpr int64_t kMaxLabeledSide = 64;
constexpr size_t kMaxLabeledCells = kMaxLabeledSide * kMaxLabeledSide;

bool can_label(const Grid &grid) {
    return grid.height <= kMaxLabeledSide && grid.width <= kMaxLabeledSide;
}

// The turns of the places of a grid as OrderCache has them; in scratch memory where it does not
// keep them.
Outcome turns_of_places(Machine &m, const Grid &grid, const uint32_t **out) {
    constexpr uint64_t kBytesForOrder = uint64_t{1} << 20;
    const Value value = Value::of_grid(&grid);
    const auto num_cells = static_cast<size_t>(grid.num_cells());
    Value indices;
    Items places;
    uint32_t *turns;
    auto write_turns = [&] {
        for (uint32_t k = 0; k < places.size; ++k) {
            auto at = static_cast<uint32_t>(places[k].i * grid.width + places[k].j);
            turns[at] = k << 16 | at;
        }
        *out = turns;
    };
    TRY(m.charge(num_cells));
    if (!OrderCache::is_kept(grid.height, grid.width)) {
        TRY(primitive_asindices(m, &value, &indices));
        TRY(items_of(m, indices, &places));
        TRY(m.allocate_scratch(num_cells, &turns));
        write_turns();
        return Outcome::ok;
    }
    *out = m.orders().find(grid.height, grid.width);
    if (*out != nullptr) [[likely]]
        return Outcome::ok;
    // On a machine of its own, as a run must not differ by whether the order is known by then.
    Machine other(Limits{INT64_MAX, kBytesForOrder, 1, 0});
    if (!other.arena().is_reserved()) return Outcome::out_of_memory;
    other.reset(m.language(), m.dialect());
    TRY(primitive_asindices(other, &value, &indices));
    TRY(items_of(other, indices, &places));
    turns = m.orders().make(grid.height, grid.width);
    if (turns == nullptr) return Outcome::out_of_memory;
    write_turns();
    return Outcome::ok;
}

struct FloodedObject;

// When one of the objects of a grid is found.
struct Finding {
    uint32_t object;
    uint32_t num_taken_before; // places of objects found before
    Place start;
};

// What the objects of one dense grid share, and the order in which they are found, which is worked
// out when the order of the set of them, or that of one of them, is asked for. Everything is in it
// once: `findings` by the turn in which objects are found, `numbers` by place.
struct Flooding : Construction {
    const Grid *grid;
    bool diagonal;
    const FloodedObject *objects;
    uint32_t num_objects;
    mutable const Finding *findings = nullptr; // nullptr until needed, as the next
    mutable const uint16_t *numbers = nullptr; // of the findings at each place, or kNone

    static constexpr uint16_t kNone = UINT16_MAX;
    size_t index_of(Place place) const {
        return static_cast<size_t>(int64_t{place.i} * grid->width + place.j);
    }
    Outcome find_objects(Machine &m) const;
    Outcome number_places(Machine &m) const;

    static Outcome lay_out_objects(Machine &m, const Construction &how, Set *set) {
        const auto &flooding = static_cast<const Flooding &>(how);
        TRY(flooding.find_objects(m));
        ValueTable table(m, set);
        TRY(table.start());
        for (uint32_t k = 0; k < set->size; ++k) TRY(table.add(flooding.findings[k].object));
        return table.finish();
    }
};

// One of them, to be flooded when its order is asked for.
struct FloodedObject : Construction {
    Set set;
    const Flooding *flooding;

    static Outcome lay_out_object(Machine &m, const Construction &how, Set *set) {
        const auto &object = static_cast<const FloodedObject &>(how);
        const Flooding &flooding = *object.flooding;
        const Grid &grid = *flooding.grid;
        TRY(flooding.number_places(m));
        const Bitmap &bits = object.set.patch.bits;
        // Any of its places says which finding it is; the first row has one, and 64 columns fit a
        // half.
        const Place any = {bits.top, bits.left + std::countr_zero(low_half(bits.rows[0]))};
        const uint16_t number = flooding.numbers[flooding.index_of(any)];
        const Finding &finding = flooding.findings[number];
        ScratchScope scratch(m);
        size_t num_cells = static_cast<size_t>(grid.num_cells());
        bool *is_mine;
        TRY(m.charge(num_cells / 8));
        TRY(m.allocate_scratch(num_cells, &is_mine));
        std::memset(is_mine, 0, num_cells);
        auto belongs = [&](Place place, bool *result) {
            *result = flooding.numbers[flooding.index_of(place)] == number;
            return Outcome::ok;
        };
        auto is_taken = [&](Place place) {
            size_t at = flooding.index_of(place);
            return is_mine[at] || flooding.numbers[at] < number;
        };
        ValueList cells(m);
        auto take = [&](Place place) {
            is_mine[flooding.index_of(place)] = true;
            return cells.push(Value::cell(grid.at(place.i, place.j), place.i, place.j));
        };
        PlaceNumbers numbers(grid.height, grid.width);
        TRY(flood(m, finding.start, flooding.diagonal, numbers, finding.num_taken_before, belongs,
                  is_taken, take));
        Value inserted;
        Value copied;
        TRY(set_in_turn(m, Kind::cell, set->patch, cells.take(), set->size, &inserted));
        TRY(copy_of_set(m, inserted.set, &copied));
        return adopt_table(m, copied, set);
    }
};

Outcome Flooding::find_objects(Machine &m) const {
    if (findings != nullptr) return Outcome::ok;
    ScratchScope scratch(m);
    const uint32_t *turns;
    Finding *found;
    TRY(turns_of_places(m, *grid, &turns));
    TRY(m.allocate(num_objects, &found));
    // Each object is found at the turn that is the first of its places.
    uint32_t firsts[kMaxLabeledCells]; // by turn: the object, and its place; where the bit is set
    uint64_t is_first[kMaxLabeledCells / 64];
    const auto num_words = static_cast<size_t>(grid->num_cells() - 1) / 64 + 1;
    std::memset(is_first, 0, num_words * sizeof(uint64_t));
    for (uint32_t k = 0; k < num_objects; ++k) {
        // An entry of `turns` is a turn and a place below it, so that the smallest one is the first
        // turn.
        uint32_t first = UINT32_MAX;
        for_each_place(objects[k].set.patch.bits, [&](int32_t i, int32_t j) {
            first = std::min(first, turns[index_of({i, j})]);
        });
        uint32_t turn = first >> 16;
        firsts[turn] = k << 16 | (first & UINT16_MAX);
        is_first[turn / 64] |= uint64_t{1} << turn % 64;
    }
    Finding *next = found;
    uint32_t num_taken = 0;
    for (size_t word = 0; word < num_words; ++word) {
        for (uint64_t bits = is_first[word]; bits != 0; bits &= bits - 1) {
            uint32_t first = firsts[word * 64 + static_cast<size_t>(std::countr_zero(bits))];
            auto start = static_cast<int32_t>(first & UINT16_MAX);
            *next++ = {first >> 16, num_taken, {start / grid->width, start % grid->width}};
            num_taken += objects[first >> 16].set.size;
        }
    }
    m.before_change(&findings);
    findings = found;
    return Outcome::ok;
}

Outcome Flooding::number_places(Machine &m) const {
    if (numbers != nullptr) return Outcome::ok;
    TRY(find_objects(m));
    auto num_cells = static_cast<size_t>(grid->num_cells());
    uint16_t *places;
    TRY(m.charge(num_cells + num_objects));
    TRY(m.allocate(num_cells, &places));
    std::fill_n(places, num_cells, kNone);
    for (uint32_t k = 0; k < num_objects; ++k) {
        const Bitmap &bits = objects[findings[k].object].set.patch.bits;
        for_each_place(bits, [&](int32_t i, int32_t j) {
            places[index_of({i, j})] = static_cast<uint16_t>(k);
        });
    }
    m.before_change(&numbers);
    numbers = places;
    return Outcome::ok;
}

constexpr uint64_t kUnitsOfObject = 30; // beside its memory

// The objects of a dense grid in label order, to be found when they are asked for theirs.
Outcome objects_of_labels(Machine &m, const Grid &grid, const Connection &rules, Value *out) {
    Labeling labeling;
    TRY(label_components(m, grid, rules, &labeling));
    const uint32_t count = labeling.num_components;
    Flooding *flooding;
    FloodedObject *objects;
    Value *values;
    TRY(m.charge(count * kUnitsOfObject));
    TRY(m.allocate(1, &flooding));
    TRY(m.allocate(count, &objects));
    TRY(m.allocate(count, &values));
    *flooding = {{Flooding::lay_out_objects}, &grid, rules.diagonal, objects, count};
    for (uint32_t k = 0; k < count; ++k) {
        const Component &component = labeling.components[k];
        FloodedObject *object = new (&objects[k]) FloodedObject;
        object->lay_out = FloodedObject::lay_out_object;
        object->flooding = flooding;
        // Cells of several colors have them in the grid itself.
        Patch cells = {component.bits, nullptr, grid.stride, component.color};
        if (!component.has_one_color) {
            cells.colors = grid.row(component.bits.top) + component.bits.left;
        }
        start_constructed(Kind::cell, cells, component.size, object, 0, &object->set);
        values[k] = Value::of_set(&object->set);
    }
    constexpr auto kSets = static_cast<uint16_t>(1u << static_cast<unsigned>(Kind::set));
    Value inserted;
    TRY(constructed_set(m, values, count, kSets, flooding, 0, &inserted));
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

// The same for a dense grid in a small window.
Outcome cells_of_color(Machine &m, const Grid &grid, int8_t color, Value *out) {
    TRY(m.charge(static_cast<uint64_t>(grid.num_cells())));
    Patch cells;
    cells.color = color;
    uint32_t size;
    TRY(places_of_color(m, grid, color, &cells.bits, &size));
    return set_of_rows(m, Kind::cell, cells, size, out);
}

// GEN of the objects of each color of `palette`, in its order.
Outcome objects_by_color(Machine &m, const Value &grid, const Value &palette, Value *out) {
    const Grid *dense;
    Items rows;
    Items colors;
    TRY(dense_grid(m, grid, &dense));
    bool is_word_wide = dense != nullptr && is_small(*dense);
    if (!is_word_wide) TRY(items_of(m, grid, &rows));
    TRY(items_of(m, palette, &colors));
    ValueList objects(m);
    for (const Value &color : colors) {
        Value object;
        TRY(is_word_wide ? cells_of_color(m, *dense, static_cast<int8_t>(color.integer), &object)
                         : cells_of_color(m, rows, color, &object));
        TRY(objects.push(object));
    }
    return set_of_distinct(m, objects.take(), objects.size(), out);
}

} // namespace

PRIMITIVE(objects) {
    const Value &grid = args[0];
    FloodRules rules = {is_true(args[1]), is_true(args[2]), -1};
    Value background = Value::none();
    int64_t height;
    int64_t width;
    if (is_true(args[3])) TRY(primitive_mostcolor(m, &grid, &background));
    if (grid.kind == Kind::grid && !m.is_plain() && can_label(*grid.grid)) {
        bool has_background = background.kind != Kind::none;
        auto color = static_cast<int8_t>(has_background ? background.integer : 0);
        return objects_of_labels(m, *grid.grid,
                                 {rules.univalued, rules.diagonal, has_background, color}, out);
    }
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

// What becomes of something moved of which a part leaves 64 bits, and so every grid.
Outcome occurs_nowhere(Machine &m, const Value &patch) {
    bool is_celled;
    TRY(codeit::is_celled(m, patch, &is_celled));
    return is_celled ? Outcome::ok : Outcome::type_error; // elements are unpacked as cells
}

// Whether the cells of anything that can be shifted occur at a place of a grid, looked at in
// iteration order, with the errors on the way.
Outcome occurs_at(Machine &m, const Value &grid, int64_t height, int64_t width,
                  const Value &normalized, const Value &offset, bool *result) {
    Value shift[2] = {normalized, offset};
    Value shifted;
    Items cells;
    *result = false;
    const Outcome outcome = primitive_shift(m, shift, &shifted);
    if (outcome == Outcome::integer_overflow) return occurs_nowhere(m, normalized);
    TRY(outcome);
    TRY(items_of(m, shifted, &cells));
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
    Wide shape[2];
    const Outcome outcome = primitive_normalize(m, &args[1], &normalized);
    if (outcome != Outcome::integer_overflow) TRY(outcome);
    TRY(extent(m, grid, &height, &width));
    TRY(shape_of(m, args[1], shape));
    if (shape[0] > height || shape[1] > width) return set_of_distinct(m, nullptr, 0, out);
    if (outcome == Outcome::integer_overflow) { // a tuple, whose size says nothing of its places
        TRY(occurs_nowhere(m, args[1]));
        return set_of_distinct(m, nullptr, 0, out);
    }
    const Grid *dense;
    TRY(dense_grid(m, grid, &dense));
    Set *packed;
    TRY(packed_patch(m, normalized, &packed));
    // A tuple of cells is measured as if it were a grid.
    if (args[1].is_set() && dense != nullptr && packed != nullptr &&
        packed->holds_only(Kind::cell) && is_small(*dense)) {
        return packed_occurrences(m, *dense, packed->patch, out);
    }
    ValueList places(m);
    for (int64_t i = 0; i <= height - shape[0]; ++i) {
        for (int64_t j = 0; j <= width - shape[1]; ++j) {
            Value place;
            bool occurs;
            TRY(make_int_pair(m, i, j, &place));
            TRY(occurs_at(m, grid, height, width, normalized, place, &occurs));
            if (occurs) TRY(places.push(place));
        }
    }
    Value inserted;
    TRY(set_of_distinct(m, places.take(), places.size(), &inserted));
    return copy_of_set(m, inserted.set, out);
}

} // namespace codeit
