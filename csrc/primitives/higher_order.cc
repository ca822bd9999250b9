// A function over a container.
//
// Where the original passes a generator, a stop_iteration of the function becomes a runtime_error
// (call_in_stream); where it passes a key, it does not.
#include "core/sort.h"
#include "primitives/patch.h"
#include "primitives/selection.h"

#include <algorithm>

namespace codeit {
namespace {

// Whether a failure ends the run whatever the order was in which items were looked at.
bool is_limit(Outcome outcome) {
    return outcome == Outcome::out_of_fuel || outcome == Outcome::out_of_memory;
}

// compfunc(item) as a sort or selection key; a key function of None means the item itself.
Outcome key_of(Machine &m, const Value &compfunc, const Value &item, Value *out) {
    if (compfunc.kind == Kind::none) {
        *out = item;
        return Outcome::ok;
    }
    DepthScope builtin(m);
    TRY(builtin.outcome());
    return m.call_settled(compfunc, &item, 1, out);
}

// The same over a set in any order; *is_known says whether its order makes no difference, as all
// keys are ints and no other item has the best one.
Outcome select_in_any_order(Machine &m, Selection *selection, Extreme extreme, Set *set,
                            const Value &compfunc, bool *is_known) {
    Items items;
    TRY(elements(m, set, &items));
    TRY(m.charge(items.size));
    *is_known = false;
    bool is_alone = false;
    int64_t best = 0;
    for (const Value &item : items) {
        Value key;
        Outcome outcome = key_of(m, compfunc, item, &key);
        if (is_limit(outcome)) return outcome;
        if (outcome != Outcome::ok || !key.is_int()) return Outcome::ok;
        bool is_first = selection->is_empty();
        bool is_equal = !is_first && key.integer == best;
        bool is_better =
            is_first || (extreme == Extreme::largest ? key.integer > best : key.integer < best);
        if (is_better) best = key.integer;
        is_alone = is_better || (is_alone && !is_equal);
        TRY(selection->offer(key, item));
    }
    *is_known = is_alone;
    return Outcome::ok;
}

Outcome select_by_key(Machine &m, Selection *selection, Extreme extreme, const Value &container,
                      const Value &compfunc) {
    if (container.is_set()) {
        bool is_known;
        Selection in_any_order(m, extreme);
        TRY(select_in_any_order(m, &in_any_order, extreme, container.set, compfunc, &is_known));
        if (is_known) {
            selection->take(in_any_order);
            return Outcome::ok;
        }
    }
    Items items;
    TRY(items_of(m, container, &items));
    for (const Value &item : items) {
        Value key;
        TRY(key_of(m, compfunc, item, &key));
        TRY(selection->offer(key, item));
    }
    return Outcome::ok;
}

// argmax, argmin
Outcome extreme_item(Machine &m, Extreme extreme, const Value *args, Value *out) {
    Selection selection(m, extreme);
    TRY(select_by_key(m, &selection, extreme, args[0], args[1]));
    if (selection.is_empty()) return Outcome::value_error;
    *out = selection.item();
    return Outcome::ok;
}

// valmax, valmin: the function is called once more, on the selected item or on 0.
Outcome extreme_value(Machine &m, Extreme extreme, const Value *args, Value *out) {
    Selection selection(m, extreme);
    TRY(select_by_key(m, &selection, extreme, args[0], args[1]));
    Value item = selection.is_empty() ? Value::of_int(0) : selection.item();
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
    for (size_t k = 0; k < items.size; ++k) TRY(key_of(m, args[1], items[k], &keys[k]));
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
    for (const Value &item : items) {
        Value verdict;
        TRY(m.call_in_stream(args[1], &item, 1, &verdict));
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
    for (const Value &item : items) {
        Value verdict;
        Outcome outcome = m.call_in_stream(args[1], &item, 1, &verdict);
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

PRIMITIVE(apply) {
    Items items;
    TRY(items_of(m, args[1], &items));
    LikeBuilder result(m, args[1]);
    for (const Value &item : items) {
        Value value;
        TRY(m.call_in_stream(args[0], &item, 1, &value));
        TRY(result.add(value));
    }
    return result.finish(out);
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

Outcome mapply_in_order(Machine &m, const Value *args, Value *out) {
    Value applied;
    TRY(primitive_apply(m, args, &applied));
    return primitive_merge(m, &applied, out);
}

// The images of the elements again, in order, and merged.
struct Mapping : Construction {
    Value args[2];

    static Outcome lay_out_mapping(Machine &m, const Construction &how, Set *set) {
        Value applied;
        Items sets;
        TRY(primitive_apply(m, static_cast<const Mapping &>(how).args, &applied));
        TRY(items_of(m, applied, &sets));
        return lay_out_merged(m, sets, set);
    }
};

Outcome mapped_union(Machine &m, const Value *args, const Items &sets, bool *is_done, Value *out) {
    Mapping *mapping;
    TRY(m.allocate(1, &mapping));
    *mapping = {{Mapping::lay_out_mapping}, {args[0], args[1]}};
    return union_of(m, sets, mapping, args[1].set->chain, is_done, out);
}

// Calls a function on the elements of a set in any order; *is_done is false when it fails, or
// returns something else than a set.
Outcome sets_in_any_order(Machine &m, const Value *args, bool *is_done, ValueList *sets) {
    Items items;
    TRY(elements(m, args[1].set, &items));
    TRY(m.charge(items.size));
    TRY(sets->reserve(items.size));
    for (const Value &item : items) {
        Value value;
        Outcome outcome = m.call_in_stream(args[0], &item, 1, &value);
        if (is_limit(outcome)) return outcome;
        *is_done = outcome == Outcome::ok && value.is_set();
        if (!*is_done) return Outcome::ok;
        TRY(sets->push(value));
    }
    *is_done = true;
    return Outcome::ok;
}

} // namespace

PRIMITIVE(mapply) {
    if (args[1].is_set()) {
        ValueList sets(m);
        bool is_done;
        TRY(sets_in_any_order(m, args, &is_done, &sets));
        if (is_done) TRY(mapped_union(m, args, sets.items(), &is_done, out));
        if (is_done) return Outcome::ok;
    }
    return mapply_in_order(m, args, out);
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
