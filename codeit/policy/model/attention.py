"""Attention over packed sequences: the only file that knows which kernel exists.

Tokens of many sequences lie in a row, and every sequence attends to itself, or to its partner among
other sequences, alone. Scores are not scaled, as in T5.

Shape letters: N query tokens and K key tokens of all sequences, G sequences of a group, H heads, Q
and L query and key tokens of a sequence, D head width, M distances that a bias has values for.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from codeit.policy.model.dropout import Dropout, keep_

_TILE = 1 << 18  # scores worked on at once on a CPU: what its caches hold
_GROUP = 1 << 28  # scores of a group on a GPU, which bounds the memory for its bias
_BLOCK = 64  # tokens of a tile of the fused kernels, about: what is computed is a multiple of it
_MAX_PADDING = 1.25  # scores of a group over scores that are needed

# T5's scores are large; this backend has returned NaN for such masks on Hopper.
torch.backends.cuda.enable_cudnn_sdp(False)


class Layout:
    """Where sequences begin and end in a row of tokens; none of them is empty."""

    def __init__(self, offsets: npt.NDArray[np.int64]) -> None:
        self.offsets = offsets
        self.lengths = np.diff(offsets)
        if len(self.lengths) == 0 or self.lengths.min() < 1:
            raise ValueError("offsets: there is no sequence, or an empty one")
        self.longest = int(self.lengths.max())
        self.num_tokens = int(offsets[-1])


@dataclass(frozen=True)
class _Group:
    """Sequences that are padded to a common length together."""

    queries: torch.Tensor
    """[G, Q] tokens; where a sequence is shorter, some token of it."""
    keys: torch.Tensor
    """[G, L] tokens, last one first and aligned at the end; a bias is then a sliding window."""
    real_queries: torch.Tensor | None
    """Places in [G * Q] of what is a query; None when all are, and so below."""
    real_keys: torch.Tensor | None
    query_padding: torch.Tensor | None
    """[G, 1, Q, 1], whether it is no query."""
    key_mask: torch.Tensor | None
    """[G, 1, 1, L], -inf for what is no key."""


class Plan:
    """Which sequences attend to which, and how the work on them is divided.

    Dividing it costs time, so that a model makes one plan for all of its layers.
    """

    def __init__(
        self, queries: Layout, keys: Layout, num_heads: int, device: torch.device | str = "cpu"
    ) -> None:
        if len(queries.lengths) != len(keys.lengths):
            raise ValueError(
                f"{len(queries.lengths)} sequences cannot attend to {len(keys.lengths)} others"
            )
        self.queries = queries
        self.keys = keys
        self.device = torch.device(device)
        self._num_heads = num_heads
        self._blocks: dict[tuple[int, bool], torch.Tensor] = {}

    @property
    def num_needed(self) -> int:
        """Scores that belong to a sequence, for a head."""
        return int(self.queries.lengths @ self.keys.lengths)

    @property
    def num_scores(self) -> int:
        """Scores that are computed for a head; what is more than needed is padding."""
        if _why_plain(self.device) is None:
            queries, keys = (-(-x.lengths // _BLOCK) * _BLOCK for x in (self.queries, self.keys))
            return int(queries @ keys)
        return sum(group.queries.numel() * group.keys.shape[1] for group in self.groups)

    def blocks(self, size: int, by_key: bool = False) -> torch.Tensor:
        """Sequences cut into blocks of so many queries or keys, for the fused kernels.

        Returns:
            int32 [P, 5]: the first token of a block's sequence, the block's place in it, its
            length, and its partner's first token and length. What takes longest comes first.
        """
        if (size, by_key) not in self._blocks:
            own, other = (self.keys, self.queries) if by_key else (self.queries, self.keys)
            order = np.argsort(-other.lengths, kind="stable")
            counts = -(-own.lengths[order] // size)
            sequence = np.repeat(order, counts)
            number = np.arange(len(sequence)) - np.repeat(np.cumsum(counts) - counts, counts)
            columns = (
                own.offsets[sequence],
                size * number,
                own.lengths[sequence],
                other.offsets[sequence],
                other.lengths[sequence],
            )
            table = torch.from_numpy(np.stack(columns, 1).astype(np.int32))
            self._blocks[size, by_key] = table.to(self.device)
        return self._blocks[size, by_key]

    @functools.cached_property
    def groups(self) -> list[_Group]:
        """For the plain paths: groups of similar length."""
        limit = (_TILE if self.device.type == "cpu" else _GROUP) // self._num_heads
        members = _similar(self.queries.lengths, self.keys.lengths, limit)
        return [self._group(sequences) for sequences in members]

    def _group(self, sequences: npt.NDArray[np.int64]) -> _Group:
        query_lengths = self.queries.lengths[sequences][:, None]
        key_lengths = self.keys.lengths[sequences][:, None]
        query = np.arange(query_lengths.max())[None]
        key = np.arange(key_lengths.max())[None, ::-1]
        query_is_real, key_is_real = query < query_lengths, key < key_lengths
        queries = self.queries.offsets[sequences][:, None] + np.where(query_is_real, query, 0)
        keys = self.keys.offsets[sequences][:, None] + np.where(key_is_real, key, 0)
        key_mask = np.where(key_is_real, 0.0, -np.inf).astype(np.float32)

        def moved(array: npt.NDArray[Any]) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

        has_all_queries, has_all_keys = query_is_real.all(), key_is_real.all()
        return _Group(
            queries=moved(queries),
            keys=moved(keys),
            real_queries=None if has_all_queries else moved(np.flatnonzero(query_is_real)),
            real_keys=None if has_all_keys else moved(np.flatnonzero(key_is_real)),
            query_padding=None if has_all_queries else moved(~query_is_real[:, None, :, None]),
            key_mask=None if has_all_keys else moved(key_mask[:, None, None]),
        )


def _similar(
    query_lengths: npt.NDArray[np.int64], key_lengths: npt.NDArray[np.int64], limit: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Sequences of similar length, together at most `limit` scores a head if there are several."""
    order = np.lexsort((query_lengths, key_lengths))[::-1]
    begin = needed = longest_query = 0
    for end, sequence in enumerate(order):
        longest = max(longest_query, int(query_lengths[sequence]))
        own = int(query_lengths[sequence] * key_lengths[sequence])
        padded = (end - begin + 1) * longest * int(key_lengths[order[begin]])
        if end > begin and (padded > limit or padded > _MAX_PADDING * (needed + own)):
            yield order[begin:end]
            begin, needed, longest = end, 0, int(query_lengths[sequence])
        needed += own
        longest_query = longest
    yield order[begin:]


