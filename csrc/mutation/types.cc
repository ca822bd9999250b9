#include "mutation/types.h"

#include "core/grid.h"
#include "core/sequence.h"
#include "core/set.h"
#include "vm/machine_pool.h"

namespace codeit::mutation {
namespace {

bool is_dense(Machine &m, const Value &v) {
    const Grid *grid;
    return dense_grid(m, v, &grid) == Outcome::ok && grid != nullptr;
}

// The type that all elements of a set of sets share, or Any.
Type common_type(Machine &m, const Set &set) {
    Items items = {set.values, set.size};
    Type common = items.size == 0 ? Type::Any : type_of_value(m, items[0]);
    for (const Value &item : items) {
        if (type_of_value(m, item) != common) return Type::Any;
    }
    return common;
}

Type type_of_set(Machine &m, const Set &set) {
    if (set.holds_only(Kind::pair)) return Type::Indices;
    if (set.holds_only(Kind::cell)) return Type::Object;
    if (set.holds_only(Kind::integer)) return Type::IntegerSet;
    if (!set.holds_only(Kind::set)) return Type::FrozenSet;
    switch (common_type(m, set)) {
    case Type::Object:
        return Type::Objects;
    case Type::Indices:
        return Type::IndicesSet;
    default:
        return Type::FrozenSet;
    }
}

bool is_container(Type type) {
    switch (type) {
    case Type::Any:
    case Type::Boolean:
    case Type::Integer:
    case Type::Callable:
        return false;
    default:
        return true;
    }
}

bool is_set(Type type) {
    switch (type) {
    case Type::FrozenSet:
    case Type::IntegerSet:
    case Type::Object:
    case Type::Objects:
    case Type::Indices:
    case Type::IndicesSet:
        return true;
    default:
        return false;
    }
}

} // namespace

Type type_of_value(Machine &m, const Value &v) {
    switch (v.kind) {
    case Kind::boolean:
        return Type::Boolean;
    case Kind::integer:
        return Type::Integer;
    case Kind::pair:
        return Type::IntegerTuple;
    case Kind::cell:
        return Type::Cell;
    case Kind::grid:
        return Type::Grid;
    case Kind::tuple:
        return is_dense(m, v) ? Type::Grid : Type::Tuple;
    case Kind::set:
        return type_of_set(m, *v.set);
    case Kind::function:
        return Type::Callable;
    case Kind::joined:
        return Type::Tuple;
    case Kind::unbound:
    case Kind::none:
        return Type::Any;
    }
    return Type::Any;
}

std::vector<Type> types_of_lines(const Program &program, const InputGrid &input,
                                 const Limits &limits) {
    MachineLease lease(limits);
    Machine &m = lease.machine();
    RunResult result = run(m, program, input);
    std::vector<Type> types = {Type::Grid};
    m.refuel(limits.fuel);
    for (size_t k = 0; k < program.num_lines(); ++k) {
        bool is_bound =
            result.lines != nullptr && k < result.line && result.lines[k].kind != Kind::unbound;
        if (is_bound) {
            Value value = result.lines[k];
            bool is_settled = m.settle(&value) == Outcome::ok;
            types.push_back(is_settled ? type_of_value(m, value) : Type::Tuple);
            continue;
        }
        Operand function = program.instructions()[k].function;
        size_t num_registers = program.num_lines() + 1;
        Type declared = Type::Any;
        if (function >= num_registers) {
            const Value &value = program.pool()[function - num_registers];
            if (value.kind == Kind::function) declared = row_of(value.opcode).returns;
        }
        types.push_back(declared);
    }
    return types;
}

bool accepts(Type wanted, Type given) {
    if (wanted == given) return true;
    switch (wanted) {
    case Type::Any:
        return true;
    case Type::Numerical:
        return given == Type::Integer || given == Type::IntegerTuple;
    case Type::Patch:
        return given == Type::Object || given == Type::Indices;
    case Type::Element:
        return given == Type::Object || given == Type::Grid;
    case Type::Piece:
        return given == Type::Grid || given == Type::Object || given == Type::Indices;
    case Type::Tuple:
        return given == Type::Grid || given == Type::TupleTuple;
    case Type::TupleTuple:
        return given == Type::Grid;
    case Type::FrozenSet:
        return is_set(given);
    case Type::Container:
        return is_container(given);
    case Type::ContainerContainer:
        return given == Type::Grid || given == Type::Objects || given == Type::IndicesSet ||
               given == Type::Tuple || given == Type::TupleTuple;
    default:
        return false;
    }
}

unsigned arity_wanted(Opcode opcode, unsigned parameter) {
    if (row_of(opcode).parameters[parameter].type != Type::Callable) return 0;
    switch (opcode) {
    case Opcode::op_rbind:
    case Opcode::op_lbind:
        return 0;
    case Opcode::op_fork:
        return parameter == 0 ? 2 : 1;
    case Opcode::op_papply:
    case Opcode::op_mpapply:
    case Opcode::op_prapply:
        return 2;
    default:
        return 1;
    }
}

} // namespace codeit::mutation
