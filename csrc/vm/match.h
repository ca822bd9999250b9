// Which programs make of an input the one grid that is expected.
//
// A search asks this of many programs and many tasks, and nearly always hears no. So results are
// compared where they are, and what is kept is one entry for each yes.
#pragma once

#include "core/interrupt.h"
#include "vm/family.h"

namespace codeit {

struct Target {
    InputGrid input;
    InputGrid expected; // a valid grid
};

struct Hit {
    size_t number; // of the program in its family
    size_t target;
    bool operator==(const Hit &) const = default;
};

// The families of many programs, in which each stands with its number in the list: for each base
// those that name it. Throws as run_batch does.
std::vector<Family> families_of(std::span<const Program *const> bases,
                                std::span<const Program *const> programs,
                                std::span<const uint32_t> base_of, unsigned num_threads,
                                Interrupt::Poll poll);

// The pairs of a member and a target for which an ordinary run succeeds and returns what is
// expected, by target and then by number. Throws as run_batch does.
std::vector<Hit> match(std::span<const Family> families, std::span<const Target> targets,
                       const Limits &limits, unsigned num_threads, Interrupt::Poll poll);

} // namespace codeit
