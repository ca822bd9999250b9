// Which tokens can continue a program, and how far a row has come.
//
// A row is allowed exactly the tokens that can still end, within the tokens it has left, in a text
// that the checker accepts and that has: variables x1, x2, ... in order; names that are known and
// defined on an earlier line; as many arguments as the primitive takes, one to four for a variable;
// no call twice; `O` last. With types, the declared types must agree besides, as far as they are
// known, and `O` must be able to be a grid.
//
// Tokens are numbered anew, without those that no program has: number k - 1 is the token that tells
// x_k from other variables, the rest follow. A mask has one bit for each number.
#pragma once

#include "text/spelling.h"
#include "text/typing.h"

#include <string>

namespace codeit::text {

inline constexpr unsigned kMaxWords = 8;
inline constexpr unsigned kMaxTokens = kMaxWords * 64;
inline constexpr unsigned kMaxTermCost = 7; // tokens of a term
inline constexpr uint16_t kNoToken = UINT16_MAX;

using Mask = std::array<uint64_t, kMaxWords>;

// A place in the tables. Every other one is a link, a token that can only be followed by the next
// one, or a node of the prefix tree of one of the three lists of terms.
enum NodeNumber : uint16_t {
    kFinished,
    kFailed,
    kName,   // `O` or a variable's name
    kNumber, // the second token of that name
    kChoice, // one more argument, or the end of the call
    kFirstNode,
};

// What a row decides next.
enum class Place : uint8_t { name, function, argument, finished };

struct State {
    uint16_t node;
    uint16_t num_left; // tokens, the end's included
    Place place;
    uint8_t num_variables;
    uint8_t num_arguments; // of the present call, so far
    uint8_t arity;         // of the present call; 0: any
    bool is_output;        // the present line binds O
    bool may_define;       // kName: there is room for another variable
    bool may_close;        // the present call may end here
    bool may_continue;     // kChoice: it may have another argument
    uint8_t max_cost;      // of the argument's term
    TermSet allowed;       // terms, at a node of a prefix tree
    LineSet same;          // earlier lines whose call begins like the present one
    Term function;         // of the present call, and its arguments so far
    std::array<Term, kMaxArity> call;
    // Of earlier lines, kNoTerm behind the last argument.
    std::array<Term, kMaxVariables> functions;
    std::array<std::array<Term, kMaxArity>, kMaxVariables> arguments;
    std::array<uint8_t, kMaxVariables> kinds;
    std::array<LineSet, kMaxClasses> variables_of; // the variables that a class takes
    // The first tokens of a set of functions, kept because the set seldom changes.
    FixedSet known_functions;
    Mask function_mask;
};

// Where the second level of the tables is read: a term after `assign`, `open` and `separator`.
enum Root : unsigned { kFunctions, kFirstArguments, kArguments, kNumRoots };

// The tables. All are flat and of fixed width, for a kernel that walks them on another device, and
// flat_tables (text/flat.h) names them:
// `nodes` and `edges` (a link has one edge; an edge to kFinished ends the chain, and `place` says
// what is decided then), `children` (the prefix trees' roots as dense rows over all tokens), and
// for each root, class and cost the terms that cost no more, with the mask of their first tokens.
struct Node {
    uint16_t first_edge;
    uint16_t num_edges;
    Term term; // that ends here, or kNoTerm
    bool is_link;
    bool is_fan; // variables branch here, by the tokens 0 to kMaxVariables - 1
    Place place; // of a link: what is decided after it
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
    Place place = Place::finished; // what is decided after them
    uint8_t unused = 0;
};

struct Tables {
    unsigned num_variables = 0;
    unsigned num_words = 0;
    Ids alphabet;                  // ids by token
    std::vector<uint16_t> numbers; // tokens by id, kNoToken for those outside
    std::vector<Node> nodes;
    std::vector<Edge> edges;
    std::vector<TermSet> under; // the terms at and below each node
    std::array<uint16_t, kNumRoots> roots{};
    std::array<std::array<uint16_t, kMaxTokens>, kNumRoots> children{}; // 0: none
    std::array<std::array<uint8_t, kFirstVariable>, kNumRoots> costs{};
    std::array<std::array<uint16_t, kFirstVariable>, kNumRoots> first_tokens{};
    std::array<uint8_t, kNumRoots> variable_costs{};
    std::array<uint16_t, kNumRoots>
        variable_tokens{}; // the first one, kNoToken if it is the number
    using ByCost = std::array<FixedSet, kMaxTermCost + 1>;
    using MaskByCost = std::array<Mask, kMaxTermCost + 1>;
    std::array<std::array<ByCost, kMaxClasses>, kNumRoots> fixed{};
    std::array<std::array<MaskByCost, kMaxClasses>, kNumRoots> masks{};
    Chain start, after_name, after_output, after_function, between, end_of_line, end_of_program;
    uint16_t output_token = 0;
    uint16_t name_token = kNoToken; // before a name's number, kNoToken if there is none
    // Tokens of the shortest line that binds a variable, and of that which binds O, the end
    // included, when so many lines are before it.
    std::array<int, kMaxVariables + 1> line_need{};
    std::array<int, kMaxVariables + 1> output_need{};
    int loose = 0; // with so many tokens for a call, no call is too long
    std::array<unsigned, kMaxClasses> num_fixed{};
    std::array<FixedSet, kMaxClasses> users_of{}; // primitives with a parameter of that class
    FixedSet may_run_out; // primitives with no more calls, without variables, than lines
};

class Automaton {
  public:
    // An error is a text that says why programs cannot be written so.
    static bool compile(const Spelling &spelling, bool is_typed, Automaton *out,
                        std::string *error);

    Automaton() : typing_(false) {}

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
    void enter(State *s, Place place) const;
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
    int cheapest(const State &s, Root root, unsigned term_class, const TermSet &without) const;
    unsigned class_at(Term function, unsigned position) const;
    static unsigned arity_of(const State &s, Term function);
    static LineSet lines_with(const State &s, Term function);
    static LineSet narrowed(const State &s, const LineSet &lines, unsigned position, Term term);
    static bool can_close(const State &s, unsigned position, const LineSet &same);
    void remove_unusable(State *s) const;
    int cost_of(Root root, Term term) const {
        return term < kFirstVariable ? tables_.costs[root][term] : tables_.variable_costs[root];
    }

    uint16_t child_of(uint16_t node, uint16_t token) const;
    void node_mask(const State &s, Mask *mask) const;
    void remove_tokens(Root root, const FixedSet &terms, const TermSet &staying, Mask *mask) const;
    void add_follow(const State &s, Term term, Mask *mask) const;

    Tables tables_;
    Typing typing_;
    State first_state_{};
};

} // namespace codeit::text
