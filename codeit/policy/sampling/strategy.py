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

import numpy as np
import numpy.typing as npt
import torch

from codeit.policy.sampling.constraint import ProgramConstraint
from codeit.policy.sampling.sampling_law import SamplingLaw
from codeit.policy.sampling.settings import SamplingSettings
from codeit.policy.tokenizer import Tokenizer

_MAX_FORCED = 32
"""Tokens that are taken in a row without a choice; longer chains go on in the next step."""

_ANY_LENGTH = (1 << 16) - 1


@dataclass(eq=False)
class Row:
    """A sample under way in a slot of the decoder."""

    slot: int
    uniforms: npt.NDArray[np.float64]
    """What its tokens are drawn by, one each."""
    tokens: list[int] = field(default_factory=list, kw_only=True)
    pending: list[int] = field(default_factory=list, kw_only=True)
    """What the decoder is to be fed next, guesses last."""
    num_fed: int = field(default=0, kw_only=True)
    num_scored: int = field(default=1, kw_only=True)
    """Of how many pending tokens, the last ones, the scores are wanted."""
    has_ended: bool = field(default=False, kw_only=True)


class DecodingStrategy(ABC):
    """A mode, for the rows of one decoder.

    Attributes:
        head_ids: the ids that scores are of, int64; None for the whole vocabulary.
    """

    head_ids: npt.NDArray[np.int64] | None = None

    @abstractmethod
    def begin(self, row: Row) -> None:
        """Put a new row at its start; what the decoder reads first is pending."""

    @abstractmethod
    def extend(self, rows: Sequence[Row], scores: torch.Tensor) -> None:
        """Draw the next tokens of every row.

        Args:
            scores: float32 [sum of num_scored, V], those of a row one after the other.
        """


def make_strategy(
    tokenizer: Tokenizer, settings: SamplingSettings, vocab_size: int, num_slots: int
) -> DecodingStrategy:
    """The strategy of settings.mode."""
    if settings.mode == "reference":
        return FreeDecoding(tokenizer, settings, vocab_size)
    if settings.mode == "speculative":
        return SpeculativeDecoding(tokenizer, settings, vocab_size, num_slots)
    return ConstrainedDecoding(tokenizer, settings, num_slots)


class FreeDecoding(DecodingStrategy):
    """Mode `reference`."""

    def __init__(self, tokenizer: Tokenizer, settings: SamplingSettings, vocab_size: int) -> None:
        self._end_id = tokenizer.end_id
        self._max_tokens = settings.max_tokens
        self._law = SamplingLaw(settings.temperature, settings.top_k, settings.top_p)
        self._is_foreign = np.ones(vocab_size, dtype=bool)
        self._is_foreign[tokenizer.program_ids] = False

    def begin(self, row: Row) -> None:
        """Nothing is known of a row but its tokens."""

    def extend(self, rows: Sequence[Row], scores: torch.Tensor) -> None:
        for row, (token,) in zip(rows, self._draw(rows, scores), strict=True):
            row.num_fed += 1
            self._take(row, token)
            row.pending = [token]

    def _draw(self, rows: Sequence[Row], scores: torch.Tensor) -> list[list[int]]:
        """The tokens that each row draws from its scores."""
        numbers = [row.uniforms[len(row.tokens) : len(row.tokens) + row.num_scored] for row in rows]
        drawn = self._law.draw(scores, np.concatenate(numbers)).tolist()
        ends = np.cumsum([row.num_scored for row in rows])
        return [drawn[end - row.num_scored : end] for row, end in zip(rows, ends, strict=True)]

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
        self, tokenizer: Tokenizer, settings: SamplingSettings, vocab_size: int, num_slots: int
    ) -> None:
        super().__init__(tokenizer, settings, vocab_size)
        self._constraint = ProgramConstraint(tokenizer, "grammar", num_slots)
        self._num_slots = num_slots

    def begin(self, row: Row) -> None:
        self._constraint.begin(_ANY_LENGTH, [row.slot])
        self._guess(row, row.pending[-1])

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
                self._guess(row, drawn[-1])

    def _advance(self, rows: Sequence[Row], taken: Sequence[Sequence[int]]) -> None:
        for k in range(max(map(len, taken))):
            ids = np.full(self._num_slots, -1, dtype=np.int64)
            for row, tokens in zip(rows, taken, strict=True):
                if k < len(tokens):
                    ids[row.slot] = tokens[k]
            self._constraint.advance(ids)

    def _guess(self, row: Row, last: int) -> None:
        room = self._max_tokens - len(row.tokens) - 1
        guesses = self._constraint.forced(row.slot)[:room]
        row.pending = [last, *guesses]
        row.num_scored = 1 + len(guesses)


class ConstrainedDecoding(DecodingStrategy):
    """Modes `grammar` and `typed`."""

    def __init__(self, tokenizer: Tokenizer, settings: SamplingSettings, num_slots: int) -> None:
        assert settings.mode in ("grammar", "typed")
        self._constraint = ProgramConstraint(tokenizer, settings.mode, num_slots)
        self._law = SamplingLaw(settings.temperature, settings.top_k, settings.top_p)
        self._max_tokens = settings.max_tokens
        self._num_slots = num_slots
        self.head_ids = self._constraint.alphabet.astype(np.int64)

    def begin(self, row: Row) -> None:
        self._constraint.begin(self._max_tokens, [row.slot])
        self._follow([row])

    def extend(self, rows: Sequence[Row], scores: torch.Tensor) -> None:
        ids = np.full(self._num_slots, -1, dtype=np.int64)
        ids[[row.slot for row in rows]] = np.concatenate(self._draw(rows, scores))
        self._constraint.advance(ids)
        for row in rows:
            token = int(ids[row.slot])
            row.num_fed += len(row.pending)
            row.tokens.append(token)
            row.pending = [token]
        self._follow(rows)

    def _draw(self, rows: Sequence[Row], scores: torch.Tensor) -> list[list[int]]:
        """The token that each row draws, among those that can continue its program."""
        assert self.head_ids is not None
        masks = self._constraint.masks()[[row.slot for row in rows]]
        numbers = np.array([row.uniforms[len(row.tokens)] for row in rows])
        return [[token] for token in self.head_ids[self._law.draw(scores, numbers, masks)].tolist()]

    def _follow(self, rows: Sequence[Row]) -> None:
        """Take what must come."""
        forced, counts = self._constraint.advance_forced(_MAX_FORCED)
        is_finished = self._constraint.is_finished
        for row in rows:
            tokens = forced[row.slot, : counts[row.slot]].tolist()
            row.tokens += tokens
            row.pending += tokens
            row.has_ended = bool(is_finished[row.slot])
