"""T5, an encoder and a decoder, on packed sequences.

Shape letters: N source and T target tokens of all sequences, C width of the model, H heads, D head
width, V ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from codeit.policy.model.attention import Layout, Plan
from codeit.policy.model.dropout import NO_DROPOUT, Dropout
from codeit.policy.model.layers import (
    CrossAttention,
    FeedForward,
    PositionBias,
    RMSNorm,
    SelfAttention,
    head_loss,
)
from codeit.policy.model.uncompiled import mark_uncompiled
from codeit.policy.tokenizer import Tokenizer


@dataclass(frozen=True)
class T5Config:
    """What a T5 model is made of."""

    vocab_size: int
    d_model: int
    d_kv: int
    d_ff: int
    num_heads: int
    num_layers: int
    num_decoder_layers: int
    activation: str = "relu"
    is_gated: bool = False
    """Whether the activation multiplies a second product."""
    num_buckets: int = 32
    max_distance: int = 128
    """Relative positions from here on share their bucket."""
    layer_norm_epsilon: float = 1e-6
    dropout: float = 0.1
    is_tied: bool = True
    """Whether the head is the embedding."""
    is_head_scaled: bool = True
    """Whether the head's input is scaled by 1/sqrt(d_model); so it is where it was trained tied."""
    start_id: int = 0
    """What a decoder reads first; only the model knows it."""
    pad_id: int | None = None
    """What its config calls padding, and the ids that end a text; a tokenizer has to agree with
    those that are named, and is asked for them."""
    end_ids: tuple[int, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The config.json that this was read from."""

    def check_tokenizer(self, tokenizer: Tokenizer, name: str = "the model") -> None:
        """Raise ValueError unless the ids of a tokenizer mean to it what they mean to the model."""
        if self.vocab_size < tokenizer.vocab_size:
            raise ValueError(
                f"the tokenizer has {tokenizer.vocab_size} ids and {name} only {self.vocab_size}"
            )
        if self.end_ids and tokenizer.end_id not in self.end_ids:
            raise ValueError(
                f"the tokenizer ends a program with the id {tokenizer.end_id}, and {name} with "
                f"{' or '.join(map(str, self.end_ids))} (eos_token_id of its config.json)"
            )
        has_padding = tokenizer.pad_id != tokenizer.end_id
        if has_padding and self.pad_id not in (None, tokenizer.pad_id):
            raise ValueError(
                f"the tokenizer pads with the id {tokenizer.pad_id}, and {name} with {self.pad_id} "
                "(pad_token_id of its config.json)"
            )

    def num_flops(
        self, source_lengths: npt.NDArray[np.int64], target_lengths: npt.NDArray[np.int64]
    ) -> int:
        """Of the matrix products of a forward pass without padding; backward takes twice that."""
        inner = self.num_heads * self.d_kv
        feed_forward = (3 if self.is_gated else 2) * self.d_model * self.d_ff
        by_source = self.num_layers * (4 * self.d_model * inner + feed_forward)
        by_source += self.num_decoder_layers * 2 * self.d_model * inner
        by_target = self.num_decoder_layers * (6 * self.d_model * inner + feed_forward)
        by_target += self.d_model * self.vocab_size
        by_score = 2 * inner
        scores = self.num_layers * int(source_lengths @ source_lengths)
        scores += self.num_decoder_layers * int(target_lengths @ (target_lengths + source_lengths))
        products = by_source * source_lengths.sum() + by_target * target_lengths.sum()
        return 2 * (int(products) + by_score * scores)


@dataclass(frozen=True)
class Packed:
    """Sequences of ids in a row."""

    ids: torch.Tensor
    layout: Layout

    @classmethod
    def of(
        cls, ids: npt.NDArray[np.uint16], offsets: npt.NDArray[np.int64], device: torch.device
    ) -> Packed:
        """From a replay buffer's arrays: sequence k is ids[offsets[k] : offsets[k + 1]]."""
        return cls(torch.from_numpy(ids.astype(np.int64)).to(device), Layout(offsets))

    def shifted(self, start_id: int) -> torch.Tensor:
        """What a decoder reads to write these: the start, then each sequence but its last id."""
        shifted = self.ids.roll(1)
        first = torch.from_numpy(self.layout.offsets[:-1]).to(shifted.device)
        return shifted.index_fill_(0, first, start_id)


@dataclass(frozen=True)
class Plans:
    """Who attends to whom, for all layers of a pass."""

    encoder: Plan
    decoder: Plan
    cross: Plan

    @classmethod
    def of(cls, source: Packed, target: Packed, num_heads: int) -> Plans:
        layouts = ((source, source), (target, target), (target, source))
        return cls(*(Plan(a.layout, b.layout, num_heads, a.ids.device) for a, b in layouts))

    @property
    def num_scores(self) -> int:
        """Attention scores that are computed in a layer of each stack, for a head."""
        return sum(plan.num_scores for plan in (self.encoder, self.decoder, self.cross))

    @property
    def num_needed(self) -> int:
        """Those of them that belong to a sequence; the rest is padding."""
        return sum(plan.num_needed for plan in (self.encoder, self.decoder, self.cross))


@dataclass(frozen=True)
class Mode:
    """How a pass is run."""

    dtype: torch.dtype = torch.float32
    """Of the matrix products."""
    dropout: Dropout = NO_DROPOUT
    is_checkpointed: bool = False
    """Whether a block's activations are worked out again for the gradient instead of kept."""


class Block(nn.Module):
    """Self-attention, in a decoder cross-attention, feed-forward; each adds to what it reads."""

    def __init__(self, config: T5Config, is_decoder: bool) -> None:
        super().__init__()
        c = config
        self.self_attention_norm = RMSNorm(c.d_model, c.layer_norm_epsilon)
        self.self_attention = SelfAttention(c.d_model, c.num_heads, c.d_kv)
        if is_decoder:
            self.cross_attention_norm = RMSNorm(c.d_model, c.layer_norm_epsilon)
            self.cross_attention = CrossAttention(c.d_model, c.num_heads, c.d_kv)
        self.feed_forward_norm = RMSNorm(c.d_model, c.layer_norm_epsilon)
        self.feed_forward = FeedForward(c.d_model, c.d_ff, c.activation, c.is_gated)

    def forward(
        self,
        x: torch.Tensor,
        plan: Plan,
        bias: torch.Tensor,
        mode: Mode,
        dropout: Dropout,
        keys_values: torch.Tensor | None = None,
        cross_plan: Plan | None = None,
    ) -> torch.Tensor:
        normed = self.self_attention_norm(x, mode.dtype)
        x = x + dropout.at(0)(self.self_attention(normed, plan, bias, dropout.at(1)))
        if keys_values is not None:
            normed = self.cross_attention_norm(x, mode.dtype)
            attended = self.cross_attention(normed, keys_values, cross_plan, dropout.at(2))
            x = x + dropout.at(3)(attended)
        normed = self.feed_forward_norm(x, mode.dtype)
        return x + dropout.at(4)(self.feed_forward(normed, dropout.at(5)))


class Stack(nn.Module):
    """Blocks that share a position bias."""

    def __init__(self, config: T5Config, is_decoder: bool) -> None:
        super().__init__()
        num_layers = config.num_decoder_layers if is_decoder else config.num_layers
        self.position_bias = PositionBias(
            config.num_heads, config.num_buckets, config.max_distance, is_decoder
        )
        self.blocks = nn.ModuleList(Block(config, is_decoder) for _ in range(num_layers))
        self.norm = RMSNorm(config.d_model, config.layer_norm_epsilon)

    def forward(
        self,
        embedded: torch.Tensor,
        plan: Plan,
        mode: Mode,
        dropout: Dropout,
        keys_values: Sequence[torch.Tensor] = (),
        cross_plan: Plan | None = None,
    ) -> torch.Tensor:
        bias = self.position_bias(min(plan.queries.longest, self.position_bias.reach))
        x = dropout.at(0)(embedded)
        for k, block in enumerate(self.blocks):
            cross = keys_values[k] if keys_values else None
            inputs = (x, plan, bias, mode, dropout.at(2 + k), cross, cross_plan)
            if mode.is_checkpointed:
                # Only torch's own dropout, on CUDA, has a state to go back to.
                x = checkpoint(block, *inputs, use_reentrant=False, preserve_rng_state=x.is_cuda)
            else:
                x = block(*inputs)
        return dropout.at(1)(self.norm(x, mode.dtype))


class T5(nn.Module):
    """An encoder-decoder. All passes take packed sequences, and attend within each alone."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.empty(config.vocab_size, config.d_model))
        self.encoder = Stack(config, is_decoder=False)
        self.decoder = Stack(config, is_decoder=True)
        if not config.is_tied:
            self.untied_head = nn.Parameter(torch.empty(config.vocab_size, config.d_model))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embedding.device

    @property
    def num_parameters(self) -> int:
        """How many weights there are, tied ones once."""
        return sum(p.numel() for p in self.parameters())

    @property
    def head(self) -> torch.Tensor:
        """The matrix [V, C] that makes logits from states."""
        return self.embedding if self.config.is_tied else self.untied_head

    def encode(self, source: Packed, plan: Plan, mode: Mode) -> torch.Tensor:
        """The states [N, C] of source tokens."""
        return self.encoder(self._embed(source.ids), plan, mode, mode.dropout.at(0))

    def cross_keys_values(self, states: torch.Tensor) -> list[torch.Tensor]:
        """Keys and values [N, 2, H, D] of encoded tokens for every layer of the decoder."""
        return [block.cross_attention.keys_values(states) for block in self.decoder.blocks]  # type: ignore[union-attr, operator]

    def decode(
        self, inputs: torch.Tensor, keys_values: Sequence[torch.Tensor], plans: Plans, mode: Mode
    ) -> torch.Tensor:
        """The states [T, C] of decoder inputs [T], ready for the head."""
        states = self.decoder(
            self._embed(inputs),
            plans.decoder,
            mode,
            mode.dropout.at(1),
            keys_values,
            plans.cross,
        )
        return states * self.config.d_model**-0.5 if self.config.is_head_scaled else states

    def forward(
        self, source: Packed, target: Packed, plans: Plans, mode: Mode
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The sum of the target tokens' losses, and each of them [T] without a gradient."""
        keys_values = self.cross_keys_values(self.encode(source, plans.encoder, mode))
        states = self.decode(target.shifted(self.config.start_id), keys_values, plans, mode)
        return head_loss(states, self.head, target.ids)

    def plans(self, source: Packed, target: Packed) -> Plans:
        """What a pass over these needs."""
        return Plans.of(source, target, self.config.num_heads)

    def snapshot(self) -> T5:
        """A copy on the CPU, of the weights as they are now."""
        twin = T5(self.config)
        twin.load_state_dict(self.state_dict())
        return twin

    def compile_blocks(self) -> None:
        """Let torch.compile fuse what lies between attention and the products, from now on."""
        mark_uncompiled()
        for block in (*self.encoder.blocks, *self.decoder.blocks):
            block.compile(dynamic=True)

    def _embed(self, ids: torch.Tensor) -> torch.Tensor:
        return nn.functional.embedding(ids, self.embedding)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights as T5 does for training from scratch.

        Source: Mesh TensorFlow's initializers, as in Hugging Face's T5.
        """
        c = self.config

        def draw(weight: torch.Tensor, fan_in: int) -> None:
            weight.normal_(0.0, fan_in**-0.5, generator=generator)

        draw(self.embedding, 1)
        if not c.is_tied:
            draw(self.untied_head, 1)
        inner_width = c.num_heads * c.d_kv
        for module in self.modules():
            if isinstance(module, SelfAttention):
                weights = module.query_key_value.weight.chunk(3)
                for weight, fan_in in zip(
                    weights, (c.d_model * c.d_kv, *[c.d_model] * 2), strict=True
                ):
                    draw(weight, fan_in)
                draw(module.output.weight, inner_width)
            elif isinstance(module, CrossAttention):
                draw(module.query.weight, c.d_model * c.d_kv)
                draw(module.key_value.weight, c.d_model)
                draw(module.output.weight, inner_width)
            elif isinstance(module, FeedForward):
                draw(module.inner.weight, c.d_model)
                draw(module.outer.weight, c.d_ff)
            elif isinstance(module, PositionBias):
                draw(module.weight, c.d_model)
            elif isinstance(module, RMSNorm):
                module.weight.fill_(1.0)
