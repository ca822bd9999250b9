// The language of lang/table.def with the bodies of its primitives.
#pragma once

#include "lang/language.h"

namespace codeit {

const Language &standard_language();

} // namespace codeit
