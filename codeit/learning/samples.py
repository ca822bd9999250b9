"""What was written for the tasks in an iteration: what it is worth, and what it teaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from codeit.execution.results import Outcome, Results
from codeit.language import Program
from codeit.language.program import distinct
from codeit.learning.experience import Experience
from codeit.tasks.task import Task

_QUANTILES = {"q10": 1, "median": 5, "q90": 9}


@dataclass(frozen=True)
class Samples:
    """What the policy wrote for one task in one iteration, or what mutation did in its place."""

    number: int
    """Of the task."""
    task: Task
    written: list[Program | str]
    """Programs, and texts that are none."""

    def distinct(self) -> list[Program]:
        """Of the programs of each key the one that runs for all of them."""
        return distinct(p for p in self.written if isinstance(p, Program))


@dataclass(frozen=True)
class ExecutedSamples:
    """Samples, and how they ended.

    Attributes:
        distinct: of each key the program with the fewest lines.
        results: of these on the demonstrations.
    """

    samples: Samples
    distinct: list[Program]
    results: Results


def relabelled(executed: ExecutedSamples, is_right_needed: bool) -> Iterator[Experience]:
    """Hindsight: what a program really made of the inputs becomes the output to explain.

    Without it, a program has to be right on all demonstrations.
    """
    task, results = executed.samples.task, executed.results
    shares = results.match([d.output for d in task.demonstrations]).mean(axis=1)
    is_kept = shares == 1 if is_right_needed else (results.height > 0).any(axis=1)
    for p in np.flatnonzero(is_kept).tolist():
        outputs = tuple(results.grid(p, i) for i in range(len(task.demonstrations)))
        yield Experience(task, executed.distinct[p], outputs, float(shares[p]))


@dataclass(frozen=True)
class SampleCounts:
    """How good samples are: repeated ones count again.

    A sample runs when its program ends without an error on at least one demonstration, is valid
    when it returns a valid grid for one, and right when it reproduces one. It is repeated when an
    earlier one of its task has its text; `num_distinct` counts programs that differ by more than
    spelling, `lengths` those that are programs by how many lines they have.

    `ends` parts the samples by how far they came: `no_program`, `no_grid`, `grid`, `right`. Of one
    that returns no grid for any demonstration, it is the first outcome that is an error, where
    there is one.
    """

    num_samples: int = 0
    num_repeated: int = 0
    num_distinct: int = 0
    num_parsed: int = 0
    num_run: int = 0
    num_valid: int = 0
    num_right: int = 0
    lengths: Mapping[int, int] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, executed: ExecutedSamples) -> SampleCounts:
        """Those of one task."""
        written, results = executed.samples.written, executed.results
        is_run = np.any(results.outcome == Outcome.ok, axis=1)
        is_valid = np.any(results.height > 0, axis=1)
        outputs = [d.output for d in executed.samples.task.demonstrations]
        is_right = np.any(results.match(outputs), axis=1)
        row = {program.key: p for p, program in enumerate(executed.distinct)}
        programs = [program for program in written if isinstance(program, Program)]
        parsed = [row[program.key] for program in programs]
        errors = [_first_error(outcomes) for outcomes in results.outcome]
        ends = [
            "right" if is_right[p] else "grid" if is_valid[p] else errors[p]
            for p in range(len(executed.distinct))
        ]
        return cls(
            num_samples=len(written),
            num_repeated=len(written) - len({str(one) for one in written}),
            num_distinct=len(executed.distinct),
            num_parsed=len(parsed),
            num_run=int(np.count_nonzero(is_run[parsed])),
            num_valid=int(np.count_nonzero(is_valid[parsed])),
            num_right=int(np.count_nonzero(is_right[parsed])),
            lengths=Counter(program.text.count("\n") + 1 for program in programs),
            ends=dict(
                Counter(["no_program"] * (len(written) - len(parsed)) + [ends[p] for p in parsed])
            ),
        )

    @classmethod
    def sum(cls, counts: Iterable[SampleCounts]) -> SampleCounts:
        """Those of many tasks together."""
        some = list(counts)
        names = [one.name for one in fields(cls) if one.name.startswith("num_")]
        ends: Counter[str] = Counter()
        lengths: Counter[int] = Counter()
        for one in some:
            ends.update(one.ends)
            lengths.update(one.lengths)
        return cls(
            **{name: sum(getattr(one, name) for one in some) for name in names},
            lengths=dict(sorted(lengths.items())),
            ends=dict(sorted(ends.items())),
        )

    def share(self, count: int) -> float:
        """What part of all samples a count is."""
        return count / self.num_samples

    def metrics(self) -> dict[str, Any]:
        """Those fields of `IterationMetrics` that follow from samples alone."""
        return {
            "num_samples": self.num_samples,
            "share_repeated": self.share(self.num_repeated),
            "num_distinct": self.num_distinct,
            "share_parsed": self.share(self.num_parsed),
            "share_valid": self.share(self.num_valid),
            "share_right": self.share(self.num_right),
            "share_run": self.share(self.num_run),
            "num_lines_per_program": round(self.num_lines / max(self.num_parsed, 1), 2),
            "program_lines": self.line_quantiles(),
            "sample_ends": self.ends,
        }

    @property
    def num_lines(self) -> int:
        """Of all that are programs together."""
        return sum(length * number for length, number in self.lengths.items())

    def line_quantiles(self) -> dict[str, int]:
        """How long programs are: so many tenths of them have at most so many lines. Empty where
        there are no programs."""
        lines = sorted(self.lengths)
        reached = np.cumsum([self.lengths[n] for n in lines])
        if not lines:
            return {}
        # The least length that so many of them do not exceed.
        places = {name: -(-self.num_parsed * tenths // 10) for name, tenths in _QUANTILES.items()}
        return {n: lines[int(np.searchsorted(reached, place))] for n, place in places.items()}


def _first_error(outcomes: npt.NDArray[np.uint8]) -> str:
    wrong = outcomes[outcomes != Outcome.ok]
    return Outcome(int(wrong[0])).name if len(wrong) else "no_grid"


def sample_row(executed: ExecutedSamples) -> dict[str, Any]:
    """What samples/ keeps of a task: every text, and how its program ended on each demonstration,
    or the one that ran for it."""
    row = {program.key: p for p, program in enumerate(executed.distinct)}
    rows: list[dict[str, Any]] = []
    for program in executed.samples.written:
        if isinstance(program, str):
            rows.append({"text": program})
            continue
        outcomes = executed.results.outcome[row[program.key]].tolist()
        rows.append({"text": program.text, "outcomes": [Outcome(k).name for k in outcomes]})
    task = executed.samples.task
    return {"task": task.task_id, "task_digest": task.digest, "samples": rows}
