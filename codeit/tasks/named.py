"""The task that a command is given by name."""

from __future__ import annotations

import sys

from codeit.tasks.datasets import find_task
from codeit.tasks.task import Task
from codeit.terminal import write

TASK_HELP = (
    "a task id of ARC-AGI-1 or 2; SOURCE/ID, where SOURCE is a data set (arc1-training, "
    "arc1-evaluation, arc2-training, arc2-evaluation, or one of `codeit data list`), a file or a "
    "folder; or a file of one task"
)


def named_task(command: str, name: str) -> Task:
    """The task of a name; on stderr, what else the name may mean.

    Args:
        command: that it is for.
    Raises:
        ValueError, OSError: as `find_task` does.
    """
    task, source, others = find_task(name)
    if others:
        names = ", ".join(f"{other}/{name}" for other in others)
        write(
            f"codeit {command}: task {name} of {source}; the id has other data in {names}",
            file=sys.stderr,
        )
    return task
