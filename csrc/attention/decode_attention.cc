#include "attention/decode_attention.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

// The loops below become vector code by themselves, for each processor as wide as it can.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_PROCESSOR                                                                         \
    __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif
#define INLINE inline __attribute__((always_inline))

namespace codeit {
namespace {

constexpr int64_t kVector = KeyValueCache<float>::kVector;

INLINE float to_float(float x) {
    return x;
}
INLINE float to_float(BFloat16 x) {
    return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16);
}
INLINE void store(float x, float *to) {
    *to = x;
}
// To the nearest, ties to even, as PyTorch rounds. The numbers here are finite.
INLINE void store(float x, BFloat16 *to) {
    uint32_t bits = std::bit_cast<uint32_t>(x);
    to->bits = static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// e^x for x <= 0, to about 2e-7 relative: 2^n times a polynomial of what is left.
INLINE float exponential(float x) {
    x = std::max(x, -87.0f);
    float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f; // rounded
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    auto exponent = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
    return p * std::bit_cast<float>(exponent);
}

// The queries of one head and token over positions 0 .. last. `scores` has room for a whole row.
template <typename Number>
INLINE void attend_head(const Number *query, const Number *keys, const Number *values,
                        const float *bias, int64_t last, int64_t size, int64_t capacity,
                        float *scores, Number *out) {
    const int64_t end = (last / kVector + 1) * kVector; // whole vectors
    for (int64_t t = 0; t <= last; ++t) scores[t] = bias[last - t];
    for (int64_t t = last + 1; t < end; ++t) scores[t] = 0;
    for (int64_t d = 0; d < size; ++d) {
        const float q = to_float(query[d]);
        const Number *key = keys + d * capacity;
        for (int64_t t = 0; t < end; ++t) scores[t] += q * to_float(key[t]);
    }
    float largest = scores[0];
    for (int64_t t = 1; t <= last; ++t) largest = std::max(largest, scores[t]);
    for (int64_t t = 0; t < end; ++t) scores[t] = exponential(std::min(scores[t] - largest, 0.0f));
    float total = 0;
    for (int64_t t = 0; t <= last; ++t) total += scores[t];
    for (int64_t begin = 0; begin < size; begin += kVector) {
        float sums[kVector] = {};
        for (int64_t t = 0; t <= last; ++t) {
            const Number *value = values + t * size + begin;
            for (int64_t d = 0; d < kVector; ++d) sums[d] += scores[t] * to_float(value[d]);
        }
        for (int64_t d = 0; d < kVector; ++d) store(sums[d] / total, out + begin + d);
    }
}

template <typename Number>
INLINE void attend_tokens(const Number *projected, const int32_t *rows, const int32_t *positions,
                          int64_t num_tokens, const float *bias, KeyValueCache<Number> cache,
                          float *scores, Number *out) {
    const int64_t width = cache.num_heads * cache.size;
    const int64_t per_head = cache.size * cache.capacity;
    for (int64_t n = 0; n < num_tokens; ++n) {
        const Number *query = projected + n * 3 * width;
        const int64_t at = positions[n];
        for (int64_t h = 0; h < cache.num_heads; ++h) {
            Number *keys = cache.keys + (rows[n] * cache.num_heads + h) * per_head;
            Number *values = cache.values + (rows[n] * cache.num_heads + h) * per_head;
            const Number *key = query + width + h * cache.size;
            const Number *value = key + width;
            for (int64_t d = 0; d < cache.size; ++d) keys[d * cache.capacity + at] = key[d];
            std::copy(value, value + cache.size, values + at * cache.size);
            attend_head(query + h * cache.size, keys, values, bias + h * cache.capacity, at,
                        cache.size, cache.capacity, scores, out + n * width + h * cache.size);
        }
    }
}

FOR_EACH_PROCESSOR void attend_floats(const float *projected, const int32_t *rows,
                                      const int32_t *positions, int64_t num_tokens,
                                      const float *bias, KeyValueCache<float> cache, float *scores,
                                      float *out) {
    attend_tokens(projected, rows, positions, num_tokens, bias, cache, scores, out);
}

FOR_EACH_PROCESSOR void attend_bfloats(const BFloat16 *projected, const int32_t *rows,
                                       const int32_t *positions, int64_t num_tokens,
                                       const float *bias, KeyValueCache<BFloat16> cache,
                                       float *scores, BFloat16 *out) {
    attend_tokens(projected, rows, positions, num_tokens, bias, cache, scores, out);
}

} // namespace

void attend(const float *projected, const int32_t *rows, const int32_t *positions,
            int64_t num_tokens, const float *bias, KeyValueCache<float> cache, float *out) {
    std::vector<float> scores(static_cast<size_t>(cache.capacity));
    attend_floats(projected, rows, positions, num_tokens, bias, cache, scores.data(), out);
}

void attend(const BFloat16 *projected, const int32_t *rows, const int32_t *positions,
            int64_t num_tokens, const float *bias, KeyValueCache<BFloat16> cache, BFloat16 *out) {
    std::vector<float> scores(static_cast<size_t>(cache.capacity));
    attend_bfloats(projected, rows, positions, num_tokens, bias, cache, scores.data(), out);
}

} // namespace codeit
