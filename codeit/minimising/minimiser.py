"""One program and the grids on which it must go on doing what it does."""

from __future__ import annotations

from collections.abc import Iterable

import numpy.typing as npt

from codeit._native import search
from codeit.execution.executor import Limits, checked_limits
from codeit.grids import check_grid
from codeit.language import Program
from codeit.ranges import listed, shown

EVALUATIONS = 100_000
"""How many calls a round of a minimisation tries by default; few programs need a tenth of it."""

_MAX_BYTES = 1 << 26


def minimise(
    program: Program,
    grids: Iterable[npt.ArrayLike],
    *,
    evaluations: int = EVALUATIONS,
    limits: Limits | None = None,
) -> Program:
    """A program that does the same on all grids, and whose text is as short as was found.

    Lines that nothing needs go; what is known or stands twice is written once; a line is written by
    a shorter call on what the program has. What depends on the input never becomes a constant. The
    ordinary machine confirms every step: on all grids the runs end alike, with the same results,
    the order of sets included; and the program does the same on variants of the grids, so that few
    equalities are accidents. The result depends on the arguments alone.

    Examples:
        >>> import codeit
        >>> program = codeit.Program.parse("x1 = hmirror(I)\\nO = vmirror(x1)")
        >>> print(codeit.minimise(program, [[[1, 2, 3], [4, 5, 6]]]))
        O = rot180(I)

    Args:
        program: any. Where it meets a limit on a grid, succeeds on none, or its result holds a
            function, it is returned as it is. One that shadows names, or calls with too few or too
            many arguments, only loses lines that nothing needs.
        grids: one or more [H, W], rows of colors 0 to 9, sides up to 30. Of a task: the inputs of
            its demonstrations and of its tests.
        evaluations: how many calls are tried in one round; rounds follow each other until one
            changes nothing.
        limits: what each run may use; the defaults of Limits when omitted.
    Returns:
        A program whose text is no longer, and has no more lines.
    Raises:
        TypeError: program is no Program, grids are no iterable, or limits are no Limits.
        ValueError: a grid is bad (the message counts grids from 0), there is none, or evaluations
            are below 0.
        KeyboardInterrupt: as `execute`.
    """
    if not isinstance(program, Program):
        raise TypeError(f"program is {shown(program)}; use Program.parse")
    inputs = [check_grid(grid, f"grid {k}") for k, grid in enumerate(listed("grids", grids))]
    if not inputs:
        raise ValueError("grids are empty; allowed: one grid or more")
    native = checked_limits(limits)._native()
    return search.minimise(Program, program, inputs, native, evaluations, _MAX_BYTES)
