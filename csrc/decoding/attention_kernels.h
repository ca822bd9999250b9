// The kernels of attention.cc; see processors.h.
//
// Scores, then their exponentials, then the weighted sum of values, head by head. Each score is one
// sum over the dimensions and each output one over the positions, in their order, in one
// accumulator; how many queries or positions are worked on together changes no sum. So what a token
// attends to does not depend on which others are in the step.

// scores[q][t] of num_queries queries over num_vectors x 16 positions.
template <typename Cells, int num_queries, int num_vectors, typename Number>
INLINE void score(const Number *const *queries, const Number *keys, int64_t size, int64_t stride,
                  float *scores) {
    constexpr int64_t p = Cells::kPerCell;
    using Vector = typename Cells::Vector;
    Floats sums[num_queries][num_vectors] = {};
    for (int64_t d = 0; d < size; d += p) {
        Vector key[num_vectors];
        for (int v = 0; v < num_vectors; ++v) {
            key[v] = load<Vector>(keys + (v * size + d) * kVector);
        }
        for (int q = 0; q < num_queries; ++q) {
            const Vector query = Cells::spread(queries[q] + d);
            for (int v = 0; v < num_vectors; ++v) {
                sums[q][v] = Cells::add(sums[q][v], key[v], query);
            }
        }
    }
    for (int q = 0; q < num_queries; ++q) {
        for (int v = 0; v < num_vectors; ++v) store(sums[q][v], scores + q * stride + v * kVector);
    }
}

// out[q][d] of num_vectors x 16 dimensions, over all positions, divided by totals[q].
template <typename Cells, int num_queries, int num_vectors, typename Number>
INLINE void mix(const Number *probabilities, const Number *values, int64_t length, int64_t size,
                int64_t stride, const float *totals, Number *const *outs, int64_t d) {
    constexpr int64_t p = Cells::kPerCell;
    using Vector = typename Cells::Vector;
    Floats sums[num_queries][num_vectors] = {};
    for (int64_t t = 0; t < length; t += p) {
        Vector value[num_vectors];
        for (int v = 0; v < num_vectors; ++v) {
            value[v] = load<Vector>(values + t * size + (d + v * kVector) * p);
        }
        for (int q = 0; q < num_queries; ++q) {
            const Vector weight = Cells::spread(probabilities + q * stride + t);
            for (int v = 0; v < num_vectors; ++v) {
                sums[q][v] = Cells::add(sums[q][v], value[v], weight);
            }
        }
    }
    for (int q = 0; q < num_queries; ++q) {
        for (int v = 0; v < num_vectors; ++v) {
            store_floats(sums[q][v] / totals[q], outs[q] + d + v * kVector);
        }
    }
}

// The softmax of scores[0 .. length) without its division; what follows up to a whole vector is 0.
template <typename Cells, typename Number>
INLINE float exponentials(float *scores, const float *bias, int64_t length, Number *out) {
    const int64_t end = (length + kVector - 1) / kVector * kVector;
    if (bias != nullptr) {
        for (int64_t t = 0; t < length; ++t) scores[t] += bias[t];
    }
    for (int64_t t = length; t < end; ++t) scores[t] = -1e30f;
    Floats most = load<Floats>(scores);
    for (int64_t t = kVector; t < end; t += kVector) {
        const Floats some = load<Floats>(scores + t);
        most = some > most ? some : most;
    }
    // Exponents are then 0 at most, so that nothing overflows.
    const float shift = largest(most);
    Floats total{};
    for (int64_t t = 0; t < end; t += kVector) {
        Floats e = exponential(load<Floats>(scores + t) - shift);
        if (t + kVector > length) {
            for (int64_t k = length - t; k < kVector; ++k) e[k] = 0;
        }
        total += e;
        Cells::pack(e, out + t);
    }
    return sum(total);
}

// Queries of one head over the first `length` positions of a context.
template <typename Cells, int num_queries, typename Number>
INLINE void attend_head(const Number *const *queries, HeadKeyValues<Number> context,
                        const float *bias, int64_t length, int64_t size, int64_t stride,
                        float *scores, Number *probabilities, Number *const *outs) {
    constexpr int kAtOnce = num_queries > 4 ? 2 : 4;
    const int64_t end = (length + kVector - 1) / kVector * kVector;
    int64_t t = 0;
    for (; t + kAtOnce * kVector <= end; t += kAtOnce * kVector) {
        score<Cells, num_queries, kAtOnce>(queries, context.keys + t * size, size, stride,
                                           scores + t);
    }
    for (; t < end; t += kVector) {
        score<Cells, num_queries, 1>(queries, context.keys + t * size, size, stride, scores + t);
    }
    float totals[num_queries];
    for (int q = 0; q < num_queries; ++q) {
        totals[q] =
            exponentials<Cells>(scores + q * stride, bias, length, probabilities + q * stride);
    }
    int64_t d = 0;
    for (; d + kAtOnce * kVector <= size; d += kAtOnce * kVector) {
        mix<Cells, num_queries, kAtOnce>(probabilities, context.values, length, size, stride,
                                         totals, outs, d);
    }
    for (; d < size; d += kVector) {
        mix<Cells, num_queries, 1>(probabilities, context.values, length, size, stride, totals,
                                   outs, d);
    }
}

