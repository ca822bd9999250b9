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
    task: Task, corpus: Sequence[Program], settings: SearchSettings, evaluations: int
) -> TaskSearch:
    """Search programs that reproduce the demonstrations of a task.

    The result depends on the arguments alone.

    Args:
        task: with the outputs of its tests hidden.
        corpus: of one dialect and language; the search does nothing without any.
        evaluations: how many may be spent; settings.evaluations is not looked at.
    """
    inputs = [example.input for example in (*task.demonstrations, *task.tests)]
    outputs = [example.output for example in task.demonstrations if example.output is not None]
    chosen = sum(1 << number for number, name in enumerate(METHODS) if name in settings.methods)
    programs = distinct(corpus)
    if not programs:
        return TaskSearch(
            (), 0, 0, 0, 0, 0, {name: MethodFigures(0, 0) for name in settings.methods}
        )
    solutions, figures, totals = search.search_task(
        Program, inputs, outputs, programs, evaluations, int(settings.memory * 2**30), chosen
    )
    answers = execute(
        [row[0] for row in solutions], [test.input for test in task.tests], 1, _LIMITS
    )
    found = [
        Found(
            program=program,
            method=METHODS[method],
            cost=cost,
            derivations=derivations,
            evaluations=spent,
            num_right=num_right,
            outputs=tuple(answers.grid(place, i) for i in range(len(task.tests))),
        )
        for place, (program, method, cost, derivations, spent, num_right) in enumerate(solutions)
    ]
    methods = {
        name: MethodFigures(*row)
        for name, row in zip(METHODS, figures, strict=True)
        if name in settings.methods
    }
    spent, calls, nodes, num_bytes = totals
    ranking = rank(task, found)
    return TaskSearch(ranking.order, ranking.chance, spent, calls, nodes, num_bytes, methods)
