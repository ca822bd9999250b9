// The dispatch tables: a row of lang/table.def without a body, or without the step that it says it
// has, does not link.
#include "primitives/steps.h"

#undef PRIMITIVE

namespace codeit {

const Body kBodies[kNumPrimitives] = {
#define PRIMITIVE(group, name, result, parameters, many, summary) primitive_##name,
#include "lang/table.def"
};

const Step kSteps[kNumPrimitives] = {
#define STEP_IF_alone(name) nullptr
#define STEP_IF_packed(name) nullptr
#define STEP_IF_each(name) step_##name
#define STEP_IF_lazy(name) step_##name
#define PRIMITIVE(group, name, result, parameters, many, summary) STEP_IF_##many(name),
#include "lang/table.def"
};

} // namespace codeit
