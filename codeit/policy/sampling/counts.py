"""What drawing samples has taken: steps of the decoder, how full they were, operations, bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from codeit.policy.model.t5 import T5Config


@dataclass
class SamplingCounts:
    """Of one call of a sampler, on all of its threads, in this process.

    Attributes:
        num_steps: of the decoder, each on one thread.
        num_row_steps: the samples under way in each step, added up.
        num_slot_steps: those that there was room for, added up.
        num_tokens: of the samples that have ended.
        num_source_tokens: of the prompts that were encoded.
        num_captures: steps that were captured as CUDA graphs.
        num_flops: of the matrix products that the tokens need.
        num_bytes: of the decoder's weights, as often as a step reads them.
    """

    num_steps: int = 0
    num_row_steps: int = 0
    num_slot_steps: int = 0
    num_tokens: int = 0
    num_source_tokens: int = 0
    num_captures: int = 0
    num_flops: int = 0
    num_bytes: int = 0

    @classmethod
    def sum(cls, parts: Iterable[SamplingCounts]) -> SamplingCounts:
        total = cls()
        for part in parts:
            for field in fields(cls):
                setattr(total, field.name, getattr(total, field.name) + getattr(part, field.name))
        return total

    def step(self, num_rows: int, num_slots: int, times: int = 1) -> None:
        """So many steps have been taken, with so many samples under way."""
        self.num_steps += times
        self.num_row_steps += times * num_rows
        self.num_slot_steps += times * num_slots

    def finish(
        self, config: T5Config, ended: Sequence[tuple[int, int, int]], bytes_per_weight: int
    ) -> None:
        """Work out what follows from the samples that have ended.

        Args:
            ended: of each sample, the number of its prompt, the length of that, and its own.
        """
        numbers, sources, targets = np.array(ended, np.int64).reshape(-1, 3).T
        prompts = sources[np.unique(numbers, return_index=True)[1]]
        self.num_tokens = int(targets.sum())
        self.num_source_tokens = int(prompts.sum())
        encoded = config.num_flops(prompts, np.zeros_like(prompts))
        written = config.num_flops(sources, targets)
        written -= config.num_flops(sources, np.zeros_like(sources))
        self.num_flops = encoded + written
        # A product takes an operation to multiply by a weight, and one to add.
        one = config.num_flops(np.zeros(1, np.int64), np.ones(1, np.int64)) // 2
        self.num_bytes = self.num_steps * one * bytes_per_weight

    def figures(self, seconds: float) -> dict[str, float]:
        """As a table of the metrics: counts, and what is told by two of them.

        Args:
            seconds: that sampling took.
        """
        return {
            "tokens_per_second": round(self.num_tokens / max(seconds, 1e-9)),
            "num_tokens": self.num_tokens,
            "num_source_tokens": self.num_source_tokens,
            "num_steps": self.num_steps,
            "mean_rows": round(self.num_row_steps / max(self.num_steps, 1), 2),
            "share_of_slots": round(self.num_row_steps / max(self.num_slot_steps, 1), 4),
            "num_captures": self.num_captures,
            "num_flops": self.num_flops,
            "num_bytes": self.num_bytes,
        }
