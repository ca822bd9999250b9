"""What is handed in for many tasks, and its score where the outputs of the tests are known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codeit.files.whole_file import whole_file
from codeit.searching.summary import submission_of
from codeit.solving.answer import Answer
from codeit.tasks.scoring import NUM_ATTEMPTS, RULES, Figures
from codeit.tasks.task import Task


@dataclass(frozen=True)
class SubmissionScore:
    """How right a submission is, by the tasks that hide no output.

    Attributes:
        num_tasks, num_hidden: all tasks, and those that hide the output of a test.
        solved: how many of the others are solved, by each of RULES.
        num_tests, num_tests_right: tests whose outputs are known, of all tasks, and those of which
            one of the two attempts is right.
        fitting, fitting_wrong: tasks that hide nothing, of which the first attempt is right on all
            demonstrations; and those of them that the two attempts do not solve.
    """

    num_tasks: int
    num_hidden: int
    solved: Figures
    num_tests: int
    num_tests_right: int
    fitting: int
    fitting_wrong: int

    @property
    def num_scored(self) -> int:
        return self.num_tasks - self.num_hidden


@dataclass(frozen=True, eq=False)
class Submission:
    """What is handed in for tasks.

    Examples:
        >>> import codeit
        >>> tasks = codeit.arc.load("arc1-training", ["68b16354"])
        >>> settings = codeit.SearchSettings(evaluations=20_000, leave_own_out=True)
        >>> submission = codeit.Solver(settings=settings).solve(tasks)
        >>> submission.score().solved["two_attempts"], list(submission.to_json())
        (1, ['68b16354'])

    Attributes:
        tasks: with the outputs of their tests, as far as they are known.
        answers: one for each task, which was found without a look at those.
    """

    tasks: Sequence[Task]
    answers: Sequence[Answer]

    def to_json(self) -> dict[str, list[dict[str, list[list[int]]]]]:
        """In Kaggle's form: for each task, `attempt_1` and `attempt_2` for each test.

        Where an attempt has no grid for a test, the other attempt's stands for it, and the input
        where neither has one.
        """
        records = {answer.record.task_id: answer.record for answer in self.answers}
        return submission_of(self.tasks, records)

    def write(self, path: str | Path) -> None:
        """Write Kaggle's file, whole or not at all.

        Args:
            path: of the file; one that is there is replaced.
        Raises:
            OSError: it cannot be written; the error names it.
        """
        with whole_file(Path(path)) as file:
            file.write(json.dumps(self.to_json()).encode() + b"\n")

    def score(self) -> SubmissionScore:
        """The score of what is handed in."""
        solved = dict.fromkeys(RULES, 0)
        handed_in = self.to_json()
        num_tests = num_tests_right = fitting = fitting_wrong = 0
        for task, answer in zip(self.tasks, self.answers, strict=True):
            for test, attempts in zip(task.tests, handed_in[task.task_id], strict=True):
                if test.output is not None:
                    num_tests += 1
                    num_tests_right += is_right(attempts, test.output)
            if task.is_hidden:
                continue
            judged = answer.judged(task)
            for rule in RULES:
                solved[rule] += judged.is_solved_by(rule)
            if answer.num_fitting and answer.attempts:
                fitting += 1
                fitting_wrong += not judged.is_solved_by("two_attempts")
        return SubmissionScore(
            num_tasks=len(self.tasks),
            num_hidden=sum(task.is_hidden for task in self.tasks),
            solved=solved,
            num_tests=num_tests,
            num_tests_right=num_tests_right,
            fitting=fitting,
            fitting_wrong=fitting_wrong,
        )


def is_right(attempts: Mapping[str, Any], output: Any) -> bool:
    """Whether one of the attempts at a test, in Kaggle's form, is its output."""
    return any(np.array_equal(attempts[f"attempt_{k}"], output) for k in range(1, NUM_ATTEMPTS + 1))
