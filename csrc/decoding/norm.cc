#include "decoding/norm.h"

#include <cmath>

#define KERNELS "decoding/norm_kernels.h"
#include "decoding/processors.h"

namespace codeit {

void add_and_normalize(float *sum, const float *added, const float *weight, float epsilon,
                       int64_t num_tokens, int64_t width, float *out) {
    ON_THIS_PROCESSOR(norm_kernel, sum, added, weight, epsilon, num_tokens, width, out);
}

void add_and_normalize(float *sum, const BFloat16 *added, const float *weight, float epsilon,
                       int64_t num_tokens, int64_t width, BFloat16 *out) {
    ON_THIS_PROCESSOR(norm_kernel, sum, added, weight, epsilon, num_tokens, width, out);
}

} // namespace codeit
