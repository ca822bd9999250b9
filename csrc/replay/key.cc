#include "replay/key.h"

#include <bit>
#include <cstring>

namespace codeit::replay {
namespace {

// Two lanes that both take in every word. Each step is a bijection of the lane for a given word and
// of the word for a given lane, so texts that differ in one word never meet in either lane.
struct Lanes {
    uint64_t low = 0xfce93b783241d025;
    uint64_t high = 0xf09e033a159d2d1f;

    void absorb(uint64_t word) {
        low = (low ^ word) * 0x8b55eb398594af35;
        low ^= low >> 32;
        high = (std::rotl(high, 23) + word) * 0xa57882da60f058f9;
    }

    // The last word of a text is filled up with zeros; its length tells it from a longer text.
    void absorb(std::string_view text) {
        absorb(uint64_t{text.size()});
        const char *at = text.data();
        size_t left = text.size();
        for (; left >= sizeof(uint64_t); left -= sizeof(uint64_t), at += sizeof(uint64_t)) {
            uint64_t word;
            std::memcpy(&word, at, sizeof(word));
            absorb(word);
        }
        uint64_t word = 0;
        if (left > 0) std::memcpy(&word, at, left);
        absorb(word);
    }
};

} // namespace

Key make_key(std::string_view task_digest, std::string_view program) {
    Lanes lanes;
    lanes.absorb(task_digest);
    lanes.absorb(program);
    lanes.low += std::rotl(lanes.high, 32);
    lanes.high += mix(lanes.low);
    lanes.low ^= mix(lanes.high);
    return {lanes.low, lanes.high};
}

} // namespace codeit::replay
