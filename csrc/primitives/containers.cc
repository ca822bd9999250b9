// Tuples and frozensets, without functions (language.md 6.3).
//
// A body that takes a set asks first whether the order matters. Where it does not, the result is
// made of the elements as they lie, with a Construction for its own order; where it does, or where
// something fails, a function named ..._in_order takes the items as CPython iterates them.
#include "primitives/patch.h"
#include "primitives/selection.h"
#include "primitives/steps.h"

#include <algorithm>
#include <numeric>

namespace codeit {
namespace {

// The extreme item by frequency: a set of the items is scanned in its own order, so that this
// order, not the order of appearance, decides ties.
Outcome extreme_by_count(Machine &m, Extreme extreme, const Value &container, Value *out) {
    if (container.is_set()) return Outcome::attribute_error;
    Items items;
    TRY(items_of(m, container, &items));
    return most_frequent(m, extreme, items, out);
}

Outcome extreme_item(Machine &m, Extreme extreme, const Value &container, Value *out) {
    Items items;
    TRY(items_of(m, container, &items));
    Selection selection(m, extreme);
    for (const Value &item : items) TRY(selection.offer(item, item));
    *out = selection.is_empty() ? Value::of_int(0) : selection.item();
    return Outcome::ok;
}

// The body lays the two items out; who pays for them need not.
template <typename Choose>
bool extreme_of_pairs(Block &block, const Series *args, Series *out, Choose choose) {
    return block.pay(2 + Block::kTwoItems) &&
           block.map<1>(args, out, [choose](const Value *pair, Value *result) {
               *result = Value::of_int(choose(pair->i, pair->j));
               return pair->kind == Kind::pair;
           });
}

} // namespace

PRIMITIVE(contained) {
    const Value &value = args[0];
    const Value &container = args[1];
    bool found = false;
    if (container.is_set()) {
        TRY(contains(m, container.set, value, &found));
    } else {
        Items items;
        TRY(items_of(m, container, &items));
        for (size_t k = 0; k < items.size && !found; ++k) {
            TRY(equal_items(m, items[k], value, &found));
        }
    }
    *out = Value::boolean(found);
    return Outcome::ok;
}

PRIMITIVE(interval) {
    for (int k = 0; k < 3; ++k) {
        if (!args[k].is_int()) return Outcome::type_error;
    }
    int64_t start = args[0].integer;
    int64_t stop = args[1].integer;
    int64_t step = args[2].integer;
    if (step == 0) return Outcome::value_error;
    uint64_t count = 0;
    // The distance of two ints may need 64 bits without a sign.
    if (step > 0 ? start < stop : start > stop) {
        uint64_t distance = step > 0 ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                                     : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
        uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
        count = (distance - 1) / stride + 1;
    }
    // len() of such a range does not fit CPython's index type.
    if (count > static_cast<uint64_t>(INT64_MAX)) return Outcome::overflow;
    TRY(m.charge(count));
    Value *items;
    TRY(m.allocate(count, &items));
    for (uint64_t k = 0; k < count; ++k) {
        // Unsigned, as k * step alone may leave the range although the item does not.
        uint64_t item = static_cast<uint64_t>(start) + k * static_cast<uint64_t>(step);
        items[k] = Value::of_int(static_cast<int64_t>(item));
    }
    *out = tuple_of(items, count);
    return Outcome::ok;
}

PRIMITIVE(repeat) {
    if (!args[1].is_int()) return Outcome::type_error;
    uint64_t count = static_cast<uint64_t>(std::max<int64_t>(args[1].integer, 0));
    TRY(m.charge(count));
    Value *items;
    TRY(m.allocate(count, &items));
    std::fill_n(items, count, args[0]);
    *out = tuple_of(items, count);
    return Outcome::ok;
}

PRIMITIVE(pair) {
    Items a;
    Items b;
    TRY(items_of(m, args[0], &a));
    TRY(items_of(m, args[1], &b));
    size_t size = std::min(a.size, b.size);
    Value *items;
    TRY(m.allocate(size, &items));
    for (size_t k = 0; k < size; ++k) TRY(make_pair(m, a[k], b[k], &items[k]));
    *out = tuple_of(items, size);
    return Outcome::ok;
}

PRIMITIVE(size) {
    size_t size;
    TRY(length_of(args[0], &size));
    *out = Value::of_int(static_cast<int64_t>(size));
    return Outcome::ok;
}
STEP_OF_BODY(size, 1, is_anything)

PRIMITIVE(initset) {
    // What is nested is hashed level by level as it is built, since a set keeps its hash: not all
    // at once and deep down later.
    if (args[0].kind == Kind::set || args[0].kind == Kind::tuple) {
        SetBuilder set(m);
        TRY(set.add(args[0]));
        return set.finish_copied(out);
    }
    Value *value;
    TRY(m.allocate(1, &value));
    *value = args[0];
    return set_of_distinct(m, value, 1, out);
}

namespace {

Outcome combined_in_order(Machine &m, const Value *args, Value *out) {
    Items a;
    Items b;
    TRY(items_of(m, args[0], &a));
    TRY(items_of(m, args[1], &b));
    LikeBuilder result(m, args[0]);
    for (const Value &item : a) TRY(result.add(item));
    for (const Value &item : b) TRY(result.add(item));
    return result.finish(out);
}

Outcome merged_in_order(Machine &m, const Value *args, Value *out) {
    Items containers;
    TRY(items_of(m, args[0], &containers));
    LikeBuilder result(m, args[0]);
    for (const Value &container : containers) {
        Items items;
        TRY(items_of(m, container, &items));
        for (const Value &item : items) TRY(result.add(item));
    }
    return result.finish(out);
}

// The tuple of the elements of packed sets, to be settled when it is asked for. Not worth it for a
// few elements.
Outcome joined_sets(Machine &m, const Items &sets, bool *is_done, Value *out) {
    constexpr size_t kLeastSize = 8;
    size_t size = 0;
    *is_done = !m.is_plain();
    for (size_t k = 0; k < sets.size && *is_done; ++k) {
        *is_done = sets[k].is_set();
        if (!*is_done || sets[k].set->size == 0) continue;
        TRY(pack(m, sets[k].set, is_done));
        size += sets[k].set->size;
    }
    *is_done = *is_done && size >= kLeastSize;
    return *is_done ? m.join(sets.data, sets.size, size, out) : Outcome::ok;
}

} // namespace

PRIMITIVE(combine) {
    if (args[0].is_set() && args[1].is_set()) {
        // For its construction, the two sets are one container.
        Value *both;
        bool is_done;
        TRY(m.allocate(2, &both));
        std::copy_n(args, 2, both);
        TRY(merged_sets(m, {both, 2}, tuple_of(both, 2), &is_done, out));
        if (is_done) return Outcome::ok;
    }
    return combined_in_order(m, args, out);
}

PRIMITIVE(merge) {
    if (args[0].is_set() && args[0].set->holds_only(Kind::set)) {
        Items sets;
        bool is_done;
        TRY(elements(m, args[0].set, &sets));
        TRY(merged_sets(m, sets, args[0], &is_done, out));
        if (is_done) return Outcome::ok;
    }
    if (args[0].kind == Kind::tuple) {
        Items sets;
        bool is_done;
        TRY(items_of(m, args[0], &sets));
        TRY(joined_sets(m, sets, &is_done, out));
        if (is_done) return Outcome::ok;
    }
    return merged_in_order(m, args, out);
}

PRIMITIVE(intersection) {
    const Value &a = args[0];
    const Value &b = args[1];
    if (a.is_set() && b.is_set()) return set_intersection(m, a.set, b.set, out);
    if (!a.is_int() || !b.is_int()) return Outcome::type_error;
    int64_t bits = a.integer & b.integer;
    bool are_bools = a.kind == Kind::boolean && b.kind == Kind::boolean;
    *out = are_bools ? Value::boolean(bits != 0) : Value::of_int(bits);
    return Outcome::ok;
}

namespace {

Outcome difference_in_order(Machine &m, const Value *args, Value *out) {
    Items items;
    TRY(items_of(m, args[0], &items));
    LikeBuilder result(m, args[0]);
    for (const Value &item : items) {
        Value membership[2] = {item, args[1]};
        Value is_in_b;
        TRY(primitive_contained(m, membership, &is_in_b));
        if (!is_true(is_in_b)) TRY(result.add(item));
    }
    return result.finish(out);
}

} // namespace

PRIMITIVE(difference) {
    Set *a;
    Set *b = nullptr;
    TRY(packed_patch(m, args[0], &a));
    if (a != nullptr) TRY(packed_patch(m, args[1], &b));
    if (b != nullptr && a->kinds == b->kinds) {
        Patch others;
        uint32_t size;
        TRY(other_places(m, *a, *b, &others, &size));
        return filtered_set(m, a, kind_of(*a), others, size, out);
    }
    return difference_in_order(m, args, out);
}

PRIMITIVE(dedupe) {
    const Value &tuple = args[0];
    Items items;
    TRY(items_of(m, tuple, &items));
    if (tuple.is_set() && items.size != 0) return Outcome::attribute_error;
    SetBuilder seen(m); // tells equal items apart from new ones, as tuple.index does one by one
    ValueList result(m);
    for (const Value &item : items) {
        size_t before = seen.size();
        TRY(seen.add(item));
        if (seen.size() != before) TRY(result.push(item));
    }
    *out = result.as_tuple();
    return Outcome::ok;
}

PRIMITIVE(maximum) {
    return extreme_item(m, Extreme::largest, args[0], out);
}
STEP(maximum) {
    return extreme_of_pairs(block, args, out, [](int32_t i, int32_t j) { return std::max(i, j); });
}
PRIMITIVE(minimum) {
    return extreme_item(m, Extreme::smallest, args[0], out);
}
STEP(minimum) {
    return extreme_of_pairs(block, args, out, [](int32_t i, int32_t j) { return std::min(i, j); });
}
PRIMITIVE(mostcommon) {
    return extreme_by_count(m, Extreme::largest, args[0], out);
}
PRIMITIVE(leastcommon) {
    return extreme_by_count(m, Extreme::smallest, args[0], out);
}

PRIMITIVE(insert) {
    if (!args[1].is_set()) return Outcome::attribute_error;
    Value added;
    TRY(primitive_initset(m, args, &added));
    return set_union(m, args[1].set, added.set, out);
}

PRIMITIVE(remove) {
    Items items;
    TRY(items_of(m, args[1], &items));
    LikeBuilder result(m, args[1]);
    for (const Value &item : items) {
        bool is_equal;
        TRY(equal(m, item, args[0], &is_equal));
        if (!is_equal) TRY(result.add(item));
    }
    return result.finish(out);
}

PRIMITIVE(other) {
    Value reordered[2] = {args[1], args[0]};
    Value rest;
    TRY(primitive_remove(m, reordered, &rest));
    return first_of(m, rest, out);
}

PRIMITIVE(totuple) {
    if (args[0].is_tuple()) {
        *out = args[0];
        return Outcome::ok;
    }
    Items items;
    TRY(items_of(m, args[0], &items));
    *out = tuple_of(items.data, items.size);
    return Outcome::ok;
}

PRIMITIVE(first) {
    return first_of(m, args[0], out);
}
STEP(first) {
    return block.item(0, args[0], out);
}

PRIMITIVE(last) {
    size_t size;
    TRY(length_of(args[0], &size));
    if (size == 0) return Outcome::value_error;
    if (args[0].is_tuple()) return item_at(m, args[0], -1, out);
    const Value *items;
    TRY(m.charge(size));
    TRY(ordered(m, args[0].set, &items));
    *out = items[size - 1];
    return Outcome::ok;
}
STEP(last) {
    return block.item(1, args[0], out);
}

namespace {

// b is the outer loop; a is looked at only where b has items.
Outcome product_of_any(Machine &m, const Value *args, Value *out) {
    Items b;
    TRY(items_of(m, args[1], &b));
    SetBuilder set(m);
    for (const Value &j : b) {
        Items a;
        TRY(items_of(m, args[0], &a));
        for (const Value &i : a) {
            Value both;
            TRY(make_pair(m, i, j, &both));
            TRY(set.add(both));
        }
    }
    return set.finish(out);
}

// GEN of the pairs of distinct items, b outermost, to be done when the order is asked for. The
// pairs are distinct, too, and their hashes follow from those of the items: the part of a pair's
// hash that is the first item's is worked out once for each of them (language.md 4.1).
struct Product : Construction {
    Set *sets[2]; // nullptr for a tuple
    Items elements[2];

