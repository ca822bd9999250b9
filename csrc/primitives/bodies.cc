// The dispatch table: a row of lang/table.def without a body does not link.
#include "primitives/primitive.h"

#undef PRIMITIVE

namespace codeit {

const Body kBodies[kNumPrimitives] = {
#define PRIMITIVE(group, name, returns, parameters, summary) primitive_##name,
#include "lang/table.def"
};

} // namespace codeit
