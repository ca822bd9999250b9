// A fuzz target: bytes as a spelling of programs, and then as calls of the rows that it lets
// through. Rows may be given anything; a row that was begun, and takes what its mask has, ends in
// time, and what it has taken is a program.
#include "text/rows.h"
#include "fuzz/check.h"
#include "lang/sizes.h"
#include "text/program_ids.h"

#include <algorithm>
#include <array>

using namespace codeit::text;

namespace {

constexpr size_t kNumRows = 3;

class Reader {
  public:
    Reader(const uint8_t *data, size_t size) : data_(data), size_(size) {}

    bool is_at_end() const { return size_ == 0; }
    uint8_t byte() {
        if (is_at_end()) return 0;
        --size_;
        return *data_++;
    }
    uint16_t word() { return static_cast<uint16_t>(byte() | byte() << 8); }
    // Any number, small ones and those near powers of two most often.
    int64_t number() {
        const uint64_t power = uint64_t{1} << (byte() & 63);
        if (byte() % 2 == 0) return static_cast<int16_t>(word());
        return static_cast<int64_t>(power + byte() - 128);
    }
    Ids ids() {
        Ids ids(byte() % 10);
        for (uint16_t &id : ids) id = word();
        return ids;
    }

  private:
    const uint8_t *data_;
    size_t size_;
};

// A compact one or one of more tokens, with a few changes.
Spelling read_spelling(Reader *in) {
    const uint8_t form = in->byte();
    const bool is_long = form & 1;
    Spelling s;
    if (form & 2) {
        s.start = {1};
        s.assign = {2};
        s.open = {3};
        s.separator = {4, 5};
        s.close = {6};
    }
    s.newline = {7};
    s.end = {8};
    s.output = {9};
    const unsigned num_variables = 1 + in->byte() % codeit::kMaxVariables;
    for (unsigned k = 0; k < num_variables; ++k) {
        const auto own = static_cast<uint16_t>(100 + k);
        s.names.push_back(is_long ? Ids{10, own} : Ids{own});
    }
    auto terms = [&](uint16_t first) {
        std::vector<Ids> terms;
        for (unsigned k = 0; k < num_fixed_of(codeit::standard_names()); ++k) {
            const auto head = static_cast<uint16_t>(first + k / (is_long ? 8 : 1));
            terms.push_back(is_long ? Ids{head, static_cast<uint16_t>(k % 8 + 30)} : Ids{head});
        }
        terms.insert(terms.end(), s.names.begin(), s.names.end());
        return terms;
    };
    const bool is_contextual = is_long && (form & 4);
    s.functions = terms(1000);
    s.first_arguments = terms(is_contextual ? 1100 : 1000);
    s.arguments = terms(is_contextual ? 1200 : 1000);
    Ids *parts[] = {&s.start, &s.assign,  &s.open, &s.separator,
                    &s.close, &s.newline, &s.end,  &s.output};
    std::vector<Ids> *lists[] = {&s.names, &s.functions, &s.first_arguments, &s.arguments};
    for (unsigned left = in->byte() % 4; left > 0; --left) {
        const uint8_t which = in->byte();
        if (which % 2 == 0) {
            *parts[which / 2 % 8] = in->ids();
        } else if (std::vector<Ids> &list = *lists[which / 2 % 4]; which & 64) {
            list.resize(in->word() % 400, in->ids());
        } else if (!list.empty()) {
            list[in->word() % list.size()] = in->ids();
        }
    }
    return s;
}

// The rows, and beside them what is known of each.
class Walk {
  public:
    Walk(const Automaton &automaton, const Spelling &spelling)
        : automaton_(automaton), reader_(automaton), writer_(codeit::standard_names(), spelling) {
        rows_.resize(&automaton, kNumRows);
    }

    void begin(Reader *in) {
        const int64_t row = in->number();
        const uint16_t max_tokens = in->byte() % 2 == 0 ? in->byte() : in->word();
        const bool is_row = row >= 0 && row < int64_t{kNumRows};
        const Rows::Fault fault = rows_.begin(&row, &max_tokens, 1);
        CHECK((fault.kind == Rows::Fault::bad_row) == !is_row);
        if (!is_row) return;
        CHECK((fault.kind == Rows::Fault::none) == (max_tokens >= automaton_.min_tokens()));
        if (fault.kind != Rows::Fault::none) return;
        left_[static_cast<size_t>(row)] = max_tokens;
        written_[static_cast<size_t>(row)].clear();
    }

