"""What a page shows of each task: its grids, the programs line by line, the nearest misses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeit.execution.executor import execute, trace
from codeit.grids import Grid
from codeit.language import Program
from codeit.language.program import ProgramError
from codeit.reporting.history import Found, History, Source, Story
from codeit.reporting.of_run import RunHistory
from codeit.reporting.of_search import SearchHistory
from codeit.reporting.pieces import of_grid, of_value
from codeit.reporting.written import last_samples
from codeit.solving.misses import Miss, misses_of
from codeit.tasks.scoring import RULES, TaskKey
from codeit.tasks.task import Example, Task
from codeit.terminal import visible, visible_lines

MOST_PROGRAMS = 5
MOST_TRACED = 2
MOST_MISSES = 3
_MOST_TRIED = 32  # programs of a task that were written last, to see how near they are
_MOST_LINES = 60


def tasks_of(history: History) -> list[dict[str, Any]]:
    """Of each task what the page's script draws, as a value for JSON; names made visible.

    Raises:
        ValueError: the tasks, or what the run keeps of its samples, are gone or damaged.
    """
    tasks = history.source.load()
    written = _written(history)
    return [_details(history, task, written.get((task.task_id, task.digest), ())) for task in tasks]


def _details(history: History, task: Task, written: Sequence[str]) -> dict[str, Any]:
    key = task.task_id, task.digest
    story = history.stories.get(key, Story(key))
    first = next(iter(RULES))
    shown = [found for found in story.found if found.candidate.is_solution]
    if task.is_hidden:
        shown = [f for f in story.found if f.candidate.num_right == f.candidate.num_demonstrations]
    programs = [
        _program(one, task, history.source, is_traced=k < MOST_TRACED)
        for k, one in enumerate(shown[:MOST_PROGRAMS])
    ]
    is_solved = first in story.rules
    near = [] if is_solved else [f for f in story.found if not f.candidate.is_solution]
    by = "search" if isinstance(history, SearchHistory) else "policy, last iteration"
    misses = [] if is_solved else _misses(history.source, task, near, written, by)
    row = {
        "id": visible(task.task_id),
        "demos": [_pair(pair) for pair in task.demonstrations],
        "tests": [_pair(pair) for pair in task.tests],
        "rules": [name for rule, name in RULES.items() if rule in story.rules],
        "hidden": task.is_hidden,
        "count": len(shown),
        "programs": programs,
        "misses": misses,
    }
    return row


def _pair(pair: Example) -> list[str | None]:
    return [of_grid(pair.input), None if pair.output is None else of_grid(pair.output)]


def _program(one: Found, task: Task, source: Source, is_traced: bool) -> dict[str, Any]:
    c = one.candidate
    row: dict[str, Any] = {
        "text": visible_lines(c.shown),
        "by": visible(one.by),
        "right": f"{c.num_right} of {c.num_demonstrations}",
        "tests": "hidden"
        if None in c.tests_right
        else f"{c.num_tests_right} of {len(c.tests_right)}",
    }
    if c.shown != c.program:
        row["original"] = visible_lines(c.program)
    if is_traced:
        (program,) = Program.parse_all([c.shown], source.dialect)
        if not isinstance(program, ProgramError):
            grid = task.demonstrations[0].input
            result, values = trace(program, grid, source.limits)
            height, width = grid.shape
            row["lines"] = [of_value(value, (height, width)) for value in values[:_MOST_LINES]]
            row["outcome"] = result.outcome.name.replace("_", " ")
    return row


def _written(history: History) -> Mapping[TaskKey, Sequence[str]]:
    """Programs that ran in the last iteration of which samples are kept; or what a search keeps of
    those that miss."""
    if isinstance(history, SearchHistory):
        return {(one.task_id, one.task_digest): one.nearest for one in history.records}
    found: dict[TaskKey, dict[str, None]] = {}
    for sample in last_samples(history) if isinstance(history, RunHistory) else ():
        some = found.setdefault(sample.task, {})
        if sample.outcomes and any(k == 0 for k in sample.outcomes) and len(some) < _MOST_TRIED:
            some[sample.text] = None
    return {key: list(some) for key, some in found.items()}


def _misses(
    source: Source, task: Task, near: Sequence[Found], written: Sequence[str], by: str
) -> list[dict[str, Any]]:
    """The nearest of programs that are not right, the nearest first."""
    texts = {one.candidate.shown: one.by for one in near[:_MOST_TRIED]}
    texts = dict.fromkeys(written[:_MOST_TRIED], by) | texts
    parsed = Program.parse_all(list(texts), source.dialect)
    programs = [program for program in parsed if isinstance(program, Program)]
    misses = [miss for miss in misses_of(task, programs, source.limits) if miss.makes_grids]
    misses.sort(key=lambda miss: (miss.num_wrong, len(miss.program.text)))
    of_program = {id(p): by for p, by in zip(parsed, texts.values(), strict=True)}
    chosen = misses[:MOST_MISSES]
    tests = execute([m.program for m in chosen], [t.input for t in task.tests], 1, source.limits)
    return [
        _miss(
            miss,
            of_program[id(miss.program)],
            task,
            [tests.grid(k, i) for i in range(len(task.tests))],
        )
        for k, miss in enumerate(chosen)
    ]


def _miss(miss: Miss, by: str, task: Task, on_tests: Sequence[Grid | None]) -> dict[str, Any]:
    cells = sum(0 if d.output is None else d.output.size for d in task.demonstrations)
    return {
        "text": visible_lines(miss.program.text),
        "by": visible(by),
        "right": f"{miss.num_right} of {len(miss.outputs)}",
        "wrong": f"{miss.num_wrong:,} of {cells:,}",
        "made": [None if grid is None else of_grid(grid) for grid in [*miss.outputs, *on_tests]],
    }
