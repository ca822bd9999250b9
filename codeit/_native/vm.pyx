# distutils: language = c++
"""Language, programs, virtual machine: csrc/lang, csrc/code, csrc/core, csrc/primitives, csrc/vm."""

from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_ND,
    PyBuffer_FillInfo,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

from codeit._native.code cimport (
    Code,
    Key,
    ParseError,
    Parsed,
    Poll,
    Program,
    key_of,
    parse_all as native_parse_all,
    string_view,
    text_of,
    text_span,
    uint16_span,
)
from codeit._native.lang cimport (
    Dialect,
    Language,
    NativeLanguage,
    Opcode,
    OwnedLanguage,
)

import threading

import numpy as np

from codeit.ranges import integer


cdef extern from "<span>" namespace "std" nogil:
    cdef cppclass const_int64_span "std::span<const int64_t>":
        const_int64_span() noexcept
        const_int64_span(const int64_t *, size_t) noexcept

cdef extern from "primitives/bodies.h" namespace "codeit" nogil:
    const Language &standard_language() except +
    OwnedLanguage with_bodies(const Language &names) except +

cdef extern from "core/outcome.h" namespace "codeit" nogil:
    cdef enum class Outcome(uint8_t):
        ok
    struct OutcomeRow:
        const char *name
        const char *exception
        const char *message
    const OutcomeRow kOutcomes[]
    const unsigned kNumOutcomes

cdef extern from "pythread.h" nogil:
    unsigned long PyThread_get_thread_ident() noexcept

# Leaves what a handler raises to those that return to Python.
cdef extern from "Python.h":
    int PyErr_CheckSignals() noexcept

cdef extern from "core/machine.h" namespace "codeit" nogil:
    const int64_t kMaxFuel, kMostPrintedValues
    const uint64_t kLeastBytes, kMostBytes
    const uint32_t kMostDepth
    cbool are_limits(const Limits &limits) noexcept

cdef extern from "vm/run.h" namespace "codeit" nogil:
    const int64_t kMaxInputSide
    cbool read_input(const uint8_t *cells, int64_t height, int64_t width, InputGrid *out) noexcept
    void native_break_invariants "codeit::break_invariants"(cbool is_on) noexcept

cdef extern from "vm/batch.h" namespace "codeit" nogil:
    cppclass Column[T]:
        T *data() noexcept
        size_t size() noexcept
    cppclass GrowingBytes:
        uint8_t *data() noexcept
        size_t size() noexcept
    struct BatchResults:
        Column[uint8_t] outcomes
        Column[int64_t] fuel
        Column[uint8_t] heights
        Column[uint8_t] widths
        Column[uint64_t] cells_begin
        GrowingBytes cells
    struct Job:
        const Program *program
        size_t first_input
        size_t num_inputs
    void run_batch(const vector[Job] &jobs, const vector[InputGrid] &inputs, const Limits &limits,
                   unsigned num_threads, cbool is_sharing, Poll poll,
                   BatchResults *out) except +
    struct PrintedRun:
        Outcome outcome
        size_t line
        int64_t fuel
        vector[string] texts
    struct Trial:
        cbool is_plain
        uint64_t fail_after
    PrintedRun run_and_print(const Program &program, const InputGrid &input, const Limits &limits,
                             cbool all_lines, int64_t max_values, Poll poll,
                             const Trial &trial) except +
    struct ExplainedRun:
        PrintedRun run
        vector[int64_t] fuel_left
        vector[string] failed_call
    ExplainedRun explain(const Program &program, const InputGrid &input, const Limits &limits,
                         int64_t max_values, Poll poll) except +
    PrintedRun call_and_print(const Language &language, Dialect dialect, Opcode opcode,
                              const_int64_span arguments, size_t num_arguments,
                              const Limits &limits, int64_t max_values, Poll poll) except +


