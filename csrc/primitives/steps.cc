#include "primitives/steps.h"

#include <algorithm>

namespace codeit {

bool has_steps_only(const Machine &m, const Value &function, int *budget) {
    // A closure can hold another one twice, and that one another: the budget bounds the walk.
    if (function.kind != Kind::function || --*budget < 0) return false;
    if (function.closure == nullptr) {
        return m.routine(function.opcode).many != Many::alone;
    }
    const Closure &closure = *function.closure;
    switch (closure.form) {
    case Closure::Form::compose:
        return has_steps_only(m, closure.parts[0], budget) &&
               has_steps_only(m, closure.parts[1], budget);
    case Closure::Form::chain:
    case Closure::Form::fork:
        return has_steps_only(m, closure.parts[0], budget) &&
               has_steps_only(m, closure.parts[1], budget) &&
               has_steps_only(m, closure.parts[2], budget);
    case Closure::Form::matcher:
    case Closure::Form::rbind:
    case Closure::Form::lbind:
        break;
    }
    return has_steps_only(m, closure.parts[0], budget);
}

bool Block::call(const Value &function, const Series *args, unsigned count, Series *out) {
    if (function.kind != Kind::function || !pay(units::kCall)) return false;
    const Closure *closure = function.closure;
    const unsigned arity = closure != nullptr ? closure->arity : m_.routine(function.opcode).arity;
    if (count != arity || m_.enter() != Outcome::ok) return false;
    bool is_done = closure != nullptr ? call_closure(*closure, args, out)
                                      : take_step(m_.routine(function.opcode), args, out);
    m_.leave();
    return is_done;
}

bool Block::settle(Series *series) {
    if (series->pairs == nullptr) return true;
    Pairs &pairs = *series->pairs;
    if (pairs.made.values == nullptr) {
        // Pairs of pairs recurse; a level of depth each bounds the native stack.
        if (m_.enter() != Outcome::ok) return false;
        bool is_done = settle(&pairs.items[0]) && settle(&pairs.items[1]) && make(&pairs);
        m_.leave();
        if (!is_done) return false;
    }
    *series = pairs.made;
    return true;
}

bool Block::make(Pairs *pairs) {
    const Series &a = pairs->items[0];
    const Series &b = pairs->items[1];
    size_t count = a.stride + b.stride != 0 ? size_ : 1; // one, where it is the same for all
    auto *items = static_cast<Value *>(m_.arena().allocate(count * 2 * sizeof(Value)));
    Value *tuples = room(count);
    if (items == nullptr || tuples == nullptr) return false;
    for (size_t k = 0; k < count; ++k) {
        items[2 * k] = a.values[k * a.stride];
        items[2 * k + 1] = b.values[k * b.stride];
        tuples[k] = Value::of_tuple(items + 2 * k, 2);
    }
    pairs->made = {tuples, a.stride | b.stride};
    return true;
}

// For each of the items.
bool Block::pay(uint64_t units) {
    for (size_t k = 0; k < size_; ++k) costs_[k] += units;
    return m_.charge(units * size_) == Outcome::ok;
}

bool Block::call_closure(const Closure &closure, const Series *args, Series *out) {
    const Value *parts = closure.parts;
    Series inner[kMaxArity];
    switch (closure.form) {
    case Closure::Form::compose:
        return call(parts[1], args, 1, &inner[0]) && call(parts[0], inner, 1, out);
    case Closure::Form::chain:
        return call(parts[2], args, 1, &inner[0]) && call(parts[1], inner, 1, &inner[1]) &&
               call(parts[0], inner + 1, 1, out);
    case Closure::Form::matcher:
        inner[1] = {&parts[1]};
        return call(parts[0], args, 1, &inner[0]) && settle(&inner[0]) &&
               step_equality(*this, inner, out);
    case Closure::Form::fork:
        return call(parts[1], args, 1, &inner[0]) && call(parts[2], args, 1, &inner[1]) &&
               call(parts[0], inner, 2, out);
    case Closure::Form::rbind:
        std::copy_n(args, closure.arity, inner);
        inner[closure.arity] = {&parts[1]};
        return call(parts[0], inner, closure.arity + 1u, out);
    case Closure::Form::lbind:
        inner[0] = {&parts[1]};
        std::copy_n(args, closure.arity, inner + 1);
        return call(parts[0], inner, closure.arity + 1u, out);
    }
    return false;
}

bool Block::take_step(const Routine &called, const Series *args, Series *out) {
    if (called.many == Many::lazy) return called.step(*this, args, out);
    Series settled[kMaxArity];
    for (unsigned k = 0; k < called.arity; ++k) {
        settled[k] = args[k];
        if (!settle(&settled[k])) return false;
    }
    switch (called.many) {
    case Many::each:
        return called.step(*this, settled, out);
    case Many::packed:
        return take_packed(called, settled, out);
    case Many::lazy:
    case Many::alone:
        break;
    }
    return false;
}

bool Block::take_packed(const Routine &called, const Series *args, Series *out) {
    const unsigned arity = called.arity;
    size_t stride = 0;
    for (unsigned n = 0; n < arity; ++n) stride |= args[n].stride;
    size_t count = stride != 0 ? size_ : 1;
    Value *results = room(count);
    if (results == nullptr) return false;
    uint64_t cost = 0;
    for (size_t k = 0; k < count; ++k) {
        // What the body charges is what the item costs.
        const int64_t before = m_.fuel_left();
        Value values[kMaxArity];
        for (unsigned n = 0; n < arity; ++n) {
            values[n] = args[n].values[k * args[n].stride];
            if (!values[n].is_set() || !values[n].set->is_densely_packed()) return false;
        }
        if (called.body(m_, values, &results[k]) != Outcome::ok) return false;
        cost = static_cast<uint64_t>(before - m_.fuel_left());
        if (count == size_) costs_[k] += cost;
    }
    *out = {results, stride};
    return count == size_ || pay(cost);
}

bool Block::item(int which, const Series &tuples, Series *out) {
    if (tuples.pairs != nullptr) {
        *out = tuples.pairs->items[which];
        return true;
    }
    return map<1>(&tuples, out, [which](const Value *args, Value *result) {
        const Value &v = *args;
        switch (v.kind) {
        case Kind::pair:
            *result = Value::of_int(which == 0 ? v.i : v.j);
            return true;
        case Kind::cell:
            *result = which == 0 ? Value::of_int(v.color) : Value::pair(v.i, v.j);
            return true;
        case Kind::tuple:
            if (v.size != 0) *result = v.items[which == 0 ? 0 : v.size - 1];
            return v.size != 0;
        default:
            return false;
        }
    });
}

bool Block::pair(const Series *args, Series *out) {
    if (args[0].pairs == nullptr && args[1].pairs == nullptr) {
        // The first item says of which kind all must be. Pairs and cells need no memory and are
        // made at once; other tuples wait until somebody needs them.
        Value both[2] = {*args[0].values, *args[1].values};
        Kind kind = tuple_of(both, 2).kind;
        bool are_tuples = kind == Kind::tuple;
        Series small;
        bool is_done = map<2>(args, &small, [kind](const Value *items, Value *result) {
            *result = tuple_of(items, 2);
            return result->kind == kind;
        });
        if (!is_done) return false;
        if (!are_tuples) {
            *out = small;
            return true;
        }
    }
    auto *pairs = static_cast<Pairs *>(m_.arena().allocate_scratch(sizeof(Pairs)));
    if (pairs == nullptr || !pay(kTwoItems)) return false;
    *pairs = {{args[0], args[1]}, {}};
    *out = {nullptr, 0, pairs};
    return true;
}

} // namespace codeit
