// `apply` to a set without its order.
#pragma once

#include "primitives/primitive.h"

namespace codeit {

// GEN of what a function returns for the elements of a set, which are looked at in any order.
// *is_done is false when it fails for one, or returns something whose duplicates could be told
// apart: then the order matters.
Outcome apply_in_any_order(Machine &m, const Value &function, Set *source, bool *is_done,
                           Value *out);

} // namespace codeit
