"""The one file that knows what a run leaves on disk.

    config.toml       all settings
    metrics.jsonl     one object per iteration; the first line describes the start
    performance.csv   the columns of the original's file of that name, then the other rules
    solutions.jsonl   programs that reproduce a demonstration, as they are first found; those that
                      are right on all, or on all tests, are minimised, each beside its `original`
    submitted.jsonl   for each task with a program that is right on all demonstrations, the keys
                      of the first programs by the search's ranking; a later line replaces an
                      earlier one
    samples/0001.jsonl, ...  what the policy wrote, task by task
    tensorboard/      the metrics as TensorBoard events
    checkpoint/       model and tokenizer in Hugging Face's format, and what a run needs to go on

Files that are written anew appear whole or not at all; files that grow are flushed line by line.
`written.json` in the checkpoint says what the tables and samples held when it was made: what is
missing of that is noticed, and what was added since then is removed when the run goes on. Samples
may be gone, which is said: nothing reads them again.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import Any

from codeit.files import locked_directory
from codeit.files.json_file import Row, read_lines, read_text
from codeit.files.locked_directory import LockedDirectory
from codeit.files.text_file import dead_link
from codeit.files.whole_directory import (
    Digest,
    check_directory,
    check_entries,
    read_entries,
    write_entries,
)
from codeit.files.whole_file import append, fresh_name, truncate, whole_file
from codeit.policy.trained import CHECKPOINT
from codeit.tasks.scoring import ORIGINS, RULES, Candidate, TaskKey

CONFIG = "config.toml"
METRICS = "metrics.jsonl"
PERFORMANCE = "performance.csv"
SOLUTIONS = "solutions.jsonl"
SUBMITTED = "submitted.jsonl"
SAMPLES = "samples"
TENSORBOARD = "tensorboard"
_WRITTEN = "written.json"
_LINES = (METRICS, SOLUTIONS, SUBMITTED)
"""Files of lines that name their iteration."""
_GROWING = (*_LINES, PERFORMANCE)
"""Files that an iteration adds to."""

# How the names of numbers in the metrics begin, and the names of tables of them.
_NUMBERS = ("iteration", "num_", "share_", "loss", "buffer_")
_TABLES = ("seconds", "speed", "sampling", "program_lines", "sample_ends", "use")
_TABLES_OF_TABLES = ("solved", "solved_unseen", "solved_only", "stages", "buffer_priorities")
_TEXTS = ("notes", "seen_tasks")

_PERFORMANCE_COLUMNS = (
    "meta_iteration",
    "cumulative_performance",
    "performance",
    "step",
    "num_mutated_tasks",
    "num_policy_tasks",
    # Not in the original's file: the same shares by the other rules.
    *("cumulative_two_attempts", "two_attempts"),
    *("cumulative_fits_all", "fits_all"),
)


@dataclass(frozen=True)
class Solution:
    """A candidate, and what first wrote it."""

    iteration: int
    origin: str
    candidate: Candidate


@dataclass(frozen=True)
class Order:
    """The first programs of a task by the search's ranking, from an iteration on.

    Attributes:
        keys: of the programs, the best first.
    """

    task: TaskKey
    keys: Sequence[str]


class RunDirectory(LockedDirectory):
    """Writes a run. Made by `create`, which refuses to touch what is there, or by `open`."""

    KIND = "run"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._written: dict[str, Digest] = {}

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """A directory that exists.

        Raises:
            ValueError: it is no run directory, or another process writes to it.
        """
        check_run(path)
        return cls(path)

    @classmethod
    def create(cls, path: Path, config_toml: str) -> RunDirectory:
        """A new directory with its config.

        Raises:
            ValueError: something is there, or its parent cannot be written.
        """
        with cls._made(path, check_free) as directory:
            (path / SAMPLES).mkdir(exist_ok=True)
            directory._start_performance()
            directory.set_config(config_toml)  # last: with it, this is a run directory
        return directory

    @property
    def checkpoint(self) -> Path:
        return self.path / CHECKPOINT

    @property
    def tensorboard(self) -> Path:
        return self.path / TENSORBOARD

    def save_written(self, checkpoint: Path) -> None:
        """Note in a checkpoint what the tables and samples hold."""
        entries = {name: digest.entry() for name, digest in self._written.items()}
        write_entries(checkpoint / _WRITTEN, entries)

    def check_nothing_is_lost(self, done: int, iterations: int) -> None:
        """Raise ValueError if something is recorded that a run would not do again.

        Args:
            done: the iteration of the checkpoint that it goes on from; -1 without one.
            iterations: how many it is to have in the end.
        """
        last = self._last_recorded(done)
        again = shlex.join(["codeit", "train", "--config", str(self.path / CONFIG), "--out"])
        if done < 0 < last:
            raise ValueError(
                f"{self.checkpoint} is missing, and going on without it would remove what "
                f"{last} iterations have recorded; put it back, or start over in another directory "
                f"with `{again} DIR`"
            )
        if last > iterations:
            raise ValueError(
                f"{self.path}: {last} iterations are recorded, those after iteration {done} would "
                f"be done again, and only up to {iterations}; --iterations {last} loses none"
            )

    def check_can_be_written(self, first: int, last: int) -> None:
        """Raise ValueError where something is in the way of what iterations will write."""
        for folder in (self.path, self.path / SAMPLES, self.path / TENSORBOARD):
            if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
                raise ValueError(f"{folder}: no permission to write to this folder")
        for name in _GROWING:
            file = self.path / name
            if file.exists() and not os.access(file, os.W_OK):
                raise ValueError(f"{file}: no permission to write to this file")
        samples = (_samples_name(k) for k in range(max(first, 1), last + 1))
        for name in (CONFIG, *_GROWING, *samples):
            file = self.path / name
            fresh = fresh_name(file)
            if os.path.lexists(file) and not file.is_file():
                raise ValueError(f"{file}: this is no file, and the run will write one here")
            if fresh.is_dir() and not fresh.is_symlink():
                raise ValueError(f"{fresh}: this folder is in the way of what the run will write")

    def _last_recorded(self, done: int) -> int:
        """The last iteration that something is recorded of; 0 for the start, -1 for none.

        Beyond what the checkpoint knows, a line that cannot be read is what a cut in the power has
        left of one that will be written again.
        """
        if done >= 0:
            return max([done, *self._iterations_since(), *_samples(self.path)])
        last = -1
        for name in _LINES:
            if (self.path / name).exists():
                rows = enumerate(read_lines(self.path / name), start=1)
                last = max([last, *(self._iteration(name, *row) for row in rows)])
        if (self.path / PERFORMANCE).exists():
            lines = read_text(self.path / PERFORMANCE).splitlines()
            last = max(last, len(lines) - 1)
        return max([last, *_samples(self.path)])

    def _iterations_since(self) -> Iterator[int]:
        """The iterations of rows that were added since the checkpoint was made."""
        entries = read_entries(self.checkpoint / _WRITTEN)
        for name in _LINES:
            path = self.path / name
            known = entries[name]["bytes"] if name in entries else 0
            for line in path.read_bytes()[known:].split(b"\n") if path.exists() else []:
                with suppress(ValueError, RecursionError):
                    row = json.loads(line)
                    iteration = row.get("iteration") if isinstance(row, dict) else None
                    if type(iteration) is int:
                        yield iteration

    def _iteration(self, name: str, number: int, row: Mapping[str, Any]) -> int:
        iteration = row.get("iteration")
        if type(iteration) is not int:
            raise ValueError(f"{self.path / name}, line {number}: it names no iteration")
        return iteration

    def go_back(self, iteration: int) -> None:
        """Remove what was written after an iteration; 0 is the start, -1 before it.

        What the run has not written stays. The checkpoint must be the one of that iteration, and
        `check_written` have passed.
        """
        entries = read_entries(self.checkpoint / _WRITTEN) if iteration >= 0 else {}
        for name in _GROWING:
            if name in entries:
                truncate(self.path / name, entries[name]["bytes"])
            else:
                (self.path / name).unlink(missing_ok=True)
        if PERFORMANCE not in entries:
            self._start_performance()
        (self.path / SAMPLES).mkdir(exist_ok=True)
        for number, file in _samples(self.path).items():
            if number > iteration:
                file.unlink()
        for name, entry in entries.items():
            if not _is_gone(self.path, name):
                self._written[name] = Digest.of_file(self.path / name, entry["bytes"])

    def remove_unless_started(self) -> None:
        """Remove a directory that `create` made, where there is no checkpoint yet.

        What the run has not written stays, and the directory then, too.
        """
        if os.path.lexists(self.checkpoint):
            return
        for name in (*_GROWING, CONFIG):
            (self.path / name).unlink(missing_ok=True)
        for file in self.tensorboard.glob("events.out.tfevents.*"):
            file.unlink()
        for folder in (self.path / SAMPLES, self.tensorboard, self.path):
            with suppress(OSError):  # it is not empty
                folder.rmdir()

    def solutions(self) -> list[Solution]:
        """The programs found so far."""
        return read_solutions(self.path)

    def orders(self) -> list[Order]:
        """The orders of programs so far; of several for a task, the last one holds."""
        return read_orders(self.path)

    def set_config(self, config_toml: str) -> None:
        """Write other settings than before."""
        _write(self.path / CONFIG, config_toml)

    def add_metrics(self, metrics: Mapping[str, Any]) -> None:
        self._append(METRICS, json.dumps(metrics, allow_nan=False) + "\n")

    def add_performance(
        self,
        iteration: int,
        cumulative: Mapping[str, float],
        policy: Mapping[str, float],
        step: int,
        num_mutated: int,
        num_policy: int,
    ) -> None:
        """One row in the original's columns and ours; iterations count from 0 there.

        Args:
            cumulative: the share of the tasks that the policy has solved so far, by each rule.
            policy: the share that it solves in this iteration.
        """
        first, *others = RULES
        row = [iteration - 1, cumulative[first], policy[first], step, num_mutated, num_policy]
        for rule in others:
            row += [cumulative[rule], policy[rule]]
        self._append(PERFORMANCE, _csv_line(row))

    def add_solutions(self, iteration: int, origin: str, candidates: Iterable[Candidate]) -> None:
        """Programs found for the first time, with the iteration that found them."""
        lines = [
            json.dumps({"iteration": iteration, "origin": origin} | candidate.to_row()) + "\n"
            for candidate in candidates
        ]
        self._append(SOLUTIONS, "".join(lines))

    def add_orders(self, iteration: int, orders: Iterable[Order]) -> None:
        """Orders of programs that an iteration has set."""
        rows = [
            {
                "iteration": iteration,
                "task_id": order.task[0],
                "task_digest": order.task[1],
                "keys": list(order.keys),
            }
            for order in orders
        ]
        self._append(SUBMITTED, "".join(json.dumps(row) + "\n" for row in rows))

    def write_samples(self, iteration: int, rows: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        self._write(_samples_name(iteration), text)

    def _start_performance(self) -> None:
        self._write(PERFORMANCE, _csv_line(_PERFORMANCE_COLUMNS))

    def _write(self, name: str, text: str) -> None:
        _write(self.path / name, text)
        self._written[name] = Digest()
        self._written[name].update(text.encode())

    def _append(self, name: str, text: str) -> None:
        append(self.path / name, text.encode())
        self._written.setdefault(name, Digest()).update(text.encode())


def _samples(path: Path) -> dict[int, Path]:
    """The files of samples that a run has written, by their iterations."""
    folder = path / SAMPLES
    files = [file for file in folder.iterdir() if file.is_file()] if folder.is_dir() else []
    matches = [(file, re.fullmatch(r"(\d{4}|[1-9]\d{4,})\.jsonl", file.name)) for file in files]
    return {int(match[1]): file for file, match in matches if match}


def _samples_name(iteration: int) -> str:
    return f"{SAMPLES}/{iteration:04d}.jsonl"


def read_last_samples(path: Path) -> list[Row]:
    """What the policy wrote in the last iteration whose samples are kept, task by task.

    Raises:
        ValueError: a line is damaged.
    """
    files = _samples(path)
    return read_lines(files[max(files)]) if files else []


def read_solutions(path: Path) -> list[Solution]:
    """The programs that a run has found, as it found them.

    Raises:
        ValueError: there is no such file, or it is damaged.
    """
    found = []
    for number, row in enumerate(read_lines(path / SOLUTIONS), start=1):
        iteration, origin = row.pop("iteration", None), row.pop("origin", None)
        try:
            if type(iteration) is not int or origin not in ORIGINS:
                raise ValueError(
                    f'"iteration" is {iteration!r} and "origin" {origin!r}; they are a number and '
                    f"one of {', '.join(ORIGINS)}"
                )
            found.append(Solution(iteration, origin, Candidate.from_row(row)))
        except ValueError as error:
            raise ValueError(f"{path / SOLUTIONS}, line {number}: {error}") from None
    return found


def read_orders(path: Path) -> list[Order]:
    """The orders of programs that a run has set, the last one last; none in runs of versions that
    did not keep them.

    Raises:
        ValueError: the file is damaged.
    """
    if not (path / SUBMITTED).exists():
        return []
    orders = []
    for number, row in enumerate(read_lines(path / SUBMITTED), start=1):
        texts = row.get("task_id"), row.get("task_digest")
        keys = row.get("keys")
        if not isinstance(keys, list) or not all(isinstance(text, str) for text in (*texts, *keys)):
            raise ValueError(
                f"{path / SUBMITTED}, line {number}: it names no task, or no keys of programs"
            )
        orders.append(Order((str(texts[0]), str(texts[1])), keys))
    return orders


def check_free(path: Path) -> None:
    """Raise ValueError unless a run directory can be made there.

    It can where there is nothing, or a folder without content, or what is left of a `create` that a
    kill has cut off. The name has to be Unicode, as TensorBoard's writer needs it.
    """
    if any("\ud800" <= c <= "\udfff" for c in str(path)):
        raise ValueError(f"{path}: cannot be written: the name is no Unicode")
    is_run = all((path / name).is_file() for name in (CONFIG, METRICS))
    again = shlex.join(["codeit", "resume", str(path)]) if is_run else ""
    locked_directory.check_free(path, _is_without_content, again)


def _is_without_content(path: Path) -> bool:
    """Whether a folder has nothing but what `create` writes before the config."""
    names = {file.name for file in path.iterdir()}
    if not names <= {SAMPLES, PERFORMANCE, f".{PERFORMANCE}.new", f".{CONFIG}.new"}:
        return False
    samples, performance = path / SAMPLES, path / PERFORMANCE
    return (not os.path.lexists(samples) or (samples.is_dir() and not any(samples.iterdir()))) and (
        not os.path.lexists(performance)
        or performance.read_bytes() == _csv_line(_PERFORMANCE_COLUMNS).encode()
    )


def check_run(path: Path) -> None:
    """Raise ValueError unless it is a run directory."""
    if not (path / CONFIG).is_file():
        what = dead_link(path / CONFIG) or "there is no such file"
        raise ValueError(f"{path / CONFIG}: {what}; is {path} a run directory?")
    for folder in (path / SAMPLES, path / TENSORBOARD):
        if os.path.lexists(folder):
            check_directory(folder)


def read_metrics(path: Path) -> list[Row]:
    """What a run has recorded: the start, and each iteration in its order.

    Raises:
        ValueError: there is no such file, or a row is missing or damaged.
    """
    if not (path / METRICS).exists():
        what = dead_link(path / METRICS) or "there is no such file"
        raise ValueError(
            f"{path / METRICS}: {what}; is this a directory of `codeit train`, `codeit search` or "
            "`codeit mutate`?"
        )
    rows = read_lines(path / METRICS)
    for number, row in enumerate(rows):
        name = f"{path / METRICS}, line {number + 1}"
        if row["iteration"] != number:
            raise ValueError(f"{name}: it is of iteration {row['iteration']}, not of {number}")
        for key, value in row.items():
            fault = _fault(key, value)
            if fault:
                raise ValueError(f'{name}: "{key}" is {value!r:.80}, which is {fault}')
    return rows


def _fault(key: str, value: object) -> str:
    """What a metric should be and is not; nothing for a good one."""
    if key in _TABLES_OF_TABLES:
        is_good = isinstance(value, dict) and all(map(_is_table, value.values()))
        return "" if is_good else "no table of tables of numbers"
    if key in _TABLES:
        return "" if _is_table(value) else "no table of numbers"
    if key in _TEXTS:
        is_good = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return "" if is_good else "no list of texts"
    return "no number" if key.startswith(_NUMBERS) and not _is_number(value) else ""


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def check_written(path: Path) -> list[str]:
    """Compare tables and samples with what the run's checkpoint says that they held.

    Returns:
        What to say of samples that are gone. They take much room, and nothing reads them again.
    Raises:
        ValueError: some of it is damaged, or a table is missing.
    """
    if not (path / CHECKPOINT / _WRITTEN).exists():
        return []
    entries = dict(read_entries(path / CHECKPOINT / _WRITTEN))
    gone = [name for name in entries if _is_gone(path, name)]
    for name in gone:
        del entries[name]
    check_entries(path, entries, may_be_longer=True)
    num_all = len(gone) + sum(name.startswith(f"{SAMPLES}/") for name in entries)
    sentence = (
        f"{len(gone)} of {num_all} files of samples are gone; the run goes on without them, as "
        "they are only a record"
    )
    return [sentence] if gone else []


def _is_gone(path: Path, name: str) -> bool:
    return name.startswith(f"{SAMPLES}/") and not os.path.lexists(path / name)


def _write(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode())


def _csv_line(values: Iterable[object]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
