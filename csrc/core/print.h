// A value as text, in the canonical form that tests and reports compare.
#pragma once

#include "core/machine.h"

#include <string>

namespace codeit {

// JSON: ints, true and false, null for None, ["t", ...] for a tuple, ["s", ...] for a set in
// iteration order, "fn" for a function. Charges for every value written.
Outcome print_value(Machine &m, const Value &v, std::string *out);

} // namespace codeit
