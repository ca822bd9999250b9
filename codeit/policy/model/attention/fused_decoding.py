"""Self-attention of a decoder's newest tokens to what their rows hold, on CUDA, in Triton.

It is bound by the bytes of the cache, which are read once for a token. A program takes one token in
one head, or a part of its row's positions: where there are too few tokens to keep the GPU busy,
several share a row and another kernel puts their parts together. Nothing is decided by values on
the device, so that the calls can be captured in a CUDA graph.

Shape letters: N tokens, R rows, C positions of a row, H heads, D head width, S parts of a row.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from codeit.policy.model.attention.triton_kernels import LOG2_E

_COLUMNS = 64  # positions that are worked on at once
_PROGRAMS = 4  # for a multiprocessor, before rows are split


@triton.jit
def append(
    projected,
    rows,
    positions,
    keys,
    values,
    key_row,
    key_head,
    key_dim,
    key_position,
    value_row,
    value_head,
    value_position,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
):
    """Put the keys and values of new tokens into their rows."""
    token = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    num_heads = tl.num_programs(1)
    row = tl.load(rows + token).to(tl.int64)
    position = tl.load(positions + token).to(tl.int64)
    dim = tl.arange(0, PADDED)
    mask = dim < tl.where(row < 0, 0, WIDTH)
    new = projected + ((3 * token + 1) * num_heads + head) * WIDTH + dim
    key = tl.load(new, mask=mask)
    value = tl.load(new + num_heads * WIDTH, mask=mask)
    keys += row * key_row + head * key_head + position * key_position
    values += row * value_row + head * value_head + position * value_position
    tl.store(keys + dim * key_dim, key, mask=mask)
    tl.store(values + dim, value, mask=mask)


@triton.jit
def attend(
    projected,
    rows,
    positions,
    bias,
    keys,
    values,
    mixed,
    weights,
    capacity,
    size,
    key_row,
    key_head,
    key_dim,
    key_position,
    value_row,
    value_head,
    value_position,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    COLUMNS: tl.constexpr,
    IS_SPLIT: tl.constexpr,
):
    """What a token makes of `size` positions: `mixed` [N, H, S, D], and if there are several parts
    `weights` [N, H, S, 2], the highest score and the sum of what is relative to it."""
    token = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    part = tl.program_id(2)
    place = (token * tl.num_programs(1) + head) * tl.num_programs(2) + part
    row = tl.load(rows + token).to(tl.int64)
    position = tl.load(positions + token)
    begin = part * size
    end = tl.minimum(begin + size, tl.where(row < 0, 0, position + 1))
    dim = tl.arange(0, PADDED)
    is_dim = dim < WIDTH
    query = projected + (3 * token * tl.num_programs(1) + head) * WIDTH
    query = tl.load(query + dim, mask=is_dim, other=0.0).to(tl.float32) * LOG2_E
    keys += row * key_row + head * key_head
    values += row * value_row + head * value_head
    bias += head * capacity + position

    highest = tl.full([1], float("-inf"), tl.float32)
    total = tl.zeros([1], tl.float32)
    sums = tl.zeros([PADDED], tl.float32)
    for first in range(begin, end, COLUMNS):
        j = first + tl.arange(0, COLUMNS)
        is_held = j < end
        mask = is_held[:, None] & is_dim[None]
        key = tl.load(keys + j[:, None] * key_position + dim[None] * key_dim, mask=mask, other=0.0)
        value = tl.load(values + j[:, None] * value_position + dim[None], mask=mask, other=0.0)
        scores = tl.sum(query[None] * key.to(tl.float32), 1)
        scores += tl.load(bias - j, mask=is_held, other=float("-inf")) * LOG2_E
        new_highest = tl.maximum(highest, tl.max(scores, 0))
        exponentials = tl.exp2(scores - new_highest)
        rescale = tl.exp2(highest - new_highest)
        total = total * rescale + tl.sum(exponentials, 0)
        sums = sums * rescale + tl.sum(exponentials[:, None] * value.to(tl.float32), 0)
        highest = new_highest

    mixed += place * WIDTH + dim
    if IS_SPLIT:
        tl.store(weights + 2 * place + tl.arange(0, 1), highest)
        tl.store(weights + 2 * place + 1 + tl.arange(0, 1), total)
    else:
        # A token that has no row attends to nothing.
        sums = tl.where(row < 0, 0.0, sums / total)
    tl.store(mixed, sums.to(mixed.dtype.element_ty), mask=is_dim)


@triton.jit
def join(
    mixed,
    weights,
    rows,
    out,
    num_parts,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    PARTS: tl.constexpr,
):
    """Put the parts of each token and head together."""
    token = tl.program_id(0).to(tl.int64)
    place = token * tl.num_programs(1) + tl.program_id(1)
    row = tl.load(rows + token)
    part = tl.arange(0, PARTS)
    dim = tl.arange(0, PADDED)
    is_part = part < num_parts
    at = place * num_parts + part
    highest = tl.load(weights + 2 * at, mask=is_part, other=float("-inf"))
    total = tl.load(weights + 2 * at + 1, mask=is_part, other=0.0)
    mask = is_part[:, None] & (dim < WIDTH)[None]
    sums = tl.load(mixed + at[:, None] * WIDTH + dim[None], mask=mask, other=0.0)
    # The first part always holds something, if there is a row.
    rescale = tl.exp2(highest - tl.where(row < 0, 0.0, tl.max(highest, 0)))
    whole = tl.sum(sums * rescale[:, None], 0) / tl.sum(total * rescale, 0)
    whole = tl.where(row < 0, 0.0, whole)
    out += place * WIDTH + dim
    tl.store(out, whole.to(out.dtype.element_ty), mask=dim < WIDTH)


def fused_decode_self_attention(
    projected: torch.Tensor,
    rows: torch.Tensor,
    positions: torch.Tensor,
    bias: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    num_parts: int | None = None,
) -> torch.Tensor:
    """Add the keys and values of new tokens to their rows, and attend to all up to each of them.

    Args:
        projected: queries, keys and values [N, 3, H, D] of the tokens.
        rows: int32 or int64 [N]; -1 for what is no token: it stores nothing and gets zeros.
        positions: int32 or int64 [N].
        bias: float32 [H, C], by how far back a position lies.
        keys: [R, H, D, C] with any strides; reading is fastest where D lies densest.
        values: [R, H, C, D]
        num_parts: into which rows are split; by default as many as keep the GPU busy.
    Returns:
        [N, H, D]
    """
    num_tokens, _, num_heads, width = projected.shape
    capacity = values.shape[2]
    projected = projected.contiguous()
    if values.stride(3) != 1:
        raise ValueError(f"values: the last dimension has stride {values.stride(3)}, must be 1")
    padded = max(triton.next_power_of_2(width), 16)
    sizes = {"WIDTH": width, "PADDED": padded}
    strides = (*keys.stride(), *values.stride()[:3])
    grid = (num_tokens, num_heads)
    append[grid](projected, rows, positions, keys, values, *strides, **sizes, num_warps=1)
    if num_parts is None:
        num_parts = _num_parts(num_tokens * num_heads, capacity, projected.device)
    size = triton.cdiv(triton.cdiv(capacity, num_parts), _COLUMNS) * _COLUMNS
    num_parts = triton.cdiv(capacity, size)
    out = torch.empty(num_tokens, num_heads, width, dtype=projected.dtype, device=projected.device)
    is_split = num_parts > 1
    mixed, weights = out, bias
    if is_split:
        mixed = bias.new_empty(num_tokens, num_heads, num_parts, width)
        weights = bias.new_empty(num_tokens, num_heads, num_parts, 2)
    attend[(*grid, num_parts)](
        projected,
        rows,
        positions,
        bias,
        keys,
        values,
        mixed,
        weights,
        capacity,
        size,
        *strides,
        **sizes,
        COLUMNS=_COLUMNS,
        IS_SPLIT=is_split,
        num_warps=4,
    )
    if is_split:
        parts = triton.next_power_of_2(num_parts)
        join[grid](mixed, weights, rows, out, num_parts, **sizes, PARTS=parts, num_warps=1)
    return out


def _num_parts(num_programs: int, capacity: int, device: torch.device) -> int:
    if device.type != "cuda":
        return 1
    wanted = _PROGRAMS * torch.cuda.get_device_properties(device).multi_processor_count
    return min(max(wanted // num_programs, 1), triton.cdiv(capacity, _COLUMNS))
