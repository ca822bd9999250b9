#include "replay/key.h"

#include <cstring>

namespace codeit::replay {
namespace {

// The last word of a text is filled up with zeros; its length tells it from a longer text.
void absorb(std::string_view text, Lanes *lanes) {
    lanes->absorb(uint64_t{text.size()});
    const char *at = text.data();
    size_t left = text.size();
    for (; left >= sizeof(uint64_t); left -= sizeof(uint64_t), at += sizeof(uint64_t)) {
        uint64_t word;
        std::memcpy(&word, at, sizeof(word));
        lanes->absorb(word);
    }
    uint64_t word = 0;
    if (left > 0) std::memcpy(&word, at, left);
    lanes->absorb(word);
}

} // namespace

Key make_key(std::string_view task_digest, std::string_view program) {
    Lanes lanes;
    absorb(task_digest, &lanes);
    absorb(program, &lanes);
    return lanes.key();
}

} // namespace codeit::replay
