// The slots of hash tables: 0 where one is empty, all ones for a dummy; else live, and a number
// that stands for an element. It has 16 bits in tables of packed sets and 32 in others.
//
// To iterate a table is to find its live slots, of which at most three fifths hold elements: 16
// slots are looked at together and become a mask of bits. To build one is to insert elements that
// are known to be distinct, since sets know their elements before they are laid out: an insertion
// looks for an empty slot and compares nothing, and it is known beforehand after how many of them
// the table grows.
#pragma once

#include "core/machine.h"
#include "core/table_rules.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace codeit {

template <typename Slot>
inline bool is_live(Slot slot) {
    return slot != 0 && slot != static_cast<Slot>(-1);
}

// How many slots are looked at together.
inline constexpr uint32_t kSlotsAtOnce = 16;

#ifdef __SSE2__
READS_BEYOND inline __m128i load_slots(const void *from) {
    __m128i slots;
    __builtin_memcpy(&slots, from, sizeof slots);
    return slots;
}
#endif

// Bit k is set where slots[k] is live, for k < kSlotsAtOnce; a table of 8 has memory behind it.
template <typename Slot>
READS_BEYOND inline uint32_t live_among(const Slot *slots) {
#ifdef __SSE2__
    const __m128i empty = _mm_setzero_si128();
    const __m128i dummy = _mm_set1_epi8(-1);
    auto are_dead = [&](uint32_t k) {
        __m128i some = load_slots(slots + k);
        return sizeof(Slot) == 2
                   ? _mm_or_si128(_mm_cmpeq_epi16(some, empty), _mm_cmpeq_epi16(some, dummy))
                   : _mm_or_si128(_mm_cmpeq_epi32(some, empty), _mm_cmpeq_epi32(some, dummy));
    };
    __m128i dead;
    if constexpr (sizeof(Slot) == 2) {
        // Packing saturates: comparisons, which are 0 or -1, stay what they are in half the width.
        dead = _mm_packs_epi16(are_dead(0), are_dead(8));
    } else {
        dead = _mm_packs_epi16(_mm_packs_epi32(are_dead(0), are_dead(4)),
                               _mm_packs_epi32(are_dead(8), are_dead(12)));
    }
    return static_cast<uint32_t>(_mm_movemask_epi8(dead)) ^ 0xFFFF;
#else
    uint32_t live = 0;
    for (uint32_t k = 0; k < kSlotsAtOnce; ++k) live |= uint32_t{is_live(slots[k])} << k;
    return live;
#endif
}

// Calls visit(slot, position) for the live slots of a table, in iteration order; visit may return
// Outcome, then so does this.
template <typename Slot, typename Visit>
inline auto for_each_slot(const Slot *slots, uint32_t mask, Visit visit) {
    constexpr bool kMayFail = std::is_same_v<decltype(visit(Slot{0}, 0u)), Outcome>;
    // The smallest table has half as many slots as are looked at together.
    const uint32_t looked_at = mask == 7 ? 0xFF : 0xFFFF;
    for (uint32_t begin = 0; begin <= mask; begin += kSlotsAtOnce) {
        for (uint32_t live = live_among(slots + begin) & looked_at; live != 0; live &= live - 1) {
            uint32_t at = begin + static_cast<uint32_t>(std::countr_zero(live));
            if constexpr (kMayFail) {
                TRY(visit(slots[at], at));
            } else {
                visit(slots[at], at);
            }
        }
    }
    if constexpr (kMayFail) return Outcome::ok;
}

// The table of elements that are known to be distinct, under construction.
template <typename Slot>
class DistinctTable {
  public:
    explicit DistinctTable(Machine &m) : m_(m) {}

    // An empty table, or one with as many slots that is given elements by `put`.
    Outcome start(uint32_t mask = 7) {
        size_t count = size_t{mask} + 1;
        TRY(m_.allocate(count, &slots_));
        std::memset(slots_, 0, count * sizeof(Slot));
        mask_ = mask;
        crowded_ = table_rules::crowding_fill(mask);
        return Outcome::ok;
    }

    // ADD of elements in turn.
    template <typename HashOf>
    Outcome add(const Slot *elements, size_t count, HashOf hash_of) {
        while (count != 0) {
            // As many as the table takes before it is crowded; the last of them makes it grow.
            size_t some = std::min<size_t>(count, crowded_ - size_);
            put(elements, some, hash_of);
            elements += some;
            count -= some;
            if (size_ == crowded_) TRY(resize(table_rules::grown(size_), hash_of));
        }
        return Outcome::ok;
    }

    // The same where there is room for them.
    template <typename HashOf>
    void put(const Slot *elements, size_t count, HashOf hash_of) {
        Slot *slots = slots_;
        const uint32_t mask = mask_;
        for (size_t k = 0; k < count; ++k) {
            uint64_t hash = hash_of(elements[k]);
            auto home = static_cast<uint32_t>(hash) & mask;
            if (slots[home] == 0) {
                slots[home] = elements[k];
                continue;
            }
            table_rules::probe(mask, hash, [&](uint32_t at) {
                if (slots[at] != 0) return false;
                slots[at] = elements[k];
                return true;
            });
        }
        size_ += static_cast<uint32_t>(count);
    }

    // One whose slot in a table of as many slots is known.
    void put_at(uint32_t at, Slot element) {
        slots_[at] = element;
        ++size_;
    }

    // RESIZE
    template <typename HashOf>
    Outcome resize(uint64_t more_than, HashOf hash_of) {
        uint32_t mask = table_rules::mask_above(more_than);
        if (mask == 7 && mask_ == 7) return Outcome::ok;
        // The old table is not needed again. An element moves to where all slots have been visited.
        Slot *elements = slots_; // moved up in the old table
        uint32_t moved = 0;
        for_each_slot(slots_, mask_, [&](Slot slot, uint32_t) { elements[moved++] = slot; });
        size_t count = std::exchange(size_, 0);
        TRY(start(mask));
        put(elements, count, hash_of);
        return Outcome::ok;
    }

    Slot *slots() const { return slots_; }
    uint32_t mask() const { return mask_; }
    uint32_t size() const { return size_; }

  private:
    Machine &m_;
    Slot *slots_ = nullptr;
    uint32_t mask_ = 7;
    uint32_t size_ = 0;
    uint32_t crowded_ = 0; // the first size that the table is too small for
};

} // namespace codeit
