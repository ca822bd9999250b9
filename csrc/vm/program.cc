#include "vm/program.h"

#include <algorithm>

namespace codeit {

Value value_of_name(const Language &language, Term name) {
    if (language.is_primitive(name)) return Value::of_primitive(static_cast<Opcode>(name));
    const ConstantRow &row = language.constant(name);
    switch (row.type) {
    case Type::Boolean:
        return Value::boolean(row.first != 0);
    case Type::Integer:
        return Value::of_int(row.first);
    default:
        return Value::pair(row.first, row.second);
    }
}

namespace {

// The operands of terms. Names come into the pool as they are mentioned.
class Operands {
  public:
    Operands(size_t num_lines, const Language &language, std::vector<Value> *pool)
        : num_lines_(num_lines), language_(language), pool_(pool) {
        const size_t num_names = language.num_names();
        if (num_names > kFew) more_.resize(num_names);
        pooled_ = num_names > kFew ? more_.data() : few_;
        std::fill_n(pooled_, num_names, kNotPooled);
    }
    Operands(const Operands &) = delete;
    Operands &operator=(const Operands &) = delete;

    Operand operator()(Term term) {
        if (is_line(term)) return static_cast<Operand>(line_of(term));
        uint32_t &at = pooled_[term];
        if (at == kNotPooled) {
            at = static_cast<uint32_t>(pool_->size());
            pool_->push_back(value_of_name(language_, term));
        }
        return static_cast<Operand>(num_lines_ + 1 + at);
    }

  private:
    static constexpr uint32_t kNotPooled = UINT32_MAX;
    static constexpr size_t kFew = 512; // names for which no memory is asked

    size_t num_lines_;
    const Language &language_;
    std::vector<Value> *pool_;
    uint32_t *pooled_; // by name
    uint32_t few_[kFew];
    std::vector<uint32_t> more_;
};

} // namespace

Program::Program(Code code, const Language &language, Dialect dialect)
    : code_(std::move(code)), language_(&language), dialect_(dialect) {
    const size_t num_lines = code_.num_lines();
    const size_t num_words = code_.words().size();
    instructions_.reserve(num_lines);
    arguments_.reserve(num_words - 2 * num_lines + kMaxArity);
    pool_.reserve(std::min(num_words - num_lines, language.num_names()));
    if (code_.has_shadows()) outer_.assign(num_lines + 1, kNoOuter);
    Operands operand_of(num_lines, language, &pool_);
    size_t number = 0;
    for (const CodeLine &line : code_) {
        const Term own = term_of_line(++number);
        if (line.outer != kNoTerm) outer_[number] = operand_of(line.outer);
        Instruction instruction{};
        instruction.function = operand_of(line.function);
        instruction.first_argument = static_cast<uint32_t>(arguments_.size());
        instruction.num_arguments = static_cast<uint32_t>(line.arguments.size());
        bool has_own = false;
        for (Term argument : line.arguments) {
            arguments_.push_back(operand_of(argument));
            has_own = has_own || argument == own;
        }
        instruction.is_direct = language.is_primitive(line.function) && !has_own &&
                                line.arguments.size() == language.arity_of(line.function);
        if (instruction.is_direct) instruction.primitive = static_cast<Opcode>(line.function);
        instructions_.push_back(instruction);
    }
    arguments_.resize(arguments_.size() + kMaxArity); // to be read, not used
}

bool Program::parse(std::string_view text, const Language &language, Dialect dialect, Program *out,
                    ParseError *error) {
    Code code;
    if (!codeit::parse(text, language, &code, error)) return false;
    *out = Program(std::move(code), language, dialect);
    return true;
}

std::vector<Parsed> parse_all(std::span<const std::string_view> texts, const Language &language,
                              Dialect dialect, Interrupt::Poll poll) {
    Interrupt interrupt(poll);
    std::vector<Parsed> parsed(texts.size());
    for (size_t k = 0; k < texts.size(); ++k) {
        if (interrupt.ask()) throw Interrupted();
        Program::parse(texts[k], language, dialect, &parsed[k].program, &parsed[k].error);
    }
    return parsed;
}

size_t num_common_lines(const Program &a, const Program &b) {
    const Code &of_a = a.code();
    const Code &of_b = b.code();
    if (&a.language() != &b.language() || a.dialect() != b.dialect()) return 0;
    // What a name means after a line that shadows depends on how long that line's value is.
    if (of_a.has_shadows() || of_b.has_shadows()) return 0;
    const auto words = of_a.words();
    const auto others = of_b.words();
    const auto [end, unused] =
        std::mismatch(words.begin(), words.end(), others.begin(), others.end());
    const Term *const first_other = words.data() + (end - words.begin());
    // A line is common if all of its words come before the first that differs.
    size_t count = 0;
    for (const CodeLine &line : of_a) {
        if (line.arguments.data() + line.arguments.size() > first_other) break;
        ++count;
    }
    return count;
}

} // namespace codeit
