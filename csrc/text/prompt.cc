#include "text/prompt.h"

#include <algorithm>
#include <cstring>

namespace codeit::text {
namespace {

constexpr size_t kNumPlaces = kMaxGridSide * kMaxGridSide;
constexpr size_t kSizes = 0;
constexpr size_t kBackgrounds = kSizes + kNumPlaces;
constexpr size_t kColors = kBackgrounds + kNumColors;
constexpr size_t kFirstPlaces = kColors + kNumColors;
constexpr size_t kPlaces = kFirstPlaces + kNumPlaces;
constexpr size_t kSeparator = kPlaces + kNumPlaces;

} // namespace

class PromptWriter::Output {
  public:
    Output(const Pieces &pieces, size_t max_ids, uint16_t *out)
        : pieces_(pieces.pieces.data()), sizes_(pieces.sizes.data()), begin_(out), at_(out),
          end_(out + max_ids) {}

    bool is_full() const { return at_ >= end_; }
    size_t size() const { return static_cast<size_t>(std::min(at_, end_) - begin_); }
    void add(size_t piece) {
        std::memcpy(at_, &pieces_[piece], sizeof(Piece));
        at_ += sizes_[piece];
    }

  private:
    const Piece *pieces_;
    const uint8_t *sizes_;
    uint16_t *begin_;
    uint16_t *at_;
    uint16_t *end_;
};

bool PromptWriter::set_pieces(const std::vector<std::vector<uint16_t>> &pieces) {
    if (pieces.size() != kNumPieces) return false;
    for (size_t k = 0; k < kNumPieces; ++k) {
        if (pieces[k].size() > kMaxPiece) return false;
        std::copy(pieces[k].begin(), pieces[k].end(), pieces_.pieces[k].ids.begin());
        pieces_.sizes[k] = static_cast<uint8_t>(pieces[k].size());
    }
    return true;
}

bool PromptWriter::can_write(const GridView &grid) {
    if (grid.height < 1 || grid.height > kMaxGridSide || grid.width < 1 ||
        grid.width > kMaxGridSide) {
        return false;
    }
    uint8_t largest = 0;
    for (size_t k = 0; k < grid.height * grid.width; ++k) {
        largest = std::max(largest, grid.cells[k]);
    }
    return largest < kNumColors;
}

bool PromptWriter::write(std::span<const uint16_t> opening, const std::vector<GridView> &grids,
                         size_t max_ids, std::vector<uint16_t> *out) const {
    constexpr size_t kPiecesBesideCells = 12; // of a grid: nine colors, size, background, separator
    constexpr size_t kBeyond = 3;             // pieces are added until there are enough ids
    if (!std::all_of(grids.begin(), grids.end(), can_write)) return false;
    opening = opening.first(std::min(opening.size(), max_ids));
    max_ids -= opening.size();
    size_t num_pieces = 0;
    for (const GridView &grid : grids) num_pieces += grid.height * grid.width + kPiecesBesideCells;
    const size_t most = std::min(num_pieces * kMaxPiece, max_ids);
    out->resize(opening.size() + most + kBeyond * kMaxPiece);
    uint16_t *const begin = std::copy(opening.begin(), opening.end(), out->data());
    Output output(pieces_, most, begin);
    for (size_t k = 0; k < grids.size() && !output.is_full(); ++k) {
        if (k > 0) output.add(kSeparator);
        write_grid(grids[k], &output);
    }
    out->resize(opening.size() + output.size());
    return true;
}

void PromptWriter::write_grid(const GridView &grid, Output *out) {
    const size_t num_cells = grid.height * grid.width;
    std::array<uint16_t, kNumColors> counts{};
    for (size_t k = 0; k < num_cells; ++k) ++counts[grid.cells[k]];
    const size_t background =
        static_cast<size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin());

    // The places by color, each color's row by row: sorted by counting, in two passes over the
    // grid.
    std::array<uint16_t, kNumColors + 1> begins{};
    for (size_t c = 0; c < kNumColors; ++c) begins[c + 1] = begins[c] + counts[c];
    std::array<uint16_t, kNumColors> ends;
    std::copy_n(begins.begin(), kNumColors, ends.begin());
    std::array<uint16_t, kNumPlaces> places;
    const uint8_t *cell = grid.cells;
    for (size_t i = 0; i < grid.height; ++i) {
        for (size_t j = 0; j < grid.width; ++j) {
            places[ends[*cell++]++] = static_cast<uint16_t>(i * kMaxGridSide + j);
        }
    }

    out->add(kSizes + (grid.height - 1) * kMaxGridSide + grid.width - 1);
    out->add(kBackgrounds + background);
    for (size_t c = 0; c < kNumColors; ++c) {
        if (c == background || counts[c] == 0) continue;
        if (out->is_full()) return;
        out->add(kColors + c);
        out->add(kFirstPlaces + places[begins[c]]);
        for (size_t k = begins[c] + 1u; k < ends[c]; ++k) {
            if (out->is_full()) return;
            out->add(kPlaces + places[k]);
        }
    }
}

} // namespace codeit::text
