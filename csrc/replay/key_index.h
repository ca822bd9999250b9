// Where in the buffer an experience is: an open-addressing table from key to slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "replay/key.h"

namespace codeit::replay {

// Invariant: the number of cells is a power of two; at most 5/8 of them are full; a key's cell lies
// at its home (tag modulo the number of cells) or after it with no empty cell in between. Erasing
// moves later cells back instead of leaving a tombstone, so that a table never wears out.
// 8 bytes a cell: 13 to 26 bytes an experience.
class KeyIndex {
  public:
    static constexpr uint32_t kAbsent = UINT32_MAX;

    KeyIndex() : cells_(kMinCells, kEmpty) {}

    // The slot of `key`, or kAbsent. `has_key(slot)` compares the whole key.
    template <class HasKey>
    uint32_t find(const Key &key, HasKey has_key) const {
        uint32_t tag = tag_of(key);
        for (size_t at = tag & mask();; at = (at + 1) & mask()) {
            const Cell &cell = cells_[at];
            if (cell.slot == kAbsent) return kAbsent;
            if (cell.tag == tag && has_key(cell.slot)) return cell.slot;
        }
    }

    void prefetch(const Key &key) const { __builtin_prefetch(&cells_[tag_of(key) & mask()]); }

    // Makes room for one more key; when this throws, nothing has changed.
    void reserve_one() {
        if ((num_full_ + 1) * 8 > cells_.size() * 5) grow();
    }

    // `key` is absent and room for it is reserved.
    void insert(const Key &key, uint32_t slot) {
        place(cells_, {tag_of(key), slot});
        ++num_full_;
    }

    // `key` is present with this slot.
    void erase(const Key &key, uint32_t slot) {
        size_t hole = locate(key, slot);
        for (size_t at = (hole + 1) & mask(); cells_[at].slot != kAbsent; at = (at + 1) & mask()) {
            size_t distance_from_home = (at - cells_[at].tag) & mask();
            if (distance_from_home < ((at - hole) & mask())) continue;
            cells_[hole] = cells_[at];
            hole = at;
        }
        cells_[hole] = kEmpty;
        --num_full_;
    }

    size_t num_bytes() const { return cells_.capacity() * sizeof(Cell); }

  private:
    struct Cell {
        uint32_t tag;
        uint32_t slot;
    };

    static constexpr size_t kMinCells = 16;
    static constexpr Cell kEmpty = {0, kAbsent};

    static uint32_t tag_of(const Key &key) { return static_cast<uint32_t>(key.high); }
    size_t mask() const { return cells_.size() - 1; }

    // Slots are distinct, so a slot names its cell without a look at the whole key.
    size_t locate(const Key &key, uint32_t slot) const {
        size_t at = tag_of(key) & mask();
        while (cells_[at].slot != slot) at = (at + 1) & mask();
        return at;
    }

    static void place(std::vector<Cell> &cells, Cell cell) {
        size_t mask = cells.size() - 1;
        size_t at = cell.tag & mask;
        while (cells[at].slot != kAbsent) at = (at + 1) & mask;
        cells[at] = cell;
    }

    void grow() {
        std::vector<Cell> cells(cells_.size() * 2, kEmpty);
        for (const Cell &cell : cells_)
            if (cell.slot != kAbsent) place(cells, cell);
        cells_.swap(cells);
    }

    std::vector<Cell> cells_;
    size_t num_full_ = 0;
};

} // namespace codeit::replay
