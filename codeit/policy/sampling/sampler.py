"""What a sampler is, whichever way it draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from codeit.parallel.processes import SINGLE_PROCESS, ProcessGroup
from codeit.policy.sampling.counts import SamplingCounts
from codeit.policy.tokenizer import Ids


class Sampler(Protocol):
    """Something that draws programs for prompts.

    Attributes:
        counts: what the samples of the last call have taken, once there are all of them.
    """

    counts: SamplingCounts

    def sample(
        self,
        prompts: Sequence[Ids],
        seed: int,
        on_progress: Callable[[int], None] | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """Draw settings.samples_per_task programs for each prompt.

        Args:
            prompts: token ids, one array per prompt, none of them empty.
            seed: the same prompts and seed give the same samples.
            on_progress: told how many samples are finished.
            processes: only this process's share of the prompts is drawn for.
        Returns:
            An iterator over pairs (index of the prompt, ids [N, T] padded after the end), in any
            order; each prompt comes once.
        Raises:
            ValueError: a prompt is empty; the message gives its index.
            FloatingPointError: a weight or a score of the model is not finite.
        """
        ...

    def check(self, prompts: Sequence[Ids]) -> None:
        """Raise what `sample` would raise before its first sample."""
        ...
