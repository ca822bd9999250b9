// A program's identity: 128 bits that do not depend on how it is written (language.md 1.6).
//
// The key of a line is hashed from the names and from the keys of the lines that it mentions, and
// that of a program is that of O. So lines that O does not need, the order of lines and a call that
// stands twice make no difference, nor do the numbers of the names. Two programs of one key return
// the same value; but a line that O does not need costs fuel and memory, and may fail.
#pragma once

#include "code/code.h"
#include "lang/key.h"

namespace codeit {

Key key_of(const Code &code, const Language &language, Dialect dialect);

// Those of I and of every line, in a list that is written anew.
void keys_of_lines(const Code &code, const Language &language, std::vector<Key> *out);

// Of a line, from those of the terms that it mentions; its mention of itself has kKeyOfItself.
template <typename KeyOfTerm>
Key key_of_line(const CodeLine &line, KeyOfTerm key_of_term);

// Of a program, from that of its last line.
Key key_of_result(const Key &last, Dialect dialect);

// ---- Implementation ----

// What is hashed begins with what it is; a name does with lang/key.h's.
enum class BeginOfKey : uint64_t { special = kBeginOfName + 1, call, shadowing_call, program };

constexpr Key key_of_special(std::string_view name) {
    Lanes lanes(static_cast<uint64_t>(BeginOfKey::special));
    lanes.absorb(name);
    return lanes.key();
}

inline constexpr Key kKeyOfInput = key_of_special("input");
inline constexpr Key kKeyOfItself = key_of_special("itself");

template <typename KeyOfTerm>
Key key_of_line(const CodeLine &line, KeyOfTerm key_of_term) {
    const bool shadows = line.outer != kNoTerm;
    Lanes lanes(static_cast<uint64_t>(shadows ? BeginOfKey::shadowing_call : BeginOfKey::call));
    if (shadows) lanes.absorb(key_of_term(line.outer));
    lanes.absorb(line.arguments.size());
    lanes.absorb(key_of_term(line.function));
    for (Term argument : line.arguments) lanes.absorb(key_of_term(argument));
    return lanes.key();
}

} // namespace codeit
