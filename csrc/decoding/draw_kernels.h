// The kernels of draw.cc; see processors.h.

// A number is finite unless all bits of its exponent are set.
inline bool finite_kernel(const float *scores, int64_t count) {
    constexpr int32_t kInfinite = 0x7F800000;
    Integers most{};
    int64_t k = 0;
    for (; k + kVector <= count; k += kVector) {
        const Integers bits = load<Integers>(scores + k) & 0x7FFFFFFF;
        most = bits > most ? bits : most;
    }
    int32_t largest_bits = 0;
    for (int64_t v = 0; v < kVector; ++v) largest_bits = std::max(largest_bits, most[v]);
    for (; k < count; ++k) {
        largest_bits = std::max(largest_bits, std::bit_cast<int32_t>(scores[k]) & 0x7FFFFFFF);
    }
    return largest_bits < kInfinite;
}

// The largest score of each block; -inf in place of what is no number.
inline void maxima_kernel(const float *scores, int64_t num_blocks, float *out) {
    for (int64_t b = 0; b < num_blocks; ++b, scores += kBlock) {
        Floats most = all(-std::numeric_limits<float>::infinity());
        for (int64_t k = 0; k < kBlock; k += kVector) {
            const Floats some = load<Floats>(scores + k);
            most = some > most ? some : most;
        }
        out[b] = largest(most);
    }
}
