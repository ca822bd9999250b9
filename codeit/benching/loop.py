"""`codeit bench loop`: a whole iteration on a part of the tasks."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from codeit.benching.case import Bench, Case
from codeit.execution.executor import num_usable_cores
from codeit.files.json_file import read_lines
from codeit.profiling.size import NOT_READ, scaled
from codeit.runs.directory import RunDirectory
from codeit.runs.effects import check_effect
from codeit.runs.loop import Loop
from codeit.runs.setting_words import base_settings, parse_settings
from codeit.runs.settings import RunSettings, settings_to_toml, with_absolute_paths
from codeit.tasks import datasets


def loop_bench(preset: str, config: Path | None, words: Sequence[str], share: float) -> Bench:
    """One iteration, from the first experiences to the checkpoint, of a part of what a run does.

    Args:
        words: settings, as those of `codeit train`.
        share: of the tasks, experiences and mutants.
    Raises:
        ValueError, OSError: a setting is wrong, or what it names cannot be loaded.
    """
    base, in_file = base_settings(preset, config)
    settings, chosen = parse_settings(list(words), base)
    for name in chosen:
        if name in NOT_READ and name != "iterations":
            raise ValueError(f"{name} has no effect in a benchmark: {NOT_READ[name]}")
    check_effect(settings, list(dict.fromkeys([*chosen, *in_file])))
    num_tasks = len(datasets.load(settings.data.evaluation))
    part = dataclasses.replace(scaled(settings, share, num_tasks), iterations=1)
    part = with_absolute_paths(part)
    count = part.data.num_evaluation * part.sampling.samples_per_task
    expected: list[Any] = []

    def check(outcome: Any) -> str:
        if not expected:
            expected.append(outcome)
        return "" if outcome == expected[0] else "the same seed gives another iteration"

    return Bench(
        [
            Case(
                "an iteration",
                _iterate,
                check,
                count,
                "programs",
                threads=part.threads or num_usable_cores(),
                prepare=lambda: part,
            )
        ],
        [
            f"one iteration of preset {preset}: {part.data.num_evaluation} of {num_tasks} tasks, "
            f"{part.training.num_policy + part.training.num_mutated:,} experiences at most, "
            f"{part.mutation.num_tasks:,} mutated tasks to begin with"
        ],
        {"settings": settings_to_toml(part)},
        versions={"torch": torch.__version__},
    )


def _iterate(settings: RunSettings) -> Any:
    """What it comes to, without times."""
    with tempfile.TemporaryDirectory(prefix="codeit-bench-") as folder:
        loop = Loop(settings, Console(quiet=True))
        out = Path(folder) / "run"
        with RunDirectory.create(out, settings_to_toml(settings)) as directory:
            loop.run(directory)
        rows = read_lines(out / "metrics.jsonl")
        counts = [
            {k: v for k, v in row.items() if k.startswith(("num_", "share_"))} for row in rows
        ]
        return counts, (out / "solutions.jsonl").read_bytes()
