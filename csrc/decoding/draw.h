// Drawing a token from the scores of a model, by one uniform number. Sums are taken in double
// precision and in one order, so that the same scores and number give the same token.
#pragma once

#include "decoding/cells.h"

namespace codeit {

struct DrawLaw {
    double temperature;
    int64_t top_k; // 0: all
    double top_p;  // 1: all
};

// Of each row of scores an index, by the inverse of its cumulative distribution: temperature, then
// the likeliest k, then the likeliest that reach p together. Where those apply, the distribution
// runs from the likeliest on, else by index. Equal scores rank by index.
//   scores    [num_rows, num_scores]; what is no number, or -inf, cannot be drawn
//   allowed   [num_rows, num_words] bits of what can be drawn, or nothing
//   uniforms  [num_rows], at least 0 and below 1
//   out       [num_rows]; 0 where nothing can be drawn
void draw(const float *scores, const uint64_t *allowed, const double *uniforms, int64_t num_rows,
          int64_t num_scores, int64_t num_words, const DrawLaw &law, int64_t *out);

// Branches: samples that begin alike, in a race of all samples. Each sample arrives after an
// exponential time whose rate is its probability. The order in which they arrive is that of draws
// without replacement, each by the mass that is left. A branch arrives when the first of its
// samples does.
//   keys        what the numbers that decide below it follow from
//   log_masses  of the probability that a sample begins so
//   log_times   of its arrival; -inf where all begin
template <class Key, class Number>
struct Branches {
    Key *keys;
    Number *log_masses;
    Number *log_times;
};

// Of each row of scores the branches of its branch, in the order in which they arrive: the first,
// which is drawn by the law, then the others, each as the law would draw it if those before it
// could not be drawn. An exponential time has no memory: given when the first of them arrives, the
// next does so at the rate of the mass that is left.
//   from        [num_rows]
//   log_limits  [num_rows]; only the first branch may arrive later
//   most        of the branches of a row, at least 1
//   counts      [num_rows]; how many there are, at least 1
//   tokens, out [num_rows, most]; index 0 alone where nothing can be drawn
void branch(const float *scores, const uint64_t *allowed,
            const Branches<const uint64_t, const double> &from, const double *log_limits,
            int64_t num_rows, int64_t num_scores, int64_t num_words, const DrawLaw &law,
            int64_t most, int64_t *counts, int64_t *tokens, const Branches<uint64_t, double> &out);

// Whether all numbers of each row are finite.
//   scores    [num_rows, num_scores]
//   out       [num_rows]
void find_finite(const float *scores, int64_t num_rows, int64_t num_scores, bool *out);

} // namespace codeit
