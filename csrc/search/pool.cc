#include "search/pool.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace codeit::search {
namespace {

// So that a call costs more than what it rests on.
constexpr float kLeastCost = 0.25F;

Sort sort_of_set(const Set &set) {
    if (set.size == 0) return Sort::empty;
    if (set.holds_only(Kind::pair)) return Sort::places;
    if (set.holds_only(Kind::cell)) return Sort::object;
    if (set.holds_only(Kind::set)) return Sort::sets;
    if (set.holds_only(Kind::integer)) return Sort::numbers;
    return Sort::other_set;
}

Sort sort_of_value(const Value &v) {
    switch (v.kind) {
    case Kind::boolean:
        return Sort::boolean;
    case Kind::integer:
        return Sort::integer;
    case Kind::pair:
        return Sort::pair;
    case Kind::cell:
        return Sort::cell;
    case Kind::grid:
        return Sort::grid;
    case Kind::tuple:
        return Sort::tuple;
    case Kind::set:
        return sort_of_set(*v.set);
    case Kind::function:
        return Sort::function;
    default:
        return Sort::mixed;
    }
}

bool is_set_sort(Sort sort) {
    return sort >= Sort::places && sort <= Sort::empty;
}

// Whether a fingerprint says all that a value is, so that any derivation makes the same.
bool is_plain(Sort sort) {
    return sort <= Sort::grid;
}

} // namespace

Pool::Entry *Pool::Table::at(uint64_t key, size_t max_slots, bool *is_new) {
    if (size_ * 2 >= slots_.size() && slots_.size() < max_slots) grow();
    const size_t mask = slots_.size() - 1;
    // Once a table may not grow, what is oldest at its place gives way, so that it never fills up.
    const bool is_bounded = size_ * 4 >= slots_.size() * 3;
    size_t at = key & mask;
    for (size_t k = 0; slots_[at].key != 0; ++k) {
        if (slots_[at].key == key) {
            *is_new = false;
            return &slots_[at];
        }
        if (is_bounded && k == 8) {
            at = key & mask;
            --size_;
            break;
        }
        at = (at + 1) & mask;
    }
    *is_new = true;
    ++size_;
    slots_[at] = {key, kNoNode};
    return &slots_[at];
}

Node Pool::Table::find(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = key & mask;
    while (slots_[at].key != 0 && slots_[at].key != key) at = (at + 1) & mask;
    return slots_[at].node;
}

void Pool::Table::grow() {
    std::vector<Entry> old(slots_.size() * 2);
    old.swap(slots_);
    const size_t mask = slots_.size() - 1;
    for (const Entry &entry : old) {
        if (entry.key == 0) continue;
        size_t at = entry.key & mask;
        while (slots_[at].key != 0) at = (at + 1) & mask;
        slots_[at] = entry;
    }
}

Pool::Pool(const Language &language, Dialect dialect, const Prior &prior, Machine &m,
           const TaskView &task, const PoolLimits &limits)
    : language_(language), prior_(prior), task_(task), m_(m), limits_(limits),
      store_(limits.max_bytes), memo_(kFirstSlots), behaviours_(kFirstSlots),
      results_(task.num_examples()) {
    if (!store_.is_reserved()) throw std::bad_alloc();
    m_.begin_calls(language, dialect, store_.begin());
    add_leaves();
}

void Pool::clear() {
    nodes_.clear();
    memo_.clear(kFirstSlots);
    behaviours_.clear(kFirstSlots);
    store_.clear();
    add_leaves();
}

void Pool::add_leaves() {
    const size_t num_examples = task_.num_examples();
    NodeRow row;
    auto *values = store_.allocate<Value>(num_examples);
    if (values == nullptr) throw std::bad_alloc();
    for (size_t k = 0; k < num_examples; ++k) {
        const InputGrid &input = task_.input(k);
        Grid grid{input.height, input.width, input.width,
                  const_cast<int8_t *>(reinterpret_cast<const int8_t *>(input.cells))};
        // The store copies cells in whole vectors: they must lie where these may be read.
        std::vector<int8_t> cells(static_cast<size_t>(grid.num_cells()) + kSpareCells);
        std::memcpy(cells.data(), input.cells, static_cast<size_t>(grid.num_cells()));
        grid.cells = cells.data();
        if (store_.keep(m_, Value::of_grid(&grid), &values[k]) != Outcome::ok)
            throw std::bad_alloc();
    }
    row.values = values;
    row.sort = Sort::grid;
    add_node(row);
    for (size_t number = 0; number < language_.num_names(); ++number) {
        if (language_.is_primitive(number)) {
            add_leaf(Value::of_primitive(static_cast<Opcode>(number)), Sort::function);
            continue;
        }
        const ConstantRow &constant = language_.constant(number);
        switch (constant.type) {
        case Type::Boolean:
            add_leaf(Value::boolean(constant.first != 0), Sort::boolean);
            break;
        case Type::Integer:
            add_leaf(Value::of_int(constant.first), Sort::integer);
            break;
        default:
            add_leaf(Value::pair(constant.first, constant.second), Sort::pair);
        }
    }
    if (!m_.end_call(store_.num_bytes(), store_.num_closures())) throw std::bad_alloc();
}

