// How a primitive is written. `PRIMITIVE(name) { ... }` is the body of the row `name` of
// lang/table.def:
//   m     the machine: memory, fuel, calls
//   args  as many values as the row has parameters
//   out   where the result goes, apart from args; written last
// A body charges for its work before it does it and returns how it ended.
#pragma once

#include "core/grid.h"
#include "core/machine.h"
#include "core/scattered_set.h"
#include "core/sequence.h"
#include "core/set_algebra.h"

namespace codeit {

#define PRIMITIVE(group, name, result, parameters, many, summary)                                  \
    Outcome primitive_##name(Machine &m, const Value *args, Value *out);
#include "lang/table.def"

#define PRIMITIVE_BODY(name)                                                                       \
    Outcome primitive_##name([[maybe_unused]] Machine &m, const Value *args, Value *out)
#define PRIMITIVE(name) PRIMITIVE_BODY(name)

} // namespace codeit
