"""Mutated tasks that were made before, from the files of `codeit mutate` or the paper's code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from codeit.execution.executor import Limits
from codeit.files.text_file import dead_link
from codeit.language import Program, load_seed_programs
from codeit.language.program import Dialect
from codeit.mutation import MutatedTask, valid_tasks
from codeit.tasks.task import Task

_PROGRAMS_AT_A_TIME = 4096


def load_mutants(
    source: str | Path,
    tasks: Sequence[Task],
    dialect: Dialect,
    count: int,
    fits: Callable[[Program], bool],
    threads: int,
    limits: Limits,
) -> list[MutatedTask]:
    """The first mutated tasks of files, in their order.

    A program counts that returns a valid grid for every demonstration of the task that its row
    names, whose key was not there before for this task, and that can be learned.

    Args:
        source: a directory of `codeit mutate`, a folder of JSONL files, or one such file, of
            objects with "task" and "program"; or a folder of the paper's files of mutated tasks,
            or one such file.
        tasks: that rows may name; others are left out.
        count: at most so many.
        fits: whether a program can be learned.
    Raises:
        ValueError: there is no such file, a row is no such object, or no mutated task is left; the
            message names the file and the line.
        OSError: a file cannot be read.
    """
    by_id = {task.task_id: task for task in tasks}
    found = islice(_mutants(_files(Path(source)), by_id, dialect, fits, threads, limits), count)
    mutants = list(found)
    if not mutants and count:
        raise ValueError(f"{source}: no mutated task of the training tasks that can be learned")
    return mutants


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise ValueError(f"{source}: {dead_link(source) or 'there is no such file or folder'}")
    folder = source / "mutants" if (source / "mutants").is_dir() else source
    found = [*folder.glob("*.jsonl")] or [*folder.glob("*.json")]
    files = sorted(found, key=lambda path: (len(path.name), path.name))
    if not files:
        raise ValueError(f"{source}: there is no file of mutants in it")
    return files


def _mutants(
    files: Sequence[Path],
    tasks: dict[str, Task],
    dialect: Dialect,
    fits: Callable[[Program], bool],
    threads: int,
    limits: Limits,
) -> Iterator[MutatedTask]:
    known: set[tuple[str, str]] = set()
    for file in files:
        rows = iter(load_seed_programs(file, dialect))
        while some := list(islice(rows, _PROGRAMS_AT_A_TIME)):
            pairs = []
            for row in some:
                task = tasks.get(row.task_id)
                key = (task.digest, row.program.key) if task else None
                if task is None or key is None or key in known or not fits(row.program):
                    continue
                known.add(key)
                pairs.append((task, row.program))
            yield from valid_tasks(pairs, threads, limits)
