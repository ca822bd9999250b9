// Runs one program on one input: instructions over registers.
//
// Registers are values in scratch memory: the input, one for each line, then the primitives and
// constants that the program mentions. A line reads its function and arguments from them, calls,
// and writes its own. Names were resolved when the program was made (vm/program.h). What remains
// for a usual line, which calls a primitive with as many arguments as it takes, is to copy four
// values and to call; a line that calls a variable, mentions itself, or has too few or too many
// arguments, and every line of a run with max_len, goes through run_any_line(), which looks whether
// each value is bound.
#include "vm/run.h"

#include "core/grid.h"
#include "core/sequence.h"
#include "core/set.h"

#include <algorithm>
#include <atomic>

namespace codeit {
namespace {

// In the steps in which primitives read cells: a load of what several stores wrote has to wait.
void copy_exactly(int8_t *to, const uint8_t *from, int64_t size) {
    constexpr int64_t kStep = 16;
    int64_t k = 0;
    for (; k + kStep <= size; k += kStep) std::memcpy(to + k, from + k, kStep);
    if (size >= kStep) {
        std::memcpy(to + size - kStep, from + size - kStep, kStep);
    } else {
        std::memcpy(to, from, static_cast<size_t>(size));
    }
}

} // namespace

Outcome load_input(Machine &m, const InputGrid &input, Value *out) {
    Grid *grid;
    TRY(new_grid(m, input.height, input.width, &grid));
    copy_exactly(grid->cells, input.cells, int64_t{input.height} * input.width);
    *out = Value::of_grid(grid);
    return Outcome::ok;
}

namespace {

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
[[gnu::noinline]] Outcome run_any_line(Machine &m, const Program &program,
                                       const Instruction &instruction, const Value *values,
                                       Value *out) {
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

// A direct instruction, where all values of earlier lines are bound. As many arguments as any
// primitive takes are copied: to ask how many there are takes longer.
inline Outcome run_direct_line(Machine &m, const Operand *operands, Opcode primitive,
                               const Value *values, Value *out) {
    Value arguments[kMaxArity] = {values[operands[0]], values[operands[1]], values[operands[2]],
                                  values[operands[3]]};
    return m.call(primitive, arguments, out);
}

// Every program is given room for so many at least, so that programs that share lines leave the
// same memory to what comes after these.
constexpr size_t kNumRegisters = 128;

size_t num_registers(const Program &program) {
    return program.num_lines() + 1 + program.pool().size();
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
            if (opcode < 0 || !m_.language().is_primitive(static_cast<size_t>(opcode))) break;
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
        return broken_invariant();
    }

  private:
    Outcome take(int64_t *out) {
        if (is_at_end()) return broken_invariant();
        *out = code_[next_++];
        return Outcome::ok;
    }

    Outcome read_list(Items *out) {
        int64_t size;
        TRY(take(&size));
        if (size < 0 || static_cast<size_t>(size) > code_.size()) return broken_invariant();
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
    if (!decoder.is_at_end()) return broken_invariant();
    return m.call_settled(Value::of_primitive(opcode), values, static_cast<unsigned>(num_arguments),
                          out);
}

std::atomic<bool> breaks_invariants = false;

// The outcome of a run that began with scratch memory up to the mark.
Outcome checked(Machine &m, const char *scratch_mark, Outcome outcome) {
    if (breaks_invariants.load(std::memory_order_relaxed)) [[unlikely]]
        (void)m.arena().allocate_scratch(1); // and nobody releases it
    return m.is_at_rest(scratch_mark) ? outcome : broken_invariant();
}

} // namespace

bool is_too_long(const Value &v, uint32_t max_len) {
    size_t length;
    return length_of(v, &length) == Outcome::ok && length >= max_len;
}

bool read_input(const uint8_t *cells, int64_t height, int64_t width, InputGrid *out) {
    if (height < 1 || height > kMaxInputSide || width < 1 || width > kMaxInputSide) return false;
    // The largest of many is found faster than the first that is too large.
    uint8_t largest = 0;
    for (int64_t k = 0; k < height * width; ++k) largest = std::max(largest, cells[k]);
    *out = {cells, static_cast<int32_t>(height), static_cast<int32_t>(width)};
    return largest <= 9;
}

RunResult run(Machine &m, const Program &program, const InputGrid &input) {
    return SharedRuns(m, input).run(program, 0, 0);
}

RunResult run_by_lines(Machine &m, const Program &program, const InputGrid &input,
                       std::vector<int64_t> *fuel_left) {
    SharedRuns runs(m, input);
    RunResult result;
    result.outcome = runs.start(program);
    if (result.outcome != Outcome::ok) return result;
    const char *mark = m.arena().scratch_mark();
    result.outcome = checked(m, mark, runs.run_lines(program, 0, program.num_lines(), &result));
    fuel_left->clear();
    for (const Machine::Checkpoint &before : runs.checkpoints_) fuel_left->push_back(before.fuel);
    return result;
}

RunResult SharedRuns::run(const Program &program, size_t num_common, size_t num_next) {
    RunResult result;
    size_t num_done = 0;
    if (num_common != 0 && !checkpoints_.empty())
        num_done = std::min(num_common, checkpoints_.size() - 1);
    if (num_done != 0 && num_registers(program) <= kNumRegisters &&
        m_.return_to(checkpoints_[num_done])) {
        checkpoints_.resize(num_done + 1);
    } else {
        num_done = 0;
        checkpoints_.clear();
        result.outcome = start(program);
        if (result.outcome != Outcome::ok) return result;
    }
    if (num_registers(program) > kNumRegisters) num_next = 0;
    const char *mark = m_.arena().scratch_mark();
    result.outcome = checked(m_, mark, run_lines(program, num_done, num_next, &result));
    if (result.outcome == Outcome::internal_error) checkpoints_.clear();
    return result;
}

Outcome SharedRuns::start(const Program &program) {
    m_.reset(program.language(), program.dialect());
    size_t count = std::max(num_registers(program), kNumRegisters);
    registers_ = static_cast<Value *>(m_.arena().allocate_scratch(count * sizeof(Value)));
    if (registers_ == nullptr) return Outcome::out_of_memory; // its lines are charged for in turn
    return load_input(m_, input_, &registers_[0]);
}

Outcome SharedRuns::run_lines(const Program &program, size_t num_done, size_t num_next,
                              RunResult *result) {
    size_t num_lines = program.num_lines();
    result->line = num_done;
    Value *pooled = registers_ + num_lines + 1;
    for (const Value &v : program.pool()) *pooled++ = v;
    result->lines = registers_ + 1;
    Machine &m = m_;
    Value *const registers = registers_;
    const Instruction *instruction = program.instructions().data() + num_done;
    const Operand *arguments = program.arguments();
    const uint32_t max_len = m.limits().max_len; // without it all lines that succeed are bound
    const size_t last_kept = num_next == 0 ? 0 : num_next + 1;
    for (size_t k = num_done + 1; k <= num_lines; ++k, ++instruction) {
        if (k <= last_kept && checkpoints_.size() < k) checkpoints_.push_back(m.checkpoint());
        result->line = k;
        Value &value = registers[k]; // stays unbound where it comes to nothing
        value = Value();
        TRY(m.charge(units::kCall));
        const bool is_direct = instruction->is_direct && max_len == 0;
        Outcome outcome = is_direct ? run_direct_line(m, arguments + instruction->first_argument,
                                                      instruction->primitive, registers, &value)
                                    : run_any_line(m, program, *instruction, registers, &value);
        bool is_bound = outcome == Outcome::ok && (max_len == 0 || !is_too_long(value, max_len));
        if (!is_bound) [[unlikely]]
            value = Value();
        TRY(outcome);
    }
    TRY(read(program, registers, static_cast<Operand>(num_lines), &result->value));
    return m.settle(&result->value);
}

RunResult call_primitive(Machine &m, const Language &language, Dialect dialect, Opcode opcode,
                         std::span<const int64_t> arguments, size_t num_arguments) {
    m.reset(language, dialect);
    RunResult result;
    result.line = 1;
    const char *mark = m.arena().scratch_mark();
    result.outcome =
        checked(m, mark, decode_and_call(m, opcode, arguments, num_arguments, &result.value));
    return result;
}

void break_invariants(bool is_on) {
    breaks_invariants = is_on;
}

} // namespace codeit