MAX_SIDE = kMaxInputSide  # of a grid
LIMIT_RANGES = {
    "fuel": (0, kMaxFuel), "max_bytes": (kLeastBytes, kMostBytes),
    "max_depth": (1, kMostDepth), "max_len": (1, (1 << 32) - 1), "kept_bytes": (0, kMostBytes),
}


# Native work asks now and then for signals, and ends with what their handlers raise. Python delivers
# them to the main thread alone; on any other one the work goes on to its end, and never takes
# Python's lock on the way, which a daemon thread does not get once Python is shutting down.
cdef Poll _poll() except? NULL:
    if PyThread_get_thread_ident() == <unsigned long>_main_thread().ident:
        return _is_signalled
    return NULL


cdef cbool _is_signalled() noexcept with gil:
    return PyErr_CheckSignals() != 0


cdef object _main_thread = threading.main_thread


def outcome_table():
    """The rows of csrc/core/outcome.def: (name, exception name or "", message), by code."""
    return [
        (kOutcomes[k].name.decode(), kOutcomes[k].exception.decode(), kOutcomes[k].message.decode())
        for k in range(kNumOutcomes)
    ]


cdef Dialect _dialect(bint is_arc_dsl) noexcept nogil:
    return Dialect.arc_dsl if is_arc_dsl else Dialect.codeit


cdef class _Runnable:
    """A language with the bodies of its primitives, for as long as the language lives."""

    cdef OwnedLanguage own


cdef const Language *_runnable(NativeLanguage language) except NULL:
    if language.own.get() == NULL:
        return &standard_language()
    if language.runnable is None:
        made = _Runnable.__new__(_Runnable)
        (<_Runnable>made).own.reset(with_bodies(language.native[0]).release())
        language.runnable = made
    return (<_Runnable>language.runnable).own.get()


cdef class CompiledProgram:
    """What codeit.Program is made of. A new one holds nothing until `parse` or `read` has filled it.

    Attributes:
        language: that its names are of.
    """

    def __len__(self):
        """The number of lines."""
        return self.program.num_lines()

    def __eq__(self, other):
        if not isinstance(other, CompiledProgram):
            return NotImplemented
        cdef CompiledProgram that = <CompiledProgram>other
        return (self.program.dialect() == that.program.dialect()
                and self.program.language().digest() == that.program.language().digest()
                and self.program.code() == that.program.code())

    def __hash__(self):
        return <Py_hash_t>(key_of(
            self.program.code(), self.program.language(), self.program.dialect()
        ).low >> 1)

    @property
    def text(self):
        """One `name = function(argument, ...)` a line, without other blanks; the variables are
        x1, x2, ... in order, and O."""
        if self.printed is None:
            self.printed = text_of(self.program.code(), self.program.language()).decode()
        return self.printed

    @property
    def key(self):
        """What identifies it, however it is written (csrc/code/key.h): 32 hexadecimal digits."""
        cdef Key key
        if self.hexadecimal is None:
            key = key_of(
                self.program.code(), self.program.language(), self.program.dialect()
            )
            self.hexadecimal = f"{<uint64_t>key.high:016x}{<uint64_t>key.low:016x}"
        return self.hexadecimal

    @property
    def is_arc_dsl(self):
        """Whether its dialect is arc-dsl."""
        return self.program.dialect() == Dialect.arc_dsl

    @property
    def code(self):
        """The words of csrc/code/code.h, as bytes."""
        cdef uint16_span words = self.program.code().words()
        return (<const char *>words.data())[:words.size() * sizeof(uint16_t)]


cdef _check_empty(CompiledProgram program):
    if program.program.num_lines() != 0:
        raise ValueError("the program has lines already")


def parse(CompiledProgram program not None, bytes text not None, bint is_arc_dsl,
          NativeLanguage language not None):
    """None, or the (line, reason) for which the text is no program.

    Raises:
        ValueError: it has lines already, which may be in use.
    """
    cdef Parsed parsed
    cdef string_view view = string_view(<const char *>text, len(text))
    cdef const Language *native = _runnable(language)
    with nogil:
        Program.parse(view, native[0], _dialect(is_arc_dsl), &parsed.program, &parsed.error)
    _check_empty(program)
    if parsed.program.num_lines() == 0:
        return parsed.error.line, parsed.error.reason.decode()
    program.program = move(parsed.program)
    program.language = language


