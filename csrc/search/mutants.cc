// One-change mutants, of which only what follows from the change is evaluated.
//
// The nodes of a program's lines are there, and stay those of all lines that do not rest on the
// change. So a mutant costs a call for the changed line and one for each line downstream that comes
// out different; most are answered by the memo.
#include "search/methods.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace codeit::search {
namespace {

class Mutation {
  public:
    Mutation(Search &s, const Lines &program, const LineNodes &nodes)
        : s_(s), pool_(s.pool), language_(pool_.language()), program_(program), nodes_(nodes) {}

    void run() {
        for (size_t k = 0; k < program_.size(); ++k) {
            if (s_.is_spent()) return;
            change_function(k);
            for (size_t a = 0; a < program_[k].num_arguments; ++a) change_argument(k, a);
            wrap_result(k);
        }
    }

  private:
    void change_function(size_t k) {
        const Line &line = program_[k];
        if (is_line(line.function)) return;
        Line changed = line;
        for (const uint16_t other : language_.primitives()) {
            if (other == line.function || language_.arity_of(other) != line.num_arguments) continue;
            changed.function = other;
            replace(k, run_line(pool_, changed, kInputNode, nodes_));
        }
    }

    void change_argument(size_t k, size_t a) {
        const Line &line = program_[k];
        const Term old = line.arguments[a];
        candidates_.clear();
        if (is_line(old)) {
            const Node node = node_of(pool_, old, kInputNode, nodes_);
            add_lines_before(k, Sort::mixed);
            if (old != kInput) candidates_.push_back(kInput);
            const Sort sort = node == kNoNode ? Sort::mixed : pool_[node].sort;
            if (sort == Sort::integer || node == kNoNode) add_constants(Type::Integer);
            if (sort == Sort::pair || node == kNoNode) add_constants(Type::IntegerTuple);
        } else if (language_.is_constant(old)) {
            add_constants(language_.constant(old).type);
            add_lines_before(k, pool_[pool_.of_name(old)].sort);
        } else {
            for (const uint16_t other : language_.primitives()) {
                if (language_.arity_of(other) == language_.arity_of(old)) {
                    candidates_.push_back(other);
                }
            }
            add_lines_before(k, Sort::function);
        }
        Line changed = line;
        for (const Term candidate : candidates_) {
            if (candidate == old) continue;
            changed.arguments[a] = candidate;
            replace(k, run_line(pool_, changed, kInputNode, nodes_));
        }
        if (is_line(old)) wrap_argument(k, a);
    }

    // A new line before, that calls a primitive of one argument on what stood there.
    void wrap_argument(size_t k, size_t a) {
        const Line &line = program_[k];
        const Node inner = node_of(pool_, line.arguments[a], kInputNode, nodes_);
        if (inner == kNoNode || pool_[inner].sort == Sort::function) return;
        Node arguments[kMaxArity];
        for (size_t b = 0; b < line.num_arguments; ++b) {
            arguments[b] = node_of(pool_, line.arguments[b], kInputNode, nodes_);
        }
        const Node function = node_of(pool_, line.function, kInputNode, nodes_);
        for (const uint16_t wrapper : language_.primitives()) {
            if (language_.arity_of(wrapper) != 1) continue;
            const Node outer = pool_.call(static_cast<Opcode>(wrapper), {inner});
            if (outer == kNoNode || outer == inner) continue;
            arguments[a] = outer;
            replace(k, pool_.apply(function, {arguments, line.num_arguments}));
        }
    }

    void wrap_result(size_t k) {
        const Node inner = nodes_[k];
        if (inner == kNoNode || pool_[inner].sort == Sort::function) return;
        for (const uint16_t wrapper : language_.primitives()) {
            if (language_.arity_of(wrapper) != 1) continue;
            replace(k, pool_.call(static_cast<Opcode>(wrapper), {inner}));
        }
    }

    void add_constants(Type type) {
        for (const uint16_t number : language_.constants()) {
            if (language_.constant(number).type == type) candidates_.push_back(number);
        }
    }

    // Lines before line k, of one sort, or of any where it is `mixed`.
    void add_lines_before(size_t k, Sort sort) {
        for (size_t j = 0; j < k; ++j) {
            if (nodes_[j] == kNoNode) continue;
            if (sort == Sort::mixed || pool_[nodes_[j]].sort == sort) {
                candidates_.push_back(term_of_line(j + 1));
            }
        }
    }

    // Runs what rests on line k, which has become `node`.
    void replace(size_t k, Node node) {
        if (node == kNoNode || node == nodes_[k] || k + 1 == program_.size()) return;
        changed_nodes_ = nodes_;
        changed_nodes_[k] = node;
        has_changed_.assign(program_.size(), 0);
        has_changed_[k] = 1;
        for (size_t j = k + 1; j < program_.size(); ++j) {
            const Line &line = program_[j];
            bool rests = is_changed(line.function);
            for (const Term term : line.terms()) rests = rests || is_changed(term);
            if (!rests) continue;
            const Node other = run_line(pool_, line, kInputNode, changed_nodes_);
            if (other == kNoNode) return;
            has_changed_[j] = other != nodes_[j];
            changed_nodes_[j] = other;
        }
    }
    bool is_changed(Term term) const {
        return is_line(term) && line_of(term) != 0 && has_changed_[line_of(term) - 1] != 0;
    }

