#include "primitives/occurrences.h"

#include <algorithm>
#include <bitset>

namespace codeit {
namespace {

// Of an object of up to 64 columns: whether row i holds one color from side to side.
bool is_plain_row(const Patch &object, int64_t i) {
    const Bitmap &bits = object.bits;
    if (bits.rows[i] != low_columns(bits.width)) return false;
    if (object.colors == nullptr) return true;
    const int8_t *row = object.colors + i * object.stride;
    return equal_mask(row, bits.width, row[0]) == low_bits(bits.width);
}

// Whether all rows do, and the same one.
bool is_plain_box(const Patch &object) {
    const Bitmap &bits = object.bits;
    const int32_t color = object.color_at(bits.top, bits.left);
    for (int32_t i = 0; i < bits.height; ++i) {
        bool is_plain = is_plain_row(object, i);
        if (!is_plain || object.color_at(bits.top + i, bits.left) != color) return false;
    }
    return true;
}

// Where `length` bits that are set lie side by side, from low to high: runs of 1, 2, 4, ... bits,
// each twice what was known, and in the end two that overlap.
uint64_t begins_of_runs(uint64_t row, int64_t length) {
    int64_t reached = 1;
    for (; reached * 2 <= length; reached *= 2) row &= row >> reached;
    return row & row >> (length - reached);
}

Outcome set_of_found(Machine &m, BitmapBuilder *places, Value *out) {
    Patch patch;
    uint32_t size;
    places->finish(&patch.bits, &size);
    Value inserted;
    TRY(set_of_rows(m, Kind::pair, patch, size, &inserted));
    return copy_of_set(m, inserted.set, out);
}

// Where a box of one color occurs in a grid: runs of a row, and then of rows.
Outcome box_occurrences(Machine &m, const Grid &grid, const Patch &box, Value *out) {
    const int64_t height = box.bits.height;
    const int64_t rows = grid.height - height + 1;
    const int64_t columns = int64_t{grid.width} - box.bits.width + 1;
    const int32_t color = box.color_at(box.bits.top, box.bits.left);
    const bool fits = color >= INT8_MIN && color <= INT8_MAX;
    constexpr uint64_t kUnitsOfRow = 16;
    uint64_t *begins; // of each row: where a run as wide as the box begins, so many rows down
    TRY(m.charge(static_cast<uint64_t>(grid.height) * kUnitsOfRow));
    TRY(m.allocate_scratch(static_cast<size_t>(grid.height), &begins));
    for (int64_t i = 0; i < grid.height; ++i) {
        uint64_t of_color =
            fits ? equal_mask(grid.row(i), grid.width, static_cast<int8_t>(color)) : 0;
        begins[i] = begins_of_runs(of_color, box.bits.width);
    }
    // The same down the rows: each step doubles what is known, the last one adds what is missing.
    for (int64_t reached = 1; reached < height;) {
        const int64_t step = std::min(reached, height - reached);
        reached += step;
        for (int64_t i = 0; i + reached <= grid.height; ++i) begins[i] &= begins[i + step];
    }
    BitmapBuilder places(m, {0, 0, rows, columns});
    TRY(places.start_unwritten());
    for (int64_t i = 0; i < rows; ++i) places.row(i) = begins[i] & low_bits(columns);
    return set_of_found(m, &places, out);
}

} // namespace

Outcome packed_occurrences(Machine &m, const Grid &grid, const Patch &object, Value *out) {
    const Bitmap &bits = object.bits;
    int64_t rows = int64_t{grid.height} - bits.height + 1;
    int64_t columns = int64_t{grid.width} - bits.width + 1;
    if (rows <= 0 || columns <= 0) return set_of_distinct(m, nullptr, 0, out);
    ScratchScope scratch(m);
    if (is_plain_box(object)) return box_occurrences(m, grid, object, out);
    uint64_t *masks[256]; // of the rows of the grid, by color; valid where is_known
    std::bitset<256> is_known;
    auto rows_of_color = [&](int32_t color, uint64_t **masks_of_color) {
        const auto at = static_cast<uint8_t>(color);
        if (!is_known[at]) {
            TRY(m.charge(static_cast<uint64_t>(grid.height)));
            TRY(m.allocate_scratch(static_cast<size_t>(grid.height), &masks[at]));
            for (int64_t i = 0; i < grid.height; ++i) {
                bool fits = color >= INT8_MIN && color <= INT8_MAX;
                masks[at][i] =
                    fits ? equal_mask(grid.row(i), grid.width, static_cast<int8_t>(color)) : 0;
            }
            is_known.set(at);
        }
        *masks_of_color = masks[at];
        return Outcome::ok;
    };
    bool is_plain[Bitmap::kMaxHeight]; // rows of the object with one color from side to side
    int64_t num_seen = 0;              // of its rows
    BitmapBuilder places(m, {0, 0, rows, columns});
    TRY(places.start());
    for (int64_t i = 0; i < rows; ++i) {
        uint64_t matches = low_bits(columns);
        for (int64_t k = 0; k < bits.height && matches != 0; ++k) {
            TRY(m.charge(count_bits(low_half(bits.rows[k]))));
            // Rows are looked at in order, and many never: the first ones rule places out.
            if (k == num_seen) is_plain[num_seen++] = is_plain_row(object, k);
            if (is_plain[k]) {
                uint64_t *of_color;
                TRY(rows_of_color(object.color_at(bits.top + k, bits.left), &of_color));
                matches &= begins_of_runs(of_color[i + k], bits.width);
                continue;
            }
            for (uint64_t row = low_half(bits.rows[k]); row != 0 && matches != 0; row &= row - 1) {
                int j = std::countr_zero(row);
                uint64_t *of_color;
                TRY(rows_of_color(object.color_at(bits.top + k, bits.left + j), &of_color));
                matches &= of_color[i + k] >> j;
            }
        }
        places.row(i) = matches;
    }
    return set_of_found(m, &places, out);
}

} // namespace codeit
