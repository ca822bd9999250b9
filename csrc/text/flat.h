// The automaton's tables as flat arrays, for a kernel on another device.
#pragma once

#include "text/automaton.h"

namespace codeit::text {

struct FlatTable {
    const char *name;  // as in Tables and Typing
    const char *dtype; // as NumPy writes it, little-endian
    std::vector<size_t> shape;
    const void *data; // the automaton's own
};

// Sets of terms are words: three for fixed terms, then two for variables. A Node is `<u2` first
// edge, number of edges and term, `u1` is_link, is_fan and place; an Edge `<u2` token and node; a
// Chain
// `<u2` size, first node and first token, `u1` place. Both are padded with one byte.
std::vector<FlatTable> flat_tables(const Automaton &automaton);

} // namespace codeit::text
