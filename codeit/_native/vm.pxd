"""What other modules see of vm.pyx."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from codeit._native.code cimport Poll, Program
from codeit._native.lang cimport NativeLanguage

cdef extern from "vm/run.h" namespace "codeit" nogil:
    struct InputGrid:
        const uint8_t *cells
        int32_t height
        int32_t width

cdef extern from "core/machine.h" namespace "codeit" nogil:
    struct Limits:
        int64_t fuel
        uint64_t max_bytes
        uint32_t max_depth
        uint32_t max_len
        uint64_t kept_bytes


cdef Poll _poll() except? NULL
cdef bint _read_grid(grid, InputGrid *out) except -1
cdef InputGrid _input(grid) except *
cdef Limits _limits(tuple limits) except *
cdef _filled(kind, Program *native, NativeLanguage language)


cdef class CompiledProgram:
    cdef Program program
    cdef readonly NativeLanguage language
    cdef str printed
    cdef str hexadecimal
