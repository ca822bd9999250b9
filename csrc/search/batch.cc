#include "search/batch.h"

#include "vm/machine_pool.h"

#include <algorithm>
#include <ctime>

namespace codeit::search {
namespace {

constexpr int64_t kFuelOfCall = 150'000;
constexpr uint32_t kDepth = 200;

// An eighth of the memory is for the call that is being made, the rest for what is kept.
Limits limits_of(const Settings &settings) {
    return {kFuelOfCall, settings.max_bytes / 8, kDepth, 0};
}
PoolLimits pool_limits_of(const Settings &settings) {
    return {settings.max_bytes - settings.max_bytes / 8, kFuelOfCall};
}

// Those that lead as they come, then the shortest first. *num_leading counts the former; those that
// no run survives are left out.
std::vector<Lines> programs_of(const std::vector<const Program *> &corpus, size_t *num_leading) {
    std::vector<Lines> programs;
    size_t num_left = 0;
    for (size_t k = 0; k < corpus.size(); ++k) {
        Lines lines = lines_of(corpus[k]->code());
        if (lines.empty()) continue;
        programs.push_back(std::move(lines));
        num_left += k < *num_leading;
    }
    *num_leading = num_left;
    std::stable_sort(programs.begin() + static_cast<ptrdiff_t>(num_left), programs.end(),
                     [](const Lines &a, const Lines &b) { return a.size() < b.size(); });
    return programs;
}

Prior prior_of(const Language &language, const std::vector<Lines> &programs) {
    Prior prior(language);
    for (const Lines &program : programs) prior.learn(program);
    prior.finish();
    return prior;
}

double seconds_of_thread() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

} // namespace

TaskResult search_task(const TaskGrids &grids, const Language &language, Dialect dialect,
                       const std::vector<const Program *> &corpus, const Settings &asked,
                       Interrupt::Poll poll, Watch *watch) {
    Interrupt interrupt(poll);
    Settings settings = asked;
    MachineLease lease(limits_of(settings), &interrupt);
    const TaskView task(grids);
    const std::vector<Lines> programs = programs_of(corpus, &settings.num_leading);
    const Prior prior = prior_of(language, programs);
    Pool pool(language, dialect, prior, lease.machine(), task, pool_limits_of(settings));
    TaskResult result;
    Search(pool, programs, settings, watch).run(&result);
    if (interrupt.ask()) throw Interrupted();
    return result;
}

Rates measure_rates(const TaskGrids &grids, const Language &language, Dialect dialect,
                    const std::vector<const Program *> &corpus, const Settings &settings) {
    MachineLease lease(limits_of(settings));
    const TaskView task(grids);
    size_t num_leading = 0;
    const std::vector<Lines> programs = programs_of(corpus, &num_leading);
    const Prior prior = prior_of(language, programs);
    Pool pool(language, dialect, prior, lease.machine(), task, pool_limits_of(settings));
    Rates rates;
    LineNodes nodes;
    for (const Lines &program : programs) {
        const int64_t evaluations = pool.num_evaluations();
        const int64_t calls = pool.num_calls();
        const double begin = seconds_of_thread();
        run_all_lines(pool, program, kInputNode, &nodes);
        const double middle = seconds_of_thread();
        const int64_t num_calls = pool.num_calls() - calls;
        run_all_lines(pool, program, kInputNode, &nodes);
        rates.num_evaluations += pool.num_evaluations() - evaluations;
        rates.seconds_of_evaluations += middle - begin;
        rates.num_answers += num_calls;
        rates.seconds_of_answers += seconds_of_thread() - middle;
    }
    return rates;
}

} // namespace codeit::search
