# distutils: language = c++
"""The tables of csrc/lang as Python values."""


def primitive_table():
    """The primitives by opcode: (name, group, return type, parameters, summary). A parameter is
    (type, name, fewest arguments that functions in it are called with, whether it may be more)."""
    table = []
    cdef const PrimitiveRow *row
    for number in standard_names().primitives():
        row = &standard_names().row(number).primitive
        parameters = tuple(
            (
                type_name(row.parameters[p].type).decode(),
                row.parameters[p].name.decode(),
                row.parameters[p].calls.least,
                row.parameters[p].calls.may_be_more,
            )
            for p in range(row.arity())
        )
        table.append(
            (
                row.name.decode(),
                row.group.decode(),
                type_name(row.result.declared).decode(),
                parameters,
                row.summary.decode(),
            )
        )
    return table


def accepted_types():
    """By the name of each type, the names of those whose values may stand where it is declared."""
    types = [<Type>k for k in range(num_types)]
    return {
        type_name(wanted).decode(): frozenset(
            type_name(given).decode() for given in types if accepts(wanted, given)
        )
        for wanted in types
    }


def constant_table():
    """The constants: (name, type, value) with value a bool, an int or a pair of ints."""
    table = []
    cdef const ConstantRow *row
    for number in standard_names().constants():
        row = &standard_names().row(number).constant
        if row.type == Type.Boolean:
            value = bool(row.first)
        elif row.type == Type.Integer:
            value = row.first
        else:
            value = (row.first, row.second)
        table.append((row.name.decode(), type_name(row.type).decode(), value))
    return table
