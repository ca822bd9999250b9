// The types that mutation works with: what a value is, and which primitives are interchangeable.
#pragma once

#include "vm/batch.h"

#include <vector>

namespace codeit::mutation {

// The narrowest type of lang/language.h that a value has. Any for None; a set or tuple without
// items, or with items of several kinds, is a FrozenSet or a Tuple.
Type type_of_value(Machine &m, const Value &v);

// The types of I and of every line of a program, found by running it on one input. A line that the
// run did not reach has the type that its function declares, or Any.
std::vector<Type> types_of_lines(const Program &program, const InputGrid &input,
                                 const Limits &limits);

// Whether a value of type `given` may stand where a parameter of type `wanted` is declared.
bool accepts(Type wanted, Type given);

// How many arguments a primitive will pass to the function it gets as that parameter; 0 where the
// parameter is no function, or a function of any arity.
unsigned arity_wanted(Opcode opcode, unsigned parameter);

} // namespace codeit::mutation
