"""Attention by Triton's kernels, with gradients; `triton_kernels.py` tells how they work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import triton

from codeit.policy.model.attention import triton_kernels
from codeit.policy.model.dropout import Dropout

if TYPE_CHECKING:
    from codeit.policy.model.attention.plan import Plan

# Shape letters are those of the triton_kernels.

MAX_WIDTH = 128  # of a head; wider ones do not fit the registers

DTYPES = (torch.bfloat16, torch.float16, torch.float32)


@dataclass(frozen=True)
class _Tiles:
    """How the work is cut for one head width, type and GPU.

    Found by compiling for each. On Hopper at a width of 64, the limit lets two blocks run side by
    side; some of the kernels spill a few registers for it.
    """

    rows: int
    """Queries of a block, or keys of one where the gradients of keys are worked out."""
    columns: int
    """Of a tile, and rows of one where the bias's gradient is worked out; a multiple of 32."""
    num_warps: int
    max_registers: int | None
    """Of a thread, forward and for the gradients of queries."""


def _tiles(padded_width: int, dtype: torch.dtype, capability: int) -> _Tiles:
    # Products of float32 run outside the tensor cores, from registers.
    if dtype == torch.float32:
        return _Tiles(32, 32, 4 if padded_width <= 64 else 8, None)
    if capability < 9:
        return _Tiles(64, 32, 4 if padded_width <= 64 else 8, None)
    if padded_width <= 64:
        return _Tiles(128, 64, 8, 128)
    return _Tiles(64, 64, 8, None)


def fused_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    plan: Plan,
    bias: torch.Tensor | None,
    dropout: Dropout,
) -> torch.Tensor:
    """`codeit.policy.model.attention.attention`, for one of DTYPES and heads up to MAX_WIDTH."""
    return _Fused.apply(query, key, value, bias, plan, dropout)


def kept_words(plan: Plan, num_heads: int, dropout: Dropout) -> torch.Tensor:
    """Which probabilities dropout keeps, int32 [H, N, W]: bit j % 32 of word j // 32 for key j."""
    num_words = 4 * triton.cdiv(plan.keys.longest, 128)  # whole tiles of any kernel
    shape = (num_heads, plan.queries.num_tokens, num_words)
    words = torch.empty(shape, dtype=torch.int32, device=plan.device)
    low, high = dropout.key()
    blocks = plan.blocks(64)
    triton_kernels.draw[(len(blocks), num_heads)](
        words, blocks, low, high, dropout.num_dropped, shape[1], num_words, ROWS=64, num_warps=4
    )
    return words


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        bias: torch.Tensor | None,
        plan: Plan,
        dropout: Dropout,
    ) -> torch.Tensor:
        query, key, value = (
            x if x.stride(-1) == 1 else x.contiguous() for x in (query, key, value)
        )
        scaled_bias = None if bias is None else bias.float() * triton_kernels.LOG2_E.value
        words = kept_words(plan, query.shape[1], dropout) if dropout else None
        call = _Call(query, key, value, scaled_bias, words, plan, dropout)
        out = torch.empty(query.shape, dtype=query.dtype, device=query.device)
        log_sums = torch.empty(query.shape[1::-1], dtype=torch.float32, device=query.device)
        blocks = plan.blocks(call.tiles.rows)
        triton_kernels.forward[(len(blocks), query.shape[1])](
            *call.inputs,
            out,
            log_sums,
            blocks,
            *call.sizes,
            **call.constants,
            **call.cut,
            **call.limit,
        )
        ctx.save_for_backward(query, key, value, scaled_bias, words, out, log_sums)
        ctx.plan, ctx.dropout = plan, dropout
        ctx.bias_dtype = None if bias is None else bias.dtype
        return out

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):  # type: ignore[no-untyped-def]
        query, key, value, bias, words, out, log_sums = ctx.saved_tensors
        plan: Plan = ctx.plan
        call = _Call(query, key, value, bias, words, plan, ctx.dropout)
        num_heads = query.shape[1]
        gradient = gradient.contiguous()
        means = torch.empty_like(log_sums)
        d_query, d_key, d_value = (
            torch.empty(x.shape, dtype=x.dtype, device=x.device) for x in (query, key, value)
        )
        blocks = plan.blocks(call.tiles.rows)
        has_far = ctx.needs_input_grad[3] and call.has_far
        far = means.new_empty(len(blocks), num_heads, 2) if has_far else means
        triton_kernels.backward_queries[(len(blocks), num_heads)](
            *call.inputs,
            out,
            gradient,
            log_sums,
            means,
            d_query,
            far,
            blocks,
            *call.sizes,
            **call.constants,
            **call.cut,
            **call.limit,
            HAS_FAR=has_far,
        )
        d_bias = None
        if ctx.needs_input_grad[3]:
            sequences = plan.blocks(plan.queries.longest)
            shape = (len(sequences), num_heads, call.num_lines, 2 * call.tiles.columns)
            diagonals = torch.empty(shape, dtype=torch.float32, device=query.device)
            triton_kernels.backward_bias[shape[:3]](
                *call.inputs,
                gradient,
                log_sums,
                means,
                diagonals,
                sequences,
                *call.sizes,
                **call.constants,
                SIZE=call.tiles.columns,
                num_warps=4,
                num_stages=2,
            )
            d_bias = _by_distance(diagonals.sum(0), call.longest)
            if has_far:
                d_bias[:, [-1, 0]] += far.sum(0)
            d_bias = d_bias.to(ctx.bias_dtype)
        blocks = plan.blocks(call.tiles.rows, by_key=True)
        triton_kernels.backward_keys[(len(blocks), num_heads)](
            *call.inputs,
            gradient,
            log_sums,
            means,
            d_key,
            d_value,
            blocks,
            *call.sizes,
            **call.constants,
            **call.cut,
        )
        return d_query, d_key, d_value, d_bias, None, None


