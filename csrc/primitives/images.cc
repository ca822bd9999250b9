#include "primitives/images.h"

#include "primitives/operators.h"

#include <utility>

namespace codeit {
namespace {

// What a primitive is as a step.
enum class Step : uint8_t {
    none,    // cannot be taken
    scalar,  // has a loop of its own below
    applied, // `apply`, to a pair of numbers
    measure, // its body, on packed sets: of these it keeps nothing
};

constexpr Step step_of(Opcode opcode) {
    switch (opcode) {
    case Opcode::op_identity:
    case Opcode::op_first:
    case Opcode::op_last:
    case Opcode::op_add:
    case Opcode::op_subtract:
    case Opcode::op_multiply:
    case Opcode::op_divide:
    case Opcode::op_invert:
    case Opcode::op_double:
    case Opcode::op_halve:
    case Opcode::op_increment:
    case Opcode::op_decrement:
    case Opcode::op_crement:
    case Opcode::op_sign:
    case Opcode::op_equality:
    case Opcode::op_greater:
    case Opcode::op_positive:
    case Opcode::op_even:
    case Opcode::op_flip:
    case Opcode::op_both:
    case Opcode::op_either:
    case Opcode::op_branch:
    case Opcode::op_toivec:
    case Opcode::op_tojvec:
    case Opcode::op_astuple:
    case Opcode::op_maximum:
    case Opcode::op_minimum:
    case Opcode::op_size:
        return Step::scalar;
    case Opcode::op_apply:
        return Step::applied;
    case Opcode::op_uppermost:
    case Opcode::op_lowermost:
    case Opcode::op_leftmost:
    case Opcode::op_rightmost:
    case Opcode::op_height:
    case Opcode::op_width:
    case Opcode::op_shape:
    case Opcode::op_portrait:
    case Opcode::op_square:
    case Opcode::op_hline:
    case Opcode::op_vline:
    case Opcode::op_ulcorner:
    case Opcode::op_urcorner:
    case Opcode::op_llcorner:
    case Opcode::op_lrcorner:
    case Opcode::op_center:
    case Opcode::op_adjacent:
    case Opcode::op_hmatching:
    case Opcode::op_vmatching:
        return Step::measure;
    default:
        return Step::none;
    }
}

constexpr auto kSteps = [] {
    std::array<Step, kNumPrimitives> steps{};
    for (size_t k = 0; k < kNumPrimitives; ++k) steps[k] = step_of(static_cast<Opcode>(k));
    return steps;
}();

// Whether all that a function calls can be a step; looks at no more than *budget functions.
bool has_steps_only(const Value &function, int *budget) {
    if (function.kind != Kind::function || --*budget < 0) return false;
    if (function.closure == nullptr) {
        return kSteps[static_cast<size_t>(function.opcode)] != Step::none;
    }
    const Closure &closure = *function.closure;
    switch (closure.form) {
    case Closure::Form::compose:
        return has_steps_only(closure.parts[0], budget) && has_steps_only(closure.parts[1], budget);
    case Closure::Form::chain:
    case Closure::Form::fork:
        return has_steps_only(closure.parts[0], budget) &&
               has_steps_only(closure.parts[1], budget) && has_steps_only(closure.parts[2], budget);
    case Closure::Form::matcher:
    case Closure::Form::rbind:
    case Closure::Form::lbind:
        break;
    }
    return has_steps_only(closure.parts[0], budget);
}

struct Pairs;

// A value for each item of a block.
struct Series {
    const Value *values = nullptr; // the value of item k is values[k * stride]
    size_t stride = 0;             // 0 where all have the same one
    Pairs *pairs = nullptr;        // where set, the values are tuples that may not be made yet
};

// What they are to be made of, shared by all series that have them.
struct Pairs {
    Series items[2];
    Series made; // no values until they are
};

// Takes the steps of a function for a block of items. What returns false has failed for one of
// them, or met values that it does not know.
class Block {
  public:
    // costs: of the items, which this adds to.
    Block(Machine &m, size_t size, uint64_t *costs) : m_(m), size_(size), costs_(costs) {}

