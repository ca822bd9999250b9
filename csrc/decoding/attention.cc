#include "decoding/attention.h"

namespace codeit {
namespace {

constexpr int kMaxQueries = 8; // that are worked on at a time

template <typename Number>
struct Workspace {
    explicit Workspace(int64_t capacity, int64_t size)
        : scores(static_cast<size_t>(kMaxQueries * capacity)), probabilities(scores.size()),
          unwanted(static_cast<size_t>(size)) {}
    std::vector<float> scores;
    std::vector<Number> probabilities;
    std::vector<Number> unwanted; // what a query that only fills up a block would return
};

template <typename Number>
inline void append(const Number *key, const Number *value, int64_t t, int64_t size, Number *keys,
                   Number *values) {
    constexpr int64_t p = sizeof(uint32_t) / sizeof(Number);
    Number *to = keys + (t / kVector * size * kVector + t % kVector * p);
    for (int64_t d = 0; d < size; ++d) to[d / p * kVector * p + d % p] = key[d];
    to = values + t / p * size * p + t % p;
    for (int64_t d = 0; d < size; ++d) to[d * p] = value[d];
}

template <typename Number>
void arrange_any(const Number *keys, const Number *values, int64_t stride, int64_t length,
                 int64_t num_heads, int64_t size, int64_t capacity, Number *out_keys,
                 Number *out_values) {
    for (int64_t h = 0; h < num_heads; ++h) {
        Number *head_keys = out_keys + h * capacity * size;
        Number *head_values = out_values + h * capacity * size;
        for (int64_t t = 0; t < length; ++t) {
            const int64_t from = t * stride + h * size;
            append(keys + from, values + from, t, size, head_keys, head_values);
        }
    }
}

template <typename Number>
int64_t longest(const SharedKeyValues<Number> *contexts, int64_t num_contexts) {
    int64_t most = 0;
    for (int64_t k = 0; k < num_contexts; ++k) most = std::max(most, contexts[k].capacity);
    return most;
}

} // namespace
} // namespace codeit

#define KERNELS "decoding/attention_kernels.h"
#include "decoding/processors.h"

namespace codeit {

void attend(const float *projected, const int32_t *rows, const int32_t *positions,
            int64_t num_tokens, const float *bias, KeyValueCache<float> cache, float *out) {
    Workspace<float> work(cache.capacity, cache.size);
    ON_THIS_PROCESSOR(attend_kernel, projected, rows, positions, num_tokens, bias, cache, &work,
                      out);
}

void attend(const BFloat16 *projected, const int32_t *rows, const int32_t *positions,
            int64_t num_tokens, const float *bias, KeyValueCache<BFloat16> cache, BFloat16 *out) {
    Workspace<BFloat16> work(cache.capacity, cache.size);
    ON_THIS_PROCESSOR(attend_kernel, projected, rows, positions, num_tokens, bias, cache, &work,
                      out);
}

void attend_shared(const float *queries, const SharedKeyValues<float> *contexts,
                   int64_t num_contexts, int64_t num_heads, int64_t size, float *out) {
    Workspace<float> work(longest(contexts, num_contexts), size);
    ON_THIS_PROCESSOR(shared_kernel, queries, contexts, num_contexts, num_heads, size, &work, out);
}

void attend_shared(const BFloat16 *queries, const SharedKeyValues<BFloat16> *contexts,
                   int64_t num_contexts, int64_t num_heads, int64_t size, BFloat16 *out) {
    Workspace<BFloat16> work(longest(contexts, num_contexts), size);
    ON_THIS_PROCESSOR(shared_kernel, queries, contexts, num_contexts, num_heads, size, &work, out);
}

void arrange(const float *keys, const float *values, int64_t stride, int64_t length,
             int64_t num_heads, int64_t size, int64_t capacity, float *out_keys,
             float *out_values) {
    arrange_any(keys, values, stride, length, num_heads, size, capacity, out_keys, out_values);
}

void arrange(const BFloat16 *keys, const BFloat16 *values, int64_t stride, int64_t length,
             int64_t num_heads, int64_t size, int64_t capacity, BFloat16 *out_keys,
             BFloat16 *out_values) {
    arrange_any(keys, values, stride, length, num_heads, size, capacity, out_keys, out_values);
}

} // namespace codeit
