#include "search/prior.h"

#include "search/corpus.h"

#include <cmath>

namespace codeit::search {

Prior::Prior(const Language &language)
    : num_names_(language.num_names()), num_symbols_(num_names_ + 3),
      bits_(num_symbols_ * kPositions * num_symbols_, 1) {}

void Prior::learn(std::span<const Line> program) {
    counts_.resize(bits_.size());
    auto symbol_of = [&](Term term) -> Symbol {
        if (!is_line(term)) return term;
        if (line_of(term) == 0) return input();
        const Term called = program[line_of(term) - 1].function;
        return is_line(called) ? call_of_line() : called;
    };
    auto count = [&](Symbol call, unsigned position, Symbol argument) {
        counts_[(call * kPositions + position) * num_symbols_ + argument] += 1;
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
    if (counts_.empty()) return;
    std::vector<float> anywhere(num_symbols_, 0.5F);
    float total = 0.5F * static_cast<float>(num_symbols_);
    for (size_t at = 0; at < counts_.size(); ++at) {
        anywhere[at % num_symbols_] += counts_[at];
        total += counts_[at];
    }
    for (size_t row = 0; row < counts_.size(); row += num_symbols_) {
        float sum = 0;
        float kinds = 1;
        for (size_t k = 0; k < num_symbols_; ++k) {
            sum += counts_[row + k];
            kinds += counts_[row + k] > 0;
        }
        for (size_t k = 0; k < num_symbols_; ++k) {
            const float chance = (counts_[row + k] + kinds * anywhere[k] / total) / (sum + kinds);
            bits_[row + k] = -std::log2(chance);
        }
    }
}

} // namespace codeit::search
