#include "core/machine.h"

namespace codeit {

Outcome Machine::call(const Value &function, const Value *args, unsigned count, Value *out) {
    if (function.kind != Kind::function) return Outcome::type_error;
    TRY(charge(1));
    if (function.closure == nullptr) {
        if (count != kArities[static_cast<size_t>(function.opcode)]) return Outcome::type_error;
        DepthScope frame(*this);
        TRY(frame.outcome());
        return kBodies[static_cast<size_t>(function.opcode)](*this, args, out);
    }
    if (count != function.closure->arity) return Outcome::type_error;
    DepthScope frame(*this);
    TRY(frame.outcome());
    return call_closure(*function.closure, args, out);
}

Outcome Machine::call_closure(const Closure &closure, const Value *args, Value *out) {
    const Value *parts = closure.parts;
    switch (closure.form) {
    case Closure::Form::compose: {
        Value inner;
        TRY(call(parts[1], args, 1, &inner));
        return call(parts[0], &inner, 1, out);
    }
    case Closure::Form::chain: {
        Value inner;
        Value middle;
        TRY(call(parts[2], args, 1, &inner));
        TRY(call(parts[1], &inner, 1, &middle));
        return call(parts[0], &middle, 1, out);
    }
    case Closure::Form::matcher: {
        Value value;
        bool is_equal;
        TRY(call(parts[0], args, 1, &value));
        TRY(equal(*this, value, parts[1], &is_equal));
        *out = Value::boolean(is_equal);
        return Outcome::ok;
    }
    case Closure::Form::fork: {
        Value both[2];
        TRY(call(parts[1], args, 1, &both[0]));
        TRY(call(parts[2], args, 1, &both[1]));
        return call(parts[0], both, 2, out);
    }
    case Closure::Form::rbind: {
        Value all[kMaxArity];
        for (unsigned k = 0; k < closure.arity; ++k) all[k] = args[k];
        all[closure.arity] = parts[1];
        return call(parts[0], all, closure.arity + 1u, out);
    }
    case Closure::Form::lbind: {
        Value all[kMaxArity];
        all[0] = parts[1];
        for (unsigned k = 0; k < closure.arity; ++k) all[k + 1] = args[k];
        return call(parts[0], all, closure.arity + 1u, out);
    }
    }
    return Outcome::internal_error;
}

Outcome Machine::call_in_stream(const Value &function, const Value *args, unsigned count,
                                Value *out) {
    DepthScope generator(*this);
    TRY(generator.outcome());
    Outcome outcome = call(function, args, count, out);
    return outcome == Outcome::stop_iteration ? Outcome::runtime_error : outcome;
}

} // namespace codeit
