#include "core/sort.h"

#include <algorithm>

namespace codeit {
namespace {

// How often in a row one run must win at first, until the merge takes items by the stretch.
constexpr size_t kMinGallop = 7;
constexpr size_t kMaxRuns = 64; // lengths on the stack grow at least as the Fibonacci numbers

class Sorter {
  public:
    Sorter(Machine &m, const Value *keys, uint32_t *a, uint32_t *aside)
        : m_(m), keys_(keys), a_(a), aside_(aside) {}

    Outcome sort(size_t size);

  private:
    struct Run {
        size_t start;
        size_t length;
        unsigned power;
    };

    Outcome is_less(uint32_t x, uint32_t y, bool *result) {
        TRY(m_.charge(units::kCompared));
        return less(m_, keys_[x], keys_[y], result);
    }

    Outcome count_run(size_t lo, size_t end, size_t *length);
    Outcome binary_insertion(size_t lo, size_t end, size_t start);
    Outcome merge_at(size_t i);
    Outcome merge_low(size_t to, size_t length_a, size_t length_b);
    Outcome merge_high(size_t start, size_t length_a, size_t length_b);
    Outcome gallop_left(uint32_t x, const uint32_t *run, size_t length, size_t hint, size_t *out);
    Outcome gallop_right(uint32_t x, const uint32_t *run, size_t length, size_t hint, size_t *out);

