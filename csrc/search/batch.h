// One task searched from beginning to end: what Python calls, once a task, without the GIL.
#pragma once

#include "core/interrupt.h"
#include "search/search.h"
#include "vm/program.h"

namespace codeit::search {

// `corpus`: programs of one language, which has bodies, and dialect. Throws std::bad_alloc, and
// Interrupted as run_batch does. `watch` outlives the call.
TaskResult search_task(const TaskGrids &grids, const Language &language, Dialect dialect,
                       const std::vector<const Program *> &corpus, const Settings &settings,
                       Interrupt::Poll poll, Watch *watch = nullptr);

// How long calls take, in time of the processor: for benchmarks. The programs of the corpus are run
// on the input in an empty pool, which evaluates, and then once more, which the memo answers.
struct Rates {
    int64_t num_evaluations = 0;
    double seconds_of_evaluations = 0;
    int64_t num_answers = 0;
    double seconds_of_answers = 0;
};
Rates measure_rates(const TaskGrids &grids, const Language &language, Dialect dialect,
                    const std::vector<const Program *> &corpus, const Settings &settings);

} // namespace codeit::search
