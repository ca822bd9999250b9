"""The history of a search of `codeit search`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from codeit.execution.executor import Limits
from codeit.files.json_file import read_lines, read_object
from codeit.reporting.history import Found, History, Point, Source, Story
from codeit.searching.directory import SUMMARY, TIMES, read_plan, read_records
from codeit.searching.plan import SearchPlan
from codeit.searching.records import FoundCandidate, TaskRecord
from codeit.searching.summary import Summary
from codeit.tasks.datasets import load
from codeit.tasks.scoring import RULES, TaskKey
from codeit.tasks.task import Task

_STEPS = (1, 2, 5)  # of each power of ten, where the curve has a point


@dataclass(frozen=True, eq=False, kw_only=True)
class SearchHistory(History):
    """What a search has found.

    Attributes:
        records: of the tasks whose search has ended.
        summary: the figures of these.
        seen: tasks whose search began with programs of their own, as far as it has ended.
        seconds: that each task took, by its id.
    """

    plan: SearchPlan
    tasks: Sequence[Task]
    records: Sequence[TaskRecord]
    summary: Summary
    seen: Sequence[str]
    seconds: Mapping[str, float]

    @property
    def kind(self) -> str:
        return "search"

    @property
    def is_done(self) -> bool:
        return (self.path / SUMMARY).exists()

    @cached_property
    def found(self) -> Sequence[Found]:
        return [one for story in self.stories.values() for one in story.found]

    @cached_property
    def source(self) -> Source:
        return Source(self.plan.tasks, self.plan.ids, "codeit", Limits())

    @cached_property
    def stories(self) -> dict[TaskKey, Story]:
        """What is known of each task whose search has ended, by the search's own ranking."""
        return {
            (record.task_id, record.task_digest): Story(
                (record.task_id, record.task_digest),
                [_found(one) for one in record.found],
                frozenset(rule for rule in RULES if record.submission.is_solved_by(rule)),
            )
            for record in self.records
        }


def read_search(path: Path) -> SearchHistory:
    """The history of a search, or of what there is of it so far.

    Raises:
        ValueError: the path is no directory of a search, a file in it is damaged, or its tasks are
            gone.
    """
    plan = read_plan(path)
    tasks: Sequence[Task] = load(plan.tasks, plan.ids)
    if plan.shard is not None:
        tasks = plan.shard.part_of(tasks)
    known = read_records(path, tasks)
    records = [known[task.task_id] for task in tasks if task.task_id in known]
    searched = [task for task in tasks if task.task_id in known]
    summary = Summary.of(searched, records, ())
    return SearchHistory(
        path=path,
        num_tasks=len(tasks),
        num_scored=sum(not task.is_hidden for task in searched),
        solved={"search": summary.solved},
        points=_points(records),
        plan=plan,
        tasks=tasks,
        records=records,
        summary=summary,
        seen=_seen(path),
        seconds=_seconds(path),
    )


def _found(one: FoundCandidate) -> Found:
    ways = "" if one.candidate.derivations < 2 else f", in {one.candidate.derivations:,} ways"
    detail = f"{one.method}, after {one.evaluations:,} evaluations{ways}, cost {one.cost:.1f}"
    return Found(one.candidate, "search", 0, detail, one.evaluations)


def _points(records: Sequence[TaskRecord]) -> list[Point]:
    """How many of the tasks that are solved in the end had their first right program by then."""
    firsts: dict[str, list[int]] = {rule: [] for rule in RULES}
    for record in records:
        right = [one.evaluations for one in record.found if one.candidate.is_solution]
        for rule in RULES:
            if right and record.submission.is_solved_by(rule):
                firsts[rule].append(min(right))
    most = max((record.evaluations for record in records), default=0)
    amounts = [n * 10**k for k in range(2, 13) for n in _STEPS if n * 10**k < most]
    return [
        Point(n, {"search": {r: sum(at <= n for at in some) for r, some in firsts.items()}})
        for n in [*amounts, most]
        if records
    ]


def _seen(path: Path) -> Sequence[str]:
    if not (path / SUMMARY).exists():
        return ()
    seen = read_object(path / SUMMARY).get("seen")
    if not isinstance(seen, list) or not all(isinstance(name, str) for name in seen):
        raise ValueError(f'{path / SUMMARY}: "seen" is no list of task ids')
    return seen


def _seconds(path: Path) -> dict[str, float]:
    if not (path / TIMES).exists():
        return {}
    found = {}
    for number, row in enumerate(read_lines(path / TIMES), start=1):
        name, seconds = row["task_id"], row["seconds"]
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not isinstance(name, str) or not is_number or not 0 <= seconds < math.inf:
            raise ValueError(f"{path / TIMES}, line {number}: it is no time of a task")
        found[name] = float(seconds)
    return found
