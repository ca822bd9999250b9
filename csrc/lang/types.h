// What the types of the language mean: which values may stand where (language.md 3.2). A run looks
// at no type; mutation and mode `typed` do, and both ask here.
#pragma once

#include "lang/language.h"

namespace codeit {

// Whether a value of type `given` may stand where a parameter of type `wanted` is declared.
bool accepts(Type wanted, Type given);

// Whether some value of the declared type `given` may stand there: what a primitive is declared to
// return is often wider than what it returns.
bool may_accept(Type wanted, Type given);

} // namespace codeit
