#include "replay/id_slab.h"

#include <algorithm>
#include <cstring>

namespace codeit::replay {
namespace {

// memcpy must not be given the null pointer of an empty list.
void copy(uint16_t *to, Ids from) {
    if (!from.empty()) std::memcpy(to, from.data(), from.size_bytes());
}

} // namespace

static_assert(IdSlab::kChunkIds > 2 * IdSlab::kMaxLength + 4, "the longest record fits a chunk");

uint64_t IdSlab::append(uint32_t slot, const Record &record) {
    size_t size = kHeaderIds + record.source.size() + record.target.size();
    if (current_ == SIZE_MAX || chunks_[current_].used + size > kChunkIds) open_chunk();
    Chunk &chunk = chunks_[current_];
    uint16_t *header = chunk.ids.get() + chunk.used;
    write_slot(header, slot);
    header[2] = static_cast<uint16_t>(record.source.size());
    header[3] = static_cast<uint16_t>(record.target.size());
    copy(header + kHeaderIds, record.source);
    copy(header + kHeaderIds + record.source.size(), record.target);
    uint64_t position = current_ * kChunkIds + chunk.used;
    chunk.used += size;
    num_live_ += size;
    return position;
}

bool IdSlab::overwrite(uint64_t position, const Record &record) {
    uint16_t *header = at(position);
    if (header[2] != record.source.size() || header[3] != record.target.size()) return false;
    copy(header + kHeaderIds, record.source);
    copy(header + kHeaderIds + record.source.size(), record.target);
    return true;
}

void IdSlab::release(uint64_t position) {
    uint16_t *header = at(position);
    size_t size = record_ids(header);
    write_slot(header, kDeadSlot);
    Chunk &chunk = chunks_[position / kChunkIds];
    chunk.dead += size;
    num_dead_ += size;
    num_live_ -= size;
    if (chunk.dead == chunk.used) vacate(position / kChunkIds);
}

IdSlab::Record IdSlab::record(uint64_t position) const {
    const uint16_t *header = at(position);
    const uint16_t *source = header + kHeaderIds;
    return {{source, header[2]}, {source + header[2], header[3]}};
}

// The chunk that was current keeps its records; the rest of its room stays unused until it is
// emptied.
void IdSlab::open_chunk() {
    auto is_vacant = [](const Chunk &chunk) { return chunk.ids == nullptr; };
    size_t number = std::ranges::find_if(chunks_, is_vacant) - chunks_.begin();
    if (number == chunks_.size()) chunks_.emplace_back();
    if (spare_ == nullptr) {
        spare_ = std::make_unique_for_overwrite<uint16_t[]>(kChunkIds);
        ++num_chunks_;
    }
    chunks_[number].ids = std::move(spare_);
    current_ = number;
}

// The current chunk starts again from its beginning; any other gives its memory up.
void IdSlab::vacate(size_t number) {
    Chunk &chunk = chunks_[number];
    num_dead_ -= chunk.dead;
    chunk.used = chunk.dead = 0;
    if (number == current_) return;
    if (spare_ == nullptr) {
        spare_ = std::move(chunk.ids);
    } else {
        chunk.ids.reset();
        --num_chunks_;
    }
}

// Never the current chunk: it is where the moved records go.
size_t IdSlab::most_dead_chunk() const {
    size_t best = current_ == 0 ? 1 : 0;
    for (size_t number = best + 1; number < chunks_.size(); ++number)
        if (number != current_ && chunks_[number].dead > chunks_[best].dead) best = number;
    return best;
}

} // namespace codeit::replay
