"""The original's way to train, a peer: padded batches of transformers' model."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from codeit.learning.replay import Batch
from codeit.policy.model.checkpoint import to_plain_model
from codeit.policy.model.t5 import T5, Mode, Packed

BATCH = 8
"""Experiences that the padded loop runs through the model together."""


class PaddedLoop:
    """Padded batches of 8, one step of AdamW at the end.

    Args:
        by: of which the batches have similar lengths, "target" or "source".
    """

    def __init__(self, model: T5, dtype: torch.dtype, by: str) -> None:
        plain: Any = to_plain_model(model)
        plain.tie_weights()
        self.model = copy.deepcopy(plain).requires_grad_(True).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=5e-5)
        self.dtype = dtype
        self.by = by

    def batches(self, experiences: Batch) -> Iterator[npt.NDArray[np.int64]]:
        """The numbers of the experiences of each batch."""
        offsets = getattr(experiences, f"{self.by}_offsets")
        order = np.argsort(-np.diff(offsets), kind="stable")
        for begin in range(0, len(order), BATCH):
            yield order[begin : begin + BATCH]

    def share_of_padding(self, experiences: Batch) -> float:
        """Of the sources."""
        lengths = np.diff(experiences.source_offsets)
        longest = sum(len(rows) * lengths[rows].max() for rows in self.batches(experiences))
        return float(1 - lengths.sum() / longest)

    def loss(self, experiences: Batch, rows: npt.NDArray[np.int64]) -> torch.Tensor:
        """The sum over the target tokens."""
        device = self.model.device
        source = padded(experiences.source_ids, experiences.source_offsets, rows, 0).to(device)
        ones = np.ones_like(experiences.source_ids)
        mask = padded(ones, experiences.source_offsets, rows, 0)
        labels = padded(experiences.target_ids, experiences.target_offsets, rows, -100).to(device)
        is_low = self.dtype != torch.float32
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_low):
            logits = self.model(
                input_ids=source,
                attention_mask=mask.to(device),
                decoder_input_ids=self.model._shift_right(labels),
                use_cache=False,
            ).logits
        return torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum"
        )

    def train(self, experiences: Batch) -> float:
        """One step; the mean loss before it."""
        total = 0.0
        for rows in self.batches(experiences):
            loss = self.loss(experiences, rows)
            (loss / len(experiences.target_ids)).backward()
            total += float(loss.detach())
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total / len(experiences.target_ids)


def padded(
    ids: npt.NDArray[Any], offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], filler: int
) -> torch.Tensor:
    """Lists of ids as one array."""
    lists = [torch.from_numpy(ids[offsets[k] : offsets[k + 1]].astype(np.int64)) for k in rows]
    return torch.nn.utils.rnn.pad_sequence(lists, batch_first=True, padding_value=filler)


def losses(
    model: T5, loop: PaddedLoop, experiences: Batch, dtype: torch.dtype
) -> tuple[float, float]:
    """Of every target token together and without dropout: packed, and padded."""
    loop.model.eval()
    with torch.no_grad():
        plain = sum(float(loop.loss(experiences, rows)) for rows in loop.batches(experiences))
        source, target = (
            Packed.of(getattr(experiences, f"{k}_ids"), offsets, model.device)
            for k, offsets in (
                ("source", experiences.source_offsets),
                ("target", experiences.target_offsets),
            )
        )
        ours = float(model(source, target, model.plans(source, target), Mode(dtype))[0])
    loop.model.train()
    return ours, plain


def losses_differ(ours: float, plain: float, dtype: torch.dtype) -> bool:
    """Beyond what rounding does."""
    tolerance = 1e-4 if dtype == torch.float32 else 1e-2
    return not abs(ours - plain) < tolerance * abs(plain)
