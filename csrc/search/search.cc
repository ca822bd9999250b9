#include "search/search.h"

#include "search/methods.h"

#include <algorithm>
#include <bit>

namespace codeit::search {

namespace {

constexpr double kShareToRenew =
    0.5; // of the memory, from which on a stage begins with an empty pool

} // namespace

Search::Search(Pool &pool_, const std::vector<Lines> &corpus_, const Settings &settings,
               Watch *watch)
    : pool(pool_), task(pool_.task()), names(pool_.language()), pieces(task), corpus(corpus_),
      settings_(settings), watch_(watch), figures_(kMethods.size()) {
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
    method_ = method;
    pool.begin_method(static_cast<uint8_t>(method), work, row.is_finisher);
    row.run(*this);
    pool.set_led(false);
    work_left_[method] -= pool.work() - work_before;
    figures.work += (pool.work() - work_before) / Pool::kWorkOfEvaluation;
    figures.found += static_cast<uint32_t>(found_.size() - found_before);
    return row.goes_on && pool.is_full() && work_left_[method] > 0 &&
           pool.work() - work_before < work;
}

// Programs, as nodes of another pool have no meaning in this one.
std::vector<Search::Kept> Search::worth_keeping() const {
    std::vector<Kept> kept;
    LineNodes unused;
    auto keep = [&](Node node) {
        if (node == kNoNode) return;
        kept.push_back({unfolded(pool, node, kMostLinesCarried, &unused), pool[node].is_led});
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
    const std::vector<Kept> kept = worth_keeping();
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
    for (const Kept &one : kept) {
        pool.set_led(one.is_led);
        if (!one.lines.empty() && !is_spent()) run_lines(pool, one.lines, kInputNode, &nodes);
    }
    pool.set_led(false);
    for (std::vector<Found> *found : {&found_, &partial_}) {
        for (Found &one : *found) one.num_counted = pool[one.node].derivations;
    }
}

uint32_t Search::num_wrong_cells(Node node) const {
    Plane wrong(task.num_words());
    for (size_t k = 0; k < task.num_demonstrations(); ++k) {
        task.add_wrong_cells(pool.grid(node, k), k, wrong.data());
    }
    int count = 0;
    for (const uint64_t word : wrong) count += std::popcount(word);
    return static_cast<uint32_t>(count);
}

double Search::distance_of(Node node) const {
    return static_cast<double>(num_wrong_cells(node)) / static_cast<double>(task.num_cells()) +
           static_cast<double>(pool[node].cost) / 1000;
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
        Solution solution = solution_of(found.node, found.num_right, &fits);
        if (!fits) continue;
        if (known != known_.end()) {
            if (solution.cost >= known->second.cost) continue;
            known->second.code = std::move(solution.code);
            known->second.cost = solution.cost;
            continue;
        }
        solution.evaluations = found.evaluations;
        known_.emplace(behaviour, std::move(solution));
        order_.push_back(behaviour);
    }
}

// `fits`: whether a code holds its lines.
Solution Search::solution_of(Node node, uint32_t num_right, bool *fits) {
    const NodeRow &row = pool[node];
    Code code = code_of(pool, node, fits);
    return {std::move(code), row.method,          *fits ? cost_of_program(node) : 0,
            row.derivations, evaluations_spent(), num_right,
            row.is_led};
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
    for (const Near &near : nearest_) out->nearest.push_back(near.solution);
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

// No call may be made any more; what was found stays.
void Search::stop() {
    settings_.evaluations = 0;
    pool.begin_method(static_cast<uint8_t>(method_), 0, false);
}

void Search::see(Node node) {
    if (watch_ != nullptr) {
        watch_->advance(evaluations_spent(), static_cast<uint8_t>(method_));
        if (watch_->is_stopped()) stop();
    }
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
        if (watch_ == nullptr) return;
        bool fits;
        Solution solution = solution_of(node, num_right, &fits);
        if (fits) watch_->show(std::move(solution), true);
        return;
    }
    if (num_right != 0 && partial_.size() < kMaxPartial) {
        partial_.push_back({node, evaluations_spent(), num_right, 0});
    }
    grids.push_back(node);
    if (!has_size || output_sized.size() >= kMaxOutputSized) return;
    output_sized.push_back(node);
    see_near(node, num_right);
}

void Search::see_near(Node node, uint32_t num_right) {
    const uint32_t num_wrong = num_wrong_cells(node);
    const bool has_room = nearest_.size() < kNearestGiven;
    if (!has_room && num_wrong >= nearest_.back().num_wrong) return;
    uint64_t made = 5;
    for (size_t k = 0; k < task.num_demonstrations(); ++k) {
        made = mixed(made, pool.fingerprint_of(node, k));
    }
    for (const Near &near : nearest_) {
        if (near.made == made) return;
    }
    bool fits;
    Solution solution = solution_of(node, num_right, &fits);
    if (!fits) return;
    const bool is_best = nearest_.empty() || num_wrong < nearest_.front().num_wrong;
    if (watch_ != nullptr && is_best) watch_->show(solution, false);
    const auto place =
        std::upper_bound(nearest_.begin(), nearest_.end(), num_wrong,
                         [](uint32_t wrong, const Near &near) { return wrong < near.num_wrong; });
    if (!has_room) nearest_.pop_back();
    nearest_.insert(place, {made, num_wrong, std::move(solution)});
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
