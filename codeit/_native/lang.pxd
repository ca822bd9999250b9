"""What csrc/lang declares, for all modules."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "lang/row.h" namespace "codeit" nogil:
    cdef enum class Dialect(uint8_t):
        codeit
        arc_dsl
    cdef enum class Type(uint8_t):
        Any
        Boolean
        Integer
    cdef enum class Opcode(uint16_t):
        pass
    struct CalledWith:
        uint8_t least
        cbool may_be_more
    struct Parameter:
        Type type
        const char *name
        CalledWith calls
    struct Result:
        Type declared
    cppclass PrimitiveRow:
        const char *name
        const char *group
        Result result
        Parameter parameters[4]
        const char *summary
        uint8_t arity() noexcept
    struct ConstantRow:
        const char *name
        Type type
        int32_t first
        int32_t second
    cppclass NameRow:
        PrimitiveRow primitive
        ConstantRow constant
    const unsigned num_types "codeit::kNumTypes"
    const char *type_name(Type) noexcept

cdef extern from "lang/types.h" namespace "codeit" nogil:
    cbool accepts(Type wanted, Type given) noexcept

cdef extern from "lang/language.h" namespace "codeit" nogil:
    cppclass Language:
        uint64_t digest() noexcept
        cbool is_primitive(size_t) noexcept
        const NameRow &row(size_t) noexcept
        vector[uint16_t] primitives() except +
        vector[uint16_t] constants() except +
    const Language &standard_names() except +

cdef extern from "primitives/foreign.h" namespace "codeit" nogil:
    cppclass AnyForeignFunction "codeit::ForeignFunction":
        pass

cdef extern from "lang/selection.h" namespace "codeit" nogil:
    cppclass NewRow "codeit::RowSelection::NewPrimitive":
        string name
        string group
        string result
        string summary
        string like
        const AnyForeignFunction *foreign
        vector[string] parameter_types
        vector[string] parameter_names
    cppclass OwnedLanguage "std::unique_ptr<codeit::Language>":
        Language *get() noexcept
        Language *release() noexcept
        void reset(Language *) noexcept
    cppclass RowSelection:
        RowSelection(const Language &) except +
        string keep(string name) except +
        string add(const NewRow &) except +
        OwnedLanguage make(string title, string *error) except +

cdef class NativeLanguage:
    cdef OwnedLanguage own
    cdef const Language *native  # own, or the standard one; without bodies
    cdef object runnable  # what codeit._native.vm keeps of it
