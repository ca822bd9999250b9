"""Which programs are submitted for a task, and which tasks count as solved.

The paper's rule: of the programs that reproduce at least one demonstration, the three best are
submitted, by the share of demonstrations reproduced, then by shorter text; the task is solved when
one of the three is right on all of its tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NUM_SUBMITTED = 3


@dataclass(frozen=True)
class Candidate:
    """A program that reproduces at least one demonstration of a task."""

    task_id: str
    program: str
    num_right: int
    num_demonstrations: int
    num_tests_right: int
    num_tests: int

    @property
    def share_right(self) -> float:
        return self.num_right / self.num_demonstrations

    @property
    def is_solution(self) -> bool:
        """Whether it is right on every test. Only the score may look at this."""
        return self.num_tests > 0 and self.num_tests_right == self.num_tests


class Scoreboard:
    """The candidates found so far, task by task."""

    def __init__(self) -> None:
        self._by_task: dict[str, dict[str, Candidate]] = {}

    def add(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Keep candidates; returns those that were not known."""
        new = []
        for candidate in candidates:
            known = self._by_task.setdefault(candidate.task_id, {})
            if candidate.program not in known:
                known[candidate.program] = candidate
                new.append(candidate)
        return new

    def submission(self, task_id: str) -> list[Candidate]:
        """The programs submitted for a task, the best first; ties go by the text itself."""
        candidates = self._by_task.get(task_id, {}).values()
        best_first = sorted(candidates, key=lambda c: (-c.share_right, len(c.program), c.program))
        return best_first[:NUM_SUBMITTED]

    def solved(self) -> list[str]:
        """The tasks that are solved, in order of their ids."""
        return sorted(
            task_id
            for task_id in self._by_task
            if any(candidate.is_solution for candidate in self.submission(task_id))
        )
