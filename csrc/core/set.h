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

Outcome contains(Machine &m, Set *set, const Value &v, bool *out);

// GEN of values that the caller knows to be distinct. Takes the array over.
Outcome set_of_distinct(Machine &m, Value *values, size_t size, Value *out);

// What follows is inline, as copies of what has just been written in parts would wait for it. For
// the same reason a flag that is rarely set is not written where it is not.

// A packed set without a recipe, never empty.
inline Outcome new_packed(Machine &m, Kind kind, const Patch &patch, uint32_t size, Set **set,
                          Value *out) {
    Set *made;
    TRY(m.allocate(1, &made));
    new (made) Set();
    made->size = size;
    made->kinds = static_cast<uint16_t>(1u << static_cast<unsigned>(kind));
    made->patch = patch;
    if (is_sparse(patch.bits.height, size)) [[unlikely]]
        made->is_sparse = true;
    *set = made;
    *out = Value::of_set(made);
    return Outcome::ok;
}
// Gives up the bits of a set that a plain run has made.
Outcome unpack(Machine &m, Set *set);

// A set of places (Kind::pair) or cells given as bits. `size` is their number and may be 0.
// GEN of them, row by row:
inline Outcome set_of_rows(Machine &m, Kind kind, const Patch &patch, uint32_t size, Value *out) {
    if (size == 0) return set_of_distinct(m, nullptr, 0, out);
    Set *set;
    TRY(new_packed(m, kind, patch, size, &set, out));
    return m.is_plain() ? unpack(m, set) : Outcome::ok;
}
// GEN of the images of `source`, in its iteration order; no two have the same image:
inline Outcome set_of_images(Machine &m, Set *source, Kind kind, const Patch &patch,
                             const Image &image, Value *out) {
    struct Mapped {
        Set set;
        Image image;
    } *mapped;
    TRY(m.allocate(1, &mapped));
    if (source->chain >= Set::kMaxChain) [[unlikely]]
        TRY(lay_out(m, source));
    Set *set = new (&mapped->set) Set();
    mapped->image = image;
    set->size = source->size;
    set->kinds = static_cast<uint16_t>(1u << static_cast<unsigned>(kind));
    set->recipe = Set::Recipe::mapped;
    set->chain = static_cast<uint8_t>(source->chain + 1);
    set->source = source;
    set->image = &mapped->image;
    set->patch = patch;
    if (is_sparse(patch.bits.height, source->size)) [[unlikely]]
        set->is_sparse = true;
    *out = Value::of_set(set);
    return Outcome::ok;
}
// GEN of the elements of a packed set, in its order, that are places of `patch`:
Outcome filtered_set(Machine &m, Set *source, Kind kind, const Patch &patch, uint32_t size,
                     Value *out);
// The same of any set; `kept` are some of its elements, in their order there. Takes the array over.
Outcome filtered_set(Machine &m, Set *source, const Items &elements, Value *kept, size_t size,
                     Value *out);
// OR of two packed sets of one kind:
Outcome united_set(Machine &m, Set *a, Set *b, const Patch &patch, uint32_t size, Value *out);
// GEN of values in the order given:
Outcome set_in_turn(Machine &m, Kind kind, const Patch &patch, Value *values, uint32_t size,
                    Value *out);
// Whatever the construction does, which has the same elements. `chain` is the largest one of the
// sets that it uses.
inline void start_constructed(Kind kind, const Patch &patch, uint32_t size,
                              const Construction *construction, unsigned chain, Set *set) {
    set->size = size;
    set->kinds = static_cast<uint16_t>(1u << static_cast<unsigned>(kind));
    set->recipe = Set::Recipe::constructed;
    set->chain = static_cast<uint8_t>(chain + 1);
    set->construction = construction;
    set->patch = patch;
    if (is_sparse(patch.bits.height, size)) [[unlikely]]
        set->is_sparse = true;
}
inline Outcome constructed_set(Machine &m, Kind kind, const Patch &patch, uint32_t size,
                               const Construction *construction, unsigned chain, Value *out) {
    if (size == 0) return set_of_distinct(m, nullptr, 0, out);
    Set *set;
    TRY(m.allocate(1, &set));
    start_constructed(kind, patch, size, construction, chain, new (set) Set());
    *out = Value::of_set(set);
    if (m.is_plain()) return unpack(m, set);
    return chain >= Set::kMaxChain ? lay_out(m, set) : Outcome::ok;
}

