// Program text to code, in one pass (language.md 1.2).
//
// Nothing of the text is copied: names and calls are views of it, looked up in tables with open
// addressing. Sampled texts are hostile, so the tables' hash has a secret of this process, and
// lines, arguments, names and repeated calls are bounded: the time is linear in the text. The order
// in which a line's rules are checked is part of the language, as the first that is broken is
// reported.
#include "code/parser.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

namespace codeit {
namespace {

constexpr std::string_view kAssign = " = ";

bool is_blank(char c) {
    // What Python's str.strip() removes from ASCII text.
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f');
}

std::string_view without_leading_blanks(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    return text;
}

std::string_view without_trailing_blanks(std::string_view text) {
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// Without leaving at the first character that is not, so that many are looked at together.
bool is_ascii(std::string_view text) {
    bool is_bad = false;
    for (char c : text) is_bad |= c <= 0;
    return !is_bad;
}

// A name or an argument as an error shows it: quoted, cut when long.
std::string quoted(std::string_view text) {
    constexpr size_t kMaxShown = 40;
    bool is_cut = text.size() > kMaxShown;
    std::string shown(text.substr(0, kMaxShown));
    return "'" + shown + (is_cut ? "...'" : "'");
}

// Another number in every process, so that no text can be written whose names all meet in one place
// of a table. Nothing but the place of an entry depends on it.
const uint64_t kSecret = uint64_t{std::random_device{}()} << 32 | std::random_device{}();

// Both halves of the product.
uint64_t fold(uint64_t a, uint64_t b) {
    __extension__ using Product = unsigned __int128;
    Product product = Product{a} * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Eight bytes at a time; texts are short.
uint64_t hash_of_text(std::string_view text) {
    constexpr uint64_t kOdd = 0x9E3779B97F4A7C15u;
    uint64_t hash = text.size() ^ kSecret;
    const char *at = text.data();
    size_t left = text.size();
    uint64_t word = 0;
    for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
        std::memcpy(&word, at, sizeof word);
        hash = fold(hash ^ word, kOdd);
    }
    word = 0;
    std::memcpy(&word, at, left);
    return fold(hash ^ word, kOdd);
}

inline constexpr uint32_t kAbsent = UINT32_MAX;

// Text -> entry, for texts that outlive the map. One of fewer than kSmall / 2 entries needs no
// memory of its own.
template <typename Mapped, size_t kSmall>
class TextMap {
  public:
    // The place of a text's entry, made anew when the text is new.
    Mapped &operator[](std::string_view text) {
        if (size_ * 2 >= capacity_) grow();
        Entry &entry = find(entries_, capacity_, text);
        if (entry.text.data() == nullptr) {
            entry.text = text;
            ++size_;
        }
        return entry.mapped;
    }

    // What a text maps to, or what a new one would.
    const Mapped &find(std::string_view text) { return find(entries_, capacity_, text).mapped; }

  private:
    struct Entry {
        std::string_view text;
        Mapped mapped;
    };
    static Entry &find(Entry *entries, size_t capacity, std::string_view text) {
        size_t mask = capacity - 1;
        size_t at = hash_of_text(text) & mask;
        while (entries[at].text.data() != nullptr && entries[at].text != text) at = (at + 1) & mask;
        return entries[at];
    }

    void grow() {
        std::vector<Entry> larger(capacity_ * 2);
        for (size_t k = 0; k < capacity_; ++k) {
            if (entries_[k].text.data() != nullptr) {
                find(larger.data(), larger.size(), entries_[k].text) = entries_[k];
            }
        }
        large_ = std::move(larger);
        entries_ = large_.data();
        capacity_ = large_.size();
    }

    Entry small_[kSmall];
    std::vector<Entry> large_;
    Entry *entries_ = small_;
    size_t capacity_ = kSmall;
    size_t size_ = 0;
};

// A line, or kAbsent.
struct Line {
    uint32_t number = kAbsent;
};

// What is known of a call.
struct Calls {
    uint32_t plain_line = kAbsent; // where it stands without blanks at its end
    uint32_t repeats = kAbsent;    // lines that hold it, but one
};

// The lines that bind variables. Most variables are called x1, x2, ..., and need no map.
class Variables {
  public:
    Variables() { std::fill(std::begin(numbered_), std::end(numbered_), kAbsent); }

    // Whether a text is the name of one of the numbered variables, which no primitive and no
    // constant is.
    static bool is_numbered(std::string_view name) { return number_of(name) < kNumNumbered; }

    uint32_t &operator[](std::string_view name) {
        size_t number = number_of(name);
        return number < kNumNumbered ? numbered_[number] : others_[name].number;
    }
    uint32_t find(std::string_view name) {
        size_t number = number_of(name);
        return number < kNumNumbered ? numbered_[number] : others_.find(name).number;
    }

  private:
    static constexpr size_t kNumNumbered = 100;

    // kNumNumbered for any other name.
    static size_t number_of(std::string_view name) {
        auto digit = [&](size_t k) { return static_cast<size_t>(name[k] - '0'); };
        if (name.size() < 2 || name.size() > 3 || name[0] != 'x') return kNumNumbered;
        if (digit(1) - 1 > 8 || (name.size() == 3 && digit(2) > 9)) return kNumNumbered;
        return name.size() == 2 ? digit(1) : digit(1) * 10 + digit(2);
    }

    uint32_t numbered_[kNumNumbered];
    TextMap<Line, 4> others_; // O, mostly
};

class Parser {
  public:
    Parser(std::string_view text, const Language &language, Code *code, ParseError *error)
        : language_(language), code_(code), error_(error) {
        while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
        text_ = text;
        num_lines_ = 1 + static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    }

    bool parse() {
        if (text_.size() > kMaxBytes) {
            return fail(1, "begins a text of more than " + std::to_string(kMaxBytes) + " bytes");
        }
        code_->reserve(std::min(num_lines_ * kUsualWords, kMaxWords));
        std::string_view rest = text_;
        for (size_t line = 1; line <= num_lines_; ++line) {
            size_t end = std::min(rest.find('\n'), rest.size());
            if (!parse_line(line, rest.substr(0, end))) return false;
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        return true;
    }

  private:
    static constexpr size_t kMaxBytes = size_t{64} << 20;
    static constexpr size_t kUsualWords = 5; // of a line

    bool fail(size_t line, std::string reason) {
        error_->line = line;
        error_->reason = std::move(reason);
        return false;
    }

    bool parse_line(size_t line, std::string_view raw) {
        if (line > kMaxLines) {
            return fail(line, "is one more than the " + std::to_string(kMaxLines) +
                                  " that a program may have");
        }
        if (!is_ascii(raw)) {
            return fail(line, "has a character that is not ASCII text");
        }
        std::string_view assignment = without_leading_blanks(raw);
        size_t assign = assignment.find(kAssign);
        if (assign == std::string_view::npos ||
            assignment.find(kAssign, assign + kAssign.size()) != std::string_view::npos) {
            return fail(line, "is not a variable assignment");
        }
        std::string_view name = assignment.substr(0, assign);
        std::string_view raw_call = assignment.substr(assign + kAssign.size());
        std::string_view call = without_trailing_blanks(raw_call);
        size_t open = call.find('(');
        if (open == std::string_view::npos || call.find('(', open + 1) != std::string_view::npos) {
            return fail(line, "does not have exactly one open parenthesis");
        }
        if (line == num_lines_ && name != "O")
            return fail(line, "does not have variable name of O");
        Name meaning = meaning_of(name);
        if (meaning.kind == Name::Kind::primitive) {
            return fail(line, "has a variable name that is a primitive function: " + quoted(name));
        }
        uint32_t &bound = lines_by_name_[name];
        if (bound != kAbsent) {
            return fail(line, "has a variable name that has already been used: " + quoted(name));
        }
        if (!is_identifier(name)) {
            return fail(line, "has a variable name that is not an identifier: " + quoted(name));
        }
        Calls &calls = calls_[call];
        bool has_blanks = raw_call.size() != call.size();
        uint32_t &seen = has_blanks ? lines_by_blank_call_[raw_call].number : calls.plain_line;
        if (seen != kAbsent) {
            return fail(line, "has a function call that has already been used, on line " +
                                  std::to_string(seen));
        }
        seen = static_cast<uint32_t>(line);

        // The name counts as known from here on, although it has no value yet: where it shadows a
        // constant or I, this line still sees that.
        Term outer = kNoTerm;
        if (name == "I") outer = kInput;
        if (meaning.kind == Name::Kind::constant) outer = meaning.number;
        own_name_ = name;
        own_term_ = outer != kNoTerm ? outer : term_of_line(line);

        std::string_view function = call.substr(0, open);
        std::string_view rest = call.substr(open + 1);
        Term function_term;
        if (!resolve_function(function, &function_term)) {
            return fail(line,
                        "has a function call that is not a primitive function or a variable: " +
                            quoted(function));
        }
        if (rest.empty()) return fail(line, "has a function call with no arguments");
        if (rest.back() != ')') return fail(line, "does not have a closing parenthesis");
        rest.remove_suffix(1);
        code_->add_line(function_term, outer);
        if (!parse_arguments(line, rest)) return false;
        bound = static_cast<uint32_t>(line);

        const size_t repeats = calls.repeats == kAbsent ? 0 : size_t{calls.repeats} + 1;
        calls.repeats = static_cast<uint32_t>(repeats);
        if (repeats > kMaxRepeats) {
            return fail(line, "has a function call that has already been used " +
                                  std::to_string(kMaxRepeats + 1) + " times");
        }
        return true;
    }

    bool parse_arguments(size_t line, std::string_view text) {
        constexpr std::string_view kSeparator = ", ";
        bool is_list = text.find(',') != std::string_view::npos;
        for (size_t count = 1;; ++count) {
            size_t end = is_list ? text.find(kSeparator) : std::string_view::npos;
            std::string_view argument = text.substr(0, end);
            Term term;
            if (!resolve_argument(argument, &term)) {
                return fail(line, "has an argument " + quoted(argument) +
                                      " that is not a variable, primitive function, primitive "
                                      "constant, or input");
            }
            if (count > kMaxArguments) {
                return fail(line, "has more than " + std::to_string(kMaxArguments) + " arguments");
            }
            code_->add_argument(term);
            if (code_->words().size() > kMaxWords) {
                return fail(line,
                            "ends a program of more than " + std::to_string(kMaxWords) + " names");
            }
            if (end == std::string_view::npos) return true;
            text.remove_prefix(end + kSeparator.size());
        }
    }

    bool resolve_variable(std::string_view name, Term *out) {
        if (name == own_name_) {
            *out = own_term_;
            return true;
        }
        uint32_t line = lines_by_name_.find(name);
        if (line == kAbsent) return false;
        *out = term_of_line(line);
        return true;
    }

    Name meaning_of(std::string_view name) const {
        return Variables::is_numbered(name) ? Name{} : language_.find(name);
    }

    bool resolve_function(std::string_view name, Term *out) {
        Name meaning = meaning_of(name);
        if (meaning.kind == Name::Kind::primitive) {
            *out = meaning.number;
            return true;
        }
        return resolve_variable(name, out);
    }

    bool resolve_argument(std::string_view name, Term *out) {
        Name meaning = meaning_of(name);
        if (meaning.kind == Name::Kind::primitive) {
            *out = meaning.number;
            return true;
        }
        if (resolve_variable(name, out)) return true;
        if (meaning.kind == Name::Kind::constant) {
            *out = meaning.number;
            return true;
        }
        *out = kInput;
        return name == "I";
    }

    const Language &language_;
    std::string_view text_;
    size_t num_lines_;
    Code *code_;
    ParseError *error_;
    Variables lines_by_name_;
    TextMap<Calls, 64> calls_;             // by text without the blanks at its end
    TextMap<Line, 4> lines_by_blank_call_; // with them, where there are some
    std::string_view own_name_;
    Term own_term_ = kInput;
};

} // namespace

bool parse(std::string_view text, const Language &language, Code *out, ParseError *error) {
    *out = Code();
    return Parser(text, language, out, error).parse();
}

} // namespace codeit
