// A value of the language in 16 bytes, and the relations that the language has on values.
//
// Eight bytes say what kind of value it is, eight hold it or point to it. Ints, bools, None, pairs
// of ints and cells, which are nearly all that programs compute with, lie in the value itself: to
// make, copy, compare or hash one takes a few instructions and no memory. All else lies in the
// machine's arena, never changes as far as a program can see, and is shared by all that refer to it
// until the run ends; nothing is counted or freed.
//
// A tuple is held in one of four ways (pair, cell, tuple, grid). Which one follows from the items
// for pairs and cells, so that two of them are compared by their bytes; only tuples and grids are
// looked into. The relations are CPython's: language.md 3.5 (equality), 3.6 (order), 3.7 (truth),
// 4.1 (hashes). What is short is inline here; value.cc has the rest.
#pragma once

#include "core/outcome.h"
#include "core/wide.h"
#include "lang/language.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace codeit {

class Machine;
struct Closure;
struct Grid;
struct Joined;
struct Set;

// Order matters: everything up to `integer` is an int to the language's arithmetic once `none` is
// excluded, and pair..grid are its tuples.
enum class Kind : uint8_t {
    unbound, // a register that no line has bound
    none,
    boolean,
    integer,
    pair,  // (i, j), both ints of 32 bits
    cell,  // (color, (i, j)), all ints of 32 bits
    tuple, // any other tuple
    grid,  // a tuple of at least one row of equal, positive width, all items ints of 8 bits
    set,
    function,
    joined, // a tuple that Machine::settle makes one
};

// Invariant: a tuple that can be a pair or a cell is one; `tuple_of` (sequence.h) sees to it. A
// grid may be held as a `grid` or as a `tuple` of rows; equality, order and hash do not tell them
// apart.
struct Value {
    Kind kind = Kind::unbound;
    uint8_t padding = 0;
    Opcode opcode{}; // function: the primitive, where `closure` is null
    union {
        int32_t color; // cell
        uint32_t size; // tuple: number of items
        uint32_t unused = 0;
    };
    union {
        int64_t integer = 0; // integer; boolean as 0 or 1
        struct {
            int32_t i, j; // pair, cell
        };
        const Value *items;     // tuple
        const Grid *grid;       // grid
        Joined *joined;         // joined
        Set *set;               // set; mutable, as it lays out its order when first asked
        const Closure *closure; // function, null for a primitive
    };

    static Value none() { return make(Kind::none, 0); }
    static Value boolean(bool b) { return make(Kind::boolean, b); }
    static Value of_int(int64_t n) { return make(Kind::integer, static_cast<uint64_t>(n)); }
    static Value pair(int32_t i, int32_t j) { return make(Kind::pair, both(i, j)); }
    static Value cell(int32_t color, int32_t i, int32_t j) {
        return make(Kind::cell, both(i, j), static_cast<uint32_t>(color));
    }
    static Value of_tuple(const Value *items, uint32_t size) {
        return make(Kind::tuple, std::bit_cast<uint64_t>(items), size);
    }
    static Value of_grid(const Grid *grid) {
        return make(Kind::grid, std::bit_cast<uint64_t>(grid));
    }
    static Value of_set(Set *set) { return make(Kind::set, std::bit_cast<uint64_t>(set)); }
    static Value of_joined(Joined *joined) {
        return make(Kind::joined, std::bit_cast<uint64_t>(joined));
    }
    static Value of_primitive(Opcode opcode) {
        Value v = make(Kind::function, 0);
        v.opcode = opcode;
        return v;
    }
    static Value of_closure(const Closure *closure) {
        return make(Kind::function, std::bit_cast<uint64_t>(closure));
    }

    bool is_int() const { return kind == Kind::integer || kind == Kind::boolean; }
    bool is_tuple() const { return kind >= Kind::pair && kind <= Kind::grid; }
    bool is_set() const { return kind == Kind::set; }

  private:
    static uint64_t both(int32_t i, int32_t j) {
        return uint64_t{static_cast<uint32_t>(j)} << 32 | static_cast<uint32_t>(i);
    }

    // Writes all 16 bytes at once: values are copied right after they are made, and a processor
    // cannot forward several small stores to one large load.
    static Value make(Kind kind, uint64_t payload, uint32_t extra = 0) {
        using TwoWords = uint64_t __attribute__((vector_size(16)));
        static_assert(std::endian::native == std::endian::little);
        TwoWords words = {uint64_t{extra} << 32 | static_cast<uint64_t>(kind), payload};
        return std::bit_cast<Value>(words);
    }
};
static_assert(sizeof(Value) == 16);

inline bool fits_int32(int64_t n) {
    return n >= INT32_MIN && n <= INT32_MAX;
}

// The primitives that make functions.
#define CLOSURE_FORMS(FORM)                                                                        \
    FORM(compose) FORM(chain) FORM(matcher) FORM(fork) FORM(rbind) FORM(lbind)

// A function made by a primitive. Compared and ordered in sets by identity.
struct Closure {
#define FORM(name) name,
    enum class Form : uint8_t { CLOSURE_FORMS(FORM) } form;
#undef FORM
    uint8_t arity;
    uint32_t serial; // counts the closures of one run; stands in for the address in hashes
    Value parts[3];  // the arguments of the primitive that made it; unbound behind them
};

