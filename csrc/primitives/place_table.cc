#include "primitives/place_table.h"

#include <algorithm>
#include <cstring>

namespace codeit {

void SmallPlaceTable::grow() {
    Place places[kSmallMask + 1];
    uint32_t count = 0;
    for_each([&](Place place, uint32_t) { places[count++] = place; });
    std::fill_n(used_, kLargeMask + 1, false);
    mask_ = kLargeMask;
    for (uint32_t k = 0; k < count; ++k) put(places[k]);
}

NeighborOrder::NeighborOrder(Place place, bool diagonal) {
    const auto [i, j] = place;
    SmallPlaceTable table;
    for (Place beside : {Place{i - 1, j}, {i + 1, j}, {i, j - 1}, {i, j + 1}}) table.add(beside);
    if (diagonal) {
        // OR of two sets of four: the first is laid out anew in a table that has room for both.
        SmallPlaceTable across;
        for (Place corner : {Place{i - 1, j - 1}, {i - 1, j + 1}, {i + 1, j - 1}, {i + 1, j + 1}}) {
            across.add(corner);
        }
        table.grow();
        across.for_each([&](Place corner, uint32_t) { table.add(corner); });
    }
    table.for_each([&](Place neighbor, uint32_t) { places_[size_++] = neighbor; });
}

SurroundingsTable::SurroundingsTable() {
    auto step_to = [](Place from, Place to) {
        return Surroundings::Step{static_cast<int8_t>(to.i - from.i),
                                  static_cast<int8_t>(to.j - from.j)};
    };
    for (int diagonal = 0; diagonal < 2; ++diagonal) {
        for (int32_t i = 0; i < kMaxSide; ++i) {
            for (int32_t j = 0; j < kMaxSide; ++j) {
                Place center = {i, j};
                Surroundings &entry = entries_[diagonal][i][j];
                entry = {};
                SmallPlaceTable around;
                for (Place neighbor : NeighborOrder(center, diagonal != 0)) {
                    entry.neighbors[entry.size++] = step_to(center, neighbor);
                    around.add(neighbor);
                }
                entry.mask = around.mask();
                uint32_t k = 0;
                around.for_each([&](Place place, uint32_t at) {
                    entry.steps[k] = step_to(center, place);
                    entry.slots[k++] = static_cast<uint8_t>(at);
                });
            }
        }
    }
}

Outcome PlaceTable::reserve(uint32_t mask) {
    if (mask < capacity_) return Outcome::ok;
    // Two arrays of one size: resize() moves from one to the other, and none is given back before
    // the scratch scope ends.
    const size_t capacity = size_t{mask} + 1;
    uint32_t *slots;
    TRY(m_.allocate_scratch(capacity, &slots));
    TRY(m_.allocate_scratch(capacity, &spare_));
    if (capacity_ != 0) std::memcpy(slots, slots_, (size_t{mask_} + 1) * sizeof(uint32_t));
    slots_ = slots;
    capacity_ = static_cast<uint32_t>(capacity);
    return Outcome::ok;
}

Outcome PlaceTable::clear() {
    TRY(reserve(7));
    mask_ = 7;
    size_ = fill_ = 0;
    std::fill_n(slots_, 8, 0);
    return Outcome::ok;
}

Outcome PlaceTable::resize(uint64_t more_than) {
    uint32_t mask = table_rules::mask_above(more_than);
    if (mask == 7 && mask_ == 7 && fill_ == size_) return Outcome::ok;
    TRY(reserve(mask));
    std::swap(slots_, spare_);
    uint32_t old_mask = mask_;
    mask_ = mask;
    std::fill_n(slots_, size_t{mask} + 1, 0);
    for_each_slot(spare_, old_mask, [&](uint32_t slot, uint32_t) { put(slot); });
    fill_ = size_;
    return Outcome::ok;
}

// COPY
Outcome PlaceTable::assign_copy(const PlaceTable &other) {
    TRY(clear());
    if (table_rules::is_crowded(other.size_, mask_)) TRY(resize(uint64_t{other.size_} * 2));
    if (mask_ == other.mask_ && other.fill_ == other.size_) {
        std::copy_n(other.slots_, size_t{mask_} + 1, slots_);
    } else {
        for_each_slot(other.slots_, other.mask_, [&](uint32_t slot, uint32_t) { put(slot); });
    }
    size_ = fill_ = other.size_;
    return Outcome::ok;
}

} // namespace codeit
