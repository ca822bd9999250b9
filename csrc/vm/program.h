// A program as the machine runs it: its code, and the instructions that it stands for.
#pragma once

#include "code/code.h"
#include "code/parser.h"
#include "core/interrupt.h"
#include "core/value.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace codeit {

// Operands are numbered: 0 is the input I, k is the value of line k, and those from num_lines() + 1
// on index `pool`, the primitives and constants that the program mentions.
using Operand = uint32_t;

struct Instruction {
    Operand function;
    uint32_t first_argument; // into Program::arguments()
    uint32_t num_arguments;
    bool is_direct;   // calls a primitive with as many arguments as it takes, its own value none
    Opcode primitive; // where it is direct
};

class Program {
  public:
    Program() = default;
    // The language outlives the program.
    Program(Code code, const Language &language, Dialect dialect);
    static bool parse(std::string_view text, const Language &language, Dialect dialect,
                      Program *out, ParseError *error);

    const Code &code() const { return code_; }
    const Language &language() const { return *language_; }
    Dialect dialect() const { return dialect_; }
    size_t num_lines() const { return code_.num_lines(); }

    const std::vector<Instruction> &instructions() const { return instructions_; }
    // kMaxArity may be read from the first one of every instruction on.
    const Operand *arguments() const { return arguments_.data(); }
    const std::vector<Value> &pool() const { return pool_; }

    // What a line's name stood for before the line bound it: an operand, or kNoOuter. It comes back
    // when the line's value is not bound because of its length.
    static constexpr Operand kNoOuter = UINT32_MAX;
    Operand outer(size_t line) const { return outer_.empty() ? kNoOuter : outer_[line]; }

  private:
    Code code_;
    const Language *language_ = &standard_names();
    Dialect dialect_ = Dialect::codeit;
    std::vector<Instruction> instructions_;
    std::vector<Operand> arguments_;
    std::vector<Value> pool_;
    std::vector<Operand> outer_; // empty when no line shadows a constant or I
};

// What a primitive or a constant stands for.
Value value_of_name(const Language &language, Term name);

// What became of one of many texts: a program of at least one line, or why it is none.
struct Parsed {
    Program program;
    ParseError error;
};
// Throws Interrupted when `poll` says so (core/interrupt.h).
std::vector<Parsed> parse_all(std::span<const std::string_view> texts, const Language &language,
                              Dialect dialect, Interrupt::Poll poll);

// With how many lines both programs begin that do the same on the same input.
size_t num_common_lines(const Program &a, const Program &b);

} // namespace codeit
