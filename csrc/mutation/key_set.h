// A set of keys, which are uniform bits: each stands at the first free place from the one that its
// low bits name.
#pragma once

#include "lang/key.h"

#include <vector>

namespace codeit::mutation {

class KeySet {
  public:
    KeySet() : slots_(kLeastSlots) {}

    size_t size() const { return size_; }
    bool contains(const Key &key) const { return slots_[find(own(key))] == own(key); }
    // To be called a while before what asks for the key: a large set is far away.
    void prefetch(const Key &key) const {
        __builtin_prefetch(&slots_[own(key).low & (slots_.size() - 1)]);
    }
    // False where it is there already.
    bool insert(const Key &key) {
        const size_t at = find(own(key));
        if (slots_[at] == own(key)) return false;
        slots_[at] = own(key);
        if (++size_ * 2 > slots_.size()) grow();
        return true;
    }

  private:
    static constexpr size_t kLeastSlots = 1024; // a power of two, as all sizes are

    // The key of zeros marks a free place, and is kept as another one.
    static Key own(const Key &key) { return key == Key{} ? Key{1, 0} : key; }

    size_t find(const Key &key) const {
        const size_t mask = slots_.size() - 1;
        size_t at = key.low & mask;
        while (!(slots_[at] == Key{} || slots_[at] == key)) at = (at + 1) & mask;
        return at;
    }
    void grow() {
        std::vector<Key> old(slots_.size() * 2);
        old.swap(slots_);
        for (const Key &key : old) {
            if (!(key == Key{})) slots_[find(key)] = key;
        }
    }

    std::vector<Key> slots_;
    size_t size_ = 0;
};

} // namespace codeit::mutation