    static Outcome hashes_of(Machine &m, const Items &items, uint64_t **out) {
        TRY(m.allocate_scratch(items.size, out));
        for (size_t k = 0; k < items.size; ++k) TRY(hash_of(m, items[k], &(*out)[k]));
        return Outcome::ok;
    }

    static Outcome lay_out_product(Machine &m, const Construction &how, Set *set) {
        const auto &product = static_cast<const Product &>(how);
        ScratchScope scratch(m);
        uint32_t *turns[2];
        uint64_t *parts[2];
        for (int k = 0; k < 2; ++k) {
            const Items &items = product.elements[k];
            if (product.sets[k] != nullptr) {
                TRY(turns_of(m, product.sets[k], items, &turns[k]));
            } else {
                TRY(m.allocate_scratch(items.size, &turns[k]));
                std::iota(turns[k], turns[k] + items.size, 0u);
            }
            TRY(hashes_of(m, items, &parts[k]));
        }
        size_t size_a = product.elements[0].size;
        size_t size_b = product.elements[1].size;
        for (size_t i = 0; i < size_a; ++i) {
            parts[0][i] = hashing::add_item(hashing::kPrime5, parts[0][i]);
        }
        uint64_t *hashes;
        TRY(m.charge(set->size));
        TRY(m.allocate(set->size, &hashes));
        uint64_t *next = hashes;
        for (size_t j = 0; j < size_b; ++j) {
            for (size_t i = 0; i < size_a; ++i) {
                *next++ = hashing::finish_tuple(hashing::add_item(parts[0][i], parts[1][j]), 2);
            }
        }
        m.before_change(set);
        set->hashes = hashes;
        constexpr size_t kAhead = 8; // slots are asked for before they are needed
        ValueTable table(m, set);
        TRY(table.start());
        for (size_t j = 0; j < size_b; ++j) {
            auto first = static_cast<uint32_t>(turns[1][j] * size_a);
            for (size_t i = 0; i < size_a; ++i) {
                if (i + kAhead < size_a) table.expect(first + turns[0][i + kAhead]);
                TRY(table.add(first + turns[0][i]));
            }
        }
        return table.finish();
    }
};

// Items that are distinct, in any order; *are_distinct is false where they are not, or may not be.
Outcome distinct_items(Machine &m, const Value &v, Set **set, Items *out, bool *are_distinct) {
    *set = v.is_set() ? v.set : nullptr;
    *are_distinct = true;
    if (*set != nullptr) return elements(m, *set, out);
    TRY(items_of(m, v, out));
    SetBuilder seen(m);
    for (size_t k = 0; k < out->size && *are_distinct; ++k) {
        TRY(seen.add((*out)[k]));
        *are_distinct = seen.size() > k;
    }
    return Outcome::ok;
}

// Of two containers of distinct items: the pairs are distinct, and need no order yet.
Outcome product_of_distinct(Machine &m, const Value *args, bool *is_done, Value *out) {
    Product how = {{Product::lay_out_product}, {}, {}};
    for (int k = 1; k >= 0; --k) {
        TRY(distinct_items(m, args[k], &how.sets[k], &how.elements[k], is_done));
        *is_done = *is_done && how.elements[k].size != 0;
        if (!*is_done) return Outcome::ok;
    }
    uint64_t count = uint64_t{how.elements[0].size} * how.elements[1].size;
    TRY(m.charge(count));
    Value *pairs;
    TRY(m.allocate(count, &pairs));
    unsigned kinds = 0;
    Value *next = pairs;
    // Without an int in front, none is held as a pair or a cell: all of them need room for their
    // items, which is allocated at once.
    bool are_tuples = std::none_of(how.elements[0].begin(), how.elements[0].end(),
                                   [](const Value &i) { return i.kind == Kind::integer; });
    Value *items = nullptr;
    if (are_tuples) TRY(m.allocate_groups(count, 2, &items));
    for (const Value &j : how.elements[1]) {
        for (const Value &i : how.elements[0]) {
            if (are_tuples) {
                items[0] = i;
                items[1] = j;
                *next = Value::of_tuple(items, 2);
                items += 2;
            } else {
                TRY(make_pair(m, i, j, next));
            }
            kinds |= 1u << static_cast<unsigned>(next->kind);
            ++next;
        }
    }
    Product *product;
    TRY(m.allocate(1, &product));
    *product = how;
    unsigned chain = 0;
    for (const Set *set : how.sets) {
        if (set != nullptr) chain = std::max<unsigned>(chain, set->chain);
    }
    return constructed_set(m, pairs, count, static_cast<uint16_t>(kinds), product, chain, out);
}

} // namespace

PRIMITIVE(product) {
    bool is_done;
    TRY(product_of_distinct(m, args, &is_done, out));
    return is_done ? Outcome::ok : product_of_any(m, args, out);
}

namespace {

Outcome sizefilter_in_order(Machine &m, const Value *args, Value *out) {
    Items items;
    TRY(items_of(m, args[0], &items));
    SetBuilder set(m);
    for (const Value &item : items) {
        size_t size;
        bool is_equal;
        TRY(length_of(item, &size));
        TRY(equal(m, Value::of_int(static_cast<int64_t>(size)), args[1], &is_equal));
        if (is_equal) TRY(set.add(item));
    }
    return set.finish(out);
}

} // namespace

PRIMITIVE(sizefilter) {
    if (args[0].is_set() && args[0].set->holds_only(Kind::set)) {
        Items sets;
        ValueList kept(m);
        TRY(elements(m, args[0].set, &sets));
        TRY(m.charge(sets.size));
        for (const Value &v : sets) {
            if (args[1].is_int() && v.set->size == args[1].integer) TRY(kept.push(v));
        }
        return filtered_elements(m, args[0].set, sets, &kept, out);
    }
    return sizefilter_in_order(m, args, out);
}

} // namespace codeit
