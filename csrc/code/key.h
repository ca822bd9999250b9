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

// Of a program, from that of its last line.
Key key_of_result(const Key &last, Dialect dialect);

} // namespace codeit
