// Frozensets, with the iteration order that CPython 3.11's hash tables give them. This is the one
// room that knows about set order; names in capitals are those of the specification, section 3.
#pragma once

#include "core/sequence.h"

namespace codeit {

// Elements are held in the order in which they were inserted. The hash table, and the iteration
// order that follows from it, are worked out when something first asks for them: most sets are only
// measured, painted or compared.
//
// Invariant: values[0 .. size) are distinct. With slots == nullptr the table is laid out on demand
// by `recipe`. Once slots is set, each of its mask + 1 entries is kEmptySlot, kDummySlot or 1 + the
// index of a value, and iteration visits them in ascending order.
struct Set {
    enum class Recipe : uint8_t {
        inserted, // GEN of values[0], values[1], ...
        mapped,   // GEN in the iteration order of `source`; values[k] is the image of its values[k]
        copied,   // COPY of `source`, whose values and hashes this set shares
    };
    static constexpr uint32_t kEmptySlot = 0;
    static constexpr uint32_t kDummySlot = UINT32_MAX;

    uint32_t size = 0;
    uint32_t fill = 0;  // size + dummies; valid once laid out
    uint32_t mask = 7;  // number of slots - 1; valid once laid out
    uint16_t kinds = 0; // bit k: some element is of Kind k
    Recipe recipe = Recipe::inserted;
    uint8_t chain = 0; // sources in a row that are not laid out; bounded, as laying out recurses
    bool has_hash = false;
    uint64_t hash = 0;
    Value *values = nullptr;
    uint64_t *hashes = nullptr; // of the values; nullptr until needed
    uint32_t *slots = nullptr;
    const Value *in_order = nullptr; // the values in iteration order; nullptr until needed
    Set *source = nullptr;

    bool holds_only(Kind kind) const { return kinds == 1u << static_cast<unsigned>(kind); }
    Items unordered() const { return {values, size}; }
};

// The elements in iteration order.
Outcome ordered(Machine &m, Set *set, const Value **out);

Outcome contains(Machine &m, Set *set, const Value &v, bool *out);

// GEN of values that the caller knows to be distinct. Takes the array over.
Outcome set_of_distinct(Machine &m, Value *values, size_t size, Value *out);

// GEN of the images of `source`, in its iteration order: values[k] is the image of
// source->values[k]. The caller knows the images to be distinct. Takes the array over.
Outcome set_of_images(Machine &m, Set *source, Value *values, Value *out);

// COPY(set): equal elements, possibly in another order; a new object.
Outcome copy_of_set(Machine &m, Set *set, Value *out);

// OR, AND and SUB. `a` and `b` may be the same object, which AND treats apart.
Outcome set_union(Machine &m, Set *a, Set *b, Value *out);
Outcome set_intersection(Machine &m, Set *a, Set *b, Value *out);
Outcome set_difference(Machine &m, Set *a, Set *b, Value *out);

Outcome equal_sets(Machine &m, Set *a, Set *b, bool *result);
// Whether every element of a is in b.
Outcome is_subset(Machine &m, Set *a, Set *b, bool *result);
Outcome hash_set(Machine &m, Set *set, uint64_t *result);

// GEN: a set built by adding elements one at a time.
class SetBuilder {
  public:
    explicit SetBuilder(Machine &m) : m_(m) {}

    // *index: where v, or the equal element that was there before, stands in unordered().
    Outcome add(const Value &v, uint32_t *index = nullptr);
    size_t size() const { return table_.size; }

    Outcome finish(Value *out);        // GEN
    Outcome finish_copied(Value *out); // LIT

  private:
    Machine &m_;
    Set table_;
    size_t capacity_ = 0;
};

// LIKE(container)<...>: a tuple for a tuple, GEN for a set. The caller has checked that it is one.
class LikeBuilder {
  public:
    LikeBuilder(Machine &m, const Value &container)
        : list_(m), set_(m), builds_set_(container.is_set()) {}

    Outcome add(const Value &v) { return builds_set_ ? set_.add(v) : list_.push(v); }
    Outcome finish(Value *out) {
        if (builds_set_) return set_.finish(out);
        *out = list_.as_tuple();
        return Outcome::ok;
    }

  private:
    ValueList list_;
    SetBuilder set_;
    bool builds_set_;
};

} // namespace codeit
