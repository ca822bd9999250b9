// 128 bits that identify what is hashed: names of the language, programs (code/key.h), experiences
// (replay/key.h).
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace codeit {

// Every bit is uniform: among ten million programs two share a key with probability 2e-25.
struct Key {
    uint64_t low = 0;
    uint64_t high = 0;

    bool operator==(const Key &) const = default;
};

// A bijection of 64-bit words under which every input bit flips each output bit half of the time.
constexpr uint64_t mix(uint64_t word) {
    word ^= word >> 32;
    word *= 0x9b072c5ae5c4d817;
    word ^= word >> 29;
    word *= 0x9c030ec78ab89f63;
    word ^= word >> 32;
    return word;
}

// Two lanes that both take in every word. Each step is a bijection of the lane for a given word and
// of the word for a given lane, so what differs in one word never meets in either lane.
class Lanes {
  public:
    constexpr Lanes() = default;
    constexpr explicit Lanes(uint64_t start) { absorb(start); }

    constexpr void absorb(uint64_t word) {
        low_ = (low_ ^ word) * 0x8b55eb398594af35;
        low_ ^= low_ >> 32;
        high_ = (std::rotl(high_, 23) + word) * 0xa57882da60f058f9;
    }
    constexpr void absorb(const Key &key) {
        absorb(key.low);
        absorb(key.high);
    }
    constexpr void absorb(std::string_view text) {
        absorb(text.size());
        for (char c : text) absorb(static_cast<unsigned char>(c));
    }
    constexpr Key key() const {
        Key key = {low_ + std::rotl(high_, 32), high_};
        key.high += mix(key.low);
        key.low ^= mix(key.high);
        return key;
    }

  private:
    uint64_t low_ = 0xfce93b783241d025;
    uint64_t high_ = 0xf09e033a159d2d1f;
};

inline constexpr uint64_t kBeginOfName = 0;

constexpr Key key_of_name(std::string_view name) {
    Lanes lanes(kBeginOfName);
    lanes.absorb(name);
    return lanes.key();
}

} // namespace codeit
