// What calls are made of, numbered; and sets of that.
//
// Terms are those of code/code.h, but for I: a fixed term is a name, by its number in the language,
// or I, which comes behind the names here. There are as many as the language has; so sets of them
// have a number of words that is known when an automaton is made. Variables are terms of lines.
#pragma once

#include "code/code.h"
#include "lang/sizes.h"

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace codeit::text {

inline constexpr Term kFirstVariable = term_of_line(1); // x1

// Fixed terms of a language; I is the last one.
inline unsigned num_fixed_of(const Language &language) {
    return static_cast<unsigned>(language.num_names()) + 1;
}

// ---- Bits in words ----

using Words = std::span<uint64_t>;
using ConstWords = std::span<const uint64_t>;

inline constexpr size_t num_words_for(size_t num_bits) {
    return (num_bits + 63) / 64;
}
inline bool has(ConstWords words, unsigned k) {
    return words[k >> 6] >> (k & 63) & 1;
}
inline void add(Words words, unsigned k) {
    words[k >> 6] |= uint64_t{1} << (k & 63);
}
inline void remove(Words words, unsigned k) {
    words[k >> 6] &= ~(uint64_t{1} << (k & 63));
}
inline bool meet(ConstWords a, ConstWords b) {
    uint64_t common = 0;
    for (size_t k = 0; k < a.size(); ++k) common |= a[k] & b[k];
    return common != 0;
}
inline unsigned count(ConstWords words) {
    int count = 0;
    for (uint64_t word : words) count += std::popcount(word);
    return static_cast<unsigned>(count);
}

// Of one word, the lowest first.
template <typename Visit>
inline void for_each_bit(uint64_t word, size_t index, Visit visit) {
    for (; word != 0; word &= word - 1) {
        visit(static_cast<unsigned>(index * 64) + static_cast<unsigned>(std::countr_zero(word)));
    }
}
// visit may remove what it is given.
template <typename Visit>
inline void for_each(ConstWords words, Visit visit) {
    for (size_t k = 0; k < words.size(); ++k) for_each_bit(words[k], k, visit);
}
// Those of a that b lacks.
template <typename Visit>
inline void for_each_without(ConstWords a, ConstWords b, Visit visit) {
    for (size_t k = 0; k < a.size(); ++k) for_each_bit(a[k] & ~b[k], k, visit);
}

// Lines: bit k is line k + 1, or the variable that it binds.
class LineSet {
  public:
    bool has(unsigned k) const { return text::has(words_, k); }
    void add(unsigned k) { text::add(words_, k); }
    void add_if(bool is_there, unsigned k) { words_[k >> 6] |= uint64_t{is_there} << (k & 63); }
    void remove(unsigned k) { text::remove(words_, k); }
    bool is_empty() const { return (words_[0] | words_[1]) == 0; }
    bool meets(const LineSet &other) const { return meet(words_, other.words_); }
    unsigned count() const { return text::count(words_); }
    // The smallest; there is one.
    unsigned first() const {
        const size_t k = words_[0] == 0;
        return static_cast<unsigned>(k * 64) + static_cast<unsigned>(std::countr_zero(words_[k]));
    }
    LineSet &operator-=(const LineSet &other) {
        for (size_t k = 0; k < words_.size(); ++k) words_[k] &= ~other.words_[k];
        return *this;
    }
    ConstWords words() const { return words_; }

    template <typename Visit>
    void for_each(Visit visit) const {
        text::for_each(words_, visit);
    }

  private:
    static_assert(kMaxVariables <= 128);
    std::array<uint64_t, 2> words_{};
};
inline constexpr size_t kWordsOfLines = 2;

// Rows of words, all of one length.
class WordTable {
  public:
    WordTable() = default;
    WordTable(size_t num_rows, size_t num_words)
        : num_words_(num_words), words_(num_rows * num_words) {}

    Words operator[](size_t row) { return {words_.data() + row * num_words_, num_words_}; }
    ConstWords operator[](size_t row) const {
        return {words_.data() + row * num_words_, num_words_};
    }
    size_t num_words() const { return num_words_; }
    const uint64_t *data() const { return words_.data(); }
    void add_row() { words_.resize(words_.size() + num_words_); }
    size_t num_rows() const { return num_words_ == 0 ? 0 : words_.size() / num_words_; }

  private:
    size_t num_words_ = 0;
    std::vector<uint64_t> words_;
};

} // namespace codeit::text
