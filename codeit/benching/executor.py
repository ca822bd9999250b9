"""`codeit bench executor`: programs on grids, by the native machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codeit.benching.case import Bench, Case
from codeit.benching.inputs import load_inputs, num_bytes
from codeit.benching.plain_python import as_tuples, compiled_functions
from codeit.execution.executor import Limits, execute_groups
from codeit.execution.results import Results
from codeit.language import Program
from codeit.language.program import Dialect
from codeit.mutation import MutationSettings, mutate
from codeit.tasks.task import Task
from codeit.terminal import counted

MUTANT_LIMITS = Limits(fuel=500_000)
"""Of a run of a mutant: a few would run for as long as all others together."""

LEAST_RUNS = 1_000
"""Of one call: of a handful of runs, what a call costs would be most of the time."""

PROGRAMS = "programs on their tasks"
MUTANTS = "mutants of them"


def executor_bench(
    programs: str, tasks: str, num_mutants: int, arc_dsl: Path | None, threads: int, seed: int
) -> Bench:
    """Each program of a corpus on the demonstrations of its task, and so many mutants. All of them
    run once in a call, or as often as it takes for LEAST_RUNS.

    Args:
        arc_dsl: a checkout of arc-dsl, beside whose functions the machine is timed; the programs
            mean its dialect then.
    Raises:
        ValueError, OSError: as `load_inputs` does, or arc_dsl is no such folder.
    """
    dialect: Dialect = "codeit" if arc_dsl is None else "arc-dsl"
    inputs = load_inputs(programs, tasks, dialect)
    num_alone = sum(len(task.demonstrations) for task, _ in inputs.pairs)
    times = -(-LEAST_RUNS // num_alone)
    pairs = list(inputs.pairs) * times
    num_runs = num_alone * times
    groups = [([program], _grids(task)) for task, program in pairs]
    total = float(sum(num_bytes(task) for task, _ in pairs))

    def is_right(results: Sequence[Results]) -> str:
        for (task, _), one in zip(pairs, results, strict=True):
            if not one.match([pair.output for pair in task.demonstrations]).all():
                return f"the program for {task.task_id} is wrong on a demonstration"
        return ""

    cases = _by_threads(
        PROGRAMS,
        lambda count: lambda: execute_groups(groups, count),
        is_right,
        num_runs,
        threads,
        total,
    )
    made = mutate(list(inputs.pairs), MutationSettings(num_tasks=num_mutants), seed, MUTANT_LIMITS)
    families = [([mutant.program], _grids(mutant.parent)) for mutant in made]
    alone = execute_groups(families, 1, MUTANT_LIMITS, share=False)
    cases += _by_threads(
        MUTANTS,
        lambda count: lambda: execute_groups(families, count, MUTANT_LIMITS),
        lambda results: _differs(results, alone),
        sum(len(grids) for _, grids in families),
        threads,
        float(sum(num_bytes(mutant.parent) for mutant in made)),
    )
    texts = [program.text for _, program in pairs]
    cases.append(
        Case(
            "reading programs",
            lambda: [Program.parse(text, dialect) for text in texts],
            lambda parsed: "" if [p.text for p in parsed] == texts else "a text changes by reading",
            len(texts),
            "programs",
        )
    )
    left_out = list(inputs.left_out)
    if arc_dsl is None:
        left_out.append("plain Python: --arc-dsl DIR names a checkout of arc-dsl")
    else:
        cases.append(_plain_python(pairs, arc_dsl, num_runs))
    over = f", {times:,} times over" if times > 1 else ""
    settings = {**inputs.digests, "dialect": dialect, "mutants": num_mutants, "seed": seed}
    return Bench(
        cases,
        [
            f"{counted(len(inputs.pairs), 'program')} on the demonstrations of their tasks, "
            f"{counted(num_alone, 'run')}{over}; {counted(len(made), 'mutant')} of them"
        ],
        {**settings, "times": times} if times > 1 else settings,
        left_out,
        {"numpy": np.__version__},
    )


def _grids(task: Task) -> list[np.ndarray]:
    return [pair.input for pair in task.demonstrations]


def _by_threads(
    name: str,
    work_on: Callable[[int], Callable[[], Any]],
    check: Callable[[Any], str],
    items: int,
    threads: int,
    amount: float,
) -> list[Case]:
    """The same on one thread, and on all where there are several."""
    alone = f"{name}, 1 thread"
    cases = [Case(alone, work_on(1), check, items, "runs", amounts={"copying": amount})]
    if threads > 1:
        together = f"{name}, {threads} threads"
        cases.append(Case(together, work_on(threads), check, items, "runs", threads, alone=alone))
    return cases


def _differs(results: Sequence[Results], expected: Sequence[Results]) -> str:
    """What mutants came to, beside runs of each on its own."""
    for name in ("outcome", "height", "width"):
        found, wanted = (
            np.concatenate([getattr(one, name).ravel() for one in some])
            for some in (results, expected)
        )
        if not np.array_equal(found, wanted):
            return f"{name} of a mutant is another than where it runs alone"
    return ""


def _plain_python(pairs: Sequence[tuple[Task, Program]], folder: Path, num_runs: int) -> Case:
    functions = compiled_functions([program for _, program in pairs], folder)
    grids = [list(map(as_tuples, _grids(task))) for task, _ in pairs]
    expected = [
        [None if pair.output is None else as_tuples(pair.output) for pair in task.demonstrations]
        for task, _ in pairs
    ]

    def work() -> list[list[Any]]:
        return [list(map(function, some)) for function, some in zip(functions, grids, strict=True)]

    def check(outputs: list[list[Any]]) -> str:
        for (task, _), found, wanted in zip(pairs, outputs, expected, strict=True):
            if found != wanted:
                return f"plain Python is wrong on a demonstration of {task.task_id}"
        return ""

    return Case(
        "the same by plain Python", work, check, num_runs, "runs", beside=f"{PROGRAMS}, 1 thread"
    )
