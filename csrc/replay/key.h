// The identity of an experience: 128 bits hashed from its parent task and its program.
//
// The parts of the buffer take their bits from a key unmixed, as all are uniform: the index its tag
// from `high`, the draw its variates from `low`.
#pragma once

#include "lang/key.h"

#include <string_view>

namespace codeit::replay {

using codeit::Key;
using codeit::mix;

// The two texts are hashed with their lengths: ("ab", "c") and ("a", "bc") are different pairs.
Key make_key(std::string_view task_digest, std::string_view program);

} // namespace codeit::replay
