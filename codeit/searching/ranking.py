"""Which of the programs that are right on all demonstrations are submitted first.

Many are right by chance. What tells them apart is weighed by numbers that were learned on the
training tasks, the programs of a task itself left out of its search: `python
benchmarks/fit_ranking.py` learns them again, and says how often the first one, two and three are
right. No output of a test is looked at, only what a program makes of the test's input.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from codeit.execution.executor import Limits, execute
from codeit.grids import Grid
from codeit.language import PRIMITIVES, Language, Program
from codeit.searching.found import Found
from codeit.searching.votes import agreements, votes
from codeit.tasks.task import Task

WEIGHTS = {
    "no grid": -0.3,
    "odd size": -1.35,
    "odd color": -0.69,
    "color of its own": -1.04,
    "nothing changed": -1.14,
    "odd change": -1.21,
    "length": -0.28,
    "derivations": 0.44,
    "useless line": -1.5,
    "votes": 1.32,
}
"""What each feature counts, in natural logarithms of odds. Without the votes, the last one, they
say how much a program's own vote counts."""

CHANCE_WEIGHTS = {"score": 0.3, "lead": 0.58, "programs": 0.18, "painted": -0.83, "any": 0.42}
"""What speaks for one of the first two being right: the score of the first one, how far it leads
the second (3 at most), the logarithm of how many fit, and whether the first one was found by
painting pieces of the outputs; and what is said of any task."""

LIKELY = 0.5
"""The chance from which on the search claims to have solved a task."""

MOST_LOOKED_AT = 100
"""Programs that are run for their features; the others stay behind them."""

_MOST_LINES = 8
_PAINTING_METHODS = ("color map", "cover", "layers")
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
    whole = in_first_order(one for one in found if one.num_right == len(task.demonstrations))
    rest = [one for one in found if one.num_right < len(task.demonstrations)]
    rest.sort(key=lambda one: (-one.num_right, len(one.program.text), one.program.text))
    if not whole:
        return Ranking(tuple(rest), 0.0)
    first, others = whole[:MOST_LOOKED_AT], whole[MOST_LOOKED_AT:]
    weights = np.array(list(WEIGHTS.values()))
    scores = with_votes(features(task, first), agreements(task, first), weights) @ weights
    order = np.argsort(-scores, kind="stable")
    best = [first[k] for k in order]
    chance = _chance(chance_features(scores[order], best[0], len(whole)))
    return Ranking((*best, *others, *rest), chance)


def in_first_order(fitting: Iterable[Found]) -> list[Found]:
    """Programs that fit by their length and derivations: the first MOST_LOOKED_AT are run for their
    features."""
    return sorted(fitting, key=_first_score, reverse=True)


def chance_features(
    scores: npt.NDArray[np.float64], first: Found, num_programs: int
) -> list[float]:
    """The features of CHANCE_WEIGHTS, of scores from the best on, the program that has the best
    one, and so many programs that fit."""
    lead = min(scores[0] - scores[1], 3) if num_programs > 1 else 3
    is_painted = first.method in _PAINTING_METHODS
    return [scores[0], lead, math.log(num_programs), is_painted, 1]


def _chance(features: Sequence[float]) -> float:
    values = zip(CHANCE_WEIGHTS.values(), features, strict=True)
    odds = math.exp(min(sum(weight * value for weight, value in values), 50))
    return round(odds / (1 + odds), 3)


def features(task: Task, found: Sequence[Found]) -> npt.NDArray[np.float64]:
    """The features, all but the votes, of programs that are right on all demonstrations.

    Returns:
        float64 [P, F - 1], in the order of WEIGHTS.
    """
    useless = _shares_of_useless_lines(task, [one.program for one in found])
    known = _Demonstrations(task)
    rows = [
        [
            *known.features(one.outputs),
            _length(one),
            math.log2(1 + one.derivations),
            useless[k],
        ]
        for k, one in enumerate(found)
    ]
    return np.array(rows, np.float64).reshape(len(rows), len(WEIGHTS) - 1)


def with_votes(
    own: npt.NDArray[np.float64],
    agreed: Sequence[npt.NDArray[np.float64]],
    weights: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """All features, float64 [P, F]: those from `features`, and the votes by `agreements` of the
    same programs, each with the score that the weights give to its other features."""
    return np.column_stack([own, votes(agreed, own @ weights[:-1])])


def _first_score(one: Found) -> tuple[float, float]:
    derivations = WEIGHTS["derivations"] * math.log2(1 + one.derivations)
    return WEIGHTS["length"] * _length(one) + derivations, -one.evaluations


def _length(one: Found) -> float:
    return len(one.program.text) / 100


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
