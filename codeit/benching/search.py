"""`codeit bench search`: how much the search of a task does in a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from codeit.benching.case import Bench, Case
from codeit.benching.inputs import spread_out
from codeit.execution.executor import execute
from codeit.execution.results import Results
from codeit.language.corpus import digest_of_programs
from codeit.parallel.threads import ordered_map
from codeit.searching.corpus import Corpus
from codeit.searching.engine import search_task
from codeit.searching.found import TaskSearch
from codeit.searching.records import confirm, without_answers
from codeit.searching.settings import SearchSettings
from codeit.tasks.datasets import load
from codeit.tasks.task import Task, digest_of_tasks
from codeit.terminal import counted

_NAME = "search"


def search_bench(
    programs: str, tasks: str, num_tasks: int, evaluations: int, threads: int, seed: int
) -> Bench:
    """So many tasks from all over a source are searched, each with so many evaluations.

    Raises:
        ValueError, OSError: the corpus or the tasks cannot be loaded.
    """
    corpus = Corpus.load(programs)
    chosen = spread_out(load(tasks), num_tasks)
    settings = SearchSettings(seed=seed, evaluations=evaluations)
    hidden = [without_answers(task) for task in chosen]
    begin = [corpus.programs_for(task, settings) for task in chosen]

    def search(number: int) -> TaskSearch:
        return search_task(hidden[number], begin[number], settings, evaluations)

    expected = [search(number) for number in range(len(chosen))]
    spent = sum(found.evaluations for found in expected)
    if not spent:
        raise ValueError(f"--evaluations {evaluations} are too few: none was spent")

    def check(found: Sequence[TaskSearch]) -> str:
        return _fault(found, expected, chosen)

    def work(count: int) -> Callable[[], list[TaskSearch]]:
        def searched() -> list[TaskSearch]:
            if count == 1:
                return [search(number) for number in range(len(chosen))]
            with ordered_map(search, range(len(chosen)), count) as results:
                return list(results)

        return searched

    cases = [
        Case(
            f"{_NAME}, {counted(count, 'thread')}",
            work(count),
            check,
            spent,
            "evaluations",
            count,
            alone=f"{_NAME}, 1 thread" if count > 1 else "",
        )
        for count in sorted({1, threads})
    ]
    cases.append(_lines(corpus, chosen))
    num_found = sum(len(found.found) for found in expected)
    return Bench(
        cases,
        [
            f"{counted(len(chosen), 'task')} of {tasks}, {counted(spent, 'evaluation')} in all, "
            f"each on all examples of its task; {counted(num_found, 'program')} found"
        ],
        {
            "programs": digest_of_programs(corpus.seeds),
            "tasks": digest_of_tasks(chosen),
            "evaluations": evaluations,
            "seed": seed,
        },
        versions={"numpy": np.__version__},
    )


def _fault(
    found: Sequence[TaskSearch], expected: Sequence[TaskSearch], tasks: Sequence[Task]
) -> str:
    """The ordinary machine confirms every program, and all is as the first time."""
    for task, one, first in zip(tasks, found, expected, strict=True):
        if num := confirm(task, one, minimises=False).num_unconfirmed:
            return f"{task.task_id}: {counted(num, 'program')} not confirmed by the machine"
        texts = [[found.program.text for found in some.found] for some in (one, first)]
        if texts[0] != texts[1]:
            return f"{task.task_id}: the same search finds other programs"
    return ""


def _lines(corpus: Corpus, tasks: Sequence[Task]) -> Case:
    """The corpus by the ordinary machine, which keeps nothing of what a line gives."""
    programs = [seed.program for seed in corpus.seeds]
    grids = [[e.input for e in (*task.demonstrations, *task.tests)] for task in tasks]

    def work() -> list[Results]:
        return [execute(programs, some, 1) for some in grids]

    expected = [results.outcome for results in work()]

    def check(found: Sequence[Results]) -> str:
        same = all(
            np.array_equal(results.outcome, outcome)
            for results, outcome in zip(found, expected, strict=True)
        )
        return "" if same else "a run ends otherwise than before"

    num_lines = sum(map(len, programs)) * len(tasks)
    return Case(
        "lines by the ordinary machine",
        work,
        check,
        num_lines,
        "evaluations",
        beside=f"{_NAME}, 1 thread",
    )
