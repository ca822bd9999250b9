// Sixteen numbers at a time. Not for including: processors.h does, once for each kind of processor.
//
// Kernels count in cells of four bytes: one float, or two bfloat16 that are multiplied together
// (two dimensions of a key, two positions of a value). So they are the same for both.

using Floats = float __attribute__((vector_size(64)));
using Words = uint32_t __attribute__((vector_size(64)));
using Integers = int32_t __attribute__((vector_size(64)));
using Halves = uint16_t __attribute__((vector_size(32)));

template <typename Vector>
INLINE Vector load(const void *from) {
    Vector v;
    std::memcpy(&v, from, sizeof v);
    return v;
}
template <typename Vector>
INLINE void store(Vector v, void *to) {
    std::memcpy(to, &v, sizeof v);
}
INLINE Floats all(float x) {
    return x - Floats{};
}
INLINE float sum(Floats v) {
    float total = 0;
    for (int64_t k = 0; k < kVector; ++k) total += v[k];
    return total;
}
INLINE float largest(Floats v) {
    float most = v[0];
    for (int64_t k = 1; k < kVector; ++k) most = std::max(most, v[k]);
    return most;
}

// To the nearest, ties to even, as PyTorch rounds. What is no number stays so in the forms that
// operations give it.
INLINE Words rounded(Floats x) {
    auto bits = std::bit_cast<Words>(x);
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}
INLINE uint16_t rounded(float x) {
    auto bits = std::bit_cast<uint32_t>(x);
    return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

INLINE Floats load_floats(const float *from) {
    return load<Floats>(from);
}
INLINE Floats load_floats(const BFloat16 *from) {
    return std::bit_cast<Floats>(__builtin_convertvector(load<Halves>(from), Words) << 16);
}
INLINE void store_floats(Floats v, float *to) {
    store(v, to);
}
INLINE void store_floats(Floats v, BFloat16 *to) {
    store(__builtin_convertvector(rounded(v), Halves), to);
}

// e^x for x <= 0, to about 2e-7 relative: 2^n times a polynomial of what is left. What is no number
// stays so, here and in all kernels, so that it shows in the scores.
INLINE Floats exponential(Floats x) {
    const Floats least = all(-87.0f);
    x = x < least ? least : x;
    const Floats n = (x * 1.44269504f + 12582912.0f) - 12582912.0f; // rounded
    // ln 2 in two parts, of which the first has few bits, so that its product with n is exact.
    Floats r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    Floats p = all(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return p * std::bit_cast<Floats>((__builtin_convertvector(n, Integers) + 127) << 23);
}

// What is added up: cells of a vector times one cell. Each has load, spread (one cell to all
// places) and add.
struct FloatCells {
    using Number = float;
    static constexpr int64_t kPerCell = 1;
    using Vector = Floats;
    using Sums = Floats;

    static INLINE Vector spread(const float *cell) { return all(*cell); }
    static INLINE Floats add(Floats sums, Vector a, Vector b) { return sums + a * b; }
    // 16 probabilities as cells of `values`.
    static INLINE void pack(Floats p, float *to) { store(p, to); }
};

struct PairCells {
    using Number = BFloat16;
    static constexpr int64_t kPerCell = 2;
    using Vector = Words;
    using Sums = Floats;

    static INLINE Vector spread(const BFloat16 *cell) {
        uint32_t word;
        std::memcpy(&word, cell, sizeof word);
        return word - Words{};
    }
    static INLINE Floats add(Floats sums, Vector a, Vector b) {
        sums += std::bit_cast<Floats>(a << 16) * std::bit_cast<Floats>(b << 16);
        return sums + std::bit_cast<Floats>(a & 0xFFFF0000) * std::bit_cast<Floats>(b & 0xFFFF0000);
    }
    static INLINE void pack(Floats p, BFloat16 *to) { store_floats(p, to); }
};

#if HAS_PRODUCTS_OF_CELLS
// The same by the processor's own instruction.
struct Pairs : PairCells {
    static INLINE Floats add(Floats sums, Vector a, Vector b) {
        return std::bit_cast<Floats>(_mm512_dpbf16_ps(
            std::bit_cast<__m512>(sums), std::bit_cast<__m512bh>(a), std::bit_cast<__m512bh>(b)));
    }
};
#else
using Pairs = PairCells;
#endif

// Four int8 of a weight times four of a token, which are positive.
struct Quads {
    static constexpr int64_t kPerCell = 4;
    using Vector = Integers;
    using Sums = Integers;

    static INLINE Vector spread(const uint8_t *cell) {
        int32_t word;
        std::memcpy(&word, cell, sizeof word);
        return word - Integers{};
    }
    static INLINE Integers add(Integers sums, Vector weights, Vector tokens) {
#if HAS_PRODUCTS_OF_CELLS
        return std::bit_cast<Integers>(_mm512_dpbusd_epi32(std::bit_cast<__m512i>(sums),
                                                           std::bit_cast<__m512i>(tokens),
                                                           std::bit_cast<__m512i>(weights)));
#else
        for (int shift = 24; shift >= 0; shift -= 8) {
            sums += (weights << shift >> 24) * (tokens >> (24 - shift) & 0xFF);
        }
        return sums;
#endif
    }
};
