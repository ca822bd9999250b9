"""The rows of a session: which begins next, by which numbers its tokens are drawn, and what becomes
of it. Here each sample is drawn by itself; `distinct.py` has those of which no two are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from codeit.policy.sampling.constraint import TokenIds, Words
from codeit.policy.sampling.sample_queue import Prompt, Sample, SampleQueue
from codeit.policy.sampling.sampling_law import uniforms
from codeit.policy.sampling.settings import SamplingSettings
from codeit.policy.sampling.strategy import IndependentDraws, Row, make_law


@dataclass(eq=False)
class SampleRow(Row):
    """A sample under way, and where it belongs."""

    prompt: Prompt
    number: int
    """Which of the prompt's samples it is, where that is known."""
    is_dropped: bool = field(default=False, kw_only=True)
    """Whether nobody wants it any more."""


class Rows(Protocol):
    """The rows of a session's prompts. See Draws for `draw`."""

    def draw(
        self,
        rows: Sequence[Any],
        scores: torch.Tensor,
        ids: TokenIds | None = None,
        allowed: Words | None = None,
    ) -> list[list[int]]: ...

    def add(self, prompts: Sequence[Prompt]) -> None:
        """Let the samples of prompts begin."""
        ...

    def next(self) -> SampleRow | None:
        """A row to begin, after the tokens that it has; None if there is none for now."""
        ...

    def end(self, row: SampleRow) -> None:
        """Take a row that has ended."""
        ...

    def samples(self) -> list[Sample]:
        """What there is since the last call."""
        ...


class IndependentRows(IndependentDraws):
    """Rows of which each is a sample, drawn by itself."""

    def __init__(self, settings: SamplingSettings, queue: SampleQueue) -> None:
        super().__init__(make_law(settings))
        self._max_tokens = settings.max_tokens
        self._queue = queue
        self._samples: list[Sample] = []

    def add(self, prompts: Sequence[Prompt]) -> None:
        """See Rows.add."""
        self._queue.add_samples(prompts)

    def next(self) -> SampleRow | None:
        """See Rows.next."""
        if not self._queue.samples:
            return None
        prompt, number = self._queue.samples.popleft()
        numbers = uniforms(self._queue.seed, prompt.number, number, self._max_tokens)
        return SampleRow(prompt, number, uniforms=numbers)

    def end(self, row: SampleRow) -> None:
        """See Rows.end."""
        row.prompt.num_unfinished -= 1
        is_last = row.prompt.num_unfinished == 0
        self._samples.append(Sample(row.prompt.number, row.number, np.array(row.tokens), is_last))

    def samples(self) -> list[Sample]:
        """See Rows.samples."""
        ended, self._samples = self._samples, []
        return ended