    void advance(std::array<int64_t, kNumRows> ids) {
        std::array<uint8_t, kNumRows> taken;
        const std::vector<uint64_t> before = masks();
        rows_.advance(ids.data(), taken.data());
        for (size_t k = 0; k < kNumRows; ++k) {
            CHECK(taken[k] == (ids[k] != -1 && is_allowed(before, k, ids[k])));
            count(k, taken[k]);
            if (taken[k] != 0) written_[k].push_back(static_cast<uint16_t>(ids[k]));
        }
    }

    // An id that a row may take, by its number among those.
    int64_t allowed_id(size_t row, uint8_t choice) {
        const std::vector<uint64_t> words = masks();
        std::vector<uint16_t> ids;
        for (uint16_t id : automaton_.tables().alphabet) {
            if (is_allowed(words, row, id)) ids.push_back(id);
        }
        return ids.empty() ? -1 : ids[choice % ids.size()];
    }

    void take_forced(size_t max_ids) {
        std::vector<int64_t> ids(kNumRows * max_ids);
        std::array<int64_t, kNumRows> counts;
        std::array<Ids, kNumRows> ahead;
        for (size_t k = 0; k < kNumRows; ++k) ahead[k] = rows_.forced(k);
        rows_.advance_forced(max_ids, ids.data(), counts.data());
        for (size_t k = 0; k < kNumRows; ++k) {
            CHECK(counts[k] == static_cast<int64_t>(std::min(max_ids, ahead[k].size())));
            CHECK(std::equal(ahead[k].begin(), ahead[k].begin() + counts[k],
                             ids.begin() + static_cast<int64_t>(k * max_ids)));
            count(k, counts[k]);
            written_[k].insert(written_[k].end(), ahead[k].begin(), ahead[k].begin() + counts[k]);
        }
    }

    // A row that is under way may take something, and has tokens left for it.
    void check() {
        const std::vector<uint64_t> words = masks();
        std::array<uint8_t, kNumRows> conditions;
        rows_.conditions(conditions.data());
        for (size_t k = 0; k < kNumRows; ++k) {
            const size_t size = automaton_.tables().num_words;
            const auto first = words.begin() + static_cast<int64_t>(k * size);
            const bool is_empty = std::all_of(first, first + static_cast<int64_t>(size),
                                              [](uint64_t word) { return word == 0; });
            CHECK(is_empty == (conditions[k] < 2));
            CHECK(conditions[k] < 2 || left_[k] > 0);
            if (conditions[k] == 0 && !written_[k].empty()) check_program(written_[k]);
        }
    }

  private:
    // What a row has written is the spelling of a program.
    void check_program(const Ids &ids) {
        codeit::Code code;
        State state;
        CHECK(reader_.read(ids, &state, &code));
        CHECK(codeit::Code::why_not(code.words(), codeit::standard_names()).empty());
        Ids again;
        CHECK(writer_.write(code, &again));
        CHECK(again == ids);
    }

    std::vector<uint64_t> masks() const {
        std::vector<uint64_t> words(kNumRows * automaton_.tables().num_words);
        rows_.masks(words.data());
        return words;
    }
    bool is_allowed(const std::vector<uint64_t> &words, size_t row, int64_t id) const {
        if (id < 0 || id > UINT16_MAX) return false;
        const unsigned token = automaton_.tables().numbers[static_cast<size_t>(id)];
        if (token == kNoToken) return false;
        return words[row * automaton_.tables().num_words + token / 64] >> token % 64 & 1;
    }
    void count(size_t row, int64_t num_taken) {
        CHECK(num_taken <= left_[row]);
        left_[row] -= num_taken;
    }

    const Automaton &automaton_;
    ProgramReader reader_;
    ProgramWriter writer_;
    Rows rows_;
    std::array<Ids, kNumRows> written_;    // since it was begun
    std::array<int64_t, kNumRows> left_{}; // tokens
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Reader in(data, size);
    const bool is_typed = in.byte() % 2 == 1;
    const Spelling spelling = read_spelling(&in);
    Automaton automaton;
    std::string error;
    const bool is_right =
        Automaton::compile(codeit::standard_names(), spelling, is_typed, &automaton, &error);
    CHECK(is_right == error.empty());
    if (!is_right) return 0;
    Walk walk(automaton, spelling);
    while (!in.is_at_end()) {
        const uint8_t call = in.byte();
        std::array<int64_t, kNumRows> ids;
        switch (call % 8) {
        case 0:
            walk.begin(&in);
            break;
        case 1:
            walk.take_forced(in.byte() % 40);
            break;
        case 2:
            for (int64_t &id : ids) id = in.number();
            walk.advance(ids);
            break;
        default:
            for (size_t k = 0; k < kNumRows; ++k) ids[k] = walk.allowed_id(k, in.byte());
            walk.advance(ids);
        }
        walk.check();
    }
    return 0;
}
