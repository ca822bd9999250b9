"""Searches one task: its demonstrations and the inputs of its tests, never their outputs."""

from __future__ import annotations

from collections.abc import Sequence

from codeit._native import search
from codeit.execution.executor import Limits, execute
from codeit.language import Program
from codeit.language.program import distinct
from codeit.searching.found import Found, MethodFigures, TaskSearch
from codeit.searching.ranking import rank
from codeit.searching.settings import METHODS, SearchSettings
from codeit.tasks.task import Task

_LIMITS = Limits()


def search_task(
    task: Task,
    corpus: Sequence[Program],
    settings: SearchSettings,
    evaluations: int,
    *,
    leading: Sequence[Program] = (),
    watch: SearchWatch | None = None,
) -> TaskSearch:
    """Search programs that reproduce the demonstrations of a task.

    The result depends on the arguments alone.

    Args:
        task: with the outputs of its tests hidden.
        corpus: of one dialect and language; the search does nothing without any.
        evaluations: how many may be spent; settings.evaluations is not looked at.
        leading: more programs, which every method takes first, the likeliest first. They are of the
            corpus's dialect and language.
        watch: told how far the search is.
    """
    inputs = [example.input for example in (*task.demonstrations, *task.tests)]
    outputs = [example.output for example in task.demonstrations if example.output is not None]
    chosen = sum(1 << number for number, name in enumerate(METHODS) if name in settings.methods)
    programs = distinct([*leading, *corpus])
    if not programs:
        return TaskSearch(
            (), 0, 0, 0, 0, 0, {name: MethodFigures(0, 0) for name in settings.methods}
        )
    solutions, nearest, figures, totals = search.search_task(
        Program,
        inputs,
        outputs,
        programs,
        evaluations,
        int(settings.memory * 2**30),
        chosen,
        len({program.key for program in leading}),
        None if watch is None else watch.start(programs[0]),
    )
    found = found_of(task, solutions)
    methods = {
        name: MethodFigures(*row)
        for name, row in zip(METHODS, figures, strict=True)
        if name in settings.methods
    }
    spent, calls, nodes, num_bytes = totals
    ranking = rank(task, found)
    return TaskSearch(
        ranking.order,
        ranking.chance,
        spent,
        calls,
        nodes,
        num_bytes,
        methods,
        tuple(row[0] for row in nearest),
    )


def found_of(
    task: Task, rows: Sequence[tuple[Program, int, float, int, int, int, bool]]
) -> list[Found]:
    """What the native search gives of programs, with what they make of the tests' inputs."""
    answers = execute([row[0] for row in rows], [test.input for test in task.tests], 1, _LIMITS)
    return [
        Found(
            program=program,
            method=METHODS[method],
            cost=cost,
            derivations=derivations,
            evaluations=spent,
            num_right=num_right,
            outputs=tuple(answers.grid(place, i) for i in range(len(task.tests))),
            is_led=is_led,
        )
        for place, (program, method, cost, derivations, spent, num_right, is_led) in enumerate(rows)
    ]


class SearchWatch:
    """How far a search on another thread is, and what it has found. Of one search."""

    def __init__(self) -> None:
        self._native: search.Watch | None = None
        self._is_stopped = False

    def start(self, program: Program) -> search.Watch:
        """For the search alone: what the native search tells, of programs as this one."""
        native = search.Watch(program)
        self._native = native
        if self._is_stopped:
            native.stop()
        return native

    @property
    def evaluations(self) -> int:
        """How many are spent."""
        return self._native.evaluations if self._native else 0

    @property
    def method(self) -> str:
        """The method that runs."""
        return METHODS[self._native.method] if self._native else METHODS[0]

    def take(self, task: Task) -> list[Found]:
        """What was found since the last time: the first programs that fit all demonstrations, and
        each that misses fewer cells of the outputs than any before."""
        return found_of(task, self._native.take()) if self._native else []

    def stop(self) -> None:
        """End the search soon, with what it has found."""
        self._is_stopped = True
        if self._native:
            self._native.stop()
