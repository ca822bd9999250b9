"""The one file that knows what a search leaves on disk.

    search.json       what was asked
    tasks.jsonl       what was found: a line for each task whose search has ended
    times.jsonl       how long each task took, in the order in which they ended
    solutions.jsonl   all programs that are right on all demonstrations of a task, minimised
    submission.json   two attempts at each test, in Kaggle's form
    summary.json      the figures

The last three are made when the search has ended, and the lines of the tasks put into the order of
the tasks. Of all files but `times.jsonl`, every byte follows from what was asked: they are the same
for any number of threads, after a kill, and for shards that were put together.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from codeit.files import locked_directory
from codeit.files.locked_directory import LockedDirectory
from codeit.files.sealed_lines import DamagedLineError, SealedLines, read_sealed, sealed
from codeit.files.whole_file import append, fresh_name, truncate, whole_file
from codeit.searching.plan import SearchPlan, Work
from codeit.searching.records import TaskRecord
from codeit.searching.search import Searched
from codeit.searching.summary import Summary, submission_of
from codeit.tasks.task import Task

PLAN = "search.json"
TASKS = "tasks.jsonl"
TIMES = "times.jsonl"
SOLUTIONS = "solutions.jsonl"
SUBMISSION = "submission.json"
SUMMARY = "summary.json"


class SearchDirectory(LockedDirectory):
    """Writes a search."""

    KIND = "search"

    @classmethod
    def create(cls, path: Path, plan: SearchPlan) -> SearchDirectory:
        """A new directory.

        Raises:
            ValueError: something is there, or it cannot be written.
        """
        with cls._made(path, check_free) as directory:
            _write(path / PLAN, sealed(plan.to_row()))
        return directory

    @classmethod
    def open(cls, path: Path) -> SearchDirectory:
        """One that `create` has made; what a kill has cut off at the end of a file is removed.

        Raises:
            ValueError: it is none, or another process writes to it.
        """
        check_search(path)
        directory = cls(path)
        try:
            if (path / TASKS).exists():
                truncate(path / TASKS, _read_tasks(path).num_bytes)
            if (path / TIMES).exists():
                truncate(path / TIMES, (path / TIMES).read_bytes().rfind(b"\n") + 1)
        except BaseException:
            directory.__exit__()
            raise
        return directory

    def add(self, searched: Searched) -> None:
        """Add a task whose search has ended."""
        append(self.path / TASKS, sealed(searched.record.to_row()))
        times = {"task_id": searched.task.task_id, "seconds": round(searched.seconds, 3)}
        append(self.path / TIMES, _line(times))

    def finish(self, plan: SearchPlan, work: Work, records: Mapping[str, TaskRecord]) -> Summary:
        """Write the results, when the search of every task has ended."""
        ordered = [records[task.task_id] for task in work.tasks]
        seen = work.corpus.seen(work.tasks, plan.settings)
        summary = Summary.of(work.tasks, ordered, seen)
        _write(self.path / TASKS, b"".join(sealed(record.to_row()) for record in ordered))
        _write(self.path / SOLUTIONS, b"".join(map(_line, _solutions(ordered))))
        _write(self.path / SUBMISSION, _line(submission_of(work.tasks, records)))
        text = json.dumps(summary.to_json(plan), indent=1, allow_nan=False)
        _write(self.path / SUMMARY, text.encode() + b"\n")
        return summary


def read_plan(path: Path) -> SearchPlan:
    """What a search was asked.

    Raises:
        ValueError: there is no such file, or it is damaged.
    """
    check_search(path)
    lines = read_sealed(path / PLAN)
    if len(lines.rows) != 1 or lines.num_bytes != (path / PLAN).stat().st_size:
        raise ValueError(f"{path / PLAN}: it is damaged: not what was written")
    try:
        return SearchPlan.from_row(lines.rows[0])
    except ValueError as error:
        raise ValueError(f"{path / PLAN}: {error}") from None


def read_records(path: Path, tasks: Iterable[Task]) -> dict[str, TaskRecord]:
    """What was found so far, by the ids of the tasks.

    Args:
        tasks: those of the search.
    Raises:
        ValueError: a line is damaged, or of a task that is not among them.
    """
    if not os.path.lexists(path / TASKS):
        return {}
    digests = {task.task_id: task.digest for task in tasks}
    records: dict[str, TaskRecord] = {}
    for number, row in enumerate(_read_tasks(path).rows, start=1):
        where = f"{path / TASKS}, line {number}"
        try:
            record = TaskRecord.from_row(row)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if digests.get(record.task_id) != record.task_digest:
            raise ValueError(f"{where}: task {record.task_id!r} is none of this search")
        if record.task_id in records:
            raise ValueError(f"{where}: task {record.task_id!r} stands twice")
        records[record.task_id] = record
    return records


def check_free(path: Path) -> None:
    """Raise ValueError unless a search can be written there: there is nothing, or a folder with
    nothing but what a kill has left of `create`."""
    is_search = (path / PLAN).is_file()
    again = shlex.join(["codeit", "search", "resume", str(path)]) if is_search else ""
    locked_directory.check_free(path, _is_without_content, again)


def check_search(path: Path) -> None:
    """Raise ValueError unless it is the directory of a search."""
    if not (path / PLAN).is_file():
        raise ValueError(
            f"{path / PLAN}: there is no such file; is {path} a directory of `codeit search`?"
        )


def _read_tasks(path: Path) -> SealedLines:
    try:
        return read_sealed(path / TASKS)
    except DamagedLineError as error:
        hint = "without this line, `codeit search resume` searches its task again"
        raise ValueError(f"{error}; {hint}") from None


def _is_without_content(path: Path) -> bool:
    return {file.name for file in path.iterdir()} <= {fresh_name(path / PLAN).name}


def _solutions(records: Iterable[TaskRecord]) -> Iterable[dict[str, Any]]:
    for record in records:
        for solution in record.solutions:
            yield solution.to_row()


def _write(path: Path, data: bytes) -> None:
    with whole_file(path) as file:
        file.write(data)


def _line(values: Any) -> bytes:
    return json.dumps(values, allow_nan=False).encode() + b"\n"
