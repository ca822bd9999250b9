"""What the search of one task comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codeit.grids import Grid
from codeit.language import Program


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
        is_led: whether it was made from programs that lead the corpus, and from no other before.
    """

    program: Program
    method: str
    cost: float
    derivations: int
    evaluations: int
    num_right: int
    outputs: tuple[Grid | None, ...]
    is_led: bool = False


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
        chance: that one of the first two is right on the tests, by the ranking.
        evaluations: calls of primitives and closures that were run, each on all examples; one that
            burns much fuel counts as several, and so does other work.
        calls: those that the memo answered, too.
        nodes: values in the pool at the end.
        bytes: how much memory they took at most.
        methods: by the name of each method that ran.
        nearest: a few programs that miss, but make grids as large as all outputs: those that are
            wrong at the fewest cells, the best first.
    """

    found: tuple[Found, ...]
    chance: float
    evaluations: int
    calls: int
    nodes: int
    bytes: int
    methods: Mapping[str, MethodFigures]
    nearest: tuple[Program, ...] = ()
