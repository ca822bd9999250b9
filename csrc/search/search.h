// The search of one task: a pool, what is kept an eye on among its nodes, and the methods in turn.
//
// Each method makes nodes of its own kind (methods.h). Whatever makes a node, the search looks at
// it: a grid that equals the outputs is a solution, a patch may be a piece, a patch as large as the
// outputs is cut out of the input. So methods feed each other, and none of them knows another.
//
// Methods come in stages: some that make values, and then those that put them together. When a
// stage begins with a pool that is half full, or one has filled it up, the pool is emptied. What
// was found stays, and of the pieces and of what is nearly right the best are made again. A method
// goes on where it was.
#pragma once

#include "search/corpus.h"
#include "search/pieces.h"
#include "search/watch.h"

#include <map>
#include <string>
#include <vector>

namespace codeit::search {

struct Settings {
    int64_t evaluations; // of the task, by work: an evaluation that burns much counts as several
    uint64_t max_bytes;
    uint32_t methods = UINT32_MAX; // a bit for each of kMethods
    size_t num_leading = 0; // programs of the corpus that every method takes first, in their order
};

struct MethodFigures {
    int64_t work = 0; // in evaluations
    uint32_t found = 0;
};

struct TaskResult {
    std::vector<Solution> solutions; // those that fit all, as found; then the best of the others
    // What is wrong at the fewest cells, the best first, of what is as large as all outputs.
    std::vector<Solution> nearest;
    std::vector<MethodFigures> methods;
    int64_t num_calls = 0;
    int64_t work = 0; // in evaluations
    size_t num_nodes = 0;
    uint64_t num_bytes = 0;
};

class Search;

struct MethodRow {
    const char *name;
    void (*run)(Search &s);
    bool is_finisher; // may use the memory that makers leave
    bool goes_on;     // where it was, when the pool was emptied
    double share;     // of the budget, at most, in all its turns together
};
extern const std::vector<MethodRow> kMethods;

// Methods of one stage by their numbers: those that make values, and those that finish what they
// have made.
struct Stage {
    std::vector<size_t> makers;
    std::vector<size_t> finishers;
};
extern const std::vector<Stage> kStages;

class Search final : public Pool::Observer {
  public:
    // `watch`: told how far the search is; may be null.
    Search(Pool &pool, const std::vector<Lines> &corpus, const Settings &settings, Watch *watch);

    void run(TaskResult *out);

    // ---- For methods

    Pool &pool;
    const TaskView &task;
    const Names names;
    Pieces pieces;
    const std::vector<Lines> &corpus;      // those that lead, then the shortest first
    std::vector<LineNodes> corpus_nodes;   // of the programs on the input, once they have run
    std::vector<Node> grids;               // that solve nothing, as they were made
    std::vector<Node> output_sized;        // those of them as large as the outputs
    std::vector<size_t> order_of_mutation; // programs of the corpus
    size_t next_mutated = 0;               // in that order
    size_t next_input = 0;                 // of compositions

    bool is_spent() const { return pool.is_spent(); }
    // Says that what is made from now on comes from a program of the corpus.
    void set_origin(size_t program) { pool.set_led(program < settings_.num_leading); }
    size_t num_leading() const { return settings_.num_leading; }
    Node name(Opcode opcode) const {
        return opcode == kNoOpcode ? kNoNode : pool.of_name(static_cast<size_t>(opcode));
    }
    Node name(const char *text) const { return name(Names::find(pool.language(), text)); }
    // A base with a piece painted onto it.
    Node painted(Node base, const Piece &piece);
    // By cost, ties as they were made.
    std::vector<Node> cheapest_first(std::vector<Node> nodes) const;

    void see(Node node) override;

  private:
    // A grid of this pool that reproduces demonstrations.
    struct Found {
        Node node;
        int64_t evaluations;
        uint32_t num_right;
        uint32_t num_counted; // derivations that an earlier pool had, too
    };

    // Whether the method has filled the pool up and may go on in another one.
    bool run_method(size_t method);
    void look_at_leaves();
    void renew();
    struct Kept {
        Lines lines;
        bool is_led;
    };
    std::vector<Kept> worth_keeping() const;
    uint32_t num_wrong_cells(Node node) const;
    double distance_of(Node node) const;
    float cost_of_program(Node node) const;
    int64_t work_left() const {
        return settings_.evaluations * Pool::kWorkOfEvaluation - pool.work();
    }
    int64_t evaluations_spent() const { return pool.work() / Pool::kWorkOfEvaluation; }
    // A grid that misses, as large as all outputs.
    struct Near {
        uint64_t made; // of the demonstrations: of what misses alike, the first stands for all
        uint32_t num_wrong;
        Solution solution;
    };

    void see_grid(Node node);
    void see_near(Node node, uint32_t num_right);
    Solution solution_of(Node node, uint32_t num_right, bool *fits);
    void stop();
    void see_patch(Node node);
    void settle(std::vector<Found> *found);
    void collect(TaskResult *out);

    static constexpr size_t kMaxOutputSized = 20'000;
    static constexpr size_t kMaxPartial = 5'000;
    static constexpr size_t kPartialGiven = 3;
    static constexpr size_t kNearestGiven = 3;
    static constexpr size_t kPiecesCarried = 500;
    static constexpr size_t kGridsCarried = 200;
    static constexpr size_t kMostLinesCarried = 40;

    Settings settings_;
    Watch *watch_;
    size_t method_ = 0;
    bool is_cutting_ = false;
    uint64_t most_bytes_ = 0;            // of the pools that were emptied
    std::vector<int64_t> work_left_;     // of each method
    std::vector<MethodFigures> figures_; // of each method
    std::vector<Found> found_;           // in this pool: fit all demonstrations
    std::vector<Found> partial_;         // in this pool: reproduce some
    std::map<uint64_t, Solution> known_; // of all pools, by behaviour
    std::vector<uint64_t> order_;        // of what is known, as it was found
    std::vector<Near> nearest_;          // of all pools, the best first
};

// The nodes of mutants of a program are made, one change each: another primitive, another argument,
// a call around an argument or around a line; what follows from the change is run again. `nodes`
// are those of the program's lines.
void mutate(Search &s, const Lines &program, const LineNodes &nodes);

} // namespace codeit::search
