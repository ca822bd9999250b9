// Self-attention of the tokens that a decoder is at, over what their rows hold already. On a CPU
// this is bound by the bytes of the cache, which a row of any length has to itself.
#pragma once

#include <cstddef>
#include <cstdint>

namespace codeit {

// The cache of one layer. Keys lie by dimension, so that the scores of neighbouring positions are
// neighbours; capacity is a multiple of kVector.
template <typename Number>
struct KeyValueCache {
    static constexpr int64_t kVector = 16;

    Number *keys;   // [num_rows, num_heads, size, capacity]
    Number *values; // [num_rows, num_heads, capacity, size]
    int64_t num_heads;
    int64_t size; // of a head; a multiple of kVector
    int64_t capacity;
};

// The numbers of a model in bfloat16: the upper half of a float.
struct BFloat16 {
    uint16_t bits;
};

// For each of the tokens in turn: appends its key and value to its row at its position, and attends
// to all positions up to there. A token must come after those of its row with smaller positions.
//   projected  [num_tokens, 3, num_heads, size]: queries, keys, values
//   rows, positions  [num_tokens]
//   bias       [num_heads, capacity], by how far back a position lies
//   out        [num_tokens, num_heads, size]
void attend(const float *projected, const int32_t *rows, const int32_t *positions,
            int64_t num_tokens, const float *bias, KeyValueCache<float> cache, float *out);
void attend(const BFloat16 *projected, const int32_t *rows, const int32_t *positions,
            int64_t num_tokens, const float *bias, KeyValueCache<BFloat16> cache, BFloat16 *out);

} // namespace codeit
