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

// Whether all numbers of each row are finite.
//   scores    [num_rows, num_scores]
//   out       [num_rows]
void find_finite(const float *scores, int64_t num_rows, int64_t num_scores, bool *out);

} // namespace codeit
