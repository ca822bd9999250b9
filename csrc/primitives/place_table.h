// The working sets of `objects`: simulated CPython tables of places inside one grid. They hold
// places themselves, not values, and are reused from round to round.
#pragma once

#include "core/packed_table.h"

namespace codeit {

struct Place {
    int32_t i;
    int32_t j;

    bool operator==(const Place &) const = default;
    uint64_t hash() const {
        constexpr int32_t kEnd = CoordinateHashes::kEnd;
        bool is_near = i >= -1 && i < kEnd && j >= -1 && j < kEnd;
        return is_near ? kCoordinateHashes.of_pair(i, j) : hashing::of_pair(i, j);
    }
};

// Row INT32_MIN marks a slot that is free.
inline constexpr Place kFreePlace = {INT32_MIN, 0};
inline bool is_free(Place place) {
    return place.i == INT32_MIN;
}

// At most 8 distinct places, added one by one (GEN).
class SmallPlaceTable {
  public:
    SmallPlaceTable() {
        for (Place &slot : slots_) slot = kFreePlace;
    }

    // The place must be new.
    void add(Place place) {
        put(slots_, mask_, place);
        if (++size_ == kGrowsAt && mask_ != kLargeMask) grow();
    }

    // Lays the places out in 32 slots.
    void grow();

    uint32_t size() const { return size_; }
    uint32_t mask() const { return mask_; }
    const Place *slots() const { return slots_; }

  private:
    static constexpr uint32_t kGrowsAt = 5;
    static constexpr uint32_t kLargeMask = 31;

    static void put(Place *slots, uint32_t mask, Place place) {
        table_rules::probe(mask, place.hash(), [&](uint32_t at) {
            if (!is_free(slots[at])) return false;
            slots[at] = place;
            return true;
        });
    }

    Place slots_[kLargeMask + 1];
    uint32_t mask_ = 7;
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

inline NeighborOrder neighbors_in_order(Place place, bool diagonal) {
    return {place, diagonal};
}

// The 4 or 8 places around one, all of them inside a grid, as a SmallPlaceTable to which they were
// added in the iteration order of dneighbors or neighbors.
struct Surroundings {
    uint32_t size;
    uint32_t mask;
    int8_t steps[8][2]; // in slot order
    uint8_t slots[8];
};

// The surroundings of a place with coordinates below kMaxSide, worked out once.
class SurroundingsTable {
  public:
    static constexpr int32_t kMaxSide = 32;

    static const Surroundings &of(Place place, bool diagonal) {
        static const SurroundingsTable table;
        return table.entries_[diagonal][place.i][place.j];
    }

  private:
    SurroundingsTable();

    Surroundings entries_[2][kMaxSide][kMaxSide];
};

// A table of any size, in scratch memory: use it inside a ScratchScope.
class PlaceTable {
  public:
    explicit PlaceTable(Machine &m) : m_(m) {}

    class Iterator {
      public:
        Iterator(const Place *at, const Place *end) : at_(at), end_(end) { skip(); }
        Place operator*() const { return *at_; }
        Iterator &operator++() {
            ++at_;
            skip();
            return *this;
        }
        bool operator!=(const Iterator &other) const { return at_ != other.at_; }

      private:
        void skip() {
            while (at_ != end_ && at_->i < 0) ++at_; // free or removed
        }
        const Place *at_;
        const Place *end_;
    };
    Iterator begin() const { return {slots_, slots_ + mask_ + 1}; }
    Iterator end() const { return {slots_ + mask_ + 1, slots_ + mask_ + 1}; }
    uint32_t size() const { return size_; }

    Outcome clear();
    Outcome add(Place place);

    // MERGE of a set built by adding.
    Outcome merge(const SmallPlaceTable &other);
    Outcome merge(const Surroundings &other, Place center);

    // SUB(a, b) for a set b of which only its size and its members are known.
    template <typename IsInB>
    Outcome assign_difference(const PlaceTable &a, size_t size_of_b, IsInB is_in_b) {
        if (a.size_ >> 2 <= size_of_b) {
            TRY(clear());
            for (Place place : a) {
                if (!is_in_b(place)) TRY(add(place));
            }
            return Outcome::ok;
        }
        TRY(assign_copy(a));
        for (uint32_t at = 0; at <= mask_; ++at) {
            if (slots_[at].i >= 0 && is_in_b(slots_[at])) {
                slots_[at] = kRemovedPlace;
                --size_;
            }
        }
        if (fill_ - size_ > mask_ >> 2) return resize(table_rules::grown(size_));
        return Outcome::ok;
    }

  private:
    static constexpr Place kRemovedPlace = {-1, 0};

    Outcome assign_copy(const PlaceTable &other);
    Outcome resize(uint64_t more_than);
    Outcome make_room(uint32_t mask);
    void put_new(Place place);

    Machine &m_;
    Place *slots_ = nullptr;
    Place *spare_ = nullptr; // where resize lays the slots out; as large as slots_
    uint32_t capacity_ = 0;
    uint32_t mask_ = 7;
    uint32_t size_ = 0;
    uint32_t fill_ = 0;
};

} // namespace codeit
