// Grids and objects made larger by a factor, and grids cut down to some of their lines (`upscale`,
// `hupscale`, `vupscale`, `downscale`, `compress`: language.md 6.10).
//
// Dense grids are widened row by row; of a packed object each bit becomes a square, and its order
// is worked out by the original's way (upscaled_in_order) when it is asked for: it moves the object
// to the origin, scales its cells one by one, and moves them back. On that way an int may leave 64
// bits though the result does not; then it is done again with coordinates of any size
// (primitives/wide_cells.h).
#pragma once

#include "primitives/patch.h"

namespace codeit {

// Some rows and columns of a grid.
class KeptLines {
  public:
    explicit KeptLines(Machine &m) : m_(m) {}

    template <typename IsRowKept, typename IsColumnKept>
    Outcome select(int64_t height, int64_t width, IsRowKept is_row_kept,
                   IsColumnKept is_column_kept) {
        TRY(m_.allocate(static_cast<size_t>(height), &rows_));
        TRY(m_.allocate(static_cast<size_t>(width), &columns_));
        for (int64_t i = 0; i < height; ++i) {
            if (is_row_kept(i)) rows_[num_rows_++] = static_cast<int32_t>(i);
        }
        for (int64_t j = 0; j < width; ++j) {
            if (is_column_kept(j)) columns_[num_columns_++] = static_cast<int32_t>(j);
        }
        return Outcome::ok;
    }

    Outcome cut(const Grid &from, Value *out) const {
        if (num_rows_ == 0 || num_columns_ == 0) return empty_rows(m_, num_rows_, out);
        Grid *to;
        TRY(new_grid(m_, num_rows_, num_columns_, &to));
        for (int64_t i = 0; i < num_rows_; ++i) {
            for (int64_t j = 0; j < num_columns_; ++j) {
                to->row(i)[j] = from.at(rows_[i], columns_[j]);
            }
        }
        *out = Value::of_grid(to);
        return Outcome::ok;
    }

  private:
    Machine &m_;
    int32_t *rows_ = nullptr;
    int32_t *columns_ = nullptr;
    int64_t num_rows_ = 0;
    int64_t num_columns_ = 0;
};

// Every item repeated `factor` times; the factor is looked at only where there is an item.
Outcome items_repeated(Machine &m, const Items &items, const Value &factor, Value *out);

// Every cell as a block of vertical x horizontal; a factor is looked at only where there is an
// item.
Outcome upscaled_grid(Machine &m, const Value &grid, const Value &vertical, const Value &horizontal,
                      Value *out);

// Every cell of an object, which is not empty, as a square; its upper left corner stays.
Outcome upscaled_object(Machine &m, const Value &object, const Value &factor, Value *out);

} // namespace codeit
