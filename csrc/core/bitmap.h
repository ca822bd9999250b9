// Places as bits: what most sets of the language are, held so that a row is one word.
//
// A bitmap is the smallest box around a set of places, and a word of 128 bits for each row of the
// box. What is asked of a set then costs an operation for each row instead of a probe of a hash
// table for each place: a union is an "or", an intersection an "and", a size a count of bits, and a
// shift changes two numbers and shares the rows. Grids of ARC have at most 30 columns, and what
// programs make of them (rays, shifted and upscaled patches) mostly fits 128; a set that does not
// has no bits, and takes the general path of core/set.cc.
//
// The box is tight, so that sets of the same places have equal bitmaps, word for word. Rows never
// change once a bitmap is published; several bitmaps may share them. Bits say nothing about the
// order in which CPython would iterate the set: core/packed_table.h works that out when something
// asks.
//
// Those of the functions that make rows charge for them; what only reads is paid for by its caller.
#pragma once

#include "core/machine.h"

#include <algorithm>
#include <bit>
#include <type_traits>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace codeit {

// One bit for each column. Most need half of it; rays, which are 42 places long, need more.
__extension__ typedef unsigned __int128 Row;

// Bit j of rows[i] is the place (top + i, left + j). Both maxima together keep the code of a place
// below 2^16 (core/packed_table.h).
// Invariant: where rows is set, the first and the last row and column hold a bit each, and rows has
// no bit from `width` on.
struct Bitmap {
    static constexpr int64_t kMaxWidth = 128;
    static constexpr int64_t kMaxHeight = 256;

    int32_t top = 0;
    int32_t left = 0;
    int32_t height = 0;
    int32_t width = 0;
    const Row *rows = nullptr;

    int64_t bottom() const { return int64_t{top} + height - 1; }
    int64_t right() const { return int64_t{left} + width - 1; }

    bool contains(int64_t i, int64_t j) const {
        i -= top;
        j -= left;
        return i >= 0 && i < height && j >= 0 && j < width && (rows[i] >> j & 1) != 0;
    }

    // Row i of the plane with column `from` at bit 0; what lies outside is cut off.
    Row window(int64_t i, int64_t from) const {
        i -= top;
        int64_t by = left - from;
        if (i < 0 || i >= height || by >= kMaxWidth || by <= -kMaxWidth) return 0;
        return by >= 0 ? rows[i] << by : rows[i] >> -by;
    }
};

inline uint64_t low_half(Row row) {
    return static_cast<uint64_t>(row);
}
inline uint64_t high_half(Row row) {
    return static_cast<uint64_t>(row >> 64);
}

// Calls visit(j) for every bit from low to high; visit may return Outcome, then so does this.
template <typename Visit>
inline auto for_each_bit(Row row, Visit visit) {
    if constexpr (std::is_same_v<decltype(visit(0)), Outcome>) {
        for (uint64_t half = low_half(row); half != 0; half &= half - 1) {
            TRY(visit(std::countr_zero(half)));
        }
        for (uint64_t half = high_half(row); half != 0; half &= half - 1) {
            TRY(visit(64 + std::countr_zero(half)));
        }
        return Outcome::ok;
    } else {
        for (uint64_t half = low_half(row); half != 0; half &= half - 1) {
            visit(std::countr_zero(half));
        }
        for (uint64_t half = high_half(row); half != 0; half &= half - 1) {
            visit(64 + std::countr_zero(half));
        }
    }
}

// Calls visit(i, j) for every place, row by row; visit may return Outcome, then so does this.
template <typename Visit>
inline auto for_each_place(const Bitmap &bits, Visit visit) {
    constexpr bool kMayFail = std::is_same_v<decltype(visit(0, 0)), Outcome>;
    for (int32_t i = 0; i < bits.height; ++i) {
        auto visit_bit = [&](int32_t j) { return visit(bits.top + i, bits.left + j); };
        if constexpr (kMayFail) {
            TRY(for_each_bit(bits.rows[i], visit_bit));
        } else {
            for_each_bit(bits.rows[i], visit_bit);
        }
    }
    if constexpr (kMayFail) return Outcome::ok;
}

// A row as two words, for work on both at once. A shift of this type shifts each word by itself, in
// one instruction; to shift a Row takes several.
using Halves = uint64_t __attribute__((vector_size(16)));

