"""Search around what the policy wrote, in the time that sampling and learning leave.

An iteration searches from the programs that the policy wrote in the one before, while it learns and
writes itself. So the model waits for no search, and what a search finds does not depend on time.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from codeit.execution.executor import Limits
from codeit.files.json_file import read_lines
from codeit.files.whole_file import whole_file
from codeit.language import Program
from codeit.language.program import Dialect, distinct
from codeit.learning.experience import ExperienceWriter, Lessons
from codeit.parallel.pipeline import Pipeline, pipeline
from codeit.parallel.processes import ProcessGroup
from codeit.runs.harvest import Harvest, taught_by
from codeit.runs.timeline import Timeline
from codeit.searching import engine
from codeit.searching.records import TaskRecord, confirm, without_answers
from codeit.searching.settings import SearchSettings
from codeit.tasks.scoring import Candidate
from codeit.tasks.task import Task

_LEADS = "leads.jsonl"
"""In a checkpoint, beside the model."""
_NUM_LEADS = 24
"""Programs that the search of a task begins with, at most."""
_NUM_TAUGHT = 24
"""Programs that the search of a task has found and that become experiences, beside the nearest of
those that miss."""
_NICENESS = 10
"""Of the threads that search: what learns and samples goes first."""


@dataclass(frozen=True, eq=False)
class Yield:
    """What the search of one task came to.

    Attributes:
        number: of the task.
        found: the programs that stand for its two attempts.
        lessons: what the best programs teach that the policy did not write.
    """

    number: int
    found: list[Candidate]
    lessons: Lessons


@dataclass
class LedSearch:
    """The programs that the policy wrote for each task, and the search that begins with them.

    Attributes:
        tasks: those that are searched.
        settings: of the search of one task.
        limits: of the runs that confirm what is found.
        is_relabelled: as in `Harvester`.
    """

    tasks: Sequence[Task]
    settings: SearchSettings
    limits: Limits
    writer: ExperienceWriter
    is_relabelled: bool
    _leads: dict[int, list[Program]] = field(default_factory=dict)
    """Of the tasks that are to be searched next."""

    def follow(self, harvests: Sequence[Harvest]) -> None:
        """Take what was written in an iteration as what the search of the next one begins with."""
        self._leads = {h.number: h.valid[:_NUM_LEADS] for h in harvests if h.valid}

    def save(self, checkpoint: Path) -> None:
        """Add the programs to a checkpoint that is being made."""
        rows = [
            json.dumps({"task": number, "programs": [program.text for program in programs]})
            for number, programs in sorted(self._leads.items())
        ]
        with whole_file(checkpoint / _LEADS) as file:
            file.write("".join(f"{row}\n" for row in rows).encode())

    def load(self, checkpoint: Path, dialect: Dialect) -> None:
        """Take those of a checkpoint.

        Raises:
            ValueError: the file is missing or damaged.
        """
        path = checkpoint / _LEADS
        if not path.exists():
            raise ValueError(f"{path}: there is no such file")
        for number, row in enumerate(read_lines(path), start=1):
            task, texts = row.get("task"), row.get("programs")
            if type(task) is not int or not 0 <= task < len(self.tasks) or type(texts) is not list:
                raise ValueError(f"{path}, line {number}: it names no task, or no programs")
            try:
                self._leads[task] = [Program.parse(text, dialect) for text in texts]
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}, line {number}: {error}") from None

    @contextmanager
    def beside(
        self, processes: ProcessGroup, threads: int, timeline: Timeline, is_eager: bool
    ) -> Iterator[Pipeline[int, Yield]]:
        """The search of this process's share of the tasks, on threads of its own."""
        own = list(processes.share(sorted(self._leads)))

        def work(number: int) -> Yield:
            _give_way()
            with timeline.span("search"):
                return self._search(number)

        with pipeline(work, threads, max(len(own), 1), is_eager=is_eager) as line:
            for number in own:
                line.put(number)
            yield line

    def _search(self, number: int) -> Yield:
        task, leads = self.tasks[number], self._leads[number]
        settings = self.settings
        ended = engine.search_task(
            without_answers(task), (), settings, settings.evaluations, leading=leads
        )
        record = confirm(task, ended, self.limits)
        attempts = record.submission.attempts
        programs = programs_of(record, ended.nearest, leads[0].dialect)
        written = {program.key for program in leads}
        lessons = taught_by(
            task,
            [program for program in programs if program.key not in written],
            self.writer,
            self.limits,
            self.is_relabelled,
        )
        return Yield(number, [c for group in attempts for c in group], lessons)


def programs_of(record: TaskRecord, nearest: Sequence[Program], dialect: Dialect) -> list[Program]:
    """The programs of a search to learn from: the best that are right on a demonstration, minimised
    where they are right on all, and the nearest of those that are not."""
    texts = [
        one.program if one.fits else one.candidate.program for one in record.found[:_NUM_TAUGHT]
    ]
    return distinct([*(Program.parse(text, dialect) for text in texts), *nearest])


_thread = threading.local()


def _give_way() -> None:
    """Lower this thread's priority, once; on Linux, where threads have priorities of their own."""
    if sys.platform != "linux" or getattr(_thread, "gives_way", False):
        return
    _thread.gives_way = True
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
