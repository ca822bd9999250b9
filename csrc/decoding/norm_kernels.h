// The kernels of norm.cc; see processors.h.

template <typename Number>
INLINE void normalize(float *sums, const Number *added, const float *weight, float epsilon,
                      int64_t num_tokens, int64_t width, Number *out) {
    for (int64_t n = 0; n < num_tokens; ++n, sums += width, out += width) {
        Floats squares{};
        for (int64_t c = 0; c < width; c += kVector) {
            Floats x = load<Floats>(sums + c);
            if (added != nullptr) {
                x += load_floats(added + n * width + c);
                store(x, sums + c);
            }
            squares += x * x;
        }
        const float scale = 1.0f / std::sqrt(sum(squares) / static_cast<float>(width) + epsilon);
        for (int64_t c = 0; c < width; c += kVector) {
            store_floats(load<Floats>(sums + c) * scale * load<Floats>(weight + c), out + c);
        }
    }
}

inline void norm_kernel(float *sums, const float *added, const float *weight, float epsilon,
                        int64_t num_tokens, int64_t width, float *out) {
    normalize(sums, added, weight, epsilon, num_tokens, width, out);
}

inline void norm_kernel(float *sums, const BFloat16 *added, const float *weight, float epsilon,
                        int64_t num_tokens, int64_t width, BFloat16 *out) {
    normalize(sums, added, weight, epsilon, num_tokens, width, out);
}
