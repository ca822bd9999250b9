#include "search/search.h"

#include "search/methods.h"

#include <algorithm>
#include <bit>

namespace codeit::search {

namespace {

constexpr double kShareToRenew =
    0.5; // of the memory, from which on a stage begins with an empty pool

} // namespace

Search::Search(Pool &pool_, const std::vector<Lines> &corpus_, const Settings &settings)
    : pool(pool_), task(pool_.task()), names(pool_.language()), pieces(task), corpus(corpus_),
      settings_(settings), figures_(kMethods.size()) {
    for (const MethodRow &row : kMethods) {
        const double share = static_cast<double>(settings.evaluations) * row.share;
        work_left_.push_back(static_cast<int64_t>(share) * Pool::kWorkOfEvaluation);
    }
    pool.set_observer(this);
    look_at_leaves();
}

void Search::look_at_leaves() {
    for (size_t node = 0; node < pool.size(); ++node) see(static_cast<Node>(node));
}

void Search::run(TaskResult *out) {
    for (const Stage &stage : kStages) {
        bool goes_on = true;
        while (goes_on) {
            if (pool.share_used() > kShareToRenew && work_left() > 0) renew();
            goes_on = false;
            for (const size_t method : stage.makers) goes_on = run_method(method) || goes_on;
            for (const size_t method : stage.finishers) run_method(method);
        }
    }
    collect(out);
}

bool Search::run_method(size_t method) {
    const int64_t work = std::min(work_left_[method], work_left());
    if ((settings_.methods >> method & 1) == 0 || work <= 0) return false;
    const MethodRow &row = kMethods[method];
    MethodFigures &figures = figures_[method];
    const int64_t work_before = pool.work();
    const size_t found_before = found_.size();
    pool.begin_method(static_cast<uint8_t>(method), work, row.is_finisher);
    row.run(*this);
    work_left_[method] -= pool.work() - work_before;
    figures.work += (pool.work() - work_before) / Pool::kWorkOfEvaluation;
    figures.found += static_cast<uint32_t>(found_.size() - found_before);
    return row.goes_on && pool.is_full() && work_left_[method] > 0 &&
           pool.work() - work_before < work;
}

// Programs, as nodes of another pool have no meaning in this one.
std::vector<Lines> Search::worth_keeping() const {
    std::vector<Lines> kept;
    LineNodes unused;
    auto keep = [&](Node node) {
        if (node != kNoNode) kept.push_back(unfolded(pool, node, kMostLinesCarried, &unused));
    };
    for (const Found &found : found_) keep(found.node);
    const std::vector<size_t> order = pieces.by_cost();
    for (size_t k = 0; k < std::min(order.size(), kPiecesCarried); ++k) {
        keep(pieces[order[k]].patch);
        keep(pieces[order[k]].color);
    }
    std::vector<std::pair<double, Node>> near;
    for (const Node node : output_sized) near.emplace_back(distance_of(node), node);
    std::stable_sort(near.begin(), near.end(),
                     [](const auto &a, const auto &b) { return a.first < b.first; });
    for (size_t k = 0; k < std::min(near.size(), kGridsCarried); ++k) keep(near[k].second);
    return kept;
}

void Search::renew() {
    const std::vector<Lines> kept = worth_keeping();
    settle(&found_);
    settle(&partial_);
    most_bytes_ = std::max(most_bytes_, pool.num_bytes());
    pool.clear();
    pieces = Pieces(task);
    pool.set_bytes_beside(0);
    grids.clear();
    output_sized.clear();
    found_.clear();
    partial_.clear();
    look_at_leaves();
    // The corpus is what methods start from.
    pool.begin_method(0, work_left(), false);
    run_corpus(*this);
    LineNodes nodes;
    for (const Lines &lines : kept) {
        if (!lines.empty() && !is_spent()) run_lines(pool, lines, kInputNode, &nodes);
    }
    for (std::vector<Found> *found : {&found_, &partial_}) {
        for (Found &one : *found) one.num_counted = pool[one.node].derivations;
    }
}

double Search::distance_of(Node node) const {
    const double cells = static_cast<double>(task.num_cells());
    Plane wrong(task.num_words());
    for (size_t k = 0; k < task.num_demonstrations(); ++k) {
        task.add_wrong_cells(pool.grid(node, k), k, wrong.data());
    }
    int64_t count = 0;
    for (const uint64_t word : wrong) count += std::popcount(word);
    return static_cast<double>(count) / cells + static_cast<double>(pool[node].cost) / 1000;
}

void Search::settle(std::vector<Found> *all) {
    for (const Found &found : *all) {
        const NodeRow &row = pool[found.node];
        const uint64_t behaviour = pool.behaviour_of(found.node);
        const auto known = known_.find(behaviour);
        if (known != known_.end()) {
            known->second.derivations +=
                row.derivations - std::min(found.num_counted, row.derivations);
        }
        bool fits;
        Code code = code_of(pool, found.node, &fits);
        if (!fits) continue;
        const float cost = cost_of_program(found.node);
        if (known != known_.end()) {
            if (cost >= known->second.cost) continue;
            known->second.code = std::move(code);
            known->second.cost = cost;
            continue;
        }
        known_.emplace(behaviour, Solution{std::move(code), row.method, cost, row.derivations,
                                           found.evaluations, found.num_right});
        order_.push_back(behaviour);
    }
}

// Each line once, however often it is used.
float Search::cost_of_program(Node node) const {
    LineNodes nodes;
    unfolded(pool, node, kMaxVariables, &nodes);
    float cost = 0;
    for (const Node line : nodes) cost += pool.own_cost(line);
    return cost;
}

void Search::collect(TaskResult *out) {
    settle(&found_);
    settle(&partial_);
    std::vector<const Solution *> partial;
    for (const uint64_t behaviour : order_) {
        const Solution &solution = known_.at(behaviour);
        if (solution.num_right == task.num_demonstrations()) {
            out->solutions.push_back(solution);
        } else {
            partial.push_back(&solution);
        }
    }
    std::stable_sort(partial.begin(), partial.end(), [](const Solution *a, const Solution *b) {
        if (a->num_right != b->num_right) return a->num_right > b->num_right;
        return a->cost < b->cost;
    });
    partial.resize(std::min(partial.size(), kPartialGiven));
    for (const Solution *solution : partial) out->solutions.push_back(*solution);
    out->methods = figures_;
    out->num_calls = pool.num_calls();
    out->work = evaluations_spent();
    out->num_nodes = pool.size();
    out->num_bytes = std::max(most_bytes_, pool.num_bytes());
}

Node Search::painted(Node base, const Piece &piece) {
    Node patch = piece.patch;
    if (piece.mask_color >= 0) {
        const Node color = pool.integer(piece.mask_color);
        const Node mask = pool.call(names.ofcolor, {kInputNode, color});
        patch = pool.call(names.intersection, {pool.call(names.toindices, {patch}), mask});
    }
    return piece.color == kNoNode ? pool.call(names.paint, {base, patch})
                                  : pool.call(names.fill, {base, piece.color, patch});
}

std::vector<Node> Search::cheapest_first(std::vector<Node> nodes) const {
    std::stable_sort(nodes.begin(), nodes.end(),
                     [&](Node a, Node b) { return pool[a].cost < pool[b].cost; });
    return nodes;
}

void Search::see(Node node) {
    switch (pool[node].sort) {
    case Sort::grid:
        see_grid(node);
        break;
    case Sort::places:
    case Sort::object:
        see_patch(node);
        break;
    case Sort::integer:
        pieces.see_integer(pool, node);
        break;
    default:
        break;
    }
}

void Search::see_grid(Node node) {
    uint32_t num_right = 0;
    bool has_size = true;
    for (size_t k = 0; k < task.num_demonstrations(); ++k) {
        const Grid &grid = pool.grid(node, k);
        has_size = has_size && TaskView::has_size_of(grid, task.output(k));
        num_right += TaskView::is_equal(grid, task.output(k));
    }
    if (num_right == task.num_demonstrations()) {
        found_.push_back({node, evaluations_spent(), num_right, 0});
        return;
    }
    if (num_right != 0 && partial_.size() < kMaxPartial) {
        partial_.push_back({node, evaluations_spent(), num_right, 0});
    }
    grids.push_back(node);
    if (has_size && output_sized.size() < kMaxOutputSized) output_sized.push_back(node);
}

void Search::see_patch(Node node) {
    pieces.see_patch(pool, node);
    pool.set_bytes_beside(pieces.num_bytes());
    if (is_cutting_) return;
    bool is_as_large = true;
    for (size_t k = 0; k < task.num_demonstrations() && is_as_large; ++k) {
        const Set &set = *pool.value(node, k).set;
        const Bitmap &bits = set.patch.bits;
        const InputGrid &out = task.output(k);
        is_as_large = set.size != 0 && set.is_packed() && bits.height == out.height &&
                      bits.width == out.width;
    }
    if (!is_as_large) return;
    is_cutting_ = true;
    pool.call(names.subgrid, {node, kInputNode});
    is_cutting_ = false;
}

} // namespace codeit::search
