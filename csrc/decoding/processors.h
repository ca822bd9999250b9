// Compiles the kernels of the file KERNELS once for each kind of processor, each in a namespace of
// its own. ON_THIS_PROCESSOR calls the right one.
//
// (Functions with several targets would be simpler, but GCC splits wide vectors for the least of
// them before it makes the copies.)

#include "decoding/cells.h"

#define INLINE inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512vnni,fma")
#define HAS_PRODUCTS_OF_CELLS 1
namespace codeit::products_of_cells {
#include "decoding/vector.h"
#include KERNELS
} // namespace codeit::products_of_cells
#undef HAS_PRODUCTS_OF_CELLS
#pragma GCC pop_options

#define HAS_PRODUCTS_OF_CELLS 0
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma")
namespace codeit::wide {
#include "decoding/vector.h"
#include KERNELS
} // namespace codeit::wide
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace codeit::narrow {
#include "decoding/vector.h"
#include KERNELS
} // namespace codeit::narrow
#pragma GCC pop_options

namespace codeit::any {
#include "decoding/vector.h"
#include KERNELS

inline int processor() {
    static const int best = [] {
        __builtin_cpu_init();
        const bool is_wide = __builtin_cpu_supports("avx512bw") &&
                             __builtin_cpu_supports("avx512dq") &&
                             __builtin_cpu_supports("avx512vl");
        const bool has_products =
            __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
        if (is_wide) return has_products ? 3 : 2;
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 0;
    }();
    return std::min(best, processor_limit);
}
} // namespace codeit::any

#define ON_THIS_PROCESSOR(kernel, ...)                                                             \
    (any::processor() == 3   ? products_of_cells::kernel(__VA_ARGS__)                              \
     : any::processor() == 2 ? wide::kernel(__VA_ARGS__)                                           \
     : any::processor() == 1 ? narrow::kernel(__VA_ARGS__)                                         \
                             : any::kernel(__VA_ARGS__))
#else
#define HAS_PRODUCTS_OF_CELLS 0
namespace codeit::any {
#include "decoding/vector.h"
#include KERNELS
} // namespace codeit::any

#define ON_THIS_PROCESSOR(kernel, ...) any::kernel(__VA_ARGS__)
#endif
