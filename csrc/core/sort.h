// The sort of CPython 3.11 (timsort), step for step (language.md 5.4): with keys that are only
// partially ordered, the result is whatever this algorithm does.
#pragma once

#include "core/machine.h"

namespace codeit {

// Sorts the indices 0 .. size-1 by keys[index], stably, using only `<`.
Outcome sort_by_keys(Machine &m, const Value *keys, size_t size, uint32_t *indices);

} // namespace codeit
