// All ways to write a line of a program by one call on what the program has.
#pragma once

#include "search/corpus.h"

#include <vector>

namespace codeit::search {

// What a line may be written as: a call; or another line, the input or a constant, in whose place
// its name would stand.
struct Way {
    Line call; // function kNoTerm where it is none
    Term same = kNoTerm;
};

// Of each line, its own call first. Those that come to the same values, as the pool tells them
// apart, and keep the rules of minimise.h.
std::vector<std::vector<Way>> ways_of(Pool &pool, const Lines &program, const LineNodes &nodes);

} // namespace codeit::search
