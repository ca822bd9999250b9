"""T5's decoder as an engine runs it: one packed step of many rows, each at a position of its own.

The encoder's keys and values are held once for a task and attended to by all its rows together. The
rows' own keys and values lie in a preallocated cache with a slot for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from codeit.policy.sampling.kernels import KeyValues, Step, rounded_up
from codeit.policy.sampling.weights import Weights

# Shape letters: T tokens of a step, M width of the model, H heads, D size of a head, V vocabulary.


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
        contexts: Sequence[tuple[list[KeyValues], int]],
        wanted: npt.NDArray[np.int64],
    ) -> torch.Tensor:
        """Takes tokens in and returns the scores of the ones that follow some of them.

        Args:
            tokens: int64 [T]; slots, positions: int32 [T], where each belongs. Tokens of one slot
                come in the order of their positions.
            contexts: what consecutive tokens attend to: pairs (context, number of tokens).
            wanted: int64 [W], indices of the tokens that are scored, in ascending order.
        Returns:
            float32 [W, V].
        """
        step = Step(slots, positions)
        kernels = self._weights.kernels
        last = len(self._caches) - 1

        def attend(
            k: int, sums: torch.Tensor, projected: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            nonlocal contexts
            attended = kernels.attend(projected, step, self._bias, self._caches[k])
            if k == last and len(wanted) < len(tokens):
                # Nothing reads the others any more.
                sums, attended, contexts = _only(wanted, sums, attended, contexts)
            return sums, attended

        def attend_shared(k: int, query: torch.Tensor) -> torch.Tensor:
            return kernels.attend_shared(
                query, [(context[k], count) for context, count in contexts]
            )

        ids = torch.from_numpy(tokens).to(self._weights.device)
        return decode(self._weights, ids, attend, attend_shared)


def decode(
    weights: Weights,
    ids: torch.Tensor,
    attend: Callable[[int, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
    attend_shared: Callable[[int, torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """The scores of what follows tokens, wherever what they attend to is held.

    Args:
        weights: of the model.
        ids: int64 [T]
        attend: (number of a layer, sums [T, M], queries, keys and values [T, 3, H, D]) to the sums
            and the attention [T, H, D] of those tokens that the rest is worked out for.
        attend_shared: (number of a layer, queries [T, H, D]) to the attention to the context.
    Returns:
        float32 [T, V]
    """
    kernels = weights.kernels
    heads = (weights.num_heads, weights.size)
    sums = F.embedding(ids, weights.embedding).float()
    added = None
    for k, layer in enumerate(weights.layers):
        x = kernels.add_and_normalize(sums, added, layer.self_norm, weights.epsilon)
        sums, attended = attend(k, sums, layer.query_key_value(x).view(-1, 3, *heads))
        added = layer.self_out(attended.flatten(1))
        x = kernels.add_and_normalize(sums, added, layer.cross_norm, weights.epsilon)
        attended = attend_shared(k, layer.cross_query(x).view(-1, *heads))
        added = layer.cross_out(attended.flatten(1))
        x = kernels.add_and_normalize(sums, added, layer.feed_norm, weights.epsilon)
        added = layer.feed_out(layer.feed_in(x))
    x = kernels.add_and_normalize(sums, added, weights.final_norm, weights.epsilon)
    return weights.head(x)


def _only(
    wanted: npt.NDArray[np.int64],
    sums: torch.Tensor,
    attended: torch.Tensor,
    contexts: Sequence[tuple[list[KeyValues], int]],
) -> tuple[torch.Tensor, torch.Tensor, Sequence[tuple[list[KeyValues], int]]]:
    """Of all that belongs to tokens, that of some, in their order."""
    ends = np.cumsum([count for _, count in contexts])
    counts = np.bincount(np.searchsorted(ends, wanted, side="right"), minlength=len(contexts))
    chosen = torch.from_numpy(wanted).to(sums.device)
    fewer = [(context, int(n)) for (context, _), n in zip(contexts, counts, strict=True) if n]
    return sums[chosen], attended[chosen], fewer
