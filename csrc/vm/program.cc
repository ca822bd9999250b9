#include "vm/program.h"

#include <algorithm>
#include <array>

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

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_identifier(std::string_view name) {
    static constexpr std::array<std::string_view, 35> kKeywords = {
        "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
        "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
        "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
        "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};
    if (name.empty() || !is_letter(name[0])) return false;
    for (char c : name) {
        if (!is_letter(c) && (c < '0' || c > '9')) return false;
    }
    return std::find(kKeywords.begin(), kKeywords.end(), name) == kKeywords.end();
}

// A name or an argument as an error shows it: quoted, cut when long.
std::string quoted(std::string_view text) {
    constexpr size_t kMaxShown = 40;
    bool is_cut = text.size() > kMaxShown;
    std::string shown(text.substr(0, kMaxShown));
    return "'" + shown + (is_cut ? "...'" : "'");
}

// Text -> number, for texts that outlive the map.
class TextMap {
  public:
    static constexpr uint32_t kAbsent = UINT32_MAX;

    // The place of a text's number; holds kAbsent when the text is new.
    uint32_t &operator[](std::string_view text) {
        if (size_ * 2 >= entries_.size()) grow();
        Entry &entry = find(entries_, text);
        if (entry.text.data() == nullptr) {
            entry.text = text;
            ++size_;
        }
        return entry.number;
    }

  private:
    struct Entry {
        std::string_view text;
        uint32_t number = kAbsent;
    };

    static Entry &find(std::vector<Entry> &entries, std::string_view text) {
        size_t mask = entries.size() - 1;
        size_t at = std::hash<std::string_view>{}(text)&mask;
        while (entries[at].text.data() != nullptr && entries[at].text != text) at = (at + 1) & mask;
        return entries[at];
    }

    void grow() {
        std::vector<Entry> larger(std::max<size_t>(64, entries_.size() * 2));
        for (const Entry &entry : entries_) {
            if (entry.text.data() != nullptr) find(larger, entry.text) = entry;
        }
        entries_ = std::move(larger);
    }

    std::vector<Entry> entries_;
    size_t size_ = 0;
};

Value constant_value(const ConstantRow &row) {
    switch (row.type) {
    case Type::Boolean:
        return Value::boolean(row.first != 0);
    case Type::Integer:
        return Value::of_int(row.first);
    default:
        return Value::pair(row.first, row.second);
    }
}

} // namespace

class Parser {
  public:
    Parser(std::string_view text, Program *program, ParseError *error)
        : program_(program), error_(error) {
        while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
        text_ = text;
        num_lines_ = 1 + static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
        std::fill(std::begin(pooled_), std::end(pooled_), kNotPooled);
    }

