// What a primitive may use while a program runs: memory, fuel, depth, and calls of function values.
//
// A machine runs one program at a time on one thread; a pool of them is used for millions of runs,
// so that reset() costs nanoseconds. All that it limits is counted and nothing is timed
// (language.md 2.2): a run ends the same everywhere, whatever else the computer does.
//
// - Fuel is charged before the work that it stands for. It lies in blocks: charge() subtracts from
//   the current one and looks at the sign; begin_block() is called when the block is spent, and
//   asks the Interrupt, if there is one.
// - Memory comes from the arena and is charged for.
// - Depth counts calls as CPython counts frames (language.md 2.4); nesting counts what hashing and
//   printing descend into, so that the native stack is bounded, too.
//
// Whatever can fail returns an Outcome, and TRY hands it on. There is nothing to clean up on the
// way: the arena is reset before the next run. Machines know the bodies of primitives only as the
// language's table of function pointers, by opcode.
#pragma once

#include "core/arena.h"
#include "core/change_log.h"
#include "core/outcome.h"
#include "core/value.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace codeit {

class Interrupt; // core/interrupt.h, whose headers would take a third of the time of those here

// Python's codeit.Limits documents the defaults and how they were chosen.
struct Limits {
    int64_t fuel;       // units of work; see Machine::charge
    uint64_t max_bytes; // memory of one run
    uint32_t max_depth; // nested calls, counted as CPython counts its frames
    uint32_t max_len;   // 0: none; else a value of this length or more is not bound to its name
    uint64_t kept_bytes = Arena::kUsuallyKept; // memory between runs; changes no result
};

// What limits from outside may be. Sums of fuel stay below 2^63; the depth fits a stack of 8 MB in
// every build, the sanitized ones included.
inline constexpr int64_t kMaxFuel = int64_t{1} << 62;
inline constexpr uint64_t kLeastBytes = uint64_t{1} << 12;
inline constexpr uint64_t kMostBytes = uint64_t{32} << 30;
inline constexpr uint32_t kMostDepth = 4'000;
inline constexpr int64_t kMostPrintedValues = int64_t{1} << 40; // each has fuel of its own

constexpr bool are_limits(const Limits &limits) {
    return limits.fuel >= 0 && limits.fuel <= kMaxFuel && limits.max_bytes >= kLeastBytes &&
           limits.max_bytes <= kMostBytes && limits.max_depth >= 1 &&
           limits.max_depth <= kMostDepth && limits.kept_bytes <= kMostBytes;
}

// Iteration orders that are worth keeping from run to run, as they depend on nothing but a shape:
// those in which `objects` goes over the places of a grid. They are no memory of a run; all 900
// shapes take 0.9 MB a machine.
class OrderCache {
  public:
    static constexpr int64_t kMaxSide = 30;

    // For each place of a grid, row by row, when its turn is in the iteration order of the index
    // set, times 65536, plus i * width + j; nullptr where that has not been kept.
    const uint32_t *find(int64_t height, int64_t width) const {
        return is_kept(height, width) ? turns_[index_of(height, width)].get() : nullptr;
    }
    static bool is_kept(int64_t height, int64_t width) {
        return height <= kMaxSide && width <= kMaxSide;
    }
    // Room for an order that is_kept; nullptr when there is no memory.
    uint32_t *make(int64_t height, int64_t width) {
        auto &turns = turns_[index_of(height, width)];
        turns.reset(new (std::nothrow) uint32_t[static_cast<size_t>(height * width)]);
        return turns.get();
    }

  private:
    static size_t index_of(int64_t height, int64_t width) {
        return static_cast<size_t>((height - 1) * kMaxSide + (width - 1));
    }

    std::unique_ptr<uint32_t[]> turns_[kMaxSide * kMaxSide];
};

// Fuel for work that takes longer than to look at a cell; measured where tables are larger than the
// caches.
namespace units {

inline constexpr uint64_t kCall = 4;     // of a function, or a line of a program
inline constexpr uint64_t kNested = 6;   // comparing, hashing or unpacking a value of values
inline constexpr uint64_t kFetched = 32; // reading what lies far away
inline constexpr uint64_t kFound = 16;   // looking an element up
inline constexpr uint64_t kAdded = 40;   // adding an element to a table, which grows
inline constexpr uint64_t kPlaced = 12;  // placing one that is known to be new
inline constexpr uint64_t kCode = 6;     // the same in a table of 16 bits a slot
inline constexpr uint64_t kCompared = 5; // of a sort

} // namespace units

