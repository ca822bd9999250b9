"""T5's decoder as an engine runs it: one packed step of many rows, each at a position of its own.

The encoder's keys and values are held once for a task and attended to by all its rows together. The
rows' own keys and values lie in a preallocated cache with a slot for each row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from codeit.model.attention import Step
from codeit.sampling.kernels import Memory, rounded_up
from codeit.sampling.weights import Weights

# Shape letters: T tokens of a step, V vocabulary.


class Decoder:
    """Rows under way: a slot of the caches for each.

    Args:
        weights: of the model.
        num_slots: rows that can be decoded at a time.
        max_tokens: positions of a row.
    """

    def __init__(self, weights: Weights, num_slots: int, max_tokens: int) -> None:
        self._weights = weights
        capacity = rounded_up(max_tokens)
        self._caches = [
            weights.kernels.cache(num_slots, weights.num_heads, capacity, weights.size)
            for _ in weights.layers
        ]
        self._bias = weights.bias(capacity)

    def step(
        self,
        tokens: npt.NDArray[np.int64],
        slots: npt.NDArray[np.int32],
        positions: npt.NDArray[np.int32],
        memories: Sequence[tuple[list[Memory], int]],
        wanted: npt.NDArray[np.int64],
    ) -> torch.Tensor:
        """Takes tokens in and returns the scores of the ones that follow some of them.

        Args:
            tokens: int64 [T]; slots, positions: int32 [T], where each belongs. Tokens of one slot
                come in the order of their positions.
            memories: what consecutive tokens attend to: pairs (memory, number of tokens).
            wanted: int64 [W], indices of the tokens that are scored, in ascending order.
        Returns:
            float32 [W, V].
        """
        weights = self._weights
        kernels = weights.kernels
        heads = (weights.num_heads, weights.size)
        step = Step(slots, positions)
        sums = F.embedding(torch.from_numpy(tokens).to(weights.device), weights.embedding).float()
        added = None
        last = len(weights.layers) - 1
        for k, layer in enumerate(weights.layers):
            x = kernels.add_and_normalize(sums, added, layer.self_norm, weights.epsilon)
            projected = layer.query_key_value(x).view(-1, 3, *heads)
            attended = kernels.attend(projected, step, self._bias, self._caches[k])
            if k == last and len(wanted) < len(tokens):
                # Nothing reads the others any more.
                sums, attended, memories = _only(wanted, sums, attended, memories)
            added = layer.self_out(attended.flatten(1))
            x = kernels.add_and_normalize(sums, added, layer.cross_norm, weights.epsilon)
            query = layer.cross_query(x).view(-1, *heads)
            shared = [(memory[k], count) for memory, count in memories]
            added = layer.cross_out(kernels.attend_shared(query, shared).flatten(1))
            x = kernels.add_and_normalize(sums, added, layer.feed_norm, weights.epsilon)
            added = layer.feed_out(layer.feed_in(x))
        x = kernels.add_and_normalize(sums, added, weights.final_norm, weights.epsilon)
        return weights.head(x)


def _only(
    wanted: npt.NDArray[np.int64],
    sums: torch.Tensor,
    attended: torch.Tensor,
    memories: Sequence[tuple[list[Memory], int]],
) -> tuple[torch.Tensor, torch.Tensor, Sequence[tuple[list[Memory], int]]]:
    """Of all that belongs to tokens, that of some, in their order."""
    ends = np.cumsum([count for _, count in memories])
    counts = np.bincount(np.searchsorted(ends, wanted, side="right"), minlength=len(memories))
    chosen = torch.from_numpy(wanted).to(sums.device)
    fewer = [(memory, int(n)) for (memory, _), n in zip(memories, counts, strict=True) if n]
    return sums[chosen], attended[chosen], fewer
