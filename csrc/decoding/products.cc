#include "decoding/products.h"

#include <cmath>

#define KERNELS "decoding/products_kernels.h"
#include "decoding/processors.h"

namespace codeit {
namespace {

constexpr int64_t kChunk = 1 << 19; // bytes of tokens that stay in the cache

template <typename Number>
Number *place(Number *numbers, int64_t row, int64_t column, int64_t num_in) {
    constexpr int64_t p = sizeof(uint32_t) / sizeof(Number);
    return numbers + row / kPanel * kPanel * num_in + column / p * p * kPanel + row % kPanel * p +
           column % p;
}

template <typename Number>
void arrange(const Number *matrix, int64_t num_out, int64_t num_in, Number *out) {
    std::fill(out, out + num_panels(num_out) * kPanel * num_in, Number{});
    for (int64_t row = 0; row < num_out; ++row) {
        for (int64_t column = 0; column < num_in; ++column) {
            *place(out, row, column, num_in) = matrix[row * num_in + column];
        }
    }
}

template <typename Token, typename Number, typename Out>
void multiply_all(const Token *tokens, int64_t num_tokens, const Weights<Number> &weights,
                  bool is_positive, Out *out) {
    const int64_t row_bytes = weights.num_in * static_cast<int64_t>(sizeof(Token));
    const int64_t at_once = std::max<int64_t>(kChunk / row_bytes / 12 * 12, 12);
    for (int64_t begin = 0; begin < num_tokens; begin += at_once) {
        const int64_t count = std::min(at_once, num_tokens - begin);
        const Token *some = tokens + begin * weights.num_in;
        Out *to = out + begin * weights.num_out;
        ON_THIS_PROCESSOR(multiply_kernel, some, count, weights, is_positive, to);
    }
}

} // namespace

void arrange_weights(const float *matrix, int64_t num_out, int64_t num_in, float *out) {
    arrange(matrix, num_out, num_in, out);
}

void arrange_weights(const BFloat16 *matrix, int64_t num_out, int64_t num_in, BFloat16 *out) {
    arrange(matrix, num_out, num_in, out);
}

void arrange_weights(const float *matrix, int64_t num_out, int64_t num_in, int8_t *out,
                     float *scales, int32_t *sums) {
    const int64_t num_rows = num_panels(num_out) * kPanel;
    std::fill(out, out + num_rows * num_in, int8_t{0});
    std::fill(scales, scales + num_rows, 0.0f);
    std::fill(sums, sums + num_rows, 0);
    for (int64_t row = 0; row < num_out; ++row, matrix += num_in) {
        float most = 0;
        for (int64_t k = 0; k < num_in; ++k) most = std::max(most, std::abs(matrix[k]));
        scales[row] = std::max(most, 1e-30f) / 127;
        for (int64_t k = 0; k < num_in; ++k) {
            const auto code = static_cast<int8_t>(std::nearbyint(matrix[k] / scales[row]));
            *place(out, row, k, num_in) = code;
            sums[row] += 128 * code;
        }
    }
}

void multiply(const float *tokens, int64_t num_tokens, const Weights<float> &weights,
              bool is_positive, float *out) {
    multiply_all(tokens, num_tokens, weights, is_positive, out);
}

void multiply(const BFloat16 *tokens, int64_t num_tokens, const Weights<BFloat16> &weights,
              bool is_positive, BFloat16 *out) {
    multiply_all(tokens, num_tokens, weights, is_positive, out);
}

void multiply(const BFloat16 *tokens, int64_t num_tokens, const Weights<BFloat16> &weights,
              bool is_positive, float *out) {
    multiply_all(tokens, num_tokens, weights, is_positive, out);
}

void multiply(const BFloat16 *tokens, int64_t num_tokens, const Weights<int8_t> &weights,
              bool is_positive, BFloat16 *out) {
    multiply_all(tokens, num_tokens, weights, is_positive, out);
}

void multiply(const BFloat16 *tokens, int64_t num_tokens, const Weights<int8_t> &weights,
              bool is_positive, float *out) {
    multiply_all(tokens, num_tokens, weights, is_positive, out);
}

} // namespace codeit
