// The automaton's tables as flat arrays, for a kernel on another device.
#pragma once

#include "text/automaton.h"

namespace codeit::text {

struct FlatTable {
    const char *name;  // as in Tables and Typing
    const char *dtype; // as NumPy writes it, little-endian
    std::vector<size_t> shape;
    const void *data; // the automaton's, or that of FlatTables
};

// Sets of fixed terms are words, as many as the language needs; in `under` two of variables follow
// them. What is listed by fixed term is filled up to whole words. A Node is `<u2` first edge,
// number of edges and term, `u1` is_link, is_fan and decision; an Edge `<u2` token and node; a
// Chain
// `<u2` size, first node and first token, `u1` decision. Nodes and chains are padded with one byte.
class FlatTables {
  public:
    // The automaton outlives them.
    explicit FlatTables(const Automaton &automaton);
    FlatTables(const FlatTables &) = delete;
    FlatTables &operator=(const FlatTables &) = delete;

    const std::vector<FlatTable> &tables() const { return tables_; }

  private:
    std::vector<FlatTable> tables_;
    std::vector<uint16_t> children_;
    std::vector<uint8_t> costs_;
    std::vector<uint16_t> first_tokens_;
};

} // namespace codeit::text
