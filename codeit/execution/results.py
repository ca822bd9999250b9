"""How programs ended on inputs: one run, and a batch of them."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt

from codeit._native import vm
from codeit.execution.values import to_python
from codeit.grids import MAX_SIDE, Grid
from codeit.ranges import is_integer, listed, plain_array, shown

# Shape letters: P programs, I inputs, H rows, W columns.


MAX_PRINTED_VALUES = 1_000_000
"""How many values `Result.value_json` writes at most; a small shared one can stand for 2^40."""

_MAX_GRID_TEXT = MAX_SIDE * (MAX_SIDE * len(",false") + len(',["t"]')) + len('["t"]')
UNREADABLE = object()
"""In the place of a value that cannot be read."""
_ROWS = vm.outcome_table()


class Outcome(IntEnum):
    """How a run ended: 0 is success, then CPython's exceptions, then the limits of the machine.

    Examples:
        >>> import codeit
        >>> outcome = codeit.run(codeit.Program.parse("O = first(I)"), [[1, 2]]).outcome
        >>> outcome.name, codeit.Outcome.zero_division.exception
        ('ok', 'ZeroDivisionError')
    """

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
    primitive_error = 16

    @property
    def exception(self) -> str | None:
        """The name of the exception that CPython would have raised, or None."""
        return _ROWS[self][1] or None

    @property
    def message(self) -> str:
        """What happened, in half a sentence."""
        return _ROWS[self][2]


class Call(Protocol):
    """What it takes to run something once more."""

    def run(self) -> tuple[int, int, int, list[str]]:
        """Outcome, line, fuel, and the printed value or none."""

    def key(self) -> tuple[Any, ...]:
        """What the run depends on."""

    def to_json(self) -> dict[str, Any]:
        """All of it, for a report."""


class Calls(Protocol):
    """The calls of a batch."""

    @property
    def shape(self) -> tuple[int, int]:
        """(P, I)"""

    def call(self, p: int, i: int) -> Call:
        """The run of program p on input i."""


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Result:
    """What one program did on one input.

    Examples:
        >>> import codeit
        >>> result = codeit.run(codeit.Program.parse("O = asindices(I)"), [[1, 2]])
        >>> sorted(result.value), result.grid
        ([(0, 0), (0, 1)], None)

    Two are equal when they ended alike: outcome, fuel, line and value. A set's order counts; to
    compare values that are no grids, programs may run again.

    Attributes:
        outcome: how it ended.
        fuel: units used.
        grid: the returned value as a uint8 array [H, W] when it is a valid grid (1 to 30 rows and
            columns of equal length, colors 0 to 9; True and False count as 1 and 0), else None.
        call: what was run.
    """

    outcome: Outcome
    fuel: int
    grid: Grid | None
    call: Call
    _printed: tuple[int, list[str]] | None = None

    @property
    def exception(self) -> str | None:
        """The name of the exception that CPython would have raised, or None."""
        return self.outcome.exception

    @property
    def line(self) -> int:
        """The line on which the run ended, counted from 1."""
        return self._print()[0]

    @property
    def value(self) -> Any:
        """The returned value as Python's own, as `codeit.call` returns it; a grid is a tuple of
        rows.

        Raises:
            ValueError: as `value_json`; or the value holds a function.
        """
        return to_python(self.value_json())

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
        value = read_json(text)
        if value is UNREADABLE:
            raise ValueError(
                f"the value has more than {MAX_PRINTED_VALUES} parts or is nested too deeply"
            )
        return value

    def _print(self) -> tuple[int, list[str]]:
        printed = self._printed
        if printed is None:
            _, line, _, texts = self.call.run()
            printed = line, texts
            object.__setattr__(self, "_printed", printed)
        return printed

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Result):
            return NotImplemented
        if self._key() != other._key():
            return False
        if self.call.key() == other.call.key():
            return True
        (line, texts), (other_line, other_texts) = self._print(), other._print()
        values, other_values = (list(map(read_json, some)) for some in (texts, other_texts))
        # A value that cannot be read is not known to be the same.
        return line == other_line and values == other_values and UNREADABLE not in values

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        return self.outcome, self.fuel, bytes_of(self.grid)

    def __repr__(self) -> str:
        shape = "" if self.grid is None else f", grid {self.grid.shape[0]}x{self.grid.shape[1]}"
        return f"Result({self.outcome.name}{shape}, fuel {self.fuel})"


@dataclass(frozen=True)
class Runs:
    """The flat arrays that the native code returns, of all groups."""

    outcome: npt.NDArray[np.uint8]
    fuel: npt.NDArray[np.int64]
    height: npt.NDArray[np.uint8]
    width: npt.NDArray[np.uint8]
    cells_begin: npt.NDArray[np.uint64]
    cells: npt.NDArray[np.uint8]


class Results:
    """What P programs did on I inputs. `results[p, i]` is one Result, `results[p]` those of p.

    Examples:
        >>> import codeit
        >>> programs = [codeit.Program.parse(f"O = {name}(I)") for name in ("rot90", "height")]
        >>> results = codeit.execute(programs, [[[1, 2]]])
        >>> results.outcome.tolist(), results.height.tolist()
        ([[0], [0]], [[2], [0]])
        >>> results.grid(0, 0).tolist(), results[1, 0].value
        ([[1], [2]], 1)

    Length, iteration and negative numbers are as in an array [P, I] of NumPy; for slices there are
    the arrays below. Two are equal when they are of one shape and each Result equals the other's.

    Attributes:
        outcome: uint8 [P, I], codes of Outcome.
        fuel: int64 [P, I], units used.
        height, width: uint8 [P, I], the shape of the returned grid, 0 where it is no valid grid.
    """

    __slots__ = ("_begin", "_calls", "_runs")

    def __init__(self, calls: Calls, runs: Runs, begin: int) -> None:
        # Arrays are made when they are asked for: many groups are of few runs.
        self._calls = calls
        self._runs = runs
        self._begin = begin  # the first run of this group

    def __reduce__(self) -> tuple[Any, ...]:  # for every protocol of pickle
        return Results, (self._calls, self._runs, self._begin)

    @property
    def outcome(self) -> npt.NDArray[np.uint8]:
        """Codes of Outcome, uint8 [P, I]."""
        return self._part(self._runs.outcome)

    @property
    def fuel(self) -> npt.NDArray[np.int64]:
        """Units used, int64 [P, I]."""
        return self._part(self._runs.fuel)

    @property
    def height(self) -> npt.NDArray[np.uint8]:
        """Rows of the returned grid, uint8 [P, I]; 0 where it is no valid grid."""
        return self._part(self._runs.height)

    @property
    def width(self) -> npt.NDArray[np.uint8]:
        """Columns of the returned grid, uint8 [P, I]; 0 where it is no valid grid."""
        return self._part(self._runs.width)

    @property
    def shape(self) -> tuple[int, int]:
        """(P, I)"""
        return self._calls.shape

    def grid(self, p: int, i: int) -> Grid | None:
        """What a program returned on an input, uint8 [H, W], or None if it is no valid grid.

        Args:
            p, i: the numbers of the program and of the input; negative ones count from the end.
        Raises:
            IndexError: there is no such program or input.
        """
        runs = self._runs
        k = self._index(p, i)
        height, width = int(runs.height[k]), int(runs.width[k])
        if height == 0:
            return None
        begin = int(runs.cells_begin[k])
        return runs.cells[begin : begin + height * width].reshape(height, width)

    def __len__(self) -> int:
        """P"""
        return self.shape[0]

    @overload
    def __getitem__(self, index: tuple[int, int]) -> Result: ...
    @overload
    def __getitem__(self, index: int) -> list[Result]: ...
    def __getitem__(self, index: int | tuple[int, int]) -> Result | list[Result]:
        if not isinstance(index, tuple):
            p = _position(index, self.shape[0], "program")  # also where there are no inputs
            return [self._result(p, i) for i in range(self.shape[1])]
        if len(index) != 2:
            raise IndexError(f"results[p, i] takes two numbers, not {len(index)}")
        return self._result(*index)

    def __iter__(self) -> Iterator[list[Result]]:
        return (self[p] for p in range(len(self)))

    def __contains__(self, result: object) -> bool:
        return any(result in row for row in self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Results):
            return NotImplemented
        names = ("outcome", "fuel", "height", "width")
        is_alike = all(np.array_equal(getattr(self, n), getattr(other, n)) for n in names)
        return is_alike and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # as an array's

    def _result(self, p: int, i: int) -> Result:
        k = self._index(p, i)
        outcome = Outcome(int(self._runs.outcome[k]))
        call = self._calls.call(p, i)
        return Result(outcome, int(self._runs.fuel[k]), self.grid(p, i), call)

    def match(self, targets: Iterable[npt.ArrayLike | None]) -> npt.NDArray[np.bool_]:
        """Which results equal the grid wanted for their input.

        Args:
            targets: I grids, or None where nothing can match.
        Returns:
            bool [P, I].
        Raises:
            ValueError: there are not I targets, or one of them is no array of numbers.
            TypeError: targets are no iterable.
        """
        targets = listed("targets", targets)
        if len(targets) != self.shape[1]:
            raise ValueError(f"{len(targets)} targets for {self.shape[1]} inputs")
        matches = np.zeros(self.shape, dtype=bool)
        heights, widths, begins = self.height, self.width, self._part(self._runs.cells_begin)
        for i, target in enumerate(targets):
            if target is None:
                continue
            wanted = plain_array(f"target {i}", target)
            if wanted.dtype.kind not in "biuf":
                raise ValueError(f"target {i}: items of type {wanted.dtype}; ints are needed")
            if wanted.ndim != 2 or wanted.size == 0:  # a height of 0 stands for no grid
                continue
            is_shaped = (heights[:, i] == wanted.shape[0]) & (widths[:, i] == wanted.shape[1])
            rows = np.flatnonzero(is_shaped)
            if rows.size == 0:  # a target may be far larger than any grid
                continue
            cells = begins[rows, i][:, None] + np.arange(wanted.size, dtype=np.uint64)
            matches[rows, i] = (self._runs.cells[cells] == wanted.ravel()).all(axis=1)
        return matches

    def _part(self, of_runs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        num_programs, num_inputs = self.shape
        end = self._begin + num_programs * num_inputs
        return of_runs[self._begin : end].reshape(num_programs, num_inputs)

    def _index(self, p: int, i: int) -> int:
        num_programs, num_inputs = self.shape
        p, i = _position(p, num_programs, "program"), _position(i, num_inputs, "input")
        return self._begin + p * num_inputs + i

    def __repr__(self) -> str:
        num_ok = int((self.outcome == Outcome.ok).sum())
        return f"Results({self.shape[0]} programs x {self.shape[1]} inputs, {num_ok} ok)"


def _position(index: int, count: int, name: str) -> int:
    """A position among so many, counted from the end where it is negative."""
    if not is_integer(index):
        raise TypeError(f"{name} {shown(index)}: results are indexed by ints, as results[p, i]")
    try:
        return range(count)[index]
    except IndexError:
        raise IndexError(f"{name} {index}: there are {count}") from None


def read_json(text: str) -> Any:
    """The value that a canonical text stands for, or UNREADABLE."""
    try:
        return json.loads(text) if text else UNREADABLE
    except RecursionError:
        return UNREADABLE


def grid_of(text: str) -> Grid | None:
    """The grid that a value in canonical text is, or None."""
    value = read_json(text) if len(text) <= _MAX_GRID_TEXT else None
    if not isinstance(value, list) or value[0] != "t" or not 1 <= len(value) - 1 <= MAX_SIDE:
        return None
    rows = value[1:]
    if not all(isinstance(row, list) and row[0] == "t" for row in rows):
        return None
    widths = {len(row) - 1 for row in rows}
    items = [item for row in rows for item in row[1:]]
    is_valid = len(widths) == 1 and all(isinstance(v, int) and 0 <= v <= 9 for v in items)
    if not is_valid or not 1 <= widths.pop() <= MAX_SIDE:
        return None
    grid = np.array([row[1:] for row in rows], dtype=np.uint8)
    grid.flags.writeable = False
    return grid


def bytes_of(grid: Grid | None) -> tuple[Any, ...] | None:
    """What makes two grids equal."""
    return None if grid is None else (grid.shape, grid.tobytes())
