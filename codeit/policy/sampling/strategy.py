"""What may come next in a sample: the modes of sampling.

- `reference`: the original's law. Any token can come; a foreign one, of which no program has any,
  ends the sample.
- `speculative`: the same law and the same samples. Where the grammar leaves one token, it is
  guessed and fed along; the model's own draw then says whether the guess was right.
- `grammar`: only what continues a program; the probabilities of the rest are shared out. Every
  sample is a program.
- `typed`: the same with arguments of the declared types.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from codeit.policy.sampling.constraint import ProgramConstraint, TokenIds, Words
from codeit.policy.sampling.sampling_law import SamplingLaw
from codeit.policy.sampling.settings import SamplingSettings
from codeit.policy.tokenizer import Tokenizer

_MAX_FORCED = 32
"""Tokens that are taken in a row without a choice; longer chains go on in the next step."""

_ANY_LENGTH = (1 << 16) - 1


@dataclass(eq=False)
class Row:
    """A sample under way in a slot of the decoder."""

    slot: int = field(default=-1, kw_only=True)
    uniforms: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0), kw_only=True)
    """What its tokens are drawn by, one each, where each sample is drawn by itself."""
    tokens: list[int] = field(default_factory=list, kw_only=True)
    pending: list[int] = field(default_factory=list, kw_only=True)
    """What the decoder is to be fed next, guesses last."""
    num_fed: int = field(default=0, kw_only=True)
    num_scored: int = field(default=1, kw_only=True)
    """Of how many pending tokens, the last ones, the scores are wanted."""
    has_ended: bool = field(default=False, kw_only=True)


class Draws(Protocol):
    """By which numbers the tokens of rows are drawn."""

    def draw(
        self,
        rows: Sequence[Any],
        scores: torch.Tensor,
        ids: TokenIds | None = None,
        allowed: Words | None = None,
    ) -> list[list[int]]:
        """The tokens that each row draws from its scores, one after the other, as long as each but
        the last is what was guessed.

        Args:
            scores: float32 [sum of num_scored, V], those of a row one after the other.
            ids: [V], what scores are of; None for the numbers of their places.
            allowed: bits [sum of num_scored, words] of what can be drawn.
        """
        ...


class IndependentDraws:
    """Each token by a number of its own: what is drawn for one row says nothing of another."""

    def __init__(self, law: SamplingLaw) -> None:
        self._law = law

    def draw(
        self,
        rows: Sequence[Row],
        scores: torch.Tensor,
        ids: TokenIds | None = None,
        allowed: Words | None = None,
    ) -> list[list[int]]:
        """See Draws.draw; what comes after a guess that was wrong means nothing."""
        numbers = [row.uniforms[len(row.tokens) : len(row.tokens) + row.num_scored] for row in rows]
        chosen = self._law.draw(scores, np.concatenate(numbers), allowed)
        drawn = (chosen if ids is None else ids[chosen]).tolist()
        ends = np.cumsum([row.num_scored for row in rows])
        return [drawn[end - row.num_scored : end] for row, end in zip(rows, ends, strict=True)]


class DecodingStrategy(ABC):
    """A mode, for the rows of one decoder.

    Attributes:
        head_ids: the ids that scores are of, int64; None for the whole vocabulary.
    """

    head_ids: TokenIds | None = None

    @abstractmethod
    def begin(self, row: Row) -> None:
        """Put a row at its start, or after the tokens that it has, the last of which was drawn;
        the decoder's first token is pending, and what it reads besides will be."""

    @abstractmethod
    def extend(self, rows: Sequence[Row], scores: torch.Tensor) -> None:
        """Draw the next tokens of every row.

        Args:
            scores: float32 [sum of num_scored, V], those of a row one after the other.
        """


def make_law(settings: SamplingSettings) -> SamplingLaw:
    """The law of the settings."""
    return SamplingLaw(settings.temperature, settings.top_k, settings.top_p)


def make_strategy(
    tokenizer: Tokenizer,
    settings: SamplingSettings,
    vocab_size: int,
    num_slots: int,
    draws: Draws | None = None,
) -> DecodingStrategy:
    """The strategy of settings.mode, whose tokens are drawn independently unless `draws` does."""
    draws = draws or IndependentDraws(make_law(settings))
    if settings.mode == "reference":
        return FreeDecoding(tokenizer, settings, vocab_size, draws)
    if settings.mode == "speculative":
        return SpeculativeDecoding(tokenizer, settings, vocab_size, num_slots, draws)
    return ConstrainedDecoding(tokenizer, settings, num_slots, draws)


