#include "vm/batch.h"

#include "core/print.h"
#include "vm/machine_pool.h"
#include "vm/result_grid.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <thread>

namespace codeit {
namespace {

constexpr int64_t kFuelPerPrintedValue = 8; // for laying sets out
constexpr uint64_t kMemoryToPrint = 8;      // times that of the run

// One thread's share of a batch.
struct Worker {
    GrowingBytes cells;
    std::vector<size_t> num_common; // lines of each job in turn with the one before
    int64_t num_units = 0;          // of work, since the interrupt was asked
    std::exception_ptr failure;
};

bool have_one_input(const Job &a, const Job &b) {
    return a.first_input == b.first_input && a.num_inputs == b.num_inputs;
}

// The jobs [begin, end), which have one input, in the order of their programs' codes, in which
// those that begin with the same lines stand together.
void sort_by_code(const std::vector<Job> &jobs, size_t begin, size_t end,
                  std::vector<size_t> *out) {
    out->clear();
    for (size_t k = begin; k < end; ++k) out->push_back(k);
    std::sort(out->begin(), out->end(), [&jobs](size_t a, size_t b) {
        const auto of_a = jobs[a].program->code().words();
        const auto of_b = jobs[b].program->code().words();
        const size_t common = std::min(of_a.size_bytes(), of_b.size_bytes());
        const int order = std::memcmp(of_a.data(), of_b.data(), common);
        return order != 0 ? order < 0 : of_a.size() < of_b.size();
    });
}

class Batch {
  public:
    Batch(const std::vector<Job> &jobs, const std::vector<InputGrid> &inputs, const Limits &limits,
          unsigned num_threads, bool is_sharing, Interrupt::Poll poll, BatchResults *out)
        : jobs_(jobs), inputs_(inputs), limits_(limits), is_sharing_(is_sharing), interrupt_(poll),
          out_(out), chunks_(chunk_begins(jobs, num_threads)),
          workers_(std::clamp<size_t>(num_threads, 1, std::max<size_t>(1, chunks_.size() - 1))),
          worker_of_job_(workers_.size() > 1 ? jobs.size() : 0) {
        size_t num_runs = 0;
        first_run_.reserve(jobs.size());
        for (const Job &job : jobs) {
            first_run_.push_back(num_runs);
            num_runs += job.num_inputs;
        }
        out->outcomes.resize(num_runs);
        out->fuel.resize(num_runs);
        out->heights.resize(num_runs);
        out->widths.resize(num_runs);
        out->cells_begin.resize(num_runs);
        // Most results are about as large as an input; what is not touched costs nothing.
        size_t num_cells = 0;
        for (const InputGrid &input : inputs)
            num_cells += static_cast<size_t>(int64_t{input.height} * input.width);
        const size_t mean = num_cells / std::max<size_t>(1, inputs.size()) + 1;
        for (Worker &worker : workers_)
            worker.cells.room(num_runs / workers_.size() * std::min(mean, kMaxCells) + kMaxCells);
    }

    void run() {
        {
            std::vector<std::jthread> threads;
            try {
                for (size_t w = 1; w < workers_.size(); ++w) {
                    threads.emplace_back([this, w] {
                        work(w);
                        const std::lock_guard lock(mutex_);
                        ++num_done_;
                        is_done_.notify_one();
                    });
                }
            } catch (...) {
                interrupt_.set(); // for those that have started
                throw;
            }
            work(0);
            wait_for_others();
        }
        for (const Worker &worker : workers_) {
            if (worker.failure) std::rethrow_exception(worker.failure);
        }
        if (interrupt_.is_set()) throw Interrupted();
        gather();
    }

  private:
    // Jobs taken at a time: enough of them to share lines, and several times for each thread.
    static constexpr size_t kLeastChunk = 12;
    static constexpr size_t kLargestChunk = 64;
    // What a run that does nothing takes, and the making of its result.
    static constexpr int64_t kUnitsOfRun = 1000;

    // Jobs of the same inputs stay in one chunk where it does not get too large.
    static std::vector<size_t> chunk_begins(const std::vector<Job> &jobs, unsigned num_threads) {
        size_t wanted = std::clamp(jobs.size() / 8 / num_threads, kLeastChunk, kLargestChunk);
        std::vector<size_t> begins = {0};
        for (size_t k = 1; k < jobs.size(); ++k) {
            size_t size = k - begins.back();
            bool is_boundary = !have_one_input(jobs[k - 1], jobs[k]);
            if (size >= (is_boundary ? kLeastChunk : wanted)) begins.push_back(k);
        }
        begins.push_back(jobs.size());
        return begins;
    }

