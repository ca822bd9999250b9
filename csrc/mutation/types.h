// The types that mutation works with: what a value is.
#pragma once

#include "code/code.h"
#include "lang/types.h"
#include "vm/batch.h"

#include <vector>

namespace codeit::mutation {

// The narrowest type of lang/language.h that a value has. Any for None; a set or tuple without
// items, or with items of several kinds, is a FrozenSet or a Tuple.
Type type_of_value(Machine &m, const Value &v);

// The types of I and of every line of a program, found by running it on one input. A line that the
// run did not reach has the type that its function declares, or Any. Throws Interrupted as
// run_batch does.
std::vector<Type> types_of_lines(const Program &program, const InputGrid &input,
                                 const Limits &limits, Interrupt::Poll poll);

} // namespace codeit::mutation
