// The working sets of `objects`: simulated CPython tables of places inside one grid (see
// primitives/flood.h). They hold numbers that stand for places, and are reused from round to round.
//
// Unlike the tables of core they change after they are built: `next` and `candidates` change places
// each round, and SUB leaves dummies. A number is a row, shifted, and a column, so that a neighbor
// is a constant step away. Which places are in a table is known to the caller (flood keeps bits),
// so that nothing is ever looked up: a place that is added is new.
#pragma once

#include "core/packed_table.h"

namespace codeit {

struct Place {
    int32_t i;
    int32_t j;

    bool operator==(const Place &) const = default;
    uint64_t hash() const {
        return PlaceHashes::have({i, j, 1, 1}) ? *kPlaceHashes.at(i, j) : hashing::of_pair(i, j);
    }
};

// Numbers for the places of a grid: the row, shifted, and the column.
class PlaceNumbers {
  public:
    PlaceNumbers(int64_t height, int64_t width)
        : height_(height), width_(width), shift_(std::bit_width(static_cast<uint64_t>(width - 1))) {
    }

    bool fit() const { return (static_cast<uint64_t>(height_) << shift_) < UINT32_MAX - 1; }
    size_t count() const { return static_cast<size_t>(height_) << shift_; }

    uint32_t of(Place place) const {
        return (static_cast<uint32_t>(place.i) << shift_) + static_cast<uint32_t>(place.j);
    }
    Place place_of(uint32_t number) const {
        return {static_cast<int32_t>(number >> shift_),
                static_cast<int32_t>(number & ((uint32_t{1} << shift_) - 1))};
    }
    // From a place to the one so many rows and columns further.
    uint32_t step(int32_t rows, int32_t columns) const {
        return (static_cast<uint32_t>(rows) << shift_) + static_cast<uint32_t>(columns);
    }

    bool contain(Place place) const {
        return place.i >= 0 && place.i < height_ && place.j >= 0 && place.j < width_;
    }
    bool contain_all_around(Place place) const {
        return place.i > 0 && place.i + 1 < height_ && place.j > 0 && place.j + 1 < width_;
    }

  private:
    int64_t height_;
    int64_t width_;
    int shift_;
};

// At most 8 distinct places, added one by one (GEN).
class SmallPlaceTable {
  public:
    SmallPlaceTable() { std::fill_n(used_, kSmallMask + 1, false); }

    // The place must be new.
    void add(Place place) {
        put(place);
        if (++size_ == kGrowsAt && mask_ != kLargeMask) grow();
    }

    // Lays the places out in 32 slots.
    void grow();

    uint32_t size() const { return size_; }
    uint32_t mask() const { return mask_; }

    // Calls visit(place, slot) in iteration order.
    template <typename Visit>
    void for_each(Visit visit) const {
        for (uint32_t at = 0; at <= mask_; ++at) {
            if (used_[at]) visit(slots_[at], at);
        }
    }

  private:
    static constexpr uint32_t kGrowsAt = 5;
    static constexpr uint32_t kSmallMask = 7;
    static constexpr uint32_t kLargeMask = 31;

    void put(Place place) {
        table_rules::probe(mask_, place.hash(), [&](uint32_t at) {
            if (used_[at]) return false;
            used_[at] = true;
            slots_[at] = place;
            return true;
        });
    }

    Place slots_[kLargeMask + 1];
    bool used_[kLargeMask + 1];
    uint32_t mask_ = kSmallMask;
    uint32_t size_ = 0;
};

// The 4 or 8 places around one, in the iteration order of dneighbors or neighbors.
class NeighborOrder {
  public:
    NeighborOrder(Place place, bool diagonal);
    const Place *begin() const { return places_; }
    const Place *end() const { return places_ + size_; }

  private:
    Place places_[8];
    uint32_t size_ = 0;
};

// The same for places with coordinates below kMaxSide, worked out once, as steps from the place;
// and where all of them are inside a grid, the table to which they are added in that order.
struct Surroundings {
    struct Step {
        int8_t rows;
        int8_t columns;
    };
    uint32_t size;
    uint32_t mask;
    Step neighbors[8];
    Step steps[8]; // in slot order
    uint8_t slots[8];
};

class SurroundingsTable {
  public:
    static constexpr int32_t kMaxSide = 64;

    static bool has(Place place) { return place.i < kMaxSide && place.j < kMaxSide; }
    static const Surroundings &of(Place place, bool diagonal) {
        static const SurroundingsTable table;
        return table.entries_[diagonal][place.i][place.j];
    }

  private:
    SurroundingsTable();

    Surroundings entries_[2][kMaxSide][kMaxSide];
};

// A table of any size, in scratch memory: use it inside a ScratchScope. A slot is 1 + a number.
class PlaceTable {
  public:
    PlaceTable(Machine &m, const PlaceNumbers &numbers) : m_(m), numbers_(numbers) {}

    uint32_t size() const { return size_; }

    Outcome clear();

    // Room for `count` more, as MERGE makes it.
    Outcome make_room(uint32_t count) {
        uint64_t fill = uint64_t{fill_} + count;
        if (!table_rules::is_crowded(fill, mask_)) return Outcome::ok;
        return resize((uint64_t{size_} + count) * 2);
    }

    // Whether MERGE of a table of so many slots copies them.
    bool takes_slots(uint32_t mask) const { return fill_ == 0 && mask_ == mask; }
    void put_at(uint32_t at, uint32_t number) {
        slots_[at] = number + 1;
        fill_ = ++size_;
    }

    // ADD of a place that is not in the table yet.
    Outcome add(uint32_t number) {
        put(number + 1);
        ++size_;
        if (table_rules::is_crowded(++fill_, mask_)) return resize(table_rules::grown(size_));
        return Outcome::ok;
    }

    // Calls visit(number) in iteration order; visit returns Outcome.
    template <typename Visit>
    Outcome for_each(Visit visit) const {
        return for_each_slot(slots_, mask_,
                             [&](uint32_t slot, uint32_t) { return visit(slot - 1); });
    }

    // SUB(a, b) for a set b of which only its size and its members are known. is_in_b(number) is
    // asked once for each place of a.
    template <typename IsInB>
    Outcome assign_difference(const PlaceTable &a, size_t size_of_b, IsInB is_in_b) {
        if (a.size_ >> 2 <= size_of_b) {
            TRY(clear());
            return a.for_each(
                [&](uint32_t number) { return is_in_b(number) ? Outcome::ok : add(number); });
        }
        TRY(assign_copy(a));
        for_each_slot(slots_, mask_, [&](uint32_t slot, uint32_t at) {
            if (!is_in_b(slot - 1)) return;
            slots_[at] = Set::kDummySlot;
            --size_;
        });
        if (fill_ - size_ > mask_ >> 2) return resize(table_rules::grown(size_));
        return Outcome::ok;
    }

  private:
    Outcome assign_copy(const PlaceTable &other);
    Outcome resize(uint64_t more_than);
    Outcome reserve(uint32_t mask);
    void put(uint32_t slot) {
        table_rules::probe(mask_, numbers_.place_of(slot - 1).hash(), [&](uint32_t at) {
            if (slots_[at] != 0) return false;
            slots_[at] = slot;
            return true;
        });
    }

    Machine &m_;
    const PlaceNumbers &numbers_;
    uint32_t *slots_ = nullptr;
    uint32_t *spare_ = nullptr; // where resize lays the slots out; as large as slots_
    uint32_t capacity_ = 0;
    uint32_t mask_ = 7;
    uint32_t size_ = 0;
    uint32_t fill_ = 0;
};

} // namespace codeit
