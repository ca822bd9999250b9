#include "core/machine.h"

#include "core/interrupt.h"
#include "core/sequence.h"

#include <algorithm>
#include <cassert>

namespace codeit {

bool Machine::is_interrupted() const {
    return interrupt_ != nullptr && interrupt_->ask();
}

Outcome Machine::begin_block() {
    const int64_t left = fuel_left();
    if (left < 0 || is_interrupted()) {
        refuel(-1); // stays spent, and never wraps
        return Outcome::out_of_fuel;
    }
    refuel(left);
    return Outcome::ok;
}

Machine::Checkpoint Machine::checkpoint() {
    num_kept_bytes_ = static_cast<size_t>(arena_.mark() - arena_.begin());
    return {arena_.mark(), fuel_left(),     num_closures_,
            has_joined_,   changes_.size(), digest_of_kept()};
}

bool Machine::return_to(const Checkpoint &checkpoint) {
    if (changes_.is_lost()) return false;
    changes_.undo(checkpoint.num_changes);
    arena_.release(checkpoint.mark);
    num_kept_bytes_ = static_cast<size_t>(arena_.mark() - arena_.begin());
    assert(checkpoint.digest == digest_of_kept() && "a change was not recorded");
    refuel(checkpoint.fuel);
    num_closures_ = checkpoint.num_closures;
    has_joined_ = checkpoint.has_joined;
    is_watched_ = has_joined_ || notes_failures_;
    depth_ = 0;
    nesting_ = 0;
    return true;
}

READS_BEYOND uint64_t Machine::digest_of_kept() const {
    uint64_t digest = 0;
#ifndef NDEBUG
    for (size_t at = 0; at < num_kept_bytes_; at += sizeof digest) {
        uint64_t word;
        std::memcpy(&word, arena_.begin() + at, sizeof word);
        digest = (digest ^ word) * 0x9E3779B97F4A7C15u;
    }
#endif
    return digest;
}

// call(), in a run that has made a joined value, or whose failures are noted. Arguments may be
// joined, and a primitive is given one as it is only for a parameter that its row says may be.
Outcome Machine::call_watched(Opcode opcode, const Value *args, Value *out) {
    DepthScope frame(*this);
    TRY(frame.outcome());
    const Routine &called = routine(opcode);
    Value settled[kMaxArity];
    for (unsigned k = 0; k < called.arity; ++k) {
        settled[k] = args[k];
        if ((called.joined_parameters >> k & 1) == 0) TRY(settle(&settled[k]));
    }
    Outcome outcome = called.body(*this, settled, out);
    if (outcome == Outcome::ok) {
        failed_.function = Value(); // whatever failed within did not end the run
    } else {
        note_failure(Value::of_primitive(opcode), settled, called.arity);
    }
    return outcome;
}

Outcome Machine::refuse_call(const Value &function, const Value *args, unsigned count) {
    failed_.function = Value();
    note_failure(function, args, count);
    if (function.kind == Kind::function) TRY(charge(units::kCall));
    return Outcome::type_error;
}

// The first note of a failure is that of the innermost call; those around it come later.
void Machine::note_failure(const Value &function, const Value *args, unsigned count) {
    if (!notes_failures_ || failed_.function.kind != Kind::unbound) return;
    failed_.function = function;
    failed_.count = std::min(count, unsigned{kMaxArity});
    std::copy_n(args, failed_.count, failed_.args);
}

Outcome Machine::join(const Value *sets, size_t num_sets, size_t size, Value *out) {
    Joined *joined;
    if (size > kMaxCount) return Outcome::out_of_memory; // what settles it could not be allocated
    TRY(charge(size));
    TRY(allocate(1, &joined));
    *joined = {sets, static_cast<uint32_t>(num_sets), static_cast<uint32_t>(size), nullptr};
    has_joined_ = true;
    is_watched_ = true;
    *out = Value::of_joined(joined);
    return Outcome::ok;
}

Outcome Machine::settle_joined(Value *v) {
    Joined *joined = v->joined;
    if (joined->items == nullptr) {
        Value *items;
        TRY(allocate(joined->size, &items));
        Value *next = items;
        for (uint32_t k = 0; k < joined->num_sets; ++k) {
            Items elements;
            TRY(items_of(*this, joined->sets[k], &elements));
            next = std::copy(elements.begin(), elements.end(), next);
        }
        before_change(joined);
        joined->items = items;
    }
    *v = tuple_of(joined->items, joined->size);
    return Outcome::ok;
}

namespace {

// One to three; as a loop it would become an instruction that takes longer.
void copy_arguments(const Value *args, unsigned count, Value *to) {
    to[0] = args[0];
    if (count > 1) to[1] = args[1];
    if (count > 2) to[2] = args[2];
}

} // namespace

Outcome Machine::call_closure(const Closure &closure, const Value *args, unsigned count,
                              Value *out) {
    TRY(charge(units::kCall));
    if (count != closure.arity) [[unlikely]] {
        failed_.function = Value();
        note_failure(Value::of_closure(&closure), args, count);
        return Outcome::type_error;
    }
    DepthScope frame(*this);
    TRY(frame.outcome());
    // The arguments of the primitive that made the closure, in its order; calls come in the order
    // of the lambda's body, so that the innermost fails first.
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
        TRY(call_settled(parts[0], args, 1, &value));
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
        copy_arguments(args, count, all);
        all[count] = parts[1];
        return call(parts[0], all, count + 1, out);
    }
    case Closure::Form::lbind: {
        Value all[kMaxArity];
        all[0] = parts[1];
        copy_arguments(args, count, all + 1);
        return call(parts[0], all, count + 1, out);
    }
    }
    return broken_invariant();
}

} // namespace codeit
