// A task as the search sees it: the inputs of all demonstrations and tests, the outputs of the
// demonstrations, and these as planes of bits. It holds no output of a test.
//
// A plane has a bit for each cell of each demonstration's output, row by row, each demonstration
// beginning on a word of its own. "Everything that is wrong", "where the output is blue" and "where
// a patch lies" are planes, and the search compares them by whole words.
#pragma once

#include "core/grid.h"
#include "core/set.h"
#include "lang/sizes.h"
#include "vm/run.h"

#include <array>
#include <span>
#include <vector>

namespace codeit::search {

// Grids of colors from outside, checked; their cells outlive the search.
struct TaskGrids {
    std::vector<InputGrid> inputs;  // of the demonstrations, then of the tests
    std::vector<InputGrid> outputs; // of the demonstrations
};

using Plane = std::vector<uint64_t>;

class TaskView {
  public:
    explicit TaskView(const TaskGrids &grids);

    size_t num_examples() const { return grids_.inputs.size(); }
    size_t num_demonstrations() const { return grids_.outputs.size(); }
    const InputGrid &input(size_t k) const { return grids_.inputs[k]; }
    const InputGrid &output(size_t k) const { return grids_.outputs[k]; }

    // Whether each output is as large as its input.
    bool keeps_size() const { return keeps_size_; }

    size_t num_words() const { return begins_.back(); }
    // The words of demonstration k begin here; those of the next one at k + 1.
    size_t begin_of(size_t k) const { return begins_[k]; }
    size_t num_cells() const { return num_cells_; }

    // Where the outputs, or the inputs (only of a task that keeps its size), have a color.
    const Plane &output_plane(int color) const { return outputs_[static_cast<size_t>(color)]; }
    const Plane &input_plane(int color) const { return inputs_[static_cast<size_t>(color)]; }
    // Where the output differs from the input; everywhere, where the task does not keep its size.
    const Plane &changed() const { return changed_; }

    // Whether a color occurs in an input or output.
    bool has_input_color(int color) const { return (input_colors_ >> color & 1) != 0; }
    bool has_output_color(int color) const { return (output_colors_ >> color & 1) != 0; }

    // The color of the output at bit `bit` of word `word`.
    int output_color(size_t word, int bit) const;
    size_t demonstration_of(size_t word) const;

    // How many demonstrations a grid for each of them reproduces; grids(k) gives one.
    static bool is_equal(const Grid &grid, const InputGrid &output);
    static bool has_size_of(const Grid &grid, const InputGrid &output) {
        return grid.height == output.height && grid.width == output.width;
    }

    // Sets the bits at which a grid of the output's size differs from it.
    void add_wrong_cells(const Grid &grid, size_t demonstration, uint64_t *words) const;

    // The bits of a patch's places that lie in the output. False when the patch has no bits
    // (too wide, or two cells at one place).
    bool add_places(const Set &set, size_t demonstration, uint64_t *words) const;

  private:
    TaskGrids grids_;
    bool keeps_size_ = true;
    std::vector<size_t> begins_;
    size_t num_cells_ = 0;
    std::array<Plane, kNumColors> outputs_;
    std::array<Plane, kNumColors> inputs_;
    Plane changed_;
    unsigned input_colors_ = 0;
    unsigned output_colors_ = 0;
};

} // namespace codeit::search
