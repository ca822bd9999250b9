"""The programs and tasks of a user, with which a benchmark works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from codeit.execution.executor import execute_groups
from codeit.language import Program
from codeit.language.corpus import PACKAGED, digest_of_programs, load_seed_programs
from codeit.language.program import Dialect
from codeit.tasks.datasets import load
from codeit.tasks.task import Task, digest_of_tasks
from codeit.terminal import counted


@dataclass(frozen=True)
class Inputs:
    """Programs that are right on the demonstrations of their tasks.

    Attributes:
        pairs: each program, and the task that it is for.
        tasks: all of the source.
        left_out: programs without a task among these, and wrong ones, in sentences.
        digests: of what was named, for a record.
    """

    pairs: Sequence[tuple[Task, Program]]
    tasks: Sequence[Task]
    left_out: Sequence[str]
    digests: dict[str, str] = field(default_factory=dict)


def load_inputs(programs: str, tasks: str, dialect: Dialect = "codeit") -> Inputs:
    """Load a corpus and the tasks that its programs are for.

    Raises:
        ValueError, OSError: they cannot be loaded, or no program is right on its task.
    """
    seeds = load_seed_programs(programs, dialect)
    of_source = load(tasks)
    by_id = {task.task_id: task for task in of_source}
    known = [(by_id[seed.task_id], seed.program) for seed in seeds if seed.task_id in by_id]
    runs = execute_groups([([program], _inputs(task)) for task, program in known], threads=1)
    right = [
        bool(results.match([pair.output for pair in task.demonstrations]).all())
        for (task, _), results in zip(known, runs, strict=True)
    ]
    pairs = [pair for pair, is_right in zip(known, right, strict=True) if is_right]
    name = "the package" if programs == PACKAGED else programs
    left_out = []
    if len(known) < len(seeds):
        first = next(seed.task_id for seed in seeds if seed.task_id not in by_id)
        left_out.append(
            f"{counted(len(seeds) - len(known), 'program')} of {name}: for no task of {tasks}, "
            f"such as {first!r}"
        )
    if len(pairs) < len(known):
        first = known[right.index(False)][0].task_id
        left_out.append(
            f"{counted(len(known) - len(pairs), 'program')} of {name}: wrong on the "
            f"demonstrations of its task, such as that of {first!r}"
        )
    if not pairs:
        why = f": {left_out[0]}" if left_out else ""
        raise ValueError(f"{name}: no program is right on a task of {tasks}{why}")
    digests = {"programs": digest_of_programs(seeds), "tasks": digest_of_tasks(of_source)}
    return Inputs(pairs, of_source, left_out, digests)


def spread_out(things: Sequence[Task], count: int) -> list[Task]:
    """So many of them, from all over; all where there are fewer."""
    count = min(count, len(things))
    return [things[k * len(things) // count] for k in range(count)]


def num_bytes(task: Task) -> int:
    """Of the grids of the demonstrations, of which a run reads one and writes one: a byte a cell.
    A hidden output counts nothing."""
    return sum(
        int(np.size(grid))
        for pair in task.demonstrations
        for grid in (pair.input, pair.output)
        if grid is not None
    )


def _inputs(task: Task) -> list[np.ndarray]:
    return [pair.input for pair in task.demonstrations]
