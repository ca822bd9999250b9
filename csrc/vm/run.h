// Runs one program on one input.
#pragma once

#include "core/machine.h"
#include "vm/program.h"

#include <span>
#include <string>
#include <vector>

namespace codeit {

// Cells in row-major order; colors 0 to 9.
struct InputGrid {
    const uint8_t *cells;
    int32_t height;
    int32_t width;
};

inline constexpr int64_t kMaxInputSide = 32767; // places of an input have coordinates of 16 bits

// The input that cells from outside are, if they are one: 1 to kMaxInputSide rows and columns of
// colors.
bool read_input(const uint8_t *cells, int64_t height, int64_t width, InputGrid *out);

// The value that it is for programs.
Outcome load_input(Machine &m, const InputGrid &input, Value *out);

// Whether a value is not bound to its name because of Limits::max_len.
bool is_too_long(const Value &v, uint32_t max_len);

// What a run left behind; the values live in the machine's memory until its next run.
struct RunResult {
    Outcome outcome = Outcome::internal_error;
    size_t line = 0; // where it ended, from 1; the last one when it succeeded
    Value value;
    const Value *lines =
        nullptr; // what each line up to there returned; unbound where nothing was bound
};

// internal_error when the run left the machine in a state that it should not be in.
RunResult run(Machine &m, const Program &program, const InputGrid &input);

// The same, and how much fuel was left before each line up to the last that it reached.
RunResult run_by_lines(Machine &m, const Program &program, const InputGrid &input,
                       std::vector<int64_t> *fuel_left);

// Runs programs of one dialect on one input, one after another. The lines that a program begins
// with and the one before it began with, too, are not run again: the machine goes back to the state
// after them. Nothing tells the results, fuel and memory included, from those of run().
class SharedRuns {
  public:
    SharedRuns(Machine &m, const InputGrid &input) : m_(m), input_(input) {}

    // num_common: lines in common with the program before, at most (0 for the first one);
    // num_next: lines that the next program will have in common with this one.
    RunResult run(const Program &program, size_t num_common, size_t num_next);

  private:
    friend RunResult run_by_lines(Machine &m, const Program &program, const InputGrid &input,
                                  std::vector<int64_t> *fuel_left);

    Outcome start(const Program &program);
    Outcome run_lines(const Program &program, size_t num_done, size_t num_next, RunResult *result);

    Machine &m_;
    InputGrid input_;
    Value *registers_ = nullptr;                   // of I, the lines, the pool
    std::vector<Machine::Checkpoint> checkpoints_; // after as many lines as the index says
};

// One primitive on arguments encoded as a flat list of numbers:
//   0             None
//   1 n           the int n
//   2 b           the bool b
//   3 size ...    a tuple of that many values
//   4 size ...    a set into which that many values are inserted one by one
//   5 opcode      a primitive
//   6 opcode size ...  what the primitive returns for that many values
// internal_error when the list is malformed.
RunResult call_primitive(Machine &m, const Language &language, Dialect dialect, Opcode opcode,
                         std::span<const int64_t> arguments, size_t num_arguments);

// For tests: from now on all runs of this process leave an invariant broken, or no longer do.
void break_invariants(bool is_on);

} // namespace codeit
