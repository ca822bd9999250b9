"""The one file that knows what a run leaves on disk.

    config.toml       all settings
    metrics.jsonl     one object per iteration; the first line describes the start
    performance.csv   the columns of the original's file of that name
    solutions.jsonl   programs that reproduce a demonstration, as they are first found
    samples/0001.jsonl, ...  what the policy wrote, task by task
    tensorboard/      the metrics as TensorBoard events
    checkpoint/       model and tokenizer in Hugging Face's format

Files that are written anew appear whole or not at all; files that grow are flushed line by line.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from codeit.scoring import Candidate

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
    """Writes a run. Made by `create`, which refuses to touch what is there already."""

    def __init__(self, path: Path) -> None:
        self.path = path

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
            (path / CONFIG).write_text(config_toml, encoding="utf-8")
            (path / PERFORMANCE).write_text(_csv_line(_PERFORMANCE_COLUMNS), encoding="ascii")
        except OSError as error:
            raise ValueError(f"{path}: cannot be written: {error.strerror}") from None
        return cls(path)

    @property
    def checkpoint(self) -> Path:
        return self.path / CHECKPOINT

    @property
    def tensorboard(self) -> Path:
        return self.path / TENSORBOARD

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
        write_whole(self.path / SAMPLES / f"{iteration:04d}.jsonl", text)

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


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it appears whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


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


def _csv_line(values: Iterable[object]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
