// Hash tables of packed sets. A slot is 0 where it is empty, kDummyCode, or 1 + the code of a place
// in the box of the set's bits: 128 times its row, plus its column.
#pragma once

#include "core/set.h"
#include "core/slots.h"
#include "core/table_rules.h"

namespace codeit {

inline constexpr uint16_t kEmptyCode = 0;
inline constexpr uint16_t kDummyCode = UINT16_MAX;
inline constexpr int kCodeShift = 7;
inline constexpr int32_t kCodeMask = (1 << kCodeShift) - 1;
static_assert(Bitmap::kMaxWidth == 1 << kCodeShift);
static_assert(Bitmap::kMaxHeight * Bitmap::kMaxWidth < UINT16_MAX);

// The slot of a place that lies in the box.
inline uint16_t slot_of(const Bitmap &box, int64_t i, int64_t j) {
    return static_cast<uint16_t>(((i - box.top) << kCodeShift) + (j - box.left) + 1);
}

inline Value element_of(const Set &set, uint16_t slot) {
    const Patch &patch = set.patch;
    int32_t i = patch.bits.top + ((slot - 1) >> kCodeShift);
    int32_t j = patch.bits.left + ((slot - 1) & kCodeMask);
    return set.holds_only(Kind::pair) ? Value::pair(i, j) : Value::cell(patch.color_at(i, j), i, j);
}

// Calls visit(i, j) for the elements of a packed set that is laid out, in iteration order; visit
// may return Outcome, then so does this.
template <typename Visit>
inline auto for_each_in_order(const Set &set, Visit visit) {
    const Bitmap &box = set.patch.bits;
    return for_each_slot(set.codes, set.mask, [&](uint16_t slot, uint32_t) {
        return visit(box.top + ((slot - 1) >> kCodeShift), box.left + ((slot - 1) & kCodeMask));
    });
}

// The parts of the hashes of places that depend on one coordinate, for those that occur.
struct CoordinateHashes {
    static constexpr int32_t kFirst = -64;
    static constexpr int32_t kCount = 256;
    static constexpr int32_t kEnd = kFirst + kCount;
    uint64_t rows[kCount];
    uint64_t columns[kCount];

    constexpr CoordinateHashes();

    // Both in [kFirst, kEnd).
    uint64_t of_pair(int32_t i, int32_t j) const {
        return hashing::of_parts(rows[i - kFirst], columns[j - kFirst]);
    }
};
extern const CoordinateHashes kCoordinateHashes;

// What the color of a cell adds to its hash, by the color as uint8_t.
struct ColorHashes {
    uint64_t parts[256];

    constexpr ColorHashes();
};
extern const ColorHashes kColorHashes;

// The hashes of the elements of a packed set, by slot.
class PackedHashes {
  public:
    explicit PackedHashes(const Set &set);
    PackedHashes(const PackedHashes &) = delete;
    PackedHashes &operator=(const PackedHashes &) = delete;

    // use(hash_of), where hash_of(slot) is the hash of an element. What the elements are is decided
    // once for all of them.
    template <typename Use>
    auto with(Use use) const {
        auto of_place = [rows = rows_, columns = columns_](uint32_t slot) {
            return hashing::of_parts(rows[(slot - 1) >> kCodeShift],
                                     columns[(slot - 1) & kCodeMask]);
        };
        if (!has_cells_) return use(of_place);
        if (colors_ == nullptr) {
            return use([of_place, color = color_part_](uint32_t slot) {
                return hashing::with_color(color, of_place(slot));
            });
        }
        return use([of_place, colors = colors_, stride = stride_](uint32_t slot) {
            uint32_t row = (slot - 1) >> kCodeShift;
            int8_t color = colors[int64_t{row} * stride + ((slot - 1) & kCodeMask)];
            return hashing::with_color(kColorHashes.parts[static_cast<uint8_t>(color)],
                                       of_place(slot));
        });
    }

  private:
    void tabulate(const Bitmap &bits);

    bool has_cells_;
    int32_t stride_;
    const int8_t *colors_; // nullptr where all cells have one color
    uint64_t color_part_;  // of the hash of a cell then
    const uint64_t *rows_; // the parts of the hashes of places, by row and column of the box
    const uint64_t *columns_;
    uint64_t own_rows_[Bitmap::kMaxHeight]; // where they are not among kCoordinateHashes
    uint64_t own_columns_[Bitmap::kMaxWidth];
};

// The table of a union that has no bits; a set that adds nothing to it needs no order.
Outcome lay_out_scattered(Machine &m, const Items &sets, Set *set);

} // namespace codeit
