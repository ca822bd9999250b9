// The identity of an experience: 128 bits hashed from its parent task and its normalised program.
#pragma once

#include <cstdint>
#include <string_view>

namespace codeit::replay {

// Every bit of a key is uniform, so the parts of the buffer take their bits from it unmixed: the
// index its tag from `high`, the draw its variates from `low`. Among ten million experiences two
// share a key with probability 2e-25.
struct Key {
    uint64_t low;
    uint64_t high;

    bool operator==(const Key &) const = default;
};

// A bijection of 64-bit words under which every input bit flips each output bit half of the time.
inline uint64_t mix(uint64_t word) {
    word ^= word >> 32;
    word *= 0x9b072c5ae5c4d817;
    word ^= word >> 29;
    word *= 0x9c030ec78ab89f63;
    word ^= word >> 32;
    return word;
}

// The two texts are hashed with their lengths: ("ab", "c") and ("a", "bc") are different pairs.
Key make_key(std::string_view task_digest, std::string_view program);

} // namespace codeit::replay
