// Builds an automaton's tables from a tokenizer's spelling: numbers the tokens, lays the chains and
// the prefix trees out, makes sure that the end of a term can be told from more of it, and counts
// the terms by class and cost and the fewest tokens of a line. What a spelling must be like for
// this is checked on the way, and said by name if it is not so.
#include "text/automaton.h"

#include <algorithm>

namespace codeit::text {

class Compiler {
  public:
    Compiler(const Language &language, const Spelling &spelling, Automaton *out, std::string *error)
        : language_(language), spelling_(spelling), num_fixed_(num_fixed_of(language)), a_(*out),
          t_(out->tables_), error_(error) {}

    bool compile() {
        if (std::string reason = why_not(language_, spelling_); !reason.empty()) {
            return fail(reason);
        }
        t_.numbers.assign(size_t{UINT16_MAX} + 1, kNoToken);
        t_.num_variables = static_cast<unsigned>(spelling_.names.size());
        t_.nodes.assign(kFirstNode, Node{});
        t_.num_fixed_words = num_words_for(num_fixed_);
        t_.num_classes = a_.typing_.num_classes;
        if (!number_variables()) return false;
        if (!add_chains()) return false;
        if (!number_terms()) return false;
        if (!add_trees()) return false;
        t_.num_words = num_words_for(t_.alphabet.size());
        if (!check_follow()) return false;
        add_terms_by_cost();
        count_calls();
        find_needs();
        State &first = a_.first_state_;
        first.node = kName;
        first.variables_of.resize(t_.num_classes);
        first.num_calls.resize(language_.num_names());
        first.allowed_fixed.resize(t_.num_fixed_words);
        const ConstWords functions = a_.typing_.functions[0];
        first.known_functions.assign(functions.begin(), functions.end());
        first.function_mask.resize(t_.num_words);
        for_each(functions,
                 [&](unsigned k) { add(first.function_mask, t_.first_tokens[kFunctions][k]); });
        return true;
    }

  private:
    bool fail(std::string reason) {
        *error_ = std::move(reason);
        return false;
    }

    uint16_t number(uint16_t id) {
        if (t_.numbers[id] == kNoToken) {
            t_.numbers[id] = static_cast<uint16_t>(t_.alphabet.size());
            t_.alphabet.push_back(id);
        }
        return t_.numbers[id];
    }

    const std::vector<Ids> &terms(unsigned root) const {
        return root == kFunctions        ? spelling_.functions
               : root == kFirstArguments ? spelling_.first_arguments
                                         : spelling_.arguments;
    }

    // ---- Variables ----

    // The last token of a variable is its number, and the same wherever it stands; those before it
    // are none, or one that all variables share.
    bool number_variables() {
        for (const Ids &name : spelling_.names) {
            if (name.empty() || t_.numbers[name.back()] != kNoToken) {
                return fail("two variables end in the same token");
            }
            number(name.back());
        }
        // Numbers up to kMaxVariables are the variables'; those that are not there stay unused.
        t_.alphabet.resize(kMaxVariables, spelling_.names[0].back());
        if (!is_prefix_shared(spelling_.names.data(), &t_.name_token)) return false;
        for (unsigned root = 0; root < kNumRoots; ++root) {
            const Ids *variables = terms(root).data() + num_fixed_;
            if (!is_prefix_shared(variables, &t_.variable_tokens[root])) return false;
            t_.variable_costs[root] = static_cast<uint8_t>(variables[0].size());
        }
        return true;
    }

    bool is_prefix_shared(const Ids *variables, uint16_t *prefix) {
        for (unsigned k = 0; k < t_.num_variables; ++k) {
            const Ids &ids = variables[k];
            bool is_right = (ids.size() == 1 || ids.size() == 2) &&
                            ids.size() == variables[0].size() && ids[0] == variables[0][0];
            if (ids.size() == 1) is_right = variables[0].size() == 1;
            if (!is_right || ids.back() != spelling_.names[k].back()) {
                return fail('x' + std::to_string(k + 1) +
                            " is not written as one token, or one that all variables share and "
                            "one of its own");
            }
        }
        *prefix = variables[0].size() == 2 ? number(variables[0][0]) : kNoToken;
        return true;
    }

    // ---- Chains ----

