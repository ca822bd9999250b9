// Connected components of a dense grid, found run by run.
//
// This is the part of `objects` (language.md 6.9) that needs no order: which cells belong together.
// A row is a word of bits; comparing it with its neighbors gives words that say where a cell goes
// on with the one to its right and with those above. A run, a maximal piece of a row within one
// component, is then found by its first and last bit, and takes the label of the run above that it
// touches, or a new one; where it touches several, their labels are joined (union by the smaller
// number, with path halving). A second pass numbers the components in the order of their first
// cells, and writes each one's bits. The cost is a few operations for each row and each run,
// whatever the number of cells in it.
#pragma once

#include "primitives/primitive.h"

namespace codeit {

// What counts as connected.
struct Connection {
    bool univalued; // only cells of one color
    bool diagonal;
    bool has_background;
    int8_t background; // belongs to no component
};

struct Component {
    Bitmap bits;
    Row *rows = nullptr; // those of bits
    uint32_t size = 0;
    bool has_one_color = true;
    int8_t color = 0;
};

struct Labeling {
    const Component *components = nullptr;
    uint32_t num_components = 0;
};

// The components of a grid of up to 64 columns and 65,535 cells, in the order of their first cells
// row by row. Charges for the cells.
Outcome label_components(Machine &m, const Grid &grid, const Connection &rules, Labeling *out);

} // namespace codeit
