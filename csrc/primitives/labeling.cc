#include "primitives/labeling.h"

#include <algorithm>

namespace codeit {
namespace {

// Columns: a word with a bit for each column of a row.
template <typename Columns>
Columns up_to(int j) {
    return (Columns{2} << j) - 1;
}

template <typename Columns>
int first_of(Columns columns) {
    return std::countr_zero(columns);
}

template <typename Columns>
Columns lowest(Columns columns) {
    return columns & (0 - columns);
}

// Bit j is set where a[j] == b[j]. Reads all columns that a row can have; what lies beyond the
// grid has no meaning.
template <typename Columns>
READS_BEYOND Columns same_columns(const int8_t *a, const int8_t *b) {
    Columns columns = 0;
    constexpr int kWidth = 8 * sizeof(Columns);
#ifdef __SSE2__
    for (int j = 0; j < kWidth; j += 16) {
        __m128i some = _mm_loadu_si128(reinterpret_cast<const __m128i *>(a + j));
        __m128i others = _mm_loadu_si128(reinterpret_cast<const __m128i *>(b + j));
        auto same = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(some, others)));
        columns |= Columns{same} << j;
    }
#else
    for (int j = 0; j < kWidth; ++j) columns |= Columns{a[j] == b[j]} << j;
#endif
    return columns;
}

// A maximal piece of a row that belongs to one component.
template <typename Columns>
struct Run {
    Columns columns;
    uint16_t row;
    uint16_t label; // components have several, until they turn out to be one
    int8_t color;   // of its first cell
    bool has_one_color;
};

// What a row shows to the one below it.
template <typename Columns>
struct LabeledRow {
    Columns inside = 0;
    Columns starts = 0; // of its runs
    Columns ends = 0;
    uint16_t labels[8 * sizeof(Columns)]; // of its runs, by their first columns
};

template <typename Columns>
class Labeler {
    using Run = codeit::Run<Columns>;
    using LabeledRow = codeit::LabeledRow<Columns>;

  public:
    Labeler(Machine &m, const Grid &grid, const Connection &rules)
        : m_(m), grid_(grid), rules_(rules) {}

    Outcome label(Labeling *out) {
        size_t num_cells = static_cast<size_t>(grid_.num_cells());
        TRY(m_.charge(num_cells));
        TRY(m_.allocate_scratch(num_cells, &runs_));
        TRY(m_.allocate_scratch(num_cells, &parents_));
        if (rules_.univalued) {
            rules_.diagonal ? label_rows<true, true>() : label_rows<true, false>();
        } else {
            rules_.diagonal ? label_rows<false, true>() : label_rows<false, false>();
        }
        return collect(out);
    }

  private:
    template <bool is_univalued, bool is_diagonal>
    void label_rows() {
        int8_t background[8 * sizeof(Columns)];
        std::fill_n(background, sizeof background, rules_.background);
        const Columns without = rules_.has_background ? ~Columns{0} : 0;
        const Columns all = up_to<Columns>(grid_.width - 1);
        const int8_t *row = grid_.cells;
        Run *run = runs_;
        LabeledRow rows[2];
        for (int32_t i = 0; i < grid_.height; ++i, row += grid_.stride) {
            const LabeledRow &above = rows[(i + 1) & 1];
            LabeledRow &here = rows[i & 1];
            // Bit j of what follows speaks of column j of this row, or of j and j + 1.
            const Columns inside = all & ~(same_columns<Columns>(row, background) & without);
            const Columns same = same_columns<Columns>(row, row + 1) & all >> 1;
            const Columns joined = inside & (is_univalued ? same : inside >> 1);
            Columns from_above = inside & above.inside;        // j to j
            Columns from_left = above.inside & (inside >> 1);  // j above to j + 1
            Columns from_right = inside & (above.inside >> 1); // j + 1 above to j
            if (is_univalued && i > 0) {
                const int8_t *row_above = row - grid_.stride;
                from_above &= same_columns<Columns>(row, row_above);
                if (is_diagonal) {
                    from_left &= same_columns<Columns>(row + 1, row_above);
                    from_right &= same_columns<Columns>(row, row_above + 1);
                }
            }
            here.inside = inside;
            here.starts = inside & ~(joined << 1);
            here.ends = inside & ~joined;
            Columns ends = here.ends;
            for (Columns starts = here.starts; starts != 0; starts &= starts - 1) {
                int begin = first_of(starts);
                // Starts and ends alternate, so that the lowest of each belong to one run.
                Columns end = lowest(ends);
                ends ^= end;
                Columns columns = (end | (end - 1)) & (0 - lowest(starts));
                Columns touched = columns & from_above;
                if (is_diagonal) {
                    touched |= ((columns >> 1) & from_left) | (columns & from_right) << 1;
                }
                uint16_t label = touched != 0 ? join_touched(above, touched) : new_label();
                here.labels[begin] = label;
                bool has_one_color = is_univalued || (columns & ~same & ~end) == 0;
                *run++ = {columns, static_cast<uint16_t>(i), label, row[begin], has_one_color};
            }
        }
        num_runs_ = static_cast<uint32_t>(run - runs_);
    }

