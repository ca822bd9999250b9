// Attention of the tokens that a decoder is at: to what their rows hold already (`attend`), which a
// row of any length has to itself, and to the encoded prompt, which all rows of a task share
// (`attend_shared`). On a CPU the first is bound by the bytes of the cache; of the second, several
// queries are taken over the same keys at a time.
//
// Keys and values lie in the order in which the kernels read them, in cells of four bytes
// (docs/design/sampling.md), so that every load is a whole vector of one cell from each of 16
// positions or dimensions.
#pragma once

#include "decoding/cells.h"

namespace codeit {

// Keys and values of a head, [positions, size], in the order in which they are read: keys of 16
// positions cell by cell; values position by position, or bfloat16 by pairs of positions.
// Place of a key's number d at position t, and of a value's, with p numbers per cell:
//   keys    [t / 16][d / p][t % 16][d % p]
//   values  [t / p][d][t % p]
// Capacity and size are multiples of 16; what lies behind the last position is finite.
template <typename Number>
struct HeadKeyValues {
    const Number *keys;
    const Number *values;
};

// The cache of one layer: keys and values for each row and head, each of `capacity` positions.
template <typename Number>
struct KeyValueCache {
    Number *keys;
    Number *values;
    int64_t num_heads;
    int64_t size; // of a head
    int64_t capacity;
};

// What consecutive tokens attend to together: keys and values of all heads, one head behind the
// other.
template <typename Number>
struct SharedKeyValues {
    const Number *keys;
    const Number *values;
    int64_t length;
    int64_t capacity;
    int64_t num_tokens;
};

// For each of the tokens in turn: appends its key and value to its row at its position, and attends
// to all positions up to there. A token must come after those of its row with smaller positions.
//   projected  [num_tokens, 3, num_heads, size]: queries, keys, values
//   rows, positions  [num_tokens]
//   bias       [num_heads, capacity]; the last is for the position itself, before it those further
//              back
//   out        [num_tokens, num_heads, size]
void attend(const float *projected, const int32_t *rows, const int32_t *positions,
            int64_t num_tokens, const float *bias, KeyValueCache<float> cache, float *out);
void attend(const BFloat16 *projected, const int32_t *rows, const int32_t *positions,
            int64_t num_tokens, const float *bias, KeyValueCache<BFloat16> cache, BFloat16 *out);

// Attention of all tokens, those of each context one after the other.
//   queries, out  [num_tokens, num_heads, size]
void attend_shared(const float *queries, const SharedKeyValues<float> *contexts,
                   int64_t num_contexts, int64_t num_heads, int64_t size, float *out);
void attend_shared(const BFloat16 *queries, const SharedKeyValues<BFloat16> *contexts,
                   int64_t num_contexts, int64_t num_heads, int64_t size, BFloat16 *out);

// Brings keys and values [length, num_heads, size], rows `stride` numbers apart, into that order.
void arrange(const float *keys, const float *values, int64_t stride, int64_t length,
             int64_t num_heads, int64_t size, int64_t capacity, float *out_keys, float *out_values);
void arrange(const BFloat16 *keys, const BFloat16 *values, int64_t stride, int64_t length,
             int64_t num_heads, int64_t size, int64_t capacity, BFloat16 *out_keys,
             BFloat16 *out_values);

} // namespace codeit
