"""Which samples are yet to be drawn: what sessions take from, prompt by prompt."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codeit.policy.tokenizer import Ids
from codeit.ranges import integers

_PACKED = 1 << 14
"""Source tokens that are encoded together on a GPU. On a CPU prompts are encoded one by one: so
what becomes of one does not depend on the others, and their products are large enough."""


def check_ids(name: str, ids: npt.ArrayLike, vocab_size: int, ndim: int = 1) -> None:
    """Raise ValueError unless all of them are ids that a model has."""
    array = integers(name, ids, np.int64, ndim)
    bad = array[(array < 0) | (array >= vocab_size)]
    if len(bad):
        raise ValueError(f"{name} has the id {bad[0]}; the model has {vocab_size}")


def check_prompts(prompts: Sequence[Ids], vocab_size: int) -> None:
    """Raise ValueError unless all prompts are ids that a model has, at least one each."""
    for k, prompt in enumerate(prompts):
        if np.size(prompt) == 0:
            raise ValueError(f"prompt {k} is empty")
        check_ids(f"prompt {k}", prompt, vocab_size)


@dataclass(frozen=True)
class Sample:
    """A sample that has ended: its tokens [T], and whose it is."""

    prompt: int
    number: int
    tokens: npt.NDArray[np.int64]
    is_last: bool
    """Whether no other sample of its prompt is to come."""


def not_finite(prompt: int, number: int) -> FloatingPointError:
    """What ends sampling where a model's scores mean nothing."""
    return FloatingPointError(
        f"prompt {prompt}, sample {number}: the model's scores are not finite"
    )


@dataclass(eq=False)
class Prompt:
    """A prompt some of whose samples have not ended."""

    number: int
    ids: Ids
    num_unfinished: int


class SampleQueue:
    """One session's prompts, and those of their samples that are drawn each by itself and wait.

    Args:
        prompts: all of them.
        waiting: numbers of those that no session has taken; shared by all sessions.
        num_samples: of each prompt.
        seed: of the samples.
    """

    def __init__(
        self, prompts: Sequence[Ids], waiting: deque[int], num_samples: int, seed: int
    ) -> None:
        self.seed = seed
        self.num_samples = num_samples
        self.samples: deque[tuple[Prompt, int]] = deque()
        self._prompts = prompts
        self._waiting = waiting

    def take_prompts(self, most: int) -> list[Prompt]:
        """Up to so many more prompts, as they are encoded together."""
        taken: list[Prompt] = []
        num_tokens = 0
        while self._waiting and len(taken) < most and num_tokens < _PACKED:
            try:
                number = self._waiting.popleft()
            except IndexError:  # another thread took it
                break
            taken.append(Prompt(number, self._prompts[number], self.num_samples))
            num_tokens += len(self._prompts[number])
        return taken

    def add_samples(self, prompts: Sequence[Prompt]) -> None:
        """Let all samples of prompts wait here."""
        for prompt in prompts:
            self.samples.extend((prompt, k) for k in range(self.num_samples))
