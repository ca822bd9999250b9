"""Votes of programs for each other's answers, on a test's input and on the input turned.

ARC's tasks have many symmetries. Programs that express a rule, each in its own way, often answer
alike when the input is turned, where those that are right by chance fall apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from codeit.execution.executor import Limits, execute
from codeit.grids import Grid, bytes_of
from codeit.searching.found import Found
from codeit.tasks.task import Task

_Turn = Callable[[Grid], Grid]

TURNS: tuple[tuple[_Turn, _Turn], ...] = (
    (np.flipud, np.flipud),
    (np.fliplr, np.fliplr),
    (np.transpose, np.transpose),
    (lambda grid: np.rot90(grid, 2), lambda grid: np.rot90(grid, 2)),
    (lambda grid: np.rot90(grid, 1), lambda grid: np.rot90(grid, 3)),
    (lambda grid: np.rot90(grid, 3), lambda grid: np.rot90(grid, 1)),
    (lambda grid: np.rot90(grid, 2).T, lambda grid: np.rot90(grid, 2).T),
)
"""The seven ways to turn or mirror a grid, each with the way back."""

_LIMITS = Limits(fuel=2_000_000)
_LEAST_SHARE = 0.001
"""Added to the share of each answer, as some have no votes at all."""


def agreements(task: Task, found: Sequence[Found]) -> list[npt.NDArray[np.float64]]:
    """How far programs give each other's answers, as a test's input is turned.

    Returns:
        For each test, float64 [P, P]: for which share of the eight inputs, the plain one among
        them, program j gives the answer, turned back, that program i gives to the plain one.
    """
    shares = []
    programs = [one.program for one in found]
    for k, test in enumerate(task.tests):
        counts = np.zeros((len(found), len(found)))
        giving: dict[bytes, list[int]] = {}
        for i, one in enumerate(found):
            answer = one.outputs[k]
            if answer is not None:
                giving.setdefault(bytes_of(answer), []).append(i)
        for same in giving.values():
            counts[np.ix_(same, same)] += 1
        runs = execute(programs, [there(test.input) for there, _ in TURNS], 1, _LIMITS)
        for turn, (_, back) in enumerate(TURNS):
            for j in range(len(found)):
                turned = runs.grid(j, turn)
                if turned is not None:
                    counts[giving.get(bytes_of(back(turned)), []), j] += 1
        shares.append(counts / (1 + len(TURNS)))
    return shares


def votes(
    agreed: Sequence[npt.NDArray[np.float64]], scores: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The votes for each program's answers.

    A program has as many votes as its score says, an eighth for each of the eight inputs. The votes
    for an answer are the logarithm of its share of all; for several answers, their mean.

    Args:
        agreed: from `agreements`.
        scores: float64 [P], in natural logarithms of odds.
    Returns:
        float64 [P].
    """
    if not agreed or len(scores) == 0:
        return np.zeros(len(scores))
    odds = np.exp(scores - scores.max())
    shares = np.array(agreed) @ (odds / odds.sum())
    mean: npt.NDArray[np.float64] = np.log(shares + _LEAST_SHARE).mean(axis=0)
    return mean
