// Arithmetic at the ends of the range of ints (language.md 2.3). Python's ints have no end, so that
// what a primitive adds up on its way may leave 64 bits although its result does not; and a loop
// that runs to the largest int has no int to stop at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace codeit {

// Holds the product of any two ints, or of their differences, and a few of them added to it.
__extension__ typedef __int128 Wide;

inline bool fits_int64(Wide n) {
    return n >= std::numeric_limits<int64_t>::min() && n <= std::numeric_limits<int64_t>::max();
}

// The ints from first to last, both of them included. It is walked by counting: after `last` there
// may be no int to end a loop.
class Range {
  public:
    Range(int64_t first, int64_t last)
        : first_(first), size_(last < first ? 0 : distance(first, last) + 1) {
        if (last >= first && size_ == 0) size_ = UINT64_MAX; // all ints, which are one more
    }

    uint64_t size() const { return size_; }
    int64_t operator[](uint64_t k) const {
        return static_cast<int64_t>(static_cast<uint64_t>(first_) + k);
    }

  private:
    static uint64_t distance(int64_t first, int64_t last) {
        return static_cast<uint64_t>(last) - static_cast<uint64_t>(first);
    }

    int64_t first_;
    uint64_t size_;
};

// How many pairs there are of so many things; UINT64_MAX where that is no number, which is more
// than any run can pay for.
inline uint64_t num_pairs(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

} // namespace codeit
