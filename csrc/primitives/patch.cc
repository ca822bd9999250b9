#include "primitives/patch.h"

#include "primitives/operators.h"

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
            if (std::count(row, row + cells.width, row[0]) == cells.width) {
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

namespace {

// The places of a set of cells. Cells of one color have distinct places; others may share some.
Outcome places_of_cells(Machine &m, Set *cells, Value *out) {
    Items items = cells->unordered();
    TRY(m.charge(items.size));
    int32_t color = items[0].color;
    bool has_one_color = std::all_of(items.begin(), items.end(),
                                     [&](const Value &cell) { return cell.color == color; });
    if (has_one_color) {
        Value *places;
        TRY(m.allocate(items.size, &places));
        for (size_t k = 0; k < items.size; ++k) places[k] = Value::pair(items[k].i, items[k].j);
        return set_of_images(m, cells, places, out);
    }
    const Value *in_order;
    TRY(ordered(m, cells, &in_order));
    SetBuilder places(m);
    for (size_t k = 0; k < items.size; ++k) {
        TRY(places.add(Value::pair(in_order[k].i, in_order[k].j)));
    }
    return places.finish(out);
}

} // namespace

Outcome to_indices(Machine &m, const Value &patch, Value *out) {
    size_t size;
    TRY(length_of(patch, &size));
    if (size == 0) return SetBuilder(m).finish(out);
    if (patch.is_set() && patch.set->holds_only(Kind::cell)) {
        return places_of_cells(m, patch.set, out);
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
    if (has_plain_places(patch)) {
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

Outcome bounding_box(Machine &m, const Set &patch, Box *out) {
    TRY(m.charge(patch.size));
    Box box = {INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN};
    for (const Value &element : patch.unordered()) {
        box.top = std::min(box.top, element.i);
        box.left = std::min(box.left, element.j);
        box.bottom = std::max(box.bottom, element.i);
        box.right = std::max(box.right, element.j);
    }
    *out = box;
    return Outcome::ok;
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

Outcome move_places(Machine &m, const Value &patch, PlaceMap place, const Value *offsets,
                    Value *out) {
    bool celled;
    TRY(is_celled(m, patch, &celled));
    Items items;
    TRY(items_of(m, patch, &items));
    SetBuilder moved(m);
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
        TRY(place(m, i, j, offsets, &components[0], &components[1]));
        Value element;
        TRY(make_pair(m, components[0], components[1], &element));
        if (celled) {
            Value moved_place = element;
            TRY(make_pair(m, color, moved_place, &element));
        }
        TRY(moved.add(element));
    }
    return moved.finish(out);
}

Outcome move_plain_places(Machine &m, Set *patch, const AffineMap &map, bool *fits, Value *out) {
    Box box;
    TRY(bounding_box(m, *patch, &box));
    if (map.transpose) box = {box.left, box.top, box.right, box.bottom};
    // The images of the box's corners bound all others.
    const int64_t extremes[4] = {
        map.offset_i + map.scale_i * box.top,
        map.offset_i + map.scale_i * box.bottom,
        map.offset_j + map.scale_j * box.left,
        map.offset_j + map.scale_j * box.right,
    };
    *fits = std::all_of(extremes, extremes + 4, fits_int32);
    if (!*fits) return Outcome::ok;
    Value *images;
    TRY(m.allocate(patch->size, &images));
    for (uint32_t k = 0; k < patch->size; ++k) {
        Value image = patch->values[k];
        int64_t i = map.transpose ? image.j : image.i;
        int64_t j = map.transpose ? image.i : image.j;
        image.i = static_cast<int32_t>(map.offset_i + map.scale_i * i);
        image.j = static_cast<int32_t>(map.offset_j + map.scale_j * j);
        images[k] = image;
    }
    return set_of_images(m, patch, images, out);
}

Outcome straight_line(Machine &m, bool row_is_fixed, const Value &fixed, int64_t first,
                      int64_t last, Value *out) {
    uint64_t count;
    TRY(count_range(first, last, &count));
    TRY(m.charge(count));
    Value *places;
    TRY(m.allocate(count, &places));
    for (uint64_t k = 0; k < count; ++k) {
        Value moving = Value::of_int(first + static_cast<int64_t>(k));
        TRY(row_is_fixed ? make_pair(m, fixed, moving, &places[k])
                         : make_pair(m, moving, fixed, &places[k]));
    }
    return set_of_distinct(m, places, count, out);
}

} // namespace codeit
