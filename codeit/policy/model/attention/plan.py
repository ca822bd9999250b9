"""Which sequences attend to which, and how the work on them is divided."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from codeit.policy.model.attention.availability import why_plain

TILE = 1 << 18  # scores worked on at once on a CPU: what its caches hold
_GROUP = 1 << 28  # scores of a group on a GPU, which bounds the memory for its bias
_BLOCK = 64  # tokens of a tile of the fused kernels, about: what is computed is a multiple of it
_MAX_PADDING = 1.25  # scores of a group over scores that are needed


class Layout:
    """Where sequences begin and end in a row of tokens; none of them is empty."""

    def __init__(self, offsets: npt.NDArray[np.int64]) -> None:
        self.offsets = offsets
        self.lengths = np.diff(offsets)
        if len(self.lengths) == 0 or self.lengths.min() < 1:
            raise ValueError("offsets: there is no sequence, or an empty one")
        self.longest = int(self.lengths.max())
        self.num_tokens = int(offsets[-1])


@dataclass(frozen=True)
class Group:
    """Sequences that are padded to a common length together."""

    queries: torch.Tensor
    """[G, Q] tokens; where a sequence is shorter, some token of it."""
    keys: torch.Tensor
    """[G, L] tokens, last one first and aligned at the end; a bias is then a sliding window."""
    real_queries: torch.Tensor | None
    """Places in [G * Q] of what is a query; None when all are, and so below."""
    real_keys: torch.Tensor | None
    query_padding: torch.Tensor | None
    """[G, 1, Q, 1], whether it is no query."""
    key_mask: torch.Tensor | None
    """[G, 1, 1, L], -inf for what is no key."""


class Plan:
    """Which sequences attend to which, and how the work on them is divided.

    Dividing it costs time, so that a model makes one plan for all of its layers.
    """

    def __init__(
        self, queries: Layout, keys: Layout, num_heads: int, device: torch.device | str = "cpu"
    ) -> None:
        if len(queries.lengths) != len(keys.lengths):
            raise ValueError(
                f"{len(queries.lengths)} sequences cannot attend to {len(keys.lengths)} others"
            )
        self.queries = queries
        self.keys = keys
        self.device = torch.device(device)
        self._num_heads = num_heads
        self._blocks: dict[tuple[int, bool], torch.Tensor] = {}

    @property
    def num_needed(self) -> int:
        """Scores that belong to a sequence, for a head."""
        return int(self.queries.lengths @ self.keys.lengths)

    @property
    def num_scores(self) -> int:
        """Scores that are computed for a head; what is more than needed is padding."""
        if why_plain(self.device) is None:
            queries, keys = (-(-x.lengths // _BLOCK) * _BLOCK for x in (self.queries, self.keys))
            return int(queries @ keys)
        return sum(group.queries.numel() * group.keys.shape[1] for group in self.groups)

    def blocks(self, size: int, by_key: bool = False) -> torch.Tensor:
        """Sequences cut into blocks of so many queries or keys, for the fused kernels.

        Returns:
            int32 [P, 5]: the first token of a block's sequence, the block's place in it, its
            length, and its partner's first token and length. What takes longest comes first.
        """
        if (size, by_key) not in self._blocks:
            own, other = (self.keys, self.queries) if by_key else (self.queries, self.keys)
            order = np.argsort(-other.lengths, kind="stable")
            counts = -(-own.lengths[order] // size)
            sequence = np.repeat(order, counts)
            number = np.arange(len(sequence)) - np.repeat(np.cumsum(counts) - counts, counts)
            columns = (
                own.offsets[sequence],
                size * number,
                own.lengths[sequence],
                other.offsets[sequence],
                other.lengths[sequence],
            )
            table = torch.from_numpy(np.stack(columns, 1).astype(np.int32))
            self._blocks[size, by_key] = table.to(self.device)
        return self._blocks[size, by_key]

    @functools.cached_property
    def groups(self) -> list[Group]:
        """For the plain paths: groups of similar length."""
        limit = (TILE if self.device.type == "cpu" else _GROUP) // self._num_heads
        members = _similar(self.queries.lengths, self.keys.lengths, limit)
        return [self._group(sequences) for sequences in members]

    def _group(self, sequences: npt.NDArray[np.int64]) -> Group:
        query_lengths = self.queries.lengths[sequences][:, None]
        key_lengths = self.keys.lengths[sequences][:, None]
        query = np.arange(query_lengths.max())[None]
        key = np.arange(key_lengths.max())[None, ::-1]
        query_is_real, key_is_real = query < query_lengths, key < key_lengths
        queries = self.queries.offsets[sequences][:, None] + np.where(query_is_real, query, 0)
        keys = self.keys.offsets[sequences][:, None] + np.where(key_is_real, key, 0)
        key_mask = np.where(key_is_real, 0.0, -np.inf).astype(np.float32)

        def moved(array: npt.NDArray[Any]) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

        has_all_queries, has_all_keys = query_is_real.all(), key_is_real.all()
        return Group(
            queries=moved(queries),
            keys=moved(keys),
            real_queries=None if has_all_queries else moved(np.flatnonzero(query_is_real)),
            real_keys=None if has_all_keys else moved(np.flatnonzero(key_is_real)),
            query_padding=None if has_all_queries else moved(~query_is_real[:, None, :, None]),
            key_mask=None if has_all_keys else moved(key_mask[:, None, None]),
        )


def _similar(
    query_lengths: npt.NDArray[np.int64], key_lengths: npt.NDArray[np.int64], limit: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Sequences of similar length, together at most `limit` scores a head if there are several."""
    order = np.lexsort((query_lengths, key_lengths))[::-1]
    begin = needed = longest_query = 0
    for end, sequence in enumerate(order):
        longest = max(longest_query, int(query_lengths[sequence]))
        own = int(query_lengths[sequence] * key_lengths[sequence])
        padded = (end - begin + 1) * longest * int(key_lengths[order[begin]])
        if end > begin and (padded > limit or padded > _MAX_PADDING * (needed + own)):
            yield order[begin:end]
            begin, needed, longest = end, 0, int(query_lengths[sequence])
        needed += own
        longest_query = longest
    yield order[begin:]
