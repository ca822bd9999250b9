"""The work shard by shard: mutants are made, scored on all tasks, and written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from codeit.language import Program
from codeit.mutating.curve import Curve
from codeit.mutating.directory import MutantRow, MutatingDirectory, Position
from codeit.mutating.mutants import Mutants, MutantSource, score
from codeit.mutating.plan import MutatingPlan, Work
from codeit.tasks.scoring import TaskKey
from codeit.terminal.progress import rate_of

_PAPERS = "top3"  # of RULES
OnProgress = Callable[[int, str], None]
"""Told how many programs are done, and a few words beside that."""


def complete(
    directory: MutatingDirectory,
    plan: MutatingPlan,
    work: Work,
    threads: int,
    on_progress: OnProgress,
) -> dict[str, Any]:
    """Make and score the mutants that are left, and write the figures, which are returned."""
    settings = plan.settings
    source = MutantSource(work.parents, settings, threads)
    curve = Curve(settings.curve_step)
    position = directory.position
    if position.num_shards:
        _remember(directory, work, plan, source, curve)
    while not position.is_done:
        begin = position.num_programs
        mutants = source.make(min(settings.per_shard, settings.num_programs - begin))
        solved = curve.figures()[_PAPERS]
        tell = _teller(on_progress, begin, len(mutants), len(work.tasks), solved)
        scored = score(mutants, work.parents, work.tasks, settings, threads, tell)
        end = begin + len(mutants)
        is_done = end >= settings.num_programs or len(mutants) == 0
        found = [(begin + number, candidate) for number, candidate in scored.found]
        points = list(curve.add(found, begin, mutants.valid.tolist(), is_done))
        position = Position(
            num_shards=position.num_shards + (len(mutants) > 0),
            num_programs=end,
            num_draws=source.num_draws,
            num_valid=source.num_valid,
            num_runs=position.num_runs + scored.num_runs,
            is_done=is_done,
        )
        directory.add(_rows(mutants, work), found, points, work.to_solve.num_scored, position)
        on_progress(end, f"{curve.figures()[_PAPERS]} solved")
    summary = _summary(plan, work, position, curve)
    directory.set_summary(summary)
    return summary


def _teller(
    on_progress: OnProgress, begin: int, count: int, num_tasks: int, solved: int
) -> Callable[[int], None]:
    """What a shard's scoring tells of the tasks that are done."""
    start = time.perf_counter()

    def tell(tasks_done: int) -> None:
        rate = rate_of(count * tasks_done, time.perf_counter() - start, "executions")
        on_progress(begin + count * tasks_done // num_tasks, f"{rate}, {solved} solved")

    return tell


def _rows(mutants: Mutants, work: Work) -> list[MutantRow]:
    names = [task.task_id for task, _ in work.parents]
    columns = zip(mutants.programs, mutants.roots.tolist(), mutants.depths.tolist(), strict=True)
    return [MutantRow(names[root], program.text, depth) for program, root, depth in columns]


def _remember(
    directory: MutatingDirectory,
    work: Work,
    plan: MutatingPlan,
    source: MutantSource,
    curve: Curve,
) -> None:
    """Take in what was made and found before."""
    roots: dict[str, int] = {}
    for number, (task, _) in enumerate(work.parents):
        roots.setdefault(task.task_id, number)
    for rows in directory.shards():
        source.add_known(_mutants_of(rows, roots, plan))
    source.num_draws = directory.position.num_draws
    source.num_valid = directory.position.num_valid
    curve.remember(directory.found())


def _mutants_of(rows: Sequence[MutantRow], roots: dict[str, int], plan: MutatingPlan) -> Mutants:
    programs = []
    for program in Program.parse_all([row.program for row in rows], plan.dialect):
        if not isinstance(program, Program):
            raise ValueError(f"a mutant that was made before is no program: {program}")
        programs.append(program)
    return Mutants(
        programs,
        np.array([roots[row.task] for row in rows], np.uint32),
        np.array([row.depth for row in rows], np.uint32),
        np.array([], np.uint64),
    )


def _summary(plan: MutatingPlan, work: Work, position: Position, curve: Curve) -> dict[str, Any]:
    seen: set[TaskKey] = {(task.task_id, task.digest) for task in work.to_solve.seen}
    solved = curve.solved()
    return {
        "programs": position.num_programs,
        "draws": position.num_draws,
        "valid_draws": position.num_valid,
        "executions": position.num_runs,
        "tasks": work.to_solve.num_scored,
        "seed_programs": len(work.parents),
        "solved": {rule: len(tasks) for rule, tasks in solved.items()},
        "solved_unseen": {rule: len(tasks - seen) for rule, tasks in solved.items()},
        "ids": {rule: sorted(name for name, _ in tasks) for rule, tasks in solved.items()},
        "asked": plan.to_row(),
    }
