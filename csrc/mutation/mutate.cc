#include "mutation/mutate.h"

#include <algorithm>
#include <array>

namespace codeit::mutation {
namespace {

// SplitMix64 (Steele, Lea and Flood 2014): good bits from any seed.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t next() {
        uint64_t z = state_ += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }

    // Uniform in [0, 1).
    double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

    // Uniform in [0, count), without bias: the high half of a product, as Lemire (2019) draws it.
    size_t below(size_t count) {
        uint64_t range = count;
        auto product = static_cast<unsigned __int128>(next()) * range;
        if (static_cast<uint64_t>(product) < range) {
            uint64_t threshold = (0 - range) % range;
            while (static_cast<uint64_t>(product) < threshold) {
                product = static_cast<unsigned __int128>(next()) * range;
            }
        }
        return static_cast<size_t>(product >> 64);
    }

  private:
    uint64_t state_;
};

bool has_same_signature(const PrimitiveRow &a, const PrimitiveRow &b) {
    if (a.result.declared != b.result.declared) return false;
    for (size_t k = 0; k < kMaxArity; ++k) {
        if ((a.parameters[k].name == nullptr) != (b.parameters[k].name == nullptr)) return false;
        if (a.parameters[k].name != nullptr && a.parameters[k].type != b.parameters[k].type) {
            return false;
        }
    }
    return true;
}

// One change to a program. What it draws is kept beside the parent's code, of which it is a copy
// but for one line, and one more line before that where a variable was defined.
class Mutation {
  public:
    Mutation(const Parent &parent, uint64_t seed)
        : language_(parent.program->language()), types_(parent.types), random_(seed) {
        lines_.reserve(parent.program->num_lines());
        for (const CodeLine &line : parent.program->code()) lines_.push_back(line);
    }

    bool apply(const Weights &weights) {
        double total = weights.argument + weights.function + weights.definition;
        double choice = random_.uniform() * total;
        line_ = 1 + random_.below(lines_.size());
        const CodeLine &old = lines_[line_ - 1];
        changed_ = {old.function, {old.arguments.begin(), old.arguments.end()}};
        if (choice < weights.argument) return change_argument(weights.new_variable);
        if (choice < weights.argument + weights.function) return change_function();
        return define(types_[line_], &changed_);
    }

    // False where it is no program: the change made a call that the program has already, or more
    // than a code holds; or the parent calls what a line shadows, for which a mutant has no name.
    bool write(Code *out) const {
        *out = Code();
        if (lines_.size() + has_new_line_ > kMaxLines) return false;
        for (size_t line = 1; line <= lines_.size(); ++line) {
            const CodeLine &old = lines_[line - 1];
            if (line != line_) {
                if (!add(old.function, old.arguments, out)) return false;
                continue;
            }
            if (has_new_line_ && !add(new_line_.function, new_line_.arguments, out)) return false;
            if (!add(changed_.function, changed_.arguments, out)) return false;
        }
        if (out->words().size() > kMaxWords) return false;
        const std::vector<uint32_t> repeats = repeats_of(*out);
        return std::all_of(repeats.begin(), repeats.end(), [](uint32_t n) { return n == 0; });
    }

  private:
    struct Call {
        Term function;
        std::vector<Term> arguments;
    };

    // In place of an argument, while the new line that it is to mention has no number.
    static constexpr Term kNewLine = kNoTerm;

    // Behind a new line, mentions of the line that changes and of those after it move up by one.
    // The new line itself mentions only lines before.
    Term moved(Term term) const {
        if (!has_new_line_ || !is_line(term) || line_of(term) < line_) return term;
        return term == kNewLine ? term_of_line(line_) : static_cast<Term>(term + 1);
    }

    bool add(Term function, std::span<const Term> arguments, Code *out) const {
        if (function == kInput || language_.is_constant(function)) return false;
        out->add_line(moved(function));
        for (Term argument : arguments) out->add_argument(moved(argument));
        return true;
    }

    // ---- Changes ----

    bool change_argument(double new_variable) {
        size_t position = random_.below(changed_.arguments.size());
        Term &argument = changed_.arguments[position];
        const Term old = argument;
        const bool is_function = language_.is_primitive(old);
        if (random_.uniform() < new_variable) {
            if (!define(is_function ? Type::Callable : type_of(old), &new_line_)) return false;
            has_new_line_ = true;
            argument = kNewLine;
            return true;
        }
        std::vector<Term> candidates;
        if (is_function) {
            add_primitives_like(old, &candidates);
        } else {
            add_terms(type_of(old), {}, &candidates);
        }
        std::erase(candidates, old);
        return pick(candidates, &argument);
    }

