// Grids in the sparse form of a prompt, straight to token ids: what a tokenizer makes of each piece
// of the text is written down once, and pieces are strung together. That gives the tokenizer's own
// ids because its tokens do not reach from one piece into the next.
#pragma once

#include "lang/sizes.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace codeit::text {

struct GridView {
    const uint8_t *cells;
    size_t height;
    size_t width;
};

class PromptWriter {
  public:
    // The ids of a piece; as many are copied for every piece, so that a copy is one store.
    static constexpr size_t kMaxPiece = 8;

    // In this order: `HxW` for all H and W, ` background=C` and ` C=` for all colors, and for all
    // places `I,J` and ` I,J`, and the separator of grids. False if a piece has too many ids.
    static constexpr size_t kNumPieces = 3 * kMaxGridSide * kMaxGridSide + 2 * kNumColors + 1;
    bool set_pieces(const std::vector<std::vector<uint16_t>> &pieces);

    // The ids of an opening and of grids, at most `max_ids` of them. False when a grid cannot be
    // written: one with sides of 1 to 30 and no color above 9 can.
    bool write(std::span<const uint16_t> opening, const std::vector<GridView> &grids,
               size_t max_ids, std::vector<uint16_t> *out) const;

  private:
    struct alignas(16) Piece {
        std::array<uint16_t, kMaxPiece> ids{};
    };
    struct Pieces {
        std::vector<Piece> pieces = std::vector<Piece>(kNumPieces);
        std::vector<uint8_t> sizes = std::vector<uint8_t>(kNumPieces);
    };
    class Output;

    static bool can_write(const GridView &grid);
    static void write_grid(const GridView &grid, Output *out);

    Pieces pieces_;
};

} // namespace codeit::text
