// What lies between the products of a layer: the residual sum, and T5's norm (root mean square, no
// mean taken off, no bias).
#pragma once

#include "decoding/cells.h"

namespace codeit {

// Adds what a layer returned to the sum that runs through all of them, and scales each token to a
// mean square of 1, then each channel by a weight.
//   sum    [num_tokens, width], changed; width is a multiple of kVector
//   added  [num_tokens, width], or nothing
//   weight [width]
//   out    [num_tokens, width]
void add_and_normalize(float *sum, const float *added, const float *weight, float epsilon,
                       int64_t num_tokens, int64_t width, float *out);
void add_and_normalize(float *sum, const BFloat16 *added, const float *weight, float epsilon,
                       int64_t num_tokens, int64_t width, BFloat16 *out);

} // namespace codeit
