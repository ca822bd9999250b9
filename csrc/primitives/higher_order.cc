// A function over a container (language.md 6.4).
//
// Where the original passes a generator, a stop_iteration of the function becomes a runtime_error
// (call_in_stream); where it passes a key, it does not.
//
// For sets, the function is called on the elements as they lie, without their order, wherever that
// shows in nothing: sfilter, apply and mapply then keep a Construction for the order of their
// result, and argmax and its like ask for the order only to break a tie. If a call fails, which one
// would have failed first is a matter of order: the results are dropped, and all of it is done in
// order (fuel that was spent stays spent). A limit that is reached ends the run either way.
//
// Functions made of certain primitives are worked out for many items at once (primitives/images.h).
#include "core/sort.h"
#include "primitives/applying.h"
#include "primitives/images.h"
#include "primitives/patch.h"
#include "primitives/selection.h"
#include "primitives/steps.h"

#include <algorithm>

namespace codeit {
namespace {

// compfunc(item) as a sort or selection key; a key function of None means the item itself.
Outcome key_of(Machine &m, const Value &compfunc, const Value &item, Value *out) {
    if (compfunc.kind == Kind::none) {
        *out = item;
        return Outcome::ok;
    }
    // A key is called from C, which is a level of depth, too (language.md 2.4).
    DepthScope builtin(m);
    TRY(builtin.outcome());
    return m.call_settled(compfunc, &item, 1, out);
}

// The best element of a set whose keys are all ints; *is_known is false where they are not, or one
// fails. The order is asked for only where the best key is that of several.
Outcome select_by_int(Machine &m, Extreme extreme, Set *set, const Value &compfunc, bool *is_known,
                      Value *out) {
    Items items;
    TRY(elements(m, set, &items));
    TRY(m.charge(items.size));
    ScratchScope scratch(m);
    int64_t *keys;
    TRY(m.allocate_scratch(items.size, &keys));
    *is_known = false;
    // The best key so far, and whether one item alone has it: where several do, the order decides.
    size_t best = 0;
    bool is_alone = true;
    Images images(m, compfunc, items, Images::Wanted::number);
    for (size_t k = 0; k < items.size; ++k) {
        Value key;
        Outcome outcome = images.next(&key, [&](const Value &item, Value *image) {
            return key_of(m, compfunc, item, image);
        });
        if (is_limit(outcome)) return outcome;
        if (outcome != Outcome::ok || !key.is_int()) return Outcome::ok;
        keys[k] = key.integer;
        bool is_better = extreme == Extreme::largest ? keys[k] > keys[best] : keys[k] < keys[best];
        is_alone = is_better || (is_alone && (k == 0 || keys[k] != keys[best]));
        if (is_better) best = k;
    }
    *is_known = true;
    if (!is_alone) {
        uint32_t *turns;
        TRY(turns_of(m, set, items, &turns));
        const uint32_t *first = turns;
        while (keys[*first] != keys[best]) ++first;
        best = *first;
    }
    *out = items[best];
    return Outcome::ok;
}

// *is_empty says that there is nothing to select from.
Outcome select_by_key(Machine &m, Extreme extreme, const Value &container, const Value &compfunc,
                      bool *is_empty, Value *out) {
    *is_empty = false;
    if (container.is_set() && container.set->size != 0) {
        bool is_known;
        TRY(select_by_int(m, extreme, container.set, compfunc, &is_known, out));
        if (is_known) return Outcome::ok;
    }
    Items items;
    TRY(items_of(m, container, &items));
    Selection selection(m, extreme);
    Images images(m, compfunc, items, Images::Wanted::number);
    for (const Value &item : items) {
        Value key;
        TRY(images.next(
            &key, [&](const Value &v, Value *image) { return key_of(m, compfunc, v, image); }));
        TRY(selection.offer(key, item));
    }
    *is_empty = selection.is_empty();
    *out = selection.item();
    return Outcome::ok;
}

// argmax, argmin
Outcome extreme_item(Machine &m, Extreme extreme, const Value *args, Value *out) {
    bool is_empty;
    TRY(select_by_key(m, extreme, args[0], args[1], &is_empty, out));
    return is_empty ? Outcome::value_error : Outcome::ok;
}

// valmax, valmin: the function is called once more, on the selected item or on 0.
Outcome extreme_value(Machine &m, Extreme extreme, const Value *args, Value *out) {
    bool is_empty;
    Value item;
    TRY(select_by_key(m, extreme, args[0], args[1], &is_empty, &item));
    if (is_empty) item = Value::of_int(0);
    return m.call(args[1], &item, 1, out);
}

} // namespace

PRIMITIVE(order) {
    Items items;
    TRY(items_of(m, args[0], &items));
    ScratchScope scratch(m);
    Value *keys;
    uint32_t *indices;
    TRY(m.allocate_scratch(items.size, &keys));
    TRY(m.allocate_scratch(items.size, &indices));
    Images images(m, args[1], items, Images::Wanted::any);
    for (size_t k = 0; k < items.size; ++k) {
        TRY(images.next(&keys[k], [&](const Value &item, Value *image) {
            return key_of(m, args[1], item, image);
        }));
    }
    TRY(sort_by_keys(m, keys, items.size, indices));
    Value *sorted;
    TRY(m.allocate(items.size, &sorted));
    for (size_t k = 0; k < items.size; ++k) sorted[k] = items[indices[k]];
    *out = tuple_of(sorted, items.size);
    return Outcome::ok;
}

PRIMITIVE(valmax) {
    return extreme_value(m, Extreme::largest, args, out);
}
PRIMITIVE(valmin) {
    return extreme_value(m, Extreme::smallest, args, out);
}
PRIMITIVE(argmax) {
    return extreme_item(m, Extreme::largest, args, out);
}
PRIMITIVE(argmin) {
    return extreme_item(m, Extreme::smallest, args, out);
}

namespace {

Outcome sfilter_in_order(Machine &m, const Value *args, Value *out) {
    Items items;
    TRY(items_of(m, args[0], &items));
    LikeBuilder result(m, args[0]);
    if (args[0].is_set()) { // which sfilter_in_any_order left, as something fails
        for (const Value &item : items) {
            Value verdict;
            TRY(m.call_in_stream(args[1], &item, 1, &verdict));
            if (is_true(verdict)) TRY(result.add(item));
        }
        return result.finish(out);
    }
    Images images(m, args[1], items, Images::Wanted::any);
    for (const Value &item : items) {
        Value verdict;
        TRY(images.next(&verdict));
        if (is_true(verdict)) TRY(result.add(item));
    }
    return result.finish(out);
}

// The elements that a condition holds for, looked at in any order. *is_done is false when it fails
// for one: which one fails first is then a matter of order.
Outcome sfilter_in_any_order(Machine &m, const Value *args, bool *is_done, Value *out) {
    Items items;
    ValueList kept(m);
    TRY(elements(m, args[0].set, &items));
    TRY(m.charge(items.size));
    Images images(m, args[1], items, Images::Wanted::any);
    for (const Value &item : items) {
        Value verdict;
        Outcome outcome = images.next(&verdict);
        if (is_limit(outcome)) return outcome;
        *is_done = outcome == Outcome::ok;
        if (!*is_done) return Outcome::ok;
        if (is_true(verdict)) TRY(kept.push(item));
    }
    *is_done = true;
    return filtered_elements(m, args[0].set, items, &kept, out);
}

} // namespace

PRIMITIVE(sfilter) {
    if (args[0].is_set()) {
        bool is_done;
        TRY(sfilter_in_any_order(m, args, &is_done, out));
        if (is_done) return Outcome::ok;
    }
    return sfilter_in_order(m, args, out);
}

PRIMITIVE(mfilter) {
    Value filtered;
    TRY(primitive_sfilter(m, args, &filtered));
    return primitive_merge(m, &filtered, out);
}

PRIMITIVE(extract) {
    Items items;
    TRY(items_of(m, args[0], &items));
    for (const Value &item : items) {
        Value verdict;
        TRY(m.call_in_stream(args[1], &item, 1, &verdict));
        if (is_true(verdict)) {
            *out = item;
            return Outcome::ok;
        }
    }
    return Outcome::stop_iteration;
}

namespace {

Outcome apply_to_set(Machine &m, const Value *args, Value *out) {
    bool is_done;
    TRY(apply_in_any_order(m, args[0], args[1].set, &is_done, out));
    if (is_done) return Outcome::ok;
    Items items;
    TRY(items_of(m, args[1], &items));
    SetBuilder result(m);
    for (const Value &item : items) {
        Value value;
        TRY(m.call_in_stream(args[0], &item, 1, &value));
        TRY(result.add(value));
    }
    return result.finish(out);
}

// Of a pair of numbers, or a cell.
Outcome apply_to_two(Machine &m, const Value *args, Value *out) {
    Value items[2];
    Value values[2];
    TRY(m.charge(2));
    TRY(unpack(m, args[1], &items[0], &items[1]));
    for (int k = 0; k < 2; ++k) TRY(m.call_in_stream(args[0], &items[k], 1, &values[k]));
    return make_pair(m, values[0], values[1], out);
}

} // namespace

PRIMITIVE(apply) {
    if (args[1].is_set()) return apply_to_set(m, args, out);
    if (args[1].kind == Kind::pair || args[1].kind == Kind::cell) return apply_to_two(m, args, out);
    Items items;
    TRY(items_of(m, args[1], &items));
    ValueList result(m);
    TRY(result.reserve(items.size));
    Images images(m, args[0], items, Images::Wanted::any);
    for (size_t k = 0; k < items.size; ++k) {
        Value value;
        TRY(images.next(&value));
        TRY(result.push(value));
    }
    return tuple_or_grid(m, result, out);
}
// To pairs of numbers.
STEP(apply) {
    Series items[2];
    Series images[2];
    if (!block.pay(2) || !block.has_steps_only(args[0])) return false;
    Series unused;
    auto is_pair = [](const Value *v, Value *) { return v->kind == Kind::pair; };
    return block.map<1>(&args[1], &unused, is_pair) && block.item(0, args[1], &items[0]) &&
           block.item(1, args[1], &items[1]) &&
           block.call_deeper(*args[0].values, items[0], &images[0]) &&
           block.call_deeper(*args[0].values, items[1], &images[1]) && block.pair(images, out);
}

PRIMITIVE(rapply) {
    Items functions;
    TRY(items_of(m, args[0], &functions));
    LikeBuilder result(m, args[0]);
    for (const Value &function : functions) {
        Value value;
        TRY(m.call_in_stream(function, &args[1], 1, &value));
        TRY(result.add(value));
    }
    return result.finish(out);
}

namespace {

Outcome merged_images(Machine &m, const Value *args, Value *out) {
    Value applied;
    TRY(primitive_apply(m, args, &applied));
    return primitive_merge(m, &applied, out);
}

// The images of the elements of a set, merged in its order.
struct Mapping : Construction {
    Set *source;
    Items elements;
    Items images;

