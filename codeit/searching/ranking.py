"""Which of the programs that are right on all demonstrations are submitted first.

Many are right by chance. What tells them apart is weighed by numbers that were learned on the
training tasks, the programs of a task itself left out of its search: `python
benchmarks/fit_ranking.py` learns them again, and says how often the first one, two and three are
right. No output of a test is looked at, only what a program makes of the test's input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from codeit.execution.executor import Limits, execute
from codeit.grids import Grid
from codeit.language import PRIMITIVES, Language, Program
from codeit.searching.found import Found
from codeit.tasks.task import Task

WEIGHTS = {
    "no grid": -2.06,
    "odd size": -2.98,
    "odd color": -1.13,
    "color of its own": -1.56,
    "nothing changed": -2.03,
    "odd change": -1.78,
    "length": -0.54,
    "derivations": 0.85,
    "useless line": -2.66,
}
"""What each feature counts, in natural logarithms of odds."""

CHANCE_WEIGHTS = {"score": 0.29, "lead": 0.33, "programs": -0.13, "any": 0.17}
"""What speaks for one of the first two being right: the score of the first one, how far it leads
the second (3 at most), and the logarithm of how many fit; and what is said of any task."""

LIKELY = 0.5
"""The chance from which on the search claims to have solved a task."""

MOST_LOOKED_AT = 100
"""Programs whose lines are left out one by one; the others are ranked by length and derivations."""

_MOST_LINES = 8
_LIMITS = Limits()
_PAINTING = {
    name
    for name, row in PRIMITIVES.items()
    if row.group == "painting" and row.returns == row.parameters[0].type
}


@dataclass(frozen=True)
class Ranking:
    """What was found, the best first, and the chance that one of the first two is right.

    Attributes:
        chance: 0 where nothing is right on all demonstrations; by tasks of the training set, so
            that it is too high where tasks are harder.
    """

    order: tuple[Found, ...]
    chance: float


def rank(task: Task, found: Sequence[Found]) -> Ranking:
    """Rank what was found for a task.

    Programs that reproduce more demonstrations come first; those that reproduce all, by their
    features; others, the shorter first.
    """
    whole = [one for one in found if one.num_right == len(task.demonstrations)]
    rest = [one for one in found if one.num_right < len(task.demonstrations)]
    whole.sort(key=_first_score, reverse=True)
    looked_at, others = whole[:MOST_LOOKED_AT], whole[MOST_LOOKED_AT:]
    scores = features(task, looked_at) @ np.array(list(WEIGHTS.values()))
    order = np.argsort(-scores, kind="stable")
    rest.sort(key=lambda one: (-one.num_right, len(one.program.text), one.program.text))
    first = [looked_at[k] for k in order]
    return Ranking((*first, *others, *rest), _chance(scores[order], len(whole)))


def chance_features(scores: npt.NDArray[np.float64], count: int) -> list[float]:
    """The features of CHANCE_WEIGHTS, of scores from the best on, and so many programs that fit."""
    lead = min(scores[0] - scores[1], 3) if count > 1 else 3
    return [scores[0], lead, math.log(count), 1]


def _chance(scores: npt.NDArray[np.float64], count: int) -> float:
    if count == 0:
        return 0.0
    values = zip(CHANCE_WEIGHTS.values(), chance_features(scores, count), strict=True)
    odds = math.exp(min(sum(weight * value for weight, value in values), 50))
    return round(odds / (1 + odds), 3)


def features(task: Task, found: Sequence[Found]) -> npt.NDArray[np.float64]:
    """The features of programs that are right on all demonstrations.

    Returns:
        float64 [P, F], in the order of WEIGHTS.
    """
    useless = _shares_of_useless_lines(task, [one.program for one in found])
    known = _Demonstrations(task)
    rows = [
        [
            *known.features(one.outputs),
            len(one.program.text) / 100,
            math.log2(1 + one.derivations),
            useless[k],
        ]
        for k, one in enumerate(found)
    ]
    return np.array(rows, np.float64).reshape(len(rows), len(WEIGHTS))


def _first_score(one: Found) -> tuple[float, float]:
    length = len(one.program.text) / 100
    score = WEIGHTS["length"] * length + WEIGHTS["derivations"] * math.log2(1 + one.derivations)
    return score, -one.evaluations


class _Demonstrations:
    """What all demonstrations have in common, and how far answers to the tests keep to it."""

    def __init__(self, task: Task) -> None:
        self._task = task
        pairs = [(d.input, d.output) for d in task.demonstrations if d.output is not None]
        sizes = [(np.array(i.shape), np.array(o.shape)) for i, o in pairs]
        self._factor = _common([tuple(o / i) for i, o in sizes])
        self._difference = _common([tuple(o - i) for i, o in sizes])
        self._size = _common([o.shape for _, o in pairs])
        self._output_colors = set().union(*(_colors(o) for _, o in pairs))
        self._has_no_own_color = all(_colors(o) <= _colors(i) for i, o in pairs)
        self._keeps_size = all(i.shape == o.shape for i, o in pairs)
        self._changes = [float((i != o).mean()) for i, o in pairs] if self._keeps_size else []

    def features(self, outputs: Sequence[Grid | None]) -> list[float]:
        """The first features, of the answers to the tests."""
        odd_size = odd_color = own_color = unchanged = odd_change = 0.0
        for test, output in zip(self._task.tests, outputs, strict=True):
            if output is None:
                continue
            colors, of_input = _colors(output), _colors(test.input)
            odd_size = max(odd_size, self._is_odd_size(test.input, output))
            odd_color = max(odd_color, bool(colors - self._output_colors - of_input))
            own_color = max(own_color, self._has_no_own_color and not colors <= of_input)
            if output.shape != test.input.shape:
                continue
            changed = float((output != test.input).mean())
            unchanged = max(unchanged, changed == 0)
            if self._changes:
                odd_change = max(odd_change, self._oddness(changed))
        return [None in _listed(outputs), odd_size, odd_color, own_color, unchanged, odd_change]

    def _is_odd_size(self, given: Grid, output: Grid) -> bool:
        """Whether a rule holds for all demonstrations, and none that does for this answer."""
        size = np.array(given.shape)
        expected = [] if self._size is None else [self._size]
        expected += [] if self._factor is None else [tuple(size * self._factor)]
        expected += [] if self._difference is None else [tuple(size + self._difference)]
        return bool(expected) and output.shape not in expected

    def _oddness(self, changed: float) -> float:
        """How far the share of changed cells lies outside those of the demonstrations, as the
        logarithm of a ratio, up to 3."""
        least, most = (
            math.log(share + 0.005) for share in (min(self._changes), max(self._changes))
        )
        own = math.log(changed + 0.005)
        return min(max(own - most, least - own, 0), 3)


def _listed(outputs: Sequence[Grid | None]) -> list[bool | None]:
    return [None if output is None else True for output in outputs]


def _common(values: Sequence[tuple[float, ...]]) -> tuple[float, ...] | None:
    return values[0] if len(set(values)) == 1 else None


def _colors(grid: Grid) -> set[int]:
    return set(np.unique(grid).tolist())


def _shares_of_useless_lines(task: Task, programs: Sequence[Program]) -> list[float]:
    """For each program, the largest share of demonstrations for which one of the lines that paint
    can be left out."""
    shorter: list[tuple[int, Program]] = []
    for k, program in enumerate(programs):
        variants = _without_painting(program)
        if 0 < len(variants) <= _MOST_LINES:
            shorter += [(k, variant) for variant in variants]
    shares = [0.0] * len(programs)
    demonstrations = task.demonstrations
    runs = execute([p for _, p in shorter], [d.input for d in demonstrations], 1, _LIMITS)
    is_right = runs.match([d.output for d in demonstrations])
    for (k, _), right in zip(shorter, is_right, strict=True):
        shares[k] = max(shares[k], float(right.mean()))
    return shares


def _without_painting(program: Program) -> list[Program]:
    """The program with one of the lines that paint onto a grid left out, for each of them."""
    lines = program.text.split("\n")
    texts = []
    for k, line in enumerate(lines):
        name, call = line.split(" = ", 1)
        function, arguments = call.rstrip(" )").split("(", 1)
        if function in _PAINTING:
            grid = arguments.split(", ")[0]
            texts.append("\n".join([*lines[:k], f"{name} = identity({grid})", *lines[k + 1 :]]))
    language = cast("Language", program.language)
    parsed = Program.parse_all(texts, program.dialect, language)
    return [variant for variant in parsed if isinstance(variant, Program)]
