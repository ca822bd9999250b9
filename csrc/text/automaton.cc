#include "text/automaton.h"

#include <algorithm>

namespace codeit::text {
namespace {

Root root_at(unsigned position) {
    return position == 0 ? kFirstArguments : kArguments;
}

} // namespace

// ---- Steps ----

void Automaton::begin(State *state, uint16_t max_tokens) const {
    *state = first_state_; // in the memory that it has
    state->num_left = max_tokens;
    follow(state, tables_.start);
}

bool Automaton::advance(State *s, uint16_t token) const {
    if (s->node == kFinished || s->node == kFailed) return false;
    bool is_right = token < tables_.alphabet.size() && step(s, token);
    if (!is_right) s->node = kFailed;
    return is_right;
}

bool Automaton::step(State *s, uint16_t token) const {
    // A token that shows that what was before it is complete is looked at once more from there.
    for (;;) {
        switch (s->node) {
        case kFinished:
        case kFailed:
            return false;
        case kName:
            if (token == tables_.output_token) {
                --s->num_left;
                s->is_output = true;
                follow(s, tables_.after_output);
                return true;
            }
            if (!s->may_define) return false;
            if (tables_.name_token != kNoToken) {
                --s->num_left;
                s->node = kNumber;
                return token == tables_.name_token;
            }
            [[fallthrough]];
        case kNumber:
            --s->num_left;
            follow(s, tables_.after_name);
            return token == s->num_variables;
        case kChoice:
            if (s->may_continue && token == tables_.between.first_token) {
                s->node = tables_.between.first;
            } else if (s->may_close) {
                finish_call(s);
            } else {
                return false;
            }
            continue;
        }
        const Node &node = tables_.nodes[s->node];
        if (node.is_link) {
            const Edge &edge = tables_.edges[node.first_edge];
            --s->num_left;
            if (edge.node != kFinished) {
                s->node = edge.node;
            } else {
                enter(s, node.decision);
            }
            return token == edge.token;
        }
        if (node.is_fan && token < kMaxVariables) {
            if (!s->allowed.has(token)) return false;
            --s->num_left;
            complete(s, static_cast<Term>(kFirstVariable + token));
            return true;
        }
        uint16_t child = child_of(s->node, token);
        if (child != 0 && is_any_allowed(*s, child)) {
            --s->num_left;
            s->node = child;
            const Node &reached = tables_.nodes[child];
            if (reached.num_edges == 0 && !reached.is_fan) complete(s, reached.term);
            return true;
        }
        if (node.term != kNoTerm && is_allowed(*s, node.term)) {
            complete(s, node.term);
        } else if (s->may_close) {
            finish_call(s);
        } else {
            return false;
        }
    }
}

uint16_t Automaton::child_of(uint16_t node, uint16_t token) const {
    for (unsigned root = 0; root < kNumRoots; ++root) {
        if (node == tables_.roots[root]) return tables_.children[root][token];
    }
    const Edge *edge = &tables_.edges[tables_.nodes[node].first_edge];
    for (unsigned k = 0; k < tables_.nodes[node].num_edges; ++k) {
        if (edge[k].token == token) return edge[k].node;
    }
    return 0;
}

void Automaton::follow(State *s, const Chain &chain) const {
    if (chain.size > 0) {
        s->node = chain.first;
    } else {
        enter(s, chain.decision);
    }
}

void Automaton::enter(State *s, Decision decision) const {
    s->decision = decision;
    switch (decision) {
    case Decision::name:
        return enter_name(s);
    case Decision::function:
        return enter_function(s);
    case Decision::argument:
        return enter_argument(s);
    case Decision::finished:
        s->node = kFinished;
    }
}

void Automaton::complete(State *s, Term term) const {
    if (s->decision == Decision::function) {
        s->function = term;
        s->call.fill(kNoTerm);
        s->num_arguments = 0;
        s->arity = static_cast<uint8_t>(arity_of(*s, term));
        s->same = lines_with(*s, term);
        return follow(s, tables_.after_function);
    }
    s->same = narrowed(*s, s->same, s->num_arguments, term);
    s->call[s->num_arguments++] = term;
    s->may_close = false;
    if (s->num_arguments == (s->arity != 0 ? s->arity : kMaxArity)) {
        finish_call(s);
    } else if (s->arity != 0 || tables_.between.size == 0) {
        follow(s, tables_.between);
    } else {
        enter_choice(s);
    }
}

void Automaton::finish_call(State *s) const {
    s->may_close = false;
    if (!s->is_output) {
        unsigned line = s->num_variables++;
        s->functions[line] = s->function;
        if (typing_.is_name(s->function)) ++s->num_calls[s->function];
        s->arguments[line] = s->call;
        Term first = s->call[0];
        uint8_t kind_of_first = first < kFirstVariable ? typing_.kinds_of_fixed[first]
                                                       : s->kinds[first - kFirstVariable];
        uint8_t kind = typing_.kind_of_call(s->function, kind_of_first);
        s->kinds[line] = kind;
        for (unsigned c = 0; c < typing_.num_classes; ++c) {
            if (typing_.kinds[c] >> kind & 1) s->variables_of[c].add(line);
        }
    }
    follow(s, end_of_line(*s));
}

// ---- What is allowed ----

void Automaton::enter_name(State *s) const {
    const unsigned n = s->num_variables;
    s->node = kName;
    s->may_define = n < tables_.num_variables &&
                    s->num_left >= tables_.line_need[n] + tables_.output_need[n + 1];
}

void Automaton::enter_function(State *s) const {
    s->node = tables_.roots[kFunctions];
    const Words allowed = s->allowed_fixed;
    std::ranges::copy(s->is_output ? typing_.output_functions[0] : typing_.functions[0],
                      allowed.begin());
    s->allowed = s->variables_of[typing_.function_class];
    if (typing_.is_typed) remove_unusable(s);
    if (int left = budget(*s); left < tables_.loose) {
        auto is_too_long = [&](Term function) {
            int need = cost_of(kFunctions, function) +
                       rest(*s, function, arity_of(*s, function), 0, lines_with(*s, function));
            return need > left;
        };
        for_each(allowed, [&](unsigned k) {
            if (is_too_long(static_cast<Term>(k))) remove(allowed, k);
        });
        const LineSet candidates = s->allowed;
        candidates.for_each([&](unsigned k) {
            if (is_too_long(static_cast<Term>(kFirstVariable + k))) s->allowed.remove(k);
        });
    }
    // The mask of the functions is kept, as most lines allow the same ones: what has changed is put
    // right.
    const Words known = s->known_functions;
    if (std::ranges::equal(allowed, known)) return;
    const Words mask = s->function_mask;
    for_each_without(known, allowed, [&](unsigned k) { remove_token(kFunctions, k, *s, mask); });
    for_each_without(allowed, known,
                     [&](unsigned k) { add(mask, tables_.first_tokens[kFunctions][k]); });
    std::ranges::copy(allowed, known.begin());
}

// Without the primitives for some parameter of which there is nothing, and those of which every
// possible call is used up.
void Automaton::remove_unusable(State *s) const {
    const Words allowed = s->allowed_fixed;
    for (unsigned c = 0; c < typing_.num_classes; ++c) {
        if (tables_.num_fixed[c] != 0 || !s->variables_of[c].is_empty()) continue;
        const ConstWords users = tables_.users_of[c];
        for (size_t k = 0; k < allowed.size(); ++k) allowed[k] &= ~users[k];
    }
    const ConstWords may_run_out = tables_.may_run_out[0];
    for (unsigned line = 0; line < s->num_variables; ++line) {
        const Term function = s->functions[line];
        if (!typing_.is_name(function) || !has(may_run_out, function)) continue;
        if (!has(allowed, function)) continue;
        unsigned num_calls = 1;
        for (unsigned k = 0; k < typing_.arities[function]; ++k) {
            unsigned c = typing_.class_of[function][k];
            num_calls *= tables_.num_fixed[c] + s->variables_of[c].count();
        }
        if (s->num_calls[function] == num_calls) remove(allowed, function);
    }
}

void Automaton::enter_argument(State *s) const {
    const unsigned position = s->num_arguments;
    const Root root = root_at(position);
    const Term function = s->function;
    const unsigned term_class = class_at(function, position);
    s->node = tables_.roots[root];
    // With separators, a call's end is told from one more argument before they come.
    s->may_close = s->arity == 0 && position > 0 && tables_.between.size == 0 &&
                   can_close(*s, position, s->same);
    const int left = budget(*s);
    int max_cost = kMaxTermCost;
    if (left < tables_.loose) max_cost = left - rest(*s, function, s->arity, position + 1, {});
    s->max_cost = static_cast<uint8_t>(std::clamp<int>(max_cost, 0, kMaxTermCost));
    const size_t row = tables_.at(root, term_class, s->max_cost);
    std::ranges::copy(tables_.fixed[row], s->allowed_fixed.begin());
    s->allowed = {};
    if (s->max_cost >= tables_.variable_costs[root]) s->allowed = s->variables_of[term_class];
    // What continues an earlier call needs to be able to end in another one.
    for (LineSet left_over = s->same; !left_over.is_empty();) {
        Term term = s->arguments[left_over.first()][position];
        LineSet alike = narrowed(*s, left_over, position, term);
        left_over -= alike;
        if (term == kNoTerm) continue;
        if (cost_of(root, term) + rest(*s, function, s->arity, position + 1, alike) <= left)
            continue;
        if (term < kFirstVariable) {
            remove(s->allowed_fixed, term);
        } else {
            s->allowed.remove(term - kFirstVariable);
        }
    }
}

void Automaton::enter_choice(State *s) const {
    s->node = kChoice;
    const unsigned position = s->num_arguments;
    s->may_close = can_close(*s, position, s->same);
    s->may_continue =
        tables_.between.size + next(*s, s->function, s->arity, position, s->same) <= budget(*s);
}

// ---- The fewest tokens ----

// Tokens left for the present call.
int Automaton::budget(const State &s) const {
    int left = s.num_left - end_of_line(s).size;
    return s.is_output ? left : left - tables_.output_need[s.num_variables + 1u];
}

// From behind the function or an argument to the end of the call; `position` arguments are given,
// and `same` are the earlier lines whose call begins so.
int Automaton::rest(const State &s, Term function, unsigned arity, unsigned position,
                    const LineSet &same) const {
    if (arity == 0 && position > 0 && can_close(s, position, same)) return 0;
    if (position == (arity != 0 ? arity : kMaxArity)) return same.is_empty() ? 0 : kNever;
    const Chain &between = position == 0 ? tables_.after_function : tables_.between;
    return between.size + next(s, function, arity, position, same);
}

// The same from before an argument.
int Automaton::next(const State &s, Term function, unsigned arity, unsigned position,
                    const LineSet &same) const {
    const Root root = root_at(position);
    Known known;
    int fewest = kNever;
    for (LineSet left_over = same; !left_over.is_empty();) {
        Term term = s.arguments[left_over.first()][position];
        LineSet alike = narrowed(s, left_over, position, term);
        left_over -= alike;
        if (term == kNoTerm) continue;
        known.terms[known.size++] = term;
        fewest =
            std::min(fewest, cost_of(root, term) + rest(s, function, arity, position + 1, alike));
    }
    int other = cheapest(s, root, class_at(function, position), known);
    return std::min(fewest, other + rest(s, function, arity, position + 1, {}));
}

int Automaton::cheapest(const State &s, Root root, unsigned term_class,
                        const Known &without) const {
    unsigned num_variables = s.variables_of[term_class].count();
    for (unsigned k = 0; k < without.size; ++k) {
        const Term term = without.terms[k];
        if (term < kFirstVariable) continue;
        num_variables -= s.variables_of[term_class].has(term - kFirstVariable);
    }
    const int cost_of_variable = num_variables > 0 ? tables_.variable_costs[root] : kNever;
    for (unsigned cost = 1; cost <= kMaxTermCost; ++cost) {
        const size_t row = tables_.at(root, term_class, cost);
        unsigned num_left = tables_.fixed_counts[row];
        for (unsigned k = 0; k < without.size; ++k) {
            const Term term = without.terms[k];
            num_left -= term < kFirstVariable && has(tables_.fixed[row], term);
        }
        if (num_left > 0) return std::min(static_cast<int>(cost), cost_of_variable);
    }
    return cost_of_variable;
}

unsigned Automaton::class_at(Term function, unsigned position) const {
    return typing_.is_name(function) ? typing_.class_of[function][position] : typing_.any_class;
}

unsigned Automaton::arity_of(const State &s, Term function) const {
    return function >= kFirstVariable ? arity_of_kind(s.kinds[function - kFirstVariable])
                                      : typing_.arities[function];
}

LineSet Automaton::lines_with(const State &s, Term function) {
    LineSet lines;
    for (unsigned line = 0; line < s.num_variables; ++line) {
        lines.add_if(s.functions[line] == function, line);
    }
    return lines;
}

// Those of the lines that have the term as that argument.
LineSet Automaton::narrowed(const State &s, const LineSet &lines, unsigned position, Term term) {
    LineSet left = lines;
    lines.for_each([&](unsigned line) {
        if (s.arguments[line][position] != term) left.remove(line);
    });
    return left;
}

// Whether a call that may have any number of arguments may end after so many: no earlier one has
// just these.
bool Automaton::can_close(const State &s, unsigned position, const LineSet &same) {
    if (position == kMaxArity) return same.is_empty();
    return narrowed(s, same, position, kNoTerm).is_empty();
}

// ---- Masks ----

void Automaton::mask(const State &s, uint64_t *out) const {
    const Words mask = {out, tables_.num_words};
    std::ranges::fill(mask, 0);
    switch (s.node) {
    case kFinished:
    case kFailed:
        break;
    case kName:
        add(mask, tables_.output_token);
        if (s.may_define) {
            add(mask, tables_.name_token != kNoToken ? tables_.name_token : s.num_variables);
        }
        break;
    case kNumber:
        add(mask, s.num_variables);
        break;
    case kChoice:
        if (s.may_continue) add(mask, tables_.between.first_token);
        if (s.may_close) add(mask, end_of_line(s).first_token);
        break;
    default:
        node_mask(s, mask);
    }
}

void Automaton::node_mask(const State &s, Words mask) const {
    const Node &node = tables_.nodes[s.node];
    const Edge *edges = &tables_.edges[node.first_edge];
    if (node.is_link) return add(mask, edges[0].token);
    const Root root = s.decision == Decision::function ? kFunctions : root_at(s.num_arguments);
    if (s.node == tables_.roots[root]) {
        if (root == kFunctions) {
            std::ranges::copy(s.function_mask, mask.begin());
        } else {
            const size_t row = tables_.at(root, class_at(s.function, s.num_arguments), s.max_cost);
            std::ranges::copy(tables_.masks[row], mask.begin());
            for_each_without(tables_.fixed[row], s.allowed_fixed,
                             [&](unsigned k) { remove_token(root, k, s, mask); });
            if (s.may_close) add(mask, end_of_line(s).first_token);
        }
        uint16_t token = tables_.variable_tokens[root];
        if (token != kNoToken && !s.allowed.is_empty()) add(mask, token);
    } else {
        for (unsigned k = 0; k < node.num_edges; ++k) {
            if (is_any_allowed(s, edges[k].node)) add(mask, edges[k].token);
        }
        if (node.term != kNoTerm && is_allowed(s, node.term)) add_follow(s, node.term, mask);
    }
    if (node.is_fan) {
        const ConstWords variables = s.allowed.words();
        for (size_t k = 0; k < variables.size(); ++k) mask[k] |= variables[k];
    }
}

// Of a fixed term that is gone; those that share their first token with one that stays keep it.
void Automaton::remove_token(Root root, unsigned fixed, const State &staying, Words mask) const {
    const uint16_t token = tables_.first_tokens[root][fixed];
    if (!is_any_allowed(staying, tables_.children[root][token])) remove(mask, token);
}

// What may come after a term that others begin with.
void Automaton::add_follow(const State &s, Term term, Words mask) const {
    if (s.decision == Decision::function) return add(mask, tables_.after_function.first_token);
    const unsigned position = s.num_arguments + 1u;
    if (position == (s.arity != 0 ? s.arity : kMaxArity)) {
        return add(mask, end_of_line(s).first_token);
    }
    if (s.arity != 0) return add(mask, tables_.between.first_token);
    // As enter_choice decides it.
    LineSet same = narrowed(s, s.same, s.num_arguments, term);
    if (can_close(s, position, same)) add(mask, end_of_line(s).first_token);
    int need = tables_.between.size + next(s, s.function, 0, position, same);
    if (need <= budget(s)) add(mask, tables_.between.first_token);
}

uint16_t Automaton::forced(const State &s) const {
    switch (s.node) {
    case kFinished:
    case kFailed:
        return kNoToken;
    case kNumber:
        return s.num_variables;
    default:
        break;
    }
    if (s.node >= kFirstNode && tables_.nodes[s.node].is_link) {
        return tables_.edges[tables_.nodes[s.node].first_edge].token;
    }
    // As large as any, for this is asked for every token that is drawn.
    uint64_t mask[num_words_for(size_t{UINT16_MAX} + 1)];
    this->mask(s, mask);
    uint16_t token = kNoToken;
    for (size_t k = 0; k < tables_.num_words; ++k) {
        if (mask[k] == 0) continue;
        if (token != kNoToken || (mask[k] & (mask[k] - 1)) != 0) return kNoToken;
        token = static_cast<uint16_t>(k * 64 + static_cast<unsigned>(std::countr_zero(mask[k])));
    }
    return token;
}

} // namespace codeit::text