    // The set of the images, added in the source's order.
    Outcome apply(Machine &m, Value *out) const {
        ScratchScope scratch(m);
        uint32_t *turns;
        TRY(turns_of(m, source, elements, &turns));
        SetBuilder builder(m);
        for (size_t k = 0; k < images.size; ++k) TRY(builder.add(images[turns[k]]));
        return builder.finish(out);
    }

    static Outcome lay_out_mapping(Machine &m, const Construction &how, Set *set) {
        Value applied;
        Items sets;
        TRY(static_cast<const Mapping &>(how).apply(m, &applied));
        TRY(items_of(m, applied, &sets));
        return lay_out_merged(m, sets, set);
    }
};

// Calls a function on the elements of a set in any order; *is_done is false when it fails, or
// returns something else than a set.
Outcome mapply_in_any_order(Machine &m, const Value *args, bool *is_done, Value *out) {
    Items items;
    ValueList images(m);
    Set *source = args[1].set;
    TRY(elements(m, source, &items));
    TRY(m.charge(items.size));
    TRY(images.reserve(items.size));
    for (const Value &item : items) {
        Value value;
        Outcome outcome = m.call_in_stream(args[0], &item, 1, &value);
        if (is_limit(outcome)) return outcome;
        *is_done = outcome == Outcome::ok && value.is_set();
        if (!*is_done) return Outcome::ok;
        TRY(images.push(value));
    }
    Mapping *mapping;
    TRY(m.allocate(1, &mapping));
    *mapping = {{Mapping::lay_out_mapping}, source, items, images.items()};
    TRY(union_of(m, images.items(), mapping, source->chain, is_done, out));
    if (*is_done) return Outcome::ok;
    Value applied;
    TRY(mapping->apply(m, &applied));
    *is_done = true;
    return primitive_merge(m, &applied, out);
}

} // namespace

PRIMITIVE(mapply) {
    if (args[1].is_set()) {
        bool is_done;
        TRY(mapply_in_any_order(m, args, &is_done, out));
        if (is_done) return Outcome::ok;
    }
    return merged_images(m, args, out);
}

PRIMITIVE(papply) {
    Items a;
    Items b;
    TRY(items_of(m, args[1], &a));
    TRY(items_of(m, args[2], &b));
    size_t size = std::min(a.size, b.size);
    ValueList result(m);
    TRY(result.reserve(size));
    for (size_t k = 0; k < size; ++k) {
        Value both[2] = {a[k], b[k]};
        Value value;
        TRY(m.call_in_stream(args[0], both, 2, &value));
        TRY(result.push(value));
    }
    return tuple_or_grid(m, result, out);
}

PRIMITIVE(mpapply) {
    Value applied;
    TRY(primitive_papply(m, args, &applied));
    return primitive_merge(m, &applied, out);
}

// b is the outer loop; a is looked at only where b has items.
PRIMITIVE(prapply) {
    Items b;
    TRY(items_of(m, args[2], &b));
    SetBuilder result(m);
    for (const Value &j : b) {
        Items a;
        TRY(items_of(m, args[1], &a));
        for (const Value &i : a) {
            Value both[2] = {i, j};
            Value value;
            TRY(m.call_in_stream(args[0], both, 2, &value));
            TRY(result.add(value));
        }
    }
    return result.finish(out);
}

} // namespace codeit
