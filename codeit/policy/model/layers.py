"""The layers of T5, on packed tokens.

Weights, and the sum that runs through all layers, stay in the type of the weights; what goes into
matrix products has the type that a pass asks for. Shape letters: N tokens, C width of the model, H
heads, D head width, V ids, M distances.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from codeit.policy.model.attention import Plan, attention
from codeit.policy.model.dropout import Dropout

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu_new": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
}


class Linear(nn.Module):
    """A product with a matrix [out, in], in the type of what comes in."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_out, num_in))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, self.weight.to(x.dtype))


class RMSNorm(nn.Module):
    """Scales each token to a mean square of 1, then each channel by a weight."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        if x.is_cuda:
            return functional.rms_norm(x, self.weight.shape, self.weight, self.epsilon).to(dtype)
        return _Normed.apply(x, self.weight, self.epsilon, dtype)


class _Normed(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, x: torch.Tensor, weight: torch.Tensor, epsilon: float, dtype: torch.dtype
    ) -> torch.Tensor:
        exact = torch.promote_types(x.dtype, torch.float32)
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=exact)
        scale = norm.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):  # type: ignore[no-untyped-def]
        x, weight, scale = ctx.saved_tensors
        gradient = gradient.to(scale.dtype)
        normed = x * scale
        d_weight = (gradient * normed).sum(0).to(weight.dtype)
        d_normed = gradient * weight
        mean = (d_normed * normed).mean(-1, keepdim=True)
        d_x = d_normed.sub_(normed.mul_(mean)).mul_(scale)
        return d_x.to(x.dtype), d_weight, None, None


class FeedForward(nn.Module):
    """Two products with an activation between them; a gate multiplies a third."""

    def __init__(self, width: int, inner_width: int, activation: str, is_gated: bool) -> None:
        super().__init__()
        self.is_gated = is_gated
        self.inner = Linear(width, inner_width * (2 if is_gated else 1))
        self.outer = Linear(inner_width, width)
        self._activation = ACTIVATIONS[activation]

    def forward(self, x: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        inner = self.inner(x)
        if self.is_gated:
            gate, inner = inner.chunk(2, dim=-1)
            inner = self._activation(gate) * inner
        else:
            inner = self._activation(inner)
        return self.outer(dropout(inner))


class SelfAttention(nn.Module):
    """Tokens that attend to those of their own sequence."""

    def __init__(self, width: int, num_heads: int, head_width: int) -> None:
        super().__init__()
        self._heads = (num_heads, head_width)
        self.query_key_value = Linear(width, 3 * num_heads * head_width)
        self.output = Linear(num_heads * head_width, width)

    def project(self, x: torch.Tensor) -> torch.Tensor:
        """Queries, keys and values [N, 3, H, D]."""
        return self.query_key_value(x).view(-1, 3, *self._heads)

    def forward(
        self, x: torch.Tensor, plan: Plan, bias: torch.Tensor, dropout: Dropout
    ) -> torch.Tensor:
        query, key, value = self.project(x).unbind(1)
        return self.output(attention(query, key, value, plan, bias, dropout).flatten(1))


class CrossAttention(nn.Module):
    """Tokens that attend to those of another stack."""

    def __init__(self, width: int, num_heads: int, head_width: int) -> None:
        super().__init__()
        self._heads = (num_heads, head_width)
        self.query = Linear(width, num_heads * head_width)
        self.key_value = Linear(width, 2 * num_heads * head_width)
        self.output = Linear(num_heads * head_width, width)

    def keys_values(self, states: torch.Tensor) -> torch.Tensor:
        """Keys and values [N, 2, H, D] of encoded tokens."""
        return self.key_value(states).view(-1, 2, *self._heads)

    def forward(
        self, x: torch.Tensor, keys_values: torch.Tensor, plan: Plan, dropout: Dropout
    ) -> torch.Tensor:
        query = self.query(x).view(-1, *self._heads)
        key, value = keys_values.unbind(1)
        return self.output(attention(query, key, value, plan, None, dropout).flatten(1))


class PositionBias(nn.Module):
    """What a head adds to a score for how far the key is from the query.

    Near distances have a bucket of their own, those further off share one with others, and all from
    some distance on the last.
    """

    def __init__(
        self, num_heads: int, num_buckets: int, max_distance: int, is_causal: bool
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_buckets, num_heads))
        self._max_distance = max_distance
        self._is_causal = is_causal

    @property
    def reach(self) -> int:
        """How many distances there are, each way, with the first of those that share the last
        bucket: more of them add nothing."""
        return max(self._max_distance, len(self.weight)) + 1

    def forward(self, longest: int) -> torch.Tensor:
        """The bias [H, 2 M - 1] that `attention` takes, for so many distances."""
        distance = torch.arange(longest - 1, -longest, -1, device=self.weight.device)
        bias = self.weight[self.buckets(distance)].t()
        if self._is_causal:
            bias = bias.masked_fill(distance > 0, -math.inf)
        return bias

    def buckets(self, distance: torch.Tensor) -> torch.Tensor:
        """The bucket of each distance, key minus query.

        Source: T5's Mesh TensorFlow code, `_relative_position_bucket`.
        """
        num_buckets = len(self.weight)
        first = torch.zeros_like(distance)
        if self._is_causal:
            distance = (-distance).clamp(min=0)
        else:
            num_buckets //= 2
            first = (distance > 0) * num_buckets
            distance = distance.abs()
        num_exact = num_buckets // 2
        octaves = torch.log(distance.clamp(min=1).float() / num_exact)
        octaves = octaves / math.log(self._max_distance / num_exact) * (num_buckets - num_exact)
        shared = (num_exact + octaves.long()).clamp(max=num_buckets - 1)
        return first + torch.where(distance < num_exact, distance, shared)


def head_loss(
    states: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy of labels under softmax(states weight^T), without holding all logits.

    Args:
        states: [N, C]
        weight: [V, C]
        labels: [N]
    Returns:
        The sum over all tokens, and each token's [N]; only the sum has a gradient.
    """
    return _HeadLoss.apply(states, weight, labels)


