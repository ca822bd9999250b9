"""Experiences: a program, and the task of finding it from what it makes of some inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from codeit.execution.results import Grid
from codeit.learning.replay import Origin, ReplayBuffer
from codeit.policy.tokenizer import Ids, Tokenizer
from codeit.tasks.datasets import Task


@dataclass(frozen=True, eq=False)
class Experience:
    """One relabelled task: the program is its known answer.

    Attributes:
        task: the parent, whose demonstrations' inputs are used.
        program: normalised text.
        outputs: what the program returned for each demonstration; None where that is no grid.
        share_right: of the parent's demonstrations, how many have the true output.
    """

    task: Task
    program: str
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


class ExperienceWriter:
    """Turns tasks and experiences into token ids, and experiences into entries of a buffer."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        max_demonstrations: int,
        max_prompt_tokens: int,
        max_program_tokens: int,
    ) -> None:
        self._tokenizer = tokenizer
        self._max_demonstrations = max_demonstrations
        self._max_prompt_tokens = max_prompt_tokens
        self._max_program_tokens = max_program_tokens
        self._inputs: dict[tuple[str, tuple[int, ...]], Ids] = {}

    def fits(self, program: str) -> bool:
        """Whether a program can be learned: written by the tokenizer, in max_program_tokens."""
        return self._target(program) is not None

    def is_cut(self, task: Task) -> bool:
        """Whether the prompt of a task shows less of its demonstrations than it might."""
        shown = task.demonstrations[: self._max_demonstrations]
        most = self._max_prompt_tokens
        inputs = self._tokenizer.encode_inputs([d.input for d in shown], most + 1)
        outputs = [d.output for d in shown if d.output is not None]
        return max(len(inputs), len(self._tokenizer.encode_outputs(outputs, most + 1))) > most

    def prompt(self, task: Task, outputs: Sequence[Grid | None]) -> Ids:
        """The prompt of a task with these outputs; demonstrations without one are left out."""
        shown = tuple(k for k, grid in enumerate(outputs) if grid is not None)
        shown = shown[: self._max_demonstrations]
        key = (task.digest, shown)
        if key not in self._inputs:
            inputs = [task.demonstrations[k].input for k in shown]
            self._inputs[key] = self._tokenizer.encode_inputs(inputs, self._max_prompt_tokens)
        grids = [grid for grid in (outputs[k] for k in shown) if grid is not None]
        after = self._tokenizer.encode_outputs(grids, self._max_prompt_tokens)
        return np.concatenate([self._inputs[key], after])

    def true_prompt(self, task: Task) -> Ids:
        """The prompt that asks for a program: the task with its true outputs."""
        return self.prompt(task, [d.output for d in task.demonstrations])

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
        for experience in experiences:
            target = self._target(experience.program)
            if target is None:
                num_left_out += 1
                continue
            kept.append(experience)
            sources.append(self.prompt(experience.task, experience.outputs))
            targets.append(target)
        if kept:
            buffer.add(
                [experience.task.digest for experience in kept],
                [experience.program for experience in kept],
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

    def _target(self, program: str) -> Ids | None:
        try:
            target = self._tokenizer.encode_program(program)
        except ValueError:
            return None
        return target if len(target) <= self._max_program_tokens else None


def _offsets(lists: Sequence[Ids]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(ids) for ids in lists])]).astype(np.int64)
