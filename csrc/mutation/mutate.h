// Typed depth-one mutation of programs: one change that keeps the types, as in the CodeIt paper.
//
// A line is drawn, and what changes in it: an argument, the function, or all of the call. What
// comes in its place is drawn uniformly from all that has the same type there (language.md 3.2):
// lines before, constants, primitives. Lines have the types that their values had in a run on one
// input (mutation/types.h); parameters and results have the declared ones. An argument may also be
// defined on a new line before. Where there is no candidate there is no mutant, and the caller
// draws again with another seed.
#pragma once

#include "mutation/types.h"

#include <span>
#include <vector>

namespace codeit::mutation {

// The chances of the kinds of change. The first three are weights; they need not add up to 1.
struct Weights {
    double argument = 0.5;    // another argument of the same type
    double function = 0.25;   // another function of the same signature
    double definition = 0.25; // another call that returns the same type, for a whole line
    double new_variable =
        0.5; // the share of argument changes that define the argument on a new line
};

// A program under mutation and what is known of it.
struct Parent {
    const Program *program;
    std::vector<Type> types; // of I and of each line
};

// One mutant, a function of the parent and the seed; false when the change that was drawn has no
// candidate, or makes a call that the program has already. A mutant shadows nothing.
bool mutate(const Parent &parent, const Weights &weights, uint64_t seed, Code *out);

struct Mutant {
    size_t number; // of its seed
    Program program;
};

// Those of the seeds that make one, in order. Throws Interrupted as run_batch does.
std::vector<Mutant> mutate_many(const Parent &parent, const Weights &weights,
                                std::span<const uint64_t> seeds, Interrupt::Poll poll);

} // namespace codeit::mutation
