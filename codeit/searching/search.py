"""Searches many tasks, one a thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from codeit.execution.executor import MAX_THREADS, Limits, num_usable_cores
from codeit.language import Program
from codeit.language.corpus import SeedProgram
from codeit.parallel.threads import unordered_map
from codeit.ranges import integer, listed, shown
from codeit.searching import engine
from codeit.searching.corpus import Corpus
from codeit.searching.records import TaskRecord, confirm, without_answers
from codeit.searching.settings import SearchSettings
from codeit.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Searched:
    """A task whose search has ended."""

    task: Task
    record: TaskRecord
    nearest: tuple[Program, ...]
    """As in `TaskSearch`."""
    seconds: float
    """By the clock. No result depends on it."""


def search(
    tasks: Sequence[Task],
    settings: SearchSettings | None = None,
    *,
    corpus: Sequence[SeedProgram] | None = None,
    threads: int | None = None,
    on_solution: Callable[[Task, TaskRecord], None] | None = None,
) -> list[TaskRecord]:
    """Search programs that solve tasks. The result does not depend on the number of threads.

    Examples:
        >>> import codeit
        >>> tasks = codeit.arc.load("arc1-training", ["00d62c1b"])
        >>> settings = codeit.SearchSettings(evaluations=20_000, leave_own_out=True)
        >>> (record,) = codeit.search(tasks, settings)
        >>> record.submission.is_solved_by("two_attempts")
        True

    Args:
        tasks: no id twice. Outputs of tests, where they are known, are used for the score alone.
        settings: the defaults of SearchSettings when omitted.
        corpus: programs to begin with; those of the package when omitted.
        threads: how many tasks are searched at a time; as many as this process may use cores when
            omitted.
        on_solution: called on this thread, as they come, with each task for which a program was
            found that is right on all demonstrations.
    Returns:
        What the search of each task came to, in the order of the tasks.
    Raises:
        ValueError: an id stands twice, or threads is below 1.
        TypeError: something else than tasks or settings.
    """
    tasks = listed("tasks", tasks)
    settings = SearchSettings() if settings is None else settings
    if not isinstance(settings, SearchSettings):
        raise TypeError(f"settings are {shown(settings)}; a SearchSettings is needed, or None")
    check_tasks(tasks)
    threads = num_usable_cores() if threads is None else threads
    programs = Corpus.load() if corpus is None else Corpus.of(corpus)
    records = {}
    with search_each(tasks, programs, settings, threads) as ended:
        for searched in ended:
            records[searched.task.task_id] = searched.record
            if on_solution is not None and searched.record.solutions:
                on_solution(searched.task, searched.record)
    return [records[task.task_id] for task in tasks]


@contextmanager
def search_each(
    tasks: Sequence[Task],
    corpus: Corpus,
    settings: SearchSettings,
    threads: int,
    evaluations: int | None = None,
    limits: Limits | None = None,
    *,
    minimises: bool = True,
) -> Iterator[Iterator[Searched]]:
    """An iterator over the tasks whose search has ended, as they come.

    Args:
        evaluations: for each task; those of the settings when omitted.
        limits: of the runs that confirm what is found; those of a batch when omitted.
        minimises: whether what is right on all demonstrations is made shorter, too.
    """
    threads = integer("threads", threads, 1, MAX_THREADS)
    budget = settings.evaluations if evaluations is None else evaluations

    def work(task: Task) -> Searched:
        start = time.perf_counter()
        programs = corpus.programs_for(task, settings)
        found = engine.search_task(without_answers(task), programs, settings, budget)
        record = confirm(task, found, limits, minimises=minimises)
        return Searched(task, record, found.nearest, time.perf_counter() - start)

    with unordered_map(work, tasks, max(min(threads, len(tasks)), 1)) as ended:
        yield ended


def check_tasks(tasks: Sequence[Task]) -> None:
    """Raise an error unless they are tasks, no id twice.

    Raises:
        TypeError: something else is among them.
        ValueError: an id stands twice.
    """
    known = set()
    for task in tasks:
        if not isinstance(task, Task):
            raise TypeError(f"tasks has {shown(task)}; allowed: tasks, as codeit.arc.load gives")
        if task.task_id in known:
            raise ValueError(f"task {task.task_id!r} stands twice among the tasks")
        known.add(task.task_id)
