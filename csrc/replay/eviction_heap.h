// Which experience goes first when the buffer is full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace codeit::replay {

// A binary heap of slots that knows where each slot is in it. `is_less(a, b)` says that slot a is
// worth less than slot b, by the columns as they are now.
// Invariant: either the heap is not built and holds nothing, or it holds every slot from 0 to
// size() - 1, no slot is worth less than its parent, and heap_[position_[s]] == s.
// Nothing is built before the first eviction asks for it, from where on there is no further slot.
// 8 bytes an experience.
template <class IsLess>
class EvictionHeap {
  public:
    explicit EvictionHeap(IsLess is_less) : is_less_(is_less) {}

    bool is_built() const { return !heap_.empty(); }
    uint32_t least() const { return heap_[0]; }

    void build(size_t num_slots) {
        heap_.reserve(num_slots);
        position_.reserve(num_slots);
        clear();
        for (size_t at = 0; at < num_slots; ++at) {
            heap_.push_back(static_cast<uint32_t>(at));
            position_.push_back(static_cast<uint32_t>(at));
        }
        for (size_t at = num_slots / 2; at-- > 0;) sift_down(at);
    }

    void clear() {
        heap_.clear();
        position_.clear();
    }

    // The columns of `slot` have changed.
    void update(uint32_t slot) {
        sift_up(position_[slot]);
        sift_down(position_[slot]);
    }

    size_t num_bytes() const {
        return (heap_.capacity() + position_.capacity()) * sizeof(uint32_t);
    }

  private:
    void put(size_t at, uint32_t slot) {
        heap_[at] = slot;
        position_[slot] = static_cast<uint32_t>(at);
    }

    void sift_up(size_t at) {
        uint32_t slot = heap_[at];
        for (; at > 0; at = (at - 1) / 2) {
            uint32_t parent = heap_[(at - 1) / 2];
            if (!is_less_(slot, parent)) break;
            put(at, parent);
        }
        put(at, slot);
    }

    void sift_down(size_t at) {
        uint32_t slot = heap_[at];
        for (size_t child; (child = 2 * at + 1) < heap_.size(); at = child) {
            if (child + 1 < heap_.size() && is_less_(heap_[child + 1], heap_[child])) ++child;
            if (!is_less_(heap_[child], slot)) break;
            put(at, heap_[child]);
        }
        put(at, slot);
    }

    IsLess is_less_;
    std::vector<uint32_t> heap_;
    std::vector<uint32_t> position_;
};

} // namespace codeit::replay
