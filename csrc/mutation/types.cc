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
                                 const Limits &limits, Interrupt::Poll poll) {
    Interrupt interrupt(poll);
    MachineLease lease(limits, &interrupt);
    Machine &m = lease.machine();
    RunResult result = run(m, program, input);
    std::vector<Type> types = {Type::Grid};
    m.refuel(limits.fuel);
    size_t k = 0;
    for (const CodeLine &line : program.code()) {
        if (interrupt.ask()) break;
        const bool is_bound =
            result.lines != nullptr && k < result.line && result.lines[k].kind != Kind::unbound;
        if (is_bound) {
            Value value = result.lines[k];
            bool is_settled = m.settle(&value) == Outcome::ok;
            types.push_back(is_settled ? type_of_value(m, value) : Type::Tuple);
        } else {
            types.push_back(program.language().is_primitive(line.function)
                                ? program.language()
                                      .primitive(static_cast<Opcode>(line.function))
                                      .result.declared
                                : Type::Any);
        }
        ++k;
    }
    if (interrupt.is_set()) throw Interrupted();
    return types;
}

} // namespace codeit::mutation
