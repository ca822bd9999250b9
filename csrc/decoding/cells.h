// How a model's numbers lie in memory on a CPU.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace codeit {

// A number of a model in bfloat16: the upper half of a float.
struct BFloat16 {
    uint16_t bits;
};

inline constexpr int64_t kVector = 16; // numbers that a kernel takes at a time

// Kernels of processors.h beyond this are left aside: 3 with products of cells, 2 wide, 1 narrow, 0
// for any processor. For tests.
inline int processor_limit = 3;

} // namespace codeit
