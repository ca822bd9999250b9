// The language of lang/table.def with the bodies of its primitives.
#pragma once

#include "lang/language.h"

#include <memory>

namespace codeit {

const Language &standard_language();

// The same names with bodies: those of the standard language, like them, or foreign.
std::unique_ptr<Language> with_bodies(const Language &names);

} // namespace codeit
