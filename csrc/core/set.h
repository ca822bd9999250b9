// Frozensets, with the iteration order that CPython 3.11's hash tables give them. This is the one
// room that knows about set order; names in capitals are those of language.md 4.
//
// The order follows from how the table came about, slot by slot, and most sets are never asked for
// it: they are measured, painted, compared, joined. So a set holds what it was made of and how, and
// works out the rest when something first asks. It may have, in the order of their cost:
//
// - bits (Patch), where its elements are places or cells that fit them: enough for all that needs
//   no order (packed_set.cc)
// - values, its elements in any order
// - a recipe: the turn in which the elements are inserted, or the set that it is an image or a copy
//   of, or a Construction that knows how to do it again
// - a table, in codes for bits (packed_table.cc) or in slots for values (set.cc), which follows
//   from the recipe by the rules of table_rules.h
// - the values in iteration order, read from the table
//
// docs/design/sets.md says why. To programs a set is immutable; what it fills in is announced to
// the machine (before_change), so that a run can go back to an earlier line. A plain run
// (Machine::is_plain) has values and tables only, and must end as any other: tests compare the two.
//
// Bodies ask for `elements` where no order is needed, and for items_of or `ordered` where one is.
//
// This file has what every set is, and how one is built element by element. packed_set.h makes sets
// of bits and of constructions; patch_union.h joins many of them, whose table is scattered_set.h's;
// set_algebra.h compares and joins any; packed_table.h and set_table.h have the tables.
#pragma once

#include "core/bitmap.h"
#include "core/sequence.h"

#include <new>

namespace codeit {

// The places of a set, and what they hold if it is a set of cells: one color for all of them, or
// the color of (i, j) at colors[(i - bits.top) * stride + (j - bits.left)].
struct Patch {
    Bitmap bits;
    const int8_t *colors = nullptr;
    int32_t stride = 0;
    int32_t color = 0; // where colors is nullptr

    int32_t color_at(int64_t i, int64_t j) const {
        return colors == nullptr ? color : colors[(i - bits.top) * stride + (j - bits.left)];
    }
};

// Whether so many places are too few for bits: what works on bits looks at every row of their box,
// and would be slower than what looks at the elements. No patch of a grid of ARC is.
inline bool is_sparse(int64_t height, uint64_t num_places) {
    constexpr uint64_t kFreeRows = 40;
    return static_cast<uint64_t>(height) > kFreeRows + num_places;
}

// Where each element of another set went.
struct Image {
    bool is_transposed = false; // before it is moved
    int64_t scale_i = 1;
    int64_t offset_i = 0;
    int64_t scale_j = 1;
    int64_t offset_j = 0;

    Value of_place(int64_t i, int64_t j) const {
        return Value::pair(static_cast<int32_t>(offset_i + scale_i * (is_transposed ? j : i)),
                           static_cast<int32_t>(offset_j + scale_j * (is_transposed ? i : j)));
    }
};

// How a set came about, for when its order is asked for: gives the set its table, by doing it again
// element by element.
struct Construction {
    Outcome (*lay_out)(Machine &m, const Construction &how, Set *set);
};

// Most sets of the language are patches that are only measured, painted or compared. Such a set
// holds its elements as bits, and knows how it was built; the elements as values, the hash table,
// and the iteration order that follows from it, are worked out when something first asks for them.
//
// Invariant: of bits, values and a construction that makes them at least one is there, unless the
// set is empty. values[0 .. size) are distinct. Once slots is set, each of its mask + 1 entries is
// kEmptySlot, kDummySlot or 1 + the index of a value, and iteration visits them in ascending order;
// codes says the same of places.
struct Set {
    enum class Recipe : uint8_t {
        inserted,    // GEN of the values in turn; where there are none yet, row by row
        mapped,      // GEN of the images of `source`, in its iteration order
        copied,      // COPY of `source`
        constructed, // as `construction` does it
    };
    static constexpr uint32_t kEmptySlot = 0;
    static constexpr uint32_t kDummySlot = UINT32_MAX;
    static constexpr unsigned kMaxChain = 32;

