"""What csrc/code and csrc/vm/program.h declare, for all modules."""

from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.string cimport string
from libcpp.vector cimport vector

from codeit._native.lang cimport Dialect, Language


cdef extern from "<string_view>" namespace "std" nogil:
    cdef cppclass string_view:
        string_view() noexcept
        string_view(const char *, size_t) noexcept

cdef extern from "<span>" namespace "std" nogil:
    cdef cppclass uint16_span "std::span<const uint16_t>":
        uint16_span() noexcept
        uint16_span(const uint16_t *, size_t) noexcept
        const uint16_t *data() noexcept
        size_t size() noexcept
    cdef cppclass uint64_span "std::span<const uint64_t>":
        uint64_span(const uint64_t *, size_t) noexcept
    cdef cppclass text_span "std::span<const std::string_view>":
        text_span(const string_view *, size_t) noexcept

ctypedef cbool (*Poll)() noexcept nogil  # codeit::Interrupt::Poll

cdef extern from "code/code.h" namespace "codeit" nogil:
    cppclass Code:
        Code() noexcept
        Code(uint16_span words) except +
        @staticmethod
        string why_not(uint16_span words, const Language &language) except +
        uint16_span words() noexcept
    cbool operator==(const Code &, const Code &) noexcept
    cdef cppclass code_span "std::span<const codeit::Code *const>":
        code_span(const Code *const *, size_t) noexcept
    string text_of(const Code &code, const Language &language) except +

cdef extern from "code/key.h" namespace "codeit" nogil:
    struct Key:
        uint64_t low
        uint64_t high
    Key key_of(const Code &code, const Language &language, Dialect dialect) except +

cdef extern from "code/parser.h" namespace "codeit" nogil:
    struct ParseError:
        size_t line
        string reason

cdef extern from "vm/program.h" namespace "codeit" nogil:
    cppclass Program:
        Program() noexcept
        Program(Code code, const Language &language, Dialect dialect) except +
        @staticmethod
        cbool parse(string_view text, const Language &language, Dialect dialect, Program *out,
                    ParseError *error) except +
        const Code &code() noexcept
        const Language &language() noexcept
        Dialect dialect() noexcept
        size_t num_lines() noexcept
    struct Parsed:
        Program program
        ParseError error
    vector[Parsed] parse_all(text_span texts, const Language &language, Dialect dialect,
                             Poll poll) except +
