"""The one file that knows what a run leaves on disk.

    config.toml       all settings
    metrics.jsonl     one object per iteration; the first line describes the start
    performance.csv   the columns of the original's file of that name
    solutions.jsonl   programs that reproduce a demonstration, as they are first found
    samples/0001.jsonl, ...  what the policy wrote, task by task
    tensorboard/      the metrics as TensorBoard events
    checkpoint/       model and tokenizer in Hugging Face's format, and what a run needs to go on

Files that are written anew appear whole or not at all; files that grow are flushed line by line.
"""

from __future__ import annotations

import csv
import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from codeit.scoring import Candidate
from codeit.whole_file import whole_file

CONFIG = "config.toml"
METRICS = "metrics.jsonl"
PERFORMANCE = "performance.csv"
SOLUTIONS = "solutions.jsonl"
SAMPLES = "samples"
TENSORBOARD = "tensorboard"
CHECKPOINT = "checkpoint"

_PERFORMANCE_COLUMNS = (
    "meta_iteration",
    "cumulative_performance",
    "performance",
    "step",
    "num_mutated_tasks",
    "num_policy_tasks",
)


class RunDirectory:
    """Writes a run. Made by `create`, which refuses to touch what is there already, or by `open`.

    Only one at a time can be there for a directory; leaving its context makes room for another.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise ValueError(f"{path}: another process is writing this run") from None

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

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
            ValueError: the path exists, or its parent cannot be written.
        """
        check_free(path)
        try:
            path.mkdir(parents=True)
            (path / SAMPLES).mkdir()
            (path / PERFORMANCE).write_text(_csv_line(_PERFORMANCE_COLUMNS), encoding="ascii")
            _write(path / CONFIG, config_toml)  # last: with it, this is a run directory
        except OSError as error:
            raise ValueError(f"{path}: cannot be written: {error.strerror}") from None
        return cls(path)

    @property
    def checkpoint(self) -> Path:
        return self.path / CHECKPOINT

    @property
    def tensorboard(self) -> Path:
        return self.path / TENSORBOARD

    def go_back(self, iteration: int) -> None:
        """Remove what was written after an iteration; 0 is the start, -1 before it."""
        for name in (METRICS, SOLUTIONS):
            if (self.path / name).exists():
                rows = [
                    row for row in read_lines(self.path / name) if row["iteration"] <= iteration
                ]
                _write(self.path / name, "".join(json.dumps(row) + "\n" for row in rows))
        lines = (self.path / PERFORMANCE).read_text("ascii").splitlines(keepends=True)
        _write(self.path / PERFORMANCE, "".join(lines[: 1 + max(iteration, 0)]))
        for file in (self.path / SAMPLES).iterdir():
            if file.suffix != ".jsonl" or int(file.stem) > iteration:
                file.unlink()
        if iteration < 0:
            shutil.rmtree(self.tensorboard, ignore_errors=True)

    def solutions(self) -> list[tuple[str, Candidate]]:
        """The programs found so far, and the origin of each."""
        found = []
        for row in read_lines(self.path / SOLUTIONS):
            del row["iteration"]
            found.append((row.pop("origin"), Candidate(**row)))
        return found

    def set_config(self, config_toml: str) -> None:
        """Write other settings than before."""
        _write(self.path / CONFIG, config_toml)

    def add_metrics(self, metrics: Mapping[str, Any]) -> None:
        self._append(METRICS, json.dumps(metrics) + "\n")

    def add_performance(
        self,
        iteration: int,
        cumulative: float,
        policy: float,
        step: int,
        num_mutated: int,
        num_policy: int,
    ) -> None:
        """One row in the original's columns; iterations count from 0 there."""
        row = (iteration - 1, cumulative, policy, step, num_mutated, num_policy)
        self._append(PERFORMANCE, _csv_line(row))

    def add_solutions(self, iteration: int, origin: str, candidates: Iterable[Candidate]) -> None:
        """Programs found for the first time, with the iteration that found them."""
        lines = [
            json.dumps(asdict(candidate) | {"iteration": iteration, "origin": origin}) + "\n"
            for candidate in candidates
        ]
        self._append(SOLUTIONS, "".join(lines))

    def write_samples(self, iteration: int, rows: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        _write(self.path / SAMPLES / f"{iteration:04d}.jsonl", text)

    def _append(self, name: str, text: str) -> None:
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def check_free(path: Path) -> None:
    """Raise ValueError unless a run directory can be made there."""
    if path.exists():
        raise ValueError(f"{path} exists already; choose another directory, or remove it first")
    parent = next(p for p in path.absolute().parents if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise ValueError(f"{path}: cannot be written: no permission to write to {parent}")


def check_run(path: Path) -> None:
    """Raise ValueError unless it is a run directory."""
    if not (path / CONFIG).is_file():
        raise ValueError(f"{path / CONFIG}: there is no such file; is {path} a run directory?")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSONL file of a run; a last line that is cut off is left out.

    Raises:
        ValueError: the file is missing, or a line before the last is no JSON.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file; is this a run directory?") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise ValueError(f"{path}, line {number}: {error.msg}") from None
    return rows


def _write(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode())


def _csv_line(values: Iterable[object]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
