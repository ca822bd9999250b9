"""Compares the native machine with a second evaluator on random programs.

Four kinds of programs are drawn: typed ones, grown line by line; mutants of the seed programs;
untyped ones, whose arguments are anything; and calls of one primitive with hostile values. The
reference is the oracle of a checkout (`tests/oracle`) or the original functions as plain Python.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from codeit.execution.executor import Limits, run
from codeit.execution.results import Outcome, Result
from codeit.fuzzing.programs import KINDS, Generator, parse_lines
from codeit.fuzzing.references import (
    MAX_STEPS,
    ORACLE,
    End,
    Reference,
    load_functions,
    load_oracle,
)
from codeit.grids import Grid
from codeit.language import PRIMITIVES, Program
from codeit.language.program import Dialect, is_arc_dsl
from codeit.terminal import add_row, plain, say
from codeit.terminal.progress import phase

__all__ = [
    "KINDS",
    "LIMITS",
    "MAX_STEPS",
    "ORACLE",
    "VERDICTS",
    "Difference",
    "End",
    "Reference",
    "Tally",
    "fuzz",
    "fuzz_on_console",
    "load_functions",
    "load_oracle",
    "native_end",
]

LIMITS = Limits(fuel=800_000, max_bytes=64 << 20)
"""What a compared run may use."""
VERDICTS = ("equal", "limit", "not determined", "different")

_CHEAP_STEPS = 5_000
"""What takes the reference so few steps is no reason for the machine to end at LIMITS: of a set,
the dearest thing, it could add four times as many elements."""
_CALLERS = {
    primitive.name
    for primitive in PRIMITIVES.values()
    if any(parameter.called_with for parameter in primitive.parameters)
}
_NATIVE_LIMITS = (
    Outcome.recursion,
    Outcome.out_of_fuel,
    Outcome.out_of_memory,
    Outcome.integer_overflow,
)


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
        on_difference: told of each difference, shrunk, as it is found; of those that shrink to
            the same program only the first.
    Raises:
        ValueError: num_programs is below 1, or an unknown dialect.
    """
    if num_programs < 1:
        raise ValueError(f"programs is {num_programs}; at least 1 is needed")
    is_arc_dsl(dialect)
    generator = Generator(dialect)
    tally = Tally()
    known: set[Program] = set()
    for k in range(num_programs):
        kind, program, grids = generator.draw(random.Random(f"{seed} {k}"))
        for grid in grids:
            verdict, _, _ = _compare(program, grid, reference)
            tally.runs[kind, verdict] += 1
            if verdict != "different":
                continue
            smallest = _shrink(program, grid, reference)
            _, native, other = _compare(smallest, grid, reference)
            found = Difference(kind, dialect, k, smallest.text, grid.tolist(), native, other)
            if smallest not in known:
                known.add(smallest)
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
            say(console, *_reproduction(difference).split("\n"))
            if file:
                file.write(json.dumps(difference.to_json()) + "\n")
                file.flush()

        say(console, f"seed {seed}, dialect {dialect}")
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
        add_row(table, kind or "all", *(f"{n:,}" for n in (programs, sum(counts), *counts)))
    table.caption = plain(
        "limit: a run ended at a limit of one side; not determined: the order of a set was used "
        "that CPython leaves to the addresses of functions",
        "table.caption",
    )
    table.caption_justify = "left"
    return table


# ---- Comparing


def _compare(program: Program, grid: Grid, reference: Reference) -> tuple[str, End, End]:
    """One of VERDICTS, and the two ends."""
    result = run(program, grid, LIMITS)
    native = native_end(result)
    if native.is_limit:
        other = _end_below_limits(program, grid, result, reference)
    else:
        other = reference(program.text, grid, MAX_STEPS)
    if other.is_limit:
        return "limit", native, other
    if not other.is_determined:
        return "not determined", native, other
    is_equal = native.exception == other.exception and repr(native.value) == repr(other.value)
    is_equal = is_equal and not native.is_limit
    return "equal" if is_equal else "different", native, other


def _end_below_limits(program: Program, grid: Grid, result: Result, reference: Reference) -> End:
    """How a run ends that has no reason to end at the limit at which the machine did; a limit where
    it has one, or may have."""
    if result.outcome in (Outcome.out_of_fuel, Outcome.out_of_memory):
        return reference(program.text, grid, _CHEAP_STEPS)
    if result.outcome == Outcome.integer_overflow:
        # A line whose value has 64 bits, as all before it have. A function that it calls may have
        # returned one of more.
        lines = _first_lines(program, result.line)
        calls = program.text.split("\n")[result.line - 1].split(" = ")[1].split("(")[0]
        if lines is not None and calls in PRIMITIVES and calls not in _CALLERS:
            end = reference(lines.text, grid, MAX_STEPS)
            return End(is_limit=True) if end.exception else end
    return End(is_limit=True)


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
    """The first lines that disagree on their own, without those that this does not need."""

    def is_different(candidate: Program | None) -> bool:
        return candidate is not None and _compare(candidate, grid, reference)[0] == "different"

    for k in range(1, len(program)):
        start = _first_lines(program, k)
        if start is not None and is_different(start):
            program = start
            break
    for k in range(len(program) - 1, -1, -1):
        smaller = _without_line(program, k)
        if smaller is not None and is_different(smaller):
            program = smaller
    return program


def _first_lines(program: Program, count: int) -> Program | None:
    """The program that returns the value of one of its lines."""
    lines = program.text.split("\n")[:count]
    lines[-1] = "O = " + lines[-1].split(" = ")[1]
    return parse_lines(lines, program.dialect)


def _without_line(program: Program, k: int) -> Program | None:
    """The program without a line that none of the others mentions, or None."""
    lines = program.text.split("\n")
    del lines[k]
    return parse_lines(lines, program.dialect)
