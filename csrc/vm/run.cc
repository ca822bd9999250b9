#include "vm/run.h"

#include "core/grid.h"
#include "core/sequence.h"
#include "core/set.h"

#include <algorithm>

namespace codeit {
namespace {

Outcome load_input(Machine &m, const InputGrid &input, Value *out) {
    Grid *grid;
    TRY(new_grid(m, input.height, input.width, &grid));
    std::memcpy(grid->cells, input.cells, static_cast<size_t>(grid->num_cells()));
    *out = value_of_grid(grid);
    return Outcome::ok;
}

// A line whose name has no value yet: where the name shadows a constant or I, it still means that.
Outcome read_outer(const Program &program, const Value *values, Operand operand, Value *out) {
    while (values[operand].kind == Kind::unbound) {
        operand = program.outer(operand);
        if (operand == Program::kNoOuter) return Outcome::name_error;
    }
    *out = values[operand];
    return Outcome::ok;
}

inline Outcome read(const Program &program, const Value *values, Operand operand, Value *out) {
    if (values[operand].kind == Kind::unbound) [[unlikely]]
        return read_outer(program, values, operand, out);
    *out = values[operand];
    return Outcome::ok;
}

// `values` holds those of all operands.
Outcome run_line(Machine &m, const Program &program, const Instruction &instruction,
                 const Value *values, Value *out) {
    Value function;
    Value arguments[kMaxArity];
    TRY(read(program, values, instruction.function, &function));
    const Operand *operands = program.arguments() + instruction.first_argument;
    uint32_t count = std::min(instruction.num_arguments, uint32_t{kMaxArity});
    for (uint32_t k = 0; k < count; ++k) {
        TRY(read(program, values, operands[k], &arguments[k]));
    }
    for (uint32_t k = count; k < instruction.num_arguments; ++k) {
        Value excess;
        TRY(read(program, values, operands[k], &excess));
    }
    if (instruction.num_arguments > kMaxArity) return Outcome::type_error;
    return m.call(function, arguments, count, out);
}

bool is_too_long(const Machine &m, const Value &v) {
    size_t length;
    uint32_t max_len = m.limits().max_len;
    return max_len != 0 && length_of(v, &length) == Outcome::ok && length >= max_len;
}

Outcome run_lines(Machine &m, const Program &program, const InputGrid &input, RunResult *result) {
    size_t num_lines = program.num_lines();
    const std::vector<Value> &pool = program.pool();
    Value *values;
    TRY(m.charge(num_lines));
    TRY(m.allocate(num_lines + 1 + pool.size(), &values));
    for (size_t k = 0; k <= num_lines; ++k) values[k] = Value();
    std::copy(pool.begin(), pool.end(), values + num_lines + 1);
    result->lines = values + 1;
    TRY(load_input(m, input, &values[0]));
    const Instruction *instructions = program.instructions().data();
    for (size_t k = 1; k <= num_lines; ++k) {
        result->line = k;
        Value value;
        TRY(run_line(m, program, instructions[k - 1], values, &value));
        if (!is_too_long(m, value)) values[k] = value;
    }
    TRY(read(program, values, static_cast<Operand>(num_lines), &result->value));
    return m.settle(&result->value);
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
            return m_.call_settled(primitive, items.data, static_cast<unsigned>(items.size), out);
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
    return m.call_settled(Value::of_primitive(opcode), values, static_cast<unsigned>(num_arguments),
                          out);
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
