// A value as text, in the canonical form that tests and reports compare.
#pragma once

#include "core/machine.h"

#include <string>

namespace codeit {

enum class Functions : uint8_t { unnamed, named };

// JSON: ints, true and false, null for None, ["t", ...] for a tuple, ["s", ...] for a set in
// iteration order, "fn" for a function; where functions are named, {"fn":NAME} for a primitive, and
// {"fn":[NAME,ARGUMENT,...]} for what it returns for some arguments. Each value written takes one
// from *values_left; out_of_fuel when they are used up. Only laying a set out takes fuel and memory
// of the machine.
Outcome print_value(Machine &m, const Value &v, int64_t *values_left, std::string *out,
                    Functions functions = Functions::unnamed);

} // namespace codeit
