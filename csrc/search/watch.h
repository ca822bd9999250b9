// What another thread may see of a search while it runs, and how it ends it.
//
// The searching thread only stores counters; the lock is taken where a program is shown, which is
// rare. Nothing that is found depends on who looks, unless the search is stopped.
#pragma once

#include "code/code.h"

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace codeit::search {

// A program that reproduces demonstrations, or comes near them.
struct Solution {
    Code code;
    uint8_t method = 0; // number in kMethods
    float cost = 0;     // bits by the prior
    uint32_t derivations = 0;
    int64_t evaluations = 0; // spent when it was found, by work
    uint32_t num_right = 0;  // demonstrations
    bool is_led = false;     // as in NodeRow
};

class Watch {
  public:
    // ---- By the searching thread

    bool is_stopped() const { return is_stopped_.load(std::memory_order_relaxed); }
    void advance(int64_t evaluations, uint8_t method) {
        evaluations_.store(evaluations, std::memory_order_relaxed);
        method_.store(method, std::memory_order_relaxed);
    }
    // Of those that fit, the first kMaxShown are shown.
    void show(Solution solution, bool fits) {
        const std::lock_guard lock(mutex_);
        if (fits && ++num_fitting_ > kMaxShown) return;
        shown_.push_back(std::move(solution));
    }

    // ---- By any other

    // The search ends soon, with what it has found.
    void stop() { is_stopped_.store(true, std::memory_order_relaxed); }
    int64_t evaluations() const { return evaluations_.load(std::memory_order_relaxed); }
    uint8_t method() const { return method_.load(std::memory_order_relaxed); }
    // What was shown since the last time.
    std::vector<Solution> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(shown_, {});
    }

  private:
    static constexpr size_t kMaxShown = 100;

    std::atomic<bool> is_stopped_{false};
    std::atomic<int64_t> evaluations_{0};
    std::atomic<uint8_t> method_{0};
    std::mutex mutex_;
    size_t num_fitting_ = 0;
    std::vector<Solution> shown_;
};

} // namespace codeit::search
