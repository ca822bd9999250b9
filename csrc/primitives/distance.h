// How far patches are from each other (`manhattan`, `adjacent`, `gravitate`: language.md 6.6).
//
// CPython compares each place of a with each of b. Of packed patches, one can be let grow until it
// meets the other, some operations for each row and step, whatever the number of places. Either way
// may be the shorter one; what each costs at most is known from the sizes and from any two places,
// and the cheaper is taken. Coordinates of any size, and tuples of anything, take AnyDistance, in
// CPython's order.
#pragma once

#include "primitives/operators.h"
#include "primitives/primitive.h"

namespace codeit {

// The smallest Manhattan distance between a place of a and one of b, which takes no more than to
// look at all pairs. *are_plain is false, and nothing done, for anything but two sets of places or
// of cells, neither of them empty.
Outcome distance_between(Machine &m, const Value &a, const Value &b, bool *are_plain, int64_t *out);

// The same of any two patches, wherever they lie.
class AnyDistance {
  public:
    explicit AnyDistance(Machine &m) : m_(m) {}

    // What is looked at first fails first. value_error where one of them is empty.
    Outcome read(const Value &a, const Value &b);

    // With all places of a so many rows and columns further on.
    Outcome least(Wide down, Wide right, Wide *out) const;

  private:
    struct Place {
        int64_t i;
        int64_t j;
    };

    Machine &m_;
    Place *of_a_ = nullptr;
    Place *of_b_ = nullptr;
    size_t size_a_ = 0;
    size_t size_b_ = 0;
};

} // namespace codeit
