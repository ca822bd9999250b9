// What the types of the language mean: which values may stand where.
#pragma once

#include "lang/language.h"

namespace codeit {

// Whether a value of type `given` may stand where a parameter of type `wanted` is declared.
bool accepts(Type wanted, Type given);

// Whether some value of the declared type `given` may stand there: what a primitive is declared to
// return is often wider than what it returns.
bool may_accept(Type wanted, Type given);

// How many arguments a primitive will pass to the function it gets as that parameter; 0 where the
// parameter is no function, or a function of any arity.
unsigned arity_wanted(Opcode opcode, unsigned parameter);

} // namespace codeit
