// Numbers, pairs of numbers, truth (language.md 6.1).
//
// An operation is a struct: what it does with ints, and with all other values, of which Python's
// operators know some (primitives/operators.h). componentwise() spreads it over pairs, and tries
// what programs mostly have first: two ints, then pairs and ints that lie in the values themselves.
// Whatever does not come out well there is done again by any_componentwise(), step by step in
// CPython's order, which then fails with the right outcome.
#include "primitives/operators.h"
#include "primitives/steps.h"

namespace codeit {
namespace {

// An operation on one or two ints, and the same on other values, which Python's operators know,
// too.
struct Sum {
    static Outcome of_ints(int64_t a, int64_t b, int64_t *n) { return checked_add(a, b, n); }
    static constexpr auto of_others = plus_others;
};
struct Difference {
    static Outcome of_ints(int64_t a, int64_t b, int64_t *n) { return checked_subtract(a, b, n); }
    static constexpr auto of_others = minus_others;
};
struct Product {
    static Outcome of_ints(int64_t a, int64_t b, int64_t *n) { return checked_multiply(a, b, n); }
    static constexpr auto of_others = times;
};
struct Quotient {
    static Outcome of_ints(int64_t a, int64_t b, int64_t *n) { return checked_divide(a, b, n); }
    static constexpr auto of_others = floor_divided;
};

// The int on one side of a binary operation.
template <typename Op, int64_t fixed>
struct OnTheRight {
    static Outcome of_int(int64_t a, int64_t *n) { return Op::of_ints(a, fixed, n); }
    static Outcome of_other(Machine &m, const Value &v, Value *out) {
        return Op::of_others(m, v, Value::of_int(fixed), out);
    }
};
template <typename Op, int64_t fixed>
struct OnTheLeft {
    static Outcome of_int(int64_t b, int64_t *n) { return Op::of_ints(fixed, b, n); }
    static Outcome of_other(Machine &m, const Value &v, Value *out) {
        return Op::of_others(m, Value::of_int(fixed), v, out);
    }
};

struct OfIntsOnly {
    static Outcome of_other(Machine &, const Value &, Value *) { return Outcome::type_error; }
};
struct AwayFromZero : OfIntsOnly {
    static Outcome of_int(int64_t a, int64_t *n) { return checked_add(a, (a > 0) - (a < 0), n); }
};
struct Sign : OfIntsOnly {
    static Outcome of_int(int64_t a, int64_t *n) {
        *n = (a > 0) - (a < 0);
        return Outcome::ok;
    }
};

template <typename Op>
Outcome of_two(Machine &m, const Value &a, const Value &b, Value *out) {
    if (!a.is_int() || !b.is_int()) return Op::of_others(m, a, b, out);
    int64_t n;
    TRY(Op::of_ints(a.integer, b.integer, &n));
    *out = Value::of_int(n);
    return Outcome::ok;
}
template <typename Op>
Outcome of_one(Machine &m, const Value &v, Value *out) {
    if (!v.is_int()) return Op::of_other(m, v, out);
    int64_t n;
    TRY(Op::of_int(v.integer, &n));
    *out = Value::of_int(n);
    return Outcome::ok;
}

// The four binary primitives: on ints, on two pairs, on an int and a pair, else on a pair and
// anything. Component 0 is finished before component 1 is looked at; that it has left 64 bits is
// told after what is wrong with component 1, as only the latter fails in CPython.
template <typename Op>
Outcome any_componentwise(Machine &m, const Value &a, const Value &b, Value *out) {
    bool spread_a = a.is_int() && b.is_tuple();
    bool index_b = b.is_tuple() && (a.is_tuple() || spread_a);
    Value components[2];
    Outcome outcomes[2];
    for (int64_t k = 0; k < 2; ++k) {
        Value x = a;
        Value y = b;
        if (!spread_a) TRY(item_at(m, a, k, &x));
        if (index_b) TRY(item_at(m, b, k, &y));
        outcomes[k] = of_two<Op>(m, x, y, &components[k]);
        if (outcomes[k] != Outcome::integer_overflow) TRY(outcomes[k]);
    }
    TRY(outcomes[0]);
    TRY(outcomes[1]);
    return make_pair(m, components[0], components[1], out);
}
template <typename Op>
Outcome any_componentwise(Machine &m, const Value &v, Value *out) {
    Value components[2];
    Outcome outcomes[2];
    for (int64_t k = 0; k < 2; ++k) {
        Value x;
        TRY(item_at(m, v, k, &x));
        outcomes[k] = of_one<Op>(m, x, &components[k]);
        if (outcomes[k] != Outcome::integer_overflow) TRY(outcomes[k]);
    }
    TRY(outcomes[0]);
    TRY(outcomes[1]);
    return make_pair(m, components[0], components[1], out);
}

// The pair of what two operations returned, where neither failed and it is one.
bool make_small_pair(Outcome first, Outcome second, int64_t i, int64_t j, Value *out) {
    if (first != Outcome::ok || second != Outcome::ok || !fits_int32(i) || !fits_int32(j)) {
        return false;
    }
    *out = Value::pair(static_cast<int32_t>(i), static_cast<int32_t>(j));
    return true;
}

// The same, ints and pairs first.
template <typename Op>
inline Outcome componentwise(Machine &m, const Value &a, const Value &b, Value *out) {
    if (a.is_int() && b.is_int()) return of_two<Op>(m, a, b, out);
    const bool is_pair_a = a.kind == Kind::pair;
    const bool is_pair_b = b.kind == Kind::pair;
    if ((is_pair_a || a.is_int()) && (is_pair_b || b.is_int())) {
        int64_t i = 0;
        int64_t j = 0;
        Outcome first = Op::of_ints(is_pair_a ? a.i : a.integer, is_pair_b ? b.i : b.integer, &i);
        Outcome second = Op::of_ints(is_pair_a ? a.j : a.integer, is_pair_b ? b.j : b.integer, &j);
        if (make_small_pair(first, second, i, j, out)) return Outcome::ok;
    }
    return any_componentwise<Op>(m, a, b, out);
}
template <typename Op>
inline Outcome componentwise(Machine &m, const Value &v, Value *out) {
    if (v.is_int()) return of_one<Op>(m, v, out);
    if (v.kind == Kind::pair) {
        int64_t i = 0;
        int64_t j = 0;
        Outcome first = Op::of_int(v.i, &i);
        Outcome second = Op::of_int(v.j, &j);
        if (make_small_pair(first, second, i, j, out)) return Outcome::ok;
    }
    return any_componentwise<Op>(m, v, out);
}

} // namespace

#define BINARY(name, Op)                                                                           \
    PRIMITIVE(name) {                                                                              \
        return componentwise<Op>(m, args[0], args[1], out);                                        \
    }                                                                                              \
    STEP_OF_BODY(name, 2, is_number)
#define UNARY(name, ...)                                                                           \
    PRIMITIVE(name) {                                                                              \
        return componentwise<__VA_ARGS__>(m, args[0], out);                                        \
    }                                                                                              \
    STEP_OF_BODY(name, 1, is_number)

BINARY(add, Sum)
BINARY(subtract, Difference)
BINARY(multiply, Product)
BINARY(divide, Quotient)

UNARY(invert, OnTheLeft<Difference, 0>)
UNARY(double, OnTheRight<Product, 2>)
UNARY(halve, OnTheRight<Quotient, 2>)
UNARY(increment, OnTheRight<Sum, 1>)
UNARY(decrement, OnTheRight<Difference, 1>)
UNARY(crement, AwayFromZero)
UNARY(sign, Sign)

PRIMITIVE(equality) {
    bool is_equal;
    TRY(equal(m, args[0], args[1], &is_equal));
    *out = Value::boolean(is_equal);
    return Outcome::ok;
}
STEP_OF_BODY(equality, 2, is_flat)

PRIMITIVE(greater) {
    bool is_greater;
    TRY(less(m, args[1], args[0], &is_greater));
    *out = Value::boolean(is_greater);
    return Outcome::ok;
}
STEP_OF_BODY(greater, 2, is_int)

PRIMITIVE(positive) {
    if (!args[0].is_int()) return Outcome::type_error;
    *out = Value::boolean(args[0].integer > 0);
    return Outcome::ok;
}
STEP_OF_BODY(positive, 1, is_int)

PRIMITIVE(even) {
    if (!args[0].is_int()) return Outcome::type_error;
    *out = Value::boolean((args[0].integer & 1) == 0);
    return Outcome::ok;
}
STEP_OF_BODY(even, 1, is_int)

PRIMITIVE(flip) {
    *out = Value::boolean(!is_true(args[0]));
    return Outcome::ok;
}
STEP_OF_BODY(flip, 1, is_anything)

// Python's "and" and "or" return one of their operands, which may be no bool.
PRIMITIVE(both) {
    *out = is_true(args[0]) ? args[1] : args[0];
    return Outcome::ok;
}
STEP_OF_BODY(both, 2, is_anything)

PRIMITIVE(either) {
    *out = is_true(args[0]) ? args[0] : args[1];
    return Outcome::ok;
}
STEP_OF_BODY(either, 2, is_anything)

PRIMITIVE(toivec) {
    return make_pair(m, args[0], Value::of_int(0), out);
}
STEP_OF_BODY(toivec, 1, is_int)
PRIMITIVE(tojvec) {
    return make_pair(m, Value::of_int(0), args[0], out);
}
STEP_OF_BODY(tojvec, 1, is_int)
PRIMITIVE(astuple) {
    return make_pair(m, args[0], args[1], out);
}
STEP(astuple) {
    return block.pair(args, out);
}

} // namespace codeit
