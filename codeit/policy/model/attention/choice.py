"""Which kernel works on which tensors."""

from __future__ import annotations

import numpy as np
import torch

from codeit.policy.model.attention.availability import HAS_FLASH, why_plain
from codeit.policy.model.attention.decoding import Cache, plain_decode_self_attention
from codeit.policy.model.attention.padded import padded_attention
from codeit.policy.model.attention.plan import Layout, Plan
from codeit.policy.model.attention.tiled import tiled_attention
from codeit.policy.model.dropout import Dropout
from codeit.policy.model.uncompiled import uncompiled


@uncompiled  # it is fused already, and its plan differs from pass to pass
def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    plan: Plan,
    bias: torch.Tensor | None,
    dropout: Dropout,
) -> torch.Tensor:
    """softmax(query key^T + bias) value, for each sequence by itself.

    Args:
        query: [N, H, D]
        key, value: [K, H, D]
        plan: who attends to whom.
        bias: [H, 2 M - 1]; what is at M - 1 - (j - i) is added to the score of query i and key j,
            -inf where i may not see j; for tokens that are further apart, what is at the end. None
            for none.
        dropout: of the probabilities.
    Returns:
        [N, H, D]
    """
    if query.is_cuda:
        if bias is None and HAS_FLASH and query.dtype in (torch.bfloat16, torch.float16):
            return _flash(query, key, value, plan, dropout)
        if why_plain(query.device) is None and _fits(query):
            from codeit.policy.model.attention.fused import fused_attention

            return fused_attention(query, key, value, plan, bias, dropout)
        return padded_attention(query, key, value, plan, bias, dropout)
    return tiled_attention(query, key, value, plan, bias, dropout)


def decode_self_attention(
    projected: torch.Tensor,
    rows: torch.Tensor,
    positions: torch.Tensor,
    bias: torch.Tensor,
    cache: Cache,
    longest: int | None = None,
) -> torch.Tensor:
    """Add the keys and values of new tokens to their rows, and attend to all up to each of them.

    Without `longest` nothing depends on values on the device, so that a CUDA graph can hold it.

    Args:
        projected: queries, keys and values [N, 3, H, D] of the tokens.
        rows, positions: int64 [N], where they belong; of several at one place any may stay.
        bias: float32 [H, C], by how far back a position lies.
        cache: written to.
        longest: positions are below it, if that is known.
    Returns:
        [N, H, D]
    """
    if projected.is_cuda and why_plain(projected.device) is None:
        from codeit.policy.model.attention.fused_decoding import fused_decode_self_attention

        return fused_decode_self_attention(
            projected, rows, positions, bias, cache.keys, cache.values
        )
    return plain_decode_self_attention(projected, rows, positions, bias, cache, longest)


def _fits(query: torch.Tensor) -> bool:
    """Whether the fused kernels take a tensor's type and head width."""
    from codeit.policy.model.attention.fused import DTYPES, MAX_WIDTH

    return query.dtype in DTYPES and query.shape[-1] <= MAX_WIDTH


def _flash(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, plan: Plan, dropout: Dropout
) -> torch.Tensor:
    from flash_attn import flash_attn_varlen_func

    def offsets(layout: Layout) -> torch.Tensor:
        return torch.from_numpy(layout.offsets.astype(np.int32)).to(query.device)

    return flash_attn_varlen_func(
        query,
        key,
        value,
        cu_seqlens_q=offsets(plan.queries),
        cu_seqlens_k=offsets(plan.keys),
        max_seqlen_q=plan.queries.longest,
        max_seqlen_k=plan.keys.longest,
        dropout_p=dropout.rate,
        softmax_scale=1.0,
    )
