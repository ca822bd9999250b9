"""The trainer: packed micro-batches, gradients accumulated to the effective batch."""

from __future__ import annotations

import bisect
import copy
import functools
import math
import operator
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.utils._pytree import tree_map_only

from codeit.files.whole_file import whole_file
from codeit.learning.replay import Batch
from codeit.learning.training.settings import TrainingSettings
from codeit.parallel.processes import SINGLE_PROCESS, ProcessGroup
from codeit.parallel.threads import ordered_map
from codeit.policy.model.dropout import Dropout
from codeit.policy.model.finite import first_not_finite
from codeit.policy.model.t5 import T5, Mode, Packed

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class TrainingReport:
    """What an iteration's training did."""

    num_experiences: int
    num_steps: int
    num_tokens: int
    """Target tokens that the loss was taken over."""
    num_source_tokens: int
    loss: float
    """Mean over the target tokens, each measured before the step that it is part of."""
    num_flops: int
    """Of the matrix products that training needs: forward, and twice that backward."""
    share_of_padding: float
    """Of the attention scores that were computed, those that belong to no experience. Nothing else
    is padded."""
    seconds: float
    peak_flops: float
    """A second, of all devices or threads that took part, in one large product each."""

    @property
    def loss_per_experience(self) -> float:
        """Mean over the experiences of -log p(program)."""
        return self.loss * self.num_tokens / max(self.num_experiences, 1)

    @property
    def tokens_per_second(self) -> float:
        """Source and target tokens."""
        return (self.num_tokens + self.num_source_tokens) / max(self.seconds, 1e-9)

    @property
    def utilization(self) -> float:
        """Model FLOPs utilization (MFU): the share of the peak that went into what is needed."""
        return self.num_flops / max(self.seconds, 1e-9) / self.peak_flops


@dataclass(frozen=True)
class _Part:
    """What one micro-batch gives."""

    loss: float
    """Sum over its target tokens."""
    num_experiences: int
    num_scores: int
    num_needed: int
    gradients: tuple[torch.Tensor, ...]