    bool parse() {
        if (text_.size() > kMaxBytes) {
            return fail(1, "begins a text of more than " + std::to_string(kMaxBytes) + " bytes");
        }
        program_->instructions_.reserve(num_lines_);
        program_->arguments_.reserve(num_lines_ * 3);
        program_->text_.reserve(text_.size() + 1);
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
    static constexpr uint32_t kMaxRepeats = 255; // of one call; keeps the normalised text linear
    static constexpr uint32_t kNotPooled = UINT32_MAX;

    bool fail(size_t line, std::string reason) {
        error_->line = line;
        error_->reason = std::move(reason);
        return false;
    }

    bool parse_line(size_t line, std::string_view raw) {
        if (std::any_of(raw.begin(), raw.end(), [](char c) { return c < 0 || c == '\0'; })) {
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
        Name meaning = find_name(name);
        if (meaning.kind == Name::Kind::primitive) {
            return fail(line, "has a variable name that is a primitive function: " + quoted(name));
        }
        uint32_t &bound = lines_by_name_[name];
        if (bound != TextMap::kAbsent) {
            return fail(line, "has a variable name that has already been used: " + quoted(name));
        }
        if (!is_identifier(name)) {
            return fail(line, "has a variable name that is not an identifier: " + quoted(name));
        }
        uint32_t &seen = lines_by_call_[raw_call];
        if (seen != TextMap::kAbsent) {
            return fail(line, "has a function call that has already been used, on line " +
                                  std::to_string(seen));
        }
        seen = static_cast<uint32_t>(line);

        // The name counts as known from here on, although it has no value yet: where it shadows a
        // constant or I, this line still sees that.
        Operand outer = Program::kNoOuter;
        if (name == "I") outer = 0;
        if (meaning.kind == Name::Kind::constant) outer = pool_operand(meaning);
        own_name_ = name;
        own_operand_ = outer != Program::kNoOuter ? outer : static_cast<Operand>(line);

        std::string_view function = call.substr(0, open);
        std::string_view rest = call.substr(open + 1);
        Instruction instruction;
        if (!resolve_function(function, &instruction.function)) {
            return fail(line,
                        "has a function call that is not a primitive function or a variable: " +
                            quoted(function));
        }
        if (rest.empty()) return fail(line, "has a function call with no arguments");
        if (rest.back() != ')') return fail(line, "does not have a closing parenthesis");
        rest.remove_suffix(1);
        instruction.first_argument = static_cast<uint32_t>(program_->arguments_.size());
        if (!parse_arguments(line, rest)) return false;
        instruction.num_arguments =
            static_cast<uint32_t>(program_->arguments_.size()) - instruction.first_argument;
        program_->instructions_.push_back(instruction);

        lines_by_name_[name] = static_cast<uint32_t>(line);
        if (outer != Program::kNoOuter) {
            program_->outer_.resize(num_lines_ + 1, Program::kNoOuter);
            program_->outer_[line] = outer;
        }
        return append_normalised(line, name, call);
    }

    bool parse_arguments(size_t line, std::string_view text) {
        constexpr std::string_view kSeparator = ", ";
        bool is_list = text.find(',') != std::string_view::npos;
        for (;;) {
            size_t end = is_list ? text.find(kSeparator) : std::string_view::npos;
            std::string_view argument = text.substr(0, end);
            Operand operand;
            if (!resolve_argument(argument, &operand)) {
                return fail(line, "has an argument " + quoted(argument) +
                                      " that is not a variable, primitive function, primitive "
                                      "constant, or input");
            }
            program_->arguments_.push_back(operand);
            if (end == std::string_view::npos) return true;
            text.remove_prefix(end + kSeparator.size());
        }
    }

    bool resolve_variable(std::string_view name, Operand *out) {
        if (name == own_name_) {
            *out = own_operand_;
            return true;
        }
        uint32_t line = lines_by_name_[name];
        if (line == TextMap::kAbsent) return false;
        *out = line;
        return true;
    }

    bool resolve_function(std::string_view name, Operand *out) {
        Name meaning = find_name(name);
        if (meaning.kind == Name::Kind::primitive) {
            *out = pool_operand(meaning);
            return true;
        }
        return resolve_variable(name, out);
    }

    bool resolve_argument(std::string_view name, Operand *out) {
        Name meaning = find_name(name);
        if (meaning.kind == Name::Kind::primitive) {
            *out = pool_operand(meaning);
            return true;
        }
        if (resolve_variable(name, out)) return true;
        if (meaning.kind == Name::Kind::constant) {
            *out = pool_operand(meaning);
            return true;
        }
        *out = 0;
        return name == "I";
    }

    Operand pool_operand(Name meaning) {
        bool is_primitive = meaning.kind == Name::Kind::primitive;
        uint32_t &at = pooled_[is_primitive ? meaning.index : kNumPrimitives + meaning.index];
        if (at == kNotPooled) {
            at = static_cast<uint32_t>(program_->pool_.size());
            program_->pool_.push_back(is_primitive
                                          ? Value::of_primitive(static_cast<Opcode>(meaning.index))
                                          : constant_value(kConstants[meaning.index]));
        }
        return static_cast<Operand>(num_lines_ + 1 + at);
    }

    bool append_normalised(size_t line, std::string_view name, std::string_view call) {
        uint32_t &repeats = repeats_by_call_[call];
        repeats = repeats == TextMap::kAbsent ? 0 : repeats + 1;
        if (repeats > kMaxRepeats) {
            return fail(line, "has a function call that has already been used " +
                                  std::to_string(kMaxRepeats + 1) + " times");
        }
        std::string &text = program_->text_;
        if (line > 1) text += '\n';
        text.append(name).append(kAssign).append(call).append(repeats, ' ');
        return true;
    }

    std::string_view text_;
    size_t num_lines_;
    Program *program_;
    ParseError *error_;
    TextMap lines_by_name_;
    TextMap lines_by_call_;   // with the blanks at their end
    TextMap repeats_by_call_; // without
    uint32_t pooled_[kNumPrimitives + kNumConstants];
    std::string_view own_name_;
    Operand own_operand_ = 0;
};

bool Program::parse(std::string_view text, Dialect dialect, Program *out, ParseError *error) {
    *out = Program();
    out->dialect_ = dialect;
    return Parser(text, out, error).parse();
}

} // namespace codeit
