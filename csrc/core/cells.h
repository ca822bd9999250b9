// Cells of dense grids, 16 at a time.
//
// These are the compiler's vector types, so that one text becomes SSE2, NEON or plain code. A
// comparison gives a byte of -1 where it holds and 0 elsewhere: a mask chooses by "and", and
// subtracting masks counts. A grid whose rows lie side by side is one line of cells, which spares
// the rests of short rows. The last vector of a line reads up to 15 cells beyond it, and writes
// them where the target is new; what it writes there is either written again by the next line or is
// the spare room behind a grid (kSpareCells).
#pragma once

#include "core/bitmap.h"
#include "core/grid.h"

namespace codeit {

using Cells = int8_t __attribute__((vector_size(16)));
using Sums = uint8_t __attribute__((vector_size(16)));
inline constexpr int64_t kCellsAtOnce = sizeof(Cells);

// Up to 15 of them may lie behind a grid (core/arena.h).
READS_BEYOND inline Cells load_cells(const int8_t *from) {
    Cells cells;
    __builtin_memcpy(&cells, from, sizeof cells);
    return cells;
}

inline void store_cells(int8_t *to, Cells cells) {
    __builtin_memcpy(to, &cells, sizeof cells);
}

inline Cells all_cells(int8_t cell) {
    return cell - Cells{};
}

// `yes` where the mask of a comparison is set, `no` elsewhere.
inline Cells chosen(Cells mask, Cells yes, Cells no) {
    return (mask & yes) | (~mask & no);
}

// Bytes that are set for the first `count` cells, at most 16.
inline Cells first_cells(int64_t count) {
    constexpr Cells kIndices = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return kIndices < all_cells(static_cast<int8_t>(count));
}

// Bytes that are set where the lowest 16 bits are.
inline Cells cells_of_bits(uint64_t bits) {
    constexpr Halves kBits = {0x8040201008040201u, 0x8040201008040201u};
    constexpr uint64_t kEach = 0x0101010101010101u;
    const Halves copies = {(bits & 0xFF) * kEach, (bits >> 8 & 0xFF) * kEach};
    return std::bit_cast<Cells>(copies & kBits) == std::bit_cast<Cells>(kBits);
}

// A grid as lines of cells that lie side by side: all of it where it is no part of another one.
struct Lines {
    int64_t count;
    int64_t length;

    explicit Lines(const Grid &grid)
        : count(grid.stride == grid.width ? 1 : grid.height),
          length(grid.stride == grid.width ? grid.num_cells() : grid.width) {}
};

// Writes map(cells) of each cell of a grid to one of the same size, which is new.
template <typename Map>
void map_cells(const Grid &from, Grid *to, Map map) {
    // From top to bottom: what a line writes behind its end belongs to the next one, which comes
    // later.
    const Lines lines(from);
    for (int64_t i = 0; i < lines.count; ++i) {
        const int8_t *source = from.row(i);
        int8_t *target = to->cells + i * lines.length;
        for (int64_t j = 0; j < lines.length; j += kCellsAtOnce) {
            store_cells(target + j, map(load_cells(source + j)));
        }
    }
}

// How often each of the first num_colors colors from `first` on occurs in a grid, added to counts.
template <int num_colors>
void count_cells(const Grid &grid, int8_t first, uint32_t *counts) {
    constexpr int64_t kLengthOfSum = 255 * kCellsAtOnce; // 255 vectors, which a byte can count
    const Lines lines(grid);
    for (int64_t i = 0; i < lines.count; ++i) {
        for (int64_t from = 0; from < lines.length; from += kLengthOfSum) {
            const int8_t *cells = grid.row(i) + from;
            int64_t length = std::min(lines.length - from, kLengthOfSum);
            Sums sums[num_colors] = {};
            auto count = [&](Cells some, Cells counted) {
                for (int k = 0; k < num_colors; ++k) {
                    Cells is_k = (some == all_cells(static_cast<int8_t>(first + k))) & counted;
                    sums[k] -= std::bit_cast<Sums>(is_k); // which is -1
                }
            };
            int64_t j = 0;
            for (; j + kCellsAtOnce <= length; j += kCellsAtOnce) {
                count(load_cells(cells + j), ~Cells{});
            }
            if (j < length) count(load_cells(cells + j), first_cells(length - j));
            for (int k = 0; k < num_colors; ++k) {
                counts[k] += sum_of_bytes(std::bit_cast<Halves>(sums[k]));
            }
        }
    }
}

} // namespace codeit
