// Work in numbered units over threads. Which thread takes which unit is chance: what comes of a
// unit must be a function of its number alone.
#pragma once

#include "core/interrupt.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace codeit {

// Calls make(w) once on each of up to `num_threads` threads, and what it returns with the number of
// each unit that the thread takes. This thread is one of them, and answers signals. Throws what one
// of them throws first by number, and Interrupted when a signal wants the work to end.
template <typename Make>
void run_units(size_t num_units, unsigned num_threads, Interrupt &interrupt, Make make) {
    const size_t num_workers = num_units < num_threads ? num_units : num_threads;
    std::vector<std::exception_ptr> failures(num_workers);
    std::atomic<size_t> next{0};
    std::mutex mutex;
    std::condition_variable is_done;
    size_t num_done = 0; // of the other threads
    auto work = [&](size_t w) {
        try {
            auto run_unit = make(w);
            while (!interrupt.is_set()) {
                const size_t unit = next.fetch_add(1);
                if (unit >= num_units) return;
                run_unit(unit);
            }
        } catch (...) {
            failures[w] = std::current_exception();
            next.store(num_units); // none is left for the others
        }
    };
    if (num_workers != 0) {
        std::vector<std::jthread> threads;
        try {
            for (size_t w = 1; w < num_workers; ++w) {
                threads.emplace_back([&, w] {
                    work(w);
                    const std::lock_guard lock(mutex);
                    ++num_done;
                    is_done.notify_one();
                });
            }
        } catch (...) {
            interrupt.set(); // for those that have started
            throw;
        }
        work(0);
        std::unique_lock lock(mutex);
        auto are_done = [&] { return num_done + 1 == num_workers; };
        while (!is_done.wait_for(lock, Interrupt::kInterval, are_done)) {
            lock.unlock(); // a poll waits for others' locks
            interrupt.ask();
            lock.lock();
        }
    }
    for (const std::exception_ptr &failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
    if (interrupt.is_set()) throw Interrupted();
}

} // namespace codeit
