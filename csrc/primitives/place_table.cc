#include "primitives/place_table.h"

#include <algorithm>
#include <cstring>

namespace codeit {

using table_rules::grown;
using table_rules::is_crowded;
using table_rules::mask_above;
using table_rules::probe;

void SmallPlaceTable::grow() {
    Place old[8];
    std::copy_n(slots_, 8, old);
    std::fill_n(slots_, kLargeMask + 1, kFreePlace);
    mask_ = kLargeMask;
    for (Place place : old) {
        if (!is_free(place)) put(slots_, mask_, place);
    }
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
        for (uint32_t at = 0; at <= across.mask(); ++at) {
            if (!is_free(across.slots()[at])) table.add(across.slots()[at]);
        }
    }
    for (uint32_t at = 0; at <= table.mask(); ++at) {
        if (!is_free(table.slots()[at])) places_[size_++] = table.slots()[at];
    }
}

SurroundingsTable::SurroundingsTable() {
    for (int diagonal = 0; diagonal < 2; ++diagonal) {
        for (int32_t i = 0; i < kMaxSide; ++i) {
            for (int32_t j = 0; j < kMaxSide; ++j) {
                SmallPlaceTable around;
                for (Place neighbor : neighbors_in_order({i, j}, diagonal != 0)) {
                    around.add(neighbor);
                }
                Surroundings &entry = entries_[diagonal][i][j];
                entry = {around.size(), around.mask(), {}, {}};
                uint32_t k = 0;
                for (uint32_t at = 0; at <= around.mask(); ++at) {
                    Place place = around.slots()[at];
                    if (is_free(place)) continue;
                    entry.steps[k][0] = static_cast<int8_t>(place.i - i);
                    entry.steps[k][1] = static_cast<int8_t>(place.j - j);
                    entry.slots[k++] = static_cast<uint8_t>(at);
                }
            }
        }
    }
}

Outcome PlaceTable::make_room(uint32_t mask) {
    if (mask < capacity_) return Outcome::ok;
    uint32_t capacity = mask + 1;
    Place *slots;
    TRY(m_.allocate_scratch(capacity, &slots));
    TRY(m_.allocate_scratch(capacity, &spare_));
    if (capacity_ != 0) std::memcpy(slots, slots_, (size_t{mask_} + 1) * sizeof(Place));
    slots_ = slots;
    capacity_ = capacity;
    return Outcome::ok;
}

Outcome PlaceTable::clear() {
    TRY(make_room(7));
    mask_ = 7;
    size_ = fill_ = 0;
    std::fill_n(slots_, 8, kFreePlace);
    return Outcome::ok;
}

void PlaceTable::put_new(Place place) {
    probe(mask_, place.hash(), [&](uint32_t at) {
        if (!is_free(slots_[at])) return false;
        slots_[at] = place;
        return true;
    });
}

Outcome PlaceTable::resize(uint64_t more_than) {
    uint32_t mask = mask_above(more_than);
    if (mask == 7 && mask_ == 7 && fill_ == size_) return Outcome::ok;
    TRY(make_room(mask));
    std::swap(slots_, spare_);
    const Place *old = spare_;
    uint32_t old_mask = mask_;
    mask_ = mask;
    std::fill_n(slots_, size_t{mask} + 1, kFreePlace);
    for (uint32_t at = 0; at <= old_mask; ++at) {
        if (old[at].i >= 0) put_new(old[at]);
    }
    fill_ = size_;
    return Outcome::ok;
}

Outcome PlaceTable::add(Place place) {
    bool is_new = false;
    probe(mask_, place.hash(), [&](uint32_t at) {
        if (slots_[at] == place) return true;
        if (!is_free(slots_[at])) return false;
        slots_[at] = place;
        is_new = true;
        return true;
    });
    if (!is_new) return Outcome::ok;
    ++size_;
    if (is_crowded(++fill_, mask_)) return resize(grown(size_));
    return Outcome::ok;
}

Outcome PlaceTable::merge(const SmallPlaceTable &other) {
    if (other.size() == 0) return Outcome::ok;
    if (is_crowded(uint64_t{fill_} + other.size(), mask_)) {
        TRY(resize((uint64_t{size_} + other.size()) * 2));
    }
    if (fill_ == 0 && mask_ == other.mask()) {
        std::copy_n(other.slots(), size_t{mask_} + 1, slots_);
        size_ = fill_ = other.size();
        return Outcome::ok;
    }
    for (uint32_t at = 0; at <= other.mask(); ++at) {
        if (!is_free(other.slots()[at])) TRY(add(other.slots()[at]));
    }
    return Outcome::ok;
}

Outcome PlaceTable::merge(const Surroundings &other, Place center) {
    if (is_crowded(uint64_t{fill_} + other.size, mask_)) {
        TRY(resize((uint64_t{size_} + other.size) * 2));
    }
    bool is_verbatim = fill_ == 0 && mask_ == other.mask;
    for (uint32_t k = 0; k < other.size; ++k) {
        Place place = {center.i + other.steps[k][0], center.j + other.steps[k][1]};
        if (is_verbatim) {
            slots_[other.slots[k]] = place;
        } else {
            TRY(add(place));
        }
    }
    if (is_verbatim) size_ = fill_ = other.size;
    return Outcome::ok;
}

// COPY
Outcome PlaceTable::assign_copy(const PlaceTable &other) {
    TRY(clear());
    if (is_crowded(other.size_, mask_)) TRY(resize(uint64_t{other.size_} * 2));
    if (mask_ == other.mask_ && other.fill_ == other.size_) {
        std::copy_n(other.slots_, size_t{mask_} + 1, slots_);
    } else {
        for (Place place : other) put_new(place);
    }
    size_ = fill_ = other.size_;
    return Outcome::ok;
}

} // namespace codeit
