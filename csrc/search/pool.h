// All values that the search of one task has made, and how each came about.
//
// A node is a call on other nodes, with one value for each example of the task: the demonstrations
// and the tests' inputs. Node 0 is the input; behind it stand the names of the language, primitives
// and constants. A call that was made before is answered by a memo; a call whose values are those
// of another node is that node, which counts one derivation more. So a pool holds every behaviour
// once, and a program is a node with all nodes that it rests on.
//
// What a node's values are follows from its derivation alone, so that the program written from it
// makes exactly them. A cheaper derivation replaces the first one only where a value has nothing
// that its fingerprint does not say: grids and numbers, but not sets, whose order may differ.
//
// Work is counted, never timed: an evaluation is a call on all examples, and one that burns much
// fuel counts as several. When memory is full or the budget spent, only the memo answers, and calls
// that it does not know come to kNoNode.
#pragma once

#include "code/code.h"
#include "core/store.h"
#include "search/fingerprint.h"
#include "search/prior.h"
#include "search/task.h"

#include <span>
#include <vector>

namespace codeit::search {

using Node = int32_t;
inline constexpr Node kNoNode = -1;
inline constexpr Node kInputNode = 0;

// What a node's values are on all examples, empty sets counting as what the others are.
enum class Sort : uint8_t {
    boolean,
    integer,
    pair,
    cell,
    grid,
    tuple,
    places,  // a set of pairs
    object,  // a set of cells
    sets,    // a set of sets
    numbers, // a set of ints
    other_set,
    empty, // sets without elements
    function,
    mixed,
};

constexpr bool is_patch(Sort sort) {
    return sort == Sort::places || sort == Sort::object;
}
constexpr bool is_container(Sort sort) {
    return sort == Sort::sets || sort == Sort::tuple;
}

struct NodeRow {
    static constexpr uint16_t kLeaf = UINT16_MAX;
    static constexpr uint16_t kCallOfNode = UINT16_MAX - 1; // arguments[0] is the function

    uint16_t opcode = kLeaf;
    uint8_t num_arguments = 0;
    Sort sort = Sort::mixed;
    uint8_t method = 0;  // of which a call made it
    bool is_led = false; // made from programs that lead the corpus, and from no other before
    Node arguments[kMaxArity + 1] = {kNoNode, kNoNode, kNoNode, kNoNode, kNoNode};
    float cost = 0;                // bits by the prior of all that it rests on, as a tree
    uint32_t derivations = 1;      // calls that came to the same values
    const Value *values = nullptr; // one for each example
};

struct PoolLimits {
    uint64_t max_bytes;   // of values, nodes and tables together
    int64_t fuel_of_call; // on one example
};

class Pool {
  public:
    // Told of every new node, right after it was made; may call.
    class Observer {
      public:
        virtual void see(Node node) = 0;

      protected:
        ~Observer() = default;
    };

    // The machine is the pool's alone until it is gone. Throws std::bad_alloc.
    Pool(const Language &language, Dialect dialect, const Prior &prior, Machine &m,
         const TaskView &task, const PoolLimits &limits);
    Pool(const Pool &) = delete;
    Pool &operator=(const Pool &) = delete;

    void set_observer(Observer *observer) { observer_ = observer; }

    const Language &language() const { return language_; }
    const TaskView &task() const { return task_; }
    size_t size() const { return nodes_.size(); }
    const NodeRow &operator[](Node node) const { return nodes_[static_cast<size_t>(node)]; }
    const Value &value(Node node, size_t example) const { return (*this)[node].values[example]; }
    const Grid &grid(Node node, size_t example) const { return *value(node, example).grid; }
    bool is_leaf(Node node) const { return (*this)[node].opcode == NodeRow::kLeaf; }

    Node of_name(size_t number) const { return static_cast<Node>(number) + 1; }
    // The name that a leaf is, which must not be the input.
    Term name_of(Node leaf) const { return static_cast<Term>(leaf - 1); }
    bool is_name(Node node) const {
        return node > kInputNode && static_cast<size_t>(node) <= language_.num_names();
    }
    // Bits by the prior of a node's own call.
    float own_cost(Node node) const;
    // What tells a grid's values from those of other nodes, in every pool of the task.
    uint64_t behaviour_of(Node node);
    // The leaf of a constant int, or kNoNode.
    Node integer(int64_t n) const;

