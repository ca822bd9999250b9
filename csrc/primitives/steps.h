// How a primitive is a step of a function that is worked out for many items at once (images.h).
//
// A block has some items; a Series holds one value for each of them. A step takes the series of a
// primitive's arguments to that of its results. Its row of lang/table.def says how:
//
//     each    STEP(name), beside the body. STEP_OF_BODY makes one of a body that, for the arguments
//             it is given there, takes no fuel, makes nothing and changes nothing.
//     lazy    STEP(name) whose arguments may be pairs that nobody has made yet.
//     packed  the body, on packed sets.
//
// A step that returns false has failed for some item, or met values that it does not know: then the
// block counts as not begun. A step costs each item the fuel that a call costs it.
#pragma once

#include "primitives/primitive.h"

namespace codeit {

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

// Whether all that a function calls can be a step; looks at no more than *budget functions.
bool has_steps_only(const Machine &m, const Value &function, int *budget);

class Block {
  public:
    static constexpr int kMaxFunctions = 64;
    static constexpr uint64_t kTwoItems = 5; // units for the memory of two values

    // costs: of the items, which this adds to.
    Block(Machine &m, size_t size, uint64_t *costs) : m_(m), size_(size), costs_(costs) {}

    // function(args...) for each item.
    bool call(const Value &function, const Series *args, unsigned count, Series *out);

    // Makes the tuples that nobody has made. Each `astuple` has been paid for, so that this need
    // not be.
    bool settle(Series *series);

    // ---- For steps ----

    // For each of the items.
    bool pay(uint64_t units);

    // A call one level deeper.
    bool call_deeper(const Value &function, const Series &argument, Series *out) {
        if (m_.enter() != Outcome::ok) return false;
        bool is_done = call(function, &argument, 1, out);
        m_.leave();
        return is_done;
    }

    // Whether the items have one function, of nothing but steps.
    bool has_steps_only(const Series &functions) const {
        int budget = kMaxFunctions;
        return functions.stride == 0 && codeit::has_steps_only(m_, *functions.values, &budget);
    }

    // f(args, &result) for each item, where f returns whether there is a result.
    template <unsigned arity, typename F>
    bool map(const Series *args, Series *out, F f) {
        size_t stride = 0;
        for (unsigned n = 0; n < arity; ++n) stride |= args[n].stride;
        const size_t count = stride != 0 ? size_ : 1;
        Value *results = room(count);
        if (results == nullptr) return false;
        for (size_t k = 0; k < count; ++k) {
            Value values[arity];
            for (unsigned n = 0; n < arity; ++n) values[n] = args[n].values[k * args[n].stride];
            if (!f(values, &results[k])) return false;
        }
        *out = {results, stride};
        return true;
    }

    // The body for each item. One that has taken fuel has made something, which is no step's.
    template <Body body, unsigned arity, bool (*is_right)(const Value &)>
    bool map_body(const Series *args, Series *out) {
        const int64_t fuel = m_.fuel_left();
        bool is_done = map<arity>(args, out, [this](const Value *values, Value *result) {
            for (unsigned n = 0; n < arity; ++n) {
                if (!is_right(values[n])) return false;
            }
            return body(m_, values, result) == Outcome::ok;
        });
        return is_done && m_.fuel_left() == fuel;
    }

    // The first (0) or the last (1) item of each tuple.
    bool item(int which, const Series &tuples, Series *out);
    // The tuple (a, b) for each item, all of one kind.
    bool pair(const Series *args, Series *out);

  private:
    // Paid for by the calls.
    Value *room(size_t count) {
        return static_cast<Value *>(m_.arena().allocate_scratch(count * sizeof(Value)));
    }

    bool make(Pairs *pairs);
    bool call_closure(const Closure &closure, const Series *args, Series *out);
    bool take_step(const Routine &called, const Series *args, Series *out);
    bool take_packed(const Routine &called, const Series *args, Series *out);

    Machine &m_;
    size_t size_;
    uint64_t *costs_;
};

#undef PRIMITIVE
#define PRIMITIVE(group, name, result, parameters, many, summary)                                  \
    bool step_##name(Block &block, const Series *args, Series *out);
#include "lang/table.def"
#define PRIMITIVE(name) PRIMITIVE_BODY(name)

#define STEP(name) bool step_##name([[maybe_unused]] Block &block, const Series *args, Series *out)

// Of a body of so many arguments, each of which is_right says yes to.
#define STEP_OF_BODY(name, arity, is_right)                                                        \
    STEP(name) {                                                                                   \
        return block.map_body<primitive_##name, arity, is_right>(args, out);                       \
    }

// What bodies that become steps are given.
inline bool is_int(const Value &v) {
    return v.is_int();
}
inline bool is_number(const Value &v) {
    return v.is_int() || v.kind == Kind::pair;
}
inline bool is_flat(const Value &v) {
    return is_number(v) || v.kind == Kind::cell;
}
inline bool is_anything(const Value &) {
    return true;
}

} // namespace codeit
