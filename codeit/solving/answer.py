"""What is known of a task in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from codeit.grids import Grid, grid_digest
from codeit.language import Program
from codeit.searching.records import FoundCandidate, TaskRecord
from codeit.tasks.scoring import Candidate, Submission
from codeit.tasks.task import Task

ORIGINS = ("search", "policy", "policy and search", "policy-led search")
"""What a program comes from: the search alone; the policy alone; the policy wrote what the search
comes to without it, too; the search, which has made it of what the policy wrote."""


@dataclass(frozen=True, eq=False)
class Attempt:
    """Grids that are handed in for the tests of a task, and where they come from.

    Attributes:
        grids: for each test; None where its programs make none.
        found: the best program that makes them.
        origin: of this program, one of ORIGINS.
    """

    grids: tuple[Grid | None, ...]
    found: FoundCandidate
    origin: str


@dataclass(frozen=True, eq=False)
class Answer:
    """What is known of a task when the work on it has ended.

    Attributes:
        record: of the task without the outputs of its tests: no verdict on a test is in it.
        origins: of the programs of the record, by their keys.
        nearest: programs that miss, the nearest to the demonstrations first.
    """

    record: TaskRecord
    origins: Mapping[str, str]
    nearest: tuple[Program, ...] = ()

    @property
    def num_fitting(self) -> int:
        """How many programs are right on all demonstrations; of those that do the same, one."""
        return len(self.record.solutions)

    @property
    def attempts(self) -> list[Attempt]:
        """What is handed in, the better first."""
        by_key = {found.candidate.key: found for found in self.record.found}
        attempts = []
        for group, grids in zip(self.record.submission.attempts, self.record.answers, strict=True):
            first = group[0].key
            attempts.append(Attempt(grids, by_key[first], self.origins[first]))
        return attempts

    def without_grids(self, num_tests: int) -> Attempt:
        """The best program as an attempt, where no program makes a grid of any test."""
        best = self.record.found[0]
        return Attempt((None,) * num_tests, best, self.origins[best.candidate.key])

    def judged(self, task: Task) -> Submission:
        """What is handed in, with verdicts on the tests.

        Args:
            task: the same, with the outputs of its tests as far as they are known.
        """
        return Submission.in_order([_judged(found.candidate, task) for found in self.record.found])

    def to_row(self) -> dict[str, Any]:
        """As an object of a JSON file; without what is nearest."""
        origins = [self.origins[found.candidate.key] for found in self.record.found]
        return {"record": self.record.to_row(), "origins": origins}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Answer:
        """What `to_row` gave, also after it was in a file.

        Raises:
            ValueError: it is something else.
        """
        if row.keys() != {"record", "origins"} or not isinstance(row["record"], dict):
            raise ValueError("it is no answer")
        record, origins = TaskRecord.from_row(row["record"]), row["origins"]
        is_good = isinstance(origins, list) and len(origins) == len(record.found)
        if not is_good or not all(origin in ORIGINS for origin in origins):
            raise ValueError(f'"origins" are {origins!r:.80}; allowed: one of each program')
        keys = [found.candidate.key for found in record.found]
        return cls(record, dict(zip(keys, origins, strict=True)))


def _judged(candidate: Candidate, task: Task) -> Candidate:
    verdicts = tuple(
        None if test.output is None else made == grid_digest(test.output)
        for test, made in zip(task.tests, candidate.predictions, strict=True)
    )
    return replace(candidate, tests_right=verdicts)
