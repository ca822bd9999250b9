"""What is kept of a submission until it is whole: beside its file, as `NAME.partial`.

The first line says what was asked; after it stands a line for each task whose work has ended. A
submission that was interrupted goes on with it when the same is asked again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codeit.files.sealed_lines import read_sealed, sealed
from codeit.files.whole_file import append, truncate
from codeit.solving.answer import Answer
from codeit.tasks.task import Task


class PartialFile:
    """The answers of a submission that is not whole yet.

    Args:
        out: the file of the submission.
    """

    def __init__(self, out: Path) -> None:
        self.path = out.with_name(f"{out.name}.partial")

    def asked(self) -> dict[str, Any] | None:
        """What was asked; None where nothing is kept.

        Raises:
            ValueError: a line is damaged; the message names it.
        """
        if not os.path.lexists(self.path):
            return None
        rows = read_sealed(self.path).rows
        return dict(rows[0]) if rows else None

    def begin(self, asked: Mapping[str, Any]) -> None:
        """Keep what is asked, and no answer.

        Raises:
            OSError: it cannot be written.
        """
        self.remove()
        append(self.path, sealed(asked))

    def answers(self, tasks: Sequence[Task]) -> dict[str, Answer]:
        """The answers that are kept, by the ids of their tasks; what a kill has cut off at the end
        of the file is removed.

        Raises:
            ValueError: a line is damaged, or of none of these tasks.
        """
        lines = read_sealed(self.path)
        truncate(self.path, lines.num_bytes)
        digests = {task.task_id: task.digest for task in tasks}
        found = {}
        for number, row in enumerate(lines.rows[1:], start=2):
            try:
                answer = Answer.from_row(row)
                record = answer.record
                if digests.get(record.task_id) != record.task_digest:
                    raise ValueError(f"task {record.task_id!r} is none of this submission")
            except ValueError as error:
                raise ValueError(f"{self.path}, line {number}: {error}") from None
            found[record.task_id] = answer
        return found

    def add(self, answer: Answer) -> None:
        """Keep one more."""
        append(self.path, sealed(answer.to_row()))

    def remove(self) -> None:
        """Keep nothing any more."""
        self.path.unlink(missing_ok=True)