def _by_distance(diagonals: torch.Tensor, longest: int) -> torch.Tensor:
    """The bias's gradient [H, 2 M - 1] from the sums [H, E, 2 * SIZE] of lines of tiles."""
    num_heads, num_lines, size = diagonals.shape
    size //= 2
    sums = diagonals.new_zeros(num_heads, (num_lines + 1) * size)
    sums[:, :-size] += diagonals[..., :size].flatten(1)
    sums[:, size:] += diagonals[..., size:].flatten(1)
    sums = sums.flip(1)
    # Which column of the gradient the first sum is for; what is outside belongs to the ends.
    first = longest - sums.shape[1] // 2
    begin, end = max(-first, 0), min(2 * longest - 1 - first, sums.shape[1])
    d_bias = diagonals.new_zeros(num_heads, 2 * longest - 1)
    d_bias[:, begin + first : end + first] = sums[:, begin:end]
    d_bias[:, 0] += sums[:, :begin].sum(1)
    d_bias[:, -1] += sums[:, end:].sum(1)
    return d_bias


class _Call:
    """What the kernels of one attention are told alike."""

    def __init__(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        bias: torch.Tensor | None,
        words: torch.Tensor | None,
        plan: Plan,
        dropout: Dropout,
    ) -> None:
        num_heads, width = query.shape[1:]
        padded = max(triton.next_power_of_2(width), 16)
        # Triton's interpreter does as Hopper.
        capability = torch.cuda.get_device_capability(query.device)[0] if query.is_cuda else 9
        self.tiles = _tiles(padded, query.dtype, capability)
        # A table that is not there is never read.
        none = plan.blocks(self.tiles.rows)
        self.inputs = (query, key, value, *(none if x is None else x for x in (bias, words)))
        self.longest = 1 if bias is None else (bias.shape[1] + 1) // 2
        self.sizes = (
            *(stride for x in (query, key, value) for stride in x.stride()[:2]),
            len(query),
            num_heads,
            self.longest,
            0 if words is None else words.shape[2],
            dropout.scale,
        )
        self.constants: dict[str, Any] = {
            "WIDTH": width,
            "PADDED": padded,
            "HAS_BIAS": bias is not None,
            "HAS_DROPOUT": words is not None,
        }
        self.cut = {
            "ROWS": self.tiles.rows,
            "COLUMNS": self.tiles.columns,
            "num_warps": self.tiles.num_warps,
            "num_stages": 2,
        }
        self.limit = {"maxnreg": self.tiles.max_registers}
        size = self.tiles.columns
        most = triton.cdiv(max(plan.queries.longest, plan.keys.longest), size) - 1
        near = (self.longest + size - 3) // size
        self.has_far = near < most
        self.num_lines = 2 * min(near, most) + 1
