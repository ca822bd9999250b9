"""Runs programs on grids: one on one, or every one of many on every one of many, over threads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from codeit._native import vm
from codeit.execution import broken_runs
from codeit.execution.results import (
    MAX_PRINTED_VALUES,
    UNREADABLE,
    Outcome,
    Result,
    Results,
    Runs,
    bytes_of,
    grid_of,
    read_json,
)
from codeit.grids import Grid, check_grid
from codeit.language import Language, Program, current
from codeit.language.program import Dialect, is_arc_dsl
from codeit.ranges import integer, is_integer, listed, nearest_name, shown

# Shape letters: P programs, I inputs, H rows, W columns.

MAX_FUEL = vm.LIMIT_RANGES["fuel"][1]
"""The most that `Limits.fuel` may be."""
MAX_THREADS = 4096
"""How many threads run at most, however many are asked for."""

BATCH_FUEL = 33_000_000
"""What each run of a batch may use by default. Its programs are sampled or mutated, many of them do
nothing but waste, and this is what one of those costs at most: 70 ms."""

SINGLE_FUEL = 1_000_000_000
"""What the run of a single program, which somebody has written, may use by default: two seconds at
worst, which Ctrl-C ends."""


@dataclass(frozen=True)
class Limits:
    """What one run may use. All are counts, so that a verdict is the same on every machine; no
    verdict depends on `kept_bytes`.

    Examples:
        >>> import codeit
        >>> program = codeit.Program.parse("O = hmirror(I)")
        >>> codeit.run(program, [[1, 2]], codeit.Limits(fuel=1)).outcome.name
        'out_of_fuel'

    Raises:
        ValueError: a limit is out of its range; the message names it, the value and the range.
    """

    fuel: int = BATCH_FUEL
    """Work, charged before it is done: a cell or a value is a unit, dearer things are more. A unit
    takes two nanoseconds at worst (benchmarks/bench_worst.py), half of that or less as a rule. What
    honest programs need: the 400 solvers of arc-dsl at most 860,000 on their own grids; the 400
    verifiers of re-arc on 3,200 generated inputs 7,000 in the middle, 1.3 million at the 99th of
    100, more than 33 million once (60 million); the dearest of 27,324 recorded runs of mutants 31
    million. The default is for batches, BATCH_FUEL; a single run gets SINGLE_FUEL, 16 times what
    the dearest of these needs (`codeit run --fuel`). For a search, 500,000 is plenty."""
    max_bytes: int = 512 << 20
    """Memory for the values of a run, which are kept until it ends. Reserved as address space and
    touched as needed: half of the solver programs use less than 6 kB. Six bytes cost a unit of
    fuel, so that with the default fuel no run touches more than 200 MB."""
    max_depth: int = 997
    """Nested calls, counted as CPython 3.11 counts frames, at its default recursion limit. The most
    that is allowed, 4,000, fits a stack of 8 MB in every build, the sanitized ones included."""
    max_len: int | None = None
    """None, or the state-size rule of the original harness, which used 1000: a value of this length
    or more is not bound to its name, so that using it later is a NameError."""
    kept_bytes: int = 64 << 20
    """How much of the memory that a run has touched a thread keeps for its next one, at most; the
    rest goes back to the system. A run that touches memory anew waits for the system to clear
    it (docs/design/costs.md): more is for many hungry programs, less for many threads and
    little memory."""

    def __post_init__(self) -> None:
        # Not by codeit/validation.py: `import codeit` loads no pydantic, which takes long.
        for name, (least, most) in vm.LIMIT_RANGES.items():
            value = getattr(self, name)
            if name != "max_len" or value is not None:
                object.__setattr__(self, name, integer(name, value, least, most))

    def _native(self) -> tuple[int, int, int, int, int]:
        return self.fuel, self.max_bytes, self.max_depth, self.max_len or 0, self.kept_bytes


SINGLE_LIMITS = Limits(fuel=SINGLE_FUEL)
"""What `run`, `trace` and `codeit.call` allow when they are not told."""


def checked_limits(limits: Limits | None, default: Limits | None = None) -> Limits:
    """The limits; for None the default, or else Limits().

    Raises:
        TypeError: they are something else.
    """
    if limits is None:
        return default or Limits()
    if not isinstance(limits, Limits):
        raise TypeError(f"limits is {shown(limits)}; a codeit.Limits is needed, or None")
    return limits


@dataclass(frozen=True)
class _ProgramCall:
    """What it takes to run a program once more."""

    program: Program
    grid: Grid
    limits: Limits

    def run(self, all_lines: bool = False) -> tuple[int, int, int, list[str]]:
        native = self.limits._native()
        return vm.run_and_print_one(self.program, self.grid, native, all_lines, MAX_PRINTED_VALUES)

    def key(self) -> tuple[Any, ...]:
        """What the run depends on."""
        return self.program, bytes_of(self.grid), self.limits

    def to_json(self) -> dict[str, Any]:
        return {
            "program": self.program.text,
            "dialect": self.program.dialect,
            "grid": self.grid.tolist(),
            "limits": asdict(self.limits),
        }


@dataclass(frozen=True)
class _PrimitiveCall:
    name: str
    arguments: Sequence[Any]
    dialect: Dialect
    code: npt.NDArray[np.int64]
    limits: Limits
    language: Language

    def run(self) -> tuple[int, int, int, list[str]]:
        return vm.call_and_print_one(
            is_arc_dsl(self.dialect),
            self.language.primitives[self.name].opcode,
            self.code,
            len(self.arguments),
            self.limits._native(),
            MAX_PRINTED_VALUES,
            self.language,
        )

    def key(self) -> tuple[Any, ...]:
        """What the run depends on."""
        return self.name, self.dialect, self.code.tobytes(), self.limits, self.language.digest

    def to_json(self) -> dict[str, Any]:
        return {
            "primitive": self.name,
            "dialect": self.dialect,
            "arguments": self.arguments,
            "limits": asdict(self.limits),
        }


@dataclass(frozen=True)
class _ProgramCalls:
    """Every one of some programs on every one of some grids."""

    programs: Sequence[Program]
    grids: Sequence[Grid]
    limits: Limits

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.programs), len(self.grids)

    def call(self, p: int, i: int) -> _ProgramCall:
        return _ProgramCall(self.programs[p], self.grids[i], self.limits)


def run(program: Program, grid: npt.ArrayLike, limits: Limits | None = None) -> Result:
    """Run one program on one grid.

    Examples:
        >>> import codeit
        >>> program = codeit.Program.parse("x1 = hmirror(I)\\nO = vconcat(I, x1)")
        >>> result = codeit.run(program, [[1, 2], [3, 4]])
        >>> result.outcome.name, result.grid.tolist()
        ('ok', [[1, 2], [3, 4], [3, 4], [1, 2]])

    Args:
        program: what to run.
        grid: rows of colors 0 to 9, [H, W].
        limits: what the run may use; SINGLE_LIMITS when omitted.
    Returns:
        The result. Its value and line are worked out when they are asked for, by another run on the
        same grid: an array must not be changed as long as its results are in use.
    Raises:
        ValueError: the grid is not rectangular, empty, or holds something else than colors.
        TypeError: limits are no Limits.
    """
    limits = checked_limits(limits, SINGLE_LIMITS)
    return execute([program], [grid], threads=1, limits=limits)[0, 0]


def execute(
    programs: Iterable[Program],
    grids: Iterable[npt.ArrayLike],
    threads: int | None = None,
    limits: Limits | None = None,
) -> Results:
    """Run every program on every grid. The results do not depend on the number of threads.

    Examples:
        >>> import codeit
        >>> programs = [codeit.Program.parse(f"O = {name}(I)") for name in ("hmirror", "first")]
        >>> results = codeit.execute(programs, [[[1], [2]], [[3]]])
        >>> results.match([[[2], [1]], [[3]]]).tolist()
        [[True, True], [False, False]]

    Args:
        programs: P programs.
        grids: I grids, rows of colors 0 to 9, [H, W] each.
        threads: how many; all that this process may use when omitted.
        limits: what each single run may use; the defaults of Limits when omitted.
    Returns:
        The results. As with `run`, arrays must not be changed as long as they are in use.
    Raises:
        KeyboardInterrupt, or what the handler of another signal raises: about a twentieth of a
            second after the signal; there are no results then. Python handles signals on its main
            thread alone: what was called on another one goes on to its end.
        TypeError: programs or grids are no iterables, a program is no Program, threads is no int,
            or limits are no Limits.
        ValueError: a grid is bad (the message counts grids from 0), or threads is below 1.
        MemoryError: there is no memory for the results.
    """
    return execute_groups([(programs, grids)], threads, limits)[0]


def execute_groups(
    groups: Iterable[tuple[Iterable[Program], Iterable[npt.ArrayLike]]],
    threads: int | None = None,
    limits: Limits | None = None,
    share: bool = True,
) -> list[Results]:
    """Run the programs of each group on the grids of the same group, all groups in one batch.

    Examples:
        >>> import codeit
        >>> programs = [codeit.Program.parse(f"O = {name}(I)") for name in ("hmirror", "vmirror")]
        >>> groups = [(programs, [[[1, 2]]]), (programs[:1], [[[1]], [[2]]])]
        >>> [results.shape for results in codeit.execute_groups(groups)]
        [(2, 1), (1, 2)]

    Args:
        groups: pairs of programs and grids, as `execute` takes them.
        threads, limits: as in `execute`.
        share: whether the lines that programs of a group begin with in common run only once on a
            grid. The results are the same, fuel included; for measuring.
    Returns:
        The Results of each group.
    Raises:
        ValueError, TypeError, KeyboardInterrupt: as `execute`; programs and grids are counted
            within their group.
    """
    pairs = list(groups)
    try:
        lists = [(list(some), list(grids)) for some, grids in pairs]
    except TypeError:  # `listed` says of what; to ask it for each group takes longer than a run
        lists = [(listed("programs", some), listed("grids", grids)) for some, grids in pairs]
    if threads is None:
        threads = num_usable_cores()
    if not is_integer(threads):
        raise TypeError(f"threads is {shown(threads)}; an int is needed")
    if threads < 1:
        raise ValueError(f"threads is {threads}; at least 1 is needed")
    limits = checked_limits(limits)
    threads = int(min(threads, MAX_THREADS))
    arrays = vm.run_groups(lists, limits._native(), threads, share, _input_grid)
    for array in arrays:
        array.flags.writeable = False
    runs = Runs(*arrays)
    results = []
    begin = 0
    for programs, grids in lists:  # arrays by now
        calls = _ProgramCalls(programs, cast("list[Grid]", grids), limits)
        results.append(Results(calls, runs, begin))
        begin += len(programs) * len(grids)
    if (runs.outcome == Outcome.internal_error).any():
        _save_broken(results)
    return results


def _save_broken(results: Sequence[Results]) -> None:
    broken = [
        part[p, i].call.to_json()
        for part in results
        for p, i in np.argwhere(part.outcome == Outcome.internal_error)
    ]
    broken_runs.save(broken)


def num_usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def trace(
    program: Program, grid: npt.ArrayLike, limits: Limits | None = None
) -> tuple[Result, list[Any]]:
    """Run one program on one grid and keep what every line returned.

    Examples:
        >>> import codeit
        >>> program = codeit.Program.parse("x1 = height(I)\\nO = canvas(THREE, UNITY)")
        >>> result, values = codeit.trace(program, [[1, 2]])
        >>> values
        [1, ['t', ['t', 3]]]

    Args:
        program, grid, limits: as in `run`.
    Returns:
        The result, and the value of each line that was reached, in canonical form (see
        Result.value_json); None also stands for a line that bound nothing, and for a value that
        value_json would refuse.
    Raises:
        ValueError: as `run`.
    """
    result = run(program, grid, limits)
    call = result.call
    assert isinstance(call, _ProgramCall)
    values = map(read_json, call.run(all_lines=True)[3])
    return result, [None if value is UNREADABLE else value for value in values]


def call_canonical(
    name: str, arguments: Sequence[Any], dialect: Dialect = "codeit", limits: Limits | None = None
) -> Result:
    """Run one primitive on arguments in canonical form; `codeit.call` takes Python's own values.

    Args:
        name: the primitive.
        arguments: as `Result.value_json` gives values; `["s", ...]` is a set into which its items
            are inserted one by one, `{"fn": name}` a primitive, and `{"fn": [name, argument, ...]}`
            what a primitive returns for those arguments (a closure).
        dialect: which variant of the primitive is meant.
        limits: what the call may use; SINGLE_LIMITS when omitted.
    Raises:
        ValueError: an unknown primitive, or an argument that is no value.
        TypeError: arguments are no iterable, or limits no Limits.
    """
    language = current()
    _check_primitive(name, language)
    limits = checked_limits(limits, SINGLE_LIMITS)
    arguments = listed("arguments", arguments)
    code: list[int] = []
    try:
        for argument in arguments:
            _encode(argument, code, language)
    except RecursionError:
        raise ValueError("an argument is nested too deeply") from None
    code.append(0)  # not part of it; keeps the array non-empty
    encoded = np.array(code, dtype=np.int64)
    call = _PrimitiveCall(name, arguments, dialect, encoded, limits, language)
    outcome, _, fuel, texts = call.run()
    if outcome == Outcome.internal_error:
        broken_runs.save([call.to_json()])
    result = Result(Outcome(outcome), fuel, grid_of(texts[0]) if texts else None, call)
    return result


def _check_primitive(name: object, language: Language) -> None:
    if not isinstance(name, str) or name not in language.primitives:
        near = nearest_name(name, language.primitives) if isinstance(name, str) else ""
        raise ValueError(
            f"there is no primitive {shown(name)}{near or '; `codeit dsl` lists them'}"
        )


def _encode(value: Any, code: list[int], language: Language) -> None:
    """Append a value in the flat form of csrc/vm/run.h."""
    if value is None:
        code.append(0)
    elif isinstance(value, bool):
        code += (2, int(value))
    elif isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise ValueError(f"the int {value} has more than 64 bits")
        code += (1, value)
    elif isinstance(value, list) and value and value[0] in ("t", "s"):
        code += (3 if value[0] == "t" else 4, len(value) - 1)
        for item in value[1:]:
            _encode(item, code, language)
    elif isinstance(value, dict) and value.keys() == {"fn"}:
        function = value["fn"]
        if isinstance(function, list) and function:
            name, *parts = function
            _check_primitive(name, language)
            code += (6, language.primitives[name].opcode, len(parts))
            for part in parts:
                _encode(part, code, language)
        else:
            _check_primitive(function, language)
            code += (5, language.primitives[function].opcode)
    else:
        raise ValueError(f"{shown(value)} is no value in canonical form")


def _input_grid(grid: npt.ArrayLike, k: int) -> Grid:
    """A grid as the native code takes it."""
    return check_grid(grid, f"grid {k}", vm.MAX_SIDE)
