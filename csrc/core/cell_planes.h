// Cells of a wide window as bits, two colors at one place among them.
#pragma once

#include "core/bitmap.h"

namespace codeit {

// One plane of bits for each color that occurs, for as long as the scratch scope around it lives.
// Places count as cells of color 0.
class CellPlanes {
  public:
    CellPlanes(Machine &m, const Window &window)
        : m_(m), window_(window), stride_(window.width / 64 + 3) {}

    uint64_t words() const {
        return static_cast<uint64_t>(window_.height) * static_cast<uint64_t>(stride_);
    }

    // The plane of a color of 8 bits, made and charged for when it first occurs.
    Outcome plane_of(int32_t color, uint64_t **out) {
        uint64_t *&plane = planes_[static_cast<uint8_t>(color)];
        if (plane == nullptr) {
            TRY(m_.charge(words()));
            TRY(m_.allocate_scratch(words(), &plane));
            std::memset(plane, 0, words() * sizeof(uint64_t));
        }
        *out = plane;
        return Outcome::ok;
    }

    // Bit k is the place (i, j + k), which must lie in the window where it is asked for.
    Row read(const uint64_t *plane, int64_t i, int64_t j) const {
        const uint64_t *at = plane + word_of(i, j);
        int by = bit_of(j);
        Row low = Row{at[1]} << 64 | at[0];
        return by == 0 ? low : low >> by | Row{at[2]} << (128 - by);
    }
    void mark(uint64_t *plane, int64_t i, int64_t j, Row places) const {
        uint64_t *at = plane + word_of(i, j);
        int by = bit_of(j);
        at[0] |= low_half(places << by);
        at[1] |= high_half(places << by);
        if (by != 0) at[2] |= low_half(places >> (128 - by));
    }

    // Marks one place; false when it was marked before.
    bool mark_new(uint64_t *plane, int64_t i, int64_t j) const {
        uint64_t &word = plane[word_of(i, j)];
        uint64_t bit = uint64_t{1} << bit_of(j);
        bool is_new = (word & bit) == 0;
        word |= bit;
        return is_new;
    }

    // Calls visit(color, i, j) for every marked cell; the colors as int8_t, row by row for each.
    template <typename Visit>
    void for_each(Visit visit) const {
        for (int color = 0; color < kNumColors; ++color) {
            const uint64_t *word = planes_[color];
            if (word == nullptr) continue;
            for (int64_t i = window_.top; i < window_.top + window_.height; ++i) {
                for (int64_t k = 0; k < stride_; ++k) {
                    for (uint64_t bits = *word++; bits != 0; bits &= bits - 1) {
                        visit(static_cast<int8_t>(color), i,
                              window_.left + k * 64 + std::countr_zero(bits));
                    }
                }
            }
        }
    }
    size_t count() const {
        size_t count = 0;
        for (const uint64_t *plane : planes_) {
            for (uint64_t k = 0; plane != nullptr && k < words(); ++k)
                count += count_bits(plane[k]);
        }
        return count;
    }

  private:
    static constexpr int kNumColors = 256;

    int64_t word_of(int64_t i, int64_t j) const {
        return (i - window_.top) * stride_ + (j - window_.left) / 64;
    }
    int bit_of(int64_t j) const { return static_cast<int>((j - window_.left) % 64); }

    Machine &m_;
    Window window_;
    int64_t stride_; // words of a row, two of which a row of places may reach over
    uint64_t *planes_[kNumColors] = {};
};

} // namespace codeit
