#include "core/arena.h"

#include <sys/mman.h>

namespace codeit {
namespace {

constexpr size_t kPage = 4096;

size_t round_to_pages(size_t bytes) {
    return (bytes / kPage + (bytes % kPage != 0)) * kPage;
}

// Gives the pages that lie wholly inside [from, to) back; they read as zero when touched again.
void return_pages(char *from, char *to) {
    size_t begin = round_to_pages(reinterpret_cast<size_t>(from));
    size_t end = reinterpret_cast<size_t>(to) / kPage * kPage;
    if (begin < end) madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

} // namespace

Arena::Arena(size_t max_bytes) {
    // Rounding up would wrap.
    if (max_bytes > SIZE_MAX - 2 * kPage) return;
    mapped_bytes_ = round_to_pages(max_bytes + kReadableBeyond);
    // Without MAP_NORESERVE, a system that does not overcommit would refuse limits that no run
    // reaches.
    void *region = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED) return;
    // Large pages where the system has them: a run that touches much memory waits for few of them.
    madvise(region, mapped_bytes_, MADV_HUGEPAGE);
    begin_ = low_ = highest_low_ = static_cast<char *>(region);
    end_ = high_ = lowest_high_ = begin_ + max_bytes / kAlignment * kAlignment;
}

Arena::~Arena() {
    if (begin_ == nullptr) return;
    give(begin_, mapped_bytes_, mapped_bytes_); // what is mapped here next is not the arena's
    munmap(begin_, mapped_bytes_);
}

void Arena::return_most_pages() {
    // Differences, as the sums may lie outside of the region.
    if (highest_low_ - begin_ > kept_at_end_) return_pages(begin_ + kept_at_end_, highest_low_);
    if (end_ - lowest_high_ > kept_at_end_) return_pages(lowest_high_, end_ - kept_at_end_);
}

} // namespace codeit
