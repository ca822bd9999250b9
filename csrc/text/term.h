// What calls are made of, numbered: primitives, constants, I, and the variables x1, x2, ...
#pragma once

#include "lang/language.h"

#include <array>
#include <bit>
#include <cstdint>

namespace codeit::text {

using Term = uint16_t;

inline constexpr unsigned kMaxVariables = 99;
inline constexpr unsigned kNumFixed = kNumPrimitives + kNumConstants + 1;
inline constexpr Term kInput = kNumPrimitives + kNumConstants;
inline constexpr Term kFirstVariable = 192; // x1; a multiple of 64, so that variables have words
inline constexpr Term kNoTerm = UINT16_MAX;
static_assert(kNumFixed <= kFirstVariable);

template <unsigned NumWords>
struct Bits {
    std::array<uint64_t, NumWords> words{};

    bool has(unsigned k) const { return words[k >> 6] >> (k & 63) & 1; }
    void add(unsigned k) { words[k >> 6] |= uint64_t{1} << (k & 63); }
    void remove(unsigned k) { words[k >> 6] &= ~(uint64_t{1} << (k & 63)); }
    bool is_empty() const { return *this == Bits{}; }
    bool meets(const Bits &other) const {
        uint64_t common = 0;
        for (unsigned k = 0; k < NumWords; ++k) common |= words[k] & other.words[k];
        return common != 0;
    }
    unsigned count() const {
        int count = 0;
        for (uint64_t word : words) count += std::popcount(word);
        return static_cast<unsigned>(count);
    }
    // The smallest; there is one.
    unsigned first() const {
        unsigned k = 0;
        while (words[k] == 0) ++k;
        return k * 64 + static_cast<unsigned>(std::countr_zero(words[k]));
    }
    Bits &operator|=(const Bits &other) {
        for (unsigned k = 0; k < NumWords; ++k) words[k] |= other.words[k];
        return *this;
    }
    // Without those of the other.
    Bits &operator-=(const Bits &other) {
        for (unsigned k = 0; k < NumWords; ++k) words[k] &= ~other.words[k];
        return *this;
    }
    friend Bits operator-(Bits a, const Bits &b) { return a -= b; }
    bool operator==(const Bits &) const = default;

    template <typename Visit>
    void for_each(Visit visit) const {
        for (unsigned k = 0; k < NumWords; ++k) {
            for (uint64_t left = words[k]; left != 0; left &= left - 1) {
                visit(k * 64 + static_cast<unsigned>(std::countr_zero(left)));
            }
        }
    }
};

using LineSet = Bits<2>; // bit k: line k + 1, or the variable that it binds
using FixedSet = Bits<3>;

struct TermSet {
    FixedSet fixed;
    LineSet variables;

    bool has(Term term) const {
        return term < kFirstVariable ? fixed.has(term) : variables.has(term - kFirstVariable);
    }
    void add(Term term) {
        term < kFirstVariable ? fixed.add(term) : variables.add(term - kFirstVariable);
    }
    void remove(Term term) {
        term < kFirstVariable ? fixed.remove(term) : variables.remove(term - kFirstVariable);
    }
    bool meets(const TermSet &other) const {
        return fixed.meets(other.fixed) || variables.meets(other.variables);
    }
};

} // namespace codeit::text
