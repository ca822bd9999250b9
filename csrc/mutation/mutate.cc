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

// A term of a program under change: I or a line (its number), a primitive, or a constant.
struct Term {
    enum class Kind : uint8_t { line, primitive, constant } kind;
    uint32_t number; // of a line, 0 is I; of a name, as in the language

    bool operator==(const Term &) const = default;
};

struct Call {
    Term function;
    std::vector<Term> arguments;
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

class Mutation {
  public:
    Mutation(const Parent &parent, uint64_t seed)
        : language_(parent.program->language()), types_(parent.types), random_(seed) {
        read(*parent.program);
    }

    bool apply(const Weights &weights) {
        double total = weights.argument + weights.function + weights.definition;
        double choice = random_.uniform() * total;
        size_t line = 1 + random_.below(calls_.size());
        if (choice < weights.argument) return change_argument(line, weights.new_variable);
        if (choice < weights.argument + weights.function) return change_function(line);
        return define(types_[line], line, &calls_[line - 1]);
    }

    std::string text() const {
        std::string text;
        for (size_t line = 1; line <= calls_.size(); ++line) {
            const Call &call = calls_[line - 1];
            if (line > 1) text += '\n';
            append_name(line, &text);
            text += " = ";
            append(call.function, &text);
            text += '(';
            for (size_t k = 0; k < call.arguments.size(); ++k) {
                if (k > 0) text += ", ";
                append(call.arguments[k], &text);
            }
            text += ')';
        }
        return text;
    }

  private:
    // ---- The program as terms ----

    void read(const Program &program) {
        for (const Instruction &instruction : program.instructions()) {
            Call call = {term_of(program, instruction.function), {}};
            for (uint32_t k = 0; k < instruction.num_arguments; ++k) {
                Operand operand = program.arguments()[instruction.first_argument + k];
                call.arguments.push_back(term_of(program, operand));
            }
            calls_.push_back(std::move(call));
        }
    }

    static Term term_of(const Program &program, Operand operand) {
        size_t num_registers = program.num_lines() + 1;
        if (operand < num_registers) return {Term::Kind::line, operand};
        const Value &value = program.pool()[operand - num_registers];
        if (value.kind == Kind::function) {
            return {Term::Kind::primitive, static_cast<uint32_t>(value.opcode)};
        }
        return {Term::Kind::constant, constant_of(program.language(), value)};
    }

    static uint32_t constant_of(const Language &language, const Value &value) {
        for (uint32_t k : language.constants()) {
            const ConstantRow &row = language.constant(k);
            bool is_pair = row.type == Type::IntegerTuple;
            if (is_pair != (value.kind == Kind::pair)) continue;
            if (is_pair ? row.first == value.i && row.second == value.j
                        : row.first == value.integer &&
                              (row.type == Type::Boolean) == (value.kind == Kind::boolean)) {
                return k;
            }
        }
        return 0;
    }

    void append_name(size_t line, std::string *text) const {
        if (line == calls_.size()) {
            *text += 'O';
        } else {
            text->append("x").append(std::to_string(line));
        }
    }

    void append(const Term &term, std::string *text) const {
        switch (term.kind) {
        case Term::Kind::line:
            if (term.number == 0) {
                *text += 'I';
            } else {
                append_name(term.number, text);
            }
            break;
        case Term::Kind::primitive:
        case Term::Kind::constant:
            *text += language_.name_of(term.number);
            break;
        }
    }

    // ---- Changes ----

    bool change_argument(size_t line, double new_variable) {
        std::vector<Term> &arguments = calls_[line - 1].arguments;
        size_t position = random_.below(arguments.size());
        const Term old = arguments[position];
        bool is_primitive = old.kind == Term::Kind::primitive;
        if (random_.uniform() < new_variable) {
            Type type = is_primitive ? Type::Callable : type_of(old);
            Call call;
            if (!define(type, line, &call)) return false;
            insert(line, type, std::move(call));
            calls_[line].arguments[position] = {Term::Kind::line, static_cast<uint32_t>(line)};
            return true;
        }
        std::vector<Term> candidates;
        if (is_primitive) {
            add_primitives_like(old.number, &candidates);
        } else {
            add_terms(type_of(old), line, {}, &candidates);
        }
        std::erase(candidates, old);
        return pick(candidates, &arguments[position]);
    }

