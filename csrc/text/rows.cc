#include "text/rows.h"

#include <algorithm>

namespace codeit::text {

void Rows::resize(const Automaton *automaton, size_t num_rows) {
    automaton_ = automaton;
    State finished{};
    finished.node = kFinished;
    states_.assign(num_rows, finished);
}

Rows::Fault Rows::begin(const int64_t *rows, const uint16_t *max_tokens, size_t count) {
    for (size_t k = 0; k < count; ++k) {
        if (rows[k] < 0 || static_cast<size_t>(rows[k]) >= size()) return {Fault::bad_row, k};
        if (max_tokens[k] < automaton_->min_tokens()) return {Fault::bad_max_tokens, k};
    }
    for (size_t k = 0; k < count; ++k) {
        automaton_->begin(&states_[static_cast<size_t>(rows[k])], max_tokens[k]);
    }
    return {};
}

void Rows::advance(const int64_t *ids, uint8_t *is_taken) {
    const uint16_t *numbers = automaton_->tables().numbers.data(); // of every id of 16 bits
    for (size_t k = 0; k < size(); ++k) {
        is_taken[k] = 0;
        if (ids[k] == -1) continue;
        const bool is_id = ids[k] >= 0 && ids[k] <= UINT16_MAX;
        is_taken[k] = automaton_->advance(&states_[k], is_id ? numbers[ids[k]] : kNoToken);
    }
}

void Rows::masks(uint64_t *out) const {
    for (const State &state : states_) {
        automaton_->mask(state, out);
        out += automaton_->tables().num_words;
    }
}

void Rows::advance_forced(size_t max_ids, int64_t *out, int64_t *counts) {
    const Ids &alphabet = automaton_->tables().alphabet;
    for (size_t k = 0; k < size(); ++k, out += max_ids) {
        size_t count = 0;
        for (; count < max_ids; ++count) {
            const uint16_t token = automaton_->forced(states_[k]);
            if (token == kNoToken) break;
            automaton_->advance(&states_[k], token);
            out[count] = alphabet[token];
        }
        counts[k] = static_cast<int64_t>(count);
    }
}

Ids Rows::forced(size_t row) {
    const Ids &alphabet = automaton_->tables().alphabet;
    ahead_ = states_[row];
    Ids ids;
    for (uint16_t token; (token = automaton_->forced(ahead_)) != kNoToken;) {
        automaton_->advance(&ahead_, token);
        ids.push_back(alphabet[token]);
    }
    return ids;
}

void Rows::conditions(uint8_t *out) const {
    for (const State &state : states_) {
        *out++ = static_cast<uint8_t>(std::min<unsigned>(state.node, kFailed + 1u));
    }
}

} // namespace codeit::text
