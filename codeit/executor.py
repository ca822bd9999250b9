"""Runs programs on grids: one on one, or every one of many on every one of many, over threads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from enum import IntEnum
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from codeit import broken_runs
from codeit._native import vm
from codeit.dsl import PRIMITIVES, Program
from codeit.dsl.program import Dialect, is_arc_dsl

# Shape letters: P programs, I inputs, H rows, W columns.

Grid = npt.NDArray[np.uint8]

MAX_PRINTED_VALUES = 1_000_000
"""How many values `Result.value_json` writes at most; a small shared one can stand for 2^40."""

MAX_THREADS = 4096
"""How many threads run at most, however many are asked for."""

_MAX_GRID_TEXT = 30 * (30 * len(",false") + len(',["t"]')) + len('["t"]')
_UNREADABLE = object()
_ROWS = vm.outcome_table()


class Outcome(IntEnum):
    """How a run ended: 0 is success, then CPython's exceptions, then the limits of the machine."""

    ok = 0
    type_error = 1
    value_error = 2
    index_error = 3
    key_error = 4
    attribute_error = 5
    stop_iteration = 6
    runtime_error = 7
    zero_division = 8
    overflow = 9
    name_error = 10
    recursion = 11
    out_of_fuel = 12
    out_of_memory = 13
    integer_overflow = 14
    internal_error = 15

    @property
    def exception(self) -> str | None:
        """The name of the exception that CPython would have raised, or None."""
        return _ROWS[self][1] or None

    @property
    def message(self) -> str:
        """What happened, in half a sentence."""
        return _ROWS[self][2]


@dataclass(frozen=True)
class Limits:
    """What one run may use. All are counts, so that a verdict is the same on every machine."""

    fuel: int = 33_000_000
    """Work, charged before it is done. A unit takes one to one and a half nanoseconds at
    worst where the charges were measured (benchmarks/bench_worst.py), so that a run ends within
    about 50 ms there; cheap things, such as calls of small functions, take less. The dearest of
    7,000 recorded mutants that CPython finishes needs 31 million, the 400 solver programs on their
    own grids at most 860,000. For a search, 500,000 is plenty."""
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

    def __post_init__(self) -> None:
        bounds = {
            "fuel": (0, 1 << 62),
            "max_bytes": (1 << 12, 32 << 30),
            "max_depth": (1, 4_000),
            "max_len": (1, (1 << 32) - 1),
        }
        for field in fields(self):
            value = getattr(self, field.name)
            least, most = bounds[field.name]
            if field.name == "max_len" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{field.name} is {value!r}; an int is needed")
            if not least <= value <= most:
                raise ValueError(f"{field.name} is {value}; allowed are {least} to {most}")

    def _native(self) -> tuple[int, int, int, int]:
        fuel, max_bytes, max_depth, max_len = astuple(self)
        return fuel, max_bytes, max_depth, max_len or 0


class Result:
    """What one program did on one input.

    Attributes:
        outcome: how it ended.
        fuel: units used.
        grid: the returned value as a uint8 array [H, W] when it is a valid grid (1 to 30 rows and
            columns of equal length, colors 0 to 9; True and False count as 1 and 0), else None.
    """

    __slots__ = ("_call", "_printed", "fuel", "grid", "outcome")

    def __init__(self, outcome: Outcome, fuel: int, grid: Grid | None, call: _Call) -> None:
        self.outcome = outcome
        self.fuel = fuel
        self.grid = grid
        self._call = call
        self._printed: tuple[int, list[str]] | None = None

    @property
    def exception(self) -> str | None:
        """The name of the exception that CPython would have raised, or None."""
        return self.outcome.exception

    @property
    def line(self) -> int:
        """The line on which the run ended, counted from 1."""
        return self._print()[0]

    def value_json(self) -> Any:
        """The returned value in canonical form.

        Ints, true, false and null for themselves, `["t", ...]` for a tuple, `["s", ...]` for a
        frozenset in iteration order, `"fn"` for a function. The program is run again to get it.

        Raises:
            ValueError: the run returned no value, or one of more than MAX_PRINTED_VALUES values, or
                one that is nested more deeply than Python's json reads (1,000 levels in 3.11).
        """
        if self.outcome != Outcome.ok:
            raise ValueError(f"there is no value: the run ended with {self.outcome.name}")
        (text,) = self._print()[1]
        value = _read_json(text)
        if value is _UNREADABLE:
            raise ValueError(
                f"the value has more than {MAX_PRINTED_VALUES} parts or is nested too deeply"
            )
        return value

    def _print(self) -> tuple[int, list[str]]:
        if self._printed is None:
            _, line, _, texts = self._call.run()
            self._printed = line, texts
        return self._printed

    def __repr__(self) -> str:
        shape = "" if self.grid is None else f", grid {self.grid.shape[0]}x{self.grid.shape[1]}"
        return f"Result({self.outcome.name}{shape}, fuel {self.fuel})"


