// Products of a step's tokens with the weights of a layer.
#pragma once

#include "decoding/cells.h"

namespace codeit {

// A matrix [num_out, num_in] in the order in which it is read, with p numbers per cell of four
// bytes: [num_out / 32, rounded up][num_in / p][32][p]. What is missing is 0.
//
// In int8, each row of the matrix has a scale, and so has each token. Tokens are moved by 128 to be
// positive; `sums` takes that back.
template <typename Number>
struct Weights {
    const Number *numbers;
    int64_t num_out;
    int64_t num_in; // a multiple of kVector; in int8 at most kMaxInt8Width
    const float *scales = nullptr;
    const int32_t *sums = nullptr; // 128 times the sum of each row
};

inline constexpr int64_t kPanel = 2 * kVector; // rows of a matrix that lie together

inline int64_t num_panels(int64_t num_out) {
    return (num_out + kPanel - 1) / kPanel;
}

// Wider ones could overflow the 32 bits of a sum of products, 255 x 127 each.
inline constexpr int64_t kMaxInt8Width = 1 << 16;

// Into out, of num_panels x kPanel x num_in numbers; scales and sums have num_panels x kPanel. In
// int8 all numbers are finite.
void arrange_weights(const float *matrix, int64_t num_out, int64_t num_in, float *out);
void arrange_weights(const BFloat16 *matrix, int64_t num_out, int64_t num_in, BFloat16 *out);
void arrange_weights(const float *matrix, int64_t num_out, int64_t num_in, int8_t *out,
                     float *scales, int32_t *sums);

// tokens [num_tokens, num_in] times the matrix: out [num_tokens, num_out]. With is_positive,
// what is negative becomes 0.
void multiply(const float *tokens, int64_t num_tokens, const Weights<float> &weights,
              bool is_positive, float *out);
void multiply(const BFloat16 *tokens, int64_t num_tokens, const Weights<BFloat16> &weights,
              bool is_positive, BFloat16 *out);
void multiply(const BFloat16 *tokens, int64_t num_tokens, const Weights<BFloat16> &weights,
              bool is_positive, float *out);
void multiply(const BFloat16 *tokens, int64_t num_tokens, const Weights<int8_t> &weights,
              bool is_positive, BFloat16 *out);
void multiply(const BFloat16 *tokens, int64_t num_tokens, const Weights<int8_t> &weights,
              bool is_positive, float *out);

} // namespace codeit
