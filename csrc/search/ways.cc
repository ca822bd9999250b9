#include "search/ways.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace codeit::search {
namespace {

constexpr size_t kMostWays = 64;           // of a line
constexpr size_t kMostOfPrimitive = 4'000; // calls of one with three or more arguments

// What values of a sort may be to the declared types.
uint32_t types_of(Sort sort) {
    constexpr uint32_t kAny = bit_of(Type::Any);
    constexpr uint32_t kContainers = bit_of(Type::Container) | bit_of(Type::ContainerContainer);
    constexpr uint32_t kSets = kAny | bit_of(Type::FrozenSet) | kContainers;
    constexpr uint32_t kPatches = kSets | bit_of(Type::Patch) | bit_of(Type::Piece);
    constexpr uint32_t kTuples =
        kAny | bit_of(Type::Tuple) | bit_of(Type::TupleTuple) | kContainers;
    switch (sort) {
    case Sort::boolean:
        return kAny | bit_of(Type::Boolean);
    case Sort::integer:
        return kAny | bit_of(Type::Integer) | bit_of(Type::Numerical);
    case Sort::pair:
        return kTuples | bit_of(Type::IntegerTuple) | bit_of(Type::Numerical);
    case Sort::cell:
        return kTuples | bit_of(Type::Cell);
    case Sort::grid:
        return kTuples | bit_of(Type::Grid) | bit_of(Type::Element) | bit_of(Type::Piece);
    case Sort::tuple:
        return kTuples;
    case Sort::places:
        return kPatches | bit_of(Type::Indices);
    case Sort::object:
        return kPatches | bit_of(Type::Object) | bit_of(Type::Element);
    case Sort::sets:
        return kSets | bit_of(Type::Objects) | bit_of(Type::IndicesSet);
    case Sort::numbers:
        return kSets | bit_of(Type::IntegerSet);
    case Sort::other_set:
        return kSets;
    case Sort::empty:
        return kPatches | bit_of(Type::Indices) | bit_of(Type::Object) | bit_of(Type::Element) |
               bit_of(Type::Objects) | bit_of(Type::IndicesSet) | bit_of(Type::IntegerSet);
    case Sort::function:
        return bit_of(Type::Callable);
    case Sort::mixed:
        break;
    }
    return UINT32_MAX;
}

bool takes(const Parameter &parameter, Sort sort) {
    const uint32_t wanted = bit_of(parameter.type) | bit_of(parameter.taken) | parameter.also_taken;
    return (types_of(sort) & wanted) != 0;
}

bool may_return(const Result &result, Sort sort) {
    if (result.form != Result::Form::plain || result.declared == Type::Any) return true;
    return (types_of(sort) & (bit_of(result.declared) | bit_of(result.given))) != 0;
}

// What holds so little that it is often equal by accident.
bool holds_little(Sort sort) {
    return sort <= Sort::cell || sort == Sort::function || sort == Sort::empty;
}

class Enumeration {
  public:
    Enumeration(Pool &pool, const Lines &program, const LineNodes &nodes)
        : pool_(pool), language_(pool.language()), program_(program), nodes_(nodes),
          ways_(program.size()), bases_(program.size()), keys_(program.size()) {}

    std::vector<std::vector<Way>> run() {
        find_bases();
        find_terms();
        add_known();
        for (const uint16_t primitive : language_.primitives()) {
            if (!may_return_wanted(primitive)) continue;
            if (!try_all(primitive)) vary(primitive);
        }
        for (const Term function : terms_) {
            if (!is_line(function) || pool_[node_of_term(function)].sort != Sort::function)
                continue;
            for (const Term argument : terms_) {
                Line call;
                call.function = function;
                call.num_arguments = 1;
                call.arguments[0] = argument;
                attempt(call);
            }
        }
        return std::move(ways_);
    }

  private:
    Node node_of_term(Term term) const { return node_of(pool_, term, kInputNode, nodes_); }
    bool depends(Term term) const {
        return is_line(term) && (term == kInput || bases_[line_of(term) - 1].contains(kInput));
    }
    static bool is_line_of_program(Term term) { return is_line(term) && term != kInput; }

    // What every line rests on: lines, names and the input.
    void find_bases() {
        for (size_t k = 0; k < program_.size(); ++k) {
            auto add = [&](Term term) {
                bases_[k].insert(term);
                if (!is_line_of_program(term)) return;
                const std::set<Term> &below = bases_[line_of(term) - 1];
                bases_[k].insert(below.begin(), below.end());
            };
            add(program_[k].function);
            for (const Term term : program_[k].terms()) add(term);
        }
    }

    // What new calls may be made of: of all that has the same values the first, and nothing whose
    // values both a constant and what rests on the input have.
    void find_terms() {
        std::vector<Term> all = {kInput};
        std::set<Term> names;
        for (const std::set<Term> &base : bases_) {
            for (const Term term : base) {
                if (!is_line(term)) names.insert(term);
            }
        }
        for (size_t k = 0; k + 1 < program_.size(); ++k) {
            const Node node = nodes_[k];
            // A line without the input that comes to a name is that name.
            if (pool_.is_name(node) && !depends(term_of_line(k + 1))) {
                names.insert(pool_.name_of(node));
            }
        }
        all.insert(all.end(), names.begin(), names.end());
        for (size_t k = 1; k < program_.size(); ++k) all.push_back(term_of_line(k));
        std::map<Node, std::vector<Term>> of_node;
        for (const Term term : all) of_node[node_of_term(term)].push_back(term);
        for (const Term term : all) {
            const std::vector<Term> &same = of_node.at(node_of_term(term));
            if (same.front() != term) continue;
            const bool is_unclear = std::any_of(same.begin(), same.end(), [&](Term other) {
                return depends(other) != depends(term);
            });
            if (!is_unclear) terms_.push_back(term);
        }
        for (size_t k = 0; k < program_.size(); ++k) {
            lines_at_[nodes_[k]].push_back(k);
            for (size_t example = 0; example < pool_.task().num_examples(); ++example) {
                keys_[k].push_back(pool_.fingerprint_of(nodes_[k], example));
            }
            wanted_[keys_[k][0]].push_back(k);
        }
    }