@dataclass(frozen=True)
class _ProgramCall:
    """What it takes to run a program once more."""

    program: Program
    grid: Grid
    limits: Limits

    def run(self, all_lines: bool = False) -> tuple[int, int, int, list[str]]:
        native = self.limits._native()
        return vm.run_and_print_one(self.program, self.grid, native, all_lines, MAX_PRINTED_VALUES)

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

    def run(self) -> tuple[int, int, int, list[str]]:
        return vm.call_and_print_one(
            is_arc_dsl(self.dialect),
            PRIMITIVES[self.name].opcode,
            self.code,
            len(self.arguments),
            self.limits._native(),
            MAX_PRINTED_VALUES,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "primitive": self.name,
            "dialect": self.dialect,
            "arguments": self.arguments,
            "limits": asdict(self.limits),
        }


_Call = _ProgramCall | _PrimitiveCall


@dataclass(frozen=True)
class _Runs:
    """The flat arrays that the native code returns, of all groups."""

    outcome: npt.NDArray[np.uint8]
    fuel: npt.NDArray[np.int64]
    height: npt.NDArray[np.uint8]
    width: npt.NDArray[np.uint8]
    cells_begin: npt.NDArray[np.uint64]
    cells: npt.NDArray[np.uint8]


class Results:
    """What P programs did on I inputs. `results[p, i]` is one Result.

    Attributes:
        outcome: uint8 [P, I], codes of Outcome.
        fuel: int64 [P, I], units used.
        height, width: uint8 [P, I], the shape of the returned grid, 0 where it is no valid grid.
    """

    __slots__ = ("_begin", "_grids", "_limits", "_programs", "_runs")

    def __init__(
        self,
        programs: Sequence[Program],
        grids: Sequence[Grid],
        limits: Limits,
        runs: _Runs,
        begin: int,
    ) -> None:
        # Arrays are made when they are asked for: many groups are of few runs.
        self._programs = programs
        self._grids = grids
        self._limits = limits
        self._runs = runs
        self._begin = begin  # the first run of this group

    @property
    def outcome(self) -> npt.NDArray[np.uint8]:
        return self._part(self._runs.outcome)

    @property
    def fuel(self) -> npt.NDArray[np.int64]:
        return self._part(self._runs.fuel)

    @property
    def height(self) -> npt.NDArray[np.uint8]:
        return self._part(self._runs.height)

    @property
    def width(self) -> npt.NDArray[np.uint8]:
        return self._part(self._runs.width)

    @property
    def shape(self) -> tuple[int, int]:
        """(P, I)"""
        return len(self._programs), len(self._grids)

    def grid(self, p: int, i: int) -> Grid | None:
        """What program p returned on input i, uint8 [H, W], or None if it is no valid grid."""
        runs = self._runs
        k = self._index(p, i)
        height, width = int(runs.height[k]), int(runs.width[k])
        if height == 0:
            return None
        begin = int(runs.cells_begin[k])
        return runs.cells[begin : begin + height * width].reshape(height, width)

    def __getitem__(self, index: tuple[int, int]) -> Result:
        p, i = index
        call = _ProgramCall(self._programs[p], self._grids[i], self._limits)
        k = self._index(p, i)
        outcome = Outcome(int(self._runs.outcome[k]))
        return Result(outcome, int(self._runs.fuel[k]), self.grid(p, i), call)

    def __iter__(self) -> Iterator[Result]:
        raise TypeError("Results has two dimensions; index it as results[p, i]")

    def match(self, targets: Sequence[npt.ArrayLike | None]) -> npt.NDArray[np.bool_]:
        """Which results equal the grid wanted for their input.

        Args:
            targets: I grids, or None where nothing can match.
        Returns:
            bool [P, I].
        Raises:
            ValueError: there are not I targets, or one of them is ragged.
        """
        if len(targets) != len(self._grids):
            raise ValueError(f"{len(targets)} targets for {len(self._grids)} inputs")
        matches = np.zeros(self.shape, dtype=bool)
        heights, widths, begins = self.height, self.width, self._part(self._runs.cells_begin)
        for i, target in enumerate(targets):
            if target is None:
                continue
            try:
                wanted = np.asarray(target)
            except ValueError:
                raise ValueError(f"target {i}: its rows have different lengths") from None
            if wanted.ndim != 2 or wanted.size == 0:  # a height of 0 stands for no grid
                continue
            is_shaped = (heights[:, i] == wanted.shape[0]) & (widths[:, i] == wanted.shape[1])
            rows = np.flatnonzero(is_shaped)
            cells = begins[rows, i][:, None] + np.arange(wanted.size, dtype=np.uint64)
            matches[rows, i] = (self._runs.cells[cells] == wanted.ravel()).all(axis=1)
        return matches

    def _part(self, of_runs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        num_programs, num_inputs = self.shape
        end = self._begin + num_programs * num_inputs
        return of_runs[self._begin : end].reshape(num_programs, num_inputs)

    def _index(self, p: int, i: int) -> int:
        num_programs, num_inputs = self.shape
        return self._begin + range(num_programs)[p] * num_inputs + range(num_inputs)[i]

    def __repr__(self) -> str:
        num_ok = int((self.outcome == Outcome.ok).sum())
        return f"Results({self.shape[0]} programs x {self.shape[1]} inputs, {num_ok} ok)"


def run(program: Program, grid: npt.ArrayLike, limits: Limits | None = None) -> Result:
    """Run one program on one grid.

    Args:
        program: what to run.
        grid: rows of colors 0 to 9, [H, W].
        limits: what the run may use; the defaults of Limits when omitted.
    Returns:
        The result. Its value and line are worked out when they are asked for, by another run on the
        same grid: an array must not be changed as long as its results are in use.
    Raises:
        ValueError: the grid is not rectangular, empty, or holds something else than colors.
    """
    return execute([program], [grid], threads=1, limits=limits)[0, 0]


def execute(
    programs: Iterable[Program],
    grids: Iterable[npt.ArrayLike],
    threads: int | None = None,
    limits: Limits | None = None,
) -> Results:
    """Run every program on every grid. The results do not depend on the number of threads.

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
        TypeError: a program is no Program, or threads is no int.
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

    Args:
        groups: pairs of programs and grids, as `execute` takes them.
        threads, limits: as in `execute`.
        share: whether the lines that programs of a group begin with in common run only once on a
            grid. The results are the same, fuel included; for measuring.
    Returns:
        The Results of each group.
    Raises:
        As `execute`; programs and grids are counted within their group.
    """
    listed = [(list(programs), list(grids)) for programs, grids in groups]
    if threads is None:
        threads = num_usable_cores()
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)):
        raise TypeError(f"threads is {threads!r}; an int is needed")
    if threads < 1:
        raise ValueError(f"threads is {threads}; at least 1 is needed")
    limits = limits or Limits()
    threads = int(min(threads, MAX_THREADS))
    runs = _Runs(*vm.run_groups(listed, limits._native(), threads, share, _input_grid))
    results = []
    begin = 0
    for programs, grids in listed:  # arrays by now
        results.append(Results(programs, cast("list[Grid]", grids), limits, runs, begin))
        begin += len(programs) * len(grids)
    if (runs.outcome == Outcome.internal_error).any():
        _save_broken(results)
    return results


