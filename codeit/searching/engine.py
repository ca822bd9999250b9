"""Searches one task: its demonstrations and the inputs of its tests, never their outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from codeit.execution.executor import Limits, execute
from codeit.grids import Grid
from codeit.language import Program
from codeit.language.program import distinct
from codeit.searching.settings import SearchSettings
from codeit.tasks.task import Task

_LIMITS = Limits(fuel=500_000)


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
        evaluations: calls of primitives and closures that were run, each on all examples.
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
        evaluations: how many may be spent; settings.evaluations is not looked at.
    """
    programs = []
    spent = 0
    ends = []
    for program in distinct(corpus):
        if spent + len(program) > evaluations:
            break
        spent += len(program)
        programs.append(program)
        ends.append(spent)
    results = execute(programs, [d.input for d in task.demonstrations], 1, _LIMITS)
    num_right = results.match([d.output for d in task.demonstrations]).sum(axis=1)
    order = [k for k in np.argsort(-num_right, kind="stable").tolist() if num_right[k] > 0]
    order.sort(key=lambda k: (-num_right[k], len(programs[k])))
    answers = execute([programs[k] for k in order], [t.input for t in task.tests], 1, _LIMITS)
    found = tuple(
        Found(
            program=programs[k],
            method="corpus",
            cost=float(len(programs[k])),
            derivations=1,
            evaluations=ends[k],
            num_right=int(num_right[k]),
            outputs=tuple(answers.grid(place, i) for i in range(len(task.tests))),
        )
        for place, k in enumerate(order)
    )
    figures = {"corpus": MethodFigures(spent, len(found))}
    return TaskSearch(found, spent, spent, 0, 0, figures)