    bool call(const Value &function, const Series *args, unsigned count, Series *out) {
        if (function.kind != Kind::function || !pay(units::kCall)) return false;
        unsigned arity = function.closure != nullptr
                             ? function.closure->arity
                             : kArities[static_cast<size_t>(function.opcode)];
        if (count != arity || m_.enter() != Outcome::ok) return false;
        bool is_done = function.closure != nullptr ? call_closure(*function.closure, args, out)
                                                   : take_step(function.opcode, args, out);
        m_.leave();
        return is_done;
    }

    // Makes the tuples that nobody has made. Each `astuple` has been paid for, so that this need
    // not be.
    bool settle(Series *series) {
        if (series->pairs == nullptr) return true;
        Pairs &pairs = *series->pairs;
        if (pairs.made.values == nullptr) {
            if (m_.enter() != Outcome::ok) return false;
            bool is_done = settle(&pairs.items[0]) && settle(&pairs.items[1]) && make(&pairs);
            m_.leave();
            if (!is_done) return false;
        }
        *series = pairs.made;
        return true;
    }

  private:
    static constexpr uint64_t kTwoItems = 5; // units for the memory of two values

    bool make(Pairs *pairs) {
        const Series &a = pairs->items[0];
        const Series &b = pairs->items[1];
        size_t count = a.stride + b.stride != 0 ? size_ : 1;
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
    bool pay(uint64_t units) {
        for (size_t k = 0; k < size_; ++k) costs_[k] += units;
        return m_.charge(units * size_) == Outcome::ok;
    }

    // Paid for by the calls.
    Value *room(size_t count) {
        return static_cast<Value *>(m_.arena().allocate_scratch(count * sizeof(Value)));
    }

    bool call_closure(const Closure &closure, const Series *args, Series *out) {
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
            return call(parts[0], args, 1, &inner[0]) && equality(inner, out);
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

    bool take_step(Opcode opcode, const Series *args, Series *out) {
        switch (opcode) {
        case Opcode::op_identity:
            *out = args[0];
            return true;
        case Opcode::op_first:
            return item<0>(args[0], out);
        case Opcode::op_last:
            return item<1>(args[0], out);
        case Opcode::op_astuple:
            return astuple(args, out);
        default:
            break;
        }
        Series settled[kMaxArity];
        unsigned arity = kArities[static_cast<size_t>(opcode)];
        for (unsigned k = 0; k < arity; ++k) {
            settled[k] = args[k];
            if (!settle(&settled[k])) return false;
        }
        return take_settled(opcode, settled, arity, out);
    }

    bool take_settled(Opcode opcode, const Series *args, unsigned arity, Series *out) {
        auto sum = [](int64_t a, int64_t b, int64_t *n) { return __builtin_add_overflow(a, b, n); };
        auto difference = [](int64_t a, int64_t b, int64_t *n) {
            return __builtin_sub_overflow(a, b, n);
        };
        auto product = [](int64_t a, int64_t b, int64_t *n) {
            return __builtin_mul_overflow(a, b, n);
        };
        static const Value kZero = Value::of_int(0);
        static const Value kOne = Value::of_int(1);
        static const Value kTwo = Value::of_int(2);
        switch (opcode) {
        case Opcode::op_add:
            return arithmetic(args[0], args[1], sum, out);
        case Opcode::op_subtract:
            return arithmetic(args[0], args[1], difference, out);
        case Opcode::op_multiply:
            return arithmetic(args[0], args[1], product, out);
        case Opcode::op_divide:
            return arithmetic(
                args[0], args[1],
                [](int64_t a, int64_t b, int64_t *n) {
                    if (b == 0 || (a == INT64_MIN && b == -1)) return true;
                    *n = floor_quotient(a, b);
                    return false;
                },
                out);
        case Opcode::op_invert:
            return arithmetic({&kZero}, args[0], difference, out);
        case Opcode::op_double:
            return arithmetic(args[0], {&kTwo}, product, out);
        case Opcode::op_halve:
            return arithmetic(
                args[0], {&kTwo},
                [](int64_t a, int64_t b, int64_t *n) {
                    *n = floor_quotient(a, b);
                    return false;
                },
                out);
        case Opcode::op_increment:
            return arithmetic(args[0], {&kOne}, sum, out);
        case Opcode::op_decrement:
            return arithmetic(args[0], {&kOne}, difference, out);
        case Opcode::op_crement:
            return arithmetic(
                args[0], {&kZero},
                [](int64_t a, int64_t, int64_t *n) {
                    return __builtin_add_overflow(a, (a > 0) - (a < 0), n);
                },
                out);
        case Opcode::op_sign:
            return arithmetic(
                args[0], {&kZero},
                [](int64_t a, int64_t, int64_t *n) {
                    *n = (a > 0) - (a < 0);
                    return false;
                },
                out);
        case Opcode::op_equality:
            return equality(args, out);
        case Opcode::op_greater:
            return map(args[0], args[1], out, [](const Value &a, const Value &b, Value *result) {
                *result = Value::boolean(a.integer > b.integer);
                return a.is_int() && b.is_int();
            });
        case Opcode::op_positive:
            return map(args[0], out, [](const Value &a, Value *result) {
                *result = Value::boolean(a.integer > 0);
                return a.is_int();
            });
        case Opcode::op_even:
            return map(args[0], out, [](const Value &a, Value *result) {
                *result = Value::boolean((a.integer & 1) == 0);
                return a.is_int();
            });
        case Opcode::op_flip:
            return map(args[0], out, [](const Value &a, Value *result) {
                *result = Value::boolean(!is_true(a));
                return true;
            });
        case Opcode::op_both:
            return map(args[0], args[1], out, [](const Value &a, const Value &b, Value *result) {
                *result = is_true(a) ? b : a;
                return true;
            });
        case Opcode::op_either:
            return map(args[0], args[1], out, [](const Value &a, const Value &b, Value *result) {
                *result = is_true(a) ? a : b;
                return true;
            });
        case Opcode::op_branch:
            return branch(args, out);
        case Opcode::op_toivec:
            return map(args[0], out, [](const Value &a, Value *result) {
                *result = Value::pair(static_cast<int32_t>(a.integer), 0);
                return a.kind == Kind::integer && fits_int32(a.integer);
            });
        case Opcode::op_tojvec:
            return map(args[0], out, [](const Value &a, Value *result) {
                *result = Value::pair(0, static_cast<int32_t>(a.integer));
                return a.kind == Kind::integer && fits_int32(a.integer);
            });
        case Opcode::op_maximum:
            return pay(2 + kTwoItems) && map(args[0], out, [](const Value &a, Value *result) {
                       *result = Value::of_int(std::max(a.i, a.j));
                       return a.kind == Kind::pair;
                   });
        case Opcode::op_minimum:
            return pay(2 + kTwoItems) && map(args[0], out, [](const Value &a, Value *result) {
                       *result = Value::of_int(std::min(a.i, a.j));
                       return a.kind == Kind::pair;
                   });
        case Opcode::op_size:
            return map(args[0], out, [](const Value &a, Value *result) {
                size_t size = 0;
                bool has_size = length_of(a, &size) == Outcome::ok;
                *result = Value::of_int(static_cast<int64_t>(size));
                return has_size;
            });
        case Opcode::op_apply:
            return apply(args, out);
        default:
            return measure(opcode, args, arity, out);
        }
    }

    // f(a, &result) for each item; false where f returns it.
    template <typename F>
    bool map(const Series &a, Series *out, F f) {
        size_t count = a.stride != 0 ? size_ : 1;
        Value *results = room(count);
        if (results == nullptr) return false;
        for (size_t k = 0; k < count; ++k) {
            if (!f(a.values[k], &results[k])) return false;
        }
        *out = {results, a.stride};
        return true;
    }
    template <typename F>
    bool map(const Series &a, const Series &b, Series *out, F f) {
        size_t stride = a.stride | b.stride;
        size_t count = stride != 0 ? size_ : 1;
        Value *results = room(count);
        if (results == nullptr) return false;
        const Value *x = a.values;
        const Value *y = b.values;
        for (size_t k = 0; k < count; ++k, x += a.stride, y += b.stride) {
            if (!f(*x, *y, &results[k])) return false;
        }
        *out = {results, stride};
        return true;
    }

    // On ints and pairs; op(a, b, &n) is true where there is no result.
    template <typename Op>
    bool arithmetic(const Series &x, const Series &y, Op op, Series *out) {
        return map(x, y, out, [op](const Value &a, const Value &b, Value *result) {
            int64_t n = 0;
            if (a.is_int() && b.is_int()) {
                bool fails = op(a.integer, b.integer, &n);
                *result = Value::of_int(n);
                return !fails;
            }
            bool is_pair_a = a.kind == Kind::pair;
            bool is_pair_b = b.kind == Kind::pair;
            if (!(is_pair_a || a.is_int()) || !(is_pair_b || b.is_int())) return false;
            int64_t j = 0;
            bool fails = op(is_pair_a ? a.i : a.integer, is_pair_b ? b.i : b.integer, &n) ||
                         op(is_pair_a ? a.j : a.integer, is_pair_b ? b.j : b.integer, &j);
            *result = Value::pair(static_cast<int32_t>(n), static_cast<int32_t>(j));
            return !fails && fits_int32(n) && fits_int32(j);
        });
    }

    bool equality(const Series *args, Series *out) {
        Series a = args[0];
        Series b = args[1];
        if (!settle(&a) || !settle(&b)) return false;
        return map(a, b, out, [](const Value &x, const Value &y, Value *result) {
            bool are_places = x.kind == y.kind && (x.kind == Kind::pair || x.kind == Kind::cell);
            *result = Value::boolean(x.integer == y.integer && (!are_places || x.color == y.color));
            return are_places || (x.is_int() && y.is_int());
        });
    }

    bool branch(const Series *args, Series *out) {
        size_t stride = args[0].stride | args[1].stride | args[2].stride;
        size_t count = stride != 0 ? size_ : 1;
        Value *results = room(count);
        if (results == nullptr) return false;
        for (size_t k = 0; k < count; ++k) {
            const Series &chosen = is_true(args[0].values[k * args[0].stride]) ? args[1] : args[2];
            results[k] = chosen.values[k * chosen.stride];
        }
        *out = {results, stride};
        return true;
    }

    // The first or the last item.
    template <int which>
    bool item(const Series &tuples, Series *out) {
        if (tuples.pairs != nullptr) {
            *out = tuples.pairs->items[which];
            return true;
        }
        return map(tuples, out, [](const Value &v, Value *result) {
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

    // All of one kind.
    bool astuple(const Series *args, Series *out) {
        if (args[0].pairs == nullptr && args[1].pairs == nullptr) {
            Value both[2] = {*args[0].values, *args[1].values};
            Kind kind = tuple_of(both, 2).kind;
            bool are_tuples = kind == Kind::tuple;
            Series small;
            bool is_done = map(args[0], args[1], &small,
                               [kind](const Value &a, const Value &b, Value *result) {
                                   Value pair[2] = {a, b};
                                   *result = tuple_of(pair, 2);
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

    // To pairs of numbers.
    bool apply(const Series *args, Series *out) {
        Series items[2];
        Series images[2];
        if (args[0].stride != 0 || !pay(2)) return false;
        int budget = kMaxFunctions;
        if (!has_steps_only(*args[0].values, &budget)) return false;
        auto is_pair = [](const Value &v, Value *) { return v.kind == Kind::pair; };
        Series unused;
        if (!map(args[1], &unused, is_pair)) return false;
        if (!item<0>(args[1], &items[0]) || !item<1>(args[1], &items[1])) return false;
        if (m_.enter() != Outcome::ok) return false;
        bool is_done = call(*args[0].values, &items[0], 1, &images[0]) &&
                       call(*args[0].values, &items[1], 1, &images[1]);
        m_.leave();
        return is_done && astuple(images, out);
    }

    bool measure(Opcode opcode, const Series *args, unsigned arity, Series *out) {
        size_t stride = arity == 2 ? args[0].stride | args[1].stride : args[0].stride;
        size_t count = stride != 0 ? size_ : 1;
        Value *results = room(count);
        if (results == nullptr) return false;
        uint64_t cost = 0;
        for (size_t k = 0; k < count; ++k) {
            const int64_t before = m_.fuel_left();
            Value values[2];
            for (unsigned n = 0; n < arity; ++n) {
                values[n] = args[n].values[k * args[n].stride];
                if (!values[n].is_set() || !values[n].set->is_densely_packed()) return false;
            }
            Body body = kBodies[static_cast<size_t>(opcode)];
            if (body(m_, values, &results[k]) != Outcome::ok) return false;
            cost = static_cast<uint64_t>(before - m_.fuel_left());
            if (count == size_) costs_[k] += cost;
        }
        *out = {results, stride};
        return count == size_ || pay(cost);
    }

  public:
    static constexpr int kMaxFunctions = 64;

  private:
    Machine &m_;
    size_t size_;
    uint64_t *costs_;
};

} // namespace

Images::Images(Machine &m, const Value &function, const Items &items, Wanted wanted)
    : m_(m), scratch_(m), function_(function), items_(items), wanted_(wanted) {
    int budget = Block::kMaxFunctions;
    is_suited_ = !m.is_plain() && items.size >= kLeastItems && has_steps_only(function, &budget);
    if (!is_suited_) return;
    size_t count = std::min(items.size, kLargestBlock);
    block_ = static_cast<Value *>(m.arena().allocate_scratch(count * sizeof(Value)));
    costs_ = static_cast<uint64_t *>(m.arena().allocate_scratch(count * sizeof(uint64_t)));
    is_suited_ = block_ != nullptr && costs_ != nullptr;
}

bool Images::is_as_wanted(const Value &image) {
    if (kind_ == Kind::unbound) kind_ = image.kind;
    switch (wanted_) {
    case Wanted::number:
        return image.is_int();
    case Wanted::alike:
        return image.kind == kind_ &&
               (kind_ == Kind::integer || kind_ == Kind::pair || kind_ == Kind::cell);
    case Wanted::any:
        break;
    }
    return true;
}

void Images::take_block() {
    size_t size = begin_ == end_ ? kFirstBlock : 4 * (end_ - begin_);
    size = std::min({size, kLargestBlock, items_.size - at_});
    if (size == 0) return;
    const Machine::Attempt attempt = m_.begin_attempt(kFuelOfBlock);
    ScratchScope scratch(m_);
    std::fill_n(costs_, size, 0);
    Block block(m_, size, costs_);
    const Series items = {items_.data + at_, 1};
    Series images;
    bool is_done = m_.enter() == Outcome::ok;
    if (is_done) {
        is_done = block.call(function_, &items, 1, &images) && block.settle(&images);
        m_.leave();
    }
    for (size_t k = 0; k < size && is_done; ++k) {
        block_[k] = images.values[k * images.stride];
        is_done = is_as_wanted(block_[k]);
    }
    if (!is_done) {
        m_.give_up(attempt);
        is_suited_ = false;
        return;
    }
    m_.end_attempt(attempt);
    begin_ = at_;
    end_ = at_ + size;
}

} // namespace codeit