def _save_broken(results: Sequence[Results]) -> None:
    broken = [
        _ProgramCall(part._programs[p], part._grids[i], part._limits).to_json()
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

    Returns:
        The result, and the value of each line that was reached, in canonical form (see
        Result.value_json); None also stands for a line that bound nothing, and for a value that
        value_json would refuse.
    Raises:
        ValueError: as `run`.
    """
    result = run(program, grid, limits)
    call = result._call
    assert isinstance(call, _ProgramCall)
    values = map(_read_json, call.run(all_lines=True)[3])
    return result, [None if value is _UNREADABLE else value for value in values]


def call(
    name: str, arguments: Sequence[Any], dialect: Dialect = "codeit", limits: Limits | None = None
) -> Result:
    """Run one primitive on arguments in canonical form.

    Args:
        name: the primitive.
        arguments: as `Result.value_json` gives values; `["s", ...]` is a set into which its items
            are inserted one by one, `{"fn": name}` a primitive, and `{"fn": [name, argument, ...]}`
            what a primitive returns for those arguments (a closure).
        dialect: which variant of the primitive is meant.
        limits: what the call may use; the defaults of Limits when omitted.
    Raises:
        ValueError: an unknown primitive, or an argument that is no value.
    """
    _check_primitive(name)
    limits = limits or Limits()
    code: list[int] = []
    try:
        for argument in arguments:
            _encode(argument, code)
    except RecursionError:
        raise ValueError("an argument is nested too deeply") from None
    code.append(0)  # not part of it; keeps the array non-empty
    encoded = np.array(code, dtype=np.int64)
    call = _PrimitiveCall(name, arguments, dialect, encoded, limits)
    outcome, _, fuel, texts = call.run()
    if outcome == Outcome.internal_error:
        broken_runs.save([call.to_json()])
    result = Result(Outcome(outcome), fuel, _grid_of(texts[0]) if texts else None, call)
    return result


def _check_primitive(name: object) -> None:
    if not isinstance(name, str) or name not in PRIMITIVES:
        raise ValueError(f"there is no primitive {name!r}; codeit.dsl.PRIMITIVES lists them")


def _encode(value: Any, code: list[int]) -> None:
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
            _encode(item, code)
    elif isinstance(value, dict) and value.keys() == {"fn"}:
        function = value["fn"]
        if isinstance(function, list) and function:
            name, *parts = function
            _check_primitive(name)
            code += (6, PRIMITIVES[name].opcode, len(parts))
            for part in parts:
                _encode(part, code)
        else:
            _check_primitive(function)
            code += (5, PRIMITIVES[function].opcode)
    else:
        raise ValueError(f"{value!r} is no value in canonical form")


def _read_json(text: str) -> Any:
    """The value that a canonical text stands for, or _UNREADABLE."""
    try:
        return json.loads(text) if text else _UNREADABLE
    except RecursionError:
        return _UNREADABLE


def _grid_of(text: str) -> Grid | None:
    """The grid that a value in canonical text is, or None."""
    value = _read_json(text) if len(text) <= _MAX_GRID_TEXT else None
    if not isinstance(value, list) or value[0] != "t" or not 1 <= len(value) - 1 <= 30:
        return None
    rows = value[1:]
    if not all(isinstance(row, list) and row[0] == "t" for row in rows):
        return None
    widths = {len(row) - 1 for row in rows}
    items = [item for row in rows for item in row[1:]]
    is_valid = len(widths) == 1 and all(isinstance(v, int) and 0 <= v <= 9 for v in items)
    if not is_valid or not 1 <= widths.pop() <= 30:
        return None
    return np.array([row[1:] for row in rows], dtype=np.uint8)


def _input_grid(grid: npt.ArrayLike, k: int) -> Grid:
    """A grid as the native code takes it: uint8, C-contiguous, checked."""
    try:
        array = np.asarray(grid)
    except ValueError:
        raise ValueError(f"grid {k}: its rows have different lengths") from None
    if array.ndim != 2 or array.size == 0 or max(array.shape) > vm.MAX_SIDE:
        raise ValueError(
            f"grid {k}: shape {array.shape}; two dimensions of 1 to {vm.MAX_SIDE} are needed"
        )
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"grid {k}: items of type {array.dtype}; ints are needed")
        if array.min() < 0:
            i, j = np.argwhere(array < 0)[0]
            raise ValueError(f"grid {k}: {array[i, j]} at row {i}, column {j}; colors are 0 to 9")
    if array.max() > 9:
        i, j = np.argwhere(array > 9)[0]
        raise ValueError(f"grid {k}: {array[i, j]} at row {i}, column {j}; colors are 0 to 9")
    return np.ascontiguousarray(array, dtype=np.uint8)
