// The sort of CPython 3.11 (timsort), step for step (language.md 5.4).
//
// For keys with a full order the result is that of any stable sort. Sets are ordered by inclusion,
// which is partial: then the result depends on which pairs are compared, and in which order. And a
// comparison may fail, or the fuel run out. So this does each comparison that CPython does, and no
// other. It sorts indices by keys that stay where they are, which moves four bytes where a value
// has 16.
#pragma once

#include "core/machine.h"

namespace codeit {

// Sorts the indices 0 .. size-1 by keys[index], stably, using only `<`.
Outcome sort_by_keys(Machine &m, const Value *keys, size_t size, uint32_t *indices);

} // namespace codeit
