#include "primitives/selection.h"

#include <bit>

namespace codeit {
namespace {

// Of colors and other small ints the one that occurs most or least often; false where the items are
// anything else, or where two are equal, and the order of a set decides.
bool find_frequent_int(Extreme extreme, const Items &items, Value *out) {
    constexpr uint64_t kNumInts = 64;
    uint32_t counts[kNumInts];
    uint64_t seen = 0;
    for (const Value &item : items) {
        const auto n = static_cast<uint64_t>(item.integer);
        if (item.kind != Kind::integer || n >= kNumInts) return false;
        const bool is_new = (seen >> n & 1) == 0;
        counts[n] = is_new ? 1 : counts[n] + 1;
        seen |= uint64_t{1} << n;
    }
    int best = std::countr_zero(seen);
    bool is_tied = false;
    for (seen &= seen - 1; seen != 0; seen &= seen - 1) {
        const int n = std::countr_zero(seen);
        const bool is_better =
            extreme == Extreme::largest ? counts[n] > counts[best] : counts[n] < counts[best];
        is_tied = is_better ? false : is_tied || counts[n] == counts[best];
        if (is_better) best = n;
    }
    *out = Value::of_int(best);
    return !is_tied;
}

} // namespace

Outcome most_frequent(Machine &m, Extreme extreme, const Items &items, Value *out) {
    if (items.size == 0) return Outcome::value_error;
    if (!m.is_plain()) {
        TRY(m.charge(items.size));
        if (find_frequent_int(extreme, items, out)) return Outcome::ok;
    }
    ScratchScope scratch(m);
    uint32_t *counts;
    TRY(m.allocate_scratch(items.size, &counts));
    SetBuilder builder(m);
    for (const Value &item : items) {
        size_t before = builder.size();
        uint32_t index;
        TRY(builder.add(item, &index));
        counts[index] = builder.size() != before ? 1 : counts[index] + 1;
    }
    Value distinct;
    TRY(builder.finish(&distinct));
    return most_frequent(m, extreme, distinct.set, counts, out);
}

Outcome most_frequent(Machine &m, Extreme extreme, Set *distinct, const uint32_t *counts,
                      Value *out) {
    if (distinct->size == 0) return Outcome::value_error;
    TRY(m.charge(distinct->size));
    uint32_t best = 0;
    bool is_tied = false;
    for (uint32_t k = 1; k < distinct->size; ++k) {
        bool is_better =
            extreme == Extreme::largest ? counts[k] > counts[best] : counts[k] < counts[best];
        if (is_better) {
            best = k;
            is_tied = false;
        } else if (counts[k] == counts[best]) {
            is_tied = true;
        }
    }
    *out = distinct->values[best];
    if (!is_tied) return Outcome::ok;

    // Among equals the first in table order wins; only now does the order matter.
    const Value *values = distinct->values;
    ScratchScope scratch(m);
    uint32_t *turns;
    TRY(turns_of(m, distinct, {values, distinct->size}, &turns));
    while (counts[*turns] != counts[best]) ++turns;
    *out = values[*turns];
    return Outcome::ok;
}

} // namespace codeit
