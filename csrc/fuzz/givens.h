// A few programs of one dialect with a grid each, from a string of bytes: a byte for the length of
// each, then what case.h makes a case of. Most random lines fail, and most values are no grids: so
// lines that fail are left out, as in programs.cc, and what follows the last grid is cut off.
#pragma once

#include "fuzz/case.h"
#include "vm/program.h"

namespace codeit::fuzz {

struct Given {
    Case from;
    Program program;
};

// At least one, at most so many. With SHOW=1 in the environment they are printed.
std::vector<Given> make_givens(const uint8_t *data, size_t size, size_t most);

} // namespace codeit::fuzz
