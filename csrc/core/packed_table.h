// Hash tables of packed sets. A slot is 0 where it is empty, kDummyCode, or 1 + the code of a place
// in the box of the set's bits: 128 times its row, plus its column.
#pragma once

#include "core/set.h"
#include "core/table_rules.h"

namespace codeit {

inline constexpr uint16_t kEmptyCode = 0;
inline constexpr uint16_t kDummyCode = UINT16_MAX;
inline constexpr int kCodeShift = 7;
inline constexpr int32_t kCodeMask = (1 << kCodeShift) - 1;
static_assert(Bitmap::kMaxWidth == 1 << kCodeShift);
static_assert(Bitmap::kMaxHeight * Bitmap::kMaxWidth < UINT16_MAX);

inline bool is_live(uint16_t slot) {
    return slot != kEmptyCode && slot != kDummyCode;
}

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

// Calls visit(i, j) for the elements of a packed set that is laid out, in iteration order.
template <typename Visit>
inline Outcome for_each_in_order(const Set &set, Visit visit) {
    const Bitmap &box = set.patch.bits;
    for (uint32_t at = 0; at <= set.mask; ++at) {
        uint16_t slot = set.codes[at];
        if (!is_live(slot)) continue;
        TRY(visit(box.top + ((slot - 1) >> kCodeShift), box.left + ((slot - 1) & kCodeMask)));
    }
    return Outcome::ok;
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
        uint64_t sum = rows[i - kFirst] + columns[j - kFirst];
        return hashing::finish_tuple(std::rotl(sum, 31) * hashing::kPrime1, 2);
    }
};
extern const CoordinateHashes kCoordinateHashes;

// The hashes of the elements of a packed set, by slot.
class PackedHashes {
  public:
    explicit PackedHashes(const Set &set);

    uint64_t operator()(uint16_t slot) const {
        int32_t row = (slot - 1) >> kCodeShift;
        int32_t column = (slot - 1) & kCodeMask;
        uint64_t hash =
            rows_ != nullptr
                ? hashing::finish_tuple(
                      std::rotl(rows_[row] + columns_[column], 31) * hashing::kPrime1, 2)
                : hashing::of_pair(patch_.bits.top + row, patch_.bits.left + column);
        if (!has_cells_) return hash;
        uint64_t color_part = color_part_;
        if (patch_.colors != nullptr) {
            int32_t color = patch_.colors[int64_t{row} * patch_.stride + column];
            color_part = hashing::add_item(hashing::kPrime5, hashing::of_small_int(color));
        }
        return hashing::finish_tuple(hashing::add_item(color_part, hash), 2);
    }

  private:
    const Patch &patch_;
    bool has_cells_;
    uint64_t color_part_;     // of the hash of a cell, where all have one color
    const uint64_t *rows_;    // the parts of the hashes of places by row and column of the box;
    const uint64_t *columns_; // nullptr where they are not tabulated
};

// The table of a packed set under construction. The set's size must be that of the finished table.
class PackedTable {
  public:
    PackedTable(Machine &m, Set *set) : m_(m), set_(set), hash_of_(*set) {}

    Outcome start() { return allocate(7); }

    // ADD of a place that is not in the table yet.
    Outcome add(uint16_t slot) {
        put(slot);
        ++used_;
        ++fill_;
        if (table_rules::is_crowded(fill_, mask_)) return resize(table_rules::grown(used_));
        return Outcome::ok;
    }

    // COPY of a laid out set whose box lies in this one; for the first elements.
    Outcome copy(const Set &source);

    // Room for `count` more, as MERGE makes it.
    Outcome make_room(uint32_t count) {
        if (!table_rules::is_crowded(uint64_t{fill_} + count, mask_)) return Outcome::ok;
        return resize((uint64_t{used_} + count) * 2);
    }

    // Gives the table to the set.
    void finish();

  private:
    void put(uint16_t slot) {
        table_rules::probe(mask_, hash_of_(slot), [&](uint32_t at) {
            if (slots_[at] != kEmptyCode) return false;
            slots_[at] = slot;
            return true;
        });
    }
    Outcome allocate(uint32_t mask);
    Outcome resize(uint64_t more_than);

    Machine &m_;
    Set *set_;
    PackedHashes hash_of_;
    uint16_t *slots_ = nullptr;
    uint32_t mask_ = 7;
    uint32_t used_ = 0;
    uint32_t fill_ = 0;
};

} // namespace codeit
