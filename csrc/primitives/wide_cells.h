// Cells with coordinates of any size (language.md 2.3). The original moves some patches twice, and
// the set in between, whose order decides that of the result, may lie where no int of 64 bits
// reaches.
//
// It is simulated by an ordinary set: a cell stands there as a tuple of five ints that is equal
// exactly for equal cells, and is added with the hash that CPython would give the cell
// (language.md 4.1).
#pragma once

#include "core/wide.h"
#include "primitives/primitive.h"

namespace codeit {

struct WideCell {
    Value color;
    Wide i;
    Wide j;
};

// A frozenset of them under construction (GEN).
class WideCells {
  public:
    explicit WideCells(Machine &m) : m_(m), set_(m) {}

    // Room for so many; none can be added before.
    Outcome reserve(size_t count) { return m_.allocate(count, &cells_); }
    Outcome add(const WideCell &cell);

    // The cells in the iteration order of the set, or of a copy of it (LIT).
    Outcome in_order(bool is_copied, const WideCell **out);
    size_t size() const { return set_.size(); }

  private:
    Machine &m_;
    WideCell *cells_ = nullptr;
    SetBuilder set_; // of tuples that are equal exactly for equal cells
};

// All cells of a patch moved by a distance; false where one has a coordinate that is no int.
Outcome move_wide(Machine &m, const Value &patch, Wide down, Wide right, WideCells *out,
                  bool *are_ints);

} // namespace codeit
