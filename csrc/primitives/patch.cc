#include "primitives/patch.h"

#include <algorithm>

namespace codeit {

Outcome extent(Machine &m, const Value &grid, int64_t *height, int64_t *width) {
    if (grid.kind == Kind::grid) {
        *height = grid.grid->height;
        *width = grid.grid->width;
        return Outcome::ok;
    }
    size_t rows;
    size_t columns;
    Value row;
    TRY(length_of(grid, &rows));
    TRY(item_at(m, grid, 0, &row));
    TRY(length_of(row, &columns));
    *height = static_cast<int64_t>(rows);
    *width = static_cast<int64_t>(columns);
    return Outcome::ok;
}

Outcome is_inside(const Value &i, const Value &j, int64_t height, int64_t width, bool *result) {
    *result = false;
    if (!i.is_int()) return Outcome::type_error;
    if (i.integer < 0 || i.integer >= height) return Outcome::ok;
    if (!j.is_int()) return Outcome::type_error;
    *result = j.integer >= 0 && j.integer < width;
    return Outcome::ok;
}

Outcome uniform_rows(Machine &m, const Value &grid, Items *out) {
    ValueList indices(m);
    if (grid.kind == Kind::grid) {
        const Grid &cells = *grid.grid;
        TRY(m.charge(static_cast<uint64_t>(cells.num_cells())));
        for (int64_t i = 0; i < cells.height; ++i) {
            const int8_t *row = cells.row(i);
            // Each cell is like the one before it.
            if (std::memcmp(row, row + 1, static_cast<size_t>(cells.width - 1)) == 0) {
                TRY(indices.push(Value::of_int(i)));
            }
        }
        *out = indices.items();
        return Outcome::ok;
    }
    Items rows;
    TRY(items_of(m, grid, &rows));
    for (size_t i = 0; i < rows.size; ++i) {
        Items row;
        TRY(items_of(m, rows[i], &row));
        SetBuilder values(m);
        for (const Value &item : row) TRY(values.add(item));
        if (values.size() == 1) TRY(indices.push(Value::of_int(static_cast<int64_t>(i))));
    }
    *out = indices.items();
    return Outcome::ok;
}

namespace {

// Of a patch read as a grid whose mirror image leaves 64 bits. Its rows are pairs of a color and a
// place, which are not equal, or of two coordinates, which mostly are not: then no column is
// uniform, in whatever order they stand.
Outcome uniform_columns_far(Machine &m, const Value &patch, Items *out) {
    Value corner;
    Value a;
    Value b;
    bool celled;
    Items items;
    TRY(is_celled(m, patch, &celled));
    TRY(primitive_ulcorner(m, &patch, &corner));
    TRY(unpack(m, corner, &a, &b));
    TRY(items_of(m, patch, &items));
    for (const Value &item : items) {
        Value first;
        Value second;
        TRY(unpack(m, item, &first, &second));
        const bool may_be_equal = celled ? !first.is_int()
                                         : Wide{first.integer} - a.integer + b.integer ==
                                               Wide{second.integer} - b.integer + a.integer;
        if (may_be_equal) return Outcome::integer_overflow;
    }
    *out = {};
    return Outcome::ok;
}

} // namespace

Outcome uniform_columns(Machine &m, const Value &grid, Items *out) {
    if (grid.kind != Kind::grid) {
        Value transposed;
        const Outcome outcome = primitive_dmirror(m, &grid, &transposed);
        if (outcome == Outcome::integer_overflow) return uniform_columns_far(m, grid, out);
        TRY(outcome);
        return uniform_rows(m, transposed, out);
    }
    const Grid &cells = *grid.grid;
    TRY(m.charge(static_cast<uint64_t>(cells.num_cells())));
    ValueList indices(m);
    {
        ScratchScope scratch(m);
        int8_t *differences; // of a column from its first cell
        TRY(m.allocate_scratch(static_cast<size_t>(cells.width), &differences));
        std::fill_n(differences, cells.width, int8_t{0});
        // Row by row, as the cells lie; the inner loop becomes vectors.
        for (int64_t i = 1; i < cells.height; ++i) {
            const int8_t *row = cells.row(i);
            for (int64_t j = 0; j < cells.width; ++j) differences[j] |= row[j] ^ cells.cells[j];
        }
        for (int64_t j = 0; j < cells.width; ++j) {
            if (differences[j] == 0) TRY(indices.push(Value::of_int(j)));
        }
    }
    *out = indices.items();
    return Outcome::ok;
}

Outcome flat_colors(Machine &m, const Value &element, Items *out) {
    Items items;
    TRY(items_of(m, element, &items));
    ValueList colors(m);
    for (const Value &item : items) {
        if (element.is_tuple()) {
            Items row;
            TRY(items_of(m, item, &row));
            for (const Value &color : row) TRY(colors.push(color));
        } else {
            Value color;
            Value place;
            TRY(unpack(m, item, &color, &place));
            TRY(colors.push(color));
        }
    }
    *out = colors.items();
    return Outcome::ok;
}

Outcome to_indices(Machine &m, const Value &patch, Value *out) {
    size_t size;
    TRY(length_of(patch, &size));
    if (size == 0) return SetBuilder(m).finish(out);
    Set *packed;
    TRY(packed_patch(m, patch, &packed));
    if (packed != nullptr && packed->holds_only(Kind::cell)) {
        return set_of_images(m, packed, Kind::pair, {.bits = packed->patch.bits}, {}, out);
    }
    bool celled;
    TRY(is_celled(m, patch, &celled));
    if (!celled) {
        *out = patch;
        return Outcome::ok;
    }
    Items items;
    TRY(items_of(m, patch, &items));
    SetBuilder places(m);
    for (const Value &item : items) {
        Value color;
        Value place;
        TRY(unpack(m, item, &color, &place));
        TRY(places.add(place));
    }
    return places.finish(out);
}

Outcome is_celled(Machine &m, const Value &patch, bool *result) {
    if (patch.is_set() &&
        (patch.set->holds_only(Kind::pair) || patch.set->holds_only(Kind::cell))) {
        *result = patch.set->holds_only(Kind::cell);
        return Outcome::ok;
    }
    Value element;
    Value second;
    TRY(first_of(m, patch, &element));
    TRY(item_at(m, element, 1, &second));
    *result = second.is_tuple();
    return Outcome::ok;
}

namespace {

Outcome lay_out_by_body(Machine &m, const Construction &how, Set *set) {
    const auto &construction = static_cast<const ByBody &>(how);
    Value built;
    TRY(construction.body(m, construction.args, &built));
    return adopt_table(m, built, set);
}

} // namespace

Outcome constructed_by(Machine &m, Body body, const Value *args, unsigned num_args, Kind kind,
                       const Patch &patch, uint32_t size, unsigned chain, Value *out) {
    ByBody *construction;
    TRY(m.allocate(1, &construction));
    *construction = {{lay_out_by_body}, body, {}};
    std::copy_n(args, num_args, construction->args);
    return constructed_set(m, kind, patch, size, construction, chain, out);
}

Outcome filtered_elements(Machine &m, Set *source, const Items &elements, ValueList *kept,
                          Value *out) {
    if (!source->is_densely_packed()) {
        return filtered_set(m, source, elements, kept->take(), kept->size(), out);
    }
    // The elements that are kept become bits of the source's box: their colors are the source's.
    BitmapBuilder builder(m, window_of(source->patch.bits));
    TRY(builder.start());
    for (const Value &v : kept->items()) builder.add(v.i, v.j);
    Bitmap bits;
    uint32_t size;
    builder.finish(&bits, &size);
    return filtered_set(m, source, kind_of(*source), part_of(source->patch, bits), size, out);
}

namespace {

struct Merging : Construction {
    Value container;

