"""What cannot be taken of a source of many things: counted and named, while the rest is taken."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

NUM_NAMED = 5


class LeftOutWarning(UserWarning):
    """A source has more than what was taken of it."""


class LeftOut(NamedTuple):
    """One thing that was not taken.

    Attributes:
        name: of the thing, in its source.
        reason: what is wrong with it.
    """

    name: str
    reason: str


def left_out_sentence(source: str, left_out: Sequence[LeftOut], num_all: int, kind: str) -> str:
    """How many of a source are left out, and the first of them with the reason.

    Args:
        num_all: how many there are, those left out among them.
        kind: what they are: `tasks`.
    """
    named = ", ".join(f"{name} ({reason})" for name, reason in left_out[:NUM_NAMED])
    num_more = len(left_out) - NUM_NAMED
    more = f", and {num_more:,} more" if num_more > 0 else ""
    return f"{source}: {len(left_out):,} of {num_all:,} {kind} left out: {named}{more}"


def warn_of(sentences: Sequence[str]) -> None:
    """Say each as a warning; a command prints it as one line."""
    for sentence in sentences:
        warnings.warn(sentence, LeftOutWarning, stacklevel=3)
