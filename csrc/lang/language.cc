#include "lang/language.h"

#include <array>

namespace codeit {
namespace {

constexpr size_t kBuckets =
    512; // a power of two well above the 188 names, so that probes are short

// From the length, the first four and the last two characters, which tell most names apart.
constexpr uint32_t name_hash(std::string_view text) {
    size_t size = text.size();
    auto at = [&](size_t k) {
        return k < size ? uint32_t{static_cast<unsigned char>(text[k])} : 0;
    };
    uint32_t hash = at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
    hash ^= (at(size - 1) << 9) ^ (at(size - 2) << 15) ^ static_cast<uint32_t>(size << 20);
    hash *= 2654435769u;
    return hash >> 23;
}

constexpr std::array<std::string_view, kNumPrimitives + kNumConstants> kNames = [] {
    std::array<std::string_view, kNumPrimitives + kNumConstants> names;
    for (size_t k = 0; k < kNumPrimitives; ++k) names[k] = kPrimitives[k].name;
    for (size_t k = 0; k < kNumConstants; ++k) names[kNumPrimitives + k] = kConstants[k].name;
    return names;
}();

// Open addressing; a bucket holds 1 + the entry's number, 0 when it is empty.
constexpr std::array<uint8_t, kBuckets> build_buckets() {
    static_assert(kNumPrimitives + kNumConstants < 255);
    std::array<uint8_t, kBuckets> buckets{};
    for (size_t entry = 0; entry < kNumPrimitives + kNumConstants; ++entry) {
        size_t at = name_hash(kNames[entry]) % kBuckets;
        while (buckets[at] != 0) at = (at + 1) % kBuckets;
        buckets[at] = static_cast<uint8_t>(entry + 1);
    }
    return buckets;
}

constexpr auto kNameBuckets = build_buckets();

} // namespace

const char *type_name(Type type) {
    static constexpr const char *kNames[] = {
        "Any",        "Boolean",    "Integer",   "IntegerTuple", "Numerical",
        "IntegerSet", "Grid",       "Cell",      "Object",       "Objects",
        "Indices",    "IndicesSet", "Patch",     "Element",      "Piece",
        "Tuple",      "TupleTuple", "FrozenSet", "Container",    "ContainerContainer",
        "Callable",
    };
    return kNames[static_cast<size_t>(type)];
}

Name find_name(std::string_view text) {
    for (size_t at = name_hash(text) % kBuckets; kNameBuckets[at] != 0; at = (at + 1) % kBuckets) {
        size_t entry = kNameBuckets[at] - 1u;
        if (kNames[entry] == text) {
            if (entry < kNumPrimitives) {
                return {Name::Kind::primitive, static_cast<uint8_t>(entry)};
            }
            return {Name::Kind::constant, static_cast<uint8_t>(entry - kNumPrimitives)};
        }
    }
    return {Name::Kind::unknown, 0};
}

} // namespace codeit