class Trainer:
    """Trains one model with AdamW, over any number of iterations.

    On a CPU, the micro-batches of a step run side by side on threads; their gradients are added in
    order, so that the result does not depend on the number of threads. The processes of a group
    share the micro-batches of a step, and add up what they give.
    """

    def __init__(
        self,
        model: T5,
        settings: TrainingSettings,
        threads: int = 1,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self._model = model
        self._processes = processes
        self._threads = threads if model.device.type == "cpu" else 1
        self._settings = settings
        self._optimizer = self._make_optimizer()
        self.num_steps = 0
        if settings.compile:
            check_compiler(model.device)
            model.compile_blocks()

    def _make_optimizer(self) -> torch.optim.Optimizer:
        learning_rate = self._settings.learning_rate
        return torch.optim.AdamW(self._model.parameters(), lr=learning_rate, fused=True)

    def save(self, path: Path) -> None:
        """Write AdamW's moments and the number of steps. The model is saved apart from it."""
        write_state(self.snapshot(), path)

    def snapshot(self) -> Mapping[str, Any]:
        """A copy of AdamW's moments and the number of steps, for `write_state`."""
        state = {"optimizer": self._optimizer.state_dict(), "num_steps": self.num_steps}
        if self._model.device.type == "cpu":
            return copy.deepcopy(state)
        return cast(Mapping[str, Any], tree_map_only(torch.Tensor, torch.Tensor.cpu, state))

    def load(self, path: Path) -> None:
        """Go on as the trainer that `save` was called on would, with its model.

        Settings are not loaded: the learning rate is the one that this trainer was made with.

        Raises:
            ValueError: the file is damaged, of another model, or has a number that is not finite.
            OSError: it cannot be read.
        """
        try:
            state = torch.load(path, map_location=self._model.device, weights_only=True)
            self._optimizer.load_state_dict(state["optimizer"])
            for group in self._optimizer.param_groups:
                group["lr"] = self._settings.learning_rate
            self.num_steps = operator.index(state["num_steps"])
            moments = {f"{key} of {name}": held for name, key, held in self._moments()}
        except (OSError, MemoryError):
            raise
        except Exception as error:  # whatever torch raises for what it cannot make sense of
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise ValueError(f"{path}: not the state of this model's trainer: {reason}") from None
        bad = first_not_finite(moments.items())
        if bad is not None:
            raise ValueError(f"{path}: {bad} has a value that is not finite")

    def _moments(self) -> Iterator[tuple[str, str, torch.Tensor]]:
        """What the optimizer holds for each weight."""
        for name, parameter in self._model.named_parameters():
            held = self._optimizer.state[parameter]
            if not held and self.num_steps == 0:
                continue
            for key, shape in (("step", ()), ("exp_avg", None), ("exp_avg_sq", None)):
                expected = parameter.shape if shape is None else torch.Size(shape)
                if held[key].shape != expected:
                    raise ValueError(f"{key} of {name} is {list(held[key].shape)}")
                yield name, key, held[key]

    def train(
        self,
        experiences: Batch,
        seed: int,
        on_progress: Callable[[int], None] | None = None,
    ) -> TrainingReport:
        """Pass over the experiences settings.epochs times, each time in a new random order.

        Args:
            experiences: prompts and programs; each has at least one token.
            seed: of the order and of the dropout.
            on_progress: told about how many experiences are done.
        Raises:
            FloatingPointError: a loss, a gradient or a weight is not finite, in all processes. The
                weights are then good for nothing.
        """
        if self._settings.reset_optimizer:
            self._optimizer = self._make_optimizer()
        start = time.perf_counter()
        torch.manual_seed(seed + self._processes.rank)  # dropout on a GPU
        random = np.random.default_rng(seed)
        dropout = Dropout(self._model.config.dropout, seed)
        source_lengths = np.diff(experiences.source_offsets)
        target_lengths = np.diff(experiences.target_offsets)
        num_done = num_steps = num_scores = num_needed = 0
        loss = 0.0
        watch = _Watch(self._model, self._processes)
        for _ in range(self._settings.epochs):
            order = random.permutation(len(experiences))
            for begin in range(0, len(order), self._settings.batch_size):
                chosen = order[begin : begin + self._settings.batch_size]
                step_loss = 0.0
                for part in self._accumulate(experiences, chosen, dropout.at(num_steps)):
                    loss += part.loss
                    step_loss += part.loss
                    num_done += part.num_experiences
                    num_scores += part.num_scores
                    num_needed += part.num_needed
                    if on_progress:
                        on_progress(num_done * self._processes.size)
                num_steps += 1
                watch.look()
                watch.note(num_steps, *self._step(step_loss))
        watch.look()
        watch.check_weights(f"after step {num_steps}")
        self.num_steps += num_steps
        sums = torch.tensor([loss, num_done, num_scores, num_needed], dtype=torch.float64)
        self._processes.add_up([sums])
        loss, num_done, num_scores, num_needed = sums.tolist()
        epochs = self._settings.epochs
        num_tokens = epochs * int(target_lengths.sum())
        return TrainingReport(
            num_experiences=int(num_done),
            num_steps=num_steps,
            num_tokens=num_tokens,
            num_source_tokens=epochs * int(source_lengths.sum()),
            loss=loss / max(num_tokens, 1),
            num_flops=3 * epochs * self._model.config.num_flops(source_lengths, target_lengths),
            share_of_padding=1 - num_needed / max(num_scores, 1),
            seconds=time.perf_counter() - start,
            peak_flops=peak_flops(self._model.device, _DTYPES[self._settings.precision])
            * self._threads
            * self._processes.size,
        )

    def _step(self, own_loss: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the loss and the norm of the gradient, which nothing has waited for."""
        parameters = list(self._model.parameters())
        loss = torch.tensor(own_loss)
        if self._processes.size > 1:
            loss = loss.to(self._model.device)
            for parameter in parameters:
                if parameter.grad is None:  # fewer micro-batches than processes
                    parameter.grad = torch.zeros_like(parameter)
            self._processes.add_up([*[p.grad for p in parameters if p.grad is not None], loss])
        norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
        if self._settings.max_gradient_norm:
            clip_grads_with_norm_(parameters, self._settings.max_gradient_norm, norm)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return loss, norm

    def _accumulate(
        self, experiences: Batch, chosen: npt.NDArray[np.int64], dropout: Dropout
    ) -> Iterator[_Part]:
        """Add up this process's gradients of one step, in the order of its micro-batches.

        Yields what each of them gives.
        """
        parameters = list(self._model.parameters())
        step_tokens = int(_lengths(experiences.target_offsets, chosen).sum())
        micro_batches = list(self._micro_batches(experiences, chosen))
        numbers = self._processes.share(range(len(micro_batches)))

        def gradient(number: int) -> _Part:
            return self._gradient(
                experiences, micro_batches[number], dropout.at(number), step_tokens
            )

        with ordered_map(gradient, numbers, self._threads) as results:
            for part in results:
                for parameter, gradients in zip(parameters, part.gradients, strict=True):
                    if parameter.grad is None:
                        parameter.grad = gradients
                    else:
                        parameter.grad += gradients
                yield part

    def _micro_batches(
        self, experiences: Batch, chosen: npt.NDArray[np.int64]
    ) -> Iterator[npt.NDArray[np.int64]]:
        """The experiences of one step in parts of similar length, within the budget of tokens.

        There are as few parts as the budget allows, and they are as even as they can be: what works
        on the smaller of two waits for what works on the larger.
        """
        sources = _lengths(experiences.source_offsets, chosen)
        order = np.argsort(-sources, kind="stable")
        sizes = (sources + _lengths(experiences.target_offsets, chosen))[order].tolist()
        budgets = range(1, self._settings.micro_batch_tokens + 1)
        fewest = len(_ends(sizes, budgets[-1]))
        least = bisect.bisect_left(budgets, -fewest, key=lambda most: -len(_ends(sizes, most)))
        begin = 0
        for end in _ends(sizes, budgets[least]):
            yield chosen[order[begin:end]]
            begin = end

    def _gradient(
        self,
        experiences: Batch,
        rows: npt.NDArray[np.int64],
        dropout: Dropout,
        step_tokens: int,
    ) -> _Part:
        source = self._packed(experiences.source_ids, experiences.source_offsets, rows)
        target = self._packed(experiences.target_ids, experiences.target_offsets, rows)
        plans = self._model.plans(source, target)
        mode = Mode(
            dtype=_DTYPES[self._settings.precision],
            dropout=dropout,
            is_checkpointed=self._settings.checkpoint_activations,
        )
        loss, _ = self._model(source, target, plans, mode)
        gradients = torch.autograd.grad(loss / step_tokens, list(self._model.parameters()))
        return _Part(float(loss.detach()), len(rows), plans.num_scores, plans.num_needed, gradients)

    def _packed(
        self,
        ids: npt.NDArray[np.uint16],
        offsets: npt.NDArray[np.int64],
        rows: npt.NDArray[np.int64],
    ) -> Packed:
        chosen = np.concatenate([ids[offsets[k] : offsets[k + 1]] for k in rows])
        lengths = _lengths(offsets, rows)
        return Packed.of(chosen, np.concatenate([[0], np.cumsum(lengths)]), self._model.device)


def write_state(state: Mapping[str, Any], path: Path) -> None:
    """Write what `Trainer.snapshot` has copied, for `Trainer.load`."""
    with whole_file(path) as file:
        torch.save(state, file)


class _Watch:
    """Ends training where a number is not finite, in all processes at the same step.

    What a step measured is looked at once the next one has been through the model, since a GPU has
    been waited for then.
    """

    def __init__(self, model: T5, processes: ProcessGroup) -> None:
        self._model = model
        self._processes = processes
        self._noted: tuple[int, torch.Tensor, torch.Tensor] | None = None
        self.check_weights("before the first step")

    def note(self, step: int, loss: torch.Tensor, norm: torch.Tensor) -> None:
        """What a step measured, which counts from 1."""
        self._noted = (step, loss, norm)

    def look(self) -> None:
        """At what was noted last, before the weights change again."""
        if self._noted is None:
            return
        step, loss, norm = self._noted
        if not math.isfinite(loss):
            self._end(f"step {step}: the loss is {float(loss)}")
        if not math.isfinite(norm):
            # What has no finite gradient has become a weight that is not finite.
            name = first_not_finite(self._model.named_parameters())
            of = f" of {name}" if name else ""
            self._end(f"step {step}: the gradient{of} is not finite, its norm is {float(norm)}")

    def check_weights(self, when: str) -> None:
        """All of them."""
        name = first_not_finite(self._model.named_parameters())
        if name is not None:
            self._end(f"{when}: the weight {name} is not finite")

    def _end(self, reason: str) -> None:
        self._processes.raise_once(FloatingPointError(reason))


def check_compiler(device: torch.device) -> None:
    """Raise ValueError unless torch.compile works on a device, for which it needs a compiler."""
    try:
        torch.compile(torch.sin)(torch.ones(2, device=device))
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        # The first one may only name what raised the second.
        reason = " ".join(lines[: 2 if lines[0].endswith(":") else 1])
        raise ValueError(
            f"training.compile is set; torch.compile cannot be used: {reason}"
        ) from None


@functools.cache
def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of one large product on a device, or on one thread of a CPU."""
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        product = a @ b
        float(product[0, 0])  # waits for a GPU
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def _ends(sizes: Sequence[int], most: int) -> list[int]:
    """Where parts end that follow one another: each has `most` tokens at most, or one item."""
    ends = []
    num_tokens = 0
    for k, size in enumerate(sizes):
        if num_tokens and num_tokens + size > most:
            ends.append(k)
            num_tokens = 0
        num_tokens += size
    return [*ends, len(sizes)]


def _lengths(offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return offsets[rows + 1] - offsets[rows]
