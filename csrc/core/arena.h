// The memory of one machine. Every byte that a program can make the machine use comes from here.
//
// The address space of one machine is reserved once, and the operating system gives it pages as
// they are touched. Values are allocated upward from the low end and are never freed one by one: a
// run ends by moving the cursor back to the beginning, and a return to an earlier line by moving it
// back to a mark. Scratch is a stack that grows downward from the high end; ScratchScope
// (core/machine.h) pops it.
//
// So an allocation is a comparison and an addition, the limit on memory holds to the byte, and a
// pointer to a value is valid until the run ends. In return, nothing that lives here has a
// destructor to be run, and what grows leaves its old storage behind, which counts as used
// (ValueList in core/sequence.h doubles, so that this is at most as much again).
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __SANITIZE_ADDRESS__ // GCC
#define CODEIT_POISONS_MEMORY 1
#elif defined(__has_feature) // Clang
#if __has_feature(address_sanitizer)
#define CODEIT_POISONS_MEMORY 1
#endif
#endif
// READS_BEYOND marks a function that reads past the end of an allocation (Arena::kReadableBeyond).
#ifdef CODEIT_POISONS_MEMORY
#include <sanitizer/asan_interface.h>
#define READS_BEYOND __attribute__((no_sanitize("address")))
#else
#define READS_BEYOND
#endif

namespace codeit {

// Values grow from the low end and live until they are released; scratch grows from the high end
// and lives until its scope ends.
// Invariant: begin_ <= low_ <= high_ <= end_, and both cursors are multiples of kAlignment.
class Arena {
  public:
    static constexpr size_t kAlignment = 16;
    // So many bytes after any allocation may be read, though not used: what is read in whole
    // vectors need not treat the end of an array apart. The region is mapped that much longer than
    // its limit.
    static constexpr size_t kReadableBeyond = 64;

    explicit Arena(size_t max_bytes);
    ~Arena();
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;

    // False when the operating system refused to reserve the region.
    bool is_reserved() const { return begin_ != nullptr; }
    size_t max_bytes() const { return static_cast<size_t>(end_ - begin_); }

    // Uninitialised memory, or nullptr when the two ends would meet.
    void *allocate(size_t bytes) {
        size_t rounded = round_up(bytes);
        // The first comparison catches a sum that wrapped.
        if (rounded < bytes || rounded > room() || is_failing()) return nullptr;
        char *result = low_;
        low_ += rounded;
        give(result, bytes, rounded);
        return result;
    }
    void *allocate_scratch(size_t bytes) {
        size_t rounded = round_up(bytes);
        if (rounded < bytes || rounded > room() || is_failing()) return nullptr;
        high_ -= rounded;
        if (high_ < lowest_high_) lowest_high_ = high_;
        give(high_, bytes, rounded);
        return high_;
    }

    const char *begin() const { return begin_; }
    // Every value that is there now lies below the mark.
    char *mark() const { return low_; }
    void release(char *mark) {
        if (low_ > highest_low_) highest_low_ = low_;
        take(mark, low_);
        low_ = mark;
    }

    char *scratch_mark() const { return high_; }
    void release_scratch(char *mark) {
        take(high_, mark);
        high_ = mark;
    }

    // How many bytes of those that a run has touched stay the arena's, half of them at either end:
    // to fault the pages in again takes longer than most runs.
    void keep(size_t bytes) { kept_at_end_ = static_cast<ptrdiff_t>(bytes / 2); }
    static constexpr size_t kUsuallyKept = size_t{64} << 20;

    // Forgets everything. Pages beyond those that are kept go back to the operating system.
    void reset() {
        release(begin_);
        take(lowest_high_, end_);
        if (highest_low_ - begin_ > kept_at_end_ || end_ - lowest_high_ > kept_at_end_) [[unlikely]]
            return_most_pages();
        highest_low_ = begin_;
        high_ = lowest_high_ = end_;
        allocations_until_failure_ = allocations_before_failure_;
    }

    // For tests: after every reset, and from now on, the k-th allocation (1 is the next) fails, and
    // so do all after it. 0: none does.
    void fail_after(uint64_t allocations) {
        allocations_until_failure_ = allocations_before_failure_ = allocations;
    }

  private:
    void return_most_pages();

    // Under AddressSanitizer there is a gap behind every allocation, and what is not allocated may
    // not be touched.
#ifdef CODEIT_POISONS_MEMORY
    static constexpr size_t kGap = 32;
    static void give(char *at, size_t bytes, size_t rounded) {
        __asan_unpoison_memory_region(at, bytes);
        __asan_poison_memory_region(at + bytes, rounded - bytes);
    }
    static void take(char *from, char *to) {
        __asan_poison_memory_region(from, static_cast<size_t>(to - from));
    }
#else
    static constexpr size_t kGap = 0;
    static void give(char *, size_t, size_t) {}
    static void take(char *, char *) {}
#endif

    static size_t round_up(size_t bytes) {
        return (bytes + kGap + kAlignment - 1) & ~(kAlignment - 1);
    }
    size_t room() const { return static_cast<size_t>(high_ - low_); }
    bool is_failing() {
        if (allocations_until_failure_ == 0) [[likely]]
            return false;
        if (allocations_until_failure_ == 1) return true;
        --allocations_until_failure_;
        return false;
    }

    char *begin_ = nullptr;
    char *low_ = nullptr;
    char *high_ = nullptr;
    char *end_ = nullptr;
    char *highest_low_ = nullptr; // how far values had reached when some were released
    char *lowest_high_ = nullptr; // how far scratch has reached since the last reset
    size_t mapped_bytes_ = 0;
    ptrdiff_t kept_at_end_ = kUsuallyKept / 2;
    uint64_t allocations_until_failure_ = 0;  // 0: never
    uint64_t allocations_before_failure_ = 0; // what a reset makes of it
};

} // namespace codeit