cdef _filled(kind, Program *native, NativeLanguage language):
    """A new object of a kind of CompiledProgram, which takes the program over."""
    cdef CompiledProgram program = kind.__new__(kind)
    program.program = move(native[0])
    program.language = language
    return program


def parse_all(kind not None, list texts not None, bint is_arc_dsl,
              NativeLanguage language not None):
    """For each text (bytes) a program, of a kind of CompiledProgram, or the (line, reason) for
    which it is none. All are parsed without the GIL."""
    cdef vector[string_view] views
    cdef bytes text
    held = tuple(texts)  # the list may change meanwhile
    for text in held:
        views.push_back(string_view(<const char *>text, len(text)))
    cdef vector[Parsed] parsed
    cdef Poll poll = _poll()
    cdef const Language *native = _runnable(language)
    with nogil:
        parsed = native_parse_all(
            text_span(views.data(), views.size()), native[0], _dialect(is_arc_dsl), poll
        )
    programs = []
    cdef size_t k
    for k in range(parsed.size()):
        if parsed[k].program.num_lines() != 0:
            programs.append(_filled(kind, &parsed[k].program, language))
        else:
            programs.append((parsed[k].error.line, parsed[k].error.reason.decode()))
    return programs


def read_all(kind not None, list codes not None, bint is_arc_dsl,
             NativeLanguage language not None):
    """For each code (bytes) a program, of a kind of CompiledProgram; None where there is None.

    Raises:
        ValueError: one is no code; the message says why.
    """
    programs = []
    for code in codes:
        program = None
        if code is not None:
            program = kind.__new__(kind)
            read(program, code, is_arc_dsl, language)
        programs.append(program)
    return programs


def read(CompiledProgram program not None, bytes code not None, bint is_arc_dsl,
         NativeLanguage language not None):
    """Fill it with a code from outside.

    Raises:
        ValueError: the bytes are no code; the message says why. Or it has lines already.
    """
    _check_empty(program)
    cdef vector[uint16_t] words
    cdef size_t size = len(code)
    if size % sizeof(uint16_t) != 0:
        raise ValueError(f"the code of a program has an odd number of bytes, {size}")
    cdef const uint16_t *first = <const uint16_t *><const char *>code
    words.assign(first, first + size // sizeof(uint16_t))
    cdef uint16_span view = uint16_span(words.data(), words.size())
    cdef const Language *native = _runnable(language)
    cdef string fault = Code.why_not(view, native[0])
    if not fault.empty():
        raise ValueError(f"no code of a program: {fault.decode()}")
    program.program = Program(Code(view), native[0], _dialect(is_arc_dsl))
    program.language = language


cdef Limits _limits(tuple limits) except *:
    """Of (fuel, max_bytes, max_depth, max_len, kept_bytes)."""
    cdef Limits native
    native.fuel, native.max_bytes, native.max_depth, native.max_len, native.kept_bytes = limits
    if not are_limits(native):
        raise ValueError(f"limits are {limits}; allowed are those in {LIMIT_RANGES}")
    return native


cdef object _ndarray = np.ndarray


cdef bint _read_grid(grid, InputGrid *out) except -1:
    """Whether it is a C-contiguous uint8 array [H, W] of colors; it must outlive what is read."""
    cdef Py_buffer view  # a typed memoryview would take longer than a short run
    if type(grid) is not _ndarray:
        return False
    try:
        PyObject_GetBuffer(grid, &view, PyBUF_ND | PyBUF_FORMAT)
    except (BufferError, ValueError):  # not contiguous, or of no plain type
        return False
    cdef bint is_grid = view.ndim == 2 and view.format[0] == b"B" and view.format[1] == 0
    if is_grid:
        is_grid = read_input(<const uint8_t *>view.buf, view.shape[0], view.shape[1], out)
    PyBuffer_Release(&view)
    return is_grid


cdef InputGrid _input(grid) except *:
    """A grid as _read_grid takes it."""
    cdef InputGrid native
    if not _read_grid(grid, &native):
        raise ValueError("a grid is a non-empty uint8 array [H, W] of colors")
    return native


cdef class _Results:
    """What a batch returned; its memory is that of the arrays made of it."""

    cdef BatchResults native

    def arrays(self):
        """outcome, fuel, height, width, cells_begin, cells."""
        cdef BatchResults *native = &self.native
        cdef size_t num_runs = native.outcomes.size()
        return (
            _array(self, native.outcomes.data(), num_runs, np.uint8),
            _array(self, native.fuel.data(), num_runs * 8, np.int64),
            _array(self, native.heights.data(), num_runs, np.uint8),
            _array(self, native.widths.data(), num_runs, np.uint8),
            _array(self, native.cells_begin.data(), num_runs * 8, np.uint64),
            _array(self, native.cells.data(), native.cells.size(), np.uint8),
        )


cdef class _Items:
    """Memory of an owner that lives as long as this does."""

    cdef object owner
    cdef void *data
    cdef Py_ssize_t num_bytes

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.data, self.num_bytes, False, flags)


