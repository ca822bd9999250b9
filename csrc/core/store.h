// Values that outlive the run that made them: copies outside of the machine's arena.
//
// A run leaves its result among all that it was made from: a patch of 40 cells comes with the
// grids, lists and tables of its making. keep() copies the result alone, into memory that only
// grows, and the machine forgets the rest. What the result shares with values that are kept already
// (a filter's objects are those of its source) is not copied again.
//
// A kept value behaves in calls as the one that it is a copy of, the order of its sets included: a
// set is laid out before it is copied, and comes with its table. What calls fill in in kept values
// lies in the machine's arena, and Machine::end_call takes it out again.
#pragma once

#include "core/grid.h"
#include "core/set.h"

namespace codeit {

class Store {
  public:
    // Reserves address space; pages are used as they are touched.
    explicit Store(size_t max_bytes) : memory_(max_bytes) {}

    bool is_reserved() const { return memory_.is_reserved(); }
    const char *begin() const { return memory_.begin(); }
    size_t num_bytes() const { return static_cast<size_t>(memory_.mark() - memory_.begin()); }
    uint32_t num_closures() const { return num_closures_; }

    // A copy of a value that is settled. Fails when the store is full (out_of_memory), when the
    // machine's fuel or memory ends while sets are laid out, and where values are nested too deep;
    // what was copied until then is garbage, for release().
    Outcome keep(Machine &m, const Value &v, Value *out);

    // Room for what belongs to kept values; nullptr when the store is full.
    template <typename T>
    T *allocate(size_t count) {
        return static_cast<T *>(memory_.allocate(count * sizeof(T)));
    }

    // Where the next copy goes; to give back all that was kept since.
    char *mark() const { return memory_.mark(); }
    void release(char *mark) { memory_.release(mark); }
    void clear() {
        memory_.reset();
        num_closures_ = 0;
    }

  private:
    bool holds(const void *object) const {
        const auto *at = static_cast<const char *>(object);
        return at >= memory_.begin() && at < memory_.mark();
    }
    template <typename T>
    Outcome copy(const T *from, size_t count, const T **out);

    Outcome keep_grid(const Grid &grid, Value *out);
    Outcome keep_tuple(Machine &m, const Value &v, Value *out);
    Outcome keep_set(Machine &m, Set *set, Value *out);
    Outcome keep_patch(Machine &m, Set *set, Set *kept);
    Outcome keep_elements(Machine &m, Set *set, Set *kept);
    Outcome keep_closure(Machine &m, const Closure &closure, Value *out);

    Arena memory_;
    uint32_t num_closures_ = 0;
};

} // namespace codeit
