#include "primitives/labeling.h"

#include <algorithm>

namespace codeit {
namespace {

// Bit j is set where the cell right of j differs from it, and at the last cell.
READS_BEYOND uint64_t ends_of_colors(const int8_t *row, int64_t width) {
    uint64_t same = 0;
#ifdef __SSE2__
    for (int64_t j = 0; j < width; j += 16) {
        __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i *>(row + j));
        __m128i right = _mm_loadu_si128(reinterpret_cast<const __m128i *>(row + j + 1));
        same |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(here, right)))}
                << j;
    }
#else
    for (int64_t j = 0; j + 1 < width; ++j) same |= uint64_t{row[j] == row[j + 1]} << j;
#endif
    return ~(same & low_bits(width - 1)) & low_bits(width);
}

// A forest over the runs: the root of a tree is its first run.
class Labeler {
  public:
    Labeler(Machine &m, const Grid &grid, const Connection &rules)
        : m_(m), grid_(grid), rules_(rules) {}

    Outcome label(Labeling *out) {
        size_t num_cells = static_cast<size_t>(grid_.num_cells());
        TRY(m_.charge(num_cells));
        TRY(m_.allocate_scratch(num_cells, &runs_));
        for (int32_t i = 0; i < grid_.height; ++i) {
            uint32_t above = begin_of_row_;
            begin_of_row_ = num_runs_;
            add_runs(i);
            join_rows(above);
        }
        return collect(out);
    }

  private:
    void add_runs(int32_t i) {
        const int8_t *row = grid_.row(i);
        uint64_t inside = low_bits(grid_.width);
        if (rules_.has_background) inside &= ~equal_mask(row, grid_.width, rules_.background);
        uint64_t ends = rules_.univalued ? ends_of_colors(row, grid_.width) : 0;
        while (inside != 0) {
            int begin = std::countr_zero(inside);
            uint64_t from_begin = inside >> begin;
            int length = std::countr_one(from_begin);
            if (rules_.univalued) {
                length = std::min(length, std::countr_zero(ends >> begin) + 1);
            }
            inside &= ~(low_bits(length) << begin);
            runs_[num_runs_] = {i, begin, begin + length, num_runs_};
            ++num_runs_;
        }
    }

    // Joins the runs of the last row with those above that they touch.
    void join_rows(uint32_t above) {
        const int32_t reach = rules_.diagonal ? 1 : 0;
        const uint32_t end_above = begin_of_row_;
        for (uint32_t k = begin_of_row_; k < num_runs_; ++k) {
            const Run &run = runs_[k];
            while (above < end_above && runs_[above].end + reach <= run.begin) ++above;
            for (uint32_t other = above; other < end_above && runs_[other].begin < run.end + reach;
                 ++other) {
                if (!rules_.univalued || color_of(runs_[other]) == color_of(run)) join(other, k);
            }
        }
    }

    int8_t color_of(const Run &run) const { return grid_.at(run.row, run.begin); }

    uint32_t root_of(uint32_t k) {
        while (runs_[k].component != k) {
            runs_[k].component = runs_[runs_[k].component].component;
            k = runs_[k].component;
        }
        return k;
    }

    void join(uint32_t a, uint32_t b) {
        a = root_of(a);
        b = root_of(b);
        runs_[std::max(a, b)].component = std::min(a, b);
    }

    // Numbers the components in the order of their first runs, and gathers what they are.
    Outcome collect(Labeling *out) {
        TRY(m_.allocate(num_runs_, &out->components));
        TRY(m_.allocate(static_cast<size_t>(grid_.num_cells()), &out->numbers));
        std::fill_n(out->numbers, grid_.num_cells(), Labeling::kNoComponent);
        size_t num_rows = 0;
        for (uint32_t k = 0; k < num_runs_; ++k) {
            Run &run = runs_[k];
            uint32_t parent = run.component;
            bool is_first = parent == k;
            // A parent comes before its children and holds the component's number by now.
            run.component = is_first ? out->num_components++ : runs_[parent].component;
            Component &component = out->components[run.component];
            if (is_first) {
                component = {};
                component.color = color_of(run);
                component.bits = {run.row, run.begin, 0, run.end, nullptr};
            }
            extend(&component, run);
            std::fill_n(out->numbers + int64_t{run.row} * grid_.width + run.begin,
                        run.end - run.begin, run.component);
        }
        for (uint32_t c = 0; c < out->num_components; ++c) {
            Component &component = out->components[c];
            component.bits.width -= component.bits.left; // was the end of its columns
            component.first_row = num_rows;
            num_rows += static_cast<size_t>(component.bits.height);
        }
        Row *rows;
        TRY(m_.allocate(num_rows, &rows));
        std::memset(rows, 0, num_rows * sizeof(Row));
        for (uint32_t k = 0; k < num_runs_; ++k) {
            const Run &run = runs_[k];
            const Component &component = out->components[run.component];
            size_t row = component.first_row + static_cast<size_t>(run.row - component.bits.top);
            rows[row] |= Row{low_bits(run.end - run.begin)} << (run.begin - component.bits.left);
        }
        for (uint32_t c = 0; c < out->num_components; ++c) {
            out->components[c].bits.rows = rows + out->components[c].first_row;
        }
        return Outcome::ok;
    }

    void extend(Component *component, const Run &run) {
        Bitmap &bits = component->bits;
        component->size += static_cast<uint32_t>(run.end - run.begin);
        bits.left = std::min(bits.left, run.begin);
        bits.width = std::max(bits.width, run.end);
        bits.height = run.row - bits.top + 1;
        if (rules_.univalued || !component->has_one_color) return;
        uint64_t same = equal_mask(grid_.row(run.row), grid_.width, component->color) >> run.begin;
        component->has_one_color = std::countr_one(same) >= run.end - run.begin;
    }

    Machine &m_;
    const Grid &grid_;
    const Connection &rules_;
    Run *runs_ = nullptr;
    uint32_t num_runs_ = 0;
    uint32_t begin_of_row_ = 0;
};

} // namespace

Outcome label_components(Machine &m, const Grid &grid, const Connection &rules, Labeling *out) {
    ScratchScope scratch(m);
    return Labeler(m, grid, rules).label(out);
}

} // namespace codeit
