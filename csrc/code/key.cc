#include "code/key.h"

#include <vector>

namespace codeit {

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
    for (const CodeLine &line : code) lines.push_back(key_of_line(line, key_of_term));
}

Key key_of_result(const Key &last, Dialect dialect) {
    Lanes lanes(static_cast<uint64_t>(BeginOfKey::program));
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