    bool change_function() {
        const Term old = changed_.function;
        std::vector<Term> candidates;
        if (language_.is_primitive(old)) {
            add_primitives_like(old, &candidates);
        } else {
            for (size_t k = 1; k < line_; ++k) {
                if (types_[k] == Type::Callable) candidates.push_back(term_of_line(k));
            }
        }
        std::erase(candidates, old);
        return pick(candidates, &changed_.function);
    }

    // A call that returns `type` and may stand on the line.
    bool define(Type type, Call *out) {
        std::vector<Term> functions;
        for (Term k : language_.primitives()) {
            if (primitive(k).result.declared == type) functions.push_back(k);
        }
        if (!pick(functions, &out->function)) return false;
        const PrimitiveRow &row = primitive(out->function);
        out->arguments.clear();
        for (unsigned k = 0; k < row.arity(); ++k) {
            std::vector<Term> candidates;
            add_terms(concrete(row.parameters[k].type), row.parameters[k].calls, &candidates);
            Term argument;
            if (!pick(candidates, &argument)) return false;
            out->arguments.push_back(argument);
        }
        return true;
    }

    // A type that something known before the line has and that a parameter of `wanted` accepts,
    // drawn uniformly; `wanted` itself when there is none.
    Type concrete(Type wanted) {
        std::vector<Type> candidates;
        auto offer = [&](Type type) {
            bool is_new = std::find(candidates.begin(), candidates.end(), type) == candidates.end();
            if (is_new && accepts(wanted, type)) candidates.push_back(type);
        };
        for (size_t k = 0; k < line_; ++k) offer(types_[k]);
        for (Type type : {Type::Boolean, Type::Integer, Type::IntegerTuple, Type::Callable}) {
            offer(type);
        }
        return candidates.empty() ? wanted : candidates[random_.below(candidates.size())];
    }

    // Everything of exactly that type that is known before the line. Of primitives, those that can
    // be called so; all where a number of arguments is not asked for, or only the least one.
    void add_terms(Type type, CalledWith calls, std::vector<Term> *out) const {
        for (size_t k = 0; k < line_; ++k) {
            if (types_[k] == type) out->push_back(term_of_line(k));
        }
        for (Term k : language_.constants()) {
            if (language_.constant(k).type == type) out->push_back(k);
        }
        if (type != Type::Callable) return;
        const bool is_any = calls.least == 0 || calls.may_be_more;
        for (Term k : language_.primitives()) {
            if (is_any || calls.fits(language_.arity_of(k))) out->push_back(k);
        }
    }

    void add_primitives_like(Term other, std::vector<Term> *out) const {
        for (Term k : language_.primitives()) {
            if (has_same_signature(primitive(k), primitive(other))) out->push_back(k);
        }
    }

    Type type_of(Term term) const {
        return is_line(term) ? types_[line_of(term)] : language_.constant(term).type;
    }

    const PrimitiveRow &primitive(Term term) const {
        return language_.primitive(static_cast<Opcode>(term));
    }

    bool pick(const std::vector<Term> &candidates, Term *out) {
        if (candidates.empty()) return false;
        *out = candidates[random_.below(candidates.size())];
        return true;
    }

    const Language &language_;
    const std::vector<Type> &types_; // of I and of each line
    std::vector<CodeLine> lines_;
    Random random_;
    size_t line_ = 0; // that changes
    Call changed_;    // its call
    bool has_new_line_ = false;
    Call new_line_; // before it
};

} // namespace

bool mutate(const Parent &parent, const Weights &weights, uint64_t seed, Code *out) {
    Mutation mutation(parent, seed);
    return mutation.apply(weights) && mutation.write(out);
}

std::vector<Mutant> mutate_many(const Parent &parent, const Weights &weights,
                                std::span<const uint64_t> seeds, Interrupt::Poll poll) {
    Interrupt interrupt(poll);
    std::vector<Mutant> mutants;
    for (size_t k = 0; k < seeds.size(); ++k) {
        Code code;
        if (interrupt.ask()) throw Interrupted();
        if (!mutate(parent, weights, seeds[k], &code)) continue;
        const Program &program = *parent.program;
        mutants.push_back({k, Program(std::move(code), program.language(), program.dialect())});
    }
    return mutants;
}

} // namespace codeit::mutation
