#include "replay/priority_buffer.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace codeit::replay {
namespace {

// Far enough ahead that a cache line has come by the time it is needed.
constexpr size_t kPrefetchDistance = 12;

Fault check_lists(const IdLists &lists, size_t count, Fault::Kind bad_offset,
                  Fault::Kind too_long) {
    int64_t previous = 0;
    for (size_t k = 0; k <= count; ++k) {
        int64_t offset = lists.offsets[k];
        if (offset < previous || static_cast<size_t>(offset) > lists.num_ids)
            return {bad_offset, k};
        if (k > 0 && static_cast<size_t>(offset - previous) > IdSlab::kMaxLength)
            return {too_long, k - 1};
        previous = offset;
    }
    return {};
}

Fault check_priorities(const double *priority, size_t count) {
    for (size_t k = 0; k < count; ++k)
        if (!is_allowed_priority(priority[k])) return {Fault::bad_priority, k};
    return {};
}

uint16_t *copy(Ids from, uint16_t *to) {
    return std::copy(from.begin(), from.end(), to);
}

template <class T>
void grow_if_full(std::vector<T> &column, size_t capacity) {
    if (column.size() == column.capacity())
        column.reserve(std::min(capacity, std::max<size_t>(16, column.size() * 2)));
}

template <class T>
size_t num_bytes(const std::vector<T> &column) {
    return column.capacity() * sizeof(T);
}

} // namespace

bool PriorityBuffer::IsWorthLess::operator()(uint32_t a, uint32_t b) const {
    auto value = [this](uint32_t slot) {
        return std::tie(buffer->priorities_[slot], buffer->iterations_[slot],
                        buffer->sequences_[slot]);
    };
    return value(a) < value(b);
}

Fault PriorityBuffer::check(const Experiences &experiences) {
    Fault fault = check_priorities(experiences.priority, experiences.size);
    if (fault.kind == Fault::none)
        fault = check_lists(experiences.source, experiences.size, Fault::bad_source_offset,
                            Fault::source_too_long);
    if (fault.kind == Fault::none)
        fault = check_lists(experiences.target, experiences.size, Fault::bad_target_offset,
                            Fault::target_too_long);
    return fault;
}

Fault PriorityBuffer::check_slots(const int64_t *slots, size_t count) const {
    for (size_t k = 0; k < count; ++k)
        if (slots[k] < 0 || static_cast<size_t>(slots[k]) >= size()) return {Fault::bad_slot, k};
    return {};
}

uint32_t PriorityBuffer::find_one(const Key &key) const {
    return index_.find(key, [&](uint32_t slot) { return key_at(slot) == key; });
}

Fault PriorityBuffer::upsert(const Experiences &experiences, Stored *stored) {
    Fault fault = check(experiences);
    if (fault.kind != Fault::none) return fault;
    for (size_t k = 0; k < experiences.size; ++k) {
        if (k + kPrefetchDistance < experiences.size)
            index_.prefetch(experiences.keys[k + kPrefetchDistance]);
        stored[k] = upsert_one(experiences, k);
        slab_.compact([this](uint32_t slot, uint64_t position) { positions_[slot] = position; });
    }
    return {};
}

// Whatever may throw comes first, so that a failed allocation leaves the invariant as it was. A
// full buffer reuses the slot of the experience that leaves, which keeps every other slot where it
// is.
Stored PriorityBuffer::upsert_one(const Experiences &experiences, size_t k) {
    const Key &key = experiences.keys[k];
    double priority = experiences.priority[k];
    int32_t iteration = experiences.iteration[k];
    IdSlab::Record record = {experiences.source[k], experiences.target[k]};

    uint32_t slot = find_one(key);
    Stored result = Stored::updated;
    if (slot != KeyIndex::kAbsent) {
        replace_record(slot, record);
    } else if (size() < capacity_) {
        reserve_one();
        slot = static_cast<uint32_t>(size());
        positions_.push_back(slab_.append(slot, record));
        keys_low_.push_back(key.low);
        keys_high_.push_back(key.high);
        priorities_.push_back(0);
        iterations_.push_back(0);
        origins_.push_back(0);
        sequences_.push_back(next_sequence_++);
        index_.insert(key, slot);
        result = Stored::inserted;
    } else {
        if (!heap_.is_built()) heap_.build(size());
        slot = heap_.least();
        if (std::tie(priority, iteration) < std::tie(priorities_[slot], iterations_[slot]))
            return Stored::refused;
        replace_record(slot, record);
        index_.erase(key_at(slot), slot);
        index_.insert(key, slot);
        keys_low_[slot] = key.low;
        keys_high_[slot] = key.high;
        sequences_[slot] = next_sequence_++;
        result = Stored::replaced;
    }
    set_priority(slot, priority);
    iterations_[slot] = iteration;
    origins_[slot] = experiences.origin[k];
    if (heap_.is_built()) heap_.update(slot);
    return result;
}

