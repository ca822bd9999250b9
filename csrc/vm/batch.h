// Runs many programs on their inputs over threads; results do not depend on how many threads.
//
// A run is a function of program, input and limits alone: machines are leased and carry nothing
// over, and each result has its place in the columns before the first run begins. So threads take
// chunks of jobs as they come. Within a chunk, programs on the same inputs are sorted by their
// codes, so that each shares what it can with the one before it (docs/design/sharing.md).
#pragma once

#include "core/interrupt.h"
#include "vm/run.h"

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace codeit {

// One program and the inputs that it runs on: `num_inputs` of a list of inputs, from `first_input`
// on.
struct Job {
    const Program *program;
    size_t first_input;
    size_t num_inputs;
};

// Items that are written before they are read: new ones are not set to zero.
template <typename T>
struct UnwrittenItems : std::allocator<T> {
    template <typename U>
    struct rebind {
        using other = UnwrittenItems<U>;
    };
    template <typename U>
    void construct(U *at) {
        ::new (static_cast<void *>(at)) U;
    }
};
template <typename T>
using Column = std::vector<T, UnwrittenItems<T>>;

// Bytes that are appended in place. As realloc() moves the pages of many, growing copies nothing.
class GrowingBytes {
  public:
    GrowingBytes() = default;
    GrowingBytes(GrowingBytes &&other) noexcept { swap(other); }
    GrowingBytes &operator=(GrowingBytes &&other) noexcept {
        swap(other);
        return *this;
    }
    ~GrowingBytes() { std::free(data_); }

    uint8_t *data() { return data_; }
    const uint8_t *data() const { return data_; }
    size_t size() const { return size_; }

    // Room for `count` more at the end, of which extend() keeps some. Throws std::bad_alloc.
    uint8_t *room(size_t count) {
        if (capacity_ - size_ < count) grow(count);
        return data_ + size_;
    }
    void extend(size_t count) { size_ += count; }

  private:
    void grow(size_t count) {
        const size_t capacity = size_ * 2 + count;
        auto *data = static_cast<uint8_t *>(std::realloc(data_, capacity));
        if (data == nullptr) throw std::bad_alloc();
        data_ = data;
        capacity_ = capacity;
    }
    void swap(GrowingBytes &other) {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

    uint8_t *data_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

// What the runs of a list of jobs returned, in order: those of the first job, input by input, then
// those of the second, and so on.
struct BatchResults {
    Column<uint8_t> outcomes; // Outcome
    Column<int64_t> fuel;     // used
    // A value that is a valid grid (1 to 30 rows and columns of colors 0 to 9, True and False
    // counting as 1 and 0) has its shape here and its cells at cells[cells_begin[k]]; any other has
    // height 0. The order of the cells of different runs has no meaning.
    Column<uint8_t> heights;
    Column<uint8_t> widths;
    Column<uint64_t> cells_begin;
    GrowingBytes cells;
};

// `is_sharing`: neighbouring jobs of the same inputs run only once the lines that their programs
// begin with in common; the results are the same. Throws std::bad_alloc when there is no memory for
// the results or the machines, std::system_error when a thread cannot be started, and Interrupted
// when `poll` says so, which this thread asks (core/interrupt.h).
void run_batch(const std::vector<Job> &jobs, const std::vector<InputGrid> &inputs,
               const Limits &limits, unsigned num_threads, bool is_sharing, Interrupt::Poll poll,
               BatchResults *out);

// A run and the canonical text (core/print.h) of what it returned: of its result, or of every line
// that it reached when `all_lines` is asked for. Printing has fuel and memory of its own. A text of
// more than `max_values` values, or that there is nothing to print for, is empty. Both functions
// throw Interrupted as run_batch does.
struct PrintedRun {
    Outcome outcome = Outcome::internal_error;
    size_t line = 0;
    int64_t fuel = 0;
    std::vector<std::string> texts;
};
// A run with all that there is to tell of it, in which functions are named (core/print.h).
struct ExplainedRun {
    PrintedRun run;
    std::vector<int64_t> fuel_left;       // before each line up to the last that it reached
    std::vector<std::string> failed_call; // where it failed: the function, and its arguments
};
// For tests: on the plain path, and with memory of which the `fail_after`-th allocation fails.
struct Trial {
    bool is_plain = false;
    uint64_t fail_after = 0; // never
};
PrintedRun run_and_print(const Program &program, const InputGrid &input, const Limits &limits,
                         bool all_lines, int64_t max_values, Interrupt::Poll poll,
                         const Trial &trial = {});
// A failure's call is found by a second, plain run; empty where that ends otherwise (fuel and
// memory of the two differ), and where no call failed.
ExplainedRun explain(const Program &program, const InputGrid &input, const Limits &limits,
                     int64_t max_values, Interrupt::Poll poll);
PrintedRun call_and_print(const Language &language, Dialect dialect, Opcode opcode,
                          std::span<const int64_t> arguments, size_t num_arguments,
                          const Limits &limits, int64_t max_values, Interrupt::Poll poll);

} // namespace codeit
