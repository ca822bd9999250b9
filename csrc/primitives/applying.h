// `apply` to a set, without asking for the set's order.
//
// language.md 6.4 has the images inserted in the order of the set (GEN). But which elements the
// result has does not depend on that order, as long as no call fails and equal images are as good
// as each other. So the function is called for the elements as they lie, what is distinct of the
// images is found, and the set is made of it with a Construction that does the insertions over when
// somebody asks for the order. Where that is not sound, the caller begins anew, in order.
#pragma once

#include "primitives/primitive.h"

namespace codeit {

// GEN of what a function returns for the elements of a set, which are looked at in any order.
// *is_done is false when it fails for one, or returns something whose duplicates could be told
// apart: then the order matters.
Outcome apply_in_any_order(Machine &m, const Value &function, Set *source, bool *is_done,
                           Value *out);

} // namespace codeit
