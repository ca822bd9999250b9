"""Grows tasks from programs: typed one-change mutants, run on the grids of their parent's task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from codeit._native import mutation as native_mutation
from codeit.execution.executor import Limits, checked_limits, execute_groups
from codeit.grids import Grid
from codeit.language import Program
from codeit.language.program import distinct
from codeit.tasks.task import Task
from codeit.validation import Count, NonNegative, PositiveCount, Real, validated

_ROUND = 4096  # mutants drawn between two executions


@validated
class MutationSettings:
    """How many mutants are made, and by which changes."""

    num_tasks: Count = 19_200
    """How many mutated tasks are made before the first iteration; 0 for none (ablation A6)."""
    argument: NonNegative = 0.5
    """Weight of replacing an argument by another one of its type."""
    function: NonNegative = 0.25
    """Weight of replacing a function by another one of its signature."""
    definition: NonNegative = 0.25
    """Weight of replacing a line by another call that returns its type."""
    new_variable: Annotated[Real, Field(ge=0, le=1)] = 0.5
    """Share of the argument changes that define the new argument on a line of its own."""
    num_scored: Count = 19_200
    """At most so many mutants are run on the tasks to solve, to count those that mutation alone
    solves; they are not learned from there."""
    max_tries: PositiveCount = 40
    """Gives up after this many tries for each task wanted."""

    def __post_init__(self) -> None:
        weights = ("argument", "function", "definition")
        if not any(getattr(self, name) for name in weights):
            raise ValueError(f"{', '.join(weights)} are all 0; allowed: at least one above 0")


@dataclass(frozen=True, eq=False)
class MutatedTask:
    """A mutant and what it makes of the demonstrations of its parent's task."""

    parent: Task
    program: Program
    outputs: tuple[Grid, ...]


def mutate(
    parents: Sequence[tuple[Task, Program]],
    settings: MutationSettings,
    seed: int,
    limits: Limits | None = None,
    threads: int | None = None,
    on_progress: Callable[[int], None] | None = None,
    is_wanted: Callable[[Program], bool] | None = None,
) -> list[MutatedTask]:
    """Make mutants that return a valid grid for every demonstration of their parent's task.

    A parent is drawn uniformly for each mutant. No mutant has the key of a program that is known
    for its parent's task. The result depends on the arguments and the seed alone.

    Args:
        parents: programs and the tasks whose demonstrations they run on; test pairs are not used.
        on_progress: told how many mutants there are so far.
        is_wanted: whether a mutant counts; None wants all.
    Returns:
        At most settings.num_tasks; fewer when settings.max_tries is used up.
    """
    if settings.num_tasks == 0:
        return []
    if not parents:
        raise ValueError("there are no programs to mutate")
    limits = checked_limits(limits)
    natives = [
        native_mutation.MutationParent(program, task.demonstrations[0].input, limits._native())
        for task, program in parents
    ]
    weights = (settings.argument, settings.function, settings.definition, settings.new_variable)
    known = {(task.digest, program.key) for task, program in parents}
    random = np.random.default_rng(np.random.SeedSequence(seed))
    mutants: list[MutatedTask] = []
    for _ in range(-(-settings.num_tasks * settings.max_tries // _ROUND)):
        choices = random.integers(len(parents), size=_ROUND)
        seeds = random.integers(2**64, size=_ROUND, dtype=np.uint64)
        groups: list[tuple[Task, list[Program]]] = []
        for k in np.unique(choices):
            task, _ = parents[k]
            drawn = native_mutation.mutate_many(Program, natives[k], weights, seeds[choices == k])
            programs = _new_programs(drawn, task.digest, known, is_wanted)
            groups.append((task, programs))
        mutants += _valid_tasks(groups, threads, limits)
        if on_progress:
            on_progress(min(len(mutants), settings.num_tasks))
        if len(mutants) >= settings.num_tasks:
            break
    # Rounds hold the mutants grouped by parent; a cut must not favour the first parents.
    order = random.permutation(len(mutants))[: settings.num_tasks]
    return [mutants[k] for k in order]


def _new_programs(
    drawn: Sequence[Program | None],
    task: str,
    known: set[tuple[str, str]],
    is_wanted: Callable[[Program], bool] | None,
) -> list[Program]:
    """The programs that are new for the task (a digest); they become known."""
    programs = distinct(
        program
        for program in drawn
        if program is not None
        and (task, program.key) not in known
        and (is_wanted is None or is_wanted(program))
    )
    known.update((task, program.key) for program in programs)
    return programs


def valid_tasks(
    pairs: Sequence[tuple[Task, Program]], threads: int | None, limits: Limits
) -> list[MutatedTask]:
    """The programs that return a valid grid for every demonstration of their tasks, in order."""
    return _valid_tasks([(task, [program]) for task, program in pairs], threads, limits)


def _valid_tasks(
    groups: Sequence[tuple[Task, Sequence[Program]]], threads: int | None, limits: Limits
) -> list[MutatedTask]:
    runs = execute_groups(
        [(programs, [d.input for d in task.demonstrations]) for task, programs in groups],
        threads,
        limits,
    )
    tasks = []
    for (task, programs), results in zip(groups, runs, strict=True):
        is_valid = (results.height > 0).all(axis=1)
        for p in np.flatnonzero(is_valid).tolist():
            outputs = [results.grid(p, i) for i in range(results.shape[1])]
            grids = tuple(grid for grid in outputs if grid is not None)
            tasks.append(MutatedTask(task, programs[p], grids))
    return tasks