    Search &s_;
    Pool &pool_;
    const Language &language_;
    const Lines &program_;
    const LineNodes &nodes_;
    std::vector<Term> candidates_;
    LineNodes changed_nodes_;
    std::vector<char> has_changed_;
};

} // namespace

void mutate(Search &s, const Lines &program, const LineNodes &nodes) {
    if (!nodes.empty()) Mutation(s, program, nodes).run();
}

namespace {

bool is_as_large_as_outputs(const Search &s, Node node) {
    if (node == kNoNode || s.pool[node].sort != Sort::grid) return false;
    for (size_t k = 0; k < s.task.num_demonstrations(); ++k) {
        if (!TaskView::has_size_of(s.pool.grid(node, k), s.task.output(k))) return false;
    }
    return true;
}

// Programs that make grids of the outputs' size may lack no more than one change: these come first,
// behind those that lead.
std::vector<size_t> order_of_mutation(const Search &s) {
    std::vector<size_t> order(s.corpus.size());
    std::iota(order.begin(), order.end(), 0);
    const auto begin = order.begin() + static_cast<ptrdiff_t>(s.num_leading());
    std::stable_partition(begin, order.end(), [&](size_t program) {
        const LineNodes &nodes = s.corpus_nodes[program];
        return !nodes.empty() && is_as_large_as_outputs(s, nodes.back());
    });
    return order;
}

} // namespace

void run_mutants(Search &s) {
    s.corpus_nodes.resize(s.corpus.size());
    // Only once: what is made again after the pool was emptied may lack programs.
    if (s.order_of_mutation.empty()) s.order_of_mutation = order_of_mutation(s);
    while (s.next_mutated < s.order_of_mutation.size()) {
        if (s.is_spent()) return;
        const size_t number = s.order_of_mutation[s.next_mutated];
        s.set_origin(number);
        const Lines &program = s.corpus[number];
        LineNodes &nodes = s.corpus_nodes[number];
        // Where the method `corpus` is switched off, nobody has run it yet.
        if (nodes.empty()) run_all_lines(s.pool, program, kInputNode, &nodes);
        mutate(s, program, nodes);
        if (s.is_spent()) return;
        ++s.next_mutated;
    }
}

namespace {

constexpr size_t kMostLinesImproved = 30;
constexpr size_t kMostWaiting = 2'000;

// What is nearly right waits, the best first: few wrong cells, demonstrations that are right, a
// short program. Of grids that are wrong at the same cells in the same way, the first waits.
class Waiting {
  public:
    explicit Waiting(Search &s) : s_(s) {}

    void look_at_new_grids() {
        for (; num_seen_ < s_.output_sized.size(); ++num_seen_) add(s_.output_sized[num_seen_]);
    }
    bool take(Node *out) {
        if (queue_.empty()) return false;
        *out = queue_.begin()->second;
        queue_.erase(queue_.begin());
        return true;
    }

  private:
    void add(Node node) {
        const TaskView &task = s_.task;
        size_t num_wrong = 0;
        size_t num_right_pairs = 0;
        uint64_t key = 1;
        for (size_t k = 0; k < task.num_demonstrations(); ++k) {
            const Grid &grid = s_.pool.grid(node, k);
            const InputGrid &out = task.output(k);
            size_t wrong = 0;
            for (int32_t i = 0; i < out.height; ++i) {
                for (int32_t j = 0; j < out.width; ++j) {
                    if (grid.at(i, j) == static_cast<int8_t>(out.cells[i * out.width + j]))
                        continue;
                    ++wrong;
                    key =
                        mixed(key, static_cast<uint64_t>(i) << 32 | static_cast<uint64_t>(j) << 8 |
                                       static_cast<uint8_t>(grid.at(i, j)));
                }
            }
            key = mixed(key, k);
            num_wrong += wrong;
            num_right_pairs += wrong == 0;
        }
        s_.pool.charge(static_cast<int64_t>(task.num_cells() / 16));
        if (num_wrong == 0 || !known_.insert(key).second) return;
        const double score =
            static_cast<double>(num_wrong) / static_cast<double>(task.num_cells()) -
            0.25 * static_cast<double>(num_right_pairs) /
                static_cast<double>(task.num_demonstrations()) +
            static_cast<double>(s_.pool[node].cost) / 1000;
        queue_.insert({score, node});
        if (queue_.size() > kMostWaiting) queue_.erase(std::prev(queue_.end()));
    }

    Search &s_;
    size_t num_seen_ = 0;
    std::set<std::pair<double, Node>> queue_;
    std::unordered_set<uint64_t> known_;
};

} // namespace

void improve(Search &s) {
    Waiting waiting(s);
    waiting.look_at_new_grids();
    Node node;
    while (!s.is_spent() && waiting.take(&node)) {
        LineNodes nodes;
        const Lines program = unfolded(s.pool, node, kMostLinesImproved, &nodes);
        mutate(s, program, nodes);
        waiting.look_at_new_grids();
    }
}

} // namespace codeit::search