    // The calls of the lines that have the same values, and what stands for them already.
    void add_known() {
        for (size_t k = 0; k < program_.size(); ++k) {
            const Term own = term_of_line(k + 1);
            ways_[k].push_back({program_[k], kNoTerm});
            for (const size_t other : lines_at_.at(nodes_[k])) {
                const Term term = term_of_line(other + 1);
                if (other == k || depends(term) != depends(own)) continue;
                ways_[k].push_back({program_[other], kNoTerm});
                if (other < k) ways_[k].push_back({{}, term});
            }
            if (pool_.is_leaf(nodes_[k])) {
                const Term leaf = nodes_[k] == kInputNode ? kInput : pool_.name_of(nodes_[k]);
                if (depends(leaf) == depends(own)) ways_[k].push_back({{}, leaf});
            }
        }
    }

    bool may_return_wanted(uint16_t primitive) const {
        const Result &result = language_.primitive(Opcode{primitive}).result;
        return std::any_of(nodes_.begin(), nodes_.end(),
                           [&](Node node) { return may_return(result, pool_[node].sort); });
    }

    // Calls with all arguments that fit. False where they are too many.
    bool try_all(uint16_t primitive) {
        const unsigned arity = language_.arity_of(primitive);
        const PrimitiveRow &row = language_.primitive(Opcode{primitive});
        std::vector<Term> fitting[kMaxArity];
        size_t num_calls = 1;
        for (unsigned a = 0; a < arity; ++a) {
            for (const Term term : terms_) {
                if (takes(row.parameters[a], pool_[node_of_term(term)].sort)) {
                    fitting[a].push_back(term);
                }
            }
            num_calls *= fitting[a].size();
            if (arity > 2 && num_calls > kMostOfPrimitive) return false;
        }
        Line call;
        call.function = primitive;
        call.num_arguments = static_cast<uint8_t>(arity);
        for (size_t number = 0; number < num_calls && !pool_.is_spent(); ++number) {
            size_t rest = number;
            for (unsigned a = 0; a < arity; ++a) {
                call.arguments[a] = fitting[a][rest % fitting[a].size()];
                rest /= fitting[a].size();
            }
            attempt(call);
        }
        return true;
    }

    // The calls of the program with one other argument.
    void vary(uint16_t primitive) {
        for (const Line &line : program_) {
            if (line.function != primitive) continue;
            for (size_t a = 0; a < line.num_arguments; ++a) {
                Line changed = line;
                for (const Term term : terms_) {
                    if (pool_.is_spent()) return;
                    changed.arguments[a] = term;
                    attempt(changed);
                }
            }
        }
    }

    // Nearly all calls come to something else than any line on the first example already.
    void attempt(const Line &call) {
        Node arguments[kMaxArity];
        for (size_t a = 0; a < call.num_arguments; ++a) {
            arguments[a] = node_of_term(call.arguments[a]);
        }
        const Node function = node_of_term(call.function);
        uint64_t key;
        auto comes_to = [&](size_t example) {
            return pool_.peek(function, {arguments, call.num_arguments}, example, &key) ==
                   Outcome::ok;
        };
        if (!comes_to(0)) return;
        const auto found = wanted_.find(key);
        if (found == wanted_.end()) return;
        std::vector<size_t> lines = found->second;
        for (size_t example = 1; example < pool_.task().num_examples(); ++example) {
            if (lines.empty() || !comes_to(example)) return;
            std::erase_if(lines, [&](size_t k) { return keys_[k][example] != key; });
        }
        bool call_depends = depends(call.function);
        for (const Term term : call.terms()) call_depends = call_depends || depends(term);
        for (const size_t k : lines) {
            if (call_depends != depends(term_of_line(k + 1))) continue;
            if (ways_[k].size() < kMostWays && is_fair(k, call)) {
                ways_[k].push_back({call, kNoTerm});
            }
        }
    }

    bool is_fair(size_t k, const Line &call) const {
        auto is_below = [&](Term term) {
            // Of terms with the same values, only the first stands in calls.
            const Node node = node_of_term(term);
            return std::any_of(bases_[k].begin(), bases_[k].end(),
                               [&](Term base) { return node_of_term(base) == node; });
        };
        const auto terms = call.terms();
        if (std::find(terms.begin(), terms.end(), term_of_line(k + 1)) != terms.end()) return false;
        return !holds_little(pool_[nodes_[k]].sort) ||
               std::all_of(terms.begin(), terms.end(), is_below);
    }

    Pool &pool_;
    const Language &language_;
    const Lines &program_;
    const LineNodes &nodes_;
    std::vector<std::vector<Way>> ways_;
    std::vector<std::set<Term>> bases_;
    std::vector<Term> terms_;
    std::map<Node, std::vector<size_t>> lines_at_; // by their nodes
    std::vector<std::vector<uint64_t>> keys_;      // of each line, the fingerprints of its values
    std::unordered_map<uint64_t, std::vector<size_t>> wanted_; // lines, by the first of them
};

} // namespace

std::vector<std::vector<Way>> ways_of(Pool &pool, const Lines &program, const LineNodes &nodes) {
    return Enumeration(pool, program, nodes).run();
}

} // namespace codeit::search
