// Connected components of a dense grid, found run by run.
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
