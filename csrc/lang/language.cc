#include "lang/language.h"

#include <array>

namespace codeit {
namespace {

constexpr size_t kBuckets =
    512; // a power of two well above the 188 names, so that probes are short

constexpr uint32_t name_hash(std::string_view text) {
    uint32_t hash = 2166136261u; // FNV-1a
    for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash ^ (hash >> 15);
}

constexpr std::string_view name_at(size_t entry) {
    return entry < kNumPrimitives ? kPrimitives[entry].name
                                  : kConstants[entry - kNumPrimitives].name;
}

// Open addressing; a bucket holds 1 + the entry's number, 0 when it is empty.
constexpr std::array<uint8_t, kBuckets> build_buckets() {
    static_assert(kNumPrimitives + kNumConstants < 255);
    std::array<uint8_t, kBuckets> buckets{};
    for (size_t entry = 0; entry < kNumPrimitives + kNumConstants; ++entry) {
        size_t at = name_hash(name_at(entry)) % kBuckets;
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
        if (name_at(entry) == text) {
            if (entry < kNumPrimitives) {
                return {Name::Kind::primitive, static_cast<uint8_t>(entry)};
            }
            return {Name::Kind::constant, static_cast<uint8_t>(entry - kNumPrimitives)};
        }
    }
    return {Name::Kind::unknown, 0};
}

} // namespace codeit
