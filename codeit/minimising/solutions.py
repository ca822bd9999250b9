"""What is kept as a solution, with a shorter program that does the same."""

from __future__ import annotations

from dataclasses import replace

from codeit.execution.executor import Limits
from codeit.language import Program
from codeit.minimising.minimiser import minimise
from codeit.tasks.scoring import Candidate
from codeit.tasks.task import Task

FEW_EVALUATIONS = 2_000
"""For a round of `minimise`, where programs come by the hundred and most are not shown: 2 to 5 ms a
program, an eighth of what EVALUATIONS take; half of them become as short as with these."""


def is_kept_as_solution(candidate: Candidate) -> bool:
    """Whether it is kept and shown as a solution: right on all demonstrations, or on all tests, as
    what counts as a solution by the paper's rule may miss a demonstration."""
    return candidate.num_right == candidate.num_demonstrations or candidate.is_solution


def with_minimised(
    candidate: Candidate,
    program: Program,
    task: Task,
    evaluations: int,
    limits: Limits | None = None,
) -> Candidate:
    """The candidate with its minimised program.

    Args:
        program: that of the candidate.
        task: on whose inputs, those of the tests included, nothing may change.
        evaluations, limits: as in `minimise`.
    """
    inputs = [pair.input for pair in (*task.demonstrations, *task.tests)]
    shorter = minimise(program, inputs, evaluations=evaluations, limits=limits)
    return replace(candidate, minimised=shorter.text, minimised_key=shorter.key)
