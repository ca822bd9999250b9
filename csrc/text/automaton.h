// Which tokens can continue a program, and how far a row has come.
//
// A row is allowed exactly the tokens that can still end, within the tokens it has left, in a text
// that the checker accepts and that has: variables x1, x2, ... in order; names that are known and
// defined on an earlier line; as many arguments as the primitive takes, one to four for a variable;
// no call twice; `O` last. With types, the declared types must agree besides, as far as they are
// known, and `O` must be able to be a grid.
//
// A row walks two levels of tables. On the upper one something is decided next: a name, a function,
// an argument, or the end; the tokens in between follow without a choice. On the lower one a term
// is spelled, in a prefix tree of all terms that may stand there. Which terms are allowed is
// decided once, when the row enters such a place, from types, from the tokens left, and from the
// earlier lines whose call begins like the present one; a token is then allowed if an allowed term
// lies below it. The usual masks are made beforehand, by class and cost of the terms, and a few
// terms taken out of them.
//
// No row comes to a dead end. Before a term is allowed, the fewest tokens are counted that the rest
// of the program takes after it, where a call that is made already does not count as one. The
// tables know this for the lines that are to come; `rest` and `next` work it out for the present
// call, by looking at the earlier lines that it may still become equal to, and at no others.
//
// Tokens are numbered anew, without those that no program has: number k - 1 is the token that tells
// x_k from other variables, the rest follow. A mask has one bit for each number.
#pragma once

#include "text/spelling.h"
#include "text/typing.h"

#include <string>

namespace codeit::text {

inline constexpr uint16_t kNoToken = UINT16_MAX;
inline constexpr unsigned kMaxTokens = kNoToken; // numbers of 16 bits, but for kNoToken
inline constexpr unsigned kMaxTermCost = 7;      // tokens of a term

// A position in the tables. Every other one is a link, a token that can only be followed by the
// next one, or a node of the prefix tree of one of the three lists of terms.
enum NodeNumber : uint16_t {
    kFinished,
    kFailed,
    kName,   // `O` or a variable's name
    kNumber, // the second token of that name
    kChoice, // one more argument, or the end of the call
    kFirstNode,
};

// What a row decides next.
enum class Decision : uint8_t { name, function, argument, finished };

struct State {
    uint16_t node;
    uint16_t num_left; // tokens, the end's included
    Decision decision;
    uint8_t num_variables;
    uint8_t num_arguments; // of the present call, so far
    uint8_t arity;         // of the present call; 0: any
    bool is_output;        // the present line binds O
    bool may_define;       // kName: there is room for another variable
    bool may_close;        // the present call may end here
    bool may_continue;     // kChoice: it may have another argument
    uint8_t max_cost;      // of the argument's term
    LineSet allowed;       // variables, at a node of a prefix tree
    LineSet same;          // earlier lines whose call begins like the present one
    Term function;         // of the present call, and its arguments so far
    std::array<Term, kMaxArity> call;
    // Of earlier lines, kNoTerm behind the last argument.
    std::array<Term, kMaxVariables> functions;
    std::array<std::array<Term, kMaxArity>, kMaxVariables> arguments;
    std::array<uint8_t, kMaxVariables> kinds;
    std::vector<LineSet> variables_of; // by class, the variables that it takes
    std::vector<uint8_t> num_calls;    // by name, of earlier lines
    // The fixed terms that are allowed at a node of a prefix tree; and the first tokens of a set of
    // functions, kept because the set seldom changes.
    std::vector<uint64_t> allowed_fixed;
    std::vector<uint64_t> known_functions;
    std::vector<uint64_t> function_mask;
};

// Where the second level of the tables is read: a term after `assign`, `open` and `separator`.
enum Root : unsigned { kFunctions, kFirstArguments, kArguments, kNumRoots };

// The tables. All are flat and of fixed width, for a kernel that walks them on another device, and
// flat_tables (text/flat.h) names them:
// `nodes` and `edges` (a link has one edge; an edge to kFinished ends the chain, and `decision`
// says what is decided then), `children` (the prefix trees' roots as dense rows over all tokens),
// and for each root, class and cost the terms that cost no more, with the mask of their first
// tokens.
struct Node {
    uint16_t first_edge;
    uint16_t num_edges;
    Term term; // that ends here, or kNoTerm
    bool is_link;
    bool is_fan;       // variables branch here, by the tokens 0 to kMaxVariables - 1
    Decision decision; // of a link: what is decided after it
    uint8_t unused = 0;
};

struct Edge {
    uint16_t token;
    uint16_t node;
};

// Tokens that can only come one after the other.
struct Chain {
    uint16_t size = 0;
    uint16_t first = kFinished;
    uint16_t first_token = kNoToken;
    Decision decision = Decision::finished; // what is decided after them
    uint8_t unused = 0;
};

struct Tables {
    unsigned num_variables = 0;
    size_t num_words = 0;          // of a mask
    size_t num_fixed_words = 0;    // of a set of fixed terms
    Ids alphabet;                  // ids by token
    std::vector<uint16_t> numbers; // tokens by id, kNoToken for those outside
    std::vector<Node> nodes;
    std::vector<Edge> edges;
    WordTable under; // the terms at and below each node: fixed ones, then variables
    std::array<uint16_t, kNumRoots> roots{};
    std::array<std::vector<uint16_t>, kNumRoots> children; // by token; 0: none
    // By fixed term, with room for whole words of them.
    std::array<std::vector<uint8_t>, kNumRoots> costs;
    std::array<std::vector<uint16_t>, kNumRoots> first_tokens;
    std::array<uint8_t, kNumRoots> variable_costs{};
    std::array<uint16_t, kNumRoots>
        variable_tokens{}; // the first one, kNoToken if it is the number
    // By root, class and cost: at(root, class, cost).
    WordTable fixed;
    WordTable masks;
    unsigned num_classes = 0;
    Chain start, after_name, after_output, after_function, between, end_of_line, end_of_program;
    uint16_t output_token = 0;
    uint16_t name_token = kNoToken; // before a name's number, kNoToken if there is none
    // Tokens of the shortest line that binds a variable, and of that which binds O, the end
    // included, when so many lines are before it.
    std::array<int, kMaxVariables + 1> line_need{};
    std::array<int, kMaxVariables + 1> output_need{};
    int loose = 0;                   // with so many tokens for a call, no call is too long
    std::vector<unsigned> num_fixed; // by class
    WordTable users_of;              // by class, the primitives with a parameter of it
    WordTable may_run_out; // one row: primitives with no more calls, without variables, than lines

