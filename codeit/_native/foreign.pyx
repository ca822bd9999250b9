# distutils: language = c++
"""Functions that primitives of one's own call: csrc/primitives/foreign.h."""

from cpython.exc cimport PyErr_SetInterrupt
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int8_t, int32_t, int64_t, intptr_t
from libc.string cimport memcpy

from codeit._native.lang cimport Type, num_types, type_name

import numpy as np

from codeit.ranges import integer


cdef extern from "primitives/foreign.h" namespace "codeit" nogil:
    const int32_t kMaxForeignSide, kMaxForeignSize
    bint can_be_given(Type) noexcept
    bint can_be_returned(Type) noexcept

MAX_SIDE = kMaxForeignSide
MAX_SIZE = kMaxForeignSize


def given_types():
    """The names of the types that a parameter may have, and of those that a result may have."""
    types = [<Type>k for k in range(num_types)]
    return (
        [type_name(t).decode() for t in types if can_be_given(t)],
        [type_name(t).decode() for t in types if can_be_returned(t)],
    )


cdef class ForeignFunction:
    """A function that the machine calls: a C function, or one of Python.

    Args:
        address: of a C function (csrc/primitives/foreign_abi.h); 0 for one of Python. It is taken
            for what it is said to be.
        function: of Python, called with the arguments as Python objects: ints, bools, pairs of
            ints, and arrays of its own: int8 [H, W] of a grid, int32 [N, 2 or 3] of a set; or what
            keeps the C function alive. It returns the same, of the declared type and with no more
            than is allowed; no array is checked for more than its size.
        parameters, returns: names of types.
        sides: of the largest result: rows and columns of a grid, or elements of a set and anything.
        stop: the exception that says that the function took too many steps.
    Attributes:
        last_error: what was raised last in a Python function, or None.
    """

    def __cinit__(self, address, function, tuple parameters not None, str returns not None,
                  tuple sides not None, scratch_size, stop):
        height, width = sides
        self.native.max_height = integer("max_height", height, 1, kMaxForeignSize)
        self.native.max_width = integer("max_width", width, 1, kMaxForeignSide)
        self.native.scratch_size = integer("scratch_size", scratch_size, 0, kMaxForeignSize)
        self.function = function
        self.parameters = parameters
        self.returns = returns
        self.stop = stop
        self.native.context = <void *>self
        cdef intptr_t place = address
        if place != 0:
            self.native.function = <codeit_primitive><void *>place
        else:
            self.native.function = <codeit_primitive>_call_python

    @property
    def is_broken(self):
        """Whether it has written outside of what it was given, and is called no more."""
        return self.native.broken()


cdef int32_t _call_python(codeit_call *call, void *context) noexcept with gil:
    cdef ForeignFunction foreign = <ForeignFunction>context
    cdef size_t k
    try:
        arguments = []
        for k, name in enumerate(foreign.parameters):
            arguments.append(_argument(name, &call.arguments[k]))
        _return(foreign.returns, foreign.function(*arguments), call)
        return CODEIT_OK
    except BaseException as error:
        if type(error) is foreign.stop:
            call.steps = -1
            return CODEIT_OUT_OF_FUEL
        try:
            foreign.last_error = f"{type(error).__name__}: {error}"
        except BaseException:
            foreign.last_error = type(error).__name__
        if not isinstance(error, Exception):  # a signal, for whoever waits for the run; nothing is
            PyErr_SetInterrupt()              # asked of Python after it
        return CODEIT_PRIMITIVE_ERROR


cdef _argument(str name, codeit_value *value):
    if name == "Boolean":
        return value.numbers[0] != 0
    if name == "Integer":
        return value.numbers[0]
    if name == "IntegerTuple":
        return value.numbers[0], value.numbers[1]
    kind = np.int8 if name == "Grid" else np.int32
    cdef Py_ssize_t size = value.height * value.width * kind().itemsize
    copy = PyBytes_FromStringAndSize(<const char *>value.data, size)
    return np.frombuffer(copy, kind).reshape(value.height, value.width)


cdef _return(str name, result, codeit_call *call):
    cdef const int8_t[:, ::1] cells
    cdef const int32_t[:, ::1] rows
    cdef int64_t i
    if name in ("Boolean", "Integer"):
        call.result.numbers[0] = result
    elif name == "IntegerTuple":
        call.result.numbers[0], call.result.numbers[1] = result
    elif name == "Grid":
        cells = result
        if cells.shape[0] > call.result.height or cells.shape[1] > call.result.width:
            raise ValueError("the result is too large")
        for i in range(cells.shape[0]):
            if cells.shape[1] != 0:
                memcpy(<char *>call.result.data + i * call.result.width, &cells[i, 0],
                       cells.shape[1])
        call.result.height, call.result.width = cells.shape[0], cells.shape[1]
    else:
        rows = result
        if rows.shape[0] > call.result.height or rows.shape[1] != call.result.width:
            raise ValueError("the result is too large")
        if rows.shape[0] != 0:
            memcpy(call.result.data, &rows[0, 0], rows.shape[0] * rows.shape[1] * 4)
        call.result.height = rows.shape[0]
