// The token ids of all experiences, packed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace codeit::replay {

using Ids = std::span<const uint16_t>;

// A record is its slot (two ids, low half first), its two lengths, its source ids, its target ids:
// 8 bytes and 2 for each id. Records lie in chunks and never straddle two; a position counts ids
// from the start of chunk 0. A chunk without memory is vacant and its number is used again.
//
// Invariant: every record below a chunk's `used` is live or dead, a dead one carries kDeadSlot, and
// `dead` is the ids of the dead ones. Only `current_` takes new records. After compact(), dead ids
// are at most 1/8 of the live ones plus one chunk.
class IdSlab {
  public:
    static constexpr size_t kMaxLength = UINT16_MAX;
    static constexpr size_t kChunkIds = size_t{1} << 20;

    struct Record {
        Ids source;
        Ids target;
    };

    // Stores a record and returns its position. When this throws, nothing has changed.
    uint64_t append(uint32_t slot, const Record &record);

    // Writes over a record in place, if the new one has the same two lengths.
    bool overwrite(uint64_t position, const Record &record);

    // The record becomes garbage.
    void release(uint64_t position);

    Record record(uint64_t position) const;

    void prefetch(uint64_t position) const { __builtin_prefetch(at(position)); }

    // Empties the chunks with most garbage until the invariant holds; every record that moves is
    // reported by moved(slot, position).
    template <class Moved>
    void compact(Moved moved) {
        while (num_dead_ > num_live_ / 8 + kChunkIds) empty_chunk(most_dead_chunk(), moved);
    }

    size_t num_live_bytes() const { return num_live_ * sizeof(uint16_t); }
    size_t num_bytes() const {
        return num_chunks_ * kChunkIds * sizeof(uint16_t) + chunks_.capacity() * sizeof(Chunk);
    }

  private:
    struct Chunk {
        std::unique_ptr<uint16_t[]> ids;
        size_t used = 0;
        size_t dead = 0;
    };

    static constexpr size_t kHeaderIds = 4;
    static constexpr uint32_t kDeadSlot = UINT32_MAX;

    static uint32_t read_slot(const uint16_t *header) {
        return header[0] | uint32_t{header[1]} << 16;
    }
    static void write_slot(uint16_t *header, uint32_t slot) {
        header[0] = static_cast<uint16_t>(slot);
        header[1] = static_cast<uint16_t>(slot >> 16);
    }
    static size_t record_ids(const uint16_t *header) { return kHeaderIds + header[2] + header[3]; }

    uint16_t *at(uint64_t position) const {
        return chunks_[position / kChunkIds].ids.get() + position % kChunkIds;
    }

    // Records are read one after the other; releasing the last live one empties the chunk.
    template <class Moved>
    void empty_chunk(size_t number, Moved moved) {
        uint64_t position = number * kChunkIds;
        while (chunks_[number].used > chunks_[number].dead) {
            const uint16_t *header = at(position);
            uint64_t next = position + record_ids(header);
            uint32_t slot = read_slot(header);
            if (slot != kDeadSlot) {
                moved(slot, append(slot, record(position)));
                release(position);
            }
            position = next;
        }
    }

    void open_chunk();
    void vacate(size_t number);
    size_t most_dead_chunk() const;

    std::vector<Chunk> chunks_;
    std::unique_ptr<uint16_t[]> spare_; // The last chunk emptied, so that one is always at hand.
    size_t current_ = SIZE_MAX;         // SIZE_MAX before the first record.
    size_t num_chunks_ = 0;             // Chunks with memory, the spare one included.
    size_t num_live_ = 0;
    size_t num_dead_ = 0;
};

} // namespace codeit::replay
