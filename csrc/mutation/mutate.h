// Typed mutation of programs: one change that keeps the types, as in the CodeIt paper.
//
// A line is drawn, and what changes in it: an argument, the function, or all of the call. What
// comes in its place is drawn uniformly from all that has the same type there (language.md 3.2):
// lines before, constants, primitives. Lines have the types that their values had in a run on one
// input (mutation/types.h); parameters and results have the declared ones. An argument may also be
// defined on a new line before, or, by crossover, be a value of another program, whose lines for it
// come before. Where there is no candidate there is no mutant, and the caller draws again with
// another seed.
#pragma once

#include "code/key.h"
#include "core/random.h"
#include "mutation/types.h"

#include <span>
#include <vector>

namespace codeit::mutation {

// The chances of the kinds of change. All but the last are weights; they need not add up to 1.
struct Weights {
    double argument = 0.5;    // another argument of the same type
    double function = 0.25;   // another function of the same signature
    double definition = 0.25; // another call that returns the same type, for a whole line
    double crossover = 0;     // another argument of the same type, from another program
    double new_variable =
        0.5; // the share of argument changes that define the argument on a new line
};

// A program under mutation and what is known of it.
struct Parent {
    const Program *program;
    std::vector<Type> types; // of I and of each line
};

// The same where only the code is kept.
struct TypedCode {
    explicit TypedCode(Code code, std::vector<Type> types);

    Code code;
    std::vector<Type> types;
    bool has_repeats; // whether a call stands twice
};

// Makes mutants of programs of one language, one after another.
class Mutator {
  public:
    Mutator(const Language &language, const Weights &weights);

    // Draws one mutant, a function of the arguments and the state of `random`; false when the
    // change that was drawn has no candidate, or makes a call that the program has already. A
    // mutant shadows nothing. `others` give lines by crossover.
    bool draw(const TypedCode &parent, std::span<const TypedCode> others, Random *random);

    // Of the mutant that was drawn last, as long as its parent is there.
    size_t num_lines() const { return lines_.size() + num_new_; }
    void write(Code *out) const;
    // The key of its last line (code/key.h), from those of I and of every line of the parent.
    Key key(std::span<const Key> keys_of_parent);

  private:
    struct Call {
        Term function = 0;
        std::vector<Term> arguments;
    };

    bool apply(std::span<const TypedCode> others);
    bool change_argument(std::span<const TypedCode> others, bool is_crossover);
    bool change_function();
    bool define(Type type, Call *out);
    bool cross(Type type, std::span<const TypedCode> others, Term *out);
    Type concrete(Type wanted);
    void add_terms(Type type, CalledWith calls);
    std::span<const Term> primitives_like(Term other) const;
    bool pick(Term *out);
    bool pick_other(std::span<const Term> candidates, Term old, Term *out);

    bool finish();
    bool repeats_a_call() const;
    bool is_callable(Term term) const { return term != kInput && !language_.is_constant(term); }
    const Call &own_line(size_t k) const { return k < num_new_ ? new_lines_[k] : changed_; }
    Term moved(Term term) const;
    bool is_same(const Call &own, const CodeLine &old) const;
    Type type_of(Term term) const;
    Call *add_new_line();

    const Language &language_;
    Weights weights_;
    std::vector<Term> by_result_[kNumTypes];       // primitives that are declared to return it
    std::vector<Term> constants_of_[kNumTypes];    // of that type
    std::vector<Term> called_with_[kMaxArity + 1]; // primitives with so many arguments; 0: all
    std::vector<std::vector<Term>> alike_;         // primitives of one signature
    std::vector<uint16_t> signature_of_;           // by primitive, an index of alike_

    // Of the mutation that is being made. What it draws is kept beside the parent's lines, of which
    // the mutant has all: but for one that changes, and new ones before that.
    const TypedCode *parent_ = nullptr;
    Random *random_ = nullptr;
    std::vector<CodeLine> lines_;
    std::vector<Term> candidates_;
    size_t line_ = 0;              // that changes
    Call changed_;                 // its call; in the mutant's numbers when the draw is done
    bool is_new_argument_ = false; // whether an argument of it is the last new line
    size_t new_argument_ = 0;      // which one
    size_t num_new_ = 0;
    std::vector<Call> new_lines_;   // in the mutant's numbers
    std::vector<Key> own_keys_;     // of the new lines and the one that changes
    std::vector<Key> later_keys_;   // of that one and those after it
    std::vector<uint8_t> is_other_; // whether such a key is another than the parent's
    Code written_;
    std::vector<Key> keys_;
};

// A mutant of a program alone, without crossover.
bool mutate(const Parent &parent, const Weights &weights, uint64_t seed, Code *out);

struct Mutant {
    size_t number; // of its seed
    Program program;
};

// Those of the seeds that make one, in order. Throws Interrupted as run_batch does.
std::vector<Mutant> mutate_many(const Parent &parent, const Weights &weights,
                                std::span<const uint64_t> seeds, Interrupt::Poll poll);

} // namespace codeit::mutation
