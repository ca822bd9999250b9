"""Attention in tiles that fit a CPU's cache, with gradients of all that goes into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional

from codeit.policy.model.attention.padded import extended, real_tokens, window_of
from codeit.policy.model.attention.plan import TILE, Plan
from codeit.policy.model.dropout import Dropout, keep_


def tiled_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    plan: Plan,
    bias: torch.Tensor | None,
    dropout: Dropout,
) -> torch.Tensor:
    """`attention`, one group and one tile of it after the other."""
    if bias is not None:
        bias = extended(bias, plan)
    return _Tiled.apply(query, key, value, bias, plan, dropout)


@dataclass(frozen=True)
class _Tile:
    """A part of a group: either all of it, or some rows and heads of its only sequence."""

    heads: slice
    rows: slice

    def of(self, padded: torch.Tensor) -> torch.Tensor:
        """The queries [G * H, Q, D] of a tile of [G, H, Q, D]."""
        return padded[:, self.heads, self.rows].flatten(0, 1)

    def all_of(self, padded: torch.Tensor) -> torch.Tensor:
        """The keys or values [G * H, L, D] of a tile of [G, H, L, D]."""
        return padded[:, self.heads].flatten(0, 1)


def _tiles(num_heads: int, num_queries: int, num_keys: int) -> Iterator[_Tile]:
    num_rows = min(num_queries, max(TILE // num_keys, 32))
    heads_at_once = max(TILE // (num_rows * num_keys), 1) if num_rows == num_queries else 1
    for head in range(0, num_heads, heads_at_once):
        for row in range(0, num_queries, num_rows):
            yield _Tile(
                slice(head, min(head + heads_at_once, num_heads)),
                slice(row, min(row + num_rows, num_queries)),
            )


def _gather(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Tokens [K, H, D] of a group as [G, H, L, D]."""
    gathered = x.index_select(0, rows.flatten()).view(*rows.shape, *x.shape[1:])
    return gathered.transpose(1, 2).contiguous()


def _probabilities(
    query: torch.Tensor,
    key: torch.Tensor,
    bias: torch.Tensor | None,
    key_mask: torch.Tensor | None,
) -> torch.Tensor:
    """[G * H, Q, L], in float32 if there is a bias, else in the type of the keys."""
    scores = torch.bmm(query, key.transpose(1, 2))
    if bias is not None:
        scores = (scores.view(-1, *bias.shape) + bias).view(scores.shape)
    if key_mask is not None:
        scores.view(len(key_mask), -1, *scores.shape[1:]).add_(key_mask)
    return scores.softmax(-1)


def _scatter(
    out: torch.Tensor, padded: torch.Tensor, rows: torch.Tensor, real: torch.Tensor | None
) -> None:
    """Put [G, H, L, D] of a group back into the tokens [K, H, D]."""
    out.index_copy_(0, *real_tokens(padded.transpose(1, 2).to(out.dtype), rows, real))


def _add_diagonals(d_bias: torch.Tensor, d_scores: torch.Tensor, row: int) -> None:
    """Add scores [G * H, Q, L] from some row on to the bias [H, 2 M - 1] that they had."""
    num_heads = len(d_bias)
    _, num_queries, num_keys = d_scores.shape
    if len(d_scores) > num_heads:
        d_scores = d_scores.view(-1, num_heads, num_queries, num_keys).sum(0)
    # Rows that are one shorter than the padded ones shift by one place a row: diagonals stand up.
    width = num_queries + num_keys - 1
    padded = functional.pad(d_scores, (0, num_queries)).flatten(1)
    diagonals = padded[:, : num_queries * width].view(num_heads, num_queries, width).sum(1)
    first = (d_bias.shape[1] + 1) // 2 - num_keys + row
    d_bias[:, first : first + width] += diagonals