    static Outcome lay_out_merging(Machine &m, const Construction &how, Set *set) {
        Items sets;
        TRY(items_of(m, static_cast<const Merging &>(how).container, &sets));
        return lay_out_merged(m, sets, set);
    }
};

} // namespace

Outcome union_of(Machine &m, const Items &sets, const Construction *construction, unsigned chain,
                 bool *is_done, Value *out) {
    PatchUnion parts(m);
    *is_done = true;
    for (const Value &set : sets) {
        TRY(parts.add(set, is_done));
        if (!*is_done) return Outcome::ok;
    }
    chain = std::max(chain, parts.chain());
    Patch patch;
    uint32_t size;
    TRY(parts.finish(&patch, &size, is_done));
    if (*is_done) return constructed_set(m, parts.kind(), patch, size, construction, chain, out);
    // There are no bits for all of them together, but there may be for each color.
    Value *values;
    size_t count = 0;
    *is_done = true;
    TRY(parts.finish(&values, &count, is_done));
    if (!*is_done) return Outcome::ok;
    auto kinds = static_cast<uint16_t>(1u << static_cast<unsigned>(parts.kind()));
    TRY(constructed_set(m, values, count, kinds, construction, chain, out));
    out->set->is_unpackable = true;
    return Outcome::ok;
}

Outcome merged_sets(Machine &m, const Items &sets, const Value &container, bool *is_done,
                    Value *out) {
    Merging *merging;
    TRY(m.allocate(1, &merging));
    *merging = {{Merging::lay_out_merging}, container};
    unsigned chain = container.is_set() ? container.set->chain : 0;
    return union_of(m, sets, merging, chain, is_done, out);
}

Outcome columns_of(Machine &m, const Value &patch, Columns *out) {
    Value places;
    Items elements;
    TRY(to_indices(m, patch, &places));
    TRY(items_of(m, places, &elements));
    *out = {};
    if (elements.size == 0) return Outcome::ok;
    Items *rows;
    TRY(m.allocate(elements.size, &rows));
    size_t num_columns = SIZE_MAX;
    for (size_t r = 0; r < elements.size; ++r) {
        TRY(items_of(m, elements[r], &rows[r]));
        // zip() stops at the shortest.
        num_columns = std::min(num_columns, rows[r].size);
    }
    TRY(m.charge(num_columns * elements.size));
    Value *values;
    TRY(m.allocate(num_columns * elements.size, &values));
    for (size_t k = 0; k < num_columns; ++k) {
        for (size_t r = 0; r < elements.size; ++r) values[k * elements.size + r] = rows[r][k];
    }
    *out = {num_columns, elements.size, values};
    return Outcome::ok;
}

Outcome move_places(Machine &m, const Value &patch, PlaceMap place, const Addend *offsets,
                    Value *out) {
    bool celled;
    TRY(is_celled(m, patch, &celled));
    Items items;
    TRY(items_of(m, patch, &items));
    SetBuilder moved(m);
    bool have_bits = true; // 64 of them
    for (const Value &item : items) {
        Value color;
        Value i;
        Value j;
        if (celled) {
            TRY(unpack_cell(m, item, &color, &i, &j));
        } else {
            TRY(unpack(m, item, &i, &j));
        }
        Value components[2];
        Outcome outcome = place(m, i, j, offsets, &components[0], &components[1]);
        if (outcome == Outcome::integer_overflow) {
            have_bits = false;
            continue;
        }
        TRY(outcome);
        Value element;
        TRY(make_pair(m, components[0], components[1], &element));
        if (celled) {
            Value moved_place = element;
            TRY(make_pair(m, color, moved_place, &element));
        }
        TRY(moved.add(element));
    }
    return have_bits ? moved.finish(out) : Outcome::integer_overflow;
}

Outcome shift_packed(Machine &m, Set *set, int64_t down, int64_t right, bool *fits, Value *out) {
    const Patch &from = set->patch;
    int64_t top = from.bits.top + down;
    int64_t left = from.bits.left + right;
    *fits = fits_int32(top) && fits_int32(top + from.bits.height) && fits_int32(left) &&
            fits_int32(left + from.bits.width);
    if (!*fits) return Outcome::ok;
    Bitmap bits = {static_cast<int32_t>(top), static_cast<int32_t>(left), from.bits.height,
                   from.bits.width, from.bits.rows};
    Image image;
    image.offset_i = down;
    image.offset_j = right;
    return set_of_images(m, set, kind_of(*set), {bits, from.colors, from.stride, from.color}, image,
                         out);
}

Outcome move_packed(Machine &m, Set *set, const Image &image, bool *fits, Value *out) {
    const Patch &from = set->patch;
    Bitmap bits = from.bits;
    *fits = !image.is_transposed || bits.height <= Bitmap::kMaxWidth;
    if (!*fits) return Outcome::ok;
    // Where the corners go bounds where all others go.
    int64_t top = image.is_transposed ? bits.left : bits.top;
    int64_t left = image.is_transposed ? bits.top : bits.left;
    int64_t height = image.is_transposed ? bits.width : bits.height;
    int64_t width = image.is_transposed ? bits.height : bits.width;
    int64_t new_top = image.offset_i + (image.scale_i < 0 ? -(top + height - 1) : top);
    int64_t new_left = image.offset_j + (image.scale_j < 0 ? -(left + width - 1) : left);
    *fits = fits_int32(new_top) && fits_int32(new_top + height) && fits_int32(new_left) &&
            fits_int32(new_left + width);
    if (!*fits) return Outcome::ok;

    if (image.is_transposed) TRY(transposed_bits(m, bits, &bits));
    if (image.scale_i < 0) TRY(upside_down(m, bits, &bits));
    if (image.scale_j < 0) TRY(left_right(m, bits, &bits));
    bits.top = static_cast<int32_t>(new_top);
    bits.left = static_cast<int32_t>(new_left);
    // Colors move cell by cell; places of the box that are no cells are left without one.
    Patch to = from;
    to.bits = bits;
    if (from.colors != nullptr) {
        int8_t *colors;
        TRY(m.charge(set->size));
        TRY(m.allocate(static_cast<size_t>(height * width), &colors));
        for_each_place(from.bits, [&](int32_t i, int32_t j) {
            Value place = image.of_place(i, j);
            colors[(place.i - new_top) * width + (place.j - new_left)] =
                static_cast<int8_t>(from.color_at(i, j));
        });
        to.colors = colors;
        to.stride = static_cast<int32_t>(width);
    }
    return set_of_images(m, set, kind_of(*set), to, image, out);
}

namespace {

// The places of a color in rows of up to num_vectors times 16 cells.
template <int num_vectors>
void mark_color(const Grid &grid, int8_t color, Row *out) {
    const uint64_t all = low_bits(grid.width);
    const int8_t *row = grid.cells;
    for (Row *end = out + grid.height; out != end; ++out, row += grid.stride) {
        uint64_t places = 0;
        for (int k = 0; k < num_vectors; ++k) {
            places |= equal_mask(row + 16 * k, 16, color) << (16 * k);
        }
        *out = places & all;
    }
}

} // namespace

Outcome places_of_color(Machine &m, const Grid &grid, int8_t color, Bitmap *out, uint32_t *size) {
    // A number of vectors that the compiler knows spares a loop for each row.
    BitmapBuilder builder(m, {0, 0, grid.height, grid.width});
    TRY(builder.start_unwritten());
    Row *rows = &builder.row(0);
    grid.width <= 16   ? mark_color<1>(grid, color, rows)
    : grid.width <= 32 ? mark_color<2>(grid, color, rows)
                       : mark_color<4>(grid, color, rows);
    builder.finish(out, size);
    return Outcome::ok;
}

Outcome full_window(Machine &m, const Window &window, Value *out) {
    BitmapBuilder builder(m, window);
    TRY(builder.start_unwritten());
    std::fill_n(&builder.row(0), window.height, low_columns(window.width));
    auto size = static_cast<uint32_t>(window.height * window.width);
    return set_of_rows(m, Kind::pair, {.bits = builder.finish_tight()}, size, out);
}

Outcome straight_line(Machine &m, bool row_is_fixed, const Value &fixed, int64_t first,
                      int64_t last, Value *out) {
    const Range moving(first, last);
    const uint64_t count = moving.size();
    if (fixed.kind == Kind::integer && count != 0 && count <= Bitmap::kMaxWidth) {
        int64_t length = static_cast<int64_t>(count);
        Window line = row_is_fixed ? Window{fixed.integer, first, 1, length}
                                   : Window{first, fixed.integer, length, 1};
        if (fits_int32(fixed.integer) && line.is_small()) return full_window(m, line, out);
    }
    TRY(m.charge(count));
    Value *places;
    TRY(m.allocate(count, &places));
    for (uint64_t k = 0; k < count; ++k) {
        const Value at = Value::of_int(moving[k]);
        TRY(row_is_fixed ? make_pair(m, fixed, at, &places[k])
                         : make_pair(m, at, fixed, &places[k]));
    }
    return set_of_distinct(m, places, count, out);
}

} // namespace codeit