void PriorityBuffer::replace_record(uint32_t slot, const IdSlab::Record &record) {
    if (slab_.overwrite(positions_[slot], record)) return;
    uint64_t position = slab_.append(slot, record);
    slab_.release(positions_[slot]);
    positions_[slot] = position;
}

void PriorityBuffer::set_priority(uint32_t slot, double priority) {
    num_positive_ -= priorities_[slot] > 0;
    num_positive_ += priority > 0;
    priorities_[slot] = priority;
}

void PriorityBuffer::reserve_one() {
    grow_if_full(keys_low_, capacity_);
    grow_if_full(keys_high_, capacity_);
    grow_if_full(priorities_, capacity_);
    grow_if_full(iterations_, capacity_);
    grow_if_full(origins_, capacity_);
    grow_if_full(sequences_, capacity_);
    grow_if_full(positions_, capacity_);
    index_.reserve_one();
}

std::vector<int64_t> PriorityBuffer::draw(size_t n, uint64_t seed) const {
    return replay::draw({keys_low_.data(), priorities_.data(), size(), num_positive_}, n, seed);
}

Fault PriorityBuffer::columns(const int64_t *slots, size_t count, Key *keys, double *priority,
                              int32_t *iteration, uint8_t *origin) const {
    Fault fault = check_slots(slots, count);
    if (fault.kind != Fault::none) return fault;
    for (size_t k = 0; k < count; ++k) {
        uint32_t slot = static_cast<uint32_t>(slots[k]);
        keys[k] = key_at(slot);
        priority[k] = priorities_[slot];
        iteration[k] = iterations_[slot];
        origin[k] = origins_[slot];
    }
    return {};
}

Fault PriorityBuffer::offsets(const int64_t *slots, size_t count, int64_t *source,
                              int64_t *target) const {
    Fault fault = check_slots(slots, count);
    if (fault.kind != Fault::none) return fault;
    source[0] = target[0] = 0;
    for (size_t k = 0; k < count; ++k) {
        if (k + kPrefetchDistance < count) slab_.prefetch(positions_[slots[k + kPrefetchDistance]]);
        IdSlab::Record record = slab_.record(positions_[slots[k]]);
        source[k + 1] = source[k] + static_cast<int64_t>(record.source.size());
        target[k + 1] = target[k] + static_cast<int64_t>(record.target.size());
    }
    return {};
}

void PriorityBuffer::gather(const int64_t *slots, size_t count, uint16_t *source,
                            uint16_t *target) const {
    for (size_t k = 0; k < count; ++k) {
        IdSlab::Record record = slab_.record(positions_[slots[k]]);
        source = copy(record.source, source);
        target = copy(record.target, target);
    }
}

Statistics PriorityBuffer::statistics() const {
    Statistics result = {};
    result.size = size();
    result.num_slab_bytes = slab_.num_bytes();
    result.num_live_id_bytes = slab_.num_live_bytes();
    result.num_bytes = sizeof(*this) + result.num_slab_bytes + index_.num_bytes() +
                       heap_.num_bytes() + num_bytes(keys_low_) + num_bytes(keys_high_) +
                       num_bytes(priorities_) + num_bytes(iterations_) + num_bytes(origins_) +
                       num_bytes(sequences_) + num_bytes(positions_);
    if (size() > 0) {
        auto [least, most] = std::ranges::minmax(priorities_);
        result.priority_min = least;
        result.priority_max = most;
        result.priority_sum = std::accumulate(priorities_.begin(), priorities_.end(), 0.0);
    }
    for (uint8_t origin : origins_) ++result.num_by_origin[origin];
    return result;
}

void PriorityBuffer::count_priorities(const double *bounds, size_t num_bounds,
                                      int64_t *counts) const {
    for (size_t slot = 0; slot < size(); ++slot) {
        size_t num_reached = 0;
        for (size_t k = 0; k < num_bounds; ++k) num_reached += priorities_[slot] >= bounds[k];
        ++counts[origins_[slot] * (num_bounds + 1) + num_reached];
    }
}

void PriorityBuffer::sequences(uint64_t *out) const {
    std::ranges::copy(sequences_, out);
}

Fault PriorityBuffer::restore_sequences(const uint64_t *sequences) {
    for (size_t k = 0; k < size(); ++k)
        if (sequences[k] > kMaxSequence) return {Fault::bad_sequence, k};
    std::copy_n(sequences, size(), sequences_.begin());
    next_sequence_ = size() > 0 ? std::ranges::max(sequences_) + 1 : 0;
    heap_.clear();
    return {};
}

} // namespace codeit::replay
