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

// A maximal piece of a row that belongs to one component.
struct Run {
    int32_t row;
    int32_t begin;
    int32_t end;
    uint32_t component;
};

struct Component {
    Bitmap bits;
    size_t first_row = 0; // of bits, among the rows of all components
    uint32_t size = 0;
    bool has_one_color = true;
    int8_t color = 0;
};

// The components of a grid in a small window; numbers[i * width + j] is that of a place, or
// kNoComponent.
struct Labeling {
    static constexpr uint32_t kNoComponent = UINT32_MAX;

    Component *components = nullptr;
    uint32_t num_components = 0;
    uint32_t *numbers = nullptr;
};

// Charges for the cells.
Outcome label_components(Machine &m, const Grid &grid, const Connection &rules, Labeling *out);

} // namespace codeit
