#include "mutation/mutate.h"

#include <algorithm>

namespace codeit::mutation {
namespace {

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

constexpr size_t index_of(Type type) {
    return static_cast<size_t>(type);
}

bool are_same(const CodeLine &a, const CodeLine &b) {
    return a.function == b.function && std::equal(a.arguments.begin(), a.arguments.end(),
                                                  b.arguments.begin(), b.arguments.end());
}

bool has_repeated_call(const Code &code) {
    const std::vector<uint32_t> repeats = repeats_of(code);
    return std::any_of(repeats.begin(), repeats.end(), [](uint32_t n) { return n != 0; });
}

} // namespace

TypedCode::TypedCode(Code code, std::vector<Type> types)
    : code(std::move(code)), types(std::move(types)), has_repeats(has_repeated_call(this->code)) {}

Mutator::Mutator(const Language &language, const Weights &weights)
    : language_(language), weights_(weights), signature_of_(language.num_names()) {
    for (Term k : language.primitives()) {
        const PrimitiveRow &row = language.primitive(static_cast<Opcode>(k));
        std::vector<Term> &same_result = by_result_[index_of(row.result.declared)];
        auto other = std::find_if(same_result.begin(), same_result.end(), [&](Term known) {
            return has_same_signature(row, language.primitive(static_cast<Opcode>(known)));
        });
        if (other == same_result.end()) {
            signature_of_[k] = static_cast<uint16_t>(alike_.size());
            alike_.emplace_back();
        } else {
            signature_of_[k] = signature_of_[*other];
        }
        alike_[signature_of_[k]].push_back(k);
        same_result.push_back(k);
        called_with_[0].push_back(k);
        called_with_[language.arity_of(k)].push_back(k);
    }
    for (Term k : language.constants())
        constants_of_[index_of(language.constant(k).type)].push_back(k);
}

bool Mutator::draw(const TypedCode &parent, std::span<const TypedCode> others, Random *random) {
    parent_ = &parent;
    random_ = random;
    lines_.clear();
    for (const CodeLine &line : parent.code) lines_.push_back(line);
    num_new_ = 0;
    is_new_argument_ = false;
    return apply(others) && finish();
}

bool Mutator::apply(std::span<const TypedCode> others) {
    const double total =
        weights_.argument + weights_.function + weights_.definition + weights_.crossover;
    double choice = random_->uniform() * total;
    line_ = 1 + random_->below(lines_.size());
    const CodeLine &old = lines_[line_ - 1];
    changed_.function = old.function;
    changed_.arguments.assign(old.arguments.begin(), old.arguments.end());
    if (choice < weights_.argument) return change_argument(others, false);
    choice -= weights_.argument;
    if (choice < weights_.function) return change_function();
    choice -= weights_.function;
    // Rounding may leave a little of the last one.
    if (choice < weights_.definition || weights_.crossover == 0)
        return define(parent_->types[line_], &changed_);
    return change_argument(others, true);
}

// ---- Changes ----

bool Mutator::change_argument(std::span<const TypedCode> others, bool is_crossover) {
    const size_t position = random_->below(changed_.arguments.size());
    Term &argument = changed_.arguments[position];
    const Term old = argument;
    const bool is_function = language_.is_primitive(old);
    const Type type = is_function ? Type::Callable : type_of(old);
    if (is_crossover) {
        new_argument_ = position;
        return cross(type, others, &argument) && (is_new_argument_ || argument != old);
    }
    if (random_->uniform() < weights_.new_variable) {
        if (!define(type, add_new_line())) return false;
        is_new_argument_ = true;
        new_argument_ = position;
        return true;
    }
    if (is_function) return pick_other(primitives_like(old), old, &argument);
    candidates_.clear();
    add_terms(type, {});
    return pick_other(candidates_, old, &argument);
}

bool Mutator::change_function() {
    const Term old = changed_.function;
    if (language_.is_primitive(old))
        return pick_other(primitives_like(old), old, &changed_.function);
    candidates_.clear();
    for (size_t k = 1; k < line_; ++k) {
        if (parent_->types[k] == Type::Callable) candidates_.push_back(term_of_line(k));
    }
    return pick_other(candidates_, old, &changed_.function);
}

// A call that returns `type` and may stand on the line.
bool Mutator::define(Type type, Call *out) {
    const std::vector<Term> &functions = by_result_[index_of(type)];
    if (functions.empty()) return false;
    out->function = functions[random_->below(functions.size())];
    const PrimitiveRow &row = language_.primitive(static_cast<Opcode>(out->function));
    out->arguments.clear();
    const unsigned arity = language_.arity_of(out->function);
    for (unsigned k = 0; k < arity; ++k) {
        candidates_.clear();
        add_terms(concrete(row.parameters[k].type), row.parameters[k].calls);
        Term argument;
        if (!pick(&argument)) return false;
        out->arguments.push_back(argument);
    }
    return true;
}

// A value of that type from another program: its lines for it become new lines, as far as they are
// not there before the line that changes.
bool Mutator::cross(Type type, std::span<const TypedCode> others, Term *out) {
    if (others.empty()) return false;
    const TypedCode &other = others[random_->below(others.size())];
    if (other.code.has_shadows()) return false;
    candidates_.clear();
    for (size_t k = 1; k < other.types.size(); ++k) {
        if (other.types[k] == type) candidates_.push_back(term_of_line(k));
    }
    Term wanted;
    if (!pick(&wanted)) return false;
    const size_t num_lines = line_of(wanted);
    std::vector<CodeLine> lines;
    for (const CodeLine &line : other.code) {
        if (lines.size() == num_lines) break;
        lines.push_back(line);
    }
    std::vector<Term> terms(num_lines + 1, kNoTerm); // in the mutant; kInput where it is needed
    auto need = [&](Term term) {
        if (is_line(term)) terms[line_of(term)] = kInput;
    };
    terms[num_lines] = kInput;
    for (size_t k = num_lines; k > 0; --k) {
        if (terms[k] == kNoTerm) continue;
        need(lines[k - 1].function);
        for (Term argument : lines[k - 1].arguments) need(argument);
    }
    terms[0] = kInput;
    for (size_t k = 1; k <= num_lines; ++k) {
        if (terms[k] == kNoTerm) continue;
        Call *line = add_new_line();
        auto renumbered = [&](Term term) { return is_line(term) ? terms[line_of(term)] : term; };
        line->function = renumbered(lines[k - 1].function);
        line->arguments.clear();
        for (Term argument : lines[k - 1].arguments) {
            if (is_line(argument) && line_of(argument) == k) return false; // it mentions itself
            line->arguments.push_back(renumbered(argument));
        }
        const CodeLine made = {line->function, kNoTerm, line->arguments};
        terms[k] = term_of_line(line_ + num_new_ - 1);
        for (size_t known = 1; known < line_; ++known) {
            if (!are_same(lines_[known - 1], made)) continue;
            terms[k] = term_of_line(known);
            --num_new_;
            break;
        }
    }
    *out = terms[num_lines];
    is_new_argument_ = line_of(*out) >= line_;
    return true;
}

Mutator::Call *Mutator::add_new_line() {
    if (new_lines_.size() == num_new_) new_lines_.emplace_back();
    return &new_lines_[num_new_++];
}

// ---- Candidates ----

// A type that something known before the line has and that a parameter of `wanted` accepts,
// drawn uniformly; `wanted` itself when there is none.
Type Mutator::concrete(Type wanted) {
    Type offered[kNumTypes];
    size_t count = 0;
    uint32_t seen = 0;
    auto offer = [&](Type type) {
        if ((seen & bit_of(type)) != 0) return;
        seen |= bit_of(type);
        if (accepts(wanted, type)) offered[count++] = type;
    };
    for (size_t k = 0; k < line_; ++k) offer(parent_->types[k]);
    for (Type type : {Type::Boolean, Type::Integer, Type::IntegerTuple, Type::Callable})
        offer(type);
    return count == 0 ? wanted : offered[random_->below(count)];
}

// Everything of exactly that type that is known before the line. Of primitives, those that can
// be called so; all where a number of arguments is not asked for, or only the least one.
void Mutator::add_terms(Type type, CalledWith calls) {
    for (size_t k = 0; k < line_; ++k) {
        if (parent_->types[k] == type) candidates_.push_back(term_of_line(k));
    }
    const std::vector<Term> &constants = constants_of_[index_of(type)];
    candidates_.insert(candidates_.end(), constants.begin(), constants.end());
    if (type != Type::Callable) return;
    const std::vector<Term> &callable = called_with_[calls.may_be_more ? 0 : calls.least];
    candidates_.insert(candidates_.end(), callable.begin(), callable.end());
}

std::span<const Term> Mutator::primitives_like(Term other) const {
    return alike_[signature_of_[other]];
}

Type Mutator::type_of(Term term) const {
    return is_line(term) ? parent_->types[line_of(term)] : language_.constant(term).type;
}

bool Mutator::pick(Term *out) {
    if (candidates_.empty()) return false;
    *out = candidates_[random_->below(candidates_.size())];
    return true;
}

// One of the candidates, which differ, but the old one.
bool Mutator::pick_other(std::span<const Term> candidates, Term old, Term *out) {
    const size_t at = static_cast<size_t>(std::find(candidates.begin(), candidates.end(), old) -
                                          candidates.begin());
    const size_t count = candidates.size() - (at < candidates.size());
    if (count == 0) return false;
    const size_t k = random_->below(count);
    *out = candidates[k + (k >= at)];
    return true;
}

// ---- The mutant ----

// False where it is no program: the change made a call that the program has already, or more
// than a code holds; or the parent calls what a line shadows, for which a mutant has no name.
bool Mutator::finish() {
    if (num_lines() > kMaxLines) return false;
    for (Term &argument : changed_.arguments) argument = moved(argument);
    if (is_new_argument_) changed_.arguments[new_argument_] = term_of_line(line_ + num_new_ - 1);
    changed_.function = moved(changed_.function);
    size_t num_words = 0;
    for (size_t k = 0; k <= num_new_; ++k) {
        if (!is_callable(own_line(k).function)) return false;
        num_words += 2 + own_line(k).arguments.size();
    }
    for (size_t line = 1; line <= lines_.size(); ++line) {
        if (line == line_) continue;
        if (!is_callable(lines_[line - 1].function)) return false;
        num_words += 2 + lines_[line - 1].arguments.size();
    }
    return num_words <= kMaxWords && !repeats_a_call();
}

bool Mutator::repeats_a_call() const {
    constexpr size_t kFew = 64; // lines that are compared each with each
    if (parent_->has_repeats || num_lines() > kFew) {
        Code code;
        write(&code);
        return has_repeated_call(code);
    }
    // Only the line that changed and the new ones can.
    for (size_t k = 0; k <= num_new_; ++k) {
        const Call &own = own_line(k);
        for (size_t line = 1; line <= lines_.size(); ++line) {
            if (line != line_ && is_same(own, lines_[line - 1])) return true;
        }
        for (size_t other = 0; other < k; ++other) {
            if (own.function == own_line(other).function &&
                own.arguments == own_line(other).arguments)
                return true;
        }
    }
    return false;
}

// Whether an own line is the call of one of the parent's other lines.
bool Mutator::is_same(const Call &own, const CodeLine &old) const {
    if (own.function != moved(old.function) || own.arguments.size() != old.arguments.size())
        return false;
    for (size_t k = 0; k < old.arguments.size(); ++k) {
        if (own.arguments[k] != moved(old.arguments[k])) return false;
    }
    return true;
}

// Behind new lines, mentions of the line that changes and of those after it move up.
Term Mutator::moved(Term term) const {
    if (!is_line(term) || line_of(term) < line_) return term;
    return static_cast<Term>(term + num_new_);
}

void Mutator::write(Code *out) const {
    out->clear();
    for (size_t line = 1; line <= lines_.size(); ++line) {
        if (line == line_) {
            for (size_t k = 0; k <= num_new_; ++k) {
                out->add_line(own_line(k).function);
                for (Term argument : own_line(k).arguments) out->add_argument(argument);
            }
            continue;
        }
        out->add_line(moved(lines_[line - 1].function));
        for (Term argument : lines_[line - 1].arguments) out->add_argument(moved(argument));
    }
}

Key Mutator::key(std::span<const Key> keys_of_parent) {
    if (parent_->code.has_shadows()) { // its lines' keys are not those of the mutant's
        write(&written_);
        keys_of_lines(written_, language_, &keys_);
        return keys_.back();
    }
    // Lines before the one that changes keep their keys, and so do those that do not depend on it.
    own_keys_.clear();
    auto key_of_own = [&](Term term) {
        if (!is_line(term)) return language_.key_of(term);
        if (line_of(term) < line_) return keys_of_parent[line_of(term)];
        const size_t own = line_of(term) - line_;
        return own < own_keys_.size() ? own_keys_[own] : kKeyOfItself;
    };
    for (size_t k = 0; k <= num_new_; ++k) {
        const CodeLine line = {own_line(k).function, kNoTerm, own_line(k).arguments};
        own_keys_.push_back(key_of_line(line, key_of_own));
    }
    later_keys_.assign(1, own_keys_.back());
    is_other_.assign(1, 1);
    auto key_of_later = [&](Term term) {
        if (!is_line(term)) return language_.key_of(term);
        if (line_of(term) < line_) return keys_of_parent[line_of(term)];
        const size_t later = line_of(term) - line_;
        return later < later_keys_.size() ? later_keys_[later] : kKeyOfItself;
    };
    auto is_other = [&](Term term) {
        if (!is_line(term) || line_of(term) < line_) return false;
        const size_t later = line_of(term) - line_;
        return later < is_other_.size() && is_other_[later] != 0;
    };
    for (size_t number = line_ + 1; number <= lines_.size(); ++number) {
        const CodeLine &line = lines_[number - 1];
        const bool differs = is_other(line.function) ||
                             std::any_of(line.arguments.begin(), line.arguments.end(), is_other);
        later_keys_.push_back(differs ? key_of_line(line, key_of_later) : keys_of_parent[number]);
        is_other_.push_back(differs);
    }
    return later_keys_.back();
}

bool mutate(const Parent &parent, const Weights &weights, uint64_t seed, Code *out) {
    Mutator mutator(parent.program->language(), weights);
    Random random(seed);
    const TypedCode typed(parent.program->code(), parent.types);
    if (!mutator.draw(typed, {}, &random)) return false;
    mutator.write(out);
    return true;
}

std::vector<Mutant> mutate_many(const Parent &parent, const Weights &weights,
                                std::span<const uint64_t> seeds, Interrupt::Poll poll) {
    Interrupt interrupt(poll);
    const Program &program = *parent.program;
    Mutator mutator(program.language(), weights);
    const TypedCode typed(program.code(), parent.types);
    std::vector<Mutant> mutants;
    Code code;
    for (size_t k = 0; k < seeds.size(); ++k) {
        if (interrupt.ask()) throw Interrupted();
        Random random(seeds[k]);
        if (!mutator.draw(typed, {}, &random)) continue;
        mutator.write(&code);
        mutants.push_back({k, Program(code, program.language(), program.dialect())});
    }
    return mutants;
}

} // namespace codeit::mutation
