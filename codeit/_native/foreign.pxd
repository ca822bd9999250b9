"""What lang.pyx needs of foreign.pyx."""

from libc.stdint cimport int32_t, int64_t
from libcpp cimport bool as cbool


cdef extern from "primitives/foreign_abi.h" nogil:
    struct codeit_value:
        int64_t numbers[2]
        int64_t height
        int64_t width
        void *data
    struct codeit_call:
        codeit_value arguments[4]
        codeit_value result
        int64_t steps
        int64_t scratch_size
        int32_t *scratch
    ctypedef int32_t (*codeit_primitive)(codeit_call *call, void *context) noexcept
    enum:
        CODEIT_OK, CODEIT_OUT_OF_FUEL, CODEIT_PRIMITIVE_ERROR

cdef extern from "primitives/foreign.h" namespace "codeit" nogil:
    cppclass CForeignFunction "codeit::ForeignFunction":
        codeit_primitive function
        void *context
        int32_t max_height
        int32_t max_width
        int32_t scratch_size
        cbool broken "is_broken.load"() noexcept


cdef class ForeignFunction:
    cdef CForeignFunction native
    cdef readonly object function
    cdef tuple parameters
    cdef str returns
    cdef object stop
    cdef public str last_error