// The tuple of all elements of some sets, each in its order. Most are only painted, for which no
// order matters within a set. Only results and arguments of primitives can be of this kind: it is
// settled before a value is kept in another one, or given to a primitive that does not know it.
struct Joined {
    const Value *sets;
    uint32_t num_sets;
    uint32_t size;
    const Value *items; // nullptr until settled
};

// `==`, `<`, hash() and bool() of the language. They charge for what they visit; less fails with
// type_error on values that have no order.
Outcome equal_composites(Machine &m, const Value &a, const Value &b, bool *result);
Outcome less_composites(Machine &m, const Value &a, const Value &b, bool *result);
Outcome hash_composite(Machine &m, const Value &v, uint64_t *result);
bool is_true_composite(const Value &v);
inline bool is_true(const Value &v) {
    return v.is_int() ? v.integer != 0 : is_true_composite(v);
}

inline Outcome equal(Machine &m, const Value &a, const Value &b, bool *result) {
    if (a.is_int() && b.is_int()) {
        *result = a.integer == b.integer;
        return Outcome::ok;
    }
    if (a.kind == b.kind && (a.kind == Kind::pair || a.kind == Kind::cell)) {
        *result = a.integer == b.integer && a.color == b.color;
        return Outcome::ok;
    }
    return equal_composites(m, a, b, result);
}

// The same as containers compare what they hold: without a look where both are one object.
inline Outcome equal_items(Machine &m, const Value &a, const Value &b, bool *result) {
    *result = a.is_set() && b.is_set() && a.set == b.set;
    return *result ? Outcome::ok : equal(m, a, b, result);
}

inline Outcome less(Machine &m, const Value &a, const Value &b, bool *result) {
    if (a.is_int() && b.is_int()) {
        *result = a.integer < b.integer;
        return Outcome::ok;
    }
    return less_composites(m, a, b, result);
}

// CPython 3.11's hashes (language.md 4.1).
namespace hashing {

inline constexpr uint64_t kPrime1 = 11400714785074694791u;
inline constexpr uint64_t kPrime2 = 14029467366897019727u;
inline constexpr uint64_t kPrime5 = 2870177450012600261u;
inline constexpr uint64_t kTupleEnd = kPrime5 ^ 3527539u;

inline constexpr uint64_t kModulus = (uint64_t{1} << 61) - 1;

constexpr uint64_t of_remainder(bool is_negative, uint64_t remainder) {
    uint64_t hash = is_negative ? 0 - remainder : remainder;
    return hash == UINT64_MAX ? UINT64_MAX - 1 : hash;
}
inline uint64_t of_int(int64_t n) {
    uint64_t magnitude = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
    return of_remainder(n < 0, magnitude % kModulus);
}
inline uint64_t of_wide(Wide n) {
    return of_remainder(n < 0, static_cast<uint64_t>((n < 0 ? -n : n) % kModulus));
}

// For ints of 32 bits no reduction is needed.
constexpr uint64_t of_small_int(int32_t n) {
    return n == -1 ? UINT64_MAX - 1 : static_cast<uint64_t>(static_cast<int64_t>(n));
}

constexpr uint64_t add_item(uint64_t accumulator, uint64_t item_hash) {
    return std::rotl(accumulator + item_hash * kPrime2, 31) * kPrime1;
}

constexpr uint64_t finish_tuple(uint64_t accumulator, uint64_t size) {
    accumulator += size ^ kTupleEnd;
    return accumulator == UINT64_MAX ? 1546275796u : accumulator;
}

// What the parts of a place or a cell add to its hash, each by itself.
constexpr uint64_t row_part(int32_t i) {
    return add_item(kPrime5, of_small_int(i));
}
constexpr uint64_t column_part(int32_t j) {
    return of_small_int(j) * kPrime2;
}
constexpr uint64_t color_part(int32_t color) {
    return row_part(color); // what comes first
}
constexpr uint64_t of_parts(uint64_t row, uint64_t column) {
    return finish_tuple(std::rotl(row + column, 31) * kPrime1, 2);
}
constexpr uint64_t with_color(uint64_t color, uint64_t place_hash) {
    return finish_tuple(add_item(color, place_hash), 2);
}

constexpr uint64_t of_pair(int32_t i, int32_t j) {
    return of_parts(row_part(i), column_part(j));
}

inline uint64_t of_cell(int32_t color, int32_t i, int32_t j) {
    return with_color(color_part(color), of_pair(i, j));
}

// What an element adds to the hash of a set, by exclusive or.
inline uint64_t shuffled(uint64_t hash) {
    return ((hash ^ 89869747u) ^ (hash << 16)) * 3644798167u;
}

inline uint64_t finish_set(uint64_t hash, uint64_t size) {
    hash ^= (size + 1) * 1927868237u;
    hash ^= (hash >> 11) ^ (hash >> 25);
    hash = hash * 69069u + 907133923u;
    return hash == UINT64_MAX ? 590923713u : hash;
}

} // namespace hashing

inline Outcome hash_of(Machine &m, const Value &v, uint64_t *result) {
    switch (v.kind) {
    case Kind::integer:
    case Kind::boolean:
        *result = hashing::of_int(v.integer);
        return Outcome::ok;
    case Kind::pair:
        *result = hashing::of_pair(v.i, v.j);
        return Outcome::ok;
    case Kind::cell:
        *result = hashing::of_cell(v.color, v.i, v.j);
        return Outcome::ok;
    default:
        return hash_composite(m, v, result);
    }
}

} // namespace codeit
