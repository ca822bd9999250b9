#include "text/program_ids.h"

namespace codeit::text {
namespace {

bool is_of_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Reads a text from its beginning.
class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    bool is_at_end() const { return text_.empty(); }
    bool skip(std::string_view what) {
        if (!text_.starts_with(what)) return false;
        text_.remove_prefix(what.size());
        return true;
    }
    std::string_view name() {
        size_t size = 0;
        while (size < text_.size() && is_of_name(text_[size])) ++size;
        std::string_view name = text_.substr(0, size);
        text_.remove_prefix(size);
        return name;
    }

  private:
    std::string_view text_;
};

// k of x_k, or 0.
unsigned number_of(std::string_view name) {
    if (name.size() < 2 || name.size() > 3 || name[0] != 'x') return 0;
    unsigned number = 0;
    for (char c : name.substr(1)) {
        if (c < '0' || c > '9' || (number == 0 && c == '0')) return 0;
        number = number * 10 + static_cast<unsigned>(c - '0');
    }
    return number;
}

void append(const Ids &ids, Ids *out) {
    out->insert(out->end(), ids.begin(), ids.end());
}

} // namespace

bool ProgramWriter::write(std::string_view text, Ids *out) const {
    const size_t num_variables = spelling_.names.size();
    std::array<unsigned, kMaxVariables + 1> numbers; // what x_k is written as
    for (unsigned k = 0; k < numbers.size(); ++k) numbers[k] = k;

    auto append_term = [&](std::string_view name, const std::vector<Ids> &spelled) {
        size_t at = language_.num_names(); // I
        if (unsigned number = number_of(name); number != 0) {
            if (number > num_variables) return false;
            at = num_fixed_of(language_) + numbers[number] - 1;
        } else if (name != "I") {
            Name meaning = language_.find(name);
            if (meaning.kind == Name::Kind::unknown) return false;
            at = meaning.number;
        }
        append(spelled[at], out);
        return true;
    };

    Reader reader(text);
    append(spelling_.start, out);
    for (unsigned line = 1;; ++line) {
        std::string_view name = reader.name();
        const unsigned number = number_of(name);
        const unsigned written = is_renumbered_ ? line : number;
        if (name != "O" && (number == 0 || number > num_variables || written > num_variables)) {
            return false;
        }
        append(name == "O" ? spelling_.output : spelling_.names[written - 1], out);
        append(spelling_.assign, out);
        if (!reader.skip(" = ") || !append_term(reader.name(), spelling_.functions)) return false;
        append(spelling_.open, out);
        if (!reader.skip("(") || !append_term(reader.name(), spelling_.first_arguments)) {
            return false;
        }
        while (reader.skip(", ")) {
            append(spelling_.separator, out);
            if (!append_term(reader.name(), spelling_.arguments)) return false;
        }
        append(spelling_.close, out);
        if (!reader.skip(")")) return false;
        if (name == "O") break;
        append(spelling_.newline, out);
        if (!reader.skip("\n")) return false;
        numbers[number] = written;
    }
    append(spelling_.end, out);
    return reader.is_at_end();
}

std::vector<ProgramWriter::Written>
ProgramWriter::write_all(std::span<const std::string_view> texts) const {
    std::vector<Written> all(texts.size());
    for (size_t k = 0; k < texts.size(); ++k) {
        all[k].ids.reserve(texts[k].size());
        all[k].is_written = write(texts[k], &all[k].ids);
    }
    return all;
}

} // namespace codeit::text
