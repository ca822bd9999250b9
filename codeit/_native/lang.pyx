# distutils: language = c++
"""The language: csrc/lang."""

from codeit._native.foreign cimport ForeignFunction

from libcpp.memory cimport unique_ptr
from libcpp.string cimport string


cdef extern from "lang/sizes.h" namespace "codeit" nogil:
    const int kMaxGridSide, kNumColors
    const unsigned kMaxVariables

cdef extern from "lang/row.h" namespace "codeit" nogil:
    const size_t kMaxArity

MAX_GRID_SIDE = kMaxGridSide
NUM_COLORS = kNumColors
MAX_VARIABLES = kMaxVariables
MAX_ARITY = kMaxArity


cdef class NativeLanguage:
    """A language that programs are written in (csrc/lang/language.h). Immutable.

    Args:
        title: a short name for people.
        rows: see codeit.language.Language.
    Raises:
        ValueError: no language can be made of the rows; the message names one and says why.
    """

    def __cinit__(self, str title not None, rows):
        self.native = &standard_names()
        if rows is not None:
            self.own.reset(_new_language(title, rows))
            self.native = self.own.get()

    @property
    def digest(self):
        """Of all that decides what programs are and mean: 16 hexadecimal digits."""
        return f"{self.native.digest():016x}"

    def primitive_rows(self):
        """The primitives in order: (name, number, group, return type, parameters, summary). A
        parameter is (type, name, fewest arguments that functions in it are called with, whether it
        may be more)."""
        cdef const PrimitiveRow *row
        rows = []
        for number in self.native.primitives():
            row = &self.native.row(number).primitive
            parameters = tuple(
                (
                    type_name(row.parameters[p].type).decode(),
                    row.parameters[p].name.decode(),
                    row.parameters[p].calls.least,
                    row.parameters[p].calls.may_be_more,
                )
                for p in range(row.arity())
            )
            rows.append(
                (
                    row.name.decode(),
                    number,
                    row.group.decode(),
                    type_name(row.result.declared).decode(),
                    parameters,
                    row.summary.decode(),
                )
            )
        return rows

    def constant_rows(self):
        """The constants in order: (name, type, value) with value a bool, an int or a pair of ints."""
        cdef const ConstantRow *row
        rows = []
        for number in self.native.constants():
            row = &self.native.row(number).constant
            if row.type == Type.Boolean:
                value = bool(row.first)
            elif row.type == Type.Integer:
                value = row.first
            else:
                value = (row.first, row.second)
            rows.append((row.name.decode(), type_name(row.type).decode(), value))
        return rows


cdef const AnyForeignFunction *_foreign(ForeignFunction function):
    """The rows of a language keep it alive."""
    if function is None:
        return NULL
    return <const AnyForeignFunction *>&function.native


cdef Language *_new_language(str title, rows) except NULL:
    cdef unique_ptr[RowSelection] selection
    selection.reset(new RowSelection(standard_names()))
    cdef NewRow row
    cdef string reason
    for chosen in rows:
        if isinstance(chosen, str):
            reason = selection.get().keep(chosen.encode())
        else:
            name, group, result, parameters, summary, like, foreign = chosen
            row.foreign = _foreign(foreign)
            row.name, row.group, row.result = name.encode(), group.encode(), result.encode()
            row.summary, row.like = summary.encode(), like.encode()
            row.parameter_types = [type_.encode() for type_, _ in parameters]
            row.parameter_names = [parameter.encode() for _, parameter in parameters]
            reason = selection.get().add(row)
        if not reason.empty():
            raise ValueError(reason.decode("utf-8", "backslashreplace"))
    cdef Language *made = selection.get().make(title.encode(), &reason).release()
    if made == NULL:
        raise ValueError(reason.decode("utf-8", "backslashreplace"))
    return made


def accepted_types():
    """By the name of each type, the names of those whose values may stand where it is declared."""
    types = [<Type>k for k in range(num_types)]
    return {
        type_name(wanted).decode(): frozenset(
            type_name(given).decode() for given in types if accepts(wanted, given)
        )
        for wanted in types
    }