    bool add_chains() {
        if (spelling_.output.empty()) return fail("O has no token");
        if (spelling_.end.empty()) return fail("the end of a program has no token");
        Ids after_output(spelling_.output.begin() + 1, spelling_.output.end());
        t_.output_token = number(spelling_.output[0]);
        t_.start = chain({spelling_.start}, Decision::name);
        t_.after_name = chain({spelling_.assign}, Decision::function);
        t_.after_output = chain({after_output, spelling_.assign}, Decision::function);
        t_.after_function = chain({spelling_.open}, Decision::argument);
        t_.between = chain({spelling_.separator}, Decision::argument);
        t_.end_of_line = chain({spelling_.close, spelling_.newline}, Decision::name);
        t_.end_of_program = chain({spelling_.close, spelling_.end}, Decision::finished);
        if (t_.end_of_line.size == 0) return fail("the end of a line has no token");
        uint16_t name = t_.name_token != kNoToken ? t_.name_token : 0;
        if (t_.output_token == name || t_.output_token < kMaxVariables) {
            return fail("O begins like a variable");
        }
        return true;
    }

    Chain chain(std::initializer_list<Ids> parts, Decision decision) {
        Chain chain;
        chain.decision = decision;
        for (const Ids &part : parts) {
            for (uint16_t id : part) {
                auto at = static_cast<uint16_t>(t_.nodes.size());
                if (chain.size > 0) t_.edges.back().node = at;
                Node link{};
                link.first_edge = static_cast<uint16_t>(t_.edges.size());
                link.num_edges = 1;
                link.term = kNoTerm;
                link.is_link = true;
                link.decision = decision;
                t_.nodes.push_back(link);
                t_.edges.push_back({number(id), kFinished});
                if (chain.size++ == 0) {
                    chain.first = at;
                    chain.first_token = t_.edges.back().token;
                }
            }
        }
        return chain;
    }

    // ---- Prefix trees ----

    struct Branch {
        Term term = kNoTerm;
        bool is_fan = false;
        std::vector<uint64_t> under;                       // fixed terms, then variables
        std::vector<std::pair<uint16_t, size_t>> branches; // by token
    };

    bool is_among(unsigned root, unsigned term) const {
        return root != kFunctions || language_.is_primitive(term);
    }

    // All tokens have their numbers before a table has a row over them.
    bool number_terms() {
        for (unsigned root = 0; root < kNumRoots; ++root) {
            for (unsigned k = 0; k < num_fixed_; ++k) {
                if (!is_among(root, k)) continue;
                const Ids &ids = terms(root)[k];
                if (ids.empty() || ids.size() > kMaxTermCost) {
                    return fail(name_of(k) + " takes " + std::to_string(ids.size()) +
                                " tokens; allowed are 1 to " + std::to_string(kMaxTermCost));
                }
                for (uint16_t id : ids) number(id);
            }
        }
        if (t_.alphabet.size() <= kMaxTokens) return true;
        return fail("programs take " + std::to_string(t_.alphabet.size()) +
                    " different tokens; allowed are " + std::to_string(kMaxTokens));
    }

    bool add_trees() {
        const size_t num_words = t_.num_fixed_words + kWordsOfLines;
        t_.under = WordTable(t_.nodes.size(), num_words);
        for (unsigned root = 0; root < kNumRoots; ++root) {
            t_.children[root].assign(t_.alphabet.size(), 0);
            t_.costs[root].assign(t_.num_fixed_words * 64, 0);
            t_.first_tokens[root].assign(t_.num_fixed_words * 64, 0);
            std::vector<Branch> tree;
            add_branch(&tree);
            for (unsigned k = 0; k < num_fixed_; ++k) {
                if (!is_among(root, k)) continue;
                const Ids &ids = terms(root)[k];
                auto term = static_cast<Term>(k);
                size_t at = 0;
                add(tree[at].under, term);
                for (uint16_t id : ids) {
                    at = grown(&tree, at, number(id));
                    add(tree[at].under, term);
                }
                if (tree[at].term != kNoTerm) {
                    return fail(name_of(k) + " is written like " + name_of(tree[at].term));
                }
                tree[at].term = term;
                t_.costs[root][k] = static_cast<uint8_t>(ids.size());
                t_.first_tokens[root][k] = number(ids[0]);
            }
            size_t fan = 0;
            if (t_.variable_tokens[root] != kNoToken) {
                size_t size = tree.size();
                fan = grown(&tree, 0, t_.variable_tokens[root]);
                if (fan != size) return fail("a term begins like a variable");
            }
            tree[fan].is_fan = true;
            for (unsigned k = 0; k < t_.num_variables; ++k) {
                for (size_t at : {size_t{0}, fan}) {
                    add(Words(tree[at].under).subspan(t_.num_fixed_words), k);
                }
            }
            for (const auto &[token, to] : tree[fan].branches) {
                if (token < kMaxVariables) return fail("a term begins like a variable");
            }
            if (t_.nodes.size() + tree.size() > UINT16_MAX) {
                return fail("the terms of the language take too many different tokens");
            }
            flatten(tree, root);
        }
        return true;
    }

