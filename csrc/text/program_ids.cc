#include "text/program_ids.h"

#include <algorithm>

namespace codeit::text {
namespace {

void append(const Ids &ids, Ids *out) {
    out->insert(out->end(), ids.begin(), ids.end());
}

constexpr size_t kUsualIds = 3; // of a term, with what stands around it

// Of a code without shadows, and of no more lines than a tokenizer writes.
bool has_call_twice(const Code &code) {
    std::array<CodeLine, kMaxVariables + 1> lines;
    size_t num_lines = 0;
    for (const CodeLine &line : code) {
        for (size_t k = 0; k < num_lines; ++k) {
            if (lines[k].function == line.function &&
                std::ranges::equal(lines[k].arguments, line.arguments)) {
                return true;
            }
        }
        lines[num_lines++] = line;
    }
    return false;
}

} // namespace

bool ProgramWriter::write(const Code &code, Ids *out) const {
    const size_t num_variables = spelling_.names.size();
    if (code.num_lines() > num_variables + 1 || code.has_shadows() || has_call_twice(code)) {
        return false;
    }
    out->reserve(code.words().size() * kUsualIds);
    append(spelling_.start, out);
    size_t number = 0;
    for (const CodeLine &line : code) {
        const bool is_last = ++number == code.num_lines();
        // A line may mention itself; no spelling has O there.
        const Term own = term_of_line(number);
        if (is_last && (line.function == own ||
                        std::ranges::find(line.arguments, own) != line.arguments.end())) {
            return false;
        }
        append(is_last ? spelling_.output : spelling_.names[number - 1], out);
        append(spelling_.assign, out);
        append(spelling_.functions[place_of(line.function)], out);
        append(spelling_.open, out);
        append(spelling_.first_arguments[place_of(line.arguments[0])], out);
        for (Term argument : line.arguments.subspan(1)) {
            append(spelling_.separator, out);
            append(spelling_.arguments[place_of(argument)], out);
        }
        append(spelling_.close, out);
        append(is_last ? spelling_.end : spelling_.newline, out);
    }
    return true;
}

bool ProgramReader::read(std::span<const uint16_t> ids, State *state, Code *out) const {
    *out = Code();
    if (ids.size() < automaton_->min_tokens() || ids.size() > UINT16_MAX) return false;
    const uint16_t *numbers = automaton_->tables().numbers.data(); // of every id of 16 bits
    // Where tokens are scarce, it would take longer to tell what still fits.
    automaton_->begin(state, UINT16_MAX);
    for (uint16_t id : ids) {
        if (!automaton_->advance(state, numbers[id])) return false;
    }
    if (state->node != kFinished) return false;
    for (size_t line = 0; line < state->num_variables; ++line) {
        add_line(state->functions[line], state->arguments[line], out);
    }
    add_line(state->function, state->call, out);
    return true;
}

std::vector<Code> ProgramReader::read_rows(const int64_t *rows, size_t num_rows, size_t num_ids,
                                           int64_t end) const {
    std::vector<Code> codes(num_rows);
    State state;
    Ids ids;
    for (Code &code : codes) {
        const std::span<const int64_t> row(rows, num_ids);
        rows += num_ids;
        const auto last = std::ranges::find(row, end);
        const bool are_ids =
            std::all_of(row.begin(), last, [](int64_t id) { return id >= 0 && id <= UINT16_MAX; });
        if (last == row.end() || !are_ids) continue;
        ids.assign(row.begin(), last + 1);
        if (!read(ids, &state, &code)) code = Code();
    }
    return codes;
}

void ProgramReader::add_line(Term function, const std::array<Term, kMaxArity> &arguments,
                             Code *out) const {
    out->add_line(term_of_code(function));
    for (Term argument : arguments) {
        if (argument == kNoTerm) break;
        out->add_argument(term_of_code(argument));
    }
}

std::vector<ProgramWriter::Written>
ProgramWriter::write_all(std::span<const Code *const> codes) const {
    std::vector<Written> all(codes.size());
    for (size_t k = 0; k < codes.size(); ++k) {
        if (codes[k] != nullptr) all[k].is_written = write(*codes[k], &all[k].ids);
    }
    return all;
}

} // namespace codeit::text