// How many bits are set in each byte of a word, or of both: first in pairs of bits, then in fours,
// then in bytes, each sum beside the others in the same word.
template <typename Word>
inline Word bits_of_bytes(Word word) {
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    return (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
}

// The sum of the bytes of both words. A lane of 16 bits holds four bytes, at most 1,020; the
// product has the sum of the four lanes, at most 4,080, in its highest lane.
inline uint32_t sum_of_bytes(Halves bytes) {
    Halves pairs = (bytes & 0x00FF00FF00FF00FFu) + (bytes >> 8 & 0x00FF00FF00FF00FFu);
    return static_cast<uint32_t>((pairs[0] + pairs[1]) * 0x0001000100010001u >> 48);
}

// Counts bits, without a call where the processor may lack the instruction.
inline uint32_t count_bits(uint64_t word) {
#if defined(__POPCNT__) || defined(__aarch64__)
    return static_cast<uint32_t>(std::popcount(word));
#else
    return static_cast<uint32_t>(bits_of_bytes(word) * 0x0101010101010101u >> 56);
#endif
}

inline uint32_t count_bits(Row row) {
    return sum_of_bytes(bits_of_bytes(std::bit_cast<Halves>(row)));
}

inline uint64_t low_bits(int64_t count) {
    return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}
inline Row low_columns(int64_t count) {
    return count >= Bitmap::kMaxWidth ? ~Row{0} : (Row{1} << count) - 1;
}

// A rectangle of the plane that a bitmap may be built in: bit 0 of its rows is column `left`.
struct Window {
    int64_t top;
    int64_t left;
    int64_t height;
    int64_t width;

    bool is_small() const {
        return height <= Bitmap::kMaxHeight && width <= Bitmap::kMaxWidth && fits_int32(top) &&
               fits_int32(left) && fits_int32(top + height) && fits_int32(left + width);
    }
};

inline Window window_of(const Bitmap &bits) {
    return {bits.top, bits.left, bits.height, bits.width};
}

// The smallest window around both.
inline Window joined(const Window &a, const Window &b) {
    int64_t top = a.top < b.top ? a.top : b.top;
    int64_t left = a.left < b.left ? a.left : b.left;
    int64_t bottom = a.top + a.height > b.top + b.height ? a.top + a.height : b.top + b.height;
    int64_t right = a.left + a.width > b.left + b.width ? a.left + a.width : b.left + b.width;
    return {top, left, bottom - top, right - left};
}

// The rows of a bitmap from a place of the plane on: what lies above or left of it is cut off.
class BitmapView {
  public:
    // For places less than kMaxWidth columns away. One of the two distances is 0, so that shifting
    // by both is shifting by the one that is not, without a branch.
    BitmapView(const Bitmap &bits, int64_t top, int64_t left)
        : rows_(bits.rows), offset_(top - bits.top), height_(static_cast<uint64_t>(bits.height)),
          up_(distance(left, bits.left)), down_(distance(bits.left, left)),
          fits_halves_(static_cast<uint64_t>(bits.width) + up_ <= 64) {}

    // Row `top + k`, with column `left` at bit 0.
    Halves operator[](int64_t k) const {
        auto at = static_cast<uint64_t>(k + offset_);
        if (at >= height_) return Halves{};
        if (fits_halves_) return std::bit_cast<Halves>(rows_[at]) << up_ >> down_;
        return moved_wide(rows_[at]);
    }

  private:
    [[gnu::noinline]] Halves moved_wide(Row row) const {
        return std::bit_cast<Halves>(row << up_ >> down_);
    }
    static uint64_t distance(int64_t from, int64_t to) {
        return static_cast<uint64_t>(std::max<int64_t>(to - from, 0));
    }

    const Row *rows_;
    int64_t offset_;
    uint64_t height_;
    uint64_t up_;
    uint64_t down_;
    bool fits_halves_; // no bit crosses from one word to the other: both may be shifted apart
};

// Rows under construction in a window; finish() makes the tight bitmap of them. The window must be
// small.
class BitmapBuilder {
  public:
    BitmapBuilder(Machine &m, const Window &window) : m_(m), window_(window) {}

    // Empty rows, or rows that are all written before they are read. Both charge for the rows.
    Outcome start();
    Outcome start_unwritten();

    Row &row(int64_t i) { return rows_[i]; } // 0 is the window's first
    void add(int64_t i, int64_t j) { rows_[i - window_.top] |= Row{1} << (j - window_.left); }
    void add(const Bitmap &bits) {
        // Where the bits stay in the lower word, the upper one is zero, and shifting the words
        // apart is right (see Halves).
        const auto by = static_cast<uint64_t>(bits.left - window_.left);
        Row *row = rows_ + (bits.top - window_.top);
        const bool fits_halves = static_cast<uint64_t>(bits.width) + by <= 64;
        for (const Row *from = bits.rows; from != bits.rows + bits.height; ++from, ++row) {
            auto moved = fits_halves ? std::bit_cast<Halves>(*from) << by
                                     : std::bit_cast<Halves>(*from << by);
            *row = std::bit_cast<Row>(std::bit_cast<Halves>(*row) | moved);
        }
    }

    // *size is the number of places; 0 leaves *out empty. The rows must not be changed afterwards.
    void finish(Bitmap *out, uint32_t *size);
    // For rows that are known to reach all four sides of the window.
    Bitmap finish_tight() const;

  private:
    Machine &m_;
    Window window_;
    Row *rows_ = nullptr;
};

uint32_t num_places(const Bitmap &bits);

// Both hold the same places.
bool equal_bitmaps(const Bitmap &a, const Bitmap &b);

// Every place of a is a place of b.
bool is_within(const Bitmap &a, const Bitmap &b);

// The bits of a mirrored image in the same box.
Outcome upside_down(Machine &m, const Bitmap &bits, Bitmap *out);
Outcome left_right(Machine &m, const Bitmap &bits, Bitmap *out);

// (i, j) becomes (j, i). The result must fit: bits.height <= kMaxWidth.
Outcome transposed_bits(Machine &m, const Bitmap &bits, Bitmap *out);

// Whether the smallest Manhattan distance between two places of a and b is 1.
bool are_adjacent(const Bitmap &a, const Bitmap &b);

// Whether some place of a has the row, or the column, of some place of b.
bool share_row(const Bitmap &a, const Bitmap &b);
bool share_column(const Bitmap &a, const Bitmap &b);

// Bit j is set where cells[j] == value, for j < width <= 64. Reads up to 15 cells more, which every
// grid has behind it (core/arena.h).
READS_BEYOND inline uint64_t equal_mask(const int8_t *cells, int64_t width, int8_t value) {
    uint64_t mask = 0;
#ifdef __SSE2__
    const __m128i wanted = _mm_set1_epi8(value);
    for (int64_t j = 0; j < width; j += 16) {
        __m128i some = _mm_loadu_si128(reinterpret_cast<const __m128i *>(cells + j));
        auto found = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(some, wanted)));
        mask |= uint64_t{found} << j;
    }
#else
    for (int64_t j = 0; j < width; ++j) mask |= uint64_t{cells[j] == value} << j;
#endif
    return mask & low_bits(width);
}

} // namespace codeit
