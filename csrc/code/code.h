// A program's one encoded form: what the parser makes of a text, what mutation changes, and what
// machine, tokenizer and key are made from. It is a flat array of 16-bit words:
//
//     { function  num_arguments [outer] argument ... }   a group of words for each line
//
// Functions and arguments are terms. Below kInput, a term is a name of the language: the
// primitives, the constants, then what was added, so that a code stays valid when names are added.
// kInput is the input I, and kInput + k the value of line k, where lines count from 1. The names of
// variables are not kept: a text has x1, x2, ... in order, and O for the last line.
//
// One thing about a variable's name matters. It may be that of a constant or I, and then stands for
// it again when the line's value is not bound because of its length (Limits::max_len). Such a line
// has kShadows added to num_arguments, and what its name stood for before, `outer`, behind it.
//
// What is true of every code: it has 1 to kMaxLines lines and at most kMaxWords words; a line has
// at least one argument, names only itself and earlier lines, and calls a primitive or a line. A
// line that shadows does not name itself, but may call what it shadows; no later line names that.
#pragma once

#include "lang/language.h"

#include <span>
#include <string>
#include <vector>

namespace codeit {

using Term = uint16_t;

inline constexpr Term kInput = 0x8000;
static_assert(Language::kMaxNames <= kInput);
inline constexpr Term kNoTerm = UINT16_MAX;

inline constexpr size_t kMaxLines = kNoTerm - kInput - 1;
inline constexpr size_t kMaxArguments = 0x7FFF;      // of a line
inline constexpr size_t kMaxWords = size_t{1} << 20; // of which the text still can be parsed
inline constexpr size_t kMaxRepeats = 255;           // of one call; keeps the text linear

constexpr bool is_line(Term term) {
    return term >= kInput;
}
constexpr size_t line_of(Term term) { // 0 of the input
    return term - size_t{kInput};
}
constexpr Term term_of_line(size_t line) {
    return static_cast<Term>(kInput + line);
}
constexpr Term term_of(Opcode primitive) {
    return static_cast<Term>(primitive);
}

// One line as it stands in a code.
struct CodeLine {
    Term function;
    Term outer; // kNoTerm where the line shadows nothing
    std::span<const Term> arguments;
};

class Code {
  public:
    class Iterator {
      public:
        explicit Iterator(const uint16_t *at) : at_(at) {}
        CodeLine operator*() const {
            const uint16_t *next = at_ + 2;
            const Term outer = (at_[1] & kShadows) != 0 ? *next++ : kNoTerm;
            return {at_[0], outer, {next, at_[1] & kMaxArguments}};
        }
        Iterator &operator++() {
            at_ += size_t{2} + ((at_[1] & kShadows) != 0) + (at_[1] & kMaxArguments);
            return *this;
        }
        bool operator==(const Iterator &) const = default;

      private:
        const uint16_t *at_;
    };

    // What is wrong with words from outside, or nothing: whoever takes some asks first.
    static std::string why_not(std::span<const uint16_t> words, const Language &language);

    Code() = default;
    // Of words with which nothing is wrong.
    explicit Code(std::span<const uint16_t> words);

    size_t num_lines() const { return num_lines_; }
    bool has_shadows() const { return has_shadows_; }
    std::span<const uint16_t> words() const { return words_; }
    Iterator begin() const { return Iterator(words_.data()); }
    Iterator end() const { return Iterator(words_.data() + words_.size()); }

    // To be written anew, in the same memory.
    void clear() {
        words_.clear();
        num_lines_ = 0;
        has_shadows_ = false;
    }
    // Lines are written one after the other, each with its arguments behind it.
    void reserve(size_t num_words) { words_.reserve(num_words); }
    void add_line(Term function, Term outer = kNoTerm) {
        ++num_lines_;
        words_.push_back(function);
        count_at_ = words_.size();
        words_.push_back(outer == kNoTerm ? 0 : kShadows);
        if (outer != kNoTerm) words_.push_back(outer);
        has_shadows_ = has_shadows_ || outer != kNoTerm;
    }
    void add_argument(Term argument) {
        words_.push_back(argument);
        ++words_[count_at_];
    }

    bool operator==(const Code &other) const { return words_ == other.words_; }

  private:
    static constexpr uint16_t kShadows = 0x8000;

    std::vector<uint16_t> words_;
    uint32_t num_lines_ = 0;
    bool has_shadows_ = false;
    size_t count_at_ = 0; // of the last line
};

// For each line, how many lines before it hold the same call in the program's text.
std::vector<uint32_t> repeats_of(const Code &code);

// Finds the lines that O needs; one object for many codes, as it keeps its memory.
class NeededLines {
  public:
    // Writes them in their order. Of a code that shadows it writes all: what a name means may then
    // depend on any of them.
    void write(const Code &code, Code *out);

  private:
    std::vector<CodeLine> lines_;
    std::vector<uint16_t> numbers_; // whether a line is needed, and then its new number
};

// One line each, `name = function(argument, ...)`. Lines that repeat an earlier call carry one
// blank at their end for each earlier repeat, which is how the language's checker tells them apart.
std::string text_of(const Code &code, const Language &language);

} // namespace codeit