    bool change_function(size_t line) {
        Term &function = calls_[line - 1].function;
        const Term old = function;
        std::vector<Term> candidates;
        if (old.kind == Term::Kind::primitive) {
            add_primitives_like(old.number, &candidates);
        } else {
            for (uint32_t k = 1; k < line; ++k) {
                if (types_[k] == Type::Callable) candidates.push_back({Term::Kind::line, k});
            }
        }
        std::erase(candidates, old);
        return pick(candidates, &function);
    }

    // A call that returns `type` and may stand on `line`.
    bool define(Type type, size_t line, Call *out) {
        std::vector<Term> functions;
        for (uint32_t k : language_.primitives()) {
            if (primitive(k).result.declared == type)
                functions.push_back({Term::Kind::primitive, k});
        }
        Call call;
        if (!pick(functions, &call.function)) return false;
        const PrimitiveRow &row = primitive(call.function.number);
        for (unsigned k = 0; k < row.arity(); ++k) {
            std::vector<Term> candidates;
            add_terms(concrete(row.parameters[k].type, line), line, row.parameters[k].calls,
                      &candidates);
            Term argument;
            if (!pick(candidates, &argument)) return false;
            call.arguments.push_back(argument);
        }
        *out = std::move(call);
        return true;
    }

    // A type that something known before `line` has and that a parameter of `wanted` accepts, drawn
    // uniformly; `wanted` itself when there is none.
    Type concrete(Type wanted, size_t line) {
        std::vector<Type> candidates;
        auto offer = [&](Type type) {
            bool is_new = std::find(candidates.begin(), candidates.end(), type) == candidates.end();
            if (is_new && accepts(wanted, type)) candidates.push_back(type);
        };
        for (size_t k = 0; k < line; ++k) offer(types_[k]);
        for (Type type : {Type::Boolean, Type::Integer, Type::IntegerTuple, Type::Callable}) {
            offer(type);
        }
        return candidates.empty() ? wanted : candidates[random_.below(candidates.size())];
    }

    // Everything of exactly that type that is known before `line`. Of primitives, those that can be
    // called so; all where a number of arguments is not asked for, or only the least one.
    void add_terms(Type type, size_t line, CalledWith calls, std::vector<Term> *out) const {
        for (uint32_t k = 0; k < line; ++k) {
            if (types_[k] == type) out->push_back({Term::Kind::line, k});
        }
        for (uint32_t k : language_.constants()) {
            if (language_.constant(k).type == type) out->push_back({Term::Kind::constant, k});
        }
        if (type != Type::Callable) return;
        const bool is_any = calls.least == 0 || calls.may_be_more;
        for (uint32_t k : language_.primitives()) {
            if (is_any || calls.fits(language_.arity_of(k))) {
                out->push_back({Term::Kind::primitive, k});
            }
        }
    }

    void add_primitives_like(uint32_t opcode, std::vector<Term> *out) const {
        for (uint32_t k : language_.primitives()) {
            if (has_same_signature(primitive(k), primitive(opcode))) {
                out->push_back({Term::Kind::primitive, k});
            }
        }
    }

    // Puts a new line before `line`; every mention of `line` and of those after it moves up by one.
    void insert(size_t line, Type type, Call call) {
        for (Call &other : calls_) {
            move_up(line, &other.function);
            for (Term &argument : other.arguments) move_up(line, &argument);
        }
        auto at = static_cast<std::ptrdiff_t>(line - 1);
        calls_.insert(calls_.begin() + at, std::move(call));
        types_.insert(types_.begin() + at + 1, type);
    }

    static void move_up(size_t line, Term *term) {
        if (term->kind == Term::Kind::line && term->number >= line) ++term->number;
    }

    Type type_of(const Term &term) const {
        return term.kind == Term::Kind::line ? types_[term.number]
                                             : language_.constant(term.number).type;
    }

    const PrimitiveRow &primitive(uint32_t number) const {
        return language_.primitive(static_cast<Opcode>(number));
    }

    bool pick(const std::vector<Term> &candidates, Term *out) {
        if (candidates.empty()) return false;
        *out = candidates[random_.below(candidates.size())];
        return true;
    }

    const Language &language_;
    std::vector<Call> calls_;
    std::vector<Type> types_; // of I and of each line
    Random random_;
};

} // namespace

bool mutate(const Parent &parent, const Weights &weights, uint64_t seed, std::string *text) {
    Mutation mutation(parent, seed);
    if (!mutation.apply(weights)) return false;
    *text = mutation.text();
    return true;
}

} // namespace codeit::mutation
