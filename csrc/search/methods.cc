#include "search/methods.h"

namespace codeit::search {

const std::vector<MethodRow> kMethods = {
    {"corpus", run_corpus, false, false, 1.00},
    {"recolor", recolor, false, false, 0.10},
    {"objects", select_objects, false, false, 0.15},
    {"masks", join_masks, false, false, 0.05},
    {"mutants", run_mutants, false, true, 0.30},
    {"compositions", compose_programs, false, true, 0.25},
    {"beam", improve, false, true, 0.15},
    {"color map", map_colors, true, false, 0.15},
    {"cover", cover, true, false, 0.15},
    {"layers", paint_layers, true, false, 0.15},
};

// What is cheap and finds much comes first. Covers, layers and color maps of the values that are
// there take a hundredth of the time of the mutants that bring new ones. Compositions come last: of
// all makers, what they find grows the least with what they spend.
const std::vector<Stage> kStages = {
    {{0, 1}, {8, 7, 9}}, {{2, 3}, {8, 7, 9}}, {{4}, {8, 7, 9}}, {{6}, {8, 7, 9}}, {{5}, {8, 7, 9}},
};

} // namespace codeit::search
