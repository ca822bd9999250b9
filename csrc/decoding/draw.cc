#include "decoding/draw.h"

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/random.h"

namespace codeit {
namespace {

constexpr int64_t kBlock = 64;

struct Candidate {
    float score;
    int64_t index;
};

bool is_likelier(const Candidate &a, const Candidate &b) {
    return a.score != b.score ? a.score > b.score : a.index < b.index;
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// log(exp(a) + exp(b))
double log_sum(double a, double b) {
    const double larger = std::max(a, b);
    return larger == -kInfinity ? larger : larger + std::log1p(std::exp(std::min(a, b) - larger));
}

// What the numbers of a beginning follow from that is longer by a token.
uint64_t key_after(uint64_t key, int64_t token) {
    constexpr uint64_t kOdd = 0xA0761D6478BD642F;
    return Random(key ^ (static_cast<uint64_t>(token) + 1) * kOdd).next();
}

} // namespace
} // namespace codeit

#define KERNELS "decoding/draw_kernels.h"
#include "decoding/processors.h"

namespace codeit {
namespace {

class Drawer {
  public:
    Drawer(const DrawLaw &law, int64_t num_scores)
        : law_(law), num_scores_(num_scores),
          is_ranked_((law.top_k > 0 && law.top_k < num_scores) || law.top_p < 1),
          num_wanted_(law.top_k > 0 ? std::min(law.top_k, num_scores) : num_scores) {}

    int64_t draw(const float *scores, const uint64_t *allowed, int64_t num_words, double uniform) {
        find_candidates(scores, allowed, num_words);
        if (candidates_.empty()) return 0;
        weigh();
        return candidates_[chosen(uniform)].index;
    }

    // Of a row of scores the branches of a branch: at most so many, until one arrives after the
    // limit. Each is told to `add` as (index, key, log_mass, log_time).
    template <class Add>
    void branch(const float *scores, const uint64_t *allowed, int64_t num_words, uint64_t key,
                double log_mass, double log_time, double log_limit, int64_t most, const Add &add) {
        find_candidates(scores, allowed, num_words);
        if (candidates_.empty()) {
            add(0, key, log_mass, log_time);
            return;
        }
        weigh();
        const double log_whole = std::log(sum());
        Random random(key);
        for (int64_t count = 1;; ++count) {
            const size_t k = chosen(random.uniform());
            const int64_t index = candidates_[k].index;
            add(index, key_after(key, index), log_mass + std::log(weights_[k]) - log_whole,
                log_time);
            weights_[k] = 0;
            // What is left is added up, never subtracted from the whole: so it is exact however
            // little it is.
            const double left = sum();
            if (count == most || !(left > 0)) return;
            const double log_rate = log_mass + std::log(left) - log_whole;
            log_time = log_sum(log_time, std::log(-std::log1p(-random.uniform())) - log_rate);
            if (!(log_time <= log_limit)) return;
        }
    }

  private:
    void find_candidates(const float *scores, const uint64_t *allowed, int64_t num_words) {
        candidates_.clear();
        if (allowed != nullptr) {
            add_allowed(scores, allowed, num_words);
        } else if (num_wanted_ * 4 * kBlock < num_scores_) {
            add_likely(scores);
        } else {
            for (int64_t k = 0; k < num_scores_; ++k) add(scores, k);
        }
        if (is_ranked_) rank();
    }

    void add(const float *scores, int64_t k) {
        if (k < num_scores_ && scores[k] > -std::numeric_limits<float>::infinity()) {
            candidates_.push_back({scores[k], k});
        }
    }

    void add_allowed(const float *scores, const uint64_t *allowed, int64_t num_words) {
        for (int64_t w = 0; w < num_words; ++w) {
            for (uint64_t left = allowed[w]; left != 0; left &= left - 1) {
                add(scores, w * 64 + std::countr_zero(left));
            }
        }
    }