    void add_branch(std::vector<Branch> *tree) const {
        tree->emplace_back().under.resize(t_.num_fixed_words + kWordsOfLines);
    }

    size_t grown(std::vector<Branch> *tree, size_t at, uint16_t token) const {
        for (const auto &[known, to] : (*tree)[at].branches) {
            if (known == token) return to;
        }
        size_t to = tree->size();
        (*tree)[at].branches.emplace_back(token, to);
        add_branch(tree);
        return to;
    }

    void flatten(const std::vector<Branch> &tree, unsigned root) {
        const size_t base = t_.nodes.size();
        t_.roots[root] = static_cast<uint16_t>(base);
        for (const Branch &branch : tree) {
            Node node{};
            node.first_edge = static_cast<uint16_t>(t_.edges.size());
            node.num_edges = static_cast<uint16_t>(branch.branches.size());
            node.term = branch.term;
            node.is_fan = branch.is_fan;
            t_.nodes.push_back(node);
            t_.under.add_row();
            std::ranges::copy(branch.under, t_.under[t_.under.num_rows() - 1].begin());
            for (const auto &[token, to] : branch.branches) {
                t_.edges.push_back({token, static_cast<uint16_t>(base + to)});
            }
        }
        for (const auto &[token, to] : tree[0].branches) {
            t_.children[root][token] = static_cast<uint16_t>(base + to);
        }
    }

    std::string name_of(unsigned term) const {
        return term < language_.num_names() ? language_.name_of(term) : "I";
    }

    // What comes after a term has to differ from what continues it, and one more argument from the
    // end of the call.
    bool check_follow() {
        const uint16_t after_arguments[] = {t_.between.first_token, t_.end_of_line.first_token,
                                            t_.end_of_program.first_token};
        for (unsigned root = 0; root < kNumRoots; ++root) {
            uint16_t end =
                root + 1 < kNumRoots ? t_.roots[root + 1] : static_cast<uint16_t>(t_.nodes.size());
            for (uint16_t k = t_.roots[root]; k < end; ++k) {
                const Node &node = t_.nodes[k];
                bool goes_on = node.num_edges > 0 || node.is_fan;
                bool may_end = k == t_.roots[root] ? root == kArguments : node.term != kNoTerm;
                if (!goes_on || !may_end) continue;
                bool is_tree_root = k == t_.roots[root];
                bool is_split = true;
                for (uint16_t token : after_arguments) {
                    if (root == kFunctions) token = t_.after_function.first_token;
                    if (token == kNoToken) {
                        is_split &= is_tree_root;
                        continue;
                    }
                    is_split &= !node.is_fan || token >= kMaxVariables;
                    for (unsigned e = 0; e < node.num_edges; ++e) {
                        is_split &= t_.edges[node.first_edge + e].token != token;
                    }
                }
                if (!is_split) return fail("what follows a term may be taken for a part of it");
            }
        }
        if (t_.between.first_token == t_.end_of_line.first_token ||
            t_.between.first_token == t_.end_of_program.first_token) {
            return fail("the end of a call begins like one more argument");
        }
        return true;
    }

    // ---- Counts ----

