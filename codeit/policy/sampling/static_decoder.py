"""A decoder's step in fixed shapes, up to the tokens that are drawn and the rows that end.

All of it happens on the device, in tensors that stay where they are, so that a CUDA graph can hold
it: nothing is copied to the host, and no shape depends on a value. Rows that have ended are worked
on like others until the host takes them out; what they write goes to a slot that nothing reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from codeit.policy.model.attention import Cache, decode_self_attention, grouped_cross_attention
from codeit.policy.sampling.decoder import decode
from codeit.policy.sampling.kernels import rounded_up
from codeit.policy.sampling.static_strategy import StaticStrategy
from codeit.policy.sampling.weights import Weights
from codeit.policy.tokenizer import Ids

Numbers = npt.NDArray[np.int64]

# Shape letters: B rows of a step, R slots, P places of prompts, G lanes beside each, S source
# length, T tokens of a sample, H heads, D size of a head.


@dataclass(frozen=True)
class Shape:
    """Of a step: rows, places of prompts, and source tokens that are looked at."""

    num_rows: int
    num_places: int
    source: int


class StaticDecoder:
    """Rows under way in slots, each in a lane beside its prompt's place.

    Args:
        weights: of the model, with torch's kernels.
        strategy: the mode, for as many slots.
        largest: the most that a step can have; as many slots as rows.
        num_lanes: rows that one prompt can have under way.
    """

    def __init__(
        self, weights: Weights, strategy: StaticStrategy, largest: Shape, num_lanes: int
    ) -> None:
        device = weights.device
        num_slots, num_places, max_tokens = (
            largest.num_rows,
            largest.num_places,
            strategy.max_tokens,
        )
        self._weights = weights
        self._strategy = strategy
        self._num_slots = num_slots
        self._num_lanes = num_lanes
        capacity = rounded_up(max_tokens)
        self._bias = weights.bias(capacity)

        def integers(*shape: int) -> torch.Tensor:
            return torch.zeros(shape, dtype=torch.int64, device=device)

        # The last slot is where rows write that have ended.
        caches = [
            weights.kernels.cache(num_slots + 1, weights.num_heads, capacity, weights.size)
            for _ in weights.layers
        ]
        self._caches = [Cache(cache.keys, cache.values) for cache in caches]
        self._newest = integers(num_slots + 1)
        self._lengths = integers(num_slots + 1)
        self._has_ended = torch.ones(num_slots + 1, dtype=torch.bool, device=device)
        self._is_finite = torch.ones(num_slots + 1, dtype=torch.bool, device=device)
        self._tokens = integers(num_slots + 1, max_tokens + 1)
        self._uniforms = torch.zeros(num_slots + 1, max_tokens, dtype=torch.float64, device=device)

        shape = (num_places, largest.source, weights.num_heads, weights.size)
        self._keys, self._values = (
            [torch.zeros(shape, dtype=weights.kernels.dtype, device=device) for _ in caches]
            for _ in range(2)
        )
        self._sources = torch.ones(num_places, dtype=torch.int64, device=device)

        self._slots = integers(num_slots)
        self._lanes = integers(num_places * num_lanes)
        self._lane_of = integers(num_slots)

    # ---- Between steps ----

    def hold(self, places: Numbers, prompts: Sequence[Ids]) -> None:
        """Encode prompts, and put what is attended to into places."""
        lengths = np.array([len(prompt) for prompt in prompts])
        first = np.repeat(places * self._keys[0].shape[1] - np.cumsum(lengths) + lengths, lengths)
        at = self._moved(first + np.arange(lengths.sum()))
        for k, keys_values in enumerate(self._weights.keys_values(prompts)):
            self._keys[k].flatten(0, 1)[at] = keys_values[:, 0]
            self._values[k].flatten(0, 1)[at] = keys_values[:, 1]
        self._sources[self._moved(places)] = self._moved(lengths)

    def move(self, before: Numbers, after: Numbers) -> None:
        """Put what is in some places into others."""
        source, target = self._moved(before), self._moved(after)
        for tensor in (*self._keys, *self._values, self._sources):
            tensor[target] = tensor[source]

    def begin(self, slots: Numbers, uniforms: npt.NDArray[np.float64]) -> None:
        """Put new rows at their start, with the numbers [.., T] that they are drawn by."""
        at = self._moved(slots)
        self._newest[at] = self._weights.start_id
        self._lengths[at] = 0
        self._has_ended[at] = False
        self._is_finite[at] = True
        self._uniforms[at] = torch.from_numpy(uniforms).to(self._uniforms.device)
        self._strategy.begin(at)

    def arrange(self, shape: Shape, slots: Numbers, places: Numbers, lanes: Numbers) -> None:
        """Say which slots the rows of the next steps are in, and where each one's prompt is."""
        of_rows = np.full((2, shape.num_rows), self._num_slots)
        of_rows[0, : len(slots)] = slots
        of_rows[1] = 0
        of_rows[1, : len(slots)] = places * self._num_lanes + lanes
        taken = np.zeros(shape.num_places * self._num_lanes, np.int64)
        taken[of_rows[1, : len(slots)]] = np.arange(len(slots))
        self._slots[: shape.num_rows], self._lane_of[: shape.num_rows] = self._moved(of_rows)
        self._lanes[: len(taken)] = self._moved(taken)

    def has_ended(self) -> npt.NDArray[np.bool_]:
        """Of each slot [R]; waits for the device."""
        ended: npt.NDArray[np.bool_] = self._has_ended[:-1].cpu().numpy()
        return ended

    def is_finite(self) -> npt.NDArray[np.bool_]:
        """Of each slot [R], whether all scores were since its row began."""
        finite: npt.NDArray[np.bool_] = self._is_finite[:-1].cpu().numpy()
        return finite

    def samples(self, slots: Numbers) -> list[Numbers]:
        """The tokens in some slots."""
        at = self._moved(slots)
        tokens, lengths = self._tokens[at].cpu().numpy(), self._lengths[at].tolist()
        return [row[:length].copy() for row, length in zip(tokens, lengths, strict=True)]

    def _moved(self, numbers: Numbers) -> torch.Tensor:
        return torch.from_numpy(numbers).to(self._weights.device)

    # ---- A step ----

    def step(self, shape: Shape) -> None:
        """Takes in the newest token of every row and draws the next one."""
        rows = self._slots[: shape.num_rows]
        is_live = ~self._has_ended[rows]
        rows = torch.where(is_live, rows, self._num_slots)
        positions = torch.where(is_live, self._lengths[rows], 0)
        scores = self._scores(shape, rows, positions)
        is_finite = scores.isfinite().all(-1)
        self._is_finite[rows] &= is_finite
        # What is drawn until the host looks in must be something that can be drawn.
        scores = scores.masked_fill(~is_finite[:, None], 0.0)
        numbers = self._uniforms[rows, positions]
        drawn = self._strategy.draw(rows, positions, scores, numbers)
        self._tokens[rows, positions] = drawn.ids
        self._tokens[rows, positions + 1] = drawn.followers
        self._newest[rows] = drawn.ids
        self._lengths[rows] = positions + drawn.counts
        self._has_ended[rows] = drawn.are_last | ~is_live

    def _scores(self, shape: Shape, rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Of what follows the newest tokens, [B, V]."""
        lanes = self._lanes[: shape.num_places * self._num_lanes].view(shape.num_places, -1)
        lane_of = self._lane_of[: shape.num_rows]
        part = (slice(shape.num_places), slice(shape.source))
        is_key = torch.arange(shape.source, device=rows.device) < self._sources[part[0], None]
        mask = torch.where(is_key, 0.0, -torch.inf).to(self._weights.kernels.dtype)[:, None, None]

        def attend(
            k: int, sums: torch.Tensor, projected: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            attended = decode_self_attention(
                projected, rows, positions, self._bias, self._caches[k]
            )
            return sums, attended

        def attend_shared(k: int, query: torch.Tensor) -> torch.Tensor:
            keys, values = self._keys[k][part], self._values[k][part]
            return grouped_cross_attention(query, keys, values, mask, lanes, lane_of)

        return decode(self._weights, self._newest[rows], attend, attend_shared)
