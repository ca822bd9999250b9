// Weighted draws of slots without replacement, as a race of exponential clocks.
//
// Entry i of weight w starts a clock that rings after time E/w, E exponential. The first entries to
// ring are an exact draw without replacement, each proportional to weight among those left
// (Efraimidis and Spirakis 2006). E comes from a hash of the seed and the experience's key, so a
// draw depends on what is stored and never on the order in which it came or on the slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace codeit::replay {

struct Entrants {
    const uint64_t
        *variates;         // 64 uniform bits an entry, fixed for its life: the low half of its key.
    const double *weights; // 0 or kMinWeight to kMaxWeight.
    size_t size;
    size_t num_positive; // Entries of positive weight.
};

// Between them no clock, sum or product here leaves the range of a double.
inline constexpr double kMinWeight = 1e-250;
inline constexpr double kMaxWeight = 1e250;

// Slots in ascending order, n of them, or all when there are fewer. Entries of weight 0 come last,
// after every other has been drawn, with equal chances among themselves.
//
// Exact up to the resolution of E, which is 2^-52: an entry never comes before one that weighs
// 10^18 times as much. No state, no clock: the same entries and seed give the same slots.
std::vector<int64_t> draw(const Entrants &entrants, size_t n, uint64_t seed);

} // namespace codeit::replay
