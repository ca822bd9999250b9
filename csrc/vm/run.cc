#include "vm/run.h"

#include "core/grid.h"
#include "core/sequence.h"
#include "core/set.h"

namespace codeit {
namespace {

Outcome load_input(Machine &m, const InputGrid &input, Value *out) {
    Grid *grid;
    TRY(new_grid(m, input.height, input.width, &grid));
    std::memcpy(grid->cells, input.cells, static_cast<size_t>(grid->num_cells()));
    *out = value_of_grid(grid);
    return Outcome::ok;
}

// Reads the value of an operand; name_error where it has none yet.
class Registers {
  public:
    Registers(const Program &program, Value *values) : program_(program), values_(values) {}

    Value &operator[](size_t line) { return values_[line]; }

    Outcome read(Operand operand, Value *out) const {
        size_t num_registers = program_.num_lines() + 1;
        if (operand >= num_registers) {
            *out = program_.pool()[operand - num_registers];
            return Outcome::ok;
        }
        *out = values_[operand];
        if (out->kind != Kind::unbound) [[likely]]
            return Outcome::ok;
        Operand outer = program_.outer(operand);
        return outer == Program::kNoOuter ? Outcome::name_error : read(outer, out);
    }

  private:
    const Program &program_;
    Value *values_;
};

Outcome run_line(Machine &m, const Program &program, const Instruction &instruction,
                 const Registers &registers, Value *out) {
    Value function;
    Value arguments[kMaxArity];
    TRY(registers.read(instruction.function, &function));
    const Operand *operands = program.arguments() + instruction.first_argument;
    for (uint32_t k = 0; k < instruction.num_arguments; ++k) {
        Value argument;
        TRY(registers.read(operands[k], &argument));
        if (k < kMaxArity) arguments[k] = argument;
    }
    if (instruction.num_arguments > kMaxArity) return Outcome::type_error;
    return m.call(function, arguments, instruction.num_arguments, out);
}

bool is_too_long(const Machine &m, const Value &v) {
    size_t length;
    uint32_t max_len = m.limits().max_len;
    return max_len != 0 && length_of(v, &length) == Outcome::ok && length >= max_len;
}

Outcome run_lines(Machine &m, const Program &program, const InputGrid &input, RunResult *result) {
    size_t num_lines = program.num_lines();
    Value *values;
    TRY(m.charge(num_lines));
    TRY(m.allocate(num_lines + 1, &values));
    for (size_t k = 0; k <= num_lines; ++k) values[k] = Value();
    result->lines = values + 1;
    TRY(load_input(m, input, &values[0]));
    Registers registers(program, values);
    for (size_t k = 1; k <= num_lines; ++k) {
        result->line = k;
        Value value;
        TRY(run_line(m, program, program.instructions()[k - 1], registers, &value));
        if (!is_too_long(m, value)) registers[k] = value;
    }
    return registers.read(static_cast<Operand>(num_lines), &result->value);
}

// Reads encoded values; see call_primitive.
class Decoder {
  public:
    Decoder(Machine &m, std::span<const int64_t> code) : m_(m), code_(code) {}

    bool is_at_end() const { return next_ == code_.size(); }

    Outcome read(Value *out) {
        NestingScope nesting(m_);
        TRY(nesting.outcome());
        TRY(m_.charge(1));
        int64_t tag;
        TRY(take(&tag));
        switch (tag) {
        case 0:
            *out = Value::none();
            return Outcome::ok;
        case 1:
        case 2: {
            int64_t n;
            TRY(take(&n));
            *out = tag == 1 ? Value::of_int(n) : Value::boolean(n != 0);
            return Outcome::ok;
        }
        case 3: {
            Items items;
            TRY(read_list(&items));
            *out = tuple_of(items.data, items.size);
            return Outcome::ok;
        }
        case 4: {
            Items items;
            TRY(read_list(&items));
            SetBuilder set(m_);
            for (const Value &item : items) TRY(set.add(item));
            return set.finish(out);
        }
        case 5:
        case 6: {
            int64_t opcode;
            TRY(take(&opcode));
            if (opcode < 0 || opcode >= static_cast<int64_t>(kNumPrimitives)) break;
            Value primitive = Value::of_primitive(static_cast<Opcode>(opcode));
            if (tag == 5) {
                *out = primitive;
                return Outcome::ok;
            }
            Items items;
            TRY(read_list(&items));
            return m_.call(primitive, items.data, static_cast<unsigned>(items.size), out);
        }
        }
        return Outcome::internal_error;
    }

  private:
    Outcome take(int64_t *out) {
        if (is_at_end()) return Outcome::internal_error;
        *out = code_[next_++];
        return Outcome::ok;
    }

    Outcome read_list(Items *out) {
        int64_t size;
        TRY(take(&size));
        if (size < 0 || static_cast<size_t>(size) > code_.size()) return Outcome::internal_error;
        Value *items;
        TRY(m_.allocate(static_cast<size_t>(size), &items));
        for (int64_t k = 0; k < size; ++k) TRY(read(&items[k]));
        *out = {items, static_cast<size_t>(size)};
        return Outcome::ok;
    }

    Machine &m_;
    std::span<const int64_t> code_;
    size_t next_ = 0;
};

Outcome decode_and_call(Machine &m, Opcode opcode, std::span<const int64_t> arguments,
                        size_t num_arguments, Value *out) {
    Decoder decoder(m, arguments);
    Value *values;
    TRY(m.allocate(num_arguments, &values));
    for (size_t k = 0; k < num_arguments; ++k) TRY(decoder.read(&values[k]));
    if (!decoder.is_at_end()) return Outcome::internal_error;
    return m.call(Value::of_primitive(opcode), values, static_cast<unsigned>(num_arguments), out);
}

} // namespace

RunResult run(Machine &m, const Program &program, const InputGrid &input) {
    m.reset(program.dialect());
    RunResult result;
    result.outcome = run_lines(m, program, input, &result);
    return result;
}

RunResult call_primitive(Machine &m, Dialect dialect, Opcode opcode,
                         std::span<const int64_t> arguments, size_t num_arguments) {
    m.reset(dialect);
    RunResult result;
    result.line = 1;
    result.outcome = decode_and_call(m, opcode, arguments, num_arguments, &result.value);
    return result;
}

} // namespace codeit
