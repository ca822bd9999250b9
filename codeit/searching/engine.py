"""Searches one task: its demonstrations and the inputs of its tests, never their outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codeit._native import search
from codeit.execution.executor import Limits, execute
from codeit.grids import Grid
from codeit.language import Program
from codeit.language.program import distinct
from codeit.searching.ranking import ranked
from codeit.searching.settings import METHODS, SearchSettings
from codeit.tasks.task import Task

_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Found:
    """A program that reproduces demonstrations.

    Attributes:
        program: as it was found.
        method: which method has found it, one of METHODS.
        cost: by which the search orders programs; the smaller, the likelier.
        derivations: how many ways the search met the same behaviour.
        evaluations: how many were spent on the task when it was found.
        num_right: how many demonstrations it reproduces.
        outputs: what it makes of each test's input; None where that is no grid.
    """

    program: Program
    method: str
    cost: float
    derivations: int
    evaluations: int
    num_right: int
    outputs: tuple[Grid | None, ...]


@dataclass(frozen=True)
class MethodFigures:
    """What one method has done for a task: what it spent, and how many programs it has found."""

    evaluations: int
    found: int


@dataclass(frozen=True, eq=False)
class TaskSearch:
    """What the search of one task came to.

    Attributes:
        found: the best first, by the ranking of the search; one program of each key.
        evaluations: calls of primitives and closures that were run, each on all examples; one that
            burns much fuel counts as several, and so does other work.
        calls: those that the memo answered, too.
        nodes: values in the pool at the end.
        bytes: how much memory they took at most.
        methods: by the name of each method that ran.
    """

    found: tuple[Found, ...]
    evaluations: int
    calls: int
    nodes: int
    bytes: int
    methods: Mapping[str, MethodFigures]


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
        return TaskSearch((), 0, 0, 0, 0, {name: MethodFigures(0, 0) for name in settings.methods})
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
    return TaskSearch(tuple(ranked(task, found)), spent, calls, nodes, num_bytes, methods)