    void add_terms_by_cost() {
        const size_t num_rows = t_.at(kNumRoots, 0, 0);
        t_.fixed = WordTable(num_rows, t_.num_fixed_words);
        t_.masks = WordTable(num_rows, t_.num_words);
        for (unsigned root = 0; root < kNumRoots; ++root) {
            for (unsigned c = 0; c < t_.num_classes; ++c) {
                for (unsigned cost = 0; cost <= kMaxTermCost; ++cost) {
                    const size_t row = t_.at(root, c, cost);
                    for_each(a_.typing_.fixed[c], [&](unsigned k) {
                        if (root == kFunctions || t_.costs[root][k] > cost) return;
                        add(t_.fixed[row], k);
                        add(t_.masks[row], t_.first_tokens[root][k]);
                    });
                    t_.fixed_counts.push_back(count(t_.fixed[row]));
                }
            }
        }
    }

    void count_calls() {
        const Typing &typing = a_.typing_;
        for (unsigned c = 0; c < t_.num_classes; ++c)
            t_.num_fixed.push_back(count(typing.fixed[c]));
        t_.users_of = WordTable(t_.num_classes, t_.num_fixed_words);
        t_.may_run_out = WordTable(1, t_.num_fixed_words);
        for (unsigned f : language_.primitives()) {
            uint64_t num_calls = 1;
            for (unsigned k = 0; k < typing.arities[f]; ++k) {
                num_calls *= t_.num_fixed[typing.class_of[f][k]];
                add(t_.users_of[typing.class_of[f][k]], f);
            }
            if (num_calls <= kMaxVariables) add(t_.may_run_out[0], f);
        }
    }

    // By the number of calls before it, tokens of the shortest call of which there are, without
    // variables, so many that one is left. The shortest of all, unless the program is so long that
    // it may have used those up.
    std::array<int, kMaxVariables + 1> cheapest_call(ConstWords functions) const {
        std::vector<uint64_t> num_calls;
        for_each(functions, [&](unsigned f) {
            std::vector<uint64_t> ways(t_.costs[kFunctions][f] + t_.after_function.size + 1);
            ways.back() = 1;
            for (unsigned k = 0; k < a_.typing_.arities[f]; ++k) {
                const size_t row =
                    t_.at(k == 0 ? kFirstArguments : kArguments, a_.typing_.class_of[f][k], 0);
                size_t between = k == 0 ? 0 : t_.between.size;
                std::vector<uint64_t> longer(ways.size() + between + kMaxTermCost);
                for (unsigned cost = 1; cost <= kMaxTermCost; ++cost) {
                    uint64_t num_terms =
                        t_.fixed_counts[row + cost] - t_.fixed_counts[row + cost - 1];
                    for (size_t n = 0; n < ways.size(); ++n) {
                        longer[n + between + cost] += ways[n] * num_terms;
                    }
                }
                ways = std::move(longer);
            }
            if (num_calls.size() < ways.size()) num_calls.resize(ways.size());
            for (size_t n = 0; n < ways.size(); ++n) num_calls[n] += ways[n];
        });
        std::array<int, kMaxVariables + 1> shortest{};
        uint64_t sum = 0;
        size_t size = 0;
        for (unsigned num_before = 0; num_before <= kMaxVariables; ++num_before) {
            while (size < num_calls.size() && sum <= num_before) sum += num_calls[size++];
            shortest[num_before] = static_cast<int>(size) - 1;
        }
        return shortest;
    }

    void find_needs() {
        t_.line_need = cheapest_call(a_.typing_.functions[0]);
        for (int &need : t_.line_need) {
            need += static_cast<int>(spelling_.names[0].size() + t_.after_name.size +
                                     t_.end_of_line.size);
        }
        t_.output_need = cheapest_call(a_.typing_.output_functions[0]);
        for (int &need : t_.output_need) {
            need += static_cast<int>(1 + t_.after_output.size + t_.end_of_program.size);
        }
        t_.loose = static_cast<int>(kMaxTermCost + t_.after_function.size +
                                    kMaxArity * (kMaxTermCost + t_.between.size));
    }

    const Language &language_;
    const Spelling &spelling_;
    const unsigned num_fixed_;
    Automaton &a_;
    Tables &t_;
    std::string *error_;
};

bool Automaton::compile(const Language &language, const Spelling &spelling, bool is_typed,
                        Automaton *out, std::string *error) {
    *out = Automaton();
    out->typing_ = Typing(language, is_typed);
    return Compiler(language, spelling, out, error).compile();
}

} // namespace codeit::text
