# distutils: language = c++
"""Mutants by the million, and which of many programs solve which tasks: csrc/mutation, csrc/vm/match.h."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.vector cimport vector

from codeit._native.code cimport Poll, Program, uint64_span
from codeit._native.lang cimport Dialect, Language, NativeLanguage, Type, type_name
from codeit._native.vm cimport (
    CompiledProgram, InputGrid, Limits, _filled, _input, _limits, _poll, _read_grid,
)

import numpy as np

from codeit.ranges import integer


cdef extern from "<span>" namespace "std" nogil:
    cdef cppclass grid_span "std::span<const codeit::InputGrid>":
        grid_span(const InputGrid *, size_t) noexcept
    cdef cppclass known_span "std::span<const codeit::mutation::Population::Known>":
        known_span(const Known *, size_t) noexcept
    cdef cppclass program_span "std::span<const codeit::Program *const>":
        program_span(const Program *const *, size_t) noexcept
    cdef cppclass uint32_span "std::span<const uint32_t>":
        uint32_span(const uint32_t *, size_t) noexcept
    cdef cppclass family_span "std::span<const codeit::Family>":
        family_span(const Family *, size_t) noexcept
    cdef cppclass target_span "std::span<const codeit::Target>":
        target_span(const Target *, size_t) noexcept

cdef extern from "lang/sizes.h" namespace "codeit" nogil:
    const int kMaxGridSide

cdef extern from "mutation/mutate.h" namespace "codeit::mutation" nogil:
    struct Weights:
        double argument
        double function
        double definition
        double crossover
        double new_variable
    struct CParent "codeit::mutation::Parent":
        const Program *program
        vector[Type] types
    vector[Type] types_of_lines(const Program &program, const InputGrid &input,
                                const Limits &limits, Poll poll) except +
    struct Mutant:
        size_t number
        Program program
    vector[Mutant] native_mutate_many "codeit::mutation::mutate_many"(
        const CParent &parent, const Weights &weights, uint64_span seeds, Poll poll
    ) except +

cdef extern from "mutation/population.h" namespace "codeit::mutation" nogil:
    struct Known "codeit::mutation::Population::Known":
        const Program *program
        uint32_t root
        uint32_t depth
    struct Offspring:
        uint64_t number
        uint32_t root
        uint32_t depth
        uint64_t num_valid
        Program program
    cppclass CPopulation "codeit::mutation::Population":
        CPopulation(const Language &language, Dialect dialect, const Weights &weights,
                    uint64_t seed, cbool is_open_ended, const Limits &limits) except +
        void add_root(const Program &program, grid_span inputs, Poll poll) except +
        size_t num_roots() noexcept
        void add_known(known_span known, unsigned num_threads, Poll poll) except +
        vector[Offspring] make(size_t count, uint64_t *next, uint64_t end, unsigned num_threads,
                               Poll poll) except +
    cppclass OwnedPopulation "std::unique_ptr<codeit::mutation::Population>":
        CPopulation *get() noexcept
        void reset(CPopulation *) noexcept

cdef extern from "vm/match.h" namespace "codeit" nogil:
    cppclass Family:
        pass
    struct Target:
        InputGrid input
        InputGrid expected
    struct Hit:
        size_t number
        size_t target
    vector[Family] families_of(program_span bases, program_span programs, uint32_span base_of,
                               unsigned num_threads, Poll poll) except +
    vector[Hit] native_match "codeit::match"(
        family_span families, target_span targets, const Limits &limits, unsigned num_threads,
        Poll poll) except +


cdef unsigned _threads(num_threads) except? 0:
    return integer("num_threads", num_threads, 1, 2**31 - 1)


cdef const Program *_program(CompiledProgram program) except NULL:
    if program is None or program.program.num_lines() == 0:
        raise TypeError("the program has no lines; use Program.parse")
    return &program.program


cdef InputGrid _grid(grid, int32_t most) except *:
    cdef InputGrid native
    if not _read_grid(grid, &native) or max(native.height, native.width) > most:
        raise ValueError(
            f"a grid is a non-empty uint8 array [H, W] of colors, with sides of {most} at most"
        )
    return native


cdef class Population:
    """Seed programs and the mutants that descend from them: csrc/mutation/population.h.

    After an interrupt it is not to be used any more.
    """

    cdef OwnedPopulation own
    cdef CompiledProgram like  # keeps the language alive

    def __cinit__(self, CompiledProgram like not None, tuple weights not None, seed,
                  bint is_open_ended, tuple limits not None):
        """For programs of the language and dialect of one.

        Args:
            weights: (argument, function, definition, crossover, new_variable), as in
                csrc/mutation/mutate.h.
            limits: (fuel, max_bytes, max_depth, max_len, kept_bytes).
        """
        cdef Weights native
        (native.argument, native.function, native.definition, native.crossover,
         native.new_variable) = weights
        cdef uint64_t native_seed = integer("seed", seed, 0, 2**64 - 1)
        cdef Limits native_limits = _limits(limits)
        cdef const Program *program = _program(like)
        self.like = like
        self.own.reset(new CPopulation(
            program.language(), program.dialect(), native, native_seed, is_open_ended,
            native_limits
        ))

    cdef const Program *checked(self, CompiledProgram program) except NULL:
        cdef const Program *native = _program(program)
        cdef const Program *other = &self.like.program
        if native.dialect() != other.dialect() or &native.language() != &other.language():
            raise ValueError("a program is of another language or dialect than the population")
        return native

    def add_root(self, CompiledProgram program not None, list grids not None):
        """Add a seed program, with the inputs on which its mutants must be valid."""
        cdef const Program *native = self.checked(program)
        cdef vector[InputGrid] inputs
        held = tuple(grids)  # the list may change meanwhile
        for grid in held:
            inputs.push_back(_grid(grid, 2**15 - 1))
        if inputs.empty():
            raise ValueError("a seed program needs at least one input")
        cdef Poll poll = _poll()
        with nogil:
            self.own.get().add_root(native[0], grid_span(inputs.data(), inputs.size()), poll)

    def add_known(self, list programs not None, const uint32_t[::1] roots not None,
                  const uint32_t[::1] depths not None, num_threads):
        """Add mutants that were made before, in their order, by the numbers of their roots."""
        cdef vector[Known] known
        cdef Known one
        cdef size_t k
        held = tuple(programs)
        cdef size_t count = len(held)
        if <size_t>roots.shape[0] != count or <size_t>depths.shape[0] != count:
            raise ValueError("programs, roots and depths have different lengths")
        for k in range(count):
            one.program = self.checked(held[k])
            one.root = roots[k]
            one.depth = depths[k]
            if one.root >= self.own.get().num_roots():
                raise ValueError(f"root {one.root}: there are {self.own.get().num_roots()}")
            known.push_back(one)
        cdef unsigned num_workers = _threads(num_threads)
        cdef Poll poll = _poll()
        with nogil:
            self.own.get().add_known(known_span(known.data(), known.size()), num_workers, poll)

    def make(self, kind not None, count, begin, end, num_threads):
        """The next mutants, without the GIL.

        Args:
            kind: of CompiledProgram, that they are to be.
            count: at most so many.
            begin, end: the draws that may be made.
        Returns:
            (programs, roots uint32, depths uint32, valid uint64, the first draw that was not made);
            `valid` counts, up to each program, the draws that gave a valid one, new or not.
        """
        cdef size_t most = integer("count", count, 0, 2**32)
        cdef uint64_t following = integer("begin", begin, 0, 2**63)
        cdef uint64_t last = integer("end", end, 0, 2**63)
        cdef unsigned num_workers = _threads(num_threads)
        cdef vector[Offspring] made
        cdef Poll poll = _poll()
        with nogil:
            made = self.own.get().make(most, &following, last, num_workers, poll)
        cdef size_t k
        programs = []
        roots = np.empty(made.size(), np.uint32)
        depths = np.empty(made.size(), np.uint32)
        valid = np.empty(made.size(), np.uint64)
        cdef uint32_t[::1] all_roots = roots
        cdef uint32_t[::1] all_depths = depths
        cdef uint64_t[::1] all_valid = valid
        for k in range(made.size()):
            programs.append(_filled(kind, &made[k].program, self.like.language))
            all_roots[k] = made[k].root
            all_depths[k] = made[k].depth
            all_valid[k] = made[k].num_valid
        return programs, roots, depths, valid, following


cdef class Families:
    """Programs beside those that they differ from by a few lines: csrc/vm/family.h."""

    cdef vector[Family] families
    cdef object held

    def __cinit__(self, list bases not None, list programs not None,
                  const uint32_t[::1] base_of not None, num_threads):
        """
        Args:
            base_of: for each program the number of its base.
        """
        cdef vector[const Program *] native_bases, native_programs
        cdef vector[uint32_t] own_base_of  # the array may change meanwhile
        cdef size_t k
        self.held = (tuple(bases), tuple(programs))
        for program in self.held[0]:
            native_bases.push_back(_program(program))
        for program in self.held[1]:
            native_programs.push_back(_program(program))
        if <size_t>base_of.shape[0] != native_programs.size():
            raise ValueError("programs and base_of have different lengths")
        for k in range(native_programs.size()):
            own_base_of.push_back(base_of[k])
            if own_base_of[k] >= native_bases.size():
                raise ValueError(f"base {own_base_of[k]}: there are {native_bases.size()}")
        cdef unsigned num_workers = _threads(num_threads)
        cdef Poll poll = _poll()
        with nogil:
            self.families = families_of(
                program_span(native_bases.data(), native_bases.size()),
                program_span(native_programs.data(), native_programs.size()),
                uint32_span(own_base_of.data(), own_base_of.size()), num_workers, poll,
            )

    def match(self, list inputs not None, list outputs not None, tuple limits not None,
              num_threads):
        """Which programs make which output of its input, without the GIL.

        Args:
            inputs, outputs: uint8 arrays [H, W] of colors; outputs have sides of 30 at most.
        Returns:
            For each such pair, by output, then by program: the program's number, the output's
            number, int64.
        """
        cdef vector[Target] targets
        cdef Target target
        cdef size_t k
        held = (tuple(inputs), tuple(outputs))
        if len(held[0]) != len(held[1]):
            raise ValueError("inputs and outputs have different lengths")
        for k in range(<size_t>len(held[0])):
            target.input = _grid(held[0][k], 2**15 - 1)
            target.expected = _grid(held[1][k], kMaxGridSide)
            targets.push_back(target)
        cdef Limits native_limits = _limits(limits)
        cdef unsigned num_workers = _threads(num_threads)
        cdef vector[Hit] hits
        cdef Poll poll = _poll()
        with nogil:
            hits = native_match(
                family_span(self.families.data(), self.families.size()),
                target_span(targets.data(), targets.size()), native_limits, num_workers, poll,
            )
        found = np.empty((2, hits.size()), np.int64)
        cdef long long[:, ::1] all_found = found
        for k in range(hits.size()):
            all_found[0, k] = hits[k].number
            all_found[1, k] = hits[k].target
        return found[0], found[1]


cdef class MutationParent:
    """A program to mutate, with the types that its lines have on one input."""

    cdef CompiledProgram compiled  # keeps the native program alive
    cdef CParent parent

    def __cinit__(self, CompiledProgram compiled not None, grid not None,
                  tuple limits not None):
        if compiled.program.num_lines() == 0:
            raise TypeError("the program has no lines; use Program.parse")
        self.compiled = compiled
        self.parent.program = &compiled.program
        cdef InputGrid native_grid = _input(grid)
        cdef Limits native_limits = _limits(limits)
        cdef Poll poll = _poll()
        with nogil:
            self.parent.types = types_of_lines(
                compiled.program, native_grid, native_limits, poll
            )

    @property
    def types(self):
        """The type names of I and of every line."""
        cdef size_t k
        return [type_name(self.parent.types[k]).decode() for k in range(self.parent.types.size())]


def mutate_many(kind not None, MutationParent parent not None, tuple weights not None,
                const uint64_t[::1] seeds not None):
    """For each seed a mutant, of a kind of CompiledProgram, or None where the change that was drawn
    makes none. All are made without the GIL.

    Args:
        weights: (argument, function, definition, new_variable), as in csrc/mutation/mutate.h.
    """
    cdef Weights native
    native.argument, native.function, native.definition, native.new_variable = weights
    native.crossover = 0
    cdef vector[uint64_t] own_seeds  # the array may change meanwhile
    cdef size_t k
    for k in range(<size_t>seeds.shape[0]):
        own_seeds.push_back(seeds[k])
    cdef vector[Mutant] mutants
    cdef Poll poll = _poll()
    with nogil:
        mutants = native_mutate_many(
            parent.parent, native, uint64_span(own_seeds.data(), own_seeds.size()), poll
        )
    programs = [None] * own_seeds.size()
    for k in range(mutants.size()):
        programs[mutants[k].number] = _filled(
            kind, &mutants[k].program, parent.compiled.language
        )
    return programs
