// Programs as the search runs and changes them: lines of terms, over nodes of a pool.
#pragma once

#include "search/pool.h"

#include <string>
#include <vector>

namespace codeit::search {

// One line; arguments are terms (code/code.h): names, the input, or earlier lines.
struct Line {
    Term function = kNoTerm;
    uint8_t num_arguments = 0;
    Term arguments[kMaxArity] = {};

    std::span<const Term> terms() const { return {arguments, num_arguments}; }
};

using Lines = std::vector<Line>;

// The lines of a code; none where one of them shadows a name or has more arguments than any
// primitive takes, which no run survives.
Lines lines_of(const Code &code);

// The nodes of a program's lines in one pool.
using LineNodes = std::vector<Node>;

// The node that a term stands for.
inline Node node_of(const Pool &pool, Term term, Node input, const LineNodes &lines) {
    if (!is_line(term)) return pool.of_name(term);
    return line_of(term) == 0 ? input : lines[line_of(term) - 1];
}

Node run_line(Pool &pool, const Line &line, Node input, const LineNodes &lines);

// Runs all lines, those behind a failure, too, as far as they do not rest on it.
void run_all_lines(Pool &pool, const Lines &program, Node input, LineNodes *nodes);
// The node of the last line, up to the first that fails.
Node run_lines(Pool &pool, const Lines &program, Node input, LineNodes *nodes);

// The lines that a node rests on, itself last, and their nodes. Empty for a leaf, and where there
// would be more than `max_lines`.
Lines unfolded(const Pool &pool, Node root, size_t max_lines, LineNodes *nodes);

// The program whose result a node is. *fits is false where it has too many lines for a code.
Code code_of(const Pool &pool, Node root, bool *fits);

} // namespace codeit::search
