"""Compares the native machine with a second evaluator on random programs.

Three kinds of programs are drawn: typed ones, grown line by line; mutants of the seed programs; and
untyped ones, whose arguments are anything. The reference is the oracle of a checkout
(`tests/oracle`) or the original functions as plain Python.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from codeit import arc
from codeit._native import vm
from codeit.dsl import CONSTANTS, PRIMITIVES, Primitive, Program, ProgramError, load_seed_programs
from codeit.dsl.program import Dialect, is_arc_dsl
from codeit.executor import Grid, Limits, Outcome, Result, run
from codeit.progress import phase

ORACLE = Path(__file__).parent.parent / "tests" / "oracle"
"""Where the oracle lies in a checkout."""
LIMITS = Limits(fuel=300_000, max_bytes=64 << 20)
"""What a compared run may use."""
KINDS = ("typed", "mutated", "untyped")
VERDICTS = ("equal", "limit", "not determined", "different")

_MAX_STEPS = 2_000_000  # of the oracle; about two seconds
_GROWTH = Limits(fuel=15_000, max_bytes=16 << 20)  # keeps programs cheap while they grow
_NUM_GRIDS = 3
_MAX_CELLS = 144
_MUTATION_WEIGHTS = (0.5, 0.25, 0.25, 0.5)
_NATIVE_LIMITS = (
    Outcome.recursion,
    Outcome.out_of_fuel,
    Outcome.out_of_memory,
    Outcome.integer_overflow,
)


@dataclass(frozen=True)
class End:
    """How a run ended: with a value in canonical form, with an exception, or at a limit.

    Attributes:
        is_determined: False when the order of a set was used that CPython leaves to addresses.
    """

    value: Any = None
    exception: str | None = None
    is_limit: bool = False
    is_determined: bool = True

    def to_json(self) -> dict[str, Any]:
        """In the form of the golden files."""
        if self.is_limit:
            return {"limit": True}
        return {"err": self.exception} if self.exception else {"ok": self.value}


Reference = Callable[[str, Grid], End]


@dataclass(frozen=True)
class Difference:
    """A smallest program found on which the two disagree."""

    kind: str
    dialect: Dialect
    number: int
    program: str
    grid: list[list[int]]
    native: End
    reference: End

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "dialect": self.dialect,
            "number": self.number,
            "program": self.program,
            "grid": self.grid,
            "native": self.native.to_json(),
            "reference": self.reference.to_json(),
        }


@dataclass
class Tally:
    """What was compared: programs by kind, runs by kind and verdict."""

    programs: Counter[str] = field(default_factory=Counter)
    runs: Counter[tuple[str, str]] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    @property
    def num_programs(self) -> int:
        return self.programs.total()

    def count(self, verdict: str, kind: str | None = None) -> int:
        """How many runs, of one kind of program or of all, had a verdict."""
        kinds = KINDS if kind is None else (kind,)
        return sum(self.runs[k, verdict] for k in kinds)


def fuzz(
    num_programs: int,
    seed: int,
    dialect: Dialect,
    reference: Reference,
    on_progress: Callable[[int], None] | None = None,
    on_difference: Callable[[Difference], None] | None = None,
) -> Tally:
    """Run random programs on a few grids each, natively and by the reference.

    Program k depends on the seed, the dialect and k alone.

    Args:
        on_progress: told how many programs are done.
        on_difference: told of each difference, shrunk, as it is found; of two that shrink to the
            same program and the same ends only the first.
    Raises:
        ValueError: num_programs is below 1, or an unknown dialect.
    """
    if num_programs < 1:
        raise ValueError(f"programs is {num_programs}; at least 1 is needed")
    is_arc_dsl(dialect)
    generator = _Generator(dialect)
    tally = Tally()
    known = set()
    for k in range(num_programs):
        kind, program, grids = generator.draw(random.Random(f"{seed} {k}"))
        for grid in grids:
            verdict, _, _ = _compare(program, grid, reference)
            tally.runs[kind, verdict] += 1
            if verdict != "different":
                continue
            program = _shrink(program, grid, reference)
            _, native, other = _compare(program, grid, reference)
            found = Difference(kind, dialect, k, program.text, grid.tolist(), native, other)
            key = (program.text, native.exception, other.exception)
            if key not in known:
                known.add(key)
                tally.differences.append(found)
                if on_difference:
                    on_difference(found)
        tally.programs[kind] += 1
        if on_progress:
            on_progress(tally.num_programs)
    return tally


def fuzz_on_console(
    num_programs: int,
    seed: int,
    dialect: Dialect,
    reference: Reference,
    out: Path | None,
    console: Console,
) -> Tally:
    """As `fuzz`, with a bar, each difference as it is found, and a table at the end.

    Args:
        out: a file to which differences are appended, one JSON object a line; None for none.
    Raises:
        ValueError: as `fuzz`.
        OSError: the file cannot be written.
    """
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(out.open("a", encoding="ascii")) if out else None

        def show(difference: Difference) -> None:
            console.print(_reproduction(difference), highlight=False, markup=False, soft_wrap=True)
            if file:
                file.write(json.dumps(difference.to_json()) + "\n")
                file.flush()

        console.print(f"seed {seed}, dialect {dialect}", highlight=False)
        advance_to = stack.enter_context(phase(console, "fuzz", num_programs, "programs"))
        tally = fuzz(num_programs, seed, dialect, reference, advance_to, show)
    console.print(_table(tally))
    return tally


def _reproduction(difference: Difference) -> str:
    return (
        f"\nDIFFERENT: program {difference.number} ({difference.kind}, {difference.dialect})\n"
        f"{difference.program}\n"
        f"grid       {json.dumps(difference.grid)}\n"
        f"native     {json.dumps(difference.native.to_json())}\n"
        f"reference  {json.dumps(difference.reference.to_json())}"
    )


def _table(tally: Tally) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for k, title in enumerate(("", "programs", "runs", *VERDICTS)):
        table.add_column(title, justify="left" if k == 0 else "right")
    for kind in (*KINDS, None):
        counts = [tally.count(verdict, kind) for verdict in VERDICTS]
        programs = tally.num_programs if kind is None else tally.programs[kind]
        table.add_row(kind or "all", *(f"{n:,}" for n in (programs, sum(counts), *counts)))
    table.caption = (
        "limit: a run ended at a limit of one side; not determined: a set of functions was "
        "iterated, whose order is that of addresses"
    )
    table.caption_justify = "left"
    return table


# ---- Comparing


def _compare(program: Program, grid: Grid, reference: Reference) -> tuple[str, End, End]:
    """One of VERDICTS, and the two ends."""
    native = native_end(run(program, grid, LIMITS))
    if native.is_limit:  # the reference might have to work for very long
        return "limit", native, End(is_limit=True)
    other = reference(program.text, grid)
    if other.is_limit:
        return "limit", native, other
    if not other.is_determined:
        return "not determined", native, other
    is_equal = native.exception == other.exception and repr(native.value) == repr(other.value)
    return "equal" if is_equal else "different", native, other


def native_end(result: Result) -> End:
    """How a native run ended; a value too large to be printed counts as a limit."""
    if result.outcome in _NATIVE_LIMITS:
        return End(is_limit=True)
    if result.outcome != Outcome.ok:
        return End(exception=result.exception or result.outcome.name)
    try:
        value = result.value_json()
    except ValueError:
        return End(is_limit=True)
    if result.grid is not None and result.grid.tolist() != [row[1:] for row in value[1:]]:
        return End(exception="a grid that differs from the printed value")
    return End(value)


def _shrink(program: Program, grid: Grid, reference: Reference) -> Program:
    """The program without the lines that the difference does not need."""
    k = len(program) - 1
    while k >= 0:
        smaller = _without_line(program, k)
        if smaller and _compare(smaller, grid, reference)[0] == "different":
            program = smaller
        k = min(k, len(program)) - 1
    return program


def _without_line(program: Program, k: int) -> Program | None:
    lines = program.text.split("\n")
    del lines[k]
    if not lines:
        return None
    lines[-1] = "O = " + lines[-1].split(" = ")[1]
    return _parse(lines, program.dialect)


def _parse(lines: Sequence[str], dialect: Dialect) -> Program | None:
    try:
        return Program.parse("\n".join(lines), dialect)
    except ProgramError:
        return None


# ---- References


def load_oracle(folder: Path, dialect: Dialect) -> Reference:
    """The evaluator in a folder as a reference.

    Raises:
        ValueError: there is no oracle in the folder.
    """
    oracle = _load_package(folder)

    def reference(text: str, grid: Grid) -> End:
        end = oracle.evaluate(text, grid.tolist(), dialect, _MAX_STEPS)
        return End(end.value, end.exception, end.is_limit, not end.has_ordered_functions)

    return reference


def _load_package(folder: Path) -> ModuleType:
    path = folder / "__init__.py"
    if not (path.is_file() and (folder / "program.py").is_file()):
        raise ValueError(
            f"there is no oracle in {folder}; pass --oracle DIR with tests/oracle of a checkout, "
            "or --arc-dsl DIR with the original functions"
        )
    name = "codeit_oracle"
    spec = importlib.util.spec_from_file_location(
        name, path, submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    for known in [key for key in sys.modules if key.split(".")[0] == name]:
        del sys.modules[known]
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def load_functions(folder: Path, dialect: Dialect, oracle: Path | None = None) -> Reference:
    """The original functions as a reference, run as plain Python.

    The programs are compiled and executed by Python itself; they are this file's own text, never a
    sampled one. The constants are those of the native table.

    Args:
        folder: holds dsl.py and arc_types.py.
        oracle: a folder with the oracle, which says of a difference whether it hangs on the
            addresses of functions or of None; without it such a difference is reported as one.
    Raises:
        ValueError: the folder has no such files, or dsl.py lacks a primitive.
    """
    functions = _load_definitions(folder)
    constants = {name: constant.value for name, constant in CONSTANTS.items()}
    second = _load_package(oracle) if oracle else None
    is_none_by_address = sys.version_info < (3, 12)

    def end_of(code: CodeType, grid: Grid) -> End:
        rows = tuple(tuple(row) for row in grid.tolist())
        names: dict[str, Any] = {**functions, **constants, "I": rows}
        try:
            exec(code, names)
            return _end_of_value(names["O"])
        except (RecursionError, MemoryError):
            return End(is_limit=True)
        except Exception as error:  # whatever a program may raise is its end
            return End(exception=type(error).__name__)

    def reference(text: str, grid: Grid) -> End:
        end = end_of(compile(text, "program", "exec"), grid)
        if second is None or end.is_limit:
            return end
        noted = second.evaluate(text, grid.tolist(), dialect, _MAX_STEPS)
        if (noted.exception, repr(noted.value)) == (end.exception, repr(end.value)):
            return end
        is_by_address = noted.has_ordered_functions or (
            is_none_by_address and noted.has_ordered_none
        )
        return End(end.value, end.exception, noted.is_limit, not is_by_address)

    return reference


def _load_definitions(folder: Path) -> dict[str, Any]:
    """The primitives of dsl.py, whose import of the types is replaced by arc_types.py."""
    for name in ("dsl.py", "arc_types.py"):
        if not (folder / name).is_file():
            raise ValueError(
                f"there is no {name} in {folder}; pass a folder with the original functions"
            )
    names: dict[str, Any] = {}
    for name in ("arc_types.py", "dsl.py"):
        path = folder / name
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        tree.body = [
            node
            for node in tree.body
            if not (isinstance(node, ast.ImportFrom) and str(node.module).endswith("arc_types"))
        ]
        exec(compile(tree, str(path), "exec"), names)
    missing = [name for name in PRIMITIVES if not callable(names.get(name))]
    if missing:
        raise ValueError(f"{folder / 'dsl.py'} does not define {', '.join(missing)}")
    return names


def _end_of_value(value: Any) -> End:
    try:
        return End(_to_canonical(value, [1_000_000]))
    except OverflowError:
        return End(is_limit=True)


def _to_canonical(value: Any, left: list[int]) -> Any:
    """A value of CPython in canonical form.

    Args:
        left: how many parts it may have.
    Raises:
        OverflowError: it has more parts, or an int of more than 64 bits.
    """
    left[0] -= 1
    if left[0] < 0 or (isinstance(value, int) and not -(1 << 63) <= value < 1 << 63):
        raise OverflowError
    if isinstance(value, tuple | frozenset | set):
        tag = "t" if isinstance(value, tuple) else "s"
        return [tag, *(_to_canonical(item, left) for item in value)]
    return "fn" if callable(value) else value


# ---- Drawing programs

_SETS = {"FrozenSet", "IntegerSet", "Object", "Objects", "Indices", "IndicesSet"}
_TUPLES = {"Tuple", "TupleTuple", "Grid", "IntegerTuple", "Cell"}
_NARROWER = {
    "Integer": {"Boolean"},
    "Numerical": {"Boolean", "Integer", "IntegerTuple"},
    "Patch": {"Object", "Indices"},
    "Element": {"Object", "Grid"},
    "Piece": {"Grid", "Object", "Indices"},
    "FrozenSet": _SETS,
    "Tuple": _TUPLES,
    "TupleTuple": {"Grid"},
    "Container": _SETS | _TUPLES,
    "ContainerContainer": {"Objects", "IndicesSet", "Grid", "TupleTuple"},
}
_FUNCTION_ARITIES = {
    "papply": (2,),
    "mpapply": (2,),
    "prapply": (2,),
    "rbind": (2, 3),
    "lbind": (2, 3),
}


def _accepts(wanted: str, given: str) -> bool:
    return wanted in ("Any", given) or given in _NARROWER.get(wanted, ())


class _Generator:
    """Draws programs of the three kinds, with grids to run them on."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        tasks = {task.task_id: task for task in arc.load("arc1-training")}
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
        """The kind, a program, and grids."""
        kind = source.choice(KINDS)
        if kind == "mutated":
            program, grid = self._mutant(source)
        else:
            grid = self._grid(source)
            grow = self._typed if kind == "typed" else self._untyped
            program = grow(source, grid)
        return kind, program, [grid, *(self._grid(source) for _ in range(_NUM_GRIDS - 1))]

    def _grid(self, source: random.Random) -> Grid:
        if source.random() < 0.3:
            return source.choice(self._grids)
        height, width = source.randint(1, 7), source.randint(1, 7)
        colors = source.sample(range(10), source.randint(1, 4))
        weights = [source.random() ** 2 + 0.01 for _ in colors]
        cells = source.choices(colors, weights, k=height * width)
        return np.array(cells, dtype=np.uint8).reshape(height, width)

    def _mutant(self, source: random.Random) -> tuple[Program, Grid]:
        program, grid = source.choice(self._parents)
        for _ in range(source.choice((1, 1, 2, 3, 5))):
            parent = vm.MutationParent(program.compiled, grid, LIMITS._native())
            seeds = np.array([source.getrandbits(64)], dtype=np.uint64)
            (text,) = vm.mutate_many(parent, _MUTATION_WEIGHTS, seeds)
            mutant = _parse(text.split("\n"), self._dialect) if text else None
            program = mutant or program
        return program, grid

    def _typed(self, source: random.Random, grid: Grid) -> Program:
        """A program whose lines run on the grid, but for the last one now and then."""
        lines: list[str] = []
        types = {"I": "Grid"}
        program = None
        for k in range(1, source.choice((2, 4, 6, 9, 12)) + 1):
            for _ in range(8):
                line = self._typed_call(source, types)
                grown = _parse([*lines, f"O = {line}"], self._dialect)
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
            parent = vm.MutationParent(grown.compiled, grid, _GROWTH._native())
            types[f"x{k}"] = parent.types[-1]
            lines.append(f"x{k} = {line}")
        return program or Program.parse("O = identity(I)", self._dialect)

    def _typed_call(self, source: random.Random, types: dict[str, str]) -> str:
        functions = [name for name, type_ in types.items() if type_ == "Callable"]
        if functions and source.random() < 0.25:
            names = [source.choice(list(types)) for _ in range(source.choice((1, 1, 1, 2)))]
            return f"{source.choice(functions)}({', '.join(names)})"
        primitive = source.choice(_PRIMITIVES)
        names = [
            self._typed_argument(source, primitive, parameter.name, parameter.type, types)
            for parameter in primitive.parameters
        ]
        return f"{primitive.name}({', '.join(names)})"

    def _typed_argument(
        self,
        source: random.Random,
        primitive: Primitive,
        parameter: str,
        wanted: str,
        types: dict[str, str],
    ) -> str:
        variables = [name for name, given in types.items() if _accepts(wanted, given)]
        if variables and source.random() < 0.75:
            late = variables[-4:] if source.random() < 0.5 else variables
            return source.choice(late)
        if wanted == "Callable":
            is_outer = (primitive.name, parameter) == ("fork", "outer")
            arities = (2,) if is_outer else _FUNCTION_ARITIES.get(primitive.name, (1,))
            return source.choice([p.name for p in _PRIMITIVES if p.arity in arities])
        names = [name for name, c in CONSTANTS.items() if _accepts(wanted, c.type)]
        if wanted == "Any" and source.random() < 0.2:
            names = list(PRIMITIVES)
        # Nothing fits a container before a line has made one: any variable, which may fail.
        return source.choice(names or variables or list(types))

    def _untyped(self, source: random.Random, grid: Grid) -> Program:
        """A program of arguments that are anything. Most lines but the last are drawn until one
        runs on the grid, so that what comes after is reached."""
        num_lines = source.choice((1, 2, 3, 4, 6))
        lines: list[str] = []
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
            if is_good and _parse(
                [*lines, line] if is_last else [*lines, line, _END], self._dialect
            ):
                lines.append(line)
        return Program.parse("\n".join(lines), self._dialect)

    def _anything(self, source: random.Random, bound: list[str]) -> str:
        kind = source.random()
        if bound and kind < 0.5:
            return source.choice(bound)
        if kind < 0.65:
            return "I"
        return source.choice(list(CONSTANTS if kind < 0.9 else PRIMITIVES))

    def _runs(self, lines: list[str], line: str, grid: Grid) -> bool:
        """Whether the line is text of the language that can follow and returns something."""
        program = _parse([*lines, "O = " + line.split(" = ")[1]], self._dialect)
        return program is not None and run(program, grid, _GROWTH).outcome == Outcome.ok


_END = "O = identity(identity)"
_PRIMITIVES = tuple(PRIMITIVES.values())
