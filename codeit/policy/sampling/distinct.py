"""Samples of a prompt of which no two are the same: draws without replacement.

The first is a sample as ever. Each further one is drawn by the law of a sample that is none of
those before: the tokens of all samples are a trie, each of whose nodes has the mass of what can
still be drawn below it, and a token is drawn by the mass that its node has left.

Samples need not wait for one another. Let all that can be drawn race, each arriving after an
exponential time whose rate is its probability: the order in which they arrive is that of draws
without replacement, and the first n are the n samples. A branch of the trie is the samples that
begin with some tokens, and arrives with the first of them. A row follows a branch down: the token
that it draws leads to that first one, at the same time; the other tokens lead to branches that
arrive later, as the mass that is left says, for such times have no memory. Of all branches only the
n that arrive first can have one of the samples; the rest are dropped.

What a branch's numbers follow from is the seed, the prompt and the tokens. So it makes no
difference in which order, how many at a time, or beside which others branches are followed.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from codeit.policy.sampling.constraint import TokenIds, Words
from codeit.policy.sampling.rows import SampleRow
from codeit.policy.sampling.sample_queue import Prompt, Sample, SampleQueue
from codeit.policy.sampling.sampling_law import Branches, first_key
from codeit.policy.sampling.settings import SamplingSettings
from codeit.policy.sampling.strategy import make_law

TOGETHER = 4
"""Rows of a prompt that are under way at a time, or so: at first one, at most all its samples."""

_NEVER = 700.0
"""The logarithm of more samples than anyone asks for."""


@dataclass(eq=False)
class BranchRow(SampleRow):
    """The samples that begin with `tokens`, of which the first is looked for.

    Once it has ended it is a sample; the other branches on its way are rows of their own.
    """

    key: int
    log_mass: float
    log_time: float

    def __lt__(self, other: BranchRow) -> bool:
        """Whether it arrives earlier."""
        return (self.log_time, self.key) < (other.log_time, other.key)


class Race:
    """The samples of a prompt, in the order in which they arrive.

    No two rows have a sample in common, together they have all samples wanted, and there are no
    more of them than those.
    """

    def __init__(self, prompt: Prompt, num_samples: int, key: int) -> None:
        self._num_samples = num_samples
        self._rows = [BranchRow(prompt, -1, key, 0.0, -math.inf)]
        self._num_told = 0  # the first so many samples, which all know

    @property
    def log_limit(self) -> float:
        """When nothing that arrives later can be one of the samples."""
        return self._rows[-1].log_time if len(self._rows) == self._num_samples else math.inf

    def add(self, row: BranchRow) -> None:
        """Let a branch take part, in place of the last one where there are enough."""
        insort(self._rows, row, lo=self._num_told)
        if len(self._rows) > self._num_samples:
            self._rows.pop().is_dropped = True

    def next(self) -> BranchRow | None:
        """The first branch that nobody follows, if it is likely to have one of the samples.

        It surely has if all before it have ended: so there is one whenever no row is under way.
        """
        untold = self._rows[self._num_told :]
        waiting = next((row for row in untold if row.slot < 0 and not row.has_ended), None)
        if waiting is None:
            return None
        # Samples that arrive earlier, if those of a branch could come again.
        num_before = float(self._num_told)
        for row in untold:
            if num_before >= self._num_samples:
                return None
            if row is waiting:
                break
            num_before += 1
            if not row.has_ended:
                num_before += _exp(row.log_mass + waiting.log_time)
                num_before -= _exp(row.log_mass + row.log_time)
        return waiting

    def samples(self) -> list[Sample]:
        """Those before which nothing can arrive any more, but for what was told before."""
        ended = []
        while self._num_told < len(self._rows) and self._rows[self._num_told].has_ended:
            row = self._rows[self._num_told]
            self._num_told += 1
            is_last = self._num_told == len(self._rows)
            tokens = np.array(row.tokens)
            ended.append(Sample(row.prompt.number, self._num_told - 1, tokens, is_last))
        return ended

    @property
    def is_over(self) -> bool:
        """Whether all samples that there are were told."""
        return self._num_told == len(self._rows)


class DistinctRows:
    """Rows of which each is a branch: see Rows for the methods."""

    def __init__(self, settings: SamplingSettings, queue: SampleQueue, end_id: int) -> None:
        self._law = make_law(settings)
        self._queue = queue
        self._end_id = end_id
        self._races: dict[Prompt, Race] = {}

    def add(self, prompts: Sequence[Prompt]) -> None:
        """See Rows.add."""
        for prompt in prompts:
            key = first_key(self._queue.seed, prompt.number)
            self._races[prompt] = Race(prompt, self._queue.num_samples, key)

    def next(self) -> SampleRow | None:
        """See Rows.next."""
        found = (race.next() for race in self._races.values())
        return next((row for row in found if row), None)

    def end(self, row: SampleRow) -> None:
        """See Rows.end: it knows that it has ended."""

    def samples(self) -> list[Sample]:
        """See Rows.samples."""
        ended = [sample for race in self._races.values() for sample in race.samples()]
        if any(sample.is_last for sample in ended):
            self._races = {p: race for p, race in self._races.items() if not race.is_over}
        return ended

    def draw(
        self,
        rows: Sequence[BranchRow],
        scores: torch.Tensor,
        ids: TokenIds | None = None,
        allowed: Words | None = None,
    ) -> list[list[int]]:
        """See Draws.draw."""
        drawn: list[list[int]] = [[] for _ in rows]
        starts = np.cumsum([0, *(row.num_scored for row in rows[:-1])])
        are_all_single = len(scores) == len(rows)
        going_on = list(range(len(rows)))
        for position in range(max(row.num_scored for row in rows)):
            some = [rows[k] for k in going_on]
            if are_all_single:
                tokens = self._branch(some, scores, allowed, drawn, ids)
            else:
                at = starts[going_on] + position
                those = torch.from_numpy(at).to(scores.device)
                masks = None if allowed is None else allowed[at]
                before = [drawn[k] for k in going_on]
                tokens = self._branch(some, scores[those], masks, before, ids)
            for k, token in zip(going_on, tokens, strict=True):
                drawn[k].append(token)
            going_on = [k for k in going_on if self._is_right(rows[k], position, drawn[k][-1])]
            if not going_on:
                break
        return drawn

    def _is_right(self, row: BranchRow, position: int, token: int) -> bool:
        """Whether a token was guessed, so that the scores after it mean something."""
        guesses = row.pending[len(row.pending) - row.num_scored + 1 :]
        return guesses[position : position + 1] == [token] and token != self._end_id

    def _branch(
        self,
        rows: Sequence[BranchRow],
        scores: torch.Tensor,
        allowed: Words | None,
        drawn: Sequence[list[int]],
        ids: TokenIds | None,
    ) -> list[int]:
        """The next token of each row, after those that were drawn; other tokens are branches."""
        branches = Branches(
            np.array([row.key for row in rows], np.uint64),
            np.array([row.log_mass for row in rows]),
            np.array([row.log_time for row in rows]),
        )
        races = [self._races[row.prompt] for row in rows]
        limits = np.array([race.log_limit for race in races])
        most = self._queue.num_samples
        counts, chosen, found = self._law.branch(scores, branches, limits, most, allowed)
        tokens = chosen if ids is None else ids[chosen]
        for n in np.flatnonzero(counts > 1).tolist():
            before = [*rows[n].tokens, *drawn[n]]
            others = slice(1, counts[n])
            for token, key, log_mass, log_time in zip(
                tokens[n, others].tolist(),
                found.keys[n, others].tolist(),
                found.log_masses[n, others].tolist(),
                found.log_times[n, others].tolist(),
                strict=True,
            ):
                branch = (key, log_mass, log_time)
                races[n].add(BranchRow(rows[n].prompt, -1, *branch, tokens=[*before, token]))
        firsts = zip(found.keys[:, 0].tolist(), found.log_masses[:, 0].tolist(), strict=True)
        for row, (key, log_mass) in zip(rows, firsts, strict=True):
            row.key = key
            row.log_mass = log_mass
        first_tokens: list[int] = tokens[:, 0].tolist()
        return first_tokens


def _exp(power: float) -> float:
    return math.exp(min(power, _NEVER))