    Machine &m_;
    const Value *keys_;
    uint32_t *a_;
    uint32_t *aside_; // as large as a_
    Run runs_[kMaxRuns];
    size_t num_runs_ = 0;
    size_t min_gallop_ = kMinGallop;
};

// Where the boundary between two neighbouring runs lies in a perfectly balanced merge tree: the
// number of the first binary digit in which the middles of the two runs, as fractions of the whole,
// differ. a and b are twice the middles; each round compares a digit, and doubles what remains.
unsigned merge_power(size_t start, size_t length_1, size_t length_2, size_t size) {
    size_t a = 2 * start + length_1;
    size_t b = a + length_1 + length_2;
    for (unsigned power = 1;; ++power) {
        if (a >= size) {
            a -= size;
            b -= size;
        } else if (b >= size) {
            return power;
        }
        a <<= 1;
        b <<= 1;
    }
}

Outcome Sorter::sort(size_t size) {
    // The six highest bits of the size, plus 1 if any other bit is set: so that the number of runs
    // is a power of two or just below, and merges are balanced.
    size_t min_run = size;
    size_t odd = 0;
    while (min_run >= 64) {
        odd |= min_run & 1;
        min_run >>= 1;
    }
    min_run += odd;

    for (size_t lo = 0; lo < size;) {
        size_t length;
        TRY(count_run(lo, size, &length));
        if (length < min_run) {
            size_t forced = std::min(min_run, size - lo);
            TRY(binary_insertion(lo, lo + forced, lo + length));
            length = forced;
        }
        if (num_runs_ > 0) {
            // Powers on the stack ascend: a boundary deeper in the tree than the new one is merged
            // first.
            const Run top = runs_[num_runs_ - 1];
            unsigned power = merge_power(top.start, top.length, length, size);
            while (num_runs_ > 1 && runs_[num_runs_ - 2].power > power) {
                TRY(merge_at(num_runs_ - 2));
            }
            runs_[num_runs_ - 1].power = power;
        }
        if (num_runs_ == kMaxRuns) return broken_invariant();
        runs_[num_runs_++] = {lo, length, 0};
        lo += length;
    }
    while (num_runs_ > 1) {
        size_t i = num_runs_ - 2;
        if (i > 0 && runs_[i - 1].length < runs_[i + 1].length) --i;
        TRY(merge_at(i));
    }
    return Outcome::ok;
}

Outcome Sorter::count_run(size_t lo, size_t end, size_t *length) {
    if (lo + 1 == end) {
        *length = 1;
        return Outcome::ok;
    }
    // A run that descends does so strictly, so that to reverse it keeps equal items in their order.
    bool is_descending;
    TRY(is_less(a_[lo + 1], a_[lo], &is_descending));
    size_t at = lo + 2;
    for (; at < end; ++at) {
        bool goes_down;
        TRY(is_less(a_[at], a_[at - 1], &goes_down));
        if (goes_down != is_descending) break;
    }
    if (is_descending) std::reverse(a_ + lo, a_ + at);
    *length = at - lo;
    return Outcome::ok;
}

Outcome Sorter::binary_insertion(size_t lo, size_t end, size_t start) {
    for (size_t at = start; at < end; ++at) {
        // To the right of its equals, which came before it.
        uint32_t pivot = a_[at];
        size_t left = lo;
        size_t right = at;
        while (left < right) {
            size_t middle = (left + right) >> 1;
            bool goes_left;
            TRY(is_less(pivot, a_[middle], &goes_left));
            if (goes_left) {
                right = middle;
            } else {
                left = middle + 1;
            }
        }
        std::move_backward(a_ + left, a_ + at, a_ + at + 1);
        a_[left] = pivot;
    }
    return Outcome::ok;
}

Outcome Sorter::merge_at(size_t i) {
    Run &run = runs_[i];
    size_t start_a = run.start;
    size_t length_a = run.length;
    size_t start_b = runs_[i + 1].start;
    size_t length_b = runs_[i + 1].length;
    run.length = length_a + length_b;
    std::move(runs_ + i + 2, runs_ + num_runs_, runs_ + i + 1);
    --num_runs_;

    // What is in place at either end stays there. Of the rest, the first of b comes before all of
    // a, and the last of a behind all of b; the merges rely on both.
    size_t in_place;
    TRY(gallop_right(a_[start_b], a_ + start_a, length_a, 0, &in_place));
    start_a += in_place;
    length_a -= in_place;
    if (length_a == 0) return Outcome::ok;
    TRY(gallop_left(a_[start_a + length_a - 1], a_ + start_b, length_b, length_b - 1, &length_b));
    if (length_b == 0) return Outcome::ok;
    return length_a <= length_b ? merge_low(start_a, length_a, length_b)
                                : merge_high(start_a, length_a, length_b);
}

// Merges a_[to, +length_a) with the run right of it, output from left to right. The shorter run has
// been copied aside; items are taken one by one until one run wins min_gallop_ times in a row, then
// by stretches that gallop_* find, as long as these are not short. Each round of stretches makes
// the next change of mind easier, each return to single items harder.
Outcome Sorter::merge_low(size_t to, size_t length_a, size_t length_b) {
    std::copy_n(a_ + to, length_a, aside_);
    const uint32_t *a = aside_;
    const uint32_t *b = a_ + to + length_a;
    uint32_t *out = a_ + to;
    auto rest_of_a = [&] { std::copy_n(a, length_a, out); };
    auto rest_of_b_then_a = [&] {
        std::copy(b, b + length_b, out);
        out[length_b] = *a;
    };

    *out++ = *b++;
    if (--length_b == 0) {
        rest_of_a();
        return Outcome::ok;
    }
    if (length_a == 1) {
        rest_of_b_then_a();
        return Outcome::ok;
    }
    for (;;) {
        size_t wins_a = 0;
        size_t wins_b = 0;
        do {
            bool take_b;
            TRY(is_less(*b, *a, &take_b));
            if (take_b) {
                *out++ = *b++;
                ++wins_b;
                wins_a = 0;
                if (--length_b == 0) {
                    rest_of_a();
                    return Outcome::ok;
                }
            } else {
                *out++ = *a++;
                ++wins_a;
                wins_b = 0;
                if (--length_a == 1) {
                    rest_of_b_then_a();
                    return Outcome::ok;
                }
            }
        } while (wins_a < min_gallop_ && wins_b < min_gallop_);

        ++min_gallop_;
        do {
            min_gallop_ -= min_gallop_ > 1;
            TRY(gallop_right(*b, a, length_a, 0, &wins_a));
            out = std::copy_n(a, wins_a, out);
            a += wins_a;
            length_a -= wins_a;
            if (length_a == 1) {
                rest_of_b_then_a();
                return Outcome::ok;
            }
            if (length_a == 0) return Outcome::ok; // the rest of b is in place already
            *out++ = *b++;
            if (--length_b == 0) {
                rest_of_a();
                return Outcome::ok;
            }
            TRY(gallop_left(*a, b, length_b, 0, &wins_b));
            out = std::copy(b, b + wins_b, out);
            b += wins_b;
            length_b -= wins_b;
            if (length_b == 0) {
                rest_of_a();
                return Outcome::ok;
            }
            *out++ = *a++;
            if (--length_a == 1) {
                rest_of_b_then_a();
                return Outcome::ok;
            }
        } while (wins_a >= kMinGallop || wins_b >= kMinGallop);
        ++min_gallop_;
    }
}

// The mirror image: the right run is copied aside, output from right to left. a, b and out point
// one past the items they stand for.
Outcome Sorter::merge_high(size_t start, size_t length_a, size_t length_b) {
    std::copy_n(a_ + start + length_a, length_b, aside_);
    const uint32_t *a = a_ + start + length_a;
    const uint32_t *b = aside_ + length_b;
    uint32_t *out = a_ + start + length_a + length_b;
    auto rest_of_b = [&] { std::copy_n(aside_, length_b, out - length_b); };
    auto rest_of_a_then_b = [&] {
        std::copy_backward(a - length_a, a, out);
        *(out - length_a - 1) = b[-1];
    };

    *--out = *--a;
    if (--length_a == 0) {
        rest_of_b();
        return Outcome::ok;
    }
    if (length_b == 1) {
        rest_of_a_then_b();
        return Outcome::ok;
    }
    for (;;) {
        size_t wins_a = 0;
        size_t wins_b = 0;
        do {
            bool take_a;
            TRY(is_less(b[-1], a[-1], &take_a));
            if (take_a) {
                *--out = *--a;
                ++wins_a;
                wins_b = 0;
                if (--length_a == 0) {
                    rest_of_b();
                    return Outcome::ok;
                }
            } else {
                *--out = *--b;
                ++wins_b;
                wins_a = 0;
                if (--length_b == 1) {
                    rest_of_a_then_b();
                    return Outcome::ok;
                }
            }
        } while (wins_a < min_gallop_ && wins_b < min_gallop_);

        ++min_gallop_;
        do {
            min_gallop_ -= min_gallop_ > 1;
            size_t kept;
            TRY(gallop_right(b[-1], a - length_a, length_a, length_a - 1, &kept));
            wins_a = length_a - kept;
            out = std::copy_backward(a - wins_a, a, out);
            a -= wins_a;
            length_a = kept;
            if (length_a == 0) {
                rest_of_b();
                return Outcome::ok;
            }
            *--out = *--b;
            if (--length_b == 1) {
                rest_of_a_then_b();
                return Outcome::ok;
            }
            TRY(gallop_left(a[-1], aside_, length_b, length_b - 1, &kept));
            wins_b = length_b - kept;
            out = std::copy_backward(b - wins_b, b, out);
            b -= wins_b;
            length_b = kept;
            if (length_b == 1) {
                rest_of_a_then_b();
                return Outcome::ok;
            }
            if (length_b == 0) return Outcome::ok; // the rest of a is in place already
            *--out = *--a;
            if (--length_a == 0) {
                rest_of_b();
                return Outcome::ok;
            }
        } while (wins_a >= kMinGallop || wins_b >= kMinGallop);
        ++min_gallop_;
    }
}

// The number of items of the run that come before x, x going left of its equals.
Outcome Sorter::gallop_left(uint32_t x, const uint32_t *run, size_t length, size_t hint,
                            size_t *out) {
    // At distances of 1, 3, 7, ... from the hint, then by halves between the last two.
    bool run_is_less;
    TRY(is_less(run[hint], x, &run_is_less));
    size_t last = 0;
    size_t offset = 1;
    size_t lo;
    size_t hi;
    if (run_is_less) {
        size_t most = length - hint;
        while (offset < most) {
            TRY(is_less(run[hint + offset], x, &run_is_less));
            if (!run_is_less) break;
            last = offset;
            offset = (offset << 1) + 1;
        }
        lo = hint + last + 1;
        hi = hint + std::min(offset, most);
    } else {
        size_t most = hint + 1;
        while (offset < most) {
            TRY(is_less(run[hint - offset], x, &run_is_less));
            if (run_is_less) break;
            last = offset;
            offset = (offset << 1) + 1;
        }
        lo = hint + 1 - std::min(offset, most);
        hi = hint - last;
    }
    while (lo < hi) {
        size_t middle = lo + ((hi - lo) >> 1);
        TRY(is_less(run[middle], x, &run_is_less));
        if (run_is_less) {
            lo = middle + 1;
        } else {
            hi = middle;
        }
    }
    *out = hi;
    return Outcome::ok;
}

// The same with x going right of its equals.
Outcome Sorter::gallop_right(uint32_t x, const uint32_t *run, size_t length, size_t hint,
                             size_t *out) {
    bool x_is_less;
    TRY(is_less(x, run[hint], &x_is_less));
    size_t last = 0;
    size_t offset = 1;
    size_t lo;
    size_t hi;
    if (x_is_less) {
        size_t most = hint + 1;
        while (offset < most) {
            TRY(is_less(x, run[hint - offset], &x_is_less));
            if (!x_is_less) break;
            last = offset;
            offset = (offset << 1) + 1;
        }
        lo = hint + 1 - std::min(offset, most);
        hi = hint - last;
    } else {
        size_t most = length - hint;
        while (offset < most) {
            TRY(is_less(x, run[hint + offset], &x_is_less));
            if (x_is_less) break;
            last = offset;
            offset = (offset << 1) + 1;
        }
        lo = hint + last + 1;
        hi = hint + std::min(offset, most);
    }
    while (lo < hi) {
        size_t middle = lo + ((hi - lo) >> 1);
        TRY(is_less(x, run[middle], &x_is_less));
        if (x_is_less) {
            hi = middle;
        } else {
            lo = middle + 1;
        }
    }
    *out = hi;
    return Outcome::ok;
}

} // namespace

Outcome sort_by_keys(Machine &m, const Value *keys, size_t size, uint32_t *indices) {
    for (size_t k = 0; k < size; ++k) indices[k] = static_cast<uint32_t>(k);
    if (size < 2) return Outcome::ok;
    ScratchScope scratch(m);
    uint32_t *aside;
    TRY(m.allocate_scratch(size, &aside));
    return Sorter(m, keys, indices, aside).sort(size);
}

} // namespace codeit