Node Pool::add_leaf(const Value &value, Sort sort) {
    const size_t num_examples = task_.num_examples();
    NodeRow row;
    auto *values = store_.allocate<Value>(num_examples);
    if (values == nullptr) throw std::bad_alloc();
    std::fill_n(values, num_examples, value);
    row.values = values;
    row.sort = sort;
    return add_node(row);
}

Node Pool::add_node(const NodeRow &row) {
    const auto node = static_cast<Node>(nodes_.size());
    nodes_.push_back(row);
    if (row.opcode == NodeRow::kLeaf) {
        bool is_new;
        Entry *entry = behaviours_.at(behaviour_of(node) | 1, SIZE_MAX, &is_new);
        if (is_new) entry->node = node;
    }
    return node;
}

Node Pool::integer(int64_t n) const {
    for (const uint16_t number : language_.constants()) {
        const ConstantRow &constant = language_.constant(number);
        if (constant.type == Type::Integer && constant.first == n) return of_name(number);
    }
    return kNoNode;
}

uint64_t Pool::behaviour_of(Node node) {
    uint64_t key = 5;
    for (size_t k = 0; k < task_.num_examples(); ++k) {
        key = mixed(key, fingerprint_of(node, k));
    }
    return key;
}

Sort Pool::sort_of(const Value *values) const {
    Sort common = sort_of_value(values[0]);
    for (size_t k = 1; k < task_.num_examples(); ++k) {
        const Sort sort = sort_of_value(values[k]);
        if (sort == common) continue;
        if (common == Sort::empty && is_set_sort(sort)) {
            common = sort;
        } else if (sort != Sort::empty || !is_set_sort(common)) {
            return Sort::mixed;
        }
    }
    return common;
}

Prior::Symbol Pool::symbol_of(Node node) const {
    if (node == kInputNode) return prior_.input();
    const uint16_t opcode = (*this)[node].opcode;
    if (opcode == NodeRow::kLeaf) return name_of(node);
    return opcode == NodeRow::kCallOfNode ? prior_.call_of_line() : opcode;
}

float Pool::own_cost(uint16_t opcode, std::span<const Node> arguments) const {
    const bool calls_node = opcode == NodeRow::kCallOfNode;
    const Prior::Symbol call = calls_node ? prior_.call_of_line() : opcode;
    float bits = 0;
    unsigned position = 0;
    if (calls_node) {
        bits += prior_.bits(call, kMaxArity, symbol_of(arguments[0]));
        arguments = arguments.subspan(1);
    }
    for (const Node argument : arguments) {
        bits += prior_.bits(call, position++, symbol_of(argument));
    }
    return bits;
}

float Pool::own_cost(Node node) const {
    const NodeRow &row = (*this)[node];
    if (row.opcode == NodeRow::kLeaf) return 0;
    return own_cost(row.opcode, {row.arguments, row.num_arguments});
}

float Pool::cost_of(uint16_t opcode, std::span<const Node> arguments) const {
    float cost = kLeastCost + own_cost(opcode, arguments);
    for (const Node argument : arguments) cost += (*this)[argument].cost;
    return cost;
}

uint64_t Pool::num_bytes() const {
    return store_.num_bytes() + nodes_.capacity() * sizeof(NodeRow) + memo_.num_bytes() +
           behaviours_.num_bytes() + bytes_beside_;
}

Node Pool::call(Opcode opcode, std::span<const Node> arguments) {
    const auto number = static_cast<size_t>(opcode);
    if (!language_.is_primitive(number) || arguments.size() != language_.arity_of(number))
        return kNoNode;
    return call_any(static_cast<uint16_t>(opcode), arguments);
}

Node Pool::apply(Node function, std::span<const Node> arguments) {
    if (function == kNoNode || arguments.size() > kMaxArity) return kNoNode;
    if (is_name(function)) {
        const Term name = name_of(function);
        if (!language_.is_primitive(name)) return kNoNode;
        return call(static_cast<Opcode>(name), arguments);
    }
    Node all[kMaxArity + 1] = {function};
    std::copy(arguments.begin(), arguments.end(), all + 1);
    return call_any(NodeRow::kCallOfNode, {all, arguments.size() + 1});
}