cdef _array(owner, void *data, size_t num_bytes, dtype):
    if num_bytes == 0:
        return np.empty(0, dtype)
    cdef _Items items = _Items.__new__(_Items)
    items.owner = owner
    items.data = data
    items.num_bytes = num_bytes
    return np.frombuffer(items, dtype)


def run_groups(list groups not None, tuple limits not None, num_threads, bint is_sharing,
               to_array):
    """Runs every program of a group on every grid of the same group, without the GIL.

    Args:
        groups: pairs of lists (CompiledPrograms, grids).
        limits: (fuel, max_bytes, max_depth, max_len, kept_bytes).
        is_sharing: whether the lines that programs of a group begin with in common run once.
        to_array: makes a C-contiguous uint8 array [H, W] of colors of any other grid and its number
            in the group; the array takes the grid's place in the list.
    Returns:
        Flat arrays over groups, their programs, their grids: outcome uint8, fuel int64, height and width
        uint8 (0 where the value is no valid grid), cells_begin uint64; and the cells, uint8, in no
        particular order.
    """
    cdef vector[Job] jobs
    cdef vector[InputGrid] native_grids
    cdef Job job
    cdef InputGrid native_grid
    cdef size_t k
    cdef list programs, grids
    cdef size_t begin, end
    cdef bint is_replaced
    # All that is given, as the lists may change meanwhile; in one, as Python's collector visits each.
    cdef list held = []
    for programs, grids in list(groups):
        begin = len(held)
        held.extend(grids)
        end = len(held)
        held.extend(programs)
        job.first_input = native_grids.size()
        job.num_inputs = end - begin
        is_replaced = False
        for k in range(begin, end):
            if not _read_grid(held[k], &native_grid):
                held[k] = to_array(held[k], k - begin)
                native_grid = _input(held[k])
                is_replaced = True
            native_grids.push_back(native_grid)
        if is_replaced:
            grids[:] = held[begin:end]
        for k in range(end, <size_t>len(held)):
            program = held[k]
            if not isinstance(program, CompiledProgram):
                raise TypeError(
                    f"program {k - end} is a {type(program).__name__}; use Program.parse"
                )
            job.program = &(<CompiledProgram>program).program
            if job.program.num_lines() == 0:
                raise TypeError(f"program {k - end} has no lines; use Program.parse")
            jobs.push_back(job)
    cdef Limits native_limits = _limits(limits)
    cdef unsigned num_workers = integer("num_threads", num_threads, 1, 2**31 - 1)
    cdef _Results results = _Results.__new__(_Results)
    cdef Poll poll = _poll()
    with nogil:
        run_batch(
            jobs, native_grids, native_limits, num_workers, is_sharing, poll, &results.native
        )
    return results.arrays()


