"""A run with all that there is to tell of it: each line's value and fuel, and where it failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from codeit._native import vm
from codeit.execution.executor import SINGLE_LIMITS, Limits, checked_limits, run
from codeit.execution.results import MAX_PRINTED_VALUES, UNREADABLE, Result, read_json
from codeit.grids import check_grid
from codeit.language import Program

UNBOUND = object()
"""In the place of the value of a line that bound nothing."""


@dataclass(frozen=True)
class LineRun:
    """What one line did.

    Attributes:
        value: in canonical form, with functions as `call` takes them: `{"fn": name}` a primitive,
            `{"fn": [name, argument, ...]}` what one returns for arguments. UNBOUND where the line
            bound nothing; UNREADABLE where it has more than MAX_PRINTED_VALUES parts, or is nested
            too deeply to be read.
        fuel: units that the line used.
    """

    value: Any
    fuel: int


@dataclass(frozen=True)
class FailedCall:
    """The innermost call with which a failure began; values as in LineRun."""

    function: Any
    arguments: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class ExplainedRun:
    """A run of a program on a grid.

    Attributes:
        result: how it ended.
        lines: those that it reached, in order.
        failed_call: None where it did not fail, or no call did: a name had no value, or the limits
            of the machine were met elsewhere.
    """

    result: Result
    lines: tuple[LineRun, ...]
    failed_call: FailedCall | None


def explain(program: Program, grid: npt.ArrayLike, limits: Limits | None = None) -> ExplainedRun:
    """Run one program on one grid, and tell what every line did and where it failed.

    Args:
        program, grid, limits: as for `run`, whose result it has. A program that fails is run once
            more, to learn which call it was.
    Raises:
        ValueError: the grid is bad.
        TypeError: limits are no Limits.
    """
    limits = checked_limits(limits, SINGLE_LIMITS)
    cells = check_grid(grid, "grid 0", vm.MAX_SIDE)
    result = run(program, cells, limits)
    _, _, fuel, texts, fuel_left, failed = vm.explain_one(
        program, cells, limits._native(), MAX_PRINTED_VALUES
    )
    ends = [*fuel_left[1:], limits.fuel - fuel]
    used = [left - end for left, end in zip(fuel_left, ends, strict=bool(fuel_left))]
    values = [_value_of(text) for text in texts]
    if result.outcome != 0 and values:
        values[-1] = UNBOUND
    lines = tuple(map(LineRun, values, used))
    call = None
    if failed:
        function, *arguments = map(_value_of, failed)
        call = FailedCall(function, tuple(arguments))
    return ExplainedRun(result, lines, call)


def _value_of(text: str) -> Any:
    return read_json(text) if text else UNREADABLE
