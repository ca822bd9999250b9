"""A picture of what was found: programs beside a demonstration and a test of their tasks."""

from __future__ import annotations

import numpy as np

from codeit.execution.executor import execute
from codeit.language import Program
from codeit.reporting.history import History
from codeit.runs.directory import SOLUTIONS
from codeit.tasks.blocks import Block, Code, Picture, task_blocks
from codeit.tasks.scoring import in_words

_NUM_SOLVING = 5
_NUM_POLICY = 3


def solutions_picture(history: History) -> Picture:
    """The first programs that the report prints, each beside a demonstration and a test of its
    task.

    The programs run again for it, on the tasks that the directory names.

    Raises:
        ValueError: a file of the directory is damaged, or its tasks are gone.
    """
    source = history.source
    tasks = {task.task_id: task for task in source.load()}
    solving = [found for _, found in history.solving()[:_NUM_SOLVING]]
    rows = []
    for found in dict.fromkeys([*solving, *history.by_policy()[:_NUM_POLICY]]):
        candidate = found.candidate
        task = tasks.get(candidate.task_id)
        if task is None or task.digest != candidate.task_digest:
            fault = "is not in" if task is None else "has other data in"
            file = history.path / SOLUTIONS
            raise ValueError(f"{file}: task {candidate.task_id} {fault} {source.tasks}")
        pairs = [*task.demonstrations, *task.tests]
        program = Program.parse(candidate.shown, source.dialect)
        results = execute([program], [pair.input for pair in pairs], limits=source.limits)
        outputs = [results.grid(0, k) for k in range(len(pairs))]
        first_right = int(np.argmax(results.match([pair.output for pair in pairs])[0]))
        blocks = task_blocks(task, outputs)
        text = Block([Code(candidate.shown)], f"{candidate.task_id}, by {found.by}")
        rows.append([text, blocks[first_right], blocks[len(task.demonstrations)]])
    title = f"Tasks solved: {in_words(dict(history.solved[history.by_all]), history.num_scored)}"
    return Picture(rows, title, max_width=1120, max_grid=110)
