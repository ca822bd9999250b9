"""What comes of the programs that were written for a task: how they run, what they solve, and what
they teach; for this task, and for all others.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from codeit.candidates import find_candidates
from codeit.execution.executor import Limits, execute, execute_groups
from codeit.language import Program
from codeit.language.program import Dialect
from codeit.learning.experience import Experience, ExperienceWriter, Lessons
from codeit.learning.samples import (
    ExecutedSamples,
    SampleCounts,
    Samples,
    relabelled,
    sample_row,
)
from codeit.parallel.processes import ProcessGroup
from codeit.policy.tokenizer import Tokenizer
from codeit.runs.timeline import Timeline
from codeit.tasks.scoring import Candidate
from codeit.tasks.task import Task

ELSEWHERE_FUEL = 500_000
"""What a run on the first demonstration of another task may use at most: there are many of them,
and what needs more is hardly ever right there."""

_AT_A_TIME = 32
"""Programs that are tried on all tasks together; bounds the memory for what they return."""

_MOST_KNOWN = 1_000_000
"""Programs whose hits are remembered."""


@dataclass(frozen=True, eq=False)
class Harvest:
    """What one task's samples have come to, in a form that can be handed to other processes.

    Attributes:
        number: of the task.
        row: as in `sample_row`.
        keys: of the distinct programs.
        found: programs that are right on a demonstration of the task.
        lessons: what they teach.
        found_elsewhere, lessons_elsewhere: the same for the other tasks whose first demonstration
            they reproduce.
        valid: the programs that return a grid for a demonstration, the nearest first: by the share
            of demonstrations that are right, then of cells, then by the order of the samples.
    """

    number: int
    row: dict[str, Any]
    counts: SampleCounts
    found: list[Candidate]
    lessons: Lessons
    keys: list[str] = field(default_factory=list)
    found_elsewhere: list[Candidate] = field(default_factory=list)
    lessons_elsewhere: Lessons = field(default_factory=lambda: Lessons([]))
    valid: list[Program] = field(default_factory=list)


class Elsewhere:
    """Runs programs on the first demonstration of every task. Any thread may ask.

    What a program hits follows from its code alone, so it is remembered, whoever wrote it.
    """

    def __init__(self, tasks: Sequence[Task], limits: Limits) -> None:
        self._inputs = [task.demonstrations[0].input for task in tasks]
        self._outputs = [task.demonstrations[0].output for task in tasks]
        self._limits = replace(limits, fuel=min(limits.fuel, ELSEWHERE_FUEL))
        self._known: dict[bytes, tuple[int, ...]] = {}
        self._untold: dict[bytes, tuple[int, ...]] = {}
        self._lock = threading.Lock()

    def hits(self, programs: Sequence[Program]) -> list[tuple[int, ...]]:
        """Of each program, the numbers of the tasks whose first demonstration it reproduces."""
        codes = [program.code for program in programs]
        with self._lock:
            known = {code: self._known[code] for code in codes if code in self._known}
        new = {c: p for c, p in zip(codes, programs, strict=True) if c not in known}
        rest = list(new.items())
        for begin in range(0, len(rest), _AT_A_TIME):
            some = rest[begin : begin + _AT_A_TIME]
            results = execute([program for _, program in some], self._inputs, 1, self._limits)
            is_right = results.match(self._outputs)
            for k, (code, _) in enumerate(some):
                known[code] = tuple(np.flatnonzero(is_right[k]).tolist())
        tried = {code: known[code] for code in new}
        self._remember(tried)
        with self._lock:
            self._untold.update(tried)
        return [known[code] for code in codes]

    def share(self, processes: ProcessGroup) -> None:
        """Remember what every process has tried since the last call, which none tries again.

        All processes must call it. While they write they do not wait for each other, so that what
        two of them write for the first time in one iteration is tried by both.
        """
        with self._lock:
            untold, self._untold = self._untold, {}
        self._remember(dict(processes.gather(untold.items())))

    def _remember(self, tried: Mapping[bytes, tuple[int, ...]]) -> None:
        with self._lock:
            if len(self._known) + len(tried) > _MOST_KNOWN:
                self._known.clear()
            self._known.update(tried)


class Harvester:
    """Makes harvests: each of its tasks alone, so that any thread may, in any order.

    Args:
        tasks: those that are written for.
        limits: of the runs.
        is_relabelled: whether each program that runs teaches; if not, only those that are right.
        elsewhere: runs programs on the other tasks; None where they are not to be.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        writer: ExperienceWriter,
        tokenizer: Tokenizer,
        dialect: Dialect,
        limits: Limits,
        is_relabelled: bool,
        elsewhere: Elsewhere | None,
    ) -> None:
        self._tasks = tasks
        self._writer = writer
        self._tokenizer = tokenizer
        self._dialect: Dialect = dialect
        self._limits = limits
        self._is_relabelled = is_relabelled
        self._elsewhere = elsewhere

    def gather(self, harvests: Sequence[Harvest], processes: ProcessGroup) -> list[Harvest]:
        """The harvests of all processes, in the order of the tasks."""
        if self._elsewhere:
            self._elsewhere.share(processes)
        return sorted(processes.gather(harvests), key=lambda one: one.number)

    def of_ids(self, number: int, ids: npt.NDArray[np.int64], timeline: Timeline) -> Harvest:
        """Of what the policy has sampled for a task.

        Args:
            ids: [N, T], as `Policy.sample_ids` gives them.
        """
        with timeline.span("read", len(ids)):
            written = self._tokenizer.read_programs(ids, self._dialect)
        return self.of(Samples(number, self._tasks[number], written), timeline)

    def of(self, samples: Samples, timeline: Timeline) -> Harvest:
        """Of what was written for a task."""
        task, distinct = samples.task, samples.distinct()
        with timeline.span("execute", len(distinct) * len(task.demonstrations)):
            grids = [d.input for d in task.demonstrations]
            results = execute(distinct, grids, 1, self._limits)
        executed = ExecutedSamples(samples, distinct, results)
        with timeline.span("score"):
            found = find_candidates(task, distinct, results, 1, self._limits)
            row, counts = sample_row(executed), SampleCounts.of(executed)
        with timeline.span("relabel"):
            experiences = list(relabelled(executed, not self._is_relabelled))
        with timeline.span("tokenise", len(experiences)):
            lessons = self._writer.lessons(experiences)
        keys = [program.key for program in distinct]
        harvest = Harvest(
            samples.number, row, counts, found, lessons, keys, valid=_nearest_first(executed)
        )
        return self._tried_elsewhere(harvest, distinct, timeline) if self._elsewhere else harvest

    def _tried_elsewhere(
        self, harvest: Harvest, programs: Sequence[Program], timeline: Timeline
    ) -> Harvest:
        assert self._elsewhere
        with timeline.span("elsewhere", len(programs) * (len(self._tasks) - 1)):
            by_task: dict[int, list[Program]] = {}
            for program, numbers in zip(programs, self._elsewhere.hits(programs), strict=True):
                for number in numbers:
                    if number != harvest.number:
                        by_task.setdefault(number, []).append(program)
            groups = [
                (some, [d.input for d in self._tasks[number].demonstrations])
                for number, some in sorted(by_task.items())
            ]
            runs = execute_groups(groups, 1, self._limits)
            found: list[Candidate] = []
            experiences: list[Experience] = []
            for number, (some, _), results in zip(sorted(by_task), groups, runs, strict=True):
                task = self._tasks[number]
                found += find_candidates(task, some, results, 1, self._limits)
                executed = ExecutedSamples(Samples(number, task, [*some]), some, results)
                experiences += relabelled(executed, not self._is_relabelled)
            lessons = self._writer.lessons(experiences)
        return replace(harvest, found_elsewhere=found, lessons_elsewhere=lessons)


def _nearest_first(executed: ExecutedSamples) -> list[Program]:
    task, results = executed.samples.task, executed.results
    is_right = results.match([d.output for d in task.demonstrations])
    order = []
    for p, program in enumerate(executed.distinct):
        outputs = tuple(results.grid(p, i) for i in range(len(task.demonstrations)))
        if any(grid is not None for grid in outputs):
            share = float(is_right[p].mean())
            apart = Experience(task, program, outputs, share).distance()
            order.append((-share, apart, p))
    return [executed.distinct[p] for _, _, p in sorted(order)]


def taught_by(
    task: Task,
    programs: Sequence[Program],
    writer: ExperienceWriter,
    limits: Limits,
    is_relabelled: bool,
) -> Lessons:
    """What programs from elsewhere teach of a task."""
    results = execute(programs, [d.input for d in task.demonstrations], 1, limits)
    executed = ExecutedSamples(Samples(0, task, [*programs]), [*programs], results)
    return writer.lessons(relabelled(executed, not is_relabelled))
