"""How far programs are from the demonstrations of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codeit.execution.executor import Limits, execute
from codeit.grids import Grid
from codeit.language import Program
from codeit.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Miss:
    """A program, and what it makes of each demonstration.

    Attributes:
        outputs: None where it makes no grid.
        wrong: how many cells of each true output differ; all of them where the size does.
    """

    program: Program
    outputs: tuple[Grid | None, ...]
    wrong: tuple[int, ...]

    @property
    def num_right(self) -> int:
        """How many demonstrations it reproduces."""
        return self.wrong.count(0)

    @property
    def num_wrong(self) -> int:
        """How many cells of all true outputs differ."""
        return sum(self.wrong)

    @property
    def makes_grids(self) -> bool:
        """Whether it makes a grid of some demonstration."""
        return any(grid is not None for grid in self.outputs)


def misses_of(task: Task, programs: Sequence[Program], limits: Limits) -> list[Miss]:
    """Run programs on the demonstrations of a task."""
    results = execute(programs, [d.input for d in task.demonstrations], 1, limits)
    found = []
    for p, program in enumerate(programs):
        outputs = tuple(results.grid(p, i) for i in range(len(task.demonstrations)))
        pairs = zip(outputs, task.demonstrations, strict=True)
        wrong = tuple(_num_wrong(grid, d.output) for grid, d in pairs if d.output is not None)
        found.append(Miss(program, outputs, wrong))
    return found


def _num_wrong(grid: Grid | None, output: Grid) -> int:
    if grid is None or grid.shape != output.shape:
        return output.size
    return int((grid != output).sum())
