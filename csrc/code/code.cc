// Checks codes from outside, and prints codes as the normal text of language.md 1.2.
//
// Whatever reads a code relies on what code.h says is true of every code, and looks at no index
// again. The parser and mutation make nothing else; words from a file or another process pass
// why_not() first.
#include "code/code.h"

#include <algorithm>

namespace codeit {
namespace {

// Which constants, by number, and I in the end, a line before has taken the name of.
class Shadowed {
  public:
    explicit Shadowed(const Language &language)
        : language_(language), is_shadowed_(language.num_names() + 1) {}

    bool may_be(Term term) const { return term == kInput || language_.is_constant(term); }
    bool has(Term term) const { return is_shadowed_[place_of(term)]; }
    void add(Term term) { is_shadowed_[place_of(term)] = true; }

  private:
    size_t place_of(Term term) const { return term == kInput ? language_.num_names() : term; }

    const Language &language_;
    std::vector<bool> is_shadowed_;
};

// What is wrong with a line, or nothing.
const char *why_not(const CodeLine &line, size_t number, bool is_last, const Language &language,
                    const Shadowed &shadowed) {
    const bool shadows = line.outer != kNoTerm;
    auto is_known = [&](Term term) {
        if (shadowed.may_be(term)) return !shadowed.has(term);
        // A line may mention itself, which has no value yet, unless its name still means what it
        // shadows.
        if (is_line(term)) return line_of(term) < number + !shadows;
        return language.is_primitive(term);
    };
    if (shadows && (!shadowed.may_be(line.outer) || shadowed.has(line.outer))) {
        return "shadows what is no constant nor I, or is shadowed already";
    }
    if (shadows && is_last) return "shadows something, although it is O";
    if (line.arguments.empty()) return "has no arguments";
    const bool is_function =
        shadowed.may_be(line.function) ? line.function == line.outer : is_known(line.function);
    if (!is_function) return "calls what is no primitive and no line up to there";
    if (!std::all_of(line.arguments.begin(), line.arguments.end(), is_known)) {
        return "has an argument that is no name and no line up to there";
    }
    return nullptr;
}

} // namespace

std::string Code::why_not(std::span<const uint16_t> words, const Language &language) {
    if (words.empty()) return "there are no lines";
    if (words.size() > kMaxWords)
        return "there are more than " + std::to_string(kMaxWords) + " words";
    size_t num_lines = 0;
    for (size_t at = 0; at < words.size(); ++num_lines) {
        const size_t left = words.size() - at;
        const size_t needed = left < 2 ? 2
                                       : size_t{2} + ((words[at + 1] & kShadows) != 0) +
                                             (words[at + 1] & kMaxArguments);
        if (needed > left) return "line " + std::to_string(num_lines + 1) + " is cut off";
        at += needed;
    }
    if (num_lines > kMaxLines) return "there are more than " + std::to_string(kMaxLines) + " lines";
    const Code code(words);
    Shadowed shadowed(language);
    size_t number = 0;
    for (const CodeLine &line : code) {
        ++number;
        const char *fault = codeit::why_not(line, number, number == num_lines, language, shadowed);
        if (fault != nullptr) return "line " + std::to_string(number) + " " + fault;
        if (line.outer != kNoTerm) shadowed.add(line.outer);
    }
    const std::vector<uint32_t> repeats = repeats_of(code);
    const auto most = std::max_element(repeats.begin(), repeats.end());
    if (*most > kMaxRepeats) {
        return "line " + std::to_string(most - repeats.begin() + 1) + " repeats a call more than " +
               std::to_string(kMaxRepeats) + " times";
    }
    return {};
}

Code::Code(std::span<const uint16_t> words) : words_(words.begin(), words.end()) {
    for (const CodeLine &line : *this) {
        ++num_lines_;
        has_shadows_ = has_shadows_ || line.outer != kNoTerm;
    }
}

namespace {

// The terms as the text names them: a line that shadows has the name of what it shadows, so that
// one text may stand for either.
class Spelling {
  public:
    explicit Spelling(const Code &code) : num_lines_(code.num_lines()) {
        if (!code.has_shadows()) return;
        outer_.push_back(kNoTerm);
        for (const CodeLine &line : code) outer_.push_back(line.outer);
    }

