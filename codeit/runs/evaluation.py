"""The tasks that a run is to solve: which of them can be scored, and which of them it has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from codeit.runs.seeds import some_names
from codeit.tasks.datasets import seen_tasks
from codeit.tasks.task import Task
from codeit.terminal import counted


@dataclass(frozen=True, eq=False)
class TasksToSolve:
    """Tasks with what their figures leave out.

    Attributes:
        seen: those that are training tasks, too.
    """

    tasks: Sequence[Task]
    seen: Sequence[Task]

    @property
    def num_hidden(self) -> int:
        """How many hide the output of a test: nobody here can say whether they are solved."""
        return sum(task.is_hidden for task in self.tasks)

    @property
    def num_scored(self) -> int:
        return len(self.tasks) - self.num_hidden

    @property
    def num_unseen(self) -> int:
        """How many of those that can be scored are no training tasks."""
        return self.num_scored - sum(not task.is_hidden for task in self.seen)

    def sentences(self, is_cut: Callable[[Task], bool]) -> list[str]:
        """What to know before the figures.

        Args:
            is_cut: whether the prompt of a task does not show all that it should.
        """

        def some(number: int, verb: str) -> str:
            """How many of the tasks do something."""
            return f"{number:,} of {counted(len(self.tasks), 'task')} to solve {verb}"

        sentences = []
        if num_seen := len(self.seen):
            sentences.append(
                f"{some(num_seen, 'has' if num_seen == 1 else 'have')} the demonstrations of a "
                "training task; figures without them stand beside the others: "
                + some_names([task.task_id for task in self.seen])
            )
        if self.num_hidden:
            sentences.append(
                f"{some(self.num_hidden, 'hides' if self.num_hidden == 1 else 'hide')} the output "
                "of a test; no figure counts them as solved or not"
            )
        num_cut = sum(map(is_cut, self.tasks))
        if num_cut:
            sentences.append(
                f"{some(num_cut, 'has' if num_cut == 1 else 'have')} more to show than fits "
                "data.max_prompt_tokens; the rest is cut off"
            )
        return sentences

    def metrics(self) -> dict[str, Any]:
        """The same for a run's metrics."""
        return {
            "num_tasks": len(self.tasks),
            "num_hidden_tasks": self.num_hidden,
            "num_scored_tasks": self.num_scored,
            "num_unseen_tasks": self.num_unseen,
            "seen_tasks": [task.task_id for task in self.seen],
        }


def choose_tasks(tasks: Sequence[Task], count: int, training: Sequence[Task]) -> TasksToSolve:
    """`count` of the tasks at even distances; all of them for 0."""
    if 0 < count < len(tasks):
        tasks = [tasks[k * len(tasks) // count] for k in range(count)]
    return TasksToSolve(tasks, seen_tasks(tasks, training))
