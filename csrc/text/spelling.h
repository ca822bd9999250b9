// How a tokenizer writes programs: the token ids of each thing that a program is made of, in each
// context. A program's ids are those of its parts, one after the other, because no token of these
// tokenizers reaches from one part into the next:
//
//     start { x_k assign CALL close newline } O assign CALL close end
//     CALL = function open first-argument { separator argument }
//
// Any part but terms and newlines may be empty. A text has other spellings, too, with which a byte
// pair encoding would spell it; this one, the tokenizer's own, is the canonical one.
#pragma once

#include "text/term.h"

#include <string>
#include <vector>

namespace codeit::text {

using Ids = std::vector<uint16_t>;

struct Spelling {
    Ids start, assign, open, separator, close, newline, end;
    Ids output;                       // O before `assign`
    std::vector<Ids> names;           // x1, x2, ... before `assign`
    std::vector<Ids> functions;       // after `assign`: the fixed terms, then the variables
    std::vector<Ids> first_arguments; // after `open`
    std::vector<Ids> arguments;       // after `separator`
};

// What is wrong with the sizes of a language's spelling, or nothing. Whoever takes one from outside
// asks first: its lists are indexed by term and by line.
std::string why_not(const Language &language, const Spelling &spelling);

} // namespace codeit::text
