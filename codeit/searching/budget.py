"""How many evaluations a task gets, where a number of minutes is given."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from codeit.searching.corpus import Corpus
from codeit.searching.search import search_each
from codeit.searching.settings import MAX_EVALUATIONS, SearchSettings
from codeit.tasks.task import Task

_FIRST = 2_000  # evaluations a task, of the first attempt at a measurement
_GROWTH = 4
_SHARE = 0.02  # of the time, for the measurement
_SECONDS = 1.0  # of it at least, as the first moments of a search are its slowest
_MOST_SHARE = 0.1  # of a short time
_TASKS_A_THREAD = 4
_LATER = 0.8  # of the rate that is measured: pools grow, and leave the caches


@dataclass(frozen=True)
class Budget:
    """What was measured once, and what follows from it.

    Attributes:
        rate: evaluations a second, of all threads together.
        evaluations: for each task.
    """

    rate: float
    evaluations: int


def measure_budget(
    minutes: float,
    tasks: Sequence[Task],
    corpus: Corpus,
    settings: SearchSettings,
    threads: int,
    *,
    minimises: bool = True,
) -> Budget:
    """Search some of the tasks for a moment, and say what fits the minutes.

    The number depends on the machine and on what else it does; what is found with it does not.

    Args:
        minimises: as in `search_each`.
    """
    start = time.perf_counter()
    count = min(len(tasks), _TASKS_A_THREAD * threads)
    some = [tasks[k * len(tasks) // count] for k in range(count)]
    evaluations, before = _FIRST, 0
    total = minutes * 60
    least = max(_SHARE * total, min(_MOST_SHARE * total, _SECONDS * _GROWTH)) / _GROWTH
    while True:
        begin = time.perf_counter()
        with search_each(
            some, corpus, settings, threads, evaluations, minimises=minimises
        ) as ended:
            spent = sum(searched.record.evaluations for searched in ended)
        seconds = time.perf_counter() - begin
        is_exhausted = spent == before
        if is_exhausted or seconds >= least:
            break
        evaluations, before = evaluations * _GROWTH, spent
    rate = max(spent, 1) / max(seconds, 1e-9)
    left = max(total - (time.perf_counter() - start), 0)
    return Budget(rate, _rounded(_LATER * rate * left / len(tasks)))


def _rounded(number: float) -> int:
    """Down to two digits, so that it can be typed; at least 1."""
    digits = len(str(int(number)))
    unit = 10 ** max(digits - 2, 0)
    return min(max(int(number) // unit * unit, 1), MAX_EVALUATIONS)
