// A shorter program that does the same on known inputs.
//
// Rounds follow each other until one changes nothing. In a round, every line of the program is a
// node of a pool, and all calls on what the program has (its lines, the input, the names that it
// mentions) are tried: each that comes to the values of a line is another way to write that line.
// What stands as another line, as a name or as the input already is written as that. Then steps are
// taken, the one that saves most characters first, and at equal length most lines: one line written
// in another way, or all lines that use one line, so that nothing needs it any more.
//
// Two values that are equal on a few inputs may be so by accident. Four rules keep the program as
// general as it was:
//   - what rests on the input is never replaced by what does not, nor the other way round;
//   - a truth, a number, a pair or a function, which hold little, are computed only from what the
//     line rested on before;
//   - a node that both something constant and something that rests on the input have come to is an
//     argument of no new call;
//   - every step is tried on inputs that nobody gave, too: the given ones mirrored, transposed,
//   with
//     a row less, in other colors. Where the original makes something of such a grid, the new
//     program must make the same.
// Every step is taken only when the ordinary machine has confirmed it: it runs the whole program
// again on all inputs, and outcomes and results must be the same, the order of sets included.
#pragma once

#include "core/interrupt.h"
#include "core/machine.h"
#include "vm/program.h"
#include "vm/run.h"

#include <span>

namespace codeit::search {

struct MinimiserLimits {
    Limits run;          // of one run of the program on one input
    int64_t evaluations; // of one round, as the search counts them
    uint64_t max_bytes;  // of the pool
};

// The code of the shorter program, or the program's own: also where a run of the program reaches a
// limit or no run succeeds, and where its result holds a function. A program with shadowed names or
// odd numbers of arguments loses lines that nothing needs, and nothing else. The language has
// bodies; `inputs`: at least one, sides up to kMaxGridSide. Throws std::bad_alloc, and Interrupted
// as run_batch does.
Code minimised(const Program &program, std::span<const InputGrid> inputs,
               const MinimiserLimits &limits, Interrupt::Poll poll);

} // namespace codeit::search
