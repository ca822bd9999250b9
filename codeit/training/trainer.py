"""The plain trainer: padded micro-batches, gradients accumulated to the effective batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import T5ForConditionalGeneration

from codeit.parallel import ordered_map
from codeit.replay import Batch
from codeit.tokenizer import Tokenizer
from codeit.training.settings import TrainingSettings

# Shape letters: B experiences of a micro-batch, S source length, T target length.

_IGNORED = -100  # the label that transformers leaves out of the loss


@dataclass(frozen=True)
class TrainingReport:
    """What an iteration's training did."""

    num_experiences: int
    num_steps: int
    num_tokens: int
    """Target tokens that the loss was taken over."""
    loss: float
    """Mean over them, each measured before the step that it is part of."""


class Trainer:
    """Trains one model with AdamW, over any number of iterations.

    On a CPU, the micro-batches of a step run side by side on threads; their gradients are added in
    order, so that the result does not depend on the number of threads.
    """

    def __init__(
        self,
        model: T5ForConditionalGeneration,
        tokenizer: Tokenizer,
        settings: TrainingSettings,
        threads: int = 1,
    ) -> None:
        self._model = model
        # Dropout draws from one generator for all threads, in whatever order they reach it.
        has_dropout = model.config.dropout_rate > 0
        self._threads = threads if model.device.type == "cpu" and not has_dropout else 1
        self._pad_id = tokenizer.pad_id
        self._settings = settings
        self._optimizer = self._make_optimizer()
        self.num_steps = 0

    def _make_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self._model.parameters(), lr=self._settings.learning_rate)

    def train(
        self,
        experiences: Batch,
        seed: int,
        on_progress: Callable[[int], None] | None = None,
    ) -> TrainingReport:
        """Pass over the experiences settings.epochs times, each time in a new random order.

        Args:
            experiences: prompts and programs; every program has at least one token.
            seed: of the order and of the dropout.
            on_progress: told how many experiences are done.
        """
        if self._settings.reset_optimizer:
            self._optimizer = self._make_optimizer()
        self._model.train()
        torch.manual_seed(seed)
        random = np.random.default_rng(seed)
        num_done = num_steps = num_tokens = 0
        loss_sum = 0.0
        for _ in range(self._settings.epochs):
            order = random.permutation(len(experiences))
            for begin in range(0, len(order), self._settings.batch_size):
                chosen = order[begin : begin + self._settings.batch_size]
                step_tokens = int(_lengths(experiences.target_offsets, chosen).sum())
                for loss, size in self._accumulate(experiences, chosen, step_tokens):
                    loss_sum += loss
                    num_done += size
                    if on_progress:
                        on_progress(num_done)
                self._optimizer.step()
                self._optimizer.zero_grad(set_to_none=True)
                num_tokens += step_tokens
                num_steps += 1
        self.num_steps += num_steps
        loss = loss_sum / max(num_tokens, 1)
        return TrainingReport(num_done, num_steps, num_tokens, loss)

    def _micro_batches(
        self, experiences: Batch, chosen: npt.NDArray[np.int64]
    ) -> Iterator[npt.NDArray[np.int64]]:
        """The experiences of one step in parts of similar length, which wastes little padding."""
        size = self._settings.micro_batch_size
        lengths = _lengths(experiences.source_offsets, chosen)
        by_length = chosen[np.argsort(-lengths, kind="stable")]
        for begin in range(0, len(by_length), size):
            yield by_length[begin : begin + size]

    def _accumulate(
        self, experiences: Batch, chosen: npt.NDArray[np.int64], step_tokens: int
    ) -> Iterator[tuple[float, int]]:
        """Add up the gradients of one step, in the order of its micro-batches.

        Yields the sum of the tokens' losses of each micro-batch, and its size.
        """
        parameters = [p for p in self._model.parameters() if p.requires_grad]

        def gradient(
            rows: npt.NDArray[np.int64],
        ) -> tuple[float, int, tuple[torch.Tensor | None, ...]]:
            loss = self._loss(experiences, rows)
            parts = torch.autograd.grad(loss / step_tokens, parameters, allow_unused=True)
            return float(loss.detach()), len(rows), parts

        micro_batches = self._micro_batches(experiences, chosen)
        with ordered_map(gradient, micro_batches, self._threads) as results:
            for loss, size, parts in results:
                for parameter, part in zip(parameters, parts, strict=True):
                    if part is not None and parameter.grad is None:
                        parameter.grad = part
                    elif part is not None:
                        parameter.grad += part
                yield loss, size

    def _loss(self, experiences: Batch, rows: npt.NDArray[np.int64]) -> torch.Tensor:
        """The sum of the tokens' losses of some experiences."""
        device = self._model.device
        source = _padded(experiences.source_ids, experiences.source_offsets, rows, self._pad_id)
        labels = _padded(experiences.target_ids, experiences.target_offsets, rows, _IGNORED)
        lengths = _lengths(experiences.source_offsets, rows)
        is_real = np.arange(source.shape[1]) < lengths[:, None]
        is_bfloat16 = self._settings.precision == "bfloat16"
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_bfloat16):
            logits = self._model(
                input_ids=torch.from_numpy(source).to(device),
                attention_mask=torch.from_numpy(is_real).to(device, torch.long),
                decoder_input_ids=torch.from_numpy(self._shifted(labels)).to(device),
                use_cache=False,
            ).logits
        return torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1),
            torch.from_numpy(labels).to(device).flatten(),
            ignore_index=_IGNORED,
            reduction="sum",
        )

    def _shifted(self, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """What the decoder reads: the start token, then every label but the last."""
        shifted = np.full_like(labels, self._pad_id)
        shifted[:, 1:] = np.where(labels[:, :-1] == _IGNORED, self._pad_id, labels[:, :-1])
        return shifted


def _lengths(offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return offsets[rows + 1] - offsets[rows]


def _padded(
    ids: npt.NDArray[np.uint16],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    pad: int,
) -> npt.NDArray[np.int64]:
    """Some id lists as int64 [B, longest]."""
    lengths = _lengths(offsets, rows)
    padded = np.full((len(rows), int(lengths.max())), pad, dtype=np.int64)
    for row, k in zip(padded, rows, strict=True):
        row[: offsets[k + 1] - offsets[k]] = ids[offsets[k] : offsets[k + 1]]
    return padded
