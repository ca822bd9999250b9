"""The plain form of attention: torch's own, on padded groups, on any device."""

from __future__ import annotations

import torch
from torch.nn import functional

from codeit.policy.model.attention.plan import Group, Plan
from codeit.policy.model.dropout import Dropout

# T5's scores are large; this backend has returned NaN for such masks on Hopper.
torch.backends.cuda.enable_cudnn_sdp(False)


def padded_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    plan: Plan,
    bias: torch.Tensor | None,
    dropout: Dropout,
) -> torch.Tensor:
    """The plain form of `attention`: torch's own, on padded groups, on any device."""
    if bias is not None:
        bias = extended(bias, plan)
    out = torch.zeros_like(query)
    for group in plan.groups:
        queries, keys, values = (
            x[rows].transpose(1, 2)
            for x, rows in ((query, group.queries), (key, group.keys), (value, group.keys))
        )
        mask = None if bias is None else window_of(bias, group)[None].to(query.dtype).contiguous()
        if group.key_mask is not None:
            key_mask = group.key_mask.to(query.dtype)
            mask = key_mask.expand(-1, 1, queries.shape[2], -1) if mask is None else mask + key_mask
        padded = functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=mask, dropout_p=dropout.rate, scale=1.0
        ).transpose(1, 2)
        rows, tokens = real_tokens(padded, group.queries, group.real_queries)
        out = out.index_copy(0, rows, tokens)
    return out


def extended(bias: torch.Tensor, plan: Plan) -> torch.Tensor:
    """A bias with values for all distances in a plan."""
    missing = max(plan.queries.longest, plan.keys.longest) - (bias.shape[1] + 1) // 2
    if missing <= 0:
        return bias
    ends = (bias[:, :1].expand(-1, missing), bias[:, -1:].expand(-1, missing))
    return torch.cat([ends[0], bias, ends[1]], dim=1)


def real_tokens(
    padded: torch.Tensor, rows: torch.Tensor, real: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens [.., H, D] among [G, L, H, D] that are no padding, and which rows they are."""
    rows, tokens = rows.flatten(), padded.flatten(0, 1)
    return (rows, tokens) if real is None else (rows[real], tokens.index_select(0, real))


def window_of(bias: torch.Tensor, group: Group) -> torch.Tensor:
    """The bias of a group, [H, Q, L]: row i is the bias from i on."""
    longest = (bias.shape[1] + 1) // 2
    num_queries, num_keys = group.queries.shape[1], group.keys.shape[1]
    return bias.narrow(1, longest - num_keys, num_queries + num_keys - 1).unfold(1, num_keys, 1)
