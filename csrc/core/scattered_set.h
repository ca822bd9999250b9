// Unions of cells that have no bits: two colors at one place, or too wide.
#pragma once

#include "core/packed_table.h"
#include "core/patch_union.h"

namespace codeit {

// For constructions: the table that GEN makes of the elements of packed sets in turn, of which none
// but PatchUnion has been made. A set that adds nothing to it needs no order.
Outcome lay_out_merged(Machine &m, const Items &sets, Set *set);

} // namespace codeit
