#include "search/task.h"

#include "core/grid.h"

#include <bit>
#include <cstring>

namespace codeit::search {
namespace {

void set_bit(uint64_t *words, int64_t at) {
    words[at >> 6] |= uint64_t{1} << (at & 63);
}

} // namespace

TaskView::TaskView(const TaskGrids &grids) : grids_(grids) {
    size_t next = 0;
    for (size_t k = 0; k < num_demonstrations(); ++k) {
        const InputGrid &in = input(k);
        const InputGrid &out = output(k);
        keeps_size_ = keeps_size_ && in.height == out.height && in.width == out.width;
        const size_t size = static_cast<size_t>(out.height) * static_cast<size_t>(out.width);
        begins_.push_back(next);
        num_cells_ += size;
        next += (size + 63) / 64;
    }
    begins_.push_back(next);
    for (Plane *planes : {outputs_.data(), inputs_.data()}) {
        std::fill_n(planes, kNumColors, Plane(next));
    }
    changed_.assign(next, 0);
    for (size_t k = 0; k < num_demonstrations(); ++k) {
        const InputGrid &in = input(k);
        const InputGrid &out = output(k);
        for (int64_t at = 0; at < int64_t{out.height} * out.width; ++at) {
            const uint8_t color = out.cells[at];
            set_bit(outputs_[color].data() + begins_[k], at);
            output_colors_ |= 1u << color;
            if (keeps_size_) set_bit(inputs_[in.cells[at]].data() + begins_[k], at);
            if (!keeps_size_ || in.cells[at] != color) set_bit(changed_.data() + begins_[k], at);
        }
    }
    for (const InputGrid &in : grids_.inputs) {
        for (int64_t at = 0; at < int64_t{in.height} * in.width; ++at) {
            input_colors_ |= 1u << in.cells[at];
        }
    }
}

size_t TaskView::demonstration_of(size_t word) const {
    size_t k = 0;
    while (word >= begins_[k + 1]) ++k;
    return k;
}

int TaskView::output_color(size_t word, int bit) const {
    const size_t k = demonstration_of(word);
    return output(k).cells[(word - begins_[k]) * 64 + static_cast<size_t>(bit)];
}

bool TaskView::is_equal(const Grid &grid, const InputGrid &output) {
    if (!has_size_of(grid, output)) return false;
    for (int32_t i = 0; i < output.height; ++i) {
        const uint8_t *row = output.cells + int64_t{i} * output.width;
        if (std::memcmp(grid.row(i), row, static_cast<size_t>(output.width)) != 0) return false;
    }
    return true;
}

void TaskView::add_wrong_cells(const Grid &grid, size_t demonstration, uint64_t *words) const {
    const InputGrid &out = output(demonstration);
    uint64_t *at = words + begins_[demonstration];
    int64_t next = 0;
    for (int32_t i = 0; i < out.height; ++i) {
        for (int32_t j = 0; j < out.width; ++j, ++next) {
            if (grid.at(i, j) != static_cast<int8_t>(out.cells[next])) set_bit(at, next);
        }
    }
}

bool TaskView::add_places(const Set &set, size_t demonstration, uint64_t *words) const {
    if (set.size == 0) return true;
    if (!set.is_packed()) return false;
    const InputGrid &out = output(demonstration);
    uint64_t *at = words + begins_[demonstration];
    const Bitmap &bits = set.patch.bits;
    const int64_t first = std::max<int64_t>(0, bits.top);
    const int64_t last = std::min<int64_t>(out.height - 1, bits.bottom());
    const uint64_t inside = low_bits(out.width);
    for (int64_t i = first; i <= last; ++i) {
        const uint64_t row = low_half(bits.window(i, 0)) & inside;
        if (row == 0) continue;
        const int64_t begin = i * out.width;
        const unsigned shift = begin & 63;
        at[begin >> 6] |= row << shift;
        if (static_cast<int64_t>(shift) + out.width > 64) {
            at[(begin >> 6) + 1] |= row >> (64 - shift);
        }
    }
    return true;
}

} // namespace codeit::search
