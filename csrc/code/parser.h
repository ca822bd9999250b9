// Program text to code.
#pragma once

#include "code/code.h"

#include <string>
#include <string_view>

namespace codeit {

// Why a text is not a program. Lines count from 1.
struct ParseError {
    size_t line = 0;
    std::string reason;
};

// The text rules are those of language.md 1.2, in their order, and then what a code can hold. The
// limits bound the time, too: nobody needs to interrupt it.
bool parse(std::string_view text, const Language &language, Code *out, ParseError *error);

} // namespace codeit