// The same as constructed_set for values that are known to be distinct, in any order; `kinds` of
// them as in Set. They may be nullptr where the construction makes them.
Outcome constructed_set(Machine &m, Value *values, size_t size, uint16_t kinds,
                        const Construction *construction, unsigned chain, Value *out);

// For constructions: the table that GEN makes of the elements of packed sets in turn, of which none
// but PatchUnion has been made; or that an equal set has.
Outcome lay_out_merged(Machine &m, const Items &sets, Set *set);
Outcome adopt_table(Machine &m, const Value &built, Set *set);

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

// What a packed set holds.
inline Kind kind_of(const Set &packed) {
    return packed.holds_only(Kind::pair) ? Kind::pair : Kind::cell;
}

// Gives a set of nothing but places or of nothing but cells its bits, where it can have them; but
// not one that is sparse, unless it must. Not the empty set.
Outcome pack_values(Machine &m, Set *set, bool is_sparse_too);
inline Outcome pack(Machine &m, Set *set, bool *is_packed, bool is_sparse_too = false) {
    bool is_plain = set->holds_only(Kind::pair) || set->holds_only(Kind::cell);
    bool is_wanted = is_sparse_too || !set->is_sparse;
    if (is_plain && is_wanted && !set->is_packed() && !set->is_unpackable && !m.is_plain()) {
        TRY(pack_values(m, set, is_sparse_too));
    }
    *is_packed = set->is_packed() && (is_sparse_too || !set->is_sparse);
    return Outcome::ok;
}

// The places of `size` pairs or cells, some of which may be the same. *fits is false where they are
// too far apart for bits, and where these are not worth it.
Outcome places_of(Machine &m, const Value *values, size_t size, Bitmap *out, uint32_t *num_places,
                  bool *fits, bool is_sparse_too = false);

// COPY(set): equal elements, possibly in another order; a new object.
Outcome copy_of_set(Machine &m, Set *set, Value *out);

// OR, AND and SUB. `a` and `b` may be the same object, which AND treats apart.
Outcome set_union(Machine &m, Set *a, Set *b, Value *out);
Outcome set_intersection(Machine &m, Set *a, Set *b, Value *out);
Outcome set_difference(Machine &m, Set *a, Set *b, Value *out);

// A part of the places of a patch, with their colors.
Patch part_of(const Patch &whole, const Bitmap &bits);

// The places of a that are (or are not) places of b, both packed and of one kind; a cell is one
// only where the colors are equal, too.
Outcome common_places(Machine &m, const Set &a, const Set &b, Patch *out, uint32_t *size);
Outcome other_places(Machine &m, const Set &a, const Set &b, Patch *out, uint32_t *size);

// The union of packed sets of one kind.
class PatchUnion {
  public:
    explicit PatchUnion(Machine &m) : m_(m), sets_(m) {}

    // False for what cannot be joined: a value that is no set of places or cells, or sets of both.
    Outcome add(const Value &v, bool *fits);
    // As bits; *is_packed is false where it has none: too wide, or two cells at one place.
    Outcome finish(Patch *out, uint32_t *size, bool *is_packed);
    // As values, in any order; *fits is false where the window is too large for so few. Where two
    // cells share a place, there are no *values yet: such a set is mostly painted, for which it is
    // laid out, and that makes them.
    Outcome finish(Value **values, size_t *size, bool *fits);
    bool is_empty() const { return sets_.size() == 0; }
    Kind kind() const { return kind_; }
    unsigned chain() const { return chain_; }
    const Window &window() const { return window_; }

  private:
    Outcome color_cells(Patch *out, bool *is_packed);

    Machine &m_;
    ValueList sets_;
    Kind kind_ = Kind::unbound;
    Window window_ = {};
    bool has_one_color_ = true;
    unsigned chain_ = 0;
};

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
