"""One typed history of a directory, behind the text, the picture and the page.

It is read from what `codeit train`, `codeit search` or `codeit mutate` has left, or has left so
far. The tasks themselves are loaded only where they are to be shown.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from codeit.execution.executor import Limits
from codeit.language.program import Dialect
from codeit.tasks import datasets
from codeit.tasks.scoring import RULES, Candidate, Figures, Scoreboard, TaskKey
from codeit.tasks.task import Task

ORIGIN_NAMES = {
    "mutation": "mutation of seed programs",
    "search": "search without a model",
    "policy": "policy, all iterations",
    "elsewhere": "policy, for other tasks",
    "led_search": "search around the policy",
    "all": "all together",
}
"""What tables and charts call each of ORIGINS, and all of them."""

BUFFER_ORIGINS = {
    "seed": "seeds",
    "mutated": "mutants",
    "policy": "policy",
    "elsewhere": "other tasks'",
    "searched": "searched",
}
"""What tables and charts call what a run may learn from, by where its programs come from."""


@dataclass(frozen=True)
class Found:
    """A program that reproduces a demonstration of a task, and what first wrote it.

    Attributes:
        origin: one of ORIGINS.
        iteration: in which it was found; 0 for the start, and where there are none.
        at: its place on the way, as the history counts: iteration, evaluations or mutants.
        detail: how it was found, in words; empty where no more is known.
    """

    candidate: Candidate
    origin: str
    iteration: int = 0
    detail: str = ""
    at: int = 0

    @property
    def by(self) -> str:
        """What found it, in words."""
        words = [self.origin.replace("_", " ")]
        words += [f"iteration {self.iteration}"] if self.iteration else []
        return ", ".join([*words, self.detail] if self.detail else words)


@dataclass(frozen=True)
class Story:
    """What is known of a task.

    Attributes:
        found: all programs that reproduce a demonstration, the best first.
        rules: those of RULES by which the task is solved.
    """

    key: TaskKey
    found: Sequence[Found] = ()
    rules: frozenset[str] = frozenset()

    @property
    def task_id(self) -> str:
        return self.key[0]

    @property
    def solving(self) -> list[Found]:
        """The programs that are right on all tests, the best first."""
        return [found for found in self.found if found.candidate.is_solution]


@dataclass(frozen=True)
class Point:
    """What was solved by so many programs (of a search, evaluations for each task).

    Attributes:
        solved: by what found the programs, then by rule.
    """

    amount: int
    solved: Mapping[str, Figures]


@dataclass(frozen=True, eq=False)
class Source:
    """Which tasks a directory is about, and how its programs run."""

    tasks: str
    ids: Sequence[str] | None
    dialect: Dialect
    limits: Limits

    def load(self) -> list[Task]:
        """The tasks.

        Raises:
            ValueError, OSError: they are gone.
        """
        return datasets.load(self.tasks, self.ids)


@dataclass(frozen=True, eq=False, kw_only=True)
class History(ABC):
    """What every kind of directory has to tell.

    Attributes:
        path: of the directory.
        num_scored: tasks whose tests are known.
        solved: how many of them are solved in the end, by what found the programs, then by rule.
        points: the same on the way, in order.
        notes: sentences about all of it.
    """

    path: Path
    num_tasks: int
    num_scored: int
    solved: Mapping[str, Figures]
    points: Sequence[Point]
    notes: Sequence[str] = ()

    @property
    @abstractmethod
    def kind(self) -> str:
        """What was done."""

    @property
    @abstractmethod
    def is_done(self) -> bool:
        """Whether nothing more will come."""

    @property
    def by_all(self) -> str:
        """What `solved` calls all that found something together."""
        return "all" if "all" in self.solved else next(iter(self.solved))

    @property
    @abstractmethod
    def found(self) -> Sequence[Found]:
        """The programs that reproduce a demonstration, in the order in which they were found."""

    @property
    def orders(self) -> Sequence[tuple[TaskKey, Sequence[str]]]:
        """The keys of a task's first programs, where another ranking than the paper's has set their
        order; the last one holds."""
        return ()

    @property
    @abstractmethod
    def source(self) -> Source:
        """The tasks.

        Raises:
            ValueError: the file that names them is missing or damaged.
        """

    @cached_property
    def stories(self) -> dict[TaskKey, Story]:
        """What is known of each task of which something was found, in the order in which its
        programs are submitted."""
        board = Scoreboard()
        for order in self.orders:
            board.set_order(*order)
        found: dict[tuple[TaskKey, str], Found] = {}
        for one in self.found:
            found.setdefault((one.candidate.task, one.candidate.program), one)
            board.add([one.candidate])
        keys = dict.fromkeys(one.candidate.task for one in self.found)
        return {
            key: Story(
                key,
                [found[key, c.program] for c in board.ranked(key)],
                frozenset(board.rules_solving(key)),
            )
            for key in keys
        }

    def solving(self) -> list[tuple[Story, Found]]:
        """Each task that is solved by the first rule, with the first of the submitted programs that
        is right; the shortest first."""
        first = next(iter(RULES))
        rows = [(s, s.solving[0]) for s in self.stories.values() if first in s.rules]
        return sorted(rows, key=lambda row: (len(row[1].candidate.shown), row[0].task_id))

    def by_policy(self) -> list[Found]:
        """Of the programs that the policy wrote first, for the task itself, the best for each task;
        the best first."""
        firsts: dict[tuple[TaskKey, str], Found] = {}
        for one in self.found:
            firsts.setdefault((one.candidate.task, one.candidate.program), one)
        best: dict[TaskKey, Found] = {}
        for one in sorted(firsts.values(), key=_by_share):
            if one.origin == "policy":
                best.setdefault(one.candidate.task, one)
        return list(best.values())


def _by_share(found: Found) -> tuple[float, int, str]:
    candidate = found.candidate
    return -candidate.share_right, len(candidate.program), candidate.task_id