    Term spelled(Term term) const {
        if (outer_.empty() || !is_line(term) || outer_[line_of(term)] == kNoTerm) return term;
        return outer_[line_of(term)];
    }

    void append(Term term, const Language &language, std::string *text) const {
        term = spelled(term);
        if (!is_line(term)) {
            text->append(language.name_of(term));
        } else if (term == kInput) {
            *text += 'I';
        } else if (line_of(term) == num_lines_) {
            *text += 'O';
        } else {
            text->append("x").append(std::to_string(line_of(term)));
        }
    }

  private:
    size_t num_lines_;
    std::vector<Term> outer_; // by line; empty where none shadows
};

} // namespace

std::vector<uint32_t> repeats_of(const Code &code) {
    const Spelling spelling(code);
    std::vector<CodeLine> lines;
    lines.reserve(code.num_lines());
    for (const CodeLine &line : code) lines.push_back(line);
    auto compare = [&](const CodeLine &a, const CodeLine &b) {
        auto by_term = [&](Term of_a, Term of_b) {
            return spelling.spelled(of_a) <=> spelling.spelled(of_b);
        };
        if (auto order = by_term(a.function, b.function); order != 0) return order;
        return std::lexicographical_compare_three_way(a.arguments.begin(), a.arguments.end(),
                                                      b.arguments.begin(), b.arguments.end(),
                                                      by_term);
    };
    // Sorted, lines of one call stand together, in their order.
    std::vector<uint32_t> order(lines.size());
    for (uint32_t k = 0; k < order.size(); ++k) order[k] = k;
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
        auto compared = compare(lines[a], lines[b]);
        return compared != 0 ? compared < 0 : a < b;
    });
    std::vector<uint32_t> repeats(lines.size());
    for (size_t k = 1; k < order.size(); ++k) {
        if (compare(lines[order[k - 1]], lines[order[k]]) == 0) {
            repeats[order[k]] = repeats[order[k - 1]] + 1;
        }
    }
    return repeats;
}

void NeededLines::write(const Code &code, Code *out) {
    out->clear();
    lines_.clear();
    for (const CodeLine &line : code) lines_.push_back(line);
    const size_t num_lines = lines_.size();
    numbers_.assign(num_lines + 1, code.has_shadows());
    numbers_[num_lines] = 1;
    auto need = [&](Term term) {
        if (is_line(term)) numbers_[line_of(term)] = 1;
    };
    for (size_t k = num_lines; k > 0; --k) {
        if (numbers_[k] == 0) continue;
        need(lines_[k - 1].function);
        for (Term argument : lines_[k - 1].arguments) need(argument);
    }
    numbers_[0] = 0;
    uint16_t number = 0;
    auto renumbered = [&](Term term) {
        return is_line(term) ? term_of_line(numbers_[line_of(term)]) : term;
    };
    for (size_t k = 1; k <= num_lines; ++k) {
        if (numbers_[k] == 0) continue;
        numbers_[k] = ++number;
        const CodeLine &line = lines_[k - 1];
        out->add_line(renumbered(line.function), line.outer);
        for (Term argument : line.arguments) out->add_argument(renumbered(argument));
    }
}

std::string text_of(const Code &code, const Language &language) {
    const Spelling spelling(code);
    const std::vector<uint32_t> repeats = repeats_of(code);
    std::string text;
    text.reserve(code.words().size() * 8);
    size_t number = 0;
    for (const CodeLine &line : code) {
        if (number > 0) text += '\n';
        spelling.append(term_of_line(number + 1), language, &text);
        text += " = ";
        spelling.append(line.function, language, &text);
        text += '(';
        for (size_t k = 0; k < line.arguments.size(); ++k) {
            if (k > 0) text += ", ";
            spelling.append(line.arguments[k], language, &text);
        }
        text += ')';
        text.append(repeats[number++], ' ');
    }
    return text;
}

} // namespace codeit
