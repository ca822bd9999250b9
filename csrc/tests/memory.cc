// The arena, the log of changes, and what a machine does with them: fuel in blocks, attempts,
// checkpoints, levels, interrupts.
#include "core/interrupt.h"
#include "core/machine.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

using namespace codeit;

namespace {

constexpr Limits kLimits = {int64_t{1} << 40, uint64_t{1} << 24, 20, 0};

Machine &started(Machine &m) {
    m.reset(standard_names(), Dialect::codeit);
    return m;
}

int num_polls = 0;
bool polled_no() {
    ++num_polls;
    return false;
}
bool polled_yes() {
    ++num_polls;
    return true;
}

READS_BEYOND uint64_t sum_of_bytes_at(const char *at, size_t count) {
    uint64_t sum = 0;
    for (size_t k = 0; k < count; ++k) sum += static_cast<unsigned char>(at[k]);
    return sum;
}

} // namespace

TEST_CASE("values and scratch fill an arena from both ends and never overlap") {
    Arena arena(10'000);
    REQUIRE(arena.is_reserved());
    struct Piece {
        char *at;
        size_t bytes;
    };
    std::vector<Piece> pieces;
    size_t bytes = 1;
    for (bool is_scratch = false;; is_scratch = !is_scratch, bytes = bytes * 3 % 97 + 1) {
        void *at = is_scratch ? arena.allocate_scratch(bytes) : arena.allocate(bytes);
        if (at == nullptr) break;
        std::memset(at, static_cast<int>(pieces.size()), bytes);
        pieces.push_back({static_cast<char *>(at), bytes});
    }
    CHECK(pieces.size() > 40);
    for (size_t k = 0; k < pieces.size(); ++k) {
        CHECK(reinterpret_cast<uintptr_t>(pieces[k].at) % Arena::kAlignment == 0);
        CHECK(pieces[k].at >= arena.begin());
        CHECK(pieces[k].at + pieces[k].bytes <= arena.begin() + arena.max_bytes());
        for (size_t b = 0; b < pieces[k].bytes; ++b) {
            REQUIRE(pieces[k].at[b] == static_cast<char>(k));
        }
    }
}

TEST_CASE("an allocation that does not fit leaves an arena as it was") {
    Arena arena(4096);
    REQUIRE(arena.allocate(100) != nullptr);
    char *const mark = arena.mark();
    char *const scratch_mark = arena.scratch_mark();
    for (size_t bytes : {size_t{4096}, SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 47, SIZE_MAX / 2}) {
        CHECK(arena.allocate(bytes) == nullptr);
        CHECK(arena.allocate_scratch(bytes) == nullptr);
    }
    CHECK(arena.mark() == mark);
    CHECK(arena.scratch_mark() == scratch_mark);
    CHECK(arena.allocate(100) != nullptr);
}

#ifndef CODEIT_POISONS_MEMORY // which has gaps
TEST_CASE("every byte of an arena can be allocated, and not one more") {
    Arena arena(4096 + 15); // of which the last are no whole unit
    CHECK(arena.max_bytes() == 4096);
    CHECK(arena.allocate(4080) != nullptr);
    CHECK(arena.allocate(17) == nullptr);
    CHECK(arena.allocate_scratch(16) != nullptr);
    CHECK(arena.allocate(1) == nullptr);
    CHECK(arena.allocate_scratch(1) == nullptr);
    CHECK(arena.allocate(0) != nullptr);
}
#endif

TEST_CASE("what lies behind the last byte of an arena may be read") {
    Arena arena(1 << 16);
    auto *last = static_cast<char *>(arena.allocate_scratch(16)); // at its very end
    std::memset(last, 0, 16);
    CHECK(sum_of_bytes_at(last, 16 + Arena::kReadableBeyond) == 0);
}

TEST_CASE("an arena that the system cannot reserve says so") {
    CHECK_FALSE(Arena(SIZE_MAX).is_reserved());
    CHECK_FALSE(Arena(SIZE_MAX / 2).is_reserved());
}

TEST_CASE("after a reset pages far from the ends are new, and those near them are kept") {
    constexpr size_t kSize = size_t{80} << 20;
    Arena arena(2 * kSize);
    auto *values = static_cast<char *>(arena.allocate(kSize));
    auto *scratch = static_cast<char *>(arena.allocate_scratch(kSize / 2));
    constexpr size_t kPages = 8192; // the first one is shared with what is not scratch
    values[0] = values[kSize - 1] = scratch[kPages] = 1;
    arena.reset();
    CHECK(arena.allocate(kSize) == values);
    CHECK(arena.allocate_scratch(kSize / 2) == scratch);
    CHECK(values[0] == 1);
    CHECK(values[kSize - 1] == 0);
    CHECK(scratch[kPages] == 0);
}

TEST_CASE("from the k-th allocation on all fail, and do so again after a reset") {
    Arena arena(4096);
    arena.fail_after(3);
    for (int round = 0; round < 2; ++round) {
        CHECK(arena.allocate(1) != nullptr);
        CHECK(arena.allocate_scratch(1) != nullptr);
        for (int k = 0; k < 3; ++k) CHECK(arena.allocate(1) == nullptr);
        CHECK(arena.allocate_scratch(1) == nullptr);
        arena.reset();
    }
    arena.fail_after(0);
    for (int k = 0; k < 9; ++k) CHECK(arena.allocate(1) != nullptr);
}

TEST_CASE("a log undoes changes from the newest to the oldest, as far as it is asked") {
    ChangeLog log;
    int a = 1;
    int64_t b = 10;
    log.record(&a, sizeof a);
    a = 2;
    const size_t between = log.size();
    log.record(&b, sizeof b);
    b = 20;
    log.record(&a, sizeof a);
    a = 3;
    log.undo(between);
    CHECK(a == 2);
    CHECK(b == 10);
    log.undo(0);
    CHECK(a == 1);
    CHECK(log.size() == 0);
}

TEST_CASE("a log that is full is lost until it is cleared, and changes nothing") {
    ChangeLog log;
    std::vector<char> large(ChangeLog::kCapacity / 2, 'a');
    log.record(large.data(), large.size());
    CHECK_FALSE(log.is_lost());
    log.record(large.data(), large.size()); // no room for what says where it was
    CHECK(log.is_lost());
    const size_t size = log.size();
    char small = 'b';
    log.record(&small, 1);
    CHECK(log.size() == size);
    log.clear();
    CHECK_FALSE(log.is_lost());
    log.record(&small, 1);
    small = 'c';
    log.undo(0);
    CHECK(small == 'b');
}

TEST_CASE("fuel ends exactly where it is spent, within a block and at its ends") {
    for (int64_t fuel : {int64_t{0}, int64_t{1}, Machine::kBlock - 1, Machine::kBlock,
                         Machine::kBlock + 1, 3 * Machine::kBlock + 5, INT64_MAX}) {
        Limits limits = kLimits;
        limits.fuel = fuel;
        Machine m(limits);
        started(m);
        const int64_t most = fuel / 2;
        CHECK(m.charge(static_cast<uint64_t>(most)) == Outcome::ok);
        CHECK(m.charge(static_cast<uint64_t>(fuel - most)) == Outcome::ok);
        CHECK(m.fuel_left() == 0);
        CHECK(m.fuel_used() == fuel);
        CHECK(m.charge(0) == Outcome::ok);
        CHECK(m.charge(1) == Outcome::out_of_fuel);
        CHECK(m.fuel_used() == fuel);
        CHECK(m.charge(0) == Outcome::out_of_fuel); // stays spent
    }
}

TEST_CASE("charges beyond every number of fuel never come round to some") {
    Machine m(kLimits);
    started(m);
    for (int k = 0; k < 5; ++k) {
        CHECK(m.charge(UINT64_MAX) == Outcome::out_of_fuel);
        CHECK(m.charge(static_cast<uint64_t>(INT64_MAX)) == Outcome::out_of_fuel);
    }
    CHECK(m.fuel_used() == kLimits.fuel);
}

TEST_CASE("an attempt has fuel of its own, and leaves neither its costs nor its memory") {
    Machine m(kLimits);
    started(m);
    REQUIRE(m.charge(7) == Outcome::ok);
    const int64_t before = m.fuel_left();
    char *const mark = m.arena().mark();
    const Machine::Attempt attempt = m.begin_attempt(100);
    int64_t *room = nullptr;
    REQUIRE(m.allocate(10, &room) == Outcome::ok);
    CHECK(m.fuel_left() < 100);
    CHECK(m.charge(100) == Outcome::out_of_fuel);
    m.give_up(attempt);
    CHECK(m.fuel_left() == before);
    CHECK(m.arena().mark() == mark);
}

TEST_CASE("an allocation of too many objects, or that cannot be paid for, gives nothing") {
    Limits limits = kLimits;
    limits.fuel = 10;
    Machine m(limits);
    started(m);
    int64_t *room = nullptr;
    CHECK(m.allocate(Machine::kMaxCount + 1, &room) == Outcome::out_of_memory);
    CHECK(m.allocate_scratch(SIZE_MAX / 8 + 2, &room) == Outcome::out_of_memory);
    CHECK(m.allocate_groups(Machine::kMaxCount, 2, &room) == Outcome::out_of_memory);
    CHECK(m.allocate(kLimits.max_bytes / 8 + 1, &room) == Outcome::out_of_memory);
    CHECK(m.allocate(1000, &room) == Outcome::out_of_fuel);
    CHECK(room == nullptr);
}

TEST_CASE("a machine goes back to a checkpoint as often as it is asked") {
    Machine m(kLimits);
    started(m);
    int64_t *old = nullptr;
    REQUIRE(m.allocate(2, &old) == Outcome::ok);
    old[0] = 1;
    old[1] = 2;
    const Machine::Checkpoint checkpoint = m.checkpoint();
    for (int round = 0; round < 3; ++round) {
        m.before_change(&old[0]);
        old[0] = 100 + round;
        m.before_change(&old[0]);
        old[0] = 200;
        int64_t *young = nullptr;
        REQUIRE(m.allocate(1, &young) == Outcome::ok);
        m.before_change(young); // nobody can see it after the return
        *young = 5;
        CHECK(m.next_closure_serial() == 0);
        REQUIRE(m.enter() == Outcome::ok);
        REQUIRE(m.return_to(checkpoint));
        CHECK(old[0] == 1);
        CHECK(old[1] == 2);
        CHECK(m.arena().mark() == checkpoint.mark);
        CHECK(m.fuel_left() == checkpoint.fuel);
        CHECK(m.is_at_rest(m.arena().scratch_mark()));
    }
}

TEST_CASE("a machine does not go back where a change was too large to be kept") {
    Machine m(kLimits);
    started(m);
    struct Large {
        char bytes[ChangeLog::kCapacity];
    } *large = nullptr;
    REQUIRE(m.allocate(1, &large) == Outcome::ok);
    std::memset(large, 0, sizeof *large);
    const Machine::Checkpoint checkpoint = m.checkpoint();
    m.before_change(large);
    CHECK_FALSE(m.return_to(checkpoint));
    started(m);
    CHECK(m.return_to(m.checkpoint()));
}

TEST_CASE("levels are counted up to the limit, and a scope leaves only what it entered") {
    Limits limits = kLimits;
    limits.max_depth = 2;
    Machine m(limits);
    started(m);
    const char *const scratch = m.arena().scratch_mark();
    {
        DepthScope first(m);
        DepthScope second(m);
        CHECK(second.outcome() == Outcome::ok);
        {
            DepthScope third(m);
            CHECK(third.outcome() == Outcome::recursion);
        }
        DepthScope again(m);
        CHECK(again.outcome() == Outcome::recursion);
        CHECK_FALSE(m.is_at_rest(scratch));
    }
    CHECK(m.is_at_rest(scratch));
    CHECK(DepthScope(m).outcome() == Outcome::ok);
}

TEST_CASE("scratch memory is released with its scope, also when scopes are nested") {
    Machine m(kLimits);
    started(m);
    char *const mark = m.arena().scratch_mark();
    {
        ScratchScope outer(m);
        int *a = nullptr;
        REQUIRE(m.allocate_scratch(10, &a) == Outcome::ok);
        char *const inner_mark = m.arena().scratch_mark();
        {
            ScratchScope inner(m);
            REQUIRE(m.allocate_scratch(1000, &a) == Outcome::ok);
        }
        CHECK(m.arena().scratch_mark() == inner_mark);
    }
    CHECK(m.arena().scratch_mark() == mark);
}

TEST_CASE("an interrupt is asked with every block of fuel, and a run of one block never") {
    num_polls = 0;
    Interrupt interrupt(polled_yes);
    Machine m(kLimits);
    m.set_limits(kLimits, &interrupt);
    started(m);
    for (int k = 0; k < 4; ++k) {
        CHECK(m.charge(static_cast<uint64_t>(Machine::kBlock / 4)) == Outcome::ok);
    }
    CHECK(num_polls == 0);
    CHECK(m.charge(1) == Outcome::out_of_fuel);
    CHECK(num_polls == 1);
    CHECK(interrupt.is_set());
    CHECK(m.charge(0) == Outcome::out_of_fuel);
}

TEST_CASE("what ends the work elsewhere ends a machine that polls nobody") {
    Interrupt interrupt(nullptr);
    Machine m(kLimits);
    m.set_limits(kLimits, &interrupt);
    started(m);
    CHECK(m.charge(static_cast<uint64_t>(2 * Machine::kBlock)) == Outcome::ok);
    interrupt.set();
    CHECK(m.charge(static_cast<uint64_t>(2 * Machine::kBlock)) == Outcome::out_of_fuel);
}

TEST_CASE("only the thread that made an interrupt polls, and all see what it was told") {
    num_polls = 0;
    Interrupt interrupt(polled_yes);
    bool was_set = true;
    std::thread([&] { was_set = interrupt.ask(); }).join();
    CHECK_FALSE(was_set);
    CHECK(num_polls == 0);
    CHECK(interrupt.ask());
    CHECK(num_polls == 1);
    std::thread([&] { was_set = interrupt.ask(); }).join();
    CHECK(was_set);
    CHECK(interrupt.ask());
    CHECK(num_polls == 1); // nothing is left to be asked
}

TEST_CASE("an interrupt polls once in an interval, however often it is asked") {
    num_polls = 0;
    Interrupt interrupt(polled_no);
    const auto begin = std::chrono::steady_clock::now();
    for (int k = 0; k < 1000; ++k) REQUIRE_FALSE(interrupt.ask());
    const auto passed = std::chrono::steady_clock::now() - begin;
    CHECK(num_polls >= 1);
    CHECK(num_polls <= 1 + passed / Interrupt::kInterval);
}
