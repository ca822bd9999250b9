# distutils: language = c++
"""The search of one task: csrc/search."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from codeit._native.code cimport Code, Poll, Program
from codeit._native.lang cimport Dialect, Language, NativeLanguage
from codeit._native.vm cimport (
    CompiledProgram, InputGrid, Limits, _filled, _limits, _poll, _read_grid
)

from codeit.ranges import integer

cdef extern from "lang/sizes.h" namespace "codeit" nogil:
    const int kMaxGridSide

cdef extern from "search/batch.h" namespace "codeit::search" nogil:
    struct TaskGrids:
        vector[InputGrid] inputs
        vector[InputGrid] outputs
    struct Settings:
        int64_t evaluations
        uint64_t max_bytes
        uint32_t methods
        size_t num_leading
    struct Solution:
        Code code
        uint8_t method
        float cost
        uint32_t derivations
        int64_t evaluations
        uint32_t num_right
        bint is_led
    cdef cppclass NativeWatch "codeit::search::Watch":
        void stop() noexcept
        int64_t evaluations() noexcept
        uint8_t method() noexcept
        vector[Solution] take() except +
    struct MethodFigures:
        int64_t work
        uint32_t found
    struct TaskResult:
        vector[Solution] solutions
        vector[Solution] nearest
        vector[MethodFigures] methods
        int64_t num_calls
        int64_t work
        size_t num_nodes
        uint64_t num_bytes
    struct MethodRow:
        const char *name
    const vector[MethodRow] kMethods
    TaskResult native_search_task "codeit::search::search_task"(
        const TaskGrids &grids, const Language &language, Dialect dialect,
        const vector[const Program *] &corpus, const Settings &settings, Poll poll,
        NativeWatch *watch) except +
    struct Rates:
        int64_t num_evaluations
        double seconds_of_evaluations
        int64_t num_answers
        double seconds_of_answers
    Rates native_measure_rates "codeit::search::measure_rates"(
        const TaskGrids &grids, const Language &language, Dialect dialect,
        const vector[const Program *] &corpus, const Settings &settings) except +

cdef extern from "<span>" namespace "std" nogil:
    cdef cppclass grid_span "std::span<const codeit::InputGrid>":
        grid_span(const InputGrid *, size_t) noexcept

cdef extern from "search/minimise.h" namespace "codeit::search" nogil:
    struct MinimiserLimits:
        Limits run
        int64_t evaluations
        uint64_t max_bytes
    Code minimised(const Program &program, grid_span inputs, const MinimiserLimits &limits,
                   Poll poll) except +

LEAST_BYTES = 2**25
MOST_BYTES = 2**40
MOST_EVALUATIONS = 10**12


def method_names():
    """The names of the methods, in the order in which they are numbered."""
    cdef size_t k
    return [kMethods[k].name.decode() for k in range(kMethods.size())]


cdef InputGrid _grid(grid) except *:
    cdef InputGrid native
    if not _read_grid(grid, &native) or max(native.height, native.width) > kMaxGridSide:
        raise ValueError(
            f"a grid is a uint8 array [H, W] of colors, with sides from 1 to {kMaxGridSide}"
        )
    return native


cdef tuple _read(list inputs, list outputs, list corpus, TaskGrids *grids,
                 vector[const Program *] *programs):
    """What a search is given, checked; returns what keeps it alive: grids, programs."""
    cdef size_t k
    held = (tuple(inputs), tuple(outputs), tuple(corpus))  # the lists may change meanwhile
    # As may the arrays: the search works on copies.
    copies = [grid.copy() for grid in (*held[0], *held[1])]
    if not 1 <= len(held[1]) <= len(held[0]):
        raise ValueError(f"{len(held[1])} outputs for {len(held[0])} inputs")
    if not held[2]:
        raise ValueError("the corpus is empty; at least one program is needed")
    for k in range(len(copies)):
        if k < <size_t>len(held[0]):
            grids[0].inputs.push_back(_grid(copies[k]))
        else:
            grids[0].outputs.push_back(_grid(copies[k]))
    for program in held[2]:
        if not isinstance(program, CompiledProgram):
            raise TypeError(f"a program is a {type(program).__name__}; use Program.parse")
        programs[0].push_back(&(<CompiledProgram>program).program)
    for k in range(programs[0].size()):
        if programs[0][k].num_lines() == 0:
            raise TypeError(f"program {k} has no lines; use Program.parse")
        if (programs[0][k].language().digest() != programs[0][0].language().digest()
                or programs[0][k].dialect() != programs[0][0].dialect()):
            raise ValueError(f"program {k} is of another language or dialect than the first")
    return copies, held[2]


cdef list _solutions(kind, const vector[Solution] &found, CompiledProgram example):
    """As rows; the programs are of the language and dialect of another one."""
    cdef Program program
    cdef size_t k
    rows = []
    for k in range(found.size()):
        program = Program(found[k].code, example.program.language(), example.program.dialect())
        rows.append((
            _filled(kind, &program, example.language), found[k].method, found[k].cost,
            found[k].derivations, found[k].evaluations, found[k].num_right,
            bool(found[k].is_led),
        ))
    return rows


cdef class Watch:
    """What may be seen of a search while it runs on another thread, and how it is ended.

    One search, of programs of the language and dialect of `program`, of whose kind what is shown
    will be.
    """

    cdef NativeWatch native
    cdef CompiledProgram example

    def __cinit__(self, CompiledProgram program not None):
        if program.program.num_lines() == 0:
            raise TypeError("the program has no lines; use Program.parse")
        self.example = program

    @property
    def evaluations(self):
        """How many are spent."""
        return self.native.evaluations()

    @property
    def method(self):
        """The number of the method that runs."""
        return self.native.method()

    def take(self):
        """What was found since the last time, as in `search_task`: the first programs that fit all
        demonstrations, and each that misses fewer cells of the outputs than any before."""
        return _solutions(type(self.example), self.native.take(), self.example)

    def stop(self):
        """End the search soon, with what it has found."""
        self.native.stop()


def search_task(kind not None, list inputs not None, list outputs not None,
                list corpus not None, evaluations, max_bytes, methods, num_leading=0,
                Watch watch=None):
    """Searches programs of one task, without the GIL.

    Args:
        kind: of CompiledProgram, of which the programs that are found will be.
        inputs: of the demonstrations, then of the tests: uint8 arrays [H, W].
        outputs: of the demonstrations.
        corpus: CompiledPrograms of one language and dialect, at least one.
        evaluations: the budget of work.
        max_bytes: memory for values, nodes and tables.
        methods: a bit for each of method_names() that is to run.
        num_leading: so many programs of the corpus come first in every method; the others, the
            shorter first.
        watch: told how far the search is; of programs as those of the corpus.
    Returns:
        (solutions, nearest, figures, totals). Solutions are (program, method's number, cost,
        derivations, evaluations when it was found, demonstrations reproduced, whether it was made
        from programs that lead); nearest, likewise, of what is as large as all outputs, what is
        wrong at the fewest cells; figures, for each method, (evaluations, solutions found); totals
        are (evaluations, calls, nodes, bytes).
    """
    cdef TaskGrids grids
    cdef Settings settings
    cdef vector[const Program *] programs
    cdef TaskResult result
    cdef size_t k
    cdef NativeWatch *watched = NULL
    held = _read(inputs, outputs, corpus, &grids, &programs)
    settings.evaluations = integer("evaluations", evaluations, 0, MOST_EVALUATIONS)
    settings.max_bytes = integer("max_bytes", max_bytes, LEAST_BYTES, MOST_BYTES)
    settings.methods = integer("methods", methods, 0, 2**32 - 1)
    settings.num_leading = integer("num_leading", num_leading, 0, programs.size())
    if watch is not None:
        if (watch.example.program.language().digest() != programs[0].language().digest()
                or watch.example.program.dialect() != programs[0].dialect()):
            raise ValueError("the watch is of another language or dialect than the programs")
        watched = &watch.native
    cdef Poll poll = _poll()
    cdef const Language *native = &programs[0].language()
    cdef Dialect dialect = programs[0].dialect()
    with nogil:
        result = native_search_task(
            grids, native[0], dialect, programs, settings, poll, watched
        )
    solutions = _solutions(kind, result.solutions, held[1][0])
    nearest = _solutions(kind, result.nearest, held[1][0])
    figures = [(result.methods[k].work, result.methods[k].found)
               for k in range(result.methods.size())]
    return solutions, nearest, figures, (
        result.work, result.num_calls, result.num_nodes, result.num_bytes
    )


def measure_rates(list inputs not None, list outputs not None, list corpus not None, max_bytes):
    """How long calls take (csrc/search/batch.h), for benchmarks.

    Args:
        inputs, outputs, corpus, max_bytes: as in search_task.
    Returns:
        (evaluations, their seconds, calls that the memo answered, their seconds).
    """
    cdef TaskGrids grids
    cdef Settings settings
    cdef vector[const Program *] programs
    cdef Rates rates
    held = _read(inputs, outputs, corpus, &grids, &programs)
    settings.max_bytes = integer("max_bytes", max_bytes, LEAST_BYTES, MOST_BYTES)
    cdef const Language *native = &programs[0].language()
    cdef Dialect dialect = programs[0].dialect()
    with nogil:
        rates = native_measure_rates(grids, native[0], dialect, programs, settings)
    return (rates.num_evaluations, rates.seconds_of_evaluations, rates.num_answers,
            rates.seconds_of_answers)


def minimise(kind not None, CompiledProgram program not None, list inputs not None, tuple limits,
             evaluations, max_bytes):
    """A program that does the same on all inputs, no longer than the one given; without the GIL.

    Args:
        kind: of CompiledProgram, of which the program will be.
        inputs: uint8 arrays [H, W], at least one.
        limits: of one run of the program: (fuel, max_bytes, max_depth, max_len, kept_bytes).
        evaluations: the budget of a round.
        max_bytes: memory for values, nodes and tables.
    """
    cdef vector[InputGrid] grids
    cdef MinimiserLimits native_limits
    if program.program.num_lines() == 0:
        raise TypeError("the program has no lines; use Program.parse")
    copies = [grid.copy() for grid in tuple(inputs)]  # they may change meanwhile
    if not copies:
        raise ValueError("there are no inputs; at least one is needed")
    for grid in copies:
        grids.push_back(_grid(grid))
    native_limits.run = _limits(limits)
    native_limits.evaluations = integer("evaluations", evaluations, 0, MOST_EVALUATIONS)
    native_limits.max_bytes = integer("max_bytes", max_bytes, LEAST_BYTES, MOST_BYTES)
    cdef Poll poll = _poll()
    cdef const Program *native = &program.program
    cdef Code code
    with nogil:
        code = minimised(native[0], grid_span(grids.data(), grids.size()), native_limits, poll)
    cdef Program made = Program(code, native.language(), native.dialect())
    return _filled(kind, &made, program.language)
