// What makes two values the same to the search: 64 bits of a value's structure.
//
// Equal values have equal fingerprints, however they are held, with two exceptions that serve the
// search: True is not 1, since a type decides where a value may stand, and sets of sets, of tuples
// or of ints are told apart by their iteration order, which `first`, `argmax` and their like show.
// Patches are not: to merge those that differ in order only halves the work, and costs nothing but
// breadth, because a node keeps the value that its own derivation made (search/pool.h). Functions
// are the same when they are made of the same. -1 and -2, whose hashes in CPython are equal, are
// told apart.
//
// Two values of one task meet by chance with probability 2^-64; what came of it would be found when
// the solution is run again.
#pragma once

#include "core/machine.h"

namespace codeit::search {

// Of a value that is settled. Fails where sets cannot be laid out: no fuel, no memory, too deep.
Outcome fingerprint(Machine &m, const Value &v, uint64_t *out);

// Mixes two numbers; the order matters.
inline uint64_t mixed(uint64_t a, uint64_t b) {
    const auto product =
        static_cast<unsigned __int128>(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
    uint64_t h = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    // Where one factor is 0, nothing of the other is left.
    h += a * 0xC2B2AE3D27D4EB4Fu + b;
    h ^= h >> 29;
    return h * 0x94D049BB133111EBu;
}

} // namespace codeit::search
