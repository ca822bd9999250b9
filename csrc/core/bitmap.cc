#include "core/bitmap.h"

#include <algorithm>

namespace codeit {

namespace {

// Counts the places of rows and joins their columns, a byte's bits at a time: after 31 rows a byte
// has counted at most 248 bits, and is added up before it can overflow.
uint32_t count_by_bytes(const Row *rows, int64_t height, uint64_t *columns) {
    constexpr int64_t kRowsOfSum = 31;
    uint32_t count = 0;
    Halves all = {};
    for (int64_t begin = 0; begin < height; begin += kRowsOfSum) {
        int64_t end = std::min(begin + kRowsOfSum, height);
        Halves sums = {};
        for (int64_t i = begin; i < end; ++i) {
            auto row = std::bit_cast<Halves>(rows[i]);
            all |= row;
            sums += bits_of_bytes(row);
        }
        count += sum_of_bytes(sums);
    }
    columns[0] = all[0];
    columns[1] = all[1];
    return count;
}

#if defined(__x86_64__) && !defined(__POPCNT__)
// The same with the instruction for it, which nearly every processor has, but which a build for any
// x86-64 may not assume: the choice is made when the library is loaded.
__attribute__((target("popcnt"))) uint32_t count_by_words(const Row *rows, int64_t height,
                                                          uint64_t *columns) {
    uint64_t count = 0;
    uint64_t low = 0;
    uint64_t high = 0;
    for (int64_t i = 0; i < height; ++i) {
        low |= low_half(rows[i]);
        high |= high_half(rows[i]);
        count += static_cast<uint64_t>(__builtin_popcountll(low_half(rows[i])));
        count += static_cast<uint64_t>(__builtin_popcountll(high_half(rows[i])));
    }
    columns[0] = low;
    columns[1] = high;
    return static_cast<uint32_t>(count);
}

const auto count_places = __builtin_cpu_supports("popcnt") ? count_by_words : count_by_bytes;
#else
constexpr auto count_places = count_by_bytes;
#endif

} // namespace

Outcome BitmapBuilder::start_unwritten() {
    size_t height = static_cast<size_t>(window_.height);
    TRY(m_.charge(height));
    return m_.allocate(height, &rows_);
}

Outcome BitmapBuilder::start() {
    TRY(start_unwritten());
    std::fill_n(rows_, window_.height, Row{0});
    return Outcome::ok;
}

void BitmapBuilder::finish(Bitmap *out, uint32_t *size) {
    // The window may be larger than what was put into it: cut off empty rows above and below, then
    // empty columns, which the union of all rows shows.
    int64_t first = 0;
    int64_t end = window_.height;
    while (end > 0 && rows_[end - 1] == 0) --end;
    while (first < end && rows_[first] == 0) ++first;
    *out = {};
    *size = 0;
    if (first == end) return;
    Row *rows = rows_ + first;
    uint64_t columns[2];
    *size = count_places(rows, end - first, columns);
    int from = columns[0] != 0 ? std::countr_zero(columns[0]) : 64 + std::countr_zero(columns[1]);
    int width = columns[1] != 0 ? 64 + std::bit_width(columns[1]) : std::bit_width(columns[0]);
    if (from != 0 && columns[1] == 0) {
        for (int64_t i = 0; i < end - first; ++i) {
            rows[i] = std::bit_cast<Row>(std::bit_cast<Halves>(rows[i]) >> from);
        }
    } else if (from != 0) {
        for (int64_t i = 0; i < end - first; ++i) rows[i] >>= from;
    }
    *out = {static_cast<int32_t>(window_.top + first), static_cast<int32_t>(window_.left + from),
            static_cast<int32_t>(end - first), width - from, rows};
}

Bitmap BitmapBuilder::finish_tight() const {
    return {static_cast<int32_t>(window_.top), static_cast<int32_t>(window_.left),
            static_cast<int32_t>(window_.height), static_cast<int32_t>(window_.width), rows_};
}

uint32_t num_places(const Bitmap &bits) {
    uint64_t columns[2];
    return count_places(bits.rows, bits.height, columns);
}

bool equal_bitmaps(const Bitmap &a, const Bitmap &b) {
    return a.top == b.top && a.left == b.left && a.height == b.height && a.width == b.width &&
           std::equal(a.rows, a.rows + a.height, b.rows);
}

bool is_within(const Bitmap &a, const Bitmap &b) {
    if (a.top < b.top || a.left < b.left || a.bottom() > b.bottom() || a.right() > b.right()) {
        return false;
    }
    for (int64_t i = 0; i < a.height; ++i) {
        if ((a.rows[i] & ~b.window(a.top + i, a.left)) != 0) return false;
    }
    return true;
}

Outcome upside_down(Machine &m, const Bitmap &bits, Bitmap *out) {
    Row *rows;
    TRY(m.charge(static_cast<uint64_t>(bits.height)));
    TRY(m.allocate(static_cast<size_t>(bits.height), &rows));
    std::reverse_copy(bits.rows, bits.rows + bits.height, rows);
    *out = bits;
    out->rows = rows;
    return Outcome::ok;
}

namespace {

// The bits of each byte are reversed by swapping neighbours, pairs and fours, then the bytes.
uint64_t reversed_half(uint64_t word) {
    auto swap = [&](int by, uint64_t mask) { word = (word >> by & mask) | (word & mask) << by; };
    swap(1, 0x5555555555555555u);
    swap(2, 0x3333333333333333u);
    swap(4, 0x0F0F0F0F0F0F0F0Fu);
    return __builtin_bswap64(word);
}

Row reversed_bits(Row row) {
    return Row{reversed_half(low_half(row))} << 64 | reversed_half(high_half(row));
}

} // namespace

Outcome left_right(Machine &m, const Bitmap &bits, Bitmap *out) {
    Row *rows;
    TRY(m.charge(static_cast<uint64_t>(bits.height)));
    TRY(m.allocate(static_cast<size_t>(bits.height), &rows));
    for (int32_t i = 0; i < bits.height; ++i) {
        // Column 0 has become bit 127; the last column of the box must be bit 0.
        rows[i] = reversed_bits(bits.rows[i]) >> (Bitmap::kMaxWidth - bits.width);
    }
    *out = bits;
    out->rows = rows;
    return Outcome::ok;
}

Outcome transposed_bits(Machine &m, const Bitmap &bits, Bitmap *out) {
    BitmapBuilder builder(m, {bits.left, bits.top, bits.width, bits.height});
    TRY(builder.start());
    TRY(m.charge(static_cast<uint64_t>(bits.height)));
    for_each_place(bits, [&](int64_t i, int64_t j) { builder.add(j, i); });
    uint32_t size;
    builder.finish(out, &size);
    return Outcome::ok;
}

bool are_adjacent(const Bitmap &a, const Bitmap &b) {
    // A common place means a distance of 0. Otherwise the distance is 1 where a place of b stands
    // beside, above or below one of a; rows of b more than one away from a's box can have none.
    Row common = 0;
    Row beside = 0;
    if (a.left > b.right() + 1 || b.left > a.right() + 1) return false;
    int64_t last = std::min(a.bottom() + 1, b.bottom());
    for (int64_t i = std::max<int64_t>(int64_t{a.top} - 1, b.top); i <= last; ++i) {
        Row row = b.rows[i - b.top];
        if (row == 0) continue;
        common |= row & a.window(i, b.left);
        beside |= row & (a.window(i, int64_t{b.left} - 1) | a.window(i, int64_t{b.left} + 1) |
                         a.window(i - 1, b.left) | a.window(i + 1, b.left));
    }
    return common == 0 && beside != 0;
}

bool share_row(const Bitmap &a, const Bitmap &b) {
    int64_t first = std::max(a.top, b.top);
    int64_t last = std::min(a.bottom(), b.bottom());
    for (int64_t i = first; i <= last; ++i) {
        if (a.rows[i - a.top] != 0 && b.rows[i - b.top] != 0) return true;
    }
    return false;
}

bool share_column(const Bitmap &a, const Bitmap &b) {
    auto columns = [](const Bitmap &bits) {
        Row all = 0;
        for (int32_t i = 0; i < bits.height; ++i) all |= bits.rows[i];
        return all;
    };
    // The columns of a as a bitmap of one row, so that window() brings them beside those of b.
    Row row = columns(a);
    Bitmap a_columns = {0, a.left, 1, a.width, &row};
    return (a_columns.window(0, b.left) & columns(b)) != 0;
}

} // namespace codeit