_CHUNK = 1024  # tokens whose logits exist at once


class _HeadLoss(torch.autograd.Function):
    """The gradients are taken on the way forward, while a chunk's logits are there."""

    @staticmethod
    def forward(ctx, states: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor):  # type: ignore[no-untyped-def]
        needs_gradient = any(ctx.needs_input_grad)
        exact = torch.promote_types(states.dtype, torch.float32)
        matrix = weight.to(states.dtype)
        d_states = torch.empty_like(states)
        d_weight = torch.zeros_like(weight) if needs_gradient else None
        losses = []
        for begin in range(0, len(states), _CHUNK):
            chunk = slice(begin, begin + _CHUNK)
            label = labels[chunk, None]
            scores = functional.log_softmax((states[chunk] @ matrix.t()).to(exact), dim=-1)
            losses.append(-scores.gather(1, label).squeeze(1))
            if d_weight is not None:
                d_logits = scores.exp_()
                d_logits.scatter_add_(1, label, torch.full_like(label, -1, dtype=exact))
                d_logits = d_logits.to(states.dtype)
                d_states[chunk] = d_logits @ matrix
                d_weight += d_logits.t() @ states[chunk]
        ctx.save_for_backward(d_states, d_weight)
        token_losses = torch.cat(losses)
        ctx.mark_non_differentiable(token_losses)
        return token_losses.sum(), token_losses

    @staticmethod
    def backward(ctx, gradient: torch.Tensor, _: torch.Tensor):  # type: ignore[no-untyped-def]
        d_states, d_weight = ctx.saved_tensors
        return d_states * gradient.to(d_states.dtype), d_weight * gradient, None
