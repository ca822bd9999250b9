// The kernels of draw.cc; see processors.h.

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