    uint32_t size = 0;
    uint32_t fill = 0;  // size + dummies; valid once laid out
    uint32_t mask = 7;  // number of slots - 1; valid once laid out
    uint16_t kinds = 0; // bit k: some element is of Kind k
    Recipe recipe = Recipe::inserted;
    uint8_t chain = 0; // sources in a row that are not laid out; bounded, as laying out recurses
    bool has_hash = false;
    bool is_unpackable = false; // its values have no bits: too wide, or two cells at one place
    bool is_sparse = false;     // its bits, if it has some, are not worth it
    uint64_t hash = 0;
    Value *values = nullptr;
    uint64_t *hashes = nullptr; // of the values; nullptr until needed
    uint32_t *slots = nullptr;
    uint16_t *codes = nullptr;       // the same table of a packed set (core/packed_table.h)
    const Value *in_order = nullptr; // the values in iteration order; nullptr until needed
    Set *source = nullptr;
    union {
        const Image *image = nullptr; // mapped: of the values of source; nullptr when they are set
        const Construction *construction;
    };
    Patch patch; // bits.rows is nullptr when they are not held as bits

    struct Empty {};
    constexpr explicit Set(Empty) {}
    Set(); // the same
    constexpr Set(const Set &) = default;
    Set &operator=(const Set &) = default;

    bool holds_only(Kind kind) const { return kinds == 1u << static_cast<unsigned>(kind); }
    bool is_packed() const { return patch.bits.rows != nullptr; }
    bool is_densely_packed() const { return is_packed() && !is_sparse; }
};

// A copy of this takes far less time than the instruction by which compilers clear so many bytes;
// they must not see what it holds.
extern const Set kEmptySet;
inline Set::Set() : Set(kEmptySet) {}

// Works the table out.
Outcome lay_out(Machine &m, Set *set);

// The elements in any order.
Outcome elements(Machine &m, Set *set, Items *out);

// The elements in iteration order.
Outcome ordered(Machine &m, Set *set, const Value **out);

// GEN of values that the caller knows to be distinct. Takes the array over.
Outcome set_of_distinct(Machine &m, Value *values, size_t size, Value *out);

// The iteration order of a set, as indices of what elements() returned at any time; in scratch
// memory.
Outcome turns_of(Machine &m, Set *set, const Items &elements, uint32_t **out);

// The table of a set whose values are distinct, under construction: ADD of the values in any turn,
// all of them.
class ValueTable {
  public:
    ValueTable(Machine &m, Set *set) : m_(m), set_(set) {}

    Outcome start();
    Outcome add(uint32_t index);
    void expect(uint32_t index) const; // says that it is added soon
    Outcome finish();                  // gives the table to the set

  private:
    Machine &m_;
    Set *set_;
    Set table_; // of the values added so far
};

// COPY(set): equal elements, possibly in another order; a new object.
Outcome copy_of_set(Machine &m, Set *set, Value *out);

// GEN: a set built by adding elements one at a time.
class SetBuilder {
  public:
    explicit SetBuilder(Machine &m) : m_(m) {}

    // *index: where v, or the equal element that was there before, stands in unordered().
    Outcome add(const Value &v, uint32_t *index = nullptr);
    // The same of a value that stands for one with another hash.
    Outcome add_hashed(const Value &v, uint64_t hash, uint32_t *index);
    size_t size() const { return table_.size; }

    Outcome finish(Value *out);        // GEN
    Outcome finish_copied(Value *out); // LIT

  private:
    Machine &m_;
    Set table_;
    size_t capacity_ = 0;
};

// The tuple of a list's items; held as a grid where they are rows of three cells and more, which
// spares the grid's primitives to look at every cell.
Outcome tuple_or_grid(Machine &m, const ValueList &list, Value *out);

// LIKE(container)<...>: a tuple for a tuple, GEN for a set. The caller has checked that it is one.
class LikeBuilder {
  public:
    LikeBuilder(Machine &m, const Value &container)
        : m_(m), list_(m), set_(m), builds_set_(container.is_set()) {}

    Outcome add(const Value &v) { return builds_set_ ? set_.add(v) : list_.push(v); }
    Outcome finish(Value *out) {
        return builds_set_ ? set_.finish(out) : tuple_or_grid(m_, list_, out);
    }

  private:
    Machine &m_;
    ValueList list_;
    SetBuilder set_;
    bool builds_set_;
};

} // namespace codeit
