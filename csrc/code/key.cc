#include "code/key.h"

#include <string_view>
#include <vector>

namespace codeit {
namespace {

// What is hashed begins with what it is; a name does with lang/key.h's.
enum Begin : uint64_t { kSpecial = kBeginOfName + 1, kCall, kShadowingCall, kProgram };

constexpr Key key_of_special(std::string_view name) {
    Lanes lanes(kSpecial);
    lanes.absorb(name);
    return lanes.key();
}

constexpr Key kKeyOfInput = key_of_special("input");
constexpr Key kKeyOfItself = key_of_special("itself"); // a line's mention of itself

} // namespace

void keys_of_lines(const Code &code, const Language &language, std::vector<Key> *out) {
    std::vector<Key> &lines = *out;
    lines.clear();
    lines.reserve(code.num_lines() + 1);
    lines.push_back(kKeyOfInput);
    // The line that is hashed has no key yet; it is the only one without that a line can mention.
    auto key_of_term = [&](Term term) {
        if (!is_line(term)) return language.key_of(term);
        return line_of(term) < lines.size() ? lines[line_of(term)] : kKeyOfItself;
    };
    for (const CodeLine &line : code) {
        Lanes lanes(line.outer == kNoTerm ? kCall : kShadowingCall);
        if (line.outer != kNoTerm) lanes.absorb(key_of_term(line.outer));
        lanes.absorb(line.arguments.size());
        lanes.absorb(key_of_term(line.function));
        for (Term argument : line.arguments) lanes.absorb(key_of_term(argument));
        lines.push_back(lanes.key());
    }
}

Key key_of_result(const Key &last, Dialect dialect) {
    Lanes lanes(kProgram);
    lanes.absorb(static_cast<uint64_t>(dialect));
    lanes.absorb(last);
    return lanes.key();
}

Key key_of(const Code &code, const Language &language, Dialect dialect) {
    std::vector<Key> lines;
    keys_of_lines(code, language, &lines);
    return key_of_result(lines.back(), dialect);
}

} // namespace codeit