    size_t at(unsigned root, unsigned term_class, unsigned cost) const {
        return (size_t{root} * num_classes + term_class) * (kMaxTermCost + 1) + cost;
    }
    unsigned num_fixed_at(size_t row) const { return fixed_counts[row]; }
    std::vector<unsigned> fixed_counts; // of the rows of `fixed`
};

class Automaton {
  public:
    // An error is a text that says why programs cannot be written so.
    static bool compile(const Language &language, const Spelling &spelling, bool is_typed,
                        Automaton *out, std::string *error);

    const Tables &tables() const { return tables_; }
    const Typing &typing() const { return typing_; }
    unsigned min_tokens() const {
        return static_cast<unsigned>(tables_.start.size) +
               static_cast<unsigned>(tables_.output_need[0]);
    }

    // A row at its start; `max_tokens` is at least min_tokens().
    void begin(State *state, uint16_t max_tokens) const;

    // False, and the row fails, where the mask lacks the token; any number may be given.
    bool advance(State *state, uint16_t token) const;

    // Of a finished or failed row, nothing.
    void mask(const State &state, uint64_t *out) const;

    // The only token that can come, or kNoToken.
    uint16_t forced(const State &state) const;

  private:
    friend class Compiler;
    static constexpr int kNever = 1 << 20;

    bool step(State *s, uint16_t token) const;
    void follow(State *s, const Chain &chain) const;
    void enter(State *s, Decision decision) const;
    void enter_name(State *s) const;
    void enter_function(State *s) const;
    void enter_argument(State *s) const;
    void enter_choice(State *s) const;
    void complete(State *s, Term term) const;
    void finish_call(State *s) const;
    const Chain &end_of_line(const State &s) const {
        return s.is_output ? tables_.end_of_program : tables_.end_of_line;
    }

    int budget(const State &s) const;
    int rest(const State &s, Term function, unsigned arity, unsigned position,
             const LineSet &same) const;
    int next(const State &s, Term function, unsigned arity, unsigned position,
             const LineSet &same) const;
    // Of the terms of a class without some of them, the fewest tokens of one.
    struct Known {
        std::array<Term, kMaxVariables> terms;
        unsigned size = 0;
    };
    int cheapest(const State &s, Root root, unsigned term_class, const Known &without) const;
    unsigned class_at(Term function, unsigned position) const;
    unsigned arity_of(const State &s, Term function) const;
    static LineSet lines_with(const State &s, Term function);
    static LineSet narrowed(const State &s, const LineSet &lines, unsigned position, Term term);
    static bool can_close(const State &s, unsigned position, const LineSet &same);
    void remove_unusable(State *s) const;
    int cost_of(Root root, Term term) const {
        return term < kFirstVariable ? tables_.costs[root][term] : tables_.variable_costs[root];
    }
    static bool is_allowed(const State &s, Term term) {
        return term < kFirstVariable ? has(s.allowed_fixed, term)
                                     : s.allowed.has(term - kFirstVariable);
    }
    // Whether an allowed term is at a node, or below it.
    bool is_any_allowed(const State &s, uint16_t node) const {
        const ConstWords under = tables_.under[node];
        return meet(s.allowed_fixed, under) ||
               meet(s.allowed.words(), under.subspan(tables_.num_fixed_words));
    }

    uint16_t child_of(uint16_t node, uint16_t token) const;
    void node_mask(const State &s, Words mask) const;
    void remove_token(Root root, unsigned fixed, const State &staying, Words mask) const;
    void add_follow(const State &s, Term term, Words mask) const;

    Tables tables_;
    Typing typing_;
    State first_state_{};
};

} // namespace codeit::text