    // Signals are answered by this thread alone, which has nothing left to do.
    void wait_for_others() {
        std::unique_lock lock(mutex_);
        auto are_done = [this] { return num_done_ + 1 == workers_.size(); };
        while (!is_done_.wait_for(lock, Interrupt::kInterval, are_done)) {
            lock.unlock(); // a poll waits for others' locks
            interrupt_.ask();
            lock.lock();
        }
    }

    void work(size_t w) {
        try {
            MachineLease lease(limits_, &interrupt_);
            Machine &m = lease.machine();
            std::vector<size_t> order;
            for (;;) {
                size_t chunk = next_.fetch_add(1);
                if (chunk + 1 >= chunks_.size() || interrupt_.is_set()) return;
                size_t begin = chunks_[chunk];
                size_t end = chunks_[chunk + 1];
                while (begin < end && !interrupt_.is_set()) {
                    size_t next = begin + 1;
                    while (is_sharing_ && next < end && have_one_input(jobs_[begin], jobs_[next]))
                        ++next;
                    sort_by_code(jobs_, begin, next, &order);
                    run_jobs(m, order, w);
                    begin = next;
                }
            }
        } catch (...) {
            workers_[w].failure = std::current_exception();
            // No chunk is left for the others.
            next_.store(chunks_.size());
        }
    }

    // Runs jobs of one input, in the order given.
    void run_jobs(Machine &m, const std::vector<size_t> &order, size_t w) {
        std::vector<size_t> &num_common = workers_[w].num_common;
        num_common.clear();
        num_common.push_back(0);
        for (size_t k = 1; k < order.size(); ++k) {
            num_common.push_back(
                num_common_lines(*jobs_[order[k - 1]].program, *jobs_[order[k]].program));
        }
        num_common.push_back(0);
        const Job &first = jobs_[order[0]];
        int64_t num_units = workers_[w].num_units;
        for (size_t i = 0; i < first.num_inputs; ++i) {
            SharedRuns runs(m, inputs_[first.first_input + i]);
            for (size_t k = 0; k < order.size(); ++k) {
                const Program &program = *jobs_[order[k]].program;
                RunResult result = runs.run(program, num_common[k], num_common[k + 1]);
                const int64_t fuel = m.fuel_used();
                num_units += fuel + kUnitsOfRun;
                if (num_units >= Machine::kBlock) [[unlikely]] {
                    num_units = 0;
                    if (interrupt_.ask()) return;
                }
                keep(result, fuel, first_run_[order[k]] + i, &workers_[w].cells);
            }
        }
        workers_[w].num_units = num_units;
        if (worker_of_job_.empty()) return;
        for (size_t k : order) worker_of_job_[k] = static_cast<uint32_t>(w);
    }

    void keep(const RunResult &result, int64_t fuel, size_t at, GrowingBytes *cells) {
        uint8_t height = 0;
        uint8_t width = 0;
        out_->cells_begin[at] = cells->size();
        if (result.outcome == Outcome::ok) {
            uint8_t *to = cells->room(kMaxCells + kSpareCells);
            if (!write_result(result.value, to, &height, &width)) height = width = 0;
            cells->extend(size_t{height} * width);
        }
        out_->outcomes[at] = static_cast<uint8_t>(result.outcome);
        out_->fuel[at] = fuel;
        out_->heights[at] = height;
        out_->widths[at] = width;
    }

    // Joins the workers' cells, one worker's after the other's.
    void gather() {
        std::vector<size_t> begins;
        out_->cells = std::move(workers_[0].cells);
        begins.push_back(0);
        for (size_t w = 1; w < workers_.size(); ++w) {
            const GrowingBytes &cells = workers_[w].cells;
            begins.push_back(out_->cells.size());
            std::copy(cells.data(), cells.data() + cells.size(), out_->cells.room(cells.size()));
            out_->cells.extend(cells.size());
        }
        for (size_t k = 0; k < jobs_.size() && workers_.size() > 1; ++k) {
            for (size_t i = 0; i < jobs_[k].num_inputs; ++i) {
                out_->cells_begin[first_run_[k] + i] += begins[worker_of_job_[k]];
            }
        }
    }