class _Tiled(torch.autograd.Function):
    """Attention tile by tile; the probabilities are worked out again for the gradient."""

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
        masks = dropout.masks() if dropout else None
        out = torch.empty_like(query, memory_format=torch.contiguous_format)
        for group in plan.groups:
            queries = _gather(query, group.queries)
            keys, values = _gather(key, group.keys), _gather(value, group.keys)
            window = None if bias is None else window_of(bias, group)
            padded = torch.empty_like(queries)
            for tile in _tiles(queries.shape[1], queries.shape[2], keys.shape[2]):
                probabilities = _probabilities(
                    tile.of(queries),
                    tile.all_of(keys),
                    None if window is None else window[tile.heads, tile.rows],
                    group.key_mask,
                )
                kept = probabilities.to(query.dtype)
                if masks is not None:
                    keep_(kept, masks.next(kept))
                attended = torch.bmm(kept, tile.all_of(values))
                part = padded[:, tile.heads, tile.rows]
                part.copy_(attended.view(part.shape))
            if masks is not None:
                padded *= dropout.scale
            _scatter(out, padded, group.queries, group.real_queries)
        ctx.save_for_backward(query, key, value, bias, out)
        ctx.plan, ctx.dropout = plan, dropout
        return out

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):  # type: ignore[no-untyped-def]
        query, key, value, bias, out = ctx.saved_tensors
        dropout: Dropout = ctx.dropout
        masks = dropout.masks() if dropout else None
        exact = bias.dtype if bias is not None else torch.promote_types(query.dtype, torch.float32)
        d_query, d_key, d_value = (
            torch.empty_like(x, memory_format=torch.contiguous_format) for x in (query, key, value)
        )
        d_bias = None if bias is None else torch.zeros_like(bias)
        # The same for every key of a query: sum of its probabilities times their gradients.
        means = (gradient.to(exact) * out).sum(-1, keepdim=True)
        for group in ctx.plan.groups:
            queries = _gather(query, group.queries)
            keys, values = _gather(key, group.keys), _gather(value, group.keys)
            gradients, group_means = _gather(gradient, group.queries), _gather(means, group.queries)
            if group.query_padding is not None:
                gradients.masked_fill_(group.query_padding, 0)
                group_means.masked_fill_(group.query_padding, 0)
            if masks is not None:
                gradients = gradients * dropout.scale
            window = None if bias is None else window_of(bias, group)
            queries_gradient = torch.empty_like(queries)
            keys_gradient = torch.zeros_like(keys, dtype=exact)
            values_gradient = torch.zeros_like(values, dtype=exact)
            for tile in _tiles(queries.shape[1], queries.shape[2], keys.shape[2]):
                tile_query, tile_key = tile.of(queries), tile.all_of(keys)
                tile_gradient = tile.of(gradients)
                probabilities = _probabilities(
                    tile_query,
                    tile_key,
                    None if window is None else window[tile.heads, tile.rows],
                    group.key_mask,
                )
                d_probabilities = torch.bmm(tile_gradient, tile.all_of(values).transpose(1, 2))
                kept = probabilities.to(query.dtype)
                if masks is not None:
                    mask = masks.next(kept)
                    kept = keep_(kept.clone() if kept is probabilities else kept, mask)
                    keep_(d_probabilities, mask)
                part = values_gradient[:, tile.heads]
                part += torch.bmm(kept.transpose(1, 2), tile_gradient).view(part.shape)
                d_scores = (d_probabilities - tile.of(group_means)).mul_(probabilities)
                if d_bias is not None:
                    _add_diagonals(d_bias[tile.heads], d_scores, tile.rows.start)
                d_scores = d_scores.to(query.dtype)
                part = queries_gradient[:, tile.heads, tile.rows]
                part.copy_(torch.bmm(d_scores, tile_key).view(part.shape))
                part = keys_gradient[:, tile.heads]
                part += torch.bmm(d_scores.transpose(1, 2), tile_query).view(part.shape)
            _scatter(d_query, queries_gradient, group.queries, group.real_queries)
            _scatter(d_key, keys_gradient, group.keys, group.real_keys)
            _scatter(d_value, values_gradient, group.keys, group.real_keys)
        return d_query, d_key, d_value, d_bias, None, None