    // At least the likeliest num_wanted_. As many blocks have a score as large as the smallest of
    // the num_wanted_ largest maxima, so that no smaller one is among the likeliest.
    void add_likely(const float *scores) {
        const int64_t num_blocks = num_scores_ / kBlock;
        maxima_.resize(static_cast<size_t>(num_blocks));
        ON_THIS_PROCESSOR(maxima_kernel, scores, num_blocks, maxima_.data());
        ranked_ = maxima_;
        auto last = ranked_.begin() + num_wanted_ - 1;
        std::nth_element(ranked_.begin(), last, ranked_.end(), std::greater<float>());
        for (int64_t b = 0; b < num_blocks; ++b) {
            if (maxima_[static_cast<size_t>(b)] < *last) continue;
            for (int64_t k = b * kBlock; k < (b + 1) * kBlock; ++k) {
                if (scores[k] >= *last) add(scores, k);
            }
        }
        for (int64_t k = num_blocks * kBlock; k < num_scores_; ++k) add(scores, k);
    }

    void rank() {
        auto end =
            candidates_.begin() + std::min(num_wanted_, static_cast<int64_t>(candidates_.size()));
        std::partial_sort(candidates_.begin(), end, candidates_.end(), is_likelier);
        candidates_.erase(end, candidates_.end());
    }

    // The weights of the candidates, those that cannot be drawn left out.
    void weigh() {
        float largest = candidates_[0].score;
        for (const Candidate &c : candidates_) largest = std::max(largest, c.score);
        weights_.clear();
        for (const Candidate &c : candidates_) {
            weights_.push_back(
                std::exp((static_cast<double>(c.score) - largest) / law_.temperature));
        }
        if (law_.top_p < 1) {
            // What comes after the probability has been reached cannot be drawn.
            const double enough = law_.top_p * sum();
            double reached = weights_[0];
            size_t count = 1;
            while (count < weights_.size() && reached < enough) reached += weights_[count++];
            weights_.resize(count);
        }
    }

    double sum() const { return std::accumulate(weights_.begin(), weights_.end(), 0.0); }

    size_t chosen(double uniform) {
        const double point = uniform * sum();
        double reached = 0;
        size_t at = 0;
        for (size_t k = 0; k < weights_.size(); ++k) {
            if (weights_[k] == 0) continue;
            at = k;
            if ((reached += weights_[k]) > point) break;
        }
        return at;
    }

    const DrawLaw law_;
    const int64_t num_scores_;
    const bool is_ranked_;
    const int64_t num_wanted_;
    std::vector<Candidate> candidates_;
    std::vector<float> maxima_;
    std::vector<float> ranked_;
    std::vector<double> weights_;
};

} // namespace

void find_finite(const float *scores, int64_t num_rows, int64_t num_scores, bool *out) {
    for (int64_t n = 0; n < num_rows; ++n, scores += num_scores) {
        out[n] = ON_THIS_PROCESSOR(finite_kernel, scores, num_scores);
    }
}

void draw(const float *scores, const uint64_t *allowed, const double *uniforms, int64_t num_rows,
          int64_t num_scores, int64_t num_words, const DrawLaw &law, int64_t *out) {
    Drawer drawer(law, num_scores);
    for (int64_t n = 0; n < num_rows; ++n) {
        const uint64_t *words = allowed == nullptr ? nullptr : allowed + n * num_words;
        out[n] = drawer.draw(scores + n * num_scores, words, num_words, uniforms[n]);
    }
}

void branch(const float *scores, const uint64_t *allowed,
            const Branches<const uint64_t, const double> &from, const double *log_limits,
            int64_t num_rows, int64_t num_scores, int64_t num_words, const DrawLaw &law,
            int64_t most, int64_t *counts, int64_t *tokens, const Branches<uint64_t, double> &out) {
    Drawer drawer(law, num_scores);
    for (int64_t n = 0; n < num_rows; ++n) {
        const uint64_t *words = allowed == nullptr ? nullptr : allowed + n * num_words;
        counts[n] = 0;
        const auto add = [&](int64_t index, uint64_t key, double log_mass, double log_time) {
            const int64_t at = n * most + counts[n]++;
            tokens[at] = index;
            out.keys[at] = key;
            out.log_masses[at] = log_mass;
            out.log_times[at] = log_time;
        };
        drawer.branch(scores + n * num_scores, words, num_words, from.keys[n], from.log_masses[n],
                      from.log_times[n], log_limits[n], most, add);
    }
}

} // namespace codeit
