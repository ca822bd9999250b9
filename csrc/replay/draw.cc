#include "replay/draw.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

#include "replay/key.h"

namespace codeit::replay {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

// Two ways to look at the weights of the same entries.
struct Weights {
    const double *weights;
    double operator()(size_t slot) const { return weights[slot]; }
};
struct ZerosOnly {
    const double *weights;
    double operator()(size_t slot) const { return weights[slot] == 0.0 ? 1.0 : 0.0; }
};

// The seed of the clocks.
uint64_t clock_seed(uint64_t seed) {
    return mix(mix(seed));
}

// Uniform on the odd multiples of 2^-53 in (0, 1), so that 1 - uniform() is exact too.
double uniform(uint64_t variate, uint64_t seed) {
    return (static_cast<double>(static_cast<int64_t>(mix(variate ^ seed) >> 12)) + 0.5) * 0x1p-52;
}

double exponential(double u) {
    return -std::log(1.0 - u);
}

// Rings in the order of their slots.
struct Rings {
    std::vector<double> times;
    std::vector<int64_t> slots;

    void push(double time, size_t slot) {
        times.push_back(time);
        slots.push_back(static_cast<int64_t>(slot));
    }
};

// Every ring up to `deadline` (which may be kForever); weight 0 never rings.
//
// E <= x is the same as U <= 1 - exp(-x), and 1 - exp(-x) <= 2x / (2 + x) for x >= 0. That bound
// costs no logarithm and no division, and keeps nearly all who ring late from paying for either.
// Its slack covers the rounding, so that nobody who rings in time is lost.
template <class WeightOf>
Rings collect(const Entrants &entrants, WeightOf weight_of, uint64_t seed, double deadline,
              size_t num_expected) {
    constexpr size_t kBlock = 1024;
    constexpr double kSlack = 1 + 1e-12;
    uint32_t slots[kBlock];
    double uniforms[kBlock];
    Rings rings;
    rings.times.reserve(num_expected);
    rings.slots.reserve(num_expected);
    uint64_t its_seed = clock_seed(seed);
    for (size_t begin = 0; begin < entrants.size; begin += kBlock) {
        size_t end = std::min(entrants.size, begin + kBlock);
        size_t num_likely = 0;
        for (size_t slot = begin; slot < end; ++slot) {
            double u = uniform(entrants.variates[slot], its_seed);
            double x = deadline * weight_of(slot);
            slots[num_likely] = static_cast<uint32_t>(slot);
            uniforms[num_likely] = u;
            num_likely += u * (2 + x) <= (2 * kSlack) * x;
        }
        for (size_t k = 0; k < num_likely; ++k) {
            double time = exponential(uniforms[k]) / weight_of(slots[k]);
            if (time <= deadline) rings.push(time, slots[k]);
        }
    }
    return rings;
}

// The slots of the n earliest rings; of rings at the very same time, those of lower slots.
std::vector<int64_t> earliest(Rings rings, size_t n) {
    if (n == rings.slots.size()) return std::move(rings.slots);
    std::vector<double> times = rings.times;
    std::nth_element(times.begin(), times.begin() + n, times.end());
    double cut = times[n]; // The earliest time that is too late, but for ties.
    size_t num_before = std::ranges::count_if(rings.times, [&](double time) { return time < cut; });
    size_t num_ties = n - num_before;
    size_t num_kept = 0;
    for (size_t k = 0; k < rings.slots.size(); ++k) {
        bool is_tie = rings.times[k] == cut && num_ties > 0;
        num_ties -= is_tie;
        rings.slots[num_kept] = rings.slots[k];
        num_kept += rings.times[k] < cut || is_tie;
    }
    rings.slots.resize(n);
    return std::move(rings.slots);
}

// A time by which n entries have very likely rung and few more, from the first rings of a sample
// with one entry from each of kSample equal stretches. A wrong guess costs time, never exactness.
template <class WeightOf>
double guess_deadline(const Entrants &entrants, WeightOf weight_of, size_t n, uint64_t seed) {
    constexpr size_t kSample = 8192;
    if (entrants.size < 4 * kSample) return kForever;
    double expected_rank = static_cast<double>(n) * kSample / static_cast<double>(entrants.size);
    size_t rank = static_cast<size_t>(expected_rank + 4 * std::sqrt(expected_rank) + 8);
    if (rank >= kSample) return kForever;
    std::vector<double> times(kSample);
    uint64_t its_seed = clock_seed(seed);
    for (size_t k = 0; k < kSample; ++k) {
        size_t slot = (k * entrants.size + mix(seed + k) % entrants.size) / kSample;
        double weight = weight_of(slot);
        double u = uniform(entrants.variates[slot], its_seed);
        times[k] = weight > 0 ? exponential(u) / weight : kForever;
    }
    std::nth_element(times.begin(), times.begin() + rank, times.end());
    return times[rank];
}

// At least n entries have positive weight.
template <class WeightOf>
std::vector<int64_t> draw_distinct(const Entrants &entrants, WeightOf weight_of, size_t n,
                                   uint64_t seed) {
    double deadline = guess_deadline(entrants, weight_of, n, seed);
    Rings rings = collect(entrants, weight_of, seed, deadline, n + n / 4);
    if (rings.slots.size() < n) rings = collect(entrants, weight_of, seed, kForever, entrants.size);
    return earliest(std::move(rings), n);
}

// Every entry of positive weight, and num_zeros of the others.
std::vector<int64_t> draw_into_zeros(const Entrants &entrants, size_t num_zeros, uint64_t seed) {
    std::vector<int64_t> zeros =
        draw_distinct(entrants, ZerosOnly{entrants.weights}, num_zeros, seed);
    std::vector<int64_t> result;
    result.reserve(entrants.num_positive + num_zeros);
    auto zero = zeros.begin();
    for (size_t slot = 0; slot < entrants.size; ++slot) {
        bool is_drawn_zero = zero != zeros.end() && *zero == static_cast<int64_t>(slot);
        zero += is_drawn_zero;
        if (is_drawn_zero || entrants.weights[slot] > 0)
            result.push_back(static_cast<int64_t>(slot));
    }
    return result;
}

} // namespace

std::vector<int64_t> draw(const Entrants &entrants, size_t n, uint64_t seed) {
    if (n == 0 || entrants.size == 0) return {};
    if (n >= entrants.size) {
        std::vector<int64_t> all(entrants.size);
        std::iota(all.begin(), all.end(), 0);
        return all;
    }
    if (n > entrants.num_positive)
        return draw_into_zeros(entrants, n - entrants.num_positive, seed);
    return draw_distinct(entrants, Weights{entrants.weights}, n, seed);
}

} // namespace codeit::replay
