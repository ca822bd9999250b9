"""A T5 model's weights as the engine's kernels take them, and its encoder."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from codeit.policy.model.attention import Plan, attention
from codeit.policy.model.dropout import NO_DROPOUT
from codeit.policy.model.t5 import T5, Block, Packed
from codeit.policy.sampling.kernels import KeyValues, Linear, kernels_for
from codeit.policy.sampling.settings import Precision
from codeit.policy.tokenizer import Ids

# Shape letters: N source tokens of all prompts, H heads, D size of a head, C capacity of a slot, V
# vocabulary.


@dataclass(frozen=True)
class Layer:
    """A block of the encoder, or of the decoder, which alone attends to the encoder."""

    self_norm: torch.Tensor
    query_key_value: Linear
    self_out: Linear
    feed_norm: torch.Tensor
    feed_in: Linear
    feed_out: Linear


@dataclass(frozen=True)
class DecoderLayer(Layer):
    """A block of the decoder."""

    cross_norm: torch.Tensor
    cross_query: Linear
    cross_key_value: Linear
    cross_out: Linear


class Weights:
    """All of a model, for any number of decoders; good until the model's weights change.

    Args:
        model: on whose device all is done.
        precision: of the products.
        head_ids: the token ids whose scores are wanted, int64 [V]; all when omitted.
        is_plain: whether torch's own operations are to do.
    Raises:
        ValueError: there are no kernels of that precision here.
    """

    def __init__(
        self,
        model: T5,
        precision: Precision = "float32",
        head_ids: npt.NDArray[np.int64] | None = None,
        is_plain: bool = False,
    ) -> None:
        config = model.config
        widths = (config.d_model, config.d_kv, config.d_ff)
        self.kernels = kernels_for(model.device, precision, widths, is_plain)
        self.device = model.device
        self.num_heads = config.num_heads
        self.size = config.d_kv
        self.start_id = config.start_id
        self.epsilon = config.layer_norm_epsilon
        self.embedding = model.embedding.detach()
        self._config = config
        self.encoder_layers = [
            Layer(**self._shared_parts(block))
            for block in model.encoder.blocks
            if isinstance(block, Block)
        ]
        self.layers = [
            self._decoder_layer(block) for block in model.decoder.blocks if isinstance(block, Block)
        ]
        self._encoder_norm = model.encoder.norm.weight.detach()
        self.final_norm = model.decoder.norm.weight.detach()
        head = model.head.detach()
        if config.is_head_scaled:
            head = head * config.d_model**-0.5
        if head_ids is not None:
            head = head[torch.from_numpy(head_ids).to(self.device)]
        self.head = self.kernels.linear(head, is_exact=True)
        self._encoder_bias = copy.deepcopy(model.encoder.position_bias)
        self._decoder_bias = copy.deepcopy(model.decoder.position_bias)

    def _shared_parts(self, block: Block) -> dict[str, Any]:
        return {
            "self_norm": block.self_attention_norm.weight.detach(),
            "query_key_value": self._linear(block.self_attention.query_key_value.weight),
            "self_out": self._linear(block.self_attention.output.weight),
            "feed_norm": block.feed_forward_norm.weight.detach(),
            "feed_in": self._feed_in(block.feed_forward.inner.weight),
            "feed_out": self._linear(block.feed_forward.outer.weight),
        }

    def _decoder_layer(self, block: Block) -> DecoderLayer:
        return DecoderLayer(
            **self._shared_parts(block),
            cross_norm=block.cross_attention_norm.weight.detach(),
            cross_query=self._linear(block.cross_attention.query.weight),
            cross_key_value=self._linear(block.cross_attention.key_value.weight),
            cross_out=self._linear(block.cross_attention.output.weight),
        )

    def _linear(self, weight: torch.Tensor, activation: str | None = None) -> Linear:
        return self.kernels.linear(weight.detach(), activation)

    def _feed_in(self, weight: torch.Tensor) -> Linear:
        activation = self._config.activation
        if not self._config.is_gated:
            return self._linear(weight, activation)
        gate_weight, inner_weight = weight.chunk(2)
        gate, inner = self._linear(gate_weight, activation), self._linear(inner_weight)
        return lambda x: gate(x).mul_(inner(x))

    def bias(self, capacity: int) -> torch.Tensor:
        """What a decoder's head adds for how far back a position lies.

        Returns:
            float32 [H, C], in the order of the kernels.
        """
        bias = self._decoder_bias(capacity)[:, capacity - 1 :]
        return self.kernels.arranged_bias(bias.detach().float().contiguous())

    def contexts(self, prompts: Sequence[Ids]) -> list[list[KeyValues]]:
        """For each prompt, what each layer of the decoder attends to.

        Prompts are packed, not padded; each attends to itself alone.
        """
        lengths = [len(prompt) for prompt in prompts]
        by_layer = [
            [self.kernels.context(part) for part in keys_values.split(lengths)]
            for keys_values in self.keys_values(prompts)
        ]
        return [list(layers) for layers in zip(*by_layer, strict=True)]

    def keys_values(self, prompts: Sequence[Ids]) -> Iterator[torch.Tensor]:
        """The same for each layer of the decoder: keys and values [N, 2, H, D] of all prompts."""
        offsets = np.cumsum([0, *map(len, prompts)])
        states = self._encode(Packed.of(np.concatenate(prompts), offsets, self.device))
        for layer in self.layers:
            yield layer.cross_key_value(states).view(-1, 2, self.num_heads, self.size)

    def _encode(self, source: Packed) -> torch.Tensor:
        """The encoder's last states [N, M]."""
        kernels = self.kernels
        plan = Plan(source.layout, source.layout, self.num_heads, self.device)
        bias = self._encoder_bias(source.layout.longest).detach()
        sums = F.embedding(source.ids, self.embedding).float()
        added = None
        for layer in self.encoder_layers:
            x = kernels.add_and_normalize(sums, added, layer.self_norm, self.epsilon)
            projected = layer.query_key_value(x).view(-1, 3, self.num_heads, self.size)
            query, key, value = projected.unbind(1)
            attended = attention(query, key, value, plan, bias, NO_DROPOUT)
            added = layer.self_out(attended.flatten(1))
            x = kernels.add_and_normalize(sums, added, layer.feed_norm, self.epsilon)
            added = layer.feed_out(layer.feed_in(x))
        return kernels.add_and_normalize(sums, added, self._encoder_norm, self.epsilon)
