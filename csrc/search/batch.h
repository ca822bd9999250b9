// One task searched from beginning to end: what Python calls, once a task, without the GIL.
#pragma once

#include "core/interrupt.h"
#include "search/search.h"
#include "vm/program.h"

namespace codeit::search {

// `corpus`: programs of one language, which has bodies, and dialect. Throws std::bad_alloc, and
// Interrupted as run_batch does.
TaskResult search_task(const TaskGrids &grids, const Language &language, Dialect dialect,
                       const std::vector<const Program *> &corpus, const Settings &settings,
                       Interrupt::Poll poll);

} // namespace codeit::search
