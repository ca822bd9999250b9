// The replay buffer: experiences under a key, bounded in number, drawn by priority.
//
// Memory of one experience with s source and t target ids, in bytes:
//     45              key 16, priority 8, iteration 4, origin 1, sequence 8, position 8
//     13 to 26        key index
//     8 + 2 (s + t)   ids, and at most 1/8 of that (and 4 MB) as garbage and spare chunks
//     8               eviction heap, once the buffer is full
// Ten million of 300 ids take 6.7 GB, 7.5 GB with the most garbage. Columns grow by doubling up to
// the capacity, so a buffer that still grows has up to twice the 45 reserved, mostly never touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "replay/draw.h"
#include "replay/eviction_heap.h"
#include "replay/id_slab.h"
#include "replay/key.h"
#include "replay/key_index.h"

namespace codeit::replay {

// List k is ids[offsets[k]] to ids[offsets[k + 1]].
struct IdLists {
    const uint16_t *ids;
    size_t num_ids;
    const int64_t *offsets;

    Ids operator[](size_t k) const {
        return {ids + offsets[k], static_cast<size_t>(offsets[k + 1] - offsets[k])};
    }
};

// Flat columns of many experiences, as the caller has them.
struct Experiences {
    size_t size;
    const Key *keys;
    const double *priority;
    const int32_t *iteration;
    const uint8_t *origin;
    IdLists source;
    IdLists target;
};

enum class Stored : uint8_t {
    inserted, // New, and there was room.
    updated,  // The key was there; all columns are overwritten, the insertion sequence is kept.
    replaced, // New, and the least valuable experience was evicted for it.
    refused,  // New, the buffer is full, and this is worth less than everything in it.
};

// A caller's mistake: what is wrong, and with which element of the argument.
struct [[nodiscard]] Fault {
    enum Kind : uint8_t {
        none,
        bad_priority,
        bad_source_offset, // Negative, below the one before, or beyond the ids.
        bad_target_offset,
        source_too_long, // More than IdSlab::kMaxLength ids.
        target_too_long,
        bad_slot,
        bad_sequence, // Beyond kMaxSequence.
    };

    Kind kind = none;
    size_t index = 0;
};

constexpr size_t kNumOrigins = 256;

struct Statistics {
    size_t size;
    size_t num_bytes;         // All that the buffer holds, garbage and spare room included.
    size_t num_slab_bytes;    // Of these, the chunks with ids.
    size_t num_live_id_bytes; // Of these, records that are not garbage.
    double priority_sum;
    double priority_min; // 0 when empty, as is the maximum.
    double priority_max;
    size_t num_by_origin[kNumOrigins];
};

inline bool is_allowed_priority(double priority) {
    return priority == 0 || (priority >= kMinWeight && priority <= kMaxWeight);
}

// Invariant: slots 0 to size() - 1 are in use and every column has size() elements; index_ holds
// each key once with its slot; positions_[s] is a live record of slab_ that carries slot s;
// heap_ is not built or holds every slot; size() <= capacity().
//
// When the buffer is full, the experience of lowest priority goes first, then of oldest iteration,
// then the one inserted first; a newcomer that would itself go next is refused.
//
// A slot names its experience until the next eviction. Functions that return a Fault
// change nothing when it is not `none`. The only exception is std::bad_alloc; a bulk upsert that
// ends with it has stored some of its experiences, and the invariant holds.
// One thread at a time, except that const functions may run beside each other.
class PriorityBuffer {
  public:
    static constexpr size_t kMaxCapacity = size_t{1} << 31;
    static constexpr uint64_t kMaxSequence = uint64_t{1} << 62; // Far from where counting ends.

    // 1 <= capacity <= kMaxCapacity.
    explicit PriorityBuffer(size_t capacity) : capacity_(capacity), heap_(IsWorthLess{this}) {}
    PriorityBuffer(const PriorityBuffer &) = delete;
    PriorityBuffer &operator=(const PriorityBuffer &) = delete;

    size_t size() const { return priorities_.size(); }
    size_t capacity() const { return capacity_; }

    // Stores the experiences in order; stored[k] is the fate of the k-th.
    Fault upsert(const Experiences &experiences, Stored *stored);

    // draw.h defines the law.
    std::vector<int64_t> draw(size_t n, uint64_t seed) const;

    // The columns of some slots; each output has room for `count` elements.
    Fault columns(const int64_t *slots, size_t count, Key *keys, double *priority,
                  int32_t *iteration, uint8_t *origin) const;

    // Where the lists of these slots begin and end when laid end to end: count + 1 offsets each.
    Fault offsets(const int64_t *slots, size_t count, int64_t *source, int64_t *target) const;

    // The ids laid end to end, after offsets() has said how many there are.
    void gather(const int64_t *slots, size_t count, uint16_t *source, uint16_t *target) const;

    Statistics statistics() const;

    // How many experiences of each of the kNumOrigins origins have a priority at or above just so
    // many of the bounds: counts[origin * (num_bounds + 1) + k], which the caller has zeroed.
    void count_priorities(const double *bounds, size_t num_bounds, int64_t *counts) const;

    // The place of each slot in the order of insertion, which decides between equals at an
    // eviction: size() numbers, not consecutive. restore_sequences() takes them back.
    void sequences(uint64_t *out) const;
    Fault restore_sequences(const uint64_t *sequences);

  private:
    struct IsWorthLess {
        const PriorityBuffer *buffer;
        bool operator()(uint32_t a, uint32_t b) const;
    };

    static Fault check(const Experiences &experiences);
    Fault check_slots(const int64_t *slots, size_t count) const;

    uint32_t find_one(const Key &key) const;
    Key key_at(uint32_t slot) const { return {keys_low_[slot], keys_high_[slot]}; }
    Stored upsert_one(const Experiences &experiences, size_t k);
    void replace_record(uint32_t slot, const IdSlab::Record &record);
    void set_priority(uint32_t slot, double priority);
    void reserve_one();

    size_t capacity_;
    std::vector<uint64_t> keys_low_;
    std::vector<uint64_t> keys_high_;
    std::vector<double> priorities_;
    std::vector<int32_t> iterations_;
    std::vector<uint8_t> origins_;
    std::vector<uint64_t> sequences_;
    std::vector<uint64_t> positions_;
    KeyIndex index_;
    IdSlab slab_;
    EvictionHeap<IsWorthLess> heap_;
    uint64_t next_sequence_ = 0;
    size_t num_positive_ = 0; // Experiences of priority above 0.
};

} // namespace codeit::replay
