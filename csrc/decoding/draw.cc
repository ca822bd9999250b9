#include "decoding/draw.h"

#include <cmath>
#include <functional>
#include <limits>

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
        candidates_.clear();
        if (allowed != nullptr) {
            add_allowed(scores, allowed, num_words);
        } else if (num_wanted_ * 4 * kBlock < num_scores_) {
            add_likely(scores);
        } else {
            for (int64_t k = 0; k < num_scores_; ++k) add(scores, k);
        }
        if (is_ranked_) rank();
        return candidates_.empty() ? 0 : chosen(uniform);
    }

  private:
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

    int64_t chosen(double uniform) {
        float largest = candidates_[0].score;
        for (const Candidate &c : candidates_) largest = std::max(largest, c.score);
        sums_.clear();
        double total = 0;
        for (const Candidate &c : candidates_) {
            sums_.push_back(total +=
                            std::exp((static_cast<double>(c.score) - largest) / law_.temperature));
        }
        if (law_.top_p < 1) {
            // What comes after the probability has been reached cannot be drawn.
            size_t count = 1;
            while (count < sums_.size() && sums_[count - 1] < law_.top_p * total) ++count;
            sums_.resize(count);
            total = sums_.back();
        }
        auto at = std::upper_bound(sums_.begin(), sums_.end() - 1, uniform * total);
        return candidates_[static_cast<size_t>(at - sums_.begin())].index;
    }

    const DrawLaw law_;
    const int64_t num_scores_;
    const bool is_ranked_;
    const int64_t num_wanted_;
    std::vector<Candidate> candidates_;
    std::vector<float> maxima_;
    std::vector<float> ranked_;
    std::vector<double> sums_;
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

} // namespace codeit
