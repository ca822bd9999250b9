"""Draws programs of four kinds, and grids to run them on.

Typed programs are grown line by line, from arguments of the declared types; mutants are made of the
seed programs; the arguments of untyped programs are anything; called ones are a call of one
primitive with hostile values (values.py). Many of the others begin with such values, too.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

import numpy as np

from codeit._native import mutation as native_mutation
from codeit.execution.executor import Limits, run
from codeit.execution.results import Outcome
from codeit.fuzzing.values import ValueWriter, draw
from codeit.grids import Grid
from codeit.language import (
    ACCEPTED_TYPES,
    CONSTANTS,
    PRIMITIVES,
    Primitive,
    Program,
    ProgramError,
    load_seed_programs,
)
from codeit.language.program import Dialect
from codeit.tasks import datasets

KINDS = ("typed", "mutated", "untyped", "called")

_GROWTH = Limits(fuel=40_000, max_bytes=16 << 20)  # keeps programs cheap while they grow
_NUM_GRIDS = 3
_MAX_CELLS = 144
_MUTATION_WEIGHTS = (0.5, 0.25, 0.25, 0.5)
_HOSTILE_SHARE = 0.3  # of the programs of each kind that get hostile values
_HOSTILE_TYPES = ("Integer", "Integer", "IntegerTuple", "Indices", "Object", "Objects", "Grid")
_END = "O = identity(identity)"
_PRIMITIVES = tuple(PRIMITIVES.values())


def parse_lines(lines: Sequence[str], dialect: Dialect) -> Program | None:
    """The program that the lines are, or None."""
    try:
        return Program.parse("\n".join(lines), dialect)
    except ProgramError:
        return None


@functools.cache
def _places_for(given: str, is_any: bool) -> tuple[tuple[Primitive, int], ...]:
    """The parameters that take a value of a type; of those that take anything, all or none."""
    places = [
        (primitive, k)
        for primitive in _PRIMITIVES
        for k, parameter in enumerate(primitive.parameters)
        if given in ACCEPTED_TYPES[parameter.type] and (parameter.type == "Any") == is_any
    ]
    return tuple(places) or _places_for(given, True)


def _narrower(native: str, declared: str) -> str:
    """The type of a value: what the machine tells of it, or what the primitive that made it says
    of it, where that is more. A pair or a set of numbers beyond 32 bits is any tuple or set to the
    machine."""
    is_vague = native in ("Tuple", "FrozenSet", "Any")
    is_wide_pair = native == "Tuple" and declared == "IntegerTuple"
    is_narrower = is_wide_pair or declared in ACCEPTED_TYPES[native]
    return declared if is_vague and is_narrower else native


class Generator:
    """Draws programs of the four kinds, with grids to run them on."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        tasks = {task.task_id: task for task in datasets.load("arc1-training")}
        self._grids = [
            pair.input
            for task in tasks.values()
            for pair in task.demonstrations
            if pair.input.size <= _MAX_CELLS
        ]
        self._parents = [
            (seed.program, grid)
            for seed in load_seed_programs(dialect=dialect)
            for grid in [pair.input for pair in tasks[seed.task_id].demonstrations][:2]
            if grid.size <= _MAX_CELLS
        ]

    def draw(self, source: random.Random) -> tuple[str, Program, list[Grid]]:
        """The kind, a program, and grids.

        Every other program returns the values of all its lines, nested in pairs, so that the order
        of a set shows that nothing else would have looked at.
        """
        kind = source.choice(KINDS)
        if kind == "mutated":
            program, num_values, grid = self._mutant(source)
        elif kind == "called":
            (program, num_values), grid = self._called(source), self._grid(source)
        else:
            grid = self._grid(source)
            grow = self._typed if kind == "typed" else self._untyped
            program, num_values = grow(source, grid)
        if source.random() < 0.5:
            program = self._gathered(program, num_values) or program
        others = 0 if kind == "called" else _NUM_GRIDS - 1  # few calls look at the grid
        return kind, program, [grid, *(self._grid(source) for _ in range(others))]

    def _gathered(self, program: Program, num_values: int) -> Program | None:
        """The program with the values of all its lines in the end, but for the first ones that
        only make hostile values."""
        *lines, last = program.text.split("\n")
        gathered = "y0"
        names = [line.split(" = ")[0] for line in lines[num_values:]]
        lines.append(last.replace("O = ", "y0 = ", 1))
        for k, name in enumerate(names, start=1):
            pair = "O" if k == len(names) else f"y{k}"
            lines.append(f"{pair} = astuple({gathered}, {name})")
            gathered = pair
        return parse_lines(lines, self._dialect)

    def _grid(self, source: random.Random) -> Grid:
        if source.random() < 0.3:
            return source.choice(self._grids)
        most = 30 if source.random() < 0.02 else 7
        height, width = source.randint(1, most), source.randint(1, most)
        colors = source.sample(range(10), source.randint(1, 4))
        weights = [source.random() ** 2 + 0.01 for _ in colors]
        cells = source.choices(colors, weights, k=height * width)
        return np.array(cells, dtype=np.uint8).reshape(height, width)

    def _mutant(self, source: random.Random) -> tuple[Program, int, Grid]:
        program, grid = source.choice(self._parents)
        num_values = 0
        for _ in range(source.choice((1, 1, 2, 3, 5))):
            parent = native_mutation.MutationParent(program, grid, _GROWTH._native())
            seeds = np.array([source.getrandbits(64)], dtype=np.uint64)
            (mutant,) = native_mutation.mutate_many(Program, parent, _MUTATION_WEIGHTS, seeds)
            program = mutant or program
        if source.random() < _HOSTILE_SHARE:
            hostile = self._with_hostile_argument(source, program)
            if hostile is not None:
                num_values = len(hostile) - len(program)
                program = hostile
        return program, num_values, grid

    def _with_hostile_argument(self, source: random.Random, program: Program) -> Program | None:
        """The program with a hostile value in place of a constant."""
        lines = program.text.split("\n")
        places = [
            (k, n, CONSTANTS[name].type)
            for k, line in enumerate(lines)
            for n, name in enumerate(line[:-1].split("(")[1].split(", "))
            if name in CONSTANTS
        ]
        if not places:
            return None
        k, n, wanted = source.choice(places)
        writer = ValueWriter()
        function, arguments = lines[k][:-1].split("(")
        names = arguments.split(", ")
        names[n] = writer.name_of(draw(source, wanted))
        lines[k] = f"{function}({', '.join(names)})"
        return parse_lines([*writer.lines, *lines], self._dialect)

    def _called(self, source: random.Random) -> tuple[Program, int]:
        """One primitive, called with hostile values of the types that it declares, and the number
        of lines that make those."""
        while True:
            primitive = source.choice(_PRIMITIVES)
            writer = ValueWriter()
            names = [writer.name_of(draw(source, p.type)) for p in primitive.parameters]
            call = f"O = {primitive.name}({', '.join(names)})"
            program = parse_lines([*writer.lines, call], self._dialect)
            if program is not None:
                return program, len(writer.lines)

    def _values(self, source: random.Random) -> tuple[list[str], dict[str, str]]:
        """Lines that make hostile values for the lines that follow, or none, and their types."""
        writer = ValueWriter()
        types: dict[str, str] = {}
        if source.random() < _HOSTILE_SHARE:
            for wanted in source.choices(_HOSTILE_TYPES, k=source.choice((1, 1, 2, 3))):
                name = writer.name_of(draw(source, wanted))
                if name not in CONSTANTS:
                    types[name] = wanted
        return writer.lines, types

    def _typed(self, source: random.Random, grid: Grid) -> tuple[Program, int]:
        """A program whose lines run on the grid, but for the last one now and then; and how many
        of them, the first ones, make hostile values."""
        lines, made = self._values(source)
        num_values = len(lines)
        types = {"I": "Grid", **made}
        used: set[str] = set()
        program = None
        for k in range(1, source.choice((2, 4, 6, 9, 12)) + 1):
            for _ in range(8):
                line = self._typed_call(source, types, used)
                grown = parse_lines([*lines, f"O = {line}"], self._dialect)
                if grown is None:
                    continue
                end = run(grown, grid, _GROWTH)
                if end.outcome == Outcome.ok or source.random() < 0.02:
                    break
            else:
                break
            program = grown
            if end.outcome != Outcome.ok:
                break
            parent = native_mutation.MutationParent(grown, grid, _GROWTH._native())
            maker = PRIMITIVES.get(line.split("(")[0])
            declared = maker.returns if maker else "Any"
            types[f"x{k}"] = _narrower(parent.types[-1], declared)
            lines.append(f"x{k} = {line}")
            used |= set(line[:-1].split("(")[1].split(", "))
        if program is None:
            return Program.parse("O = identity(I)", self._dialect), 0
        return program, num_values

    def _typed_call(self, source: random.Random, types: dict[str, str], used: set[str]) -> str:
        """A call whose arguments have the declared types; mostly one of them is a variable that
        no line has used yet."""
        unused = [name for name in types if name not in used]
        focus = source.choice(unused if unused and source.random() < 0.8 else list(types))
        if types[focus] == "Callable" and source.random() < 0.6:
            return f"{focus}({source.choice(list(types))})"
        places = _places_for(types[focus], is_any=source.random() < 0.15)
        primitive, place = source.choice(places)
        names = [
            focus if k == place else self._typed_argument(source, primitive, k, types)
            for k in range(primitive.arity)
        ]
        return f"{primitive.name}({', '.join(names)})"

    def _typed_argument(
        self, source: random.Random, primitive: Primitive, k: int, types: dict[str, str]
    ) -> str:
        wanted = primitive.parameters[k].type
        variables = [name for name, given in types.items() if given in ACCEPTED_TYPES[wanted]]
        if variables and source.random() < 0.6:
            return source.choice(variables)
        if wanted == "Callable":
            can_call = primitive.parameters[k].can_call
            return source.choice([p.name for p in _PRIMITIVES if can_call(p.arity)])
        names = [name for name, c in CONSTANTS.items() if c.type in ACCEPTED_TYPES[wanted]]
        if wanted == "Any" and source.random() < 0.2:
            names = list(PRIMITIVES)
        # Nothing fits a container before a line has made one: any variable, which may fail.
        return source.choice(names or variables or list(types))

    def _untyped(self, source: random.Random, grid: Grid) -> tuple[Program, int]:
        """A program of arguments that are anything, and how many lines, the first ones, make
        hostile values. Most lines but the last are drawn until one runs on the grid, so that what
        comes after is reached."""
        lines, _ = self._values(source)
        num_values = len(lines)
        num_lines = len(lines) + source.choice((1, 2, 3, 4, 6))
        while len(lines) < num_lines:
            bound = [line.split(" = ")[0] for line in lines]
            is_last = len(lines) + 1 == num_lines
            name = "O" if is_last else f"x{len(lines) + 1}"
            if not is_last and source.random() < 0.02:
                name = source.choice(list(CONSTANTS))
            primitive = source.choice(_PRIMITIVES)
            function, arity = primitive.name, primitive.arity
            if bound and source.random() < 0.1:
                function, arity = source.choice(bound), source.choice((1, 1, 2, 3))
            elif source.random() < 0.04:
                arity = source.randint(1, 4)
            itself = [name] if source.random() < 0.01 else []
            names = [self._anything(source, bound + itself) for _ in range(arity)]
            line = f"{name} = {function}({', '.join(names)})"
            is_good = self._runs(lines, line, grid) or source.random() < (0.3 if is_last else 0.03)
            if is_good and parse_lines(
                [*lines, line] if is_last else [*lines, line, _END], self._dialect
            ):
                lines.append(line)
        return Program.parse("\n".join(lines), self._dialect), num_values

    def _anything(self, source: random.Random, bound: list[str]) -> str:
        kind = source.random()
        if bound and kind < 0.5:
            return source.choice(bound)
        if kind < 0.65:
            return "I"
        return source.choice(list(CONSTANTS if kind < 0.9 else PRIMITIVES))

    def _runs(self, lines: list[str], line: str, grid: Grid) -> bool:
        """Whether the line is text of the language that can follow and returns something."""
        program = parse_lines([*lines, "O = " + line.split(" = ")[1]], self._dialect)
        return program is not None and run(program, grid, _GROWTH).outcome == Outcome.ok
