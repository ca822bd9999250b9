// Numbers, pairs of numbers, truth (language.md 6.1).
#include "primitives/operators.h"
#include "primitives/primitive.h"

namespace codeit {
namespace {

using Binary = Outcome (*)(Machine &, const Value &, const Value &, Value *);
using Unary = Outcome (*)(Machine &, const Value &, Value *);

// The four binary primitives: on ints, on two pairs, on an int and a pair, else on a pair and
// anything. Component 0 is finished before component 1 is looked at; that it has left 64 bits is
// told after what is wrong with component 1, as only the latter fails in CPython.
template <Binary op>
Outcome componentwise(Machine &m, const Value &a, const Value &b, Value *out) {
    if (a.is_int() && b.is_int()) return op(m, a, b, out);
    bool spread_a = a.is_int() && b.is_tuple();
    bool index_b = b.is_tuple() && (a.is_tuple() || spread_a);
    Value components[2];
    Outcome outcomes[2];
    for (int64_t k = 0; k < 2; ++k) {
        Value x = a;
        Value y = b;
        if (!spread_a) TRY(item_at(m, a, k, &x));
        if (index_b) TRY(item_at(m, b, k, &y));
        outcomes[k] = op(m, x, y, &components[k]);
        if (outcomes[k] != Outcome::integer_overflow) TRY(outcomes[k]);
    }
    TRY(outcomes[0]);
    TRY(outcomes[1]);
    return make_pair(m, components[0], components[1], out);
}

template <Unary op>
Outcome componentwise(Machine &m, const Value &n, Value *out) {
    if (n.is_int()) return op(m, n, out);
    Value components[2];
    Outcome outcomes[2];
    for (int64_t k = 0; k < 2; ++k) {
        Value x;
        TRY(item_at(m, n, k, &x));
        outcomes[k] = op(m, x, &components[k]);
        if (outcomes[k] != Outcome::integer_overflow) TRY(outcomes[k]);
    }
    TRY(outcomes[0]);
    TRY(outcomes[1]);
    return make_pair(m, components[0], components[1], out);
}

Outcome negated(Machine &m, const Value &n, Value *out) {
    return minus(m, Value::of_int(0), n, out);
}

Outcome doubled(Machine &m, const Value &n, Value *out) {
    return times(m, n, Value::of_int(2), out);
}

Outcome halved(Machine &m, const Value &n, Value *out) {
    return floor_divided(m, n, Value::of_int(2), out);
}

Outcome incremented(Machine &m, const Value &x, Value *out) {
    return plus(m, x, Value::of_int(1), out);
}

Outcome decremented(Machine &m, const Value &x, Value *out) {
    return minus(m, x, Value::of_int(1), out);
}

Outcome away_from_zero(Machine &m, const Value &x, Value *out) {
    if (!x.is_int()) return Outcome::type_error;
    if (x.integer == 0) {
        *out = Value::of_int(0);
        return Outcome::ok;
    }
    return x.integer > 0 ? incremented(m, x, out) : decremented(m, x, out);
}

Outcome sign_of(Machine &, const Value &x, Value *out) {
    if (!x.is_int()) return Outcome::type_error;
    *out = Value::of_int((x.integer > 0) - (x.integer < 0));
    return Outcome::ok;
}

} // namespace

PRIMITIVE(add) {
    return componentwise<plus>(m, args[0], args[1], out);
}
PRIMITIVE(subtract) {
    return componentwise<minus>(m, args[0], args[1], out);
}
PRIMITIVE(multiply) {
    return componentwise<times>(m, args[0], args[1], out);
}
PRIMITIVE(divide) {
    return componentwise<floor_divided>(m, args[0], args[1], out);
}

PRIMITIVE(invert) {
    return componentwise<negated>(m, args[0], out);
}
PRIMITIVE(double) {
    return componentwise<doubled>(m, args[0], out);
}
PRIMITIVE(halve) {
    return componentwise<halved>(m, args[0], out);
}
PRIMITIVE(increment) {
    return componentwise<incremented>(m, args[0], out);
}
PRIMITIVE(decrement) {
    return componentwise<decremented>(m, args[0], out);
}
PRIMITIVE(crement) {
    return componentwise<away_from_zero>(m, args[0], out);
}
PRIMITIVE(sign) {
    return componentwise<sign_of>(m, args[0], out);
}

PRIMITIVE(equality) {
    bool is_equal;
    TRY(equal(m, args[0], args[1], &is_equal));
    *out = Value::boolean(is_equal);
    return Outcome::ok;
}

PRIMITIVE(greater) {
    bool is_greater;
    TRY(less(m, args[1], args[0], &is_greater));
    *out = Value::boolean(is_greater);
    return Outcome::ok;
}

PRIMITIVE(positive) {
    if (!args[0].is_int()) return Outcome::type_error;
    *out = Value::boolean(args[0].integer > 0);
    return Outcome::ok;
}

PRIMITIVE(even) {
    if (!args[0].is_int()) return Outcome::type_error;
    *out = Value::boolean((args[0].integer & 1) == 0);
    return Outcome::ok;
}

PRIMITIVE(flip) {
    *out = Value::boolean(!is_true(args[0]));
    return Outcome::ok;
}

PRIMITIVE(both) {
    *out = is_true(args[0]) ? args[1] : args[0];
    return Outcome::ok;
}

PRIMITIVE(either) {
    *out = is_true(args[0]) ? args[0] : args[1];
    return Outcome::ok;
}

PRIMITIVE(toivec) {
    return make_pair(m, args[0], Value::of_int(0), out);
}
PRIMITIVE(tojvec) {
    return make_pair(m, Value::of_int(0), args[0], out);
}
PRIMITIVE(astuple) {
    return make_pair(m, args[0], args[1], out);
}

} // namespace codeit
