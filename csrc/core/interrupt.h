// How a call that takes long learns that nobody waits for it any more.
//
// A batch may run for minutes without holding Python's lock, and signals of a terminal only set a
// flag until somebody holds it again. So the thread that has called asks for signals now and then,
// and tells the others by a flag of its own, which all of them look at with every block of fuel
// (Machine::begin_block). The flag carries no data, so that relaxed order suffices.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

namespace codeit {

// Thrown by a call that was interrupted, which leaves nothing half done behind.
struct Interrupted : std::exception {
    const char *what() const noexcept override { return "interrupted"; }
};

// Made by the thread that begins the work and asked by all that do it, every few milliseconds. Only
// the first one asks `poll`, whether a signal wants the work to end: it is the one that answers.
class Interrupt {
  public:
    using Poll = bool (*)();

    explicit Interrupt(Poll poll) : poll_(poll), owner_(std::this_thread::get_id()) {}
    Interrupt(const Interrupt &) = delete;
    Interrupt &operator=(const Interrupt &) = delete;

    bool is_set() const { return is_set_.load(std::memory_order_relaxed); }
    void set() { is_set_.store(true, std::memory_order_relaxed); }

    // Whether the work is to end.
    bool ask() {
        if (is_set() || poll_ == nullptr || std::this_thread::get_id() != owner_) return is_set();
        const auto now = std::chrono::steady_clock::now();
        if (now < next_poll_) return false;
        if (poll_()) set();
        next_poll_ = now + kInterval;
        return is_set();
    }

    // Signals are looked at so often: it takes Python's lock, which another thread may hold.
    static constexpr std::chrono::milliseconds kInterval{50};

  private:
    Poll poll_;
    std::thread::id owner_;
    std::chrono::steady_clock::time_point next_poll_ = {};
    std::atomic<bool> is_set_{false};
};

} // namespace codeit
