"""Which tokens can continue each row's program: the automaton of csrc/text, for many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

import codeit._native.text as native
from codeit.policy.sampling.settings import SamplingSettings
from codeit.policy.tokenizer import Tokenizer
from codeit.ranges import MAX_IDS, integer, integers

ConstraintMode = Literal["grammar", "typed"]
"""`grammar`: programs as `Program.parse` accepts them, that define x1, x2, ... in order, use no
variable before its line's end, and give every primitive as many arguments as it takes. `typed`:
besides, the declared types can agree, as far as they are known, and `O` can be a grid.

A text can be spelled with different tokens; only the tokenizer's own spelling is allowed."""

Words = npt.NDArray[np.uint64]
TokenIds = npt.NDArray[np.int64]


def check_max_tokens(settings: SamplingSettings, tokenizer: Tokenizer) -> None:
    """Raise ValueError if no program is as short as samples must be, or the mode is not for the
    tokenizer."""
    if settings.mode == "reference":  # which needs no automaton, and is for every tokenizer
        least = tokenizer.min_program_tokens()
    else:
        mode: ConstraintMode = "typed" if settings.mode == "typed" else "grammar"
        least = ProgramConstraint(tokenizer, mode, 1).min_tokens
    if settings.max_tokens < least:
        raise ValueError(
            f"sampling.max_tokens is {settings.max_tokens}; allowed: {least} or more, which the "
            "shortest program takes"
        )


class ProgramConstraint:
    """The rows of a batch, each somewhere in its program.

    A row that was begun can always finish within the tokens it was given. Masks are over
    `alphabet`: bit k of a row's words (the lowest of the first word is bit 0) stands for the token
    alphabet[k]. The first 99 places belong to the variables; those that a tokenizer does not have
    are never set.

    Attributes:
        alphabet: the ids of all tokens that can be allowed, uint16.
        num_words: words of a mask.
        min_tokens: the fewest tokens that a row can be given, the end's included.
    """

    def __init__(self, tokenizer: Tokenizer, mode: ConstraintMode, num_rows: int) -> None:
        if mode not in get_args(ConstraintMode):
            raise ValueError(f"mode is {mode!r}; allowed are {get_args(ConstraintMode)}")
        self._num_rows = integer("num_rows", num_rows, 1, native.MAX_ROWS)
        try:
            self._automaton = native.ProgramAutomaton(
                tokenizer.spelling(), mode == "typed", tokenizer.language
            )
        except ValueError as error:
            raise ValueError(f"mode {mode!r} is not for this tokenizer: {error}") from None
        self._rows = native.AutomatonRows(self._automaton, self._num_rows)
        self._masks = np.zeros((self._num_rows, self._automaton.num_words), np.uint64)
        self.alphabet: npt.NDArray[np.uint16] = self._automaton.alphabet
        self.num_words: int = self._automaton.num_words
        self.min_tokens: int = self._automaton.min_tokens

    def begin(self, max_tokens: int, rows: Sequence[int] | None = None) -> None:
        """Put rows, or all of them, at the start of a program of at most max_tokens ids.

        Raises:
            ValueError: no program is so short, or there is no such row.
        """
        most = integer("max_tokens", max_tokens, self.min_tokens, MAX_IDS)
        chosen = np.arange(self._num_rows) if rows is None else integers("rows", rows, np.int64)
        self._rows.begin(chosen, np.full(len(chosen), most, np.uint16))

    def masks(self) -> Words:
        """Words [rows, num_words] of what each row may take next: nothing once it has finished.

        The array is used again by the next call.
        """
        self._rows.masks(self._masks)
        return self._masks

    def advance(self, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Give each row its next id; -1 leaves a row as it is.

        Returns:
            Whether it was allowed. A row that takes what is not allowed has failed, and like one
            that has finished is allowed nothing more; so has one that takes what is no token.
        Raises:
            ValueError: there is not one integer for each row.
        """
        array = integers("ids", ids, np.int64)
        taken: npt.NDArray[np.bool_] = self._rows.advance(array)
        return taken

    def forced(self, row: int) -> list[int]:
        """The ids that must come next in a row, up to its next choice; it does not take them."""
        ids: list[int] = self._rows.forced(row)
        return ids

    def advance_forced(self, max_ids: int) -> tuple[TokenIds, TokenIds]:
        """Let every row take the ids that must come, up to its next choice and at most max_ids.

        Returns:
            The ids [rows, max_ids], of which a row's first counts[row] mean something; and counts.
        """
        ids = np.zeros((self._num_rows, integer("max_ids", max_ids, 0, MAX_IDS)), np.int64)
        counts = np.zeros(self._num_rows, np.int64)
        self._rows.advance_forced(ids, counts)
        return ids, counts

    def tables(self) -> dict[str, npt.NDArray[Any]]:
        """The automaton as flat arrays, for a kernel; csrc/text/flat.h has the layout."""
        tables: dict[str, npt.NDArray[Any]] = self._automaton.tables()
        return tables

    @property
    def is_finished(self) -> npt.NDArray[np.bool_]:
        """Whether each row has come to its program's end."""
        finished: npt.NDArray[np.bool_] = self._rows.conditions() == 0
        return finished