// A call that failed: of a primitive, or of a value that is no function of so many arguments.
struct FailedCall {
    Value function; // unbound where there is none
    Value args[kMaxArity];
    unsigned count = 0; // of those in args, the first of what the call had
};

class Machine {
  public:
    explicit Machine(const Limits &limits) : limits_(limits), arena_(limits.max_bytes) {
        arena_.keep(limits.kept_bytes);
        refuel(limits.fuel);
    }

    // Starts a run of a program of a language, which has bodies and outlives the run, with full
    // limits and empty memory.
    void reset(const Language &language, Dialect dialect) {
        language_ = &language;
        routines_ = language.routines();
        arena_.reset();
        refuel(limits_.fuel);
        depth_ = 0;
        nesting_ = 0;
        num_closures_ = 0;
        has_joined_ = false;
        is_watched_ = notes_failures_;
        dialect_ = dialect;
        changes_.clear();
        kept_ = arena_.begin();
        num_kept_bytes_ = 0;
    }

    // Starts calls on values that lie outside of the arena, in a region that begins at `kept` and
    // grows (core/store.h): what they are asked for is filled in until end_call().
    void begin_calls(const Language &language, Dialect dialect, const char *kept) {
        reset(language, dialect);
        kept_ = kept;
    }

    // Ends a call or a few: forgets what they have made, and what they have filled in in values
    // outside of the arena, of which the region holds `num_kept_bytes` when the next call begins.
    // False when too much has changed to be undone: those values are not to be used any more.
    bool end_call(size_t num_kept_bytes, uint32_t num_kept_closures) {
        if (changes_.is_lost()) return false;
        changes_.undo(0);
        arena_.reset();
        depth_ = 0;
        nesting_ = 0;
        has_joined_ = false;
        is_watched_ = notes_failures_;
        num_closures_ = num_kept_closures;
        num_kept_bytes_ = num_kept_bytes;
        return true;
    }

    // A state between two lines, to go back to.
    struct Checkpoint {
        char *mark;
        int64_t fuel;
        uint32_t num_closures;
        bool has_joined;
        size_t num_changes;
        uint64_t digest; // of the memory below the mark; debug builds only
    };
    Checkpoint checkpoint();

    // Makes everything as it was at the checkpoint, which stays one. False when that is impossible:
    // too much has changed since.
    bool return_to(const Checkpoint &checkpoint);

    // To be called before a field of a value that may be older than the line is written: values
    // fill in what they are asked for, such as the order of a set. Objects that are no part of the
    // arena, such as a set under construction on the stack, lie beyond any number of kept bytes:
    // the difference is unsigned.
    template <typename T>
    void before_change(T *object) {
        auto at = reinterpret_cast<uintptr_t>(object) - reinterpret_cast<uintptr_t>(kept_);
        if (at < num_kept_bytes_) [[unlikely]]
            changes_.record(object, sizeof(T));
    }

    // For the next run; the size of the memory stays. A plain run takes the general path
    // everywhere, and holds no set as bits: what is fast is compared with it. `interrupt` is asked
    // with every block of fuel; what it ends is out of fuel, and not to be looked at.
    void set_limits(const Limits &limits, Interrupt *interrupt = nullptr, bool is_plain = false) {
        limits_ = limits;
        arena_.keep(limits.kept_bytes);
        interrupt_ = interrupt;
        is_plain_ = is_plain;
        notes_failures_ = false;
    }
    // From the next run on, until limits are set again: with a plain run, failed_call() is the
    // innermost one that the failure of the last line began with.
    void note_failures() {
        notes_failures_ = true;
        failed_.function = Value();
    }
    const FailedCall &failed_call() const { return failed_; }
    bool is_plain() const { return is_plain_; }
    // Whether the work is to end: for work between calls.
    bool is_interrupted() const;

    const Language &language() const { return *language_; }
    const Routine &routine(Opcode opcode) const { return routines_[static_cast<size_t>(opcode)]; }
    Dialect dialect() const { return dialect_; }
    const Limits &limits() const { return limits_; }
    Arena &arena() { return arena_; }
    OrderCache &orders() { return orders_; }
    // Whether all levels have been left, and all scratch memory above the mark released.
    bool is_at_rest(const char *scratch_mark) const {
        return depth_ == 0 && nesting_ == 0 && arena_.scratch_mark() == scratch_mark;
    }
    int64_t fuel_used() const { return limits_.fuel - (fuel_left() < 0 ? 0 : fuel_left()); }