    const std::vector<Job> &jobs_;
    const std::vector<InputGrid> &inputs_;
    Limits limits_;
    bool is_sharing_;
    Interrupt interrupt_;
    BatchResults *out_;
    std::vector<size_t> chunks_; // the first job of each, and the end of the last one
    std::vector<Worker> workers_;
    std::vector<size_t> first_run_;
    std::vector<uint32_t> worker_of_job_; // where there are several
    std::atomic<size_t> next_{0};
    std::mutex mutex_;
    std::condition_variable is_done_;
    size_t num_done_ = 0; // of the other threads
};

// Appends the text of a value, empty when it has more than `max_values` parts or is unbound; false
// when there is no memory left to lay its sets out.
bool print(Machine &m, const Value &v, int64_t max_values, std::vector<std::string> *texts,
           Functions functions = Functions::unnamed) {
    std::string &text = texts->emplace_back();
    if (v.kind == Kind::unbound) return true;
    m.refuel(max_values * kFuelPerPrintedValue);
    int64_t values_left = max_values;
    Value settled = v;
    Outcome outcome = m.settle(&settled);
    if (outcome == Outcome::ok) outcome = print_value(m, settled, &values_left, &text, functions);
    if (outcome != Outcome::ok) text.clear();
    return outcome != Outcome::out_of_memory;
}

bool print(Machine &m, const RunResult &result, bool all_lines, int64_t max_values,
           Interrupt *interrupt, std::vector<std::string> *texts, Functions functions) {
    if (!all_lines) {
        return result.outcome != Outcome::ok ||
               print(m, result.value, max_values, texts, functions);
    }
    bool has_memory = true;
    for (size_t k = 0; k < result.line && result.lines != nullptr && !interrupt->ask(); ++k) {
        has_memory = print(m, result.lines[k], max_values, texts, functions) && has_memory;
    }
    return has_memory;
}

// Runs and prints; once more with larger memory when printing lacked some that the run had used up.
template <typename Run>
PrintedRun print_run(const Limits &limits, bool all_lines, int64_t max_values, Interrupt::Poll poll,
                     const Trial &trial, Run run, Functions functions = Functions::unnamed) {
    Interrupt interrupt(poll);
    Limits larger = limits;
    larger.max_bytes *= kMemoryToPrint;
    for (const Limits &tried : {limits, larger}) {
        MachineLease lease(tried, &interrupt, trial.is_plain);
        Machine &m = lease.machine();
        m.arena().fail_after(trial.fail_after);
        RunResult result = run(m);
        m.arena().fail_after(0);
        PrintedRun out = {result.outcome, result.line, m.fuel_used(), {}};
        bool is_printed =
            print(m, result, all_lines, max_values, &interrupt, &out.texts, functions);
        if (interrupt.is_set()) throw Interrupted();
        if (is_printed || result.outcome == Outcome::out_of_memory) return out;
    }
    throw std::bad_alloc();
}

} // namespace

void run_batch(const std::vector<Job> &jobs, const std::vector<InputGrid> &inputs,
               const Limits &limits, unsigned num_threads, bool is_sharing, Interrupt::Poll poll,
               BatchResults *out) {
    Batch(jobs, inputs, limits, num_threads, is_sharing, poll, out).run();
}

PrintedRun run_and_print(const Program &program, const InputGrid &input, const Limits &limits,
                         bool all_lines, int64_t max_values, Interrupt::Poll poll,
                         const Trial &trial) {
    return print_run(limits, all_lines, max_values, poll, trial,
                     [&](Machine &m) { return run(m, program, input); });
}

ExplainedRun explain(const Program &program, const InputGrid &input, const Limits &limits,
                     int64_t max_values, Interrupt::Poll poll) {
    ExplainedRun out;
    out.run = print_run(
        limits, true, max_values, poll, {},
        [&](Machine &m) { return run_by_lines(m, program, input, &out.fuel_left); },
        Functions::named);
    if (out.run.outcome == Outcome::ok) return out;
    Interrupt interrupt(poll);
    MachineLease lease(limits, &interrupt, true);
    Machine &m = lease.machine();
    m.note_failures();
    RunResult plain = run(m, program, input);
    const FailedCall &failed = m.failed_call();
    if (interrupt.is_set()) throw Interrupted();
    const bool is_same = plain.outcome == out.run.outcome && plain.line == out.run.line;
    if (!is_same || failed.function.kind == Kind::unbound) return out;
    print(m, failed.function, max_values, &out.failed_call, Functions::named);
    for (unsigned k = 0; k < failed.count; ++k) {
        print(m, failed.args[k], max_values, &out.failed_call, Functions::named);
    }
    return out;
}

PrintedRun call_and_print(const Language &language, Dialect dialect, Opcode opcode,
                          std::span<const int64_t> arguments, size_t num_arguments,
                          const Limits &limits, int64_t max_values, Interrupt::Poll poll) {
    return print_run(limits, false, max_values, poll, {}, [&](Machine &m) {
        return call_primitive(m, language, dialect, opcode, arguments, num_arguments);
    });
}

} // namespace codeit