@torch.compiler.disable  # it is fused already, and its plan differs from pass to pass
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
        if bias is None and _HAS_FLASH and query.dtype in (torch.bfloat16, torch.float16):
            return _flash(query, key, value, plan, dropout)
        if _why_plain(query.device) is None and _fits(query):
            from codeit.policy.model.fused_attention import fused_attention

            return fused_attention(query, key, value, plan, bias, dropout)
        return padded_attention(query, key, value, plan, bias, dropout)
    if bias is not None:
        bias = _extended(bias, plan)
    return _Tiled.apply(query, key, value, bias, plan, dropout)


def _extended(bias: torch.Tensor, plan: Plan) -> torch.Tensor:
    """A bias with values for all distances in a plan."""
    missing = max(plan.queries.longest, plan.keys.longest) - (bias.shape[1] + 1) // 2
    if missing <= 0:
        return bias
    ends = (bias[:, :1].expand(-1, missing), bias[:, -1:].expand(-1, missing))
    return torch.cat([ends[0], bias, ends[1]], dim=1)


def describe(device: torch.device) -> str:
    """Which kernels attention uses on a device, and why."""
    if device.type != "cuda":
        return "our own in tiles that fit the cache (no fused kernel has the bias's gradient here)"
    why_plain = _why_plain(device)
    own = "our own in Triton"
    if why_plain is not None:
        own = f"torch's scaled_dot_product_attention on padded groups ({why_plain})"
    if _HAS_FLASH:
        return f"self: {own}; cross: flash-attn (it is installed)"
    return f"{own}; flash-attn is not installed"


# ---- CUDA ------------------------------------------------------------------------------------

_HAS_FLASH = torch.cuda.is_available() and importlib.util.find_spec("flash_attn") is not None
_HAS_TRITON = importlib.util.find_spec("triton") is not None


def _why_plain(device: torch.device) -> str | None:
    """Why the fused kernels are not used on a device; None if they are."""
    if device.type != "cuda":
        return "there is no GPU"
    if not _HAS_TRITON:
        return "triton is not installed"
    if os.environ.get("CODEIT_ATTENTION") == "plain":
        return "CODEIT_ATTENTION=plain asks for it"
    if torch.cuda.get_device_capability(device) < (8, 0):
        return "the GPU is older than Ampere"
    return None