template <typename Cells, typename Number>
INLINE void attend_tokens(const Number *projected, const int32_t *rows, const int32_t *positions,
                          int64_t num_tokens, const float *bias, KeyValueCache<Number> cache,
                          Workspace<Number> *work, Number *out) {
    const int64_t width = cache.num_heads * cache.size;
    const int64_t per_head = cache.size * cache.capacity;
    for (int64_t n = 0; n < num_tokens; ++n) {
        const Number *query = projected + n * 3 * width;
        const int64_t at = positions[n];
        for (int64_t h = 0; h < cache.num_heads; ++h) {
            const int64_t offset = h * cache.size;
            Number *keys = cache.keys + (rows[n] * cache.num_heads + h) * per_head;
            Number *values = cache.values + (rows[n] * cache.num_heads + h) * per_head;
            append(query + width + offset, query + 2 * width + offset, at, cache.size, keys,
                   values);
            const Number *queries[] = {query + offset};
            Number *outs[] = {out + n * width + offset};
            attend_head<Cells, 1>(queries, HeadKeyValues<Number>{keys, values},
                                  bias + (h + 1) * cache.capacity - 1 - at, at + 1, cache.size,
                                  cache.capacity, work->scores.data(), work->probabilities.data(),
                                  outs);
        }
    }
}

template <typename Cells, int num_queries, typename Number>
INLINE void attend_some(const Number *queries, const SharedKeyValues<Number> &context, int64_t head,
                        int64_t begin, int64_t num_heads, int64_t size, Workspace<Number> *work,
                        Number *out) {
    const int64_t width = num_heads * size;
    const int64_t offset = head * context.capacity * size;
    const Number *some[num_queries];
    Number *outs[num_queries];
    for (int q = 0; q < num_queries; ++q) {
        const int64_t n = std::min(begin + q, context.num_tokens - 1);
        some[q] = queries + n * width + head * size;
        outs[q] = begin + q == n ? out + n * width + head * size : work->unwanted.data();
    }
    attend_head<Cells, num_queries>(
        some, HeadKeyValues<Number>{context.keys + offset, context.values + offset}, nullptr,
        context.length, size, context.capacity, work->scores.data(), work->probabilities.data(),
        outs);
}

template <typename Cells, typename Number>
INLINE void attend_contexts(const Number *queries, const SharedKeyValues<Number> *contexts,
                            int64_t num_contexts, int64_t num_heads, int64_t size,
                            Workspace<Number> *work, Number *out) {
    for (const SharedKeyValues<Number> *m = contexts; m < contexts + num_contexts; ++m) {
        for (int64_t h = 0; h < num_heads; ++h) {
            for (int64_t begin = 0; begin < m->num_tokens; begin += kMaxQueries) {
                const int64_t left = m->num_tokens - begin;
                if (left > 4) {
                    attend_some<Cells, kMaxQueries>(queries, *m, h, begin, num_heads, size, work,
                                                    out);
                } else if (left > 1) {
                    attend_some<Cells, 4>(queries, *m, h, begin, num_heads, size, work, out);
                } else {
                    attend_some<Cells, 1>(queries, *m, h, begin, num_heads, size, work, out);
                }
            }
        }
        queries += m->num_tokens * num_heads * size;
        out += m->num_tokens * num_heads * size;
    }
}

inline void attend_kernel(const float *projected, const int32_t *rows, const int32_t *positions,
                          int64_t num_tokens, const float *bias, KeyValueCache<float> cache,
                          Workspace<float> *work, float *out) {
    attend_tokens<FloatCells>(projected, rows, positions, num_tokens, bias, cache, work, out);
}

inline void attend_kernel(const BFloat16 *projected, const int32_t *rows, const int32_t *positions,
                          int64_t num_tokens, const float *bias, KeyValueCache<BFloat16> cache,
                          Workspace<BFloat16> *work, BFloat16 *out) {
    attend_tokens<Pairs>(projected, rows, positions, num_tokens, bias, cache, work, out);
}

inline void shared_kernel(const float *queries, const SharedKeyValues<float> *contexts,
                          int64_t num_contexts, int64_t num_heads, int64_t size,
                          Workspace<float> *work, float *out) {
    attend_contexts<FloatCells>(queries, contexts, num_contexts, num_heads, size, work, out);
}

inline void shared_kernel(const BFloat16 *queries, const SharedKeyValues<BFloat16> *contexts,
                          int64_t num_contexts, int64_t num_heads, int64_t size,
                          Workspace<BFloat16> *work, BFloat16 *out) {
    attend_contexts<Pairs>(queries, contexts, num_contexts, num_heads, size, work, out);
}