cdef _printed(const PrintedRun &run):
    cdef size_t k
    texts = [run.texts[k].decode() for k in range(run.texts.size())]
    return <int>run.outcome, run.line, run.fuel, texts


def run_and_print_one(CompiledProgram program not None, grid not None,
                      tuple limits not None, bint all_lines, max_values,
                      bint is_plain=False, uint64_t fail_after=0):
    """(outcome code, line where it ended, fuel used, canonical texts of the result or of all lines).

    For tests: a plain run takes the general path everywhere, which is compared with the fast one;
    and the fail_after-th request for memory fails, as do all after it.
    """
    cdef Trial trial
    trial.is_plain = is_plain
    trial.fail_after = fail_after
    cdef InputGrid native_grid = _input(grid)
    cdef Limits native_limits = _limits(limits)
    cdef int64_t most = integer("max_values", max_values, 0, kMostPrintedValues)
    cdef Poll poll = _poll()
    cdef PrintedRun printed
    with nogil:
        printed = run_and_print(
            program.program, native_grid, native_limits, all_lines, most, poll, trial
        )
    return _printed(printed)


def explain_one(CompiledProgram program not None, grid not None, tuple limits not None,
                max_values):
    """What run_and_print_one returns of all lines, with functions named as csrc/core/print.h says;
    the fuel left before each of these lines; and of a failure the canonical texts of the function
    and the arguments of the innermost call, or none."""
    if program.program.num_lines() == 0:
        raise TypeError("the program has no lines; use Program.parse")
    cdef InputGrid native_grid = _input(grid)
    cdef Limits native_limits = _limits(limits)
    cdef int64_t most = integer("max_values", max_values, 0, kMostPrintedValues)
    cdef Poll poll = _poll()
    cdef ExplainedRun explained
    with nogil:
        explained = explain(program.program, native_grid, native_limits, most, poll)
    fuel_left = [explained.fuel_left[k] for k in range(explained.fuel_left.size())]
    failed = [explained.failed_call[k].decode() for k in range(explained.failed_call.size())]
    return *_printed(explained.run), fuel_left, failed


def call_and_print_one(bint is_arc_dsl, opcode, const int64_t[::1] arguments not None,
                       num_arguments, tuple limits not None, max_values,
                       NativeLanguage language not None):
    """The same for one primitive; `arguments` are encoded as csrc/vm/run.h says, then one extra number.

    Raises:
        ValueError: there is no such primitive, or there are more arguments than numbers.
    """
    # The extra number keeps the array non-empty, so that its address exists.
    cdef Py_ssize_t size = integer("numbers of arguments", arguments.shape[0], 1) - 1
    # What is checked must be what is used, whoever writes to the array meanwhile.
    cdef vector[int64_t] own_arguments
    own_arguments.assign(&arguments[0], &arguments[0] + size)
    cdef const_int64_span encoded = const_int64_span(own_arguments.data(), size)
    cdef const Language *native = _runnable(language)
    cdef uint16_t number = integer("opcode", opcode, 0, 65535)
    if not native.is_primitive(number):
        raise ValueError(f"opcode is {opcode}; it is the number of no primitive")
    cdef size_t count = integer("num_arguments", num_arguments, 0, size)
    cdef int64_t most = integer("max_values", max_values, 0, kMostPrintedValues)
    cdef Limits native_limits = _limits(limits)
    cdef Dialect dialect = _dialect(is_arc_dsl)
    cdef Poll poll = _poll()
    cdef PrintedRun printed
    with nogil:
        printed = call_and_print(
            native[0], dialect, <Opcode>number, encoded, count, native_limits, most, poll
        )
    return _printed(printed)


def break_invariants(bint is_on):
    """For tests: from now on all runs of this process leave an invariant broken, or no longer do."""
    native_break_invariants(is_on)
