// One enum for every way a run can end. A failing sampled program is data, never a C++ exception.
#pragma once

#include <cstdint>

namespace codeit {

enum class [[nodiscard]] Outcome : uint8_t {
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

} // namespace codeit

// Leaves the current function with the outcome of `expression` unless that is ok.
#define TRY(expression)                                                                            \
    do {                                                                                           \
        if (::codeit::Outcome outcome_ = (expression); outcome_ != ::codeit::Outcome::ok)          \
            [[unlikely]]                                                                           \
            return outcome_;                                                                       \
    } while (0)