Node Pool::call_any(uint16_t opcode, std::span<const Node> arguments) {
    uint64_t key = mixed(opcode, arguments.size());
    for (const Node argument : arguments) {
        if (argument == kNoNode) return kNoNode;
        key = mixed(key, static_cast<uint64_t>(argument));
    }
    if (++num_calls_ % kCallsBetweenPolls == 0 && m_.is_interrupted()) is_broken_ = true;
    work_ += kWorkOfCall;
    // A quarter of the memory at most is the memo.
    const size_t max_slots = std::bit_floor(limits_.max_bytes / 4 / sizeof(Entry));
    if (is_spent()) return memo_.find(key | 1);
    bool is_new;
    Entry *entry = memo_.at(key | 1, max_slots, &is_new);
    if (!is_new) return entry->node;
    ++num_evaluations_;
    work_ += kWorkOfEvaluation;

    const size_t num_examples = task_.num_examples();
    char *mark = store_.mark();
    auto *values = store_.allocate<Value>(num_examples);
    if (values == nullptr) return kNoNode;
    uint64_t behaviour = 0;
    Outcome outcome = evaluate(opcode, arguments, &behaviour);
    Node known = kNoNode;
    if (outcome == Outcome::ok) {
        Entry *same = behaviours_.at(behaviour | 1, SIZE_MAX, &is_new);
        known = same->node;
        if (is_new || known == kNoNode) {
            known = kNoNode;
            for (size_t k = 0; k < num_examples && outcome == Outcome::ok; ++k) {
                m_.refuel(limits_.fuel_of_call);
                outcome = store_.keep(m_, results_[k], &values[k]);
            }
            if (outcome == Outcome::ok) same->node = static_cast<Node>(nodes_.size());
        }
    }
    const bool is_kept = outcome == Outcome::ok && known == kNoNode;
    if (!is_kept) store_.release(mark);
    if (!m_.end_call(store_.num_bytes(), store_.num_closures())) is_broken_ = true;
    if (outcome != Outcome::ok) return kNoNode;

    const float cost = cost_of(opcode, arguments);
    if (!is_kept) {
        NodeRow &row = nodes_[static_cast<size_t>(known)];
        ++row.derivations;
        // No node comes to rest on itself: a call costs more than what it rests on.
        if (cost < row.cost && is_plain(row.sort) && row.opcode != NodeRow::kLeaf) {
            row.opcode = opcode;
            row.num_arguments = static_cast<uint8_t>(arguments.size());
            std::copy(arguments.begin(), arguments.end(), row.arguments);
            row.cost = cost;
        }
        entry->node = known;
        return known;
    }
    NodeRow row;
    row.opcode = opcode;
    row.num_arguments = static_cast<uint8_t>(arguments.size());
    std::copy(arguments.begin(), arguments.end(), row.arguments);
    row.method = method_;
    row.is_led = is_led_;
    for (const Node argument : arguments) row.is_led = row.is_led || (*this)[argument].is_led;
    row.cost = cost;
    row.values = values;
    row.sort = sort_of(values);
    const Node node = add_node(row);
    entry->node = node;
    if (observer_ != nullptr) observer_->see(node);
    return node;
}

// The results lie in the machine's memory until the call is ended.
Outcome Pool::evaluate(uint16_t opcode, std::span<const Node> arguments, uint64_t *key) {
    uint64_t h = 5;
    int64_t fuel = 0;
    Outcome outcome = Outcome::ok;
    for (size_t k = 0; k < task_.num_examples() && outcome == Outcome::ok; ++k) {
        uint64_t one = 0;
        outcome = evaluate_on(k, opcode, arguments, &one, &fuel);
        h = mixed(h, one);
    }
    work_ += fuel / kFuelOfWork;
    *key = h;
    return outcome;
}

Outcome Pool::evaluate_on(size_t example, uint16_t opcode, std::span<const Node> arguments,
                          uint64_t *key, int64_t *fuel) {
    m_.refuel(limits_.fuel_of_call);
    Value values[kMaxArity + 1];
    Value *result = &results_[example];
    for (size_t a = 0; a < arguments.size(); ++a) values[a] = value(arguments[a], example);
    Outcome outcome =
        opcode == NodeRow::kCallOfNode
            ? m_.call(values[0], values + 1, static_cast<unsigned>(arguments.size() - 1), result)
            : m_.call(static_cast<Opcode>(opcode), values, result);
    if (outcome == Outcome::ok) outcome = m_.settle(result);
    if (outcome == Outcome::ok && result->kind == Kind::none) outcome = Outcome::type_error;
    if (outcome == Outcome::ok) outcome = fingerprint(m_, *result, key);
    *fuel += limits_.fuel_of_call - std::max<int64_t>(m_.fuel_left(), 0);
    return outcome;
}

Outcome Pool::peek(Node function, std::span<const Node> arguments, size_t example, uint64_t *key) {
    work_ += kWorkOfPeek;
    if (is_broken_ || arguments.size() > kMaxArity) return Outcome::type_error;
    int64_t fuel = 0;
    Outcome outcome;
    if (is_name(function)) {
        const Term name = name_of(function);
        if (!language_.is_primitive(name) || arguments.size() != language_.arity_of(name))
            return Outcome::type_error;
        outcome = evaluate_on(example, name, arguments, key, &fuel);
    } else {
        Node all[kMaxArity + 1] = {function};
        std::copy(arguments.begin(), arguments.end(), all + 1);
        outcome =
            evaluate_on(example, NodeRow::kCallOfNode, {all, arguments.size() + 1}, key, &fuel);
    }
    work_ += fuel / kFuelOfWork;
    if (!m_.end_call(store_.num_bytes(), store_.num_closures())) is_broken_ = true;
    return outcome;
}

uint64_t Pool::fingerprint_of(Node node, size_t example) {
    uint64_t key = 0;
    m_.refuel(limits_.fuel_of_call);
    (void)fingerprint(m_, value(node, example), &key);
    return key;
}

} // namespace codeit::search
