// What values held before they were changed, so that a machine can go back to a state it was in.
//
// Values are immutable to programs, but fill in what they are asked for: a set its hash, its table,
// its order. Programs that begin with the same lines run those once (docs/design/sharing.md), and
// the machine then goes back to the end of these lines: the arena forgets what came later by
// itself, and this log undoes what was filled in since in values that stay.
//
// An entry is the bytes of an object followed by where they belong, so that the newest is found
// from the top. The log is bounded: one that had to leave a change out is lost, Machine::return_to
// refuses, and the next program runs from its first line.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

namespace codeit {

// A stack of copies, newest on top, of bounded size.
class ChangeLog {
  public:
    static constexpr size_t kCapacity = size_t{1} << 20;

    size_t size() const { return size_; }
    bool is_lost() const { return is_lost_; }

    void clear() {
        size_ = 0;
        is_lost_ = false;
    }

    // Keeps what `object` holds now.
    void record(void *object, size_t num_bytes) {
        if (bytes_ == nullptr) bytes_.reset(new (std::nothrow) std::byte[kCapacity]);
        const Entry entry = {object, num_bytes};
        if (bytes_ == nullptr || kCapacity - size_ < num_bytes + sizeof entry) is_lost_ = true;
        if (is_lost_) return;
        push(object, num_bytes);
        push(&entry, sizeof entry);
    }

    // Gives every object that was recorded since the log had this size what it held then.
    void undo(size_t size) {
        while (size_ > size) {
            Entry entry;
            pop(&entry, sizeof entry);
            pop(entry.object, entry.num_bytes);
        }
    }

  private:
    struct Entry {
        void *object;
        size_t num_bytes;
    };

    void push(const void *from, size_t num_bytes) {
        std::memcpy(bytes_.get() + size_, from, num_bytes);
        size_ += num_bytes;
    }
    void pop(void *to, size_t num_bytes) {
        size_ -= num_bytes;
        std::memcpy(to, bytes_.get() + size_, num_bytes);
    }

    std::unique_ptr<std::byte[]> bytes_;
    size_t size_ = 0;
    bool is_lost_ = false;
};

} // namespace codeit
