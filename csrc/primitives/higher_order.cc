// A function over a container.
//
// Where the original passes a generator, a stop_iteration of the function becomes a runtime_error
// (call_in_stream); where it passes a key, it does not.
#include "core/sort.h"
#include "primitives/primitive.h"
#include "primitives/selection.h"

#include <algorithm>

namespace codeit {
namespace {

// compfunc(item) as a sort or selection key; a key function of None means the item itself.
Outcome key_of(Machine &m, const Value &compfunc, const Value &item, Value *out) {
    if (compfunc.kind == Kind::none) {
        *out = item;
        return Outcome::ok;
    }
    DepthScope builtin(m);
    TRY(builtin.outcome());
    return m.call(compfunc, &item, 1, out);
}

Outcome select_by_key(Machine &m, Selection *selection, const Value &container,
                      const Value &compfunc) {
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
    TRY(select_by_key(m, &selection, args[0], args[1]));
    if (selection.is_empty()) return Outcome::value_error;
    *out = selection.item();
    return Outcome::ok;
}

// valmax, valmin: the function is called once more, on the selected item or on 0.
Outcome extreme_value(Machine &m, Extreme extreme, const Value *args, Value *out) {
    Selection selection(m, extreme);
    TRY(select_by_key(m, &selection, args[0], args[1]));
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

PRIMITIVE(sfilter) {
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

PRIMITIVE(mapply) {
    Value applied;
    TRY(primitive_apply(m, args, &applied));
    return primitive_merge(m, &applied, out);
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
    *out = result.as_tuple();
    return Outcome::ok;
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
