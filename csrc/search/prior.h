// A prior over calls: how many bits it takes to say what stands at a place of a program.
//
// A bigram: what is called, or which name or the input stands there, given the call that it is an
// argument of and the argument's position. Counted over the lines of a corpus as trees, each line
// once, so that a line that is used twice counts twice where it is used and once where it is made.
// Names that were never seen at a place have the chance that they have anywhere (Witten-Bell
// smoothing), and every name has some chance.
//
// The search orders calls by it, the likelier first; a policy may take its place.
#pragma once

#include "code/code.h"

#include <span>
#include <unordered_map>
#include <vector>

namespace codeit::search {

struct Line;

class Prior {
  public:
    // What may stand at a place: a name of the language, the input, or the call of a line.
    using Symbol = uint16_t;

    // One that has learned nothing: everything takes a bit.
    explicit Prior(const Language &language);

    // Counts the lines of a program; to be finished before bits are asked for.
    void learn(std::span<const Line> program);
    void finish();

    Symbol input() const { return static_cast<Symbol>(num_names_); }
    Symbol call_of_line() const { return static_cast<Symbol>(num_names_ + 1); }
    Symbol root() const { return static_cast<Symbol>(num_names_ + 2); }

    // Bits of a symbol as argument `position` of a call.
    float bits(Symbol call, unsigned position, Symbol argument) const {
        const size_t place = place_of(call, position);
        const auto seen = seen_.find(place * num_symbols_ + argument);
        return seen != seen_.end() ? seen->second : unseen_bits_[place] + bits_anywhere_[argument];
    }

  private:
    static constexpr unsigned kPositions = kMaxArity + 1; // a called line stands behind arguments

    size_t place_of(Symbol call, unsigned position) const {
        return size_t{call} * kPositions + position;
    }

    size_t num_names_;
    size_t num_symbols_;
    // By place and symbol: how often, and once finished, bits. A language may have 32,767 names, of
    // which a corpus puts few together.
    std::unordered_map<size_t, float> seen_;
    std::vector<float> unseen_bits_;   // of something that was not seen, by place
    std::vector<float> bits_anywhere_; // which of them, by symbol
};

} // namespace codeit::search
