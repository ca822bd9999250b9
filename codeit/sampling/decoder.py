"""T5's decoder as an engine runs it: one packed step of many rows, each at a position of its own.

The encoder's keys and values are held once for a task and attended to by all its rows together. The
rows' own keys and values lie in a preallocated cache with a slot for each row.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from codeit.model.attention import (
    Cache,
    Step,
    decode_self_attention,
    shared_cross_attention,
)
from codeit.model.layers import ACTIVATIONS
from codeit.model.t5 import T5, Block

# Shape letters: T tokens of a step, R slots, H heads, D size of a head, S source length, C capacity
# of a slot, M width of the model, V vocabulary.

Linear = Callable[[torch.Tensor], torch.Tensor]

_BLOCK = 16
"""Capacities are multiples of it: the width of the widest vectors."""


def packed_linear(weight: torch.Tensor, rows: int) -> Linear:
    """x -> x @ weight.T, in the layout that is fastest here for about so many rows.

    On a CPU oneDNN takes float32 weights in blocks, at twice the speed of a plain product.
    """
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and _has_onednn():
        blocked = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)
        return lambda x: torch.ops.mkldnn._linear_pointwise(x, blocked, None, "none", [], "")
    return lambda x: F.linear(x, weight)


def _has_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_reorder_linear_weight"
    )


@dataclass
class _Layer:
    self_norm: torch.Tensor
    query_key_value: Linear
    self_out: Linear
    cross_norm: torch.Tensor
    cross_query: Linear
    cross_key_value: Linear
    cross_out: Linear
    feed_norm: torch.Tensor
    feed_in: Linear
    feed_out: Linear


@dataclass(frozen=True)
class Memory:
    """What the decoder attends to for one task: keys and values [H, S, D] of each layer."""

    keys: list[torch.Tensor]
    values: list[torch.Tensor]


class DecoderWeights:
    """The decoder of a T5 model, with its weights as they are now, for any number of decoders.

    Args:
        model: not referred to afterwards; later training does not show.
        num_rows: how many tokens a step will take, about.
        dtype: of the products, weights and caches; sums are float32.
        head_ids: the token ids whose scores are wanted, int64 [V]; all when omitted.
    """

    def __init__(
        self,
        model: T5,
        num_rows: int,
        dtype: torch.dtype,
        head_ids: npt.NDArray[np.int64] | None = None,
    ) -> None:
        config = model.config
        self.device = model.device
        self.dtype = dtype
        self.num_heads = config.num_heads
        self.size = config.d_kv
        self.epsilon = config.layer_norm_epsilon
        self.embedding = model.embedding.detach()
        self.activation = ACTIVATIONS[config.activation]
        self.is_gated = config.is_gated

        def linear(weight: torch.Tensor) -> Linear:
            return packed_linear(weight.detach().to(dtype), num_rows)

        self.layers = [
            _Layer(
                block.self_attention_norm.weight.detach(),
                linear(block.self_attention.query_key_value.weight),
                linear(block.self_attention.output.weight),
                block.cross_attention_norm.weight.detach(),
                linear(block.cross_attention.query.weight),
                linear(block.cross_attention.key_value.weight),
                linear(block.cross_attention.output.weight),
                block.feed_forward_norm.weight.detach(),
                linear(block.feed_forward.inner.weight),
                linear(block.feed_forward.outer.weight),
            )
            for block in model.decoder.blocks
            if isinstance(block, Block)
        ]
        self.final_norm = model.decoder.norm.weight.detach()
        head = model.head.detach()
        if config.is_head_scaled:
            head = head * config.d_model**-0.5
        if head_ids is not None:
            head = head[torch.from_numpy(head_ids).to(self.device)]
        self.head = packed_linear(head.to(dtype), num_rows)
        self._position_bias = copy.deepcopy(model.decoder.position_bias)

    def bias(self, capacity: int) -> torch.Tensor:
        """What a head adds to a score for how far back a position lies, float32 [H, C]."""
        return self._position_bias(capacity)[:, capacity - 1 :].detach().float().contiguous()

    def memory_of(self, states: torch.Tensor) -> Memory:
        """Cross-attention's keys and values of one task.

        Args:
            states: the encoder's last states, [S, M].
        """
        keys, values = [], []
        states = states.to(self.dtype)
        for layer in self.layers:
            both = layer.cross_key_value(states).view(len(states), 2, self.num_heads, self.size)
            keys.append(both[:, 0].transpose(0, 1).contiguous())
            values.append(both[:, 1].transpose(0, 1).contiguous())
        return Memory(keys, values)


class Decoder:
    """Rows under way: a slot of the caches for each.

    Args:
        weights: of the model.
        num_slots: rows that can be decoded at a time.
        max_tokens: positions of a row.
    """

    def __init__(self, weights: DecoderWeights, num_slots: int, max_tokens: int) -> None:
        self._weights = weights
        capacity = -(-max_tokens // _BLOCK) * _BLOCK
        heads = (num_slots, weights.num_heads)

        def empty(*shape: int) -> torch.Tensor:
            return torch.zeros(*heads, *shape, dtype=weights.dtype, device=weights.device)

        self._caches = [
            Cache(empty(weights.size, capacity), empty(capacity, weights.size))
            for _ in weights.layers
        ]
        self._bias = weights.bias(capacity)

    def step(
        self,
        tokens: npt.NDArray[np.int64],
        slots: npt.NDArray[np.int32],
        positions: npt.NDArray[np.int32],
        memories: Sequence[tuple[Memory, int]],
        wanted: npt.NDArray[np.int64],
    ) -> torch.Tensor:
        """Takes tokens in and returns the scores of the ones that follow some of them.

        Args:
            tokens: int64 [T]; slots, positions: int32 [T], where each belongs. Tokens of one slot
                come in the order of their positions.
            memories: what consecutive tokens attend to: pairs (memory, number of tokens).
            wanted: int64 [W], indices of the tokens that are scored.
        Returns:
            float32 [W, V].
        """
        weights = self._weights
        heads = (weights.num_heads, weights.size)
        step = Step(slots, positions)
        x = F.embedding(torch.from_numpy(tokens).to(weights.device), weights.embedding).float()
        for k, layer in enumerate(weights.layers):
            projected = layer.query_key_value(self._normed(x, layer.self_norm))
            projected = projected.view(-1, 3, *heads)
            attended = decode_self_attention(projected, step, self._bias, self._caches[k])
            x = x + layer.self_out(attended.flatten(1)).float()
            query = layer.cross_query(self._normed(x, layer.cross_norm)).view(-1, *heads)
            shared = [(memory.keys[k], memory.values[k], count) for memory, count in memories]
            x = x + layer.cross_out(shared_cross_attention(query, shared)).float()
            hidden = layer.feed_in(self._normed(x, layer.feed_norm))
            if weights.is_gated:
                gate, hidden = hidden.chunk(2, dim=-1)
                hidden = weights.activation(gate) * hidden
            else:
                hidden = weights.activation(hidden)
            x = x + layer.feed_out(hidden).float()
        if len(wanted) < len(tokens):
            x = x[torch.from_numpy(wanted).to(x.device)]
        return weights.head(self._normed(x, weights.final_norm)).float()

    def _normed(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        weights = self._weights
        return F.rms_norm(x, (x.shape[-1],), weight, weights.epsilon).to(weights.dtype)
