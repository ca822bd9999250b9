#include "search/pieces.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace codeit::search {
namespace {

// What it takes to paint a piece, in bits.
constexpr float kPainting = 7;
constexpr float kMasking = 17;
// What helps in one demonstration alone is there by chance more often than what helps in all.
constexpr float kUselessPair = 5;

} // namespace

Pieces::Pieces(const TaskView &task)
    : task_(&task), num_words_(task.num_words()), whole_(num_words_), cut_(num_words_) {}

uint64_t Pieces::hash_of(uint64_t seed, const uint64_t *plane) const {
    uint64_t h = seed;
    for (size_t w = 0; w < num_words_; ++w) h = mixed(h, plane[w]);
    return h;
}

bool Pieces::is_useful(const uint64_t *plane) const {
    uint64_t any = 0;
    for (size_t w = 0; w < num_words_; ++w) any |= plane[w] & task_->changed()[w];
    return any != 0;
}

Pieces::Colors Pieces::colors_of(const uint64_t *plane, std::vector<int> *colors) const {
    colors->assign(task_->num_demonstrations(), -1);
    int common = -1;
    bool are_equal = true;
    for (size_t k = 0; k < task_->num_demonstrations(); ++k) {
        int color = -1;
        for (size_t w = task_->begin_of(k); w < task_->begin_of(k + 1); ++w) {
            if (plane[w] == 0) continue;
            if (color < 0) color = task_->output_color(w, std::countr_zero(plane[w]));
            if ((plane[w] & ~task_->output_plane(color)[w]) != 0) return Colors::several;
        }
        (*colors)[k] = color;
        if (color < 0) continue;
        if (common < 0) common = color;
        are_equal = are_equal && color == common;
    }
    if (common < 0) return Colors::none;
    return are_equal ? Colors::one : Colors::one_each;
}

size_t Pieces::num_useful(const uint64_t *plane) const {
    size_t count = 0;
    for (size_t k = 0; k < task_->num_demonstrations(); ++k) {
        uint64_t any = 0;
        for (size_t w = task_->begin_of(k); w < task_->begin_of(k + 1); ++w) {
            any |= plane[w] & task_->changed()[w];
        }
        count += any != 0;
    }
    return count;
}

void Pieces::add(const Piece &piece, uint64_t color_key, const uint64_t *plane) {
    if (pieces_.size() >= kMaxPieces || !is_useful(plane)) return;
    if (!known_.insert(hash_of(color_key, plane)).second) return;
    pieces_.push_back(piece);
    const size_t num_useless = task_->num_demonstrations() - num_useful(plane);
    pieces_.back().cost += kUselessPair * static_cast<float>(num_useless);
    planes_.insert(planes_.end(), plane, plane + num_words_);
}

void Pieces::try_plane(const Pool &pool, Node patch, const uint64_t *plane, int mask_color,
                       float cost) {
    switch (colors_of(plane, &colors_)) {
    case Colors::one: {
        const int color = *std::max_element(colors_.begin(), colors_.end());
        add({patch, pool.integer(color), mask_color, cost}, static_cast<uint64_t>(color) + 1,
            plane);
        return;
    }
    case Colors::one_each: {
        if (pending_.size() >= kMaxPending || !is_useful(plane)) return;
        uint64_t key = first_key();
        for (const int color : colors_) {
            if (color < 0) return; // nothing says what it would be there
            key = mixed(key, static_cast<uint64_t>(color));
        }
        pending_.push_back({patch, mask_color, cost, key, pending_planes_.size()});
        pending_planes_.insert(pending_planes_.end(), plane, plane + num_words_);
        return;
    }
    case Colors::several:
    case Colors::none:
        return;
    }
}

bool Pieces::is_right_object(const Pool &pool, Node node) const {
    for (size_t k = 0; k < task_->num_demonstrations(); ++k) {
        const Set &set = *pool.value(node, k).set;
        if (set.size == 0) continue;
        if (!set.is_packed()) return false;
        const InputGrid &out = task_->output(k);
        bool is_right = true;
        for_each_place(set.patch.bits, [&](int32_t i, int32_t j) {
            if (i < 0 || i >= out.height || j < 0 || j >= out.width) return;
            is_right = is_right && out.cells[i * out.width + j] == set.patch.color_at(i, j);
        });
        if (!is_right) return false;
    }
    return true;
}

void Pieces::see_patch(const Pool &pool, Node node) {
    std::fill(whole_.begin(), whole_.end(), 0);
    for (size_t k = 0; k < task_->num_demonstrations(); ++k) {
        if (!task_->add_places(*pool.value(node, k).set, k, whole_.data())) return;
    }
    if (std::all_of(whole_.begin(), whole_.end(), [](uint64_t word) { return word == 0; })) return;
    const float cost = pool[node].cost;
    if (layers_.size() < kMaxLayers && is_useful(whole_.data()) &&
        known_layers_.insert(hash_of(1, whole_.data())).second) {
        layers_.push_back(node);
        layer_planes_.insert(layer_planes_.end(), whole_.begin(), whole_.end());
    }
    try_plane(pool, node, whole_.data(), -1, cost + kPainting);
    if (task_->keeps_size()) {
        for (int color = 0; color < kNumColors; ++color) {
            if (!task_->has_input_color(color)) continue;
            const Plane &mask = task_->input_plane(color);
            uint64_t inside = 0;
            uint64_t outside = 0;
            for (size_t w = 0; w < num_words_; ++w) {
                cut_[w] = whole_[w] & mask[w];
                inside |= cut_[w];
                outside |= whole_[w] & ~mask[w];
            }
            if (inside != 0 && outside != 0) {
                try_plane(pool, node, cut_.data(), color, cost + kMasking);
            }
        }
    }
    if (pool[node].sort == Sort::object && is_right_object(pool, node)) {
        add({node, kNoNode, -1, cost + kPainting}, 0, whole_.data());
    }
}

void Pieces::see_integer(const Pool &pool, Node node) {
    uint64_t key = first_key();
    for (size_t k = 0; k < task_->num_demonstrations(); ++k) {
        key = mixed(key, static_cast<uint64_t>(pool.value(node, k).integer));
    }
    const auto [at, is_new] = integers_.try_emplace(key, node);
    if (!is_new && pool[node].cost < pool[at->second].cost) at->second = node;
}

Node Pieces::integer_of(uint64_t key) const {
    const auto at = integers_.find(key);
    return at == integers_.end() ? kNoNode : at->second;
}

size_t Pieces::resolve_pending(const Pool &pool) {
    size_t count = 0;
    for (const Pending &pending : pending_) {
        const Node color = integer_of(pending.key);
        if (color == kNoNode) continue;
        ++count;
        add({pending.patch, color, pending.mask_color, pending.cost + pool[color].cost},
            mixed(pending.key, 2), pending_planes_.data() + pending.plane);
    }
    return count;
}

uint64_t Pieces::num_bytes() const {
    const uint64_t words =
        planes_.capacity() + pending_planes_.capacity() + layer_planes_.capacity();
    // An array that grows stands beside the larger one for a moment.
    return words * sizeof(uint64_t) * 3 / 2;
}

std::vector<size_t> Pieces::by_cost() const {
    std::vector<size_t> order(pieces_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return pieces_[a].cost < pieces_[b].cost; });
    return order;
}

} // namespace codeit::search
