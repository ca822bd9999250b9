// The rules by which CPython 3.11 lays out a set's hash table (language.md 4.2 to 4.4). This is the
// one place that has them; all tables of this room and of primitives/place_table.h follow them by
// these functions. The numbers are those of CPython's setobject.c.
#pragma once

#include <cstdint>

namespace codeit::table_rules {

inline constexpr unsigned kLinearProbes = 9;
inline constexpr unsigned kPerturbShift = 5;

// PROBE: calls visit(slot index) along the probe sequence of `hash` until it returns true.
template <typename Visit>
inline void probe(uint32_t mask, uint64_t hash, Visit visit) {
    uint64_t perturb = hash;
    uint64_t start = hash & mask;
    for (;;) {
        uint64_t last = start + kLinearProbes <= mask ? start + kLinearProbes : start;
        for (uint64_t at = start; at <= last; ++at) {
            if (visit(static_cast<uint32_t>(at))) return;
        }
        perturb >>= kPerturbShift;
        start = (start * 5 + 1 + perturb) & mask;
    }
}

// The mask of the smallest table with more slots than that.
inline uint32_t mask_above(uint64_t slots) {
    uint64_t size = 8;
    while (size <= slots) size <<= 1;
    return static_cast<uint32_t>(size - 1);
}

// What an insertion that finds the table crowded resizes it above.
inline uint64_t grown(uint64_t used) {
    return used > 50000 ? used * 2 : used * 4;
}

inline bool is_crowded(uint64_t fill, uint32_t mask) {
    return fill * 5 >= uint64_t{mask} * 3;
}

// The least fill that crowds a table.
inline uint32_t crowding_fill(uint32_t mask) {
    return static_cast<uint32_t>((uint64_t{mask} * 3 + 4) / 5);
}

} // namespace codeit::table_rules
