"""Attention of the newest tokens, by torch's own operations, on any device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Cache:
    """What the rows of a decoder have decoded so far, in one layer.

    Keys lie by dimension, so that the scores of neighbouring positions are neighbours.
    """

    keys: torch.Tensor
    """[R, H, D, C], for R rows of at most C positions."""
    values: torch.Tensor
    """[R, H, C, D]"""


def plain_decode_self_attention(
    projected: torch.Tensor,
    rows: torch.Tensor,
    positions: torch.Tensor,
    bias: torch.Tensor,
    cache: Cache,
    longest: int | None = None,
) -> torch.Tensor:
    """The same by torch's own operations, on any device."""
    query, key, value = projected.unbind(1)
    cache.keys[rows, :, :, positions] = key
    cache.values[rows, :, positions] = value
    longest = longest or bias.shape[1]
    back = positions[:, None] - torch.arange(longest, device=query.device)
    scores = torch.einsum("nhd,nhdc->nhc", query, cache.keys[rows][..., :longest]).float()
    scores += bias[:, back.clamp(min=0)].transpose(0, 1)
    scores.masked_fill_(back[:, None] < 0, -torch.inf)
    probabilities = scores.softmax(-1).to(query.dtype)
    return torch.einsum("nhc,nhcd->nhd", probabilities, cache.values[rows][:, :, :longest])


def shared_cross_attention(
    query: torch.Tensor, contexts: Sequence[tuple[torch.Tensor, torch.Tensor, int]]
) -> torch.Tensor:
    """Attention of consecutive tokens to what they share.

    Args:
        query: [N, H, D]
        contexts: keys and values [H, L, D], and how many tokens attend to them.
    Returns:
        [N, H, D]
    """
    parts = []
    begin = 0
    for keys, values, count in contexts:
        part = query[begin : begin + count].transpose(0, 1)
        probabilities = torch.bmm(part, keys.transpose(1, 2)).softmax(-1)
        parts.append(torch.bmm(probabilities, values).transpose(0, 1))
        begin += count
    return torch.cat(parts)


def grouped_cross_attention(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor,
    lanes: torch.Tensor,
    lane_of: torch.Tensor,
) -> torch.Tensor:
    """The same in shapes that do not depend on who shares what, so that a CUDA graph can hold it.

    Args:
        query: [N, H, D]
        keys, values: [P, L, H, D] of each context.
        mask: [P, 1, 1, L], -inf for what is no key, else 0; every context has some key.
        lanes: int64 [P, G], the tokens of each context; any token in a lane that is free.
        lane_of: int64 [N], the place in [P * G] of each token.
    Returns:
        [N, H, D]
    """
    queries = query[lanes].transpose(1, 2)
    attended = functional.scaled_dot_product_attention(
        queries,
        keys.transpose(1, 2),
        values.transpose(1, 2),
        attn_mask=mask.expand(-1, 1, queries.shape[2], -1),
        scale=1.0,
    )
    return attended.transpose(1, 2).flatten(0, 1)[lane_of]
