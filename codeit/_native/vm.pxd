"""What other modules see of vm.pyx."""

from codeit._native.code cimport Program
from codeit._native.lang cimport NativeLanguage


cdef class CompiledProgram:
    cdef Program program
    cdef readonly NativeLanguage language
    cdef str printed
    cdef str hexadecimal
