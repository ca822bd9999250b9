"""Experiences: a program, and the task of finding it from what it makes of some inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from codeit.grids import Grid
from codeit.language import Program
from codeit.learning.replay import Origin, ReplayBuffer
from codeit.mutation import MutatedTask
from codeit.policy.prompts import PromptWriter
from codeit.policy.tokenizer import Ids
from codeit.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Experience:
    """One relabelled task: the program is its known answer.

    Attributes:
        task: the parent, whose demonstrations' inputs are used.
        outputs: what the program returned for each demonstration; None where that is no grid.
        share_right: of the parent's demonstrations, how many have the true output.
    """

    task: Task
    program: Program
    outputs: tuple[Grid | None, ...]
    share_right: float

    def distance(self) -> float:
        """How far the outputs are from the true ones: the share of cells that differ, 1 where the
        shape does or there is no grid; mean over the demonstrations."""
        shares = []
        for output, pair in zip(self.outputs, self.task.demonstrations, strict=True):
            if output is None or pair.output is None or output.shape != pair.output.shape:
                shares.append(1.0)
            else:
                shares.append(float(np.mean(output != pair.output)))
        return sum(shares) / len(shares)


def of_mutant(mutant: MutatedTask) -> Experience:
    """What a mutant teaches: the task that it solves."""
    pairs = zip(mutant.outputs, mutant.parent.demonstrations, strict=True)
    is_right = [np.array_equal(grid, d.output) for grid, d in pairs if d.output is not None]
    share = sum(is_right) / len(is_right)
    return Experience(mutant.parent, mutant.program, mutant.outputs, share)


@dataclass(frozen=True, eq=False)
class Lesson:
    """An experience as the policy reads it.

    Attributes:
        source: ids of the prompt.
        target: ids of the program.
        share_right, distance: as in `Experience`; the distance is 0 where it has no weight.
    """

    task_digest: str
    key: str
    share_right: float
    distance: float
    source: Ids
    target: Ids


@dataclass(frozen=True, eq=False)
class Lessons:
    """What can be learned from experiences, in their order.

    Attributes:
        num_left_out: experiences whose program cannot be written with the tokenizer's vocabulary or
            is longer than the policy may write.
    """

    rows: list[Lesson]
    num_left_out: int = 0

    def __len__(self) -> int:
        return len(self.rows) + self.num_left_out

    @classmethod
    def sum(cls, parts: Iterable[Lessons]) -> Lessons:
        """Those of many one after the other."""
        parts = list(parts)
        rows = [row for part in parts for row in part.rows]
        return cls(rows, sum(part.num_left_out for part in parts))

    def distinct(self) -> Lessons:
        """The first of each task and program."""
        rows = {(row.task_digest, row.key): row for row in reversed(self.rows)}
        return Lessons(list(rows.values())[::-1], self.num_left_out)

    def store(self, buffer: ReplayBuffer, origin: Origin, iteration: int) -> None:
        """Put them into a buffer."""
        rows = self.rows
        if rows:
            buffer.add(
                [row.task_digest for row in rows],
                [row.key for row in rows],
                origin=origin,
                iteration=iteration,
                demonstration_share=np.array([row.share_right for row in rows]),
                distance=np.array([row.distance for row in rows]),
                source_ids=np.concatenate([row.source for row in rows]),
                source_offsets=_offsets([row.source for row in rows]),
                target_ids=np.concatenate([row.target for row in rows]),
                target_offsets=_offsets([row.target for row in rows]),
            )


class ExperienceWriter:
    """Turns experiences into what the policy learns from.

    Args:
        prompts: what the policy reads of a task.
        max_program_tokens: what is longer cannot be learned.
        has_distance: whether it counts how far an experience is from the true outputs.
    """

    def __init__(
        self, prompts: PromptWriter, max_program_tokens: int, has_distance: bool = True
    ) -> None:
        self._prompts = prompts
        self._tokenizer = prompts.tokenizer
        self._max_program_tokens = max_program_tokens
        self._has_distance = has_distance

    def fits(self, program: Program) -> bool:
        """Whether a program can be learned: written by the tokenizer, in max_program_tokens."""
        return self._targets([program])[0] is not None

    def lessons(self, experiences: Iterable[Experience]) -> Lessons:
        """Experiences as the policy reads them. Any thread may call this."""
        experiences = list(experiences)
        targets = self._targets([experience.program for experience in experiences])
        rows = [
            Lesson(
                task_digest=experience.task.digest,
                key=experience.program.key,
                share_right=experience.share_right,
                distance=experience.distance() if self._has_distance else 0.0,
                source=self._prompts.prompt(experience.task, experience.outputs),
                target=target,
            )
            for experience, target in zip(experiences, targets, strict=True)
            if target is not None
        ]
        return Lessons(rows, len(experiences) - len(rows))

    def store(
        self,
        buffer: ReplayBuffer,
        experiences: Iterable[Experience],
        origin: Origin,
        iteration: int,
    ) -> int:
        """Put experiences into a buffer; returns how many were left out."""
        lessons = self.lessons(experiences)
        lessons.store(buffer, origin, iteration)
        return lessons.num_left_out

    def _targets(self, programs: Sequence[Program]) -> list[Ids | None]:
        """The ids of each program that can be learned, None of any other."""
        most = self._max_program_tokens
        found = self._tokenizer.encode_programs(programs)
        return [None if ids is None or len(ids) > most else ids for ids in found]


def _offsets(lists: Sequence[Ids]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(ids) for ids in lists])]).astype(np.int64)