    // Pays for work before it is done. One unit takes two nanoseconds at worst: a cell, or one
    // of a row of values. What takes longer is charged by more, as in `units` below.
    Outcome charge(uint64_t units) {
        if (units > static_cast<uint64_t>(INT64_MAX)) units = INT64_MAX;
        fuel_ -= static_cast<int64_t>(units);
        if (fuel_ < 0) [[unlikely]]
            return begin_block();
        return Outcome::ok;
    }

    // Work that may lead to nothing, and then counts as not done: what it allocated must be out of
    // reach. It has fuel of its own, so that whether it succeeds does not depend on what is left;
    // who uses what came of it pays.
    struct Attempt {
        int64_t fuel;
        char *mark;
    };
    Attempt begin_attempt(int64_t fuel) {
        Attempt attempt = {fuel_left(), arena_.mark()};
        refuel(fuel);
        return attempt;
    }
    void end_attempt(const Attempt &attempt) { refuel(attempt.fuel); }
    void give_up(const Attempt &attempt) {
        end_attempt(attempt);
        arena_.release(attempt.mark);
    }
    int64_t fuel_left() const { return fuel_ + reserve_; }

    // Also for work on the result of a run that is not the run's own, such as printing it.
    void refuel(int64_t fuel) {
        fuel_ = fuel < kBlock ? fuel : kBlock;
        reserve_ = fuel - fuel_;
    }

    // Fuel that takes a few milliseconds. Runs of no more are asked nothing on the way.
    static constexpr int64_t kBlock = 1 << 22;

    // So many objects are allocated at once at most: lengths and counts of a value have 32 bits.
    static constexpr size_t kMaxCount = INT32_MAX;

    // Uninitialised room for `count` objects that live until the run ends. Memory is charged for,
    // as the system clears it and the processor waits for it. *out is set once all is paid for: a
    // field of a value must not point at memory that nobody will write.
    template <typename T>
    Outcome allocate(size_t count, T **out) {
        if (count > kMaxCount) return Outcome::out_of_memory;
        return pay_for(arena_.allocate(count * sizeof(T)), count, out);
    }

    // The same for `num_groups` of `count` objects each, paid for like as many allocations.
    template <typename T>
    Outcome allocate_groups(size_t num_groups, size_t count, T **out) {
        if (num_groups > kMaxCount / count) return Outcome::out_of_memory;
        void *room = arena_.allocate(num_groups * count * sizeof(T));
        if (room == nullptr) return Outcome::out_of_memory;
        *out = static_cast<T *>(room);
        return charge(num_groups * (count * sizeof(T) / kBytesOfUnit));
    }

    // The same, living until the ScratchScope around it ends.
    template <typename T>
    Outcome allocate_scratch(size_t count, T **out) {
        if (count > kMaxCount) return Outcome::out_of_memory;
        return pay_for(arena_.allocate_scratch(count * sizeof(T)), count, out);
    }

    // A value that is settled once something else than painting asks for its items.
    Outcome join(const Value *sets, size_t num_sets, size_t size, Value *out);

    // Makes a joined value the tuple that it stands for; leaves any other as it is.
    Outcome settle(Value *v) { return v->kind == Kind::joined ? settle_joined(v) : Outcome::ok; }

    // function(args...), with CPython's errors: type_error for a value that is no function and for
    // a wrong number of arguments, recursion beyond the depth limit.
    Outcome call(const Value &function, const Value *args, unsigned count, Value *out) {
        if (function.kind != Kind::function) [[unlikely]]
            return refuse_call(function, args, count);
        if (function.closure != nullptr) return call_closure(*function.closure, args, count, out);
        if (count != routine(function.opcode).arity) [[unlikely]]
            return refuse_call(function, args, count);
        return call(function.opcode, args, out);
    }

    // The same of a primitive with as many arguments as it takes.
    Outcome call(Opcode opcode, const Value *args, Value *out) {
        TRY(charge(units::kCall));
        if (is_watched_) [[unlikely]]
            return call_watched(opcode, args, out);
        if (depth_ >= limits_.max_depth) [[unlikely]]
            return Outcome::recursion;
        ++depth_;
        Outcome outcome = routine(opcode).body(*this, args, out);
        --depth_;
        return outcome;
    }

    // The same with a settled result.
    Outcome call_settled(const Value &function, const Value *args, unsigned count, Value *out) {
        TRY(call(function, args, count, out));
        return settle(out);
    }

