// A program's identity: 128 bits that do not depend on how it is written.
//
// The key of a line is hashed from the names and from the keys of the lines that it mentions, and
// that of a program is that of O. So lines that O does not need, the order of lines and a call that
// stands twice make no difference, nor do the numbers of the names. Two programs of one key return
// the same value; but a line that O does not need costs fuel and memory, and may fail.
#pragma once

#include "code/code.h"

#include <cstdint>

namespace codeit {

// Every bit is uniform: among ten million programs two share a key with probability 2e-25.
struct Key {
    uint64_t low = 0;
    uint64_t high = 0;

    bool operator==(const Key &) const = default;
};

Key key_of(const Code &code, Dialect dialect);

// Of all names and what they stand for: two builds of one number read each other's codes.
uint64_t language_digest();

} // namespace codeit
