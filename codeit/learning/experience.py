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


class ExperienceWriter:
    """Turns experiences into entries of a buffer.

    Args:
        prompts: what the policy reads of a task.
        max_program_tokens: what is longer cannot be learned.
    """

    def __init__(self, prompts: PromptWriter, max_program_tokens: int) -> None:
        self._prompts = prompts
        self._tokenizer = prompts.tokenizer
        self._max_program_tokens = max_program_tokens

    def fits(self, program: Program) -> bool:
        """Whether a program can be learned: written by the tokenizer, in max_program_tokens."""
        return self._targets([program])[0] is not None

    def store(
        self,
        buffer: ReplayBuffer,
        experiences: Iterable[Experience],
        origin: Origin,
        iteration: int,
    ) -> int:
        """Put experiences into the buffer.

        Returns:
            How many were left out, because their program cannot be written with the tokenizer's
            vocabulary or is longer than max_program_tokens.
        """
        kept: list[Experience] = []
        sources: list[Ids] = []
        targets: list[Ids] = []
        num_left_out = 0
        experiences = list(experiences)
        found = self._targets([experience.program for experience in experiences])
        for experience, target in zip(experiences, found, strict=True):
            if target is None:
                num_left_out += 1
                continue
            kept.append(experience)
            sources.append(self._prompts.prompt(experience.task, experience.outputs))
            targets.append(target)
        if kept:
            buffer.add(
                [experience.task.digest for experience in kept],
                [experience.program.key for experience in kept],
                origin=origin,
                iteration=iteration,
                demonstration_share=np.array([experience.share_right for experience in kept]),
                distance=[e.distance() for e in kept] if buffer.settings.distance_weight else 0.0,
                source_ids=np.concatenate(sources),
                source_offsets=_offsets(sources),
                target_ids=np.concatenate(targets),
                target_offsets=_offsets(targets),
            )
        return num_left_out

    def _targets(self, programs: Sequence[Program]) -> list[Ids | None]:
        """The ids of each program that can be learned, None of any other."""
        most = self._max_program_tokens
        found = self._tokenizer.encode_programs(programs)
        return [None if ids is None or len(ids) > most else ids for ids in found]


def _offsets(lists: Sequence[Ids]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(ids) for ids in lists])]).astype(np.int64)
