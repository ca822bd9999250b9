// Draws that are the same everywhere: a function of the seed alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace codeit {

// SplitMix64 (Steele, Lea and Flood 2014): good bits from any seed.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t next() {
        uint64_t z = state_ += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }

    // Uniform in [0, 1).
    double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

    // Uniform in [0, count), without bias: the high half of a product, as Lemire (2019) draws it.
    size_t below(size_t count) {
        uint64_t range = count;
        auto product = static_cast<unsigned __int128>(next()) * range;
        if (static_cast<uint64_t>(product) < range) {
            uint64_t threshold = (0 - range) % range;
            while (static_cast<uint64_t>(product) < threshold) {
                product = static_cast<unsigned __int128>(next()) * range;
            }
        }
        return static_cast<size_t>(product >> 64);
    }

  private:
    uint64_t state_;
};

} // namespace codeit
