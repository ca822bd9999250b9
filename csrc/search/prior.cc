#include "search/prior.h"

#include "search/corpus.h"

#include <cmath>

namespace codeit::search {

Prior::Prior(const Language &language)
    : num_names_(language.num_names()), num_symbols_(num_names_ + 3),
      unseen_bits_(num_symbols_ * kPositions), bits_anywhere_(num_symbols_, 1) {}

void Prior::learn(std::span<const Line> program) {
    auto symbol_of = [&](Term term) -> Symbol {
        if (!is_line(term)) return term;
        if (line_of(term) == 0) return input();
        const Term called = program[line_of(term) - 1].function;
        return is_line(called) ? call_of_line() : called;
    };
    auto count = [&](Symbol call, unsigned position, Symbol argument) {
        seen_[place_of(call, position) * num_symbols_ + argument] += 1;
    };
    for (const Line &line : program) {
        const Symbol call = is_line(line.function) ? call_of_line() : line.function;
        for (unsigned k = 0; k < line.num_arguments; ++k)
            count(call, k, symbol_of(line.arguments[k]));
        if (is_line(line.function)) count(call, kMaxArity, symbol_of(line.function));
    }
    if (program.empty()) return;
    const Term last = program.back().function;
    count(root(), 0, is_line(last) ? call_of_line() : last);
}

void Prior::finish() {
    if (seen_.empty()) return;
    std::vector<float> anywhere(num_symbols_, 0.5F);
    std::vector<float> sums(unseen_bits_.size());
    std::vector<float> kinds(unseen_bits_.size(), 1);
    float total = 0.5F * static_cast<float>(num_symbols_);
    for (const auto &[at, count] : seen_) {
        anywhere[at % num_symbols_] += count;
        sums[at / num_symbols_] += count;
        kinds[at / num_symbols_] += 1;
        total += count;
    }
    for (size_t place = 0; place < sums.size(); ++place) {
        unseen_bits_[place] = -std::log2(kinds[place] / (sums[place] + kinds[place]));
    }
    for (size_t symbol = 0; symbol < num_symbols_; ++symbol) {
        bits_anywhere_[symbol] = -std::log2(anywhere[symbol] / total);
    }
    for (auto &[at, count] : seen_) {
        const size_t place = at / num_symbols_;
        const float unseen = kinds[place] * anywhere[at % num_symbols_] / total;
        count = -std::log2((count + unseen) / (sums[place] + kinds[place]));
    }
}

} // namespace codeit::search
