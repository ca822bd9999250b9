// Functions that make functions, and the choice between values (language.md 6.2).
//
// A closure is a form, and the arguments of the primitive that made it (core/value.h);
// Machine::call_closure calls it. Making one looks at nothing but what language.md 3.12 says: what
// it is to call may be no function at all, and fails only when it is called.
#include "primitives/steps.h"

namespace codeit {
namespace {

Outcome make_closure(Machine &m, Closure::Form form, unsigned arity, const Value *parts,
                     unsigned num_parts, Value *out) {
    Closure *closure;
    TRY(m.allocate(1, &closure));
    *closure = {form, static_cast<uint8_t>(arity), m.next_closure_serial(), {}};
    for (unsigned k = 0; k < num_parts; ++k) closure->parts[k] = parts[k];
    *out = Value::of_closure(closure);
    return Outcome::ok;
}

// rbind and lbind fix one argument of a function of two or three; any other arity is taken for
// four.
Outcome bind(Machine &m, Closure::Form form, const Value *args, Value *out) {
    const Value &function = args[0];
    if (function.kind != Kind::function) return Outcome::attribute_error;
    unsigned arity =
        function.closure != nullptr ? function.closure->arity : m.routine(function.opcode).arity;
    unsigned left = arity == 2 ? 1 : arity == 3 ? 2 : 3;
    return make_closure(m, form, left, args, 2, out);
}

} // namespace

PRIMITIVE(identity) {
    *out = args[0];
    return Outcome::ok;
}
STEP(identity) {
    *out = args[0];
    return true;
}

PRIMITIVE(branch) {
    *out = is_true(args[0]) ? args[1] : args[2];
    return Outcome::ok;
}
STEP_OF_BODY(branch, 3, is_anything)

PRIMITIVE(compose) {
    return make_closure(m, Closure::Form::compose, 1, args, 2, out);
}
PRIMITIVE(chain) {
    return make_closure(m, Closure::Form::chain, 1, args, 3, out);
}
PRIMITIVE(matcher) {
    return make_closure(m, Closure::Form::matcher, 1, args, 2, out);
}
PRIMITIVE(fork) {
    return make_closure(m, Closure::Form::fork, 1, args, 3, out);
}
PRIMITIVE(rbind) {
    return bind(m, Closure::Form::rbind, args, out);
}
PRIMITIVE(lbind) {
    return bind(m, Closure::Form::lbind, args, out);
}

// n - 1 nested composes. CPython builds them recursively, so that n is bounded by the depth limit,
// and n < 1 never ends.
PRIMITIVE(power) {
    if (!args[1].is_int()) return Outcome::type_error;
    int64_t n = args[1].integer;
    if (n < 1 || n > int64_t{m.limits().max_depth}) return Outcome::recursion;
    TRY(m.charge(static_cast<uint64_t>(n)));
    Value result = args[0];
    for (int64_t k = 1; k < n; ++k) {
        Value parts[2] = {args[0], result};
        TRY(make_closure(m, Closure::Form::compose, 1, parts, 2, &result));
    }
    *out = result;
    return Outcome::ok;
}

} // namespace codeit
