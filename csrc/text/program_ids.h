// Programs to token ids and back, by a tokenizer's spelling, without a text between.
#pragma once

#include "text/automaton.h"

namespace codeit::text {

class ProgramWriter {
  public:
    // The language outlives the writer.
    ProgramWriter(const Language &language, Spelling spelling)
        : input_(language.num_names()), spelling_(std::move(spelling)) {}

    // The ids of a program, with the variable of line k as x_k. False where it has more variables
    // than the tokenizer, a name that stands for something else, or a call twice: a text tells such
    // calls apart by blanks, for which a spelling has nothing, so that the tokenizer itself has to
    // write that.
    bool write(const Code &code, Ids *out) const;

    // The same of many; nothing is written for a null pointer.
    struct Written {
        bool is_written = false;
        Ids ids;
    };
    std::vector<Written> write_all(std::span<const Code *const> codes) const;

  private:
    size_t place_of(Term term) const { // in the lists of a spelling
        return is_line(term) ? input_ + line_of(term) : term;
    }

    size_t input_; // the place of I
    Spelling spelling_;
};

// Reads what an automaton without types lets through.
class ProgramReader {
  public:
    // The automaton outlives the reader.
    explicit ProgramReader(const Automaton &automaton) : automaton_(&automaton) {}

    // The program that the ids are, with its end and nothing behind it. False where they are not
    // the spelling of one that the automaton lets through: their text may still be a program.
    // The state is overwritten; it may be that of another read.
    bool read(std::span<const uint16_t> ids, State *state, Code *out) const;

    // The same of each row of any numbers, up to the first that is `end`; a code without lines
    // where there is none, or no program.
    std::vector<Code> read_rows(const int64_t *rows, size_t num_rows, size_t num_ids,
                                int64_t end) const;

  private:
    void add_line(Term function, const std::array<Term, kMaxArity> &arguments, Code *out) const;
    Term term_of_code(Term term) const {
        return term == automaton_->typing().num_names ? kInput : term;
    }

    const Automaton *automaton_;
};

} // namespace codeit::text