    // A call made from inside a generator: one frame deeper, and a stop_iteration that leaves it
    // becomes a runtime_error.
    Outcome call_in_stream(const Value &function, const Value *args, unsigned count, Value *out) {
        TRY(enter());
        Outcome outcome = call_settled(function, args, count, out);
        leave();
        return outcome == Outcome::stop_iteration ? Outcome::runtime_error : outcome;
    }

    // One level of nesting; leave() follows every enter() that succeeded.
    Outcome enter() {
        if (depth_ >= limits_.max_depth) return Outcome::recursion;
        ++depth_;
        return Outcome::ok;
    }
    void leave() { --depth_; }

    // The nesting of values that hashing and printing follow. CPython bounds neither by its
    // recursion limit, but this machine's stack is finite.
    Outcome enter_nesting() {
        if (nesting_ >= limits_.max_depth * 4) return Outcome::recursion;
        ++nesting_;
        return Outcome::ok;
    }
    void leave_nesting() { --nesting_; }

    uint32_t next_closure_serial() { return num_closures_++; }

    // Noted when the hash of a closure is asked for, which stands for its address: an order may
    // come of how many closures were made before it. Whoever runs lines in another order than the
    // program's looks here.
    void note_hashed_closure() { has_hashed_closure_ = true; }
    bool has_hashed_closure() const { return has_hashed_closure_; }
    void forget_hashed_closure() { has_hashed_closure_ = false; }

  private:
    template <typename T>
    Outcome pay_for(void *room, size_t count, T **out) {
        if (room == nullptr) return Outcome::out_of_memory;
        TRY(charge(count * sizeof(T) / kBytesOfUnit));
        *out = static_cast<T *>(room);
        return Outcome::ok;
    }

    static constexpr size_t kBytesOfUnit = 6;

    // Of a charge that the block did not cover.
    [[gnu::cold, gnu::noinline]] Outcome begin_block();

    [[gnu::cold, gnu::noinline]] Outcome refuse_call(const Value &function, const Value *args,
                                                     unsigned count);
    void note_failure(const Value &function, const Value *args, unsigned count);
    Outcome call_closure(const Closure &closure, const Value *args, unsigned count, Value *out);
    Outcome settle_joined(Value *v);
    uint64_t digest_of_kept() const;
    Outcome call_watched(Opcode opcode, const Value *args, Value *out);

    const Routine *routines_ = nullptr; // of the language, by opcode
    const Language *language_ = nullptr;
    Limits limits_;
    Arena arena_;
    OrderCache orders_;
    ChangeLog changes_;
    const char *kept_ = nullptr; // where values that must not change for good begin
    size_t num_kept_bytes_ = 0;  // in a run, those below the mark of the last checkpoint
    Interrupt *interrupt_ = nullptr;
    int64_t fuel_ = 0;    // of the block that is being used; below 0 once all is spent
    int64_t reserve_ = 0; // behind it
    uint32_t depth_ = 0;
    uint32_t nesting_ = 0;
    uint32_t num_closures_ = 0;
    Dialect dialect_ = Dialect::codeit;
    bool is_plain_ = false;
    bool has_joined_ = false; // whether this run has made a joined value
    bool notes_failures_ = false;
    bool is_watched_ = false; // has_joined_ or notes_failures_
    bool has_hashed_closure_ = false;
    FailedCall failed_;
};

// Scratch memory allocated inside the scope is released when it ends.
class ScratchScope {
  public:
    explicit ScratchScope(Machine &m) : arena_(m.arena()), mark_(arena_.scratch_mark()) {}
    ~ScratchScope() { arena_.release_scratch(mark_); }
    ScratchScope(const ScratchScope &) = delete;
    ScratchScope &operator=(const ScratchScope &) = delete;

  private:
    Arena &arena_;
    char *mark_;
};

// Holds one level of nesting, if it was given: of calls and comparisons (DepthScope), or of values
// under hashing or printing (NestingScope).
template <Outcome (Machine::*enter)(), void (Machine::*leave)()>
class LevelScope {
  public:
    explicit LevelScope(Machine &m) : m_(m), outcome_((m.*enter)()) {}
    ~LevelScope() {
        if (outcome_ == Outcome::ok) (m_.*leave)();
    }
    LevelScope(const LevelScope &) = delete;
    LevelScope &operator=(const LevelScope &) = delete;
    Outcome outcome() const { return outcome_; }

  private:
    Machine &m_;
    Outcome outcome_;
};

using DepthScope = LevelScope<&Machine::enter, &Machine::leave>;
using NestingScope = LevelScope<&Machine::enter_nesting, &Machine::leave_nesting>;

} // namespace codeit
