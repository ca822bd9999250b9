// Primitives that are no part of codeit: bodies that call a C function (foreign_abi.h), and trust
// nothing that it returns.
//
// Arguments are laid out as arrays, of which the function is given copies or what nobody else reads
// as anything but cells. Its result goes into memory of the run's arena, between two guards that
// are looked at after the call: a function that has written to one is never called again. What it
// returns is checked against its type and the size that it may have, and becomes a value that
// follows from the numbers alone. Fuel is charged for what is given, for what comes back and for
// the steps that the function says it took.
#pragma once

#include "lang/row.h"
#include "primitives/foreign_abi.h"

#include <atomic>

namespace codeit {

struct ForeignFunction {
    codeit_primitive function = nullptr;
    void *context = nullptr;
    // Of a result: the rows and columns of a grid, or the elements of a set in max_height.
    int32_t max_height = 30;
    int32_t max_width = 30;
    int32_t scratch_size = 0;
    // Once it has written outside of what it was given.
    mutable std::atomic<bool> is_broken = false;
};

// So large a grid, set or scratch room may be asked for.
inline constexpr int32_t kMaxForeignSide = 1000;
inline constexpr int32_t kMaxForeignSize = 1'000'000;

// Whether a parameter, or a result, of a foreign function may be declared with the type.
bool can_be_given(Type type);
bool can_be_returned(Type type);

// The body of the k-th foreign primitive of a language, k < Language::kMaxForeign: a body is not
// told which primitive it is, so that each has one of its own.
Body foreign_body(size_t k);

} // namespace codeit