    // The node of a call, made if need be. kNoNode when it fails on an example, when an argument is
    // kNoNode or too few or many are given, and when nothing may be made any more.
    Node call(Opcode opcode, std::span<const Node> arguments);
    Node call(Opcode opcode, std::initializer_list<Node> arguments) {
        return call(opcode, std::span(arguments.begin(), arguments.size()));
    }
    // The same of a function that is a node.
    Node apply(Node function, std::span<const Node> arguments);
    Node apply(Node function, Node argument) { return apply(function, std::span(&argument, 1)); }

    // The fingerprint of what a call makes on one example. Nothing of it is kept, and no memo
    // asked: for calls of which few come to what is looked for.
    Outcome peek(Node function, std::span<const Node> arguments, size_t example, uint64_t *key);
    // That of a node's value.
    uint64_t fingerprint_of(Node node, size_t example);

    // Forgets all nodes but the leaves; what is counted goes on.
    void clear();

    // Of calls from now on: whose they are, and how much work there may be. A method that makes
    // values leaves a share of the memory to those that finish what it has made.
    void begin_method(uint8_t method, int64_t work, bool may_fill_up) {
        method_ = method;
        end_of_budget_ = work_ + work;
        usable_bytes_ = limits_.max_bytes / 16 * (may_fill_up ? 15 : 13);
    }
    // Whether nodes from now on are made from programs that lead the corpus.
    void set_led(bool is_led) { is_led_ = is_led; }
    bool is_spent() const { return is_full() || work_ >= end_of_budget_; }
    bool is_full() const { return is_broken_ || num_bytes() >= usable_bytes_; }
    double share_used() const {
        return static_cast<double>(num_bytes()) / static_cast<double>(limits_.max_bytes);
    }
    // Work that is no call, in units of a few nanoseconds.
    void charge(int64_t units) { work_ += units; }
    int64_t work() const { return work_; }

    int64_t num_calls() const { return num_calls_; }
    int64_t num_evaluations() const { return num_evaluations_; }
    uint64_t num_bytes() const;
    // What else the search of the task holds, which counts with the pool's own.
    void set_bytes_beside(uint64_t bytes) { bytes_beside_ = bytes; }

    static constexpr int64_t kWorkOfEvaluation = 64;

  private:
    static constexpr size_t kFirstSlots = size_t{1} << 15;
    static constexpr int64_t kWorkOfCall = 6; // that the memo answers
    static constexpr int64_t kWorkOfPeek = 16;
    static constexpr int64_t kCallsBetweenPolls = 1 << 12;
    static constexpr int64_t kFuelOfWork = 24; // on all examples together

    // Keys are never 0, which marks what is free.
    struct Entry {
        uint64_t key = 0;
        Node node = kNoNode;
    };
    class Table {
      public:
        explicit Table(size_t num_slots) : slots_(num_slots) {}
        // The entry of a key, new ones with kNoNode. *is_new is set. May move others.
        Entry *at(uint64_t key, size_t max_slots, bool *is_new);
        Node find(uint64_t key) const; // kNoNode where it is not there
        size_t num_bytes() const { return slots_.size() * sizeof(Entry); }
        void clear(size_t num_slots) {
            slots_.assign(num_slots, {});
            slots_.shrink_to_fit();
            size_ = 0;
        }

      private:
        void grow();
        std::vector<Entry> slots_;
        size_t size_ = 0;
    };

    Node call_any(uint16_t opcode, std::span<const Node> arguments);
    Outcome evaluate(uint16_t opcode, std::span<const Node> arguments, uint64_t *key);
    Outcome evaluate_on(size_t example, uint16_t opcode, std::span<const Node> arguments,
                        uint64_t *key, int64_t *fuel);
    void add_leaves();
    Node add_leaf(const Value &value, Sort sort);
    Node add_node(const NodeRow &row);
    Sort sort_of(const Value *values) const;
    Prior::Symbol symbol_of(Node node) const;
    float own_cost(uint16_t opcode, std::span<const Node> arguments) const;
    float cost_of(uint16_t opcode, std::span<const Node> arguments) const;

    const Language &language_;
    const Prior &prior_;
    const TaskView &task_;
    Machine &m_;
    PoolLimits limits_;
    Store store_;
    std::vector<NodeRow> nodes_;
    Table memo_;
    Table behaviours_;
    std::vector<Value> results_; // of a call, one for each example
    Observer *observer_ = nullptr;
    uint8_t method_ = 0;
    bool is_led_ = false;
    bool is_broken_ = false; // no call may be made any more
    uint64_t usable_bytes_ = UINT64_MAX;
    uint64_t bytes_beside_ = 0;
    int64_t work_ = 0;
    int64_t end_of_budget_ = INT64_MAX;
    int64_t num_calls_ = 0;
    int64_t num_evaluations_ = 0;
};

} // namespace codeit::search
