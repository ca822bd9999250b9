// Many packed sets joined at once.
#pragma once

#include "core/packed_set.h"

namespace codeit {

// The union of packed sets of one kind.
class PatchUnion {
  public:
    explicit PatchUnion(Machine &m) : m_(m), sets_(m) {}

    // False for what cannot be joined: a value that is no set of places or cells, or sets of both.
    Outcome add(const Value &v, bool *fits);
    // As bits; *is_packed is false where it has none: too wide, or two cells at one place.
    Outcome finish(Patch *out, uint32_t *size, bool *is_packed);
    // As values, in any order; *fits is false where the window is too large for so few. Where two
    // cells share a place, there are no *values yet: such a set is mostly painted, for which it is
    // laid out, and that makes them.
    Outcome finish(Value **values, size_t *size, bool *fits);
    bool is_empty() const { return sets_.size() == 0; }
    Kind kind() const { return kind_; }
    unsigned chain() const { return chain_; }
    const Window &window() const { return window_; }

  private:
    Outcome color_cells(Patch *out, bool *is_packed);

    Machine &m_;
    ValueList sets_;
    Kind kind_ = Kind::unbound;
    Window window_ = {};
    bool has_one_color_ = true;
    unsigned chain_ = 0;
};

} // namespace codeit
