// The kernels of products.cc; see processors.h.
//
// A panel of 32 rows of the matrix is read once for up to 12 tokens, whose sums may stay in
// registers. Each output is one sum over the row, in its order, in one accumulator, however many
// tokens are worked on together: a token's product does not depend on the others.

// Tokens in int8, and what each was divided by.
INLINE void quantize(const BFloat16 *tokens, int64_t num_tokens, int64_t width, uint8_t *out,
                     float *scales) {
    for (int64_t n = 0; n < num_tokens; ++n, tokens += width, out += width) {
        Floats most{};
        Floats nothing{}; // 0, or no number if one of the token's is not finite
        for (int64_t k = 0; k < width; k += kVector) {
            const Floats x = load_floats(tokens + k);
            const Floats size = x < Floats{} ? -x : x;
            most = size > most ? size : most;
            nothing += x - x;
        }
        const float scale = std::max(largest(most), 1e-30f) / 127 + sum(nothing);
        for (int64_t k = 0; k < width; k += kVector) {
            // The nearest: what is added moves it into the last bits of a float.
            const Floats x = load_floats(tokens + k) * (1 / scale) + (12582912.0f + 128);
            const Words codes = std::bit_cast<Words>(x) & 0xFF;
            for (int64_t j = 0; j < kVector; ++j) out[k + j] = static_cast<uint8_t>(codes[j]);
        }
        scales[n] = scale;
    }
}

// kPanel rows of the matrix for some tokens: the sums, before scales. They are local while they
// grow, so that they need not be memory.
template <typename Cells, int num_tokens, typename Token, typename Number>
INLINE void multiply_panel(const Token *const *tokens, const Number *panel, int64_t num_in,
                           typename Cells::Sums out[num_tokens][2]) {
    constexpr int64_t p = Cells::kPerCell;
    using Vector = typename Cells::Vector;
    typename Cells::Sums sums[num_tokens][2] = {};
    for (int64_t k = 0; k < num_in; k += p, panel += p * kPanel) {
        const Vector a = load<Vector>(panel);
        const Vector b = load<Vector>(panel + p * kVector);
        for (int n = 0; n < num_tokens; ++n) {
            const Vector token = Cells::spread(tokens[n] + k);
            sums[n][0] = Cells::add(sums[n][0], a, token);
            sums[n][1] = Cells::add(sums[n][1], b, token);
        }
    }
    for (int n = 0; n < num_tokens; ++n) {
        out[n][0] = sums[n][0];
        out[n][1] = sums[n][1];
    }
}

INLINE Floats scaled(Floats sums, const Weights<float> &, int64_t, const float *) {
    return sums;
}
INLINE Floats scaled(Floats sums, const Weights<BFloat16> &, int64_t, const float *) {
    return sums;
}
INLINE Floats scaled(Integers sums, const Weights<int8_t> &weights, int64_t at,
                     const float *scale) {
    const Integers moved = sums - load<Integers>(weights.sums + at);
    return __builtin_convertvector(moved, Floats) * load<Floats>(weights.scales + at) * *scale;
}

// Tokens begin .. begin + num_tokens of the chunk, as far as there are some, by one panel.
template <typename Cells, int num_tokens, typename Token, typename Number, typename Out>
INLINE void multiply_some(const Token *tokens, const float *scales, int64_t begin, int64_t end,
                          const Weights<Number> &weights, int64_t panel, bool is_positive,
                          Out *out) {
    const Token *some[num_tokens];
    for (int n = 0; n < num_tokens; ++n) {
        some[n] = tokens + std::min(begin + n, end - 1) * weights.num_in;
    }
    typename Cells::Sums sums[num_tokens][2];
    multiply_panel<Cells, num_tokens>(some, weights.numbers + panel * kPanel * weights.num_in,
                                      weights.num_in, sums);
    const int64_t left = weights.num_out - panel * kPanel;
    for (int n = 0; n < num_tokens && begin + n < end; ++n) {
        Out *to = out + (begin + n) * weights.num_out + panel * kPanel;
        for (int v = 0; v < 2; ++v) {
            Floats x = scaled(sums[n][v], weights, panel * kPanel + v * kVector,
                              scales == nullptr ? nullptr : scales + begin + n);
            if (is_positive) x = x <= Floats{} ? Floats{} : x;
            if (left >= kPanel) {
                store_floats(x, to + v * kVector);
            } else {
                Out part[kVector];
                store_floats(x, part);
                for (int64_t k = 0; k < std::min(left - v * kVector, kVector); ++k) {
                    to[v * kVector + k] = part[k];
                }
            }
        }
    }
}

// Panel by panel, so that one stays in the cache for all tokens of a chunk.
template <typename Cells, typename Token, typename Number, typename Out>
INLINE void multiply_chunk(const Token *tokens, const float *scales, int64_t num_tokens,
                           const Weights<Number> &weights, bool is_positive, Out *out) {
    for (int64_t panel = 0; panel < num_panels(weights.num_out); ++panel) {
        int64_t begin = 0;
        for (; begin + 8 < num_tokens; begin += 12) {
            multiply_some<Cells, 12>(tokens, scales, begin, num_tokens, weights, panel, is_positive,
                                     out);
        }
        for (; begin + 1 < num_tokens; begin += 4) {
            multiply_some<Cells, 4>(tokens, scales, begin, num_tokens, weights, panel, is_positive,
                                    out);
        }
        if (begin < num_tokens) {
            multiply_some<Cells, 1>(tokens, scales, begin, num_tokens, weights, panel, is_positive,
                                    out);
        }
    }
}

inline void multiply_kernel(const float *tokens, int64_t num_tokens, const Weights<float> &weights,
                            bool is_positive, float *out) {
    multiply_chunk<FloatCells>(tokens, nullptr, num_tokens, weights, is_positive, out);
}

inline void multiply_kernel(const BFloat16 *tokens, int64_t num_tokens,
                            const Weights<BFloat16> &weights, bool is_positive, BFloat16 *out) {
    multiply_chunk<Pairs>(tokens, nullptr, num_tokens, weights, is_positive, out);
}

inline void multiply_kernel(const BFloat16 *tokens, int64_t num_tokens,
                            const Weights<BFloat16> &weights, bool is_positive, float *out) {
    multiply_chunk<Pairs>(tokens, nullptr, num_tokens, weights, is_positive, out);
}

template <typename Out>
INLINE void multiply_quantized(const BFloat16 *tokens, int64_t num_tokens,
                               const Weights<int8_t> &weights, bool is_positive, Out *out) {
    std::vector<uint8_t> codes(static_cast<size_t>(num_tokens * weights.num_in));
    std::vector<float> scales(static_cast<size_t>(num_tokens));
    quantize(tokens, num_tokens, weights.num_in, codes.data(), scales.data());
    multiply_chunk<Quads>(codes.data(), scales.data(), num_tokens, weights, is_positive, out);
}

inline void multiply_kernel(const BFloat16 *tokens, int64_t num_tokens,
                            const Weights<int8_t> &weights, bool is_positive, BFloat16 *out) {
    multiply_quantized(tokens, num_tokens, weights, is_positive, out);
}

inline void multiply_kernel(const BFloat16 *tokens, int64_t num_tokens,
                            const Weights<int8_t> &weights, bool is_positive, float *out) {
    multiply_quantized(tokens, num_tokens, weights, is_positive, out);
}
