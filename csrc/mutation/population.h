// Mutants by the million: distinct, valid, and the same for any number of threads.
//
// Draws are numbered. A draw is a function of its number, the seed and the programs that may be
// parents: it chooses one of them and mutates it. Draws are made in rounds. Within a round threads
// take what they can, and what comes of it is taken in by number: so no thread is ever early.
//
// A mutant is valid when it returns a valid grid for every input of its root, the seed program that
// it descends from, and not each input itself; and new when no program of its key was known. It has
// no line that its result does not need, and no more lines than programs have names for.
#pragma once

#include "mutation/key_set.h"
#include "mutation/mutate.h"
#include "vm/family.h"

#include <memory>

namespace codeit::mutation {

struct Offspring {
    uint64_t number; // of its draw
    uint32_t root;
    uint32_t depth;     // changes since the root
    uint64_t num_valid; // draws of this call up to it that gave something valid, new or not
    Program program;
};

class Population {
  public:
    // `is_open_ended`: mutants become parents, from the round after theirs on. The language
    // outlives the population.
    Population(const Language &language, Dialect dialect, const Weights &weights, uint64_t seed,
               bool is_open_ended, const Limits &limits);

    // A seed program of the language, with at least one input, which is copied. No mutant has its
    // key. To be added before all others. All functions throw as run_batch does, and leave nothing
    // to be used then.
    void add_root(const Program &program, std::span<const InputGrid> inputs, Interrupt::Poll poll);
    size_t num_roots() const { return roots_.size(); }

    // Mutants of roots that were made before, in their order.
    struct Known {
        const Program *program;
        uint32_t root;
        uint32_t depth;
    };
    void add_known(std::span<const Known> known, unsigned num_threads, Interrupt::Poll poll);

    // The next mutants, at most so many, from the draw *next on and before the draw `end`. Sets
    // *next to the first draw that was not looked at. What is made follows from what was added and
    // from *next.
    std::vector<Offspring> make(size_t count, uint64_t *next, uint64_t end, unsigned num_threads,
                                Interrupt::Poll poll);

  private:
    struct Root {
        Program program;
        std::vector<std::vector<uint8_t>> cells; // of the inputs
        std::vector<InputGrid> inputs;
    };
    struct Descent {
        uint32_t root;
        uint32_t depth;
    };
    // What a draw gave. Only what is new is written, and runs.
    enum class Status : uint8_t {
        none,      // no mutant
        known,     // a program of its key was known
        repeated,  // it was looked at before, and is no mutant of its root
        unchecked, // new, as far as is known
        valid,
        invalid,
        hopeless, // invalid, in whichever order its lines run
    };
    struct Draft {
        Key key;
        uint32_t parent = 0;
        Status status = Status::none;
        std::unique_ptr<Program> program = nullptr; // where it is valid
    };

    class Validity;
    struct Tools;

    uint64_t round_size(size_t num_left, size_t num_made, uint64_t num_draws) const;
    bool make_mutant(uint64_t number, Mutator *mutator, uint32_t *parent) const;
    // What the draws from `first` on give, by number. `undecided` holds those that were invalid and
    // not hopeless.
    void draw(uint64_t first, const KeySet &undecided, std::span<Draft> drafts,
              unsigned num_threads, Interrupt &interrupt) const;
    void draw_some(uint64_t first, const KeySet &undecided, std::span<Draft> drafts,
                   Tools *tools) const;
    // Runs those that are unchecked.
    void check(uint64_t first, std::span<Draft> drafts, unsigned num_threads,
               Interrupt &interrupt) const;
    void add_parents(std::span<const Known> known, unsigned num_threads, Interrupt::Poll poll);
    // What tells a key that was tried for one root from the same for another one.
    Key tried_key(const Draft &draft) const;

    const Language &language_;
    Dialect dialect_;
    Weights weights_;
    uint64_t seed_;
    bool is_open_ended_;
    Limits limits_;
    std::vector<Root> roots_;
    std::vector<TypedCode> parents_; // the roots first
    std::vector<Descent> descents_;  // of the parents
    std::vector<std::vector<Key>>
        keys_of_parents_; // of their lines; none where mutants are parents
    KeySet known_;
    // Of the hopeless: they need not run again. Nothing that is made depends on what is forgotten.
    KeySet hopeless_;
};

} // namespace codeit::mutation