    uint16_t new_label() {
        parents_[num_labels_] = static_cast<uint16_t>(num_labels_);
        return static_cast<uint16_t>(num_labels_++);
    }

    // Joins the runs of the row above that hold any of the columns; returns their label. The
    // smaller label becomes the parent, so that parents come before children: collect() relies on
    // it.
    uint16_t join_touched(const LabeledRow &above, Columns touched) {
        uint16_t label = UINT16_MAX;
        while (touched != 0) {
            Columns before = up_to<Columns>(first_of(touched));
            uint16_t other = root_of(above.labels[std::bit_width(above.starts & before) - 1]);
            if (label == UINT16_MAX) {
                label = other;
            } else if (label != other) {
                parents_[std::max(label, other)] = std::min(label, other);
                label = std::min(label, other);
            }
            // The rest of this run needs no look.
            touched &= ~up_to<Columns>(first_of(above.ends & ~(before >> 1)));
        }
        return label;
    }

    uint16_t root_of(uint16_t label) {
        while (parents_[label] != label) {
            parents_[label] = parents_[parents_[label]];
            label = parents_[label];
        }
        return label;
    }

    // Numbers the components in the order of their first runs, and gathers what they are.
    Outcome collect(Labeling *out) {
        uint16_t *numbers = parents_; // of the components, by label
        uint16_t count = 0;
        for (uint32_t k = 0; k < num_labels_; ++k) {
            // A parent comes before its children and holds the component's number by now.
            numbers[k] = parents_[k] == k ? count++ : numbers[parents_[k]];
        }
        Component *components;
        TRY(m_.allocate(num_labels_, &components));
        for (uint16_t c = 0; c < count; ++c) components[c] = Component();
        const Run *end = runs_ + num_runs_;
        for (Run *run = runs_; run != end; ++run) {
            run->label = numbers[run->label];
            extend(&components[run->label], *run);
        }
        size_t num_rows = 0;
        for (uint16_t c = 0; c < count; ++c) {
            num_rows += static_cast<size_t>(components[c].bits.height);
        }
        Row *rows;
        TRY(m_.allocate(num_rows, &rows));
        std::fill_n(rows, num_rows, Row{0});
        for (uint16_t c = 0; c < count; ++c) {
            components[c].bits.width -= components[c].bits.left; // was the end of its columns
            components[c].bits.rows = components[c].rows = rows;
            rows += components[c].bits.height;
        }
        for (const Run *run = runs_; run != end; ++run) {
            const Component &component = components[run->label];
            component.rows[run->row - component.bits.top] |= run->columns >> component.bits.left;
        }
        *out = {components, count};
        return Outcome::ok;
    }

    void extend(Component *component, const Run &run) {
        Bitmap &bits = component->bits;
        int32_t begin = first_of(run.columns);
        int32_t end = static_cast<int32_t>(std::bit_width(run.columns));
        if (component->size == 0) {
            bits = {run.row, begin, 0, end, nullptr};
            component->color = run.color;
        }
        component->size += static_cast<uint32_t>(end - begin);
        component->has_one_color &= run.has_one_color & (run.color == component->color);
        bits.left = std::min(bits.left, begin);
        bits.width = std::max(bits.width, end);
        bits.height = run.row - bits.top + 1;
    }

    Machine &m_;
    const Grid &grid_;
    const Connection &rules_;
    Run *runs_ = nullptr;
    uint32_t num_runs_ = 0;
    uint16_t *parents_ = nullptr; // of labels; that of a root is itself
    uint32_t num_labels_ = 0;
};

} // namespace

Outcome label_components(Machine &m, const Grid &grid, const Connection &rules, Labeling *out) {
    ScratchScope scratch(m);
    if (grid.width <= 32) return Labeler<uint32_t>(m, grid, rules).label(out);
    return Labeler<uint64_t>(m, grid, rules).label(out);
}

} // namespace codeit