def _fits(query: torch.Tensor) -> bool:
    """Whether the fused kernels take a tensor's type and head width."""
    from codeit.policy.model.fused_attention import DTYPES, MAX_WIDTH

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
        bias = _extended(bias, plan)
    out = torch.zeros_like(query)
    for group in plan.groups:
        queries, keys, values = (
            x[rows].transpose(1, 2)
            for x, rows in ((query, group.queries), (key, group.keys), (value, group.keys))
        )
        mask = None if bias is None else _window(bias, group)[None].to(query.dtype).contiguous()
        if group.key_mask is not None:
            key_mask = group.key_mask.to(query.dtype)
            mask = key_mask.expand(-1, 1, queries.shape[2], -1) if mask is None else mask + key_mask
        padded = functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=mask, dropout_p=dropout.rate, scale=1.0
        ).transpose(1, 2)
        rows, tokens = _real(padded, group.queries, group.real_queries)
        out = out.index_copy(0, rows, tokens)
    return out


def _real(
    padded: torch.Tensor, rows: torch.Tensor, real: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens [.., H, D] among [G, L, H, D] that are no padding, and which rows they are."""
    rows, tokens = rows.flatten(), padded.flatten(0, 1)
    return (rows, tokens) if real is None else (rows[real], tokens.index_select(0, real))


def _window(bias: torch.Tensor, group: _Group) -> torch.Tensor:
    """The bias of a group, [H, Q, L]: row i is the bias from i on."""
    longest = (bias.shape[1] + 1) // 2
    num_queries, num_keys = group.queries.shape[1], group.keys.shape[1]
    return bias.narrow(1, longest - num_keys, num_queries + num_keys - 1).unfold(1, num_keys, 1)


# ---- CPU -------------------------------------------------------------------------------------


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
    num_rows = min(num_queries, max(_TILE // num_keys, 32))
    heads_at_once = max(_TILE // (num_rows * num_keys), 1) if num_rows == num_queries else 1
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
    out.index_copy_(0, *_real(padded.transpose(1, 2).to(out.dtype), rows, real))


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
            window = None if bias is None else _window(bias, group)
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
            window = None if bias is None else _window(bias, group)
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


# ---- Decoding --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cache:
    """What the rows of a decoder have decoded so far, in one layer.

    Keys lie by dimension, so that the scores of neighbouring positions are neighbours.
    """

    keys: torch.Tensor
    """[R, H, D, C], for R rows of at most C positions."""
    values: torch.Tensor
    """[R, H, C, D]"""


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
    if projected.is_cuda and _why_plain(projected.device) is None:
        from codeit.policy.model.fused_decoding import fused_decode_self_attention

        return fused_decode_self_attention(
            projected, rows, positions, bias, cache.keys, cache.values
        )
    return plain_decode_self_attention(projected, rows, positions, bias, cache, longest)


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
    query: torch.Tensor, memories: Sequence[tuple[torch.Tensor, torch.Tensor, int]]
) -> torch.Tensor:
    """Attention of consecutive tokens to what they share.

    Args:
        query: [N, H, D]
        memories: keys and values [H, L, D], and how many tokens attend to them.
    Returns:
        [N, H, D]
    """
    parts = []
    begin = 0
    for keys, values, count in memories:
        part = query[begin : begin + count].transpose(0, 1)
        probabilities = torch.bmm(part, keys.transpose(1, 2)).softmax(-1)
        parts.append(torch.bmm(probabilities, values).transpose(0, 1))
        begin += count
    return torch.cat(parts)


def seated_cross_attention(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor,
    seats: torch.Tensor,
    seat_of: torch.Tensor,
) -> torch.Tensor:
    """The same in shapes that do not depend on who shares what, so that a CUDA graph can hold it.

    Args:
        query: [N, H, D]
        keys, values: [P, L, H, D] of each memory.
        mask: [P, 1, 1, L], -inf for what is no key, else 0; every memory has some key.
        seats: int64 [P, G], the tokens of each memory; any token in a seat that is free.
        seat_of: int64 [N], the place in [P * G] of each token.
    Returns:
        [N, H, D]
    """
    queries = query[seats].transpose(1, 2)
    attended = functional.scaled_dot_product_attention(
        queries,
        keys.transpose(1, 2),
        values.transpose(1, 2),
        attn_mask=mask.expand(-1, 1, queries.shape[2], -1),
        scale=1.0,
    )
    return attended.transpose(1, 2).flatten(0, 1)[seat_of]
