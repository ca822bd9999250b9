// How far each row of a batch has come: the automaton's states, and the check of row numbers, ids
// and numbers of tokens from outside. The shapes of arrays are the caller's to check.
#pragma once

#include "text/automaton.h"

namespace codeit::text {

class Rows {
  public:
    // A caller's mistake, and at which element; nothing has changed then.
    struct [[nodiscard]] Fault {
        enum Kind : uint8_t { none, bad_row, bad_max_tokens };

        Kind kind = none;
        size_t index = 0;
    };

    // All rows have finished. The automaton outlives them.
    void resize(const Automaton *automaton, size_t num_rows);

    size_t size() const { return states_.size(); }

    // Puts rows at the start of a program of at most max_tokens[k] tokens, at least min_tokens().
    Fault begin(const int64_t *rows, const uint16_t *max_tokens, size_t count);

    // Each row takes its id, and fails if that is not allowed, or no token of programs at all; -1
    // leaves a row as it is.
    void advance(const int64_t *ids, uint8_t *is_taken);

    // num_words of each row.
    void masks(uint64_t *out) const;

    // Each row takes the ids that must come, at most max_ids of them: out [size(), max_ids].
    void advance_forced(size_t max_ids, int64_t *out, int64_t *counts);

    // The ids that must come next in a row, below size(), which stays where it is.
    Ids forced(size_t row);

    // Of each row 0 if it has finished, 1 if it has failed, else 2.
    void conditions(uint8_t *out) const;

  private:
    const Automaton *automaton_ = nullptr;
    std::vector<State> states_;
    State ahead_; // of a row, where it is followed without taking a step
};

} // namespace codeit::text
