"""What a run records of its start and of each iteration: the rows of metrics.jsonl."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from codeit.runs.resuming import Changes
from codeit.tasks.scoring import Figures

Solved = Mapping[str, Figures]
"""How many tasks are solved, by what found the programs: ORIGINS, `all` together, `now`."""

ENDS = {"no_program": "no program", "no_grid": "no grid", "grid": "a grid", "right": "a right grid"}
"""How samples end beside the outcomes of runs, in words; `SampleCounts.ends` parts them."""


@dataclass(kw_only=True)
class StartMetrics:
    """Of what comes before the first iteration."""

    iteration: int = 0
    num_tasks: int
    """Tasks to solve, and of these: with a hidden output, the others, those of them that are no
    training tasks."""
    num_hidden_tasks: int
    num_scored_tasks: int
    num_unseen_tasks: int
    seen_tasks: Sequence[str]
    """Ids of tasks to solve that are training tasks, too."""
    notes: Sequence[str]
    """What was said on the console."""
    num_seeds: int
    num_seeds_left_out: int
    seeds_left_out: Mapping[str, Sequence[str]]
    """Task ids by the reason."""
    num_mutated: int
    num_too_long: int
    """Experiences of seeds and mutants whose programs cannot be learned."""
    num_mutants_scored: int
    num_searched: int
    """Tasks that were searched."""
    solved: Solved
    solved_unseen: Solved
    """The same without the tasks that are training tasks, too."""
    solved_only: Solved
    """Tasks that nothing else solves: one of ORIGINS and no other; `all` together, none alone."""
    seconds: Mapping[str, float]
    """Of each stage."""
    changed: Changes | None = None
    """Settings that were others before this iteration, if the run was resumed with others."""


@dataclass(kw_only=True)
class IterationMetrics:
    """Of one iteration."""

    iteration: int
    loss: float
    """Mean over the target tokens."""
    loss_per_experience: float
    num_trained: int
    num_target_tokens: int
    num_source_tokens: int
    num_training_flops: int
    share_of_padding: float
    num_steps: int
    """Since the run's beginning."""
    speed: Mapping[str, float]
    sampling: Mapping[str, float]
    """What the samples of the first process have taken: `SamplingCounts.figures`."""
    num_samples: int
    share_repeated: float
    """Of the samples whose text an earlier one of their task has."""
    num_distinct: int
    """Programs that differ by more than spelling, task by task."""
    num_new: int | None
    """Programs that the run had not had before this iteration, for any task: no sample of an
    earlier one, and nothing that it learned from or was to learn from (seeds, mutants, programs of
    a search)."""
    share_parsed: float
    """Of all samples, repeated ones included, and so below."""
    share_valid: float
    """Of those that return a grid for at least one demonstration."""
    share_right: float
    """Of those that reproduce at least one demonstration."""
    share_run: float | None
    """Of those that end without an error on at least one demonstration."""
    num_lines_per_program: float | None
    """Mean over the samples that are programs."""
    program_lines: Mapping[str, float]
    """Quantiles over the same: `SampleCounts.line_quantiles`."""
    sample_ends: Mapping[str, int]
    """How many samples ended how: `SampleCounts.ends`."""
    num_experiences: int
    num_too_long: int
    num_searched: int
    """Tasks that were searched around what the policy wrote in the iteration before."""
    solved: Solved
    solved_unseen: Solved
    solved_only: Solved
    buffer_num_seed: int
    buffer_num_mutated: int
    buffer_num_policy: int
    """Of programs that the policy wrote for the task itself."""
    buffer_num_elsewhere: int
    """Of programs that it wrote for other tasks."""
    buffer_num_searched: int
    buffer_mean_policy_priority: float
    """Of the last three together."""
    buffer_priorities: Mapping[str, Mapping[str, int]]
    """How many experiences there are, by the origin of their programs, then by the range of
    priorities that they are in: `Statistics.priorities`."""
    seconds: Mapping[str, float]
    """Busy seconds of each stage, on all threads of the first process; stages overlap."""
    stages: Mapping[str, Mapping[str, float]]
    """When each of them began and ended, and more: `Timeline.stages`."""
    use: Mapping[str, float]
    """How much of the iteration the model was running, and the like: `Timeline.use`."""
    changed: Changes | None = None


Metrics = StartMetrics | IterationMetrics


_LATER: Mapping[str, Any] = {
    "changed": None,
    "num_new": None,
    "share_run": None,
    "num_lines_per_program": None,
    "program_lines": {},
    "sample_ends": {},
    "buffer_priorities": {},
    "speed": {},
    "sampling": {},
    "num_searched": 0,
    "stages": {},
    "use": {},
}
"""What rows of earlier versions lack, and what stands for it."""


def from_row(row: Mapping[str, Any]) -> Metrics:
    """What `to_row` gave, also after it was in a file.

    Args:
        row: of `read_metrics`, which says what is wrong with its values, and what is missing.
    """
    kind = IterationMetrics if row["iteration"] else StartMetrics
    values = {}
    for one in fields(kind):
        is_later = one.name in _LATER and one.name not in row
        values[one.name] = _LATER[one.name] if is_later else row[one.name]
    return kind(**values)


def to_row(metrics: Metrics) -> dict[str, Any]:
    """As an object of a JSON file, without what is not known."""
    row = {field.name: getattr(metrics, field.name) for field in fields(metrics)}
    return {name: value for name, value in row.items() if value is not None}


def scalars(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers of a row; those of a table under `TABLE/NAME`."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}/{inner}", number) for inner, number in scalars(value))
        elif isinstance(value, int | float) and name != "iteration":
            yield name, value


def check_finite(row: Mapping[str, Any]) -> None:
    """Raise FloatingPointError unless all numbers can be written: JSON has no others."""
    for name, value in scalars(row):
        if not math.isfinite(value):
            raise FloatingPointError(f"{name} is {value}")


@dataclass
class Stopwatch:
    """Seconds of one stage after the other."""

    laps: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now
