#include "code/key.h"

#include <array>
#include <bit>
#include <string_view>

namespace codeit {
namespace {

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

// What is hashed begins with what it is.
enum Begin : uint64_t { kName, kSpecial, kCall, kShadowingCall, kProgram };

constexpr Key key_of_name(std::string_view name) {
    Lanes lanes(kName);
    lanes.absorb(name);
    return lanes.key();
}

constexpr Key key_of_special(std::string_view name) {
    Lanes lanes(kSpecial);
    lanes.absorb(name);
    return lanes.key();
}

constexpr Key kKeyOfInput = key_of_special("input");
constexpr Key kKeyOfItself = key_of_special("itself"); // a line's mention of itself

constexpr auto kKeysOfNames = [] {
    std::array<Key, kNumPrimitives + kNumConstants> keys;
    for (size_t k = 0; k < kNumPrimitives; ++k) keys[k] = key_of_name(kPrimitives[k].name);
    for (size_t k = 0; k < kNumConstants; ++k) {
        keys[kNumPrimitives + k] = key_of_name(kConstants[k].name);
    }
    return keys;
}();

} // namespace

Key key_of(const Code &code, Dialect dialect) {
    std::vector<Key> lines;
    lines.reserve(code.num_lines() + 1);
    lines.push_back(kKeyOfInput);
    auto key_of_term = [&](Term term) {
        if (!is_line(term)) return kKeysOfNames[term];
        return line_of(term) < lines.size() ? lines[line_of(term)] : kKeyOfItself;
    };
    for (const CodeLine &line : code) {
        Lanes lanes(line.outer == kNoTerm ? kCall : kShadowingCall);
        if (line.outer != kNoTerm) lanes.absorb(key_of_term(line.outer));
        lanes.absorb(line.arguments.size());
        lanes.absorb(key_of_term(line.function));
        for (Term argument : line.arguments) lanes.absorb(key_of_term(argument));
        lines.push_back(lanes.key());
    }
    Lanes lanes(kProgram);
    lanes.absorb(static_cast<uint64_t>(dialect));
    lanes.absorb(lines.back());
    return lanes.key();
}

uint64_t language_digest() {
    static constexpr uint64_t kDigest = [] {
        Lanes lanes(kName);
        for (const Key &key : kKeysOfNames) lanes.absorb(key);
        return lanes.key().low;
    }();
    return kDigest;
}

} // namespace codeit
