"""What may come next in a sample, decided on the device: modes of strategy.py in fixed shapes.

Modes `reference` and `grammar` are here, with the samples of strategy.py. Mode `typed` is not, for
what fits into the tokens that are left depends there on all calls and variables so far; nor is
`speculative`, which takes in as many tokens at a time as were guessed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from codeit.policy.sampling.constraint import ProgramConstraint
from codeit.policy.sampling.sampling_law import SamplingLaw
from codeit.policy.sampling.settings import SamplingSettings
from codeit.policy.sampling.static_grammar import StaticGrammar, why_not
from codeit.policy.tokenizer import Tokenizer

# Shape letters: B rows of a step, R slots, V scores.


@dataclass(frozen=True)
class Drawn:
    """What was drawn for the rows of a step, [B] each."""

    ids: torch.Tensor
    followers: torch.Tensor
    """What comes after that, where `counts` is 2; else nothing is to be read from it."""
    counts: torch.Tensor
    are_last: torch.Tensor


class StaticStrategy(ABC):
    """A mode, for rows whose state is in tensors.

    Attributes:
        head_ids: the ids that scores are of, int64; None for the whole vocabulary.
        max_tokens: of a sample.
    """

    head_ids: npt.NDArray[np.int64] | None = None

    def __init__(self, settings: SamplingSettings) -> None:
        self.max_tokens = settings.max_tokens
        self._law = SamplingLaw(settings.temperature, settings.top_k, settings.top_p)

    @abstractmethod
    def begin(self, slots: torch.Tensor) -> None:
        """Put the rows in some slots at their start."""

    @abstractmethod
    def draw(
        self,
        rows: torch.Tensor,
        positions: torch.Tensor,
        scores: torch.Tensor,
        uniforms: torch.Tensor,
    ) -> Drawn:
        """The next tokens.

        Args:
            rows: int64 [B], slots; the last one is no row's.
            positions: int64 [B], how many tokens each row has.
            scores: float32 [B, V]
            uniforms: float64 [B]
        """


class StaticFreeDecoding(StaticStrategy):
    """Mode `reference`."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        settings: SamplingSettings,
        vocab_size: int,
        device: torch.device,
    ) -> None:
        super().__init__(settings)
        self._end_id = tokenizer.end_id
        is_foreign = torch.ones(vocab_size, dtype=torch.bool)
        is_foreign[torch.from_numpy(tokenizer.program_ids.astype(np.int64))] = False
        self._is_foreign = is_foreign.to(device)

    def begin(self, slots: torch.Tensor) -> None:
        """Nothing is known of a row but its tokens."""

    def draw(
        self,
        rows: torch.Tensor,
        positions: torch.Tensor,
        scores: torch.Tensor,
        uniforms: torch.Tensor,
    ) -> Drawn:
        ids = self._law.plain_draw(scores, uniforms)
        is_full = positions + 1 == self.max_tokens
        # After a foreign one only the end can come.
        must_end = self._is_foreign[ids] & ~is_full
        return Drawn(
            ids,
            torch.full_like(ids, self._end_id),
            1 + must_end.long(),
            must_end | is_full | (ids == self._end_id),
        )


class StaticConstrainedDecoding(StaticStrategy):
    """Mode `grammar`."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        settings: SamplingSettings,
        num_slots: int,
        device: torch.device,
    ) -> None:
        super().__init__(settings)
        constraint = ProgramConstraint(tokenizer, "grammar", 1)
        constraint.begin(settings.max_tokens)  # which says if no program is so short
        self.head_ids = constraint.alphabet.astype(np.int64)
        self._ids = torch.from_numpy(self.head_ids).to(device)
        self._grammar = StaticGrammar(constraint.tables(), len(self.head_ids), num_slots, device)

    def begin(self, slots: torch.Tensor) -> None:
        self._grammar.begin(slots, self.max_tokens)

    def draw(
        self,
        rows: torch.Tensor,
        positions: torch.Tensor,
        scores: torch.Tensor,
        uniforms: torch.Tensor,
    ) -> Drawn:
        scores = scores.masked_fill(~self._grammar.masks(rows), -torch.inf)
        numbers = self._law.plain_draw(scores, uniforms)
        are_last = self._grammar.advance(rows, numbers, self.max_tokens - positions - 1)
        ids = self._ids[numbers]
        return Drawn(ids, ids, torch.ones_like(ids), are_last)


def make_static_strategy(
    tokenizer: Tokenizer,
    settings: SamplingSettings,
    vocab_size: int,
    num_slots: int,
    device: torch.device,
) -> StaticStrategy | None:
    """The strategy of settings.mode; None if it has to be the host's."""
    if settings.mode == "reference":
        return StaticFreeDecoding(tokenizer, settings, vocab_size, device)
    if settings.mode == "grammar":
        tables = ProgramConstraint(tokenizer, "grammar", 1).tables()
        if why_not(tables) is None:
            return StaticConstrainedDecoding(tokenizer, settings, num_slots, device)
    return None
