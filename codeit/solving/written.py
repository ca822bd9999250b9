"""What a policy has written for a task: what of it is right, and what a search begins with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codeit.execution.executor import Limits, execute
from codeit.language import Program
from codeit.language.program import distinct
from codeit.searching.found import Found
from codeit.solving.misses import Miss, misses_of
from codeit.tasks.task import Task

METHOD = "policy"
"""Stands for a method of the search where the policy itself has written a program."""

MOST_LEADING = 30
"""Programs that a search begins with, the nearest to the demonstrations first."""


@dataclass(frozen=True, eq=False)
class Written:
    """What a policy has written for a task.

    Attributes:
        right: the programs that are right on a demonstration, the best first.
        leading: those with which a search begins.
        num_samples, num_programs: texts, and distinct programs among them.
    """

    right: tuple[Found, ...] = ()
    leading: tuple[Program, ...] = ()
    num_samples: int = 0
    num_programs: int = 0

    @classmethod
    def of(cls, task: Task, texts: Sequence[Program | str], limits: Limits) -> Written:
        """That of samples, which are run on the task. Its tests' outputs are not looked at."""
        programs = distinct(p for p in texts if isinstance(p, Program))
        misses = [miss for miss in misses_of(task, programs, limits) if miss.makes_grids]
        misses.sort(key=lambda miss: (-miss.num_right, miss.num_wrong, len(miss.program.text)))
        right = [miss for miss in misses if miss.num_right]
        return cls(
            right=tuple(_found(task, right, limits)),
            leading=tuple(miss.program for miss in misses[:MOST_LEADING]),
            num_samples=len(texts),
            num_programs=len(programs),
        )


def _found(task: Task, right: Sequence[Miss], limits: Limits) -> Iterable[Found]:
    inputs = [test.input for test in task.tests]
    answers = execute([miss.program for miss in right], inputs, 1, limits)
    for place, miss in enumerate(right):
        yield Found(
            program=miss.program,
            method=METHOD,
            cost=0.0,
            derivations=1,
            evaluations=0,
            num_right=miss.num_right,
            outputs=tuple(answers.grid(place, i) for i in range(len(inputs))),
            is_led=True,
        )
