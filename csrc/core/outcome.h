// One enum for every way a run can end. A failing sampled program is data, never a C++ exception:
// most of them fail, and unwinding a stack takes longer than the median run. Rows of
// core/outcome.def give each outcome its name, the exception that CPython would raise
// (language.md 2.1), and a message.
#pragma once

#include "lang/row.h"

#include <cstdint>

#ifndef NDEBUG
#include <cstdio>
#include <cstdlib>
#include <source_location>
#endif

namespace codeit {

enum class Outcome : uint8_t {
#define OUTCOME(name, exception, message) name,
#include "core/outcome.def"
#undef OUTCOME
};

struct OutcomeRow {
    const char *name;
    const char *exception;
    const char *message;
};

inline constexpr OutcomeRow kOutcomes[] = {
#define OUTCOME(name, exception, message) {#name, exception, message},
#include "core/outcome.def"
#undef OUTCOME
};

inline constexpr unsigned kNumOutcomes = sizeof(kOutcomes) / sizeof(kOutcomes[0]);

// Whether a failure ends the run whatever the order was in which items were looked at.
inline bool is_limit(Outcome outcome) {
    return outcome == Outcome::out_of_fuel || outcome == Outcome::out_of_memory;
}

// What is returned where the machine is in a state that it should not be in. A debug build ends
// here instead, with the place.
#ifdef NDEBUG
inline Outcome broken_invariant() {
    return Outcome::internal_error;
}
#else
[[noreturn]] inline Outcome
broken_invariant(std::source_location at = std::source_location::current()) {
    std::fprintf(stderr, "%s:%u: an invariant is broken\n", at.file_name(), at.line());
    std::abort();
}
#endif

} // namespace codeit

// Leaves the current function with the outcome of `expression` unless that is ok.
#define TRY(expression)                                                                            \
    do {                                                                                           \
        if (::codeit::Outcome outcome_ = (expression); outcome_ != ::codeit::Outcome::ok)          \
            [[unlikely]]                                                                           \
            return outcome_;                                                                       \
    } while (0)
