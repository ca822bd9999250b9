"""T5's decoder as an engine runs it: one packed step of many rows, each at a position of its own.

The encoder's keys and values are held once for a task and attended to by all its rows together. The
rows' own keys and values lie in a preallocated cache with a slot for each row.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from codeit.model.t5 import T5, Block
from codeit.sampling.kernels import Linear, Memory, Step, kernels_for, rounded_up

# Shape letters: T tokens of a step, R slots, H heads, D size of a head, S source length, C capacity
# of a slot, M width of the model, V vocabulary.


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


class DecoderWeights:
    """The decoder of a T5 model, with its weights as they are now, for any number of decoders.

    Args:
        model: not referred to afterwards; later training does not show.
        num_rows: how many tokens a step will take, about.
        dtype: of the products, weights and caches; sums are float32.
        head_ids: the token ids whose scores are wanted, int64 [V]; all when omitted.
        is_plain: whether torch's own operations are to do.
    """

    def __init__(
        self,
        model: T5,
        num_rows: int,
        dtype: torch.dtype,
        head_ids: npt.NDArray[np.int64] | None = None,
        is_plain: bool = False,
    ) -> None:
        config = model.config
        sizes = (config.d_model, config.d_kv)
        self.kernels = kernels_for(model.device, dtype, sizes, is_plain)
        self.device = model.device
        self.num_heads = config.num_heads
        self.size = config.d_kv
        self.epsilon = config.layer_norm_epsilon
        self.embedding = model.embedding.detach()

        def linear(weight: torch.Tensor, activation: str | None = None) -> Linear:
            return self.kernels.linear(weight.detach(), num_rows, activation)

        def feed_in(weight: torch.Tensor) -> Linear:
            if not config.is_gated:
                return linear(weight, config.activation)
            gate, inner = weight.chunk(2)
            activated, other = linear(gate, config.activation), linear(inner)
            return lambda x: activated(x).mul_(other(x))

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
                feed_in(block.feed_forward.inner.weight),
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
        self.head = linear(head)
        self._position_bias = copy.deepcopy(model.decoder.position_bias)

    def bias(self, capacity: int) -> torch.Tensor:
        """What a head adds to a score for how far back a position lies, the furthest first.

        Returns:
            float32 [H, C]
        """
        bias = self._position_bias(capacity)[:, capacity - 1 :]
        return bias.detach().float().flip(1).contiguous()

    def memory_of(self, states: torch.Tensor) -> list[Memory]:
        """Cross-attention's keys and values of one task, for each layer.

        Args:
            states: the encoder's last states, [S, M].
        """
        states = states.to(self.kernels.dtype)
        shape = (len(states), 2, self.num_heads, self.size)
        return [
            self.kernels.memory(layer.cross_key_value(states).view(shape)) for layer in self.layers
        ]


class Decoder:
    """Rows under way: a slot of the caches for each.

    Args:
        weights: of the model.
        num_slots: rows that can be decoded at a time.
        max_tokens: positions of a row.
    """

    def __init__(self, weights: DecoderWeights, num_slots: int, max_tokens: int) -> None:
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
            wanted: int64 [W], indices of the tokens that are scored.
        Returns:
            float32 [W, V].
        """
        weights = self._weights
        kernels = weights.kernels
        heads = (weights.num_heads, weights.size)
        step = Step(slots, positions)
        sums = F.embedding(torch.from_numpy(tokens).to(weights.device), weights.embedding).float()
        added = None
        for k, layer in enumerate(weights.layers):
            x = kernels.add_and_normalize(sums, added, layer.self_norm, weights.epsilon)
            projected = layer.query_key_value(x).view(-1, 3, *heads)
            attended = kernels.attend(projected, step, self._bias, self._caches[k])
            added = layer.self_out(attended.flatten(1))
            x = kernels.add_and_normalize(sums, added, layer.cross_norm, weights.epsilon)
            query = layer.cross_query(x).view(-1, *heads)
            shared = [(memory[k], count) for memory, count in memories]
            added = layer.cross_out(kernels.attend_shared(query, shared).flatten(1))
            x = kernels.add_and_normalize(sums, added, layer.feed_norm, weights.epsilon)
            added = layer.feed_out(layer.feed_in(x))
        x = kernels.add_and_normalize(sums, added, weights.final_norm, weights.epsilon)
        if len(wanted) < len(tokens):
            x = x[torch.from_numpy(wanted).to(x.device)]
        return weights.head(x).float()
