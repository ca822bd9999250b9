"""The history of a run of `codeit train`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from codeit.reporting.history import ORIGIN_NAMES, Found, History, Point, Source
from codeit.runs.directory import (
    CONFIG,
    METRICS,
    Order,
    Solution,
    check_written,
    read_metrics,
    read_orders,
    read_solutions,
)
from codeit.runs.metrics import ENDS, IterationMetrics, Metrics, StartMetrics, from_row
from codeit.runs.settings import RunSettings, load_all_settings
from codeit.tasks.scoring import Score, TaskKey


@dataclass(frozen=True, eq=False, kw_only=True)
class RunHistory(History):
    """What a run has learned and found.

    Attributes:
        start: what came before the first iteration.
        iterations: in their order.
        solutions: in the order in which they were found.
        submitted: the order in which the programs of all together are submitted.
    """

    start: StartMetrics
    iterations: Sequence[IterationMetrics]
    solutions: Sequence[Solution]
    submitted: Sequence[Order]

    @property
    def kind(self) -> str:
        return "run"

    @property
    def is_done(self) -> bool:
        return len(self.iterations) >= self.settings.iterations

    @property
    def rows(self) -> list[Metrics]:
        """The start and the iterations."""
        return [self.start, *self.iterations]

    @cached_property
    def found(self) -> Sequence[Found]:
        return [
            Found(one.candidate, one.origin, one.iteration, at=one.iteration)
            for one in self.solutions
        ]

    @property
    def orders(self) -> Sequence[tuple[TaskKey, Sequence[str]]]:
        return [(order.task, order.keys) for order in self.submitted]

    @property
    def ranking_note(self) -> str:
        """What to say below figures of all together."""
        how = " The programs of all together are ranked as `codeit solve` ranks them."
        return how if self.submitted else ""

    @cached_property
    def settings(self) -> RunSettings:
        """All settings.

        Raises:
            ValueError: the file is missing or damaged.
        """
        return load_all_settings(self.path / CONFIG)

    @cached_property
    def source(self) -> Source:
        data = self.settings.data
        return Source(data.evaluation, None, data.dialect, self.settings.limits)

    @property
    def origins(self) -> list[str]:
        """Those of ORIGINS that had a chance to find something, and "all"."""
        later = {
            "search": self.start.num_searched,
            "elsewhere": any("elsewhere" in row.stages for row in self.iterations),
            "led_search": any(row.num_searched for row in self.iterations),
        }
        return [by for by in ORIGIN_NAMES if later.get(by, True)]

    def priorities(self, origin: str) -> dict[int, dict[str, float]]:
        """Of each iteration, how many experiences of one of BUFFER_ORIGINS are in which range of
        priorities; empty where there were none, or the run did not record it."""
        tables = {row.iteration: row.buffer_priorities.get(origin, {}) for row in self.iterations}
        return {k: dict(table) for k, table in tables.items() if any(table.values())}

    def seconds(self) -> dict[str, float]:
        """Busy seconds of each stage, of all iterations together; the longest first."""
        total: dict[str, float] = {}
        for row in self.rows:
            for name, value in row.seconds.items():
                total[name] = total.get(name, 0.0) + value
        return dict(sorted(total.items(), key=lambda item: -item[1]))

    def sample_ends(self) -> dict[str, int]:
        """How many samples of all iterations ended how, in words; the most first. Empty where the
        run did not record it."""
        total: Counter[str] = Counter()
        for row in self.iterations:
            total.update({name: int(number) for name, number in row.sample_ends.items()})
        return {ENDS.get(name, name.replace("_", " ")): n for name, n in total.most_common()}

    def solved_together(self) -> dict[str, list[str]]:
        """By rule, the ids of the tasks that no origin solves alone, but all do together: of rules
        that let programs of several origins stand for one attempt."""
        score = Score(())
        for solution in self.solutions:
            score.add(solution.origin, [solution.candidate])
        for order in self.orders:
            score.set_order(*order)
        return {
            rule: sorted(task_id for task_id, _ in tasks)
            for rule, tasks in score.solved_only()["all"].items()
        }


def read_run(path: Path) -> RunHistory:
    """The history of a run, or of what there is of it so far.

    Raises:
        ValueError: the path is no run directory, or a file in it is damaged.
    """
    gone = check_written(path)
    rows = [from_row(row) for row in read_metrics(path)]
    if not rows:
        raise ValueError(f"{path / METRICS}: it is empty; the run has not started yet")
    start = rows[0]
    assert isinstance(start, StartMetrics)
    iterations = [row for row in rows[1:] if isinstance(row, IterationMetrics)]
    samples = accumulate([start.num_mutants_scored, *(row.num_samples for row in iterations)])
    return RunHistory(
        path=path,
        num_tasks=start.num_tasks,
        num_scored=start.num_scored_tasks,
        solved=rows[-1].solved,
        points=[Point(n, row.solved) for n, row in zip(samples, rows, strict=True)],
        notes=[*gone, *start.notes],
        start=start,
        iterations=iterations,
        solutions=read_solutions(path),
        submitted=read_orders(path),
    )