class FreeDecoding(DecodingStrategy):
    """Mode `reference`."""

    def __init__(
        self, tokenizer: Tokenizer, settings: SamplingSettings, vocab_size: int, draws: Draws
    ) -> None:
        self._end_id = tokenizer.end_id
        self._max_tokens = settings.max_tokens
        self._draw = draws.draw
        self._is_foreign = np.ones(vocab_size, dtype=bool)
        self._is_foreign[tokenizer.program_ids] = False

    def begin(self, row: Row) -> None:
        if row.tokens:
            self._take(row, row.tokens.pop())
        row.pending += row.tokens

    def extend(self, rows: Sequence[Row], scores: torch.Tensor) -> None:
        for row, (token,) in zip(rows, self._draw(rows, scores), strict=True):
            row.num_fed += len(row.pending)
            self._take(row, token)
            row.pending = [token]

    def _take(self, row: Row, token: int) -> None:
        """Add a token, and what must follow: after a foreign one, only the end can come."""
        row.tokens.append(token)
        if self._is_foreign[token] and len(row.tokens) < self._max_tokens:
            row.tokens.append(self._end_id)
            row.has_ended = True
        elif token == self._end_id or len(row.tokens) == self._max_tokens:
            row.has_ended = True


class SpeculativeDecoding(FreeDecoding):
    """Mode `speculative`: the samples of FreeDecoding in fewer steps."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        settings: SamplingSettings,
        vocab_size: int,
        num_slots: int,
        draws: Draws,
    ) -> None:
        super().__init__(tokenizer, settings, vocab_size, draws)
        self._constraint = ProgramConstraint(tokenizer, "grammar", num_slots)
        self._num_slots = num_slots

    def begin(self, row: Row) -> None:
        super().begin(row)
        self._constraint.begin(_ANY_LENGTH, [row.slot])
        if row.tokens:
            self._advance([row], [row.tokens])
        if not row.has_ended:
            self._guess(row)

    def extend(self, rows: Sequence[Row], scores: torch.Tensor) -> None:
        taken = []
        for row, drawn in zip(rows, self._draw(rows, scores), strict=True):
            guesses = row.pending[len(row.pending) - row.num_scored + 1 :]
            count = 0
            for token in drawn:
                self._take(row, token)
                count += 1
                if row.has_ended or guesses[count - 1 : count] != [token]:
                    break
            row.num_fed += len(row.pending) - len(guesses) + count - 1
            taken.append(drawn[:count])
        self._advance(rows, taken)
        for row, drawn in zip(rows, taken, strict=True):
            if not row.has_ended:
                row.pending = [drawn[-1]]
                self._guess(row)

    def _advance(self, rows: Sequence[Row], taken: Sequence[Sequence[int]]) -> None:
        for k in range(max(map(len, taken))):
            ids = np.full(self._num_slots, -1, dtype=np.int64)
            for row, tokens in zip(rows, taken, strict=True):
                if k < len(tokens):
                    ids[row.slot] = tokens[k]
            self._constraint.advance(ids)

    def _guess(self, row: Row) -> None:
        """Add what the grammar says must come to what is pending."""
        room = self._max_tokens - len(row.tokens) - 1
        guesses = self._constraint.forced(row.slot)[:room]
        row.pending += guesses
        row.num_scored = 1 + len(guesses)


class ConstrainedDecoding(DecodingStrategy):
    """Modes `grammar` and `typed`."""

    def __init__(
        self, tokenizer: Tokenizer, settings: SamplingSettings, num_slots: int, draws: Draws
    ) -> None:
        assert settings.mode in ("grammar", "typed")
        self._constraint = ProgramConstraint(tokenizer, settings.mode, num_slots)
        self._draws = draws
        self._max_tokens = settings.max_tokens
        self._num_slots = num_slots
        self.head_ids = self._constraint.alphabet.astype(np.int64)

    def begin(self, row: Row) -> None:
        self._constraint.begin(self._max_tokens, [row.slot])
        for token in row.tokens:
            self._advance([row], [token])
        row.pending += row.tokens
        self._follow([row])

    def extend(self, rows: Sequence[Row], scores: torch.Tensor) -> None:
        drawn = [token for (token,) in self._draw(rows, scores)]
        self._advance(rows, drawn)
        for row, token in zip(rows, drawn, strict=True):
            row.num_fed += len(row.pending)
            row.tokens.append(token)
            row.pending = [token]
        self._follow(rows)

    def _draw(self, rows: Sequence[Row], scores: torch.Tensor) -> list[list[int]]:
        """The token that each row draws, among those that can continue its program."""
        masks = self._constraint.masks()[[row.slot for row in rows]]
        return self._draws.draw(rows, scores, self.head_ids, masks)

    def _advance(self, rows: Sequence[Row], tokens: Sequence[int]) -> None:
        ids = np.full(self._num_slots, -1, dtype=np.int64)
        ids[[row.slot for row in rows]] = tokens
        self._constraint.advance(ids)

    def _follow(self, rows: Sequence[Row]) -> None:
        """Take what must come."""
        forced, counts = self._constraint.advance_forced(_MAX_FORCED)
        is_finished = self._constraint.is_finished
        for row in rows:
            tokens = forced[row.slot, : counts[row.slot]].tolist()
            row.tokens += tokens
            row.pending += tokens
            row.has_ended = bool(is_finished[row.slot])
