"""The engine: samples of many prompts at a time, each in a slot that the next one takes over.

What the encoder says of a prompt is worked out once and shared by its samples. A step takes the
newest token of every slot through the decoder together. A sample that has ended leaves its slot to
the next that waits, of its own prompt or of the next one, so that a long one holds nothing up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from codeit.parallel.processes import SINGLE_PROCESS, ProcessGroup
from codeit.parallel.threads import merged
from codeit.policy.model.finite import check_weights
from codeit.policy.model.t5 import T5
from codeit.policy.sampling.counts import SamplingCounts
from codeit.policy.sampling.decoder import Decoder
from codeit.policy.sampling.distinct import TOGETHER, DistinctRows
from codeit.policy.sampling.kernels import KeyValues, rounded_up
from codeit.policy.sampling.memory_budget import MemoryBudget
from codeit.policy.sampling.rows import IndependentRows, Rows, SampleRow
from codeit.policy.sampling.sample_queue import (
    Sample,
    SampleQueue,
    check_ids,
    check_prompts,
    not_finite,
)
from codeit.policy.sampling.sampling_law import are_finite
from codeit.policy.sampling.settings import BYTES_PER_WEIGHT, SamplingSettings
from codeit.policy.sampling.static_session import StaticSession
from codeit.policy.sampling.static_strategy import StaticStrategy, make_static_strategy
from codeit.policy.sampling.strategy import make_strategy
from codeit.policy.sampling.weights import Weights
from codeit.policy.tokenizer import Ids, Tokenizer

Made = TypeVar("Made")

_BEGUN = 2048
"""Tokens that rows which begin may bring into a step, or a row more: they bound its memory."""

_SCORED = 256
"""Tokens whose probabilities are worked out together."""


class EngineSampler:
    """Draws samples as GenerateSampler does, by the same law, from a decoder of our own.

    A sample follows from the seed, its prompt's index and its own number. On a CPU which others are
    drawn beside it, and on which thread, changes nothing; on a GPU, the rounding of its scores.

    Attributes:
        counts: what the samples of the last `stream` that was left have taken.
    """

    def __init__(
        self,
        model: T5,
        tokenizer: Tokenizer,
        settings: SamplingSettings,
        threads: int = 1,
    ) -> None:
        model.config.check_tokenizer(tokenizer)
        self.model = model
        self.tokenizer = tokenizer
        self.settings = settings
        self.counts = SamplingCounts()
        self._threads = threads if model.device.type == "cpu" else 1

    def sample(
        self,
        prompts: Sequence[Ids],
        seed: int,
        on_progress: Callable[[int], None] | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """See Sampler.sample."""
        waiting: dict[int, list[Sample]] = {}
        for num_done, sample in enumerate(self.stream(prompts, seed, processes), 1):
            if on_progress:
                on_progress(num_done)
            samples = waiting.setdefault(sample.prompt, [])
            samples.append(sample)
            if sample.is_last:
                yield sample.prompt, self._padded(waiting.pop(sample.prompt))

    def stream(
        self, prompts: Sequence[Ids], seed: int, processes: ProcessGroup = SINGLE_PROCESS
    ) -> Iterator[Sample]:
        """The same samples, each as soon as it has ended.

        Whoever has enough leaves the iterator, or closes it; the samples that came are the same.

        Args:
            prompts: token ids, one array per prompt, none of them empty.
            seed: the same prompts and seed give the same samples.
            processes: only this process's share of the prompts is drawn for.
        Raises:
            ValueError: a prompt is empty, has an id that the model does not have, or is too long
                for the memory there is; or no program is as short as max_tokens.
            MemoryError: there is too little memory for a single sample.
            FloatingPointError: a weight or a score of the model is not finite.
        """
        check_prompts(prompts, self.model.config.vocab_size)
        self.counts = SamplingCounts()
        # Long prompts first: if memory does not suffice, that shows at once.
        order = sorted(range(len(prompts)), key=lambda k: (-len(prompts[k]), k))
        waiting = deque(processes.share(order))
        if len(waiting) == 0:
            return
        longest = len(prompts[waiting[0]])
        weights, budget, num_slots, is_static = self._plan(len(waiting), longest)
        parts: list[SamplingCounts] = []  # of the sessions
        ended: list[tuple[int, int, int]] = []

        def work(_: int) -> Iterator[Sample]:
            queue = SampleQueue(prompts, waiting, self.settings.samples_per_task, seed)
            with torch.inference_mode():
                session: StaticSession | _Session
                if is_static:
                    session = self._static_session(weights, budget, num_slots, longest, queue)
                else:
                    session = _Session(self, weights, budget, num_slots, queue)
            parts.append(session.counts)
            yield from _in_inference_mode(session.run())

        try:
            with merged(work, self._threads) as samples:
                for sample in samples:
                    ended.append((sample.prompt, len(prompts[sample.prompt]), len(sample.tokens)))
                    yield sample
        finally:
            self.counts = SamplingCounts.sum(parts)
            size = BYTES_PER_WEIGHT[self.settings.precision]
            self.counts.finish(self.model.config, ended, size)

    def check(self, prompts: Sequence[Ids]) -> None:
        """Raise what `stream` would raise at its start."""
        check_prompts(prompts, self.model.config.vocab_size)
        self._plan(len(prompts), max(map(len, prompts)))

    def _plan(self, num_prompts: int, longest: int) -> tuple[Weights, MemoryBudget, int, bool]:
        """What a call of `stream` works with: weights, what a sample takes, how many slots there
        are on each thread, and whether the device decides alone."""
        total = num_prompts * self.settings.samples_per_task
        wanted = max(1, min(self.settings.num_rows, -(-total // self._threads)))
        static_guide = self._static_strategy(1)
        strategy = static_guide or make_strategy(
            self.tokenizer, self.settings, self.model.config.vocab_size, 1
        )
        is_static = static_guide is not None
        with torch.inference_mode():
            check_weights(self.model)
            weights = Weights(self.model, self.settings.precision, strategy.head_ids, is_static)
        budget = self._memory_budget(weights)
        num_slots = budget.num_slots(wanted, longest, self._threads, self.model.device)
        return weights, budget, num_slots, is_static

    def _uses_graphs(self) -> bool:
        settings = self.settings
        return self.model.device.type == "cuda" and settings.cuda_graphs and not settings.distinct

    def _static_strategy(self, num_slots: int) -> StaticStrategy | None:
        """The strategy of a session that runs on the device alone; None if there is to be none."""
        if not self._uses_graphs():
            return None
        vocab_size, device = self.model.config.vocab_size, self.model.device
        return make_static_strategy(self.tokenizer, self.settings, vocab_size, num_slots, device)

    def _static_session(
        self,
        weights: Weights,
        budget: MemoryBudget,
        num_slots: int,
        longest: int,
        queue: SampleQueue,
    ) -> StaticSession:
        def make(num_slots: int) -> StaticSession:
            strategy = self._static_strategy(num_slots)
            assert strategy is not None
            num_places = budget.max_prompts(num_slots)
            return StaticSession(weights, strategy, queue, num_slots, num_places, longest)

        return _largest(make, num_slots, self.settings.max_tokens, weights.device)[0]

    def log_probabilities(
        self, prompts: Sequence[Ids], samples: Sequence[npt.NDArray[np.int64]]
    ) -> list[npt.NDArray[np.float32]]:
        """How likely the model itself thought each token of the samples: among all ids, at
        temperature 1, whichever mode they were drawn in.

        Args:
            prompts: as they were sampled for.
            samples: of each prompt, [N, T], padded after the end.
        Returns:
            Natural logarithms, of each prompt [N, T]; 0 for padding.
        Raises:
            ValueError: samples are not [N, T] for each prompt, or have ids that the model does not;
                for the rest, and FloatingPointError, see stream.
        """
        vocab_size = self.model.config.vocab_size
        check_prompts(prompts, vocab_size)
        if len(samples) != len(prompts):
            raise ValueError(f"samples of {len(samples)} prompts; there are {len(prompts)}")
        for k, tokens in enumerate(samples):
            check_ids(f"a sample of prompt {k}", tokens, vocab_size, ndim=2)
        with torch.inference_mode():
            check_weights(self.model)
            weights = Weights(self.model, self.settings.precision)
            return [
                self._log_probabilities(weights, k, prompt, tokens)
                for k, (prompt, tokens) in enumerate(zip(prompts, samples, strict=True))
            ]

    def _log_probabilities(
        self, weights: Weights, number: int, prompt: Ids, samples: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        (context,) = weights.contexts([prompt])
        found = np.zeros(samples.shape, np.float32)
        decoder = Decoder(weights, 1, max(samples.shape[1], 1))
        for k, (tokens, out) in enumerate(zip(samples, found, strict=True)):
            length = self._length(tokens)
            inputs = np.concatenate([[weights.start_id], tokens[: max(length - 1, 0)]])
            for begin in range(0, length, _SCORED):
                part = slice(begin, min(begin + _SCORED, length))
                count = part.stop - part.start
                scores = decoder.step(
                    inputs[part],
                    np.zeros(count, np.int32),
                    np.arange(part.start, part.stop, dtype=np.int32),
                    [(context, count)],
                    np.arange(count),
                )
                if not are_finite(scores).all():
                    raise not_finite(number, k)
                chosen = torch.from_numpy(tokens[part]).to(scores.device)[:, None]
                likely = scores.gather(1, chosen)[:, 0] - scores.logsumexp(1)
                out[part] = likely.cpu().numpy()
        return found

    def _length(self, tokens: npt.NDArray[np.int64]) -> int:
        """Of a padded sample, its end included."""
        ends = np.flatnonzero(tokens == self.tokenizer.end_id)
        if len(ends):
            return int(ends[0]) + 1
        real = np.flatnonzero(tokens != self.tokenizer.pad_id)
        return int(real[-1]) + 1 if len(real) else 0

    def _memory_budget(self, weights: Weights) -> MemoryBudget:
        config = self.model.config
        per_token = 2 * len(weights.layers) * weights.num_heads * weights.size
        per_token *= weights.kernels.dtype.itemsize
        # What passes through a step: scores, and the widest of what lies between two products.
        passing = 4 * (config.vocab_size + 16 * (config.d_model + config.d_ff))
        capacity = rounded_up(self.settings.max_tokens)
        together = self.settings.samples_per_task
        if self.settings.distinct:
            together = min(together, TOGETHER)
        return MemoryBudget(capacity * per_token + passing, per_token, together)

    def _padded(self, samples: Sequence[Sample]) -> npt.NDArray[np.int64]:
        length = max(len(sample.tokens) for sample in samples)
        padded = np.full((len(samples), length), self.tokenizer.pad_id, dtype=np.int64)
        for sample in samples:
            padded[sample.number, : len(sample.tokens)] = sample.tokens
        return padded


class _Session:
    """One thread's share of a call of `stream`: it takes a prompt whenever slots are free."""

    def __init__(
        self,
        sampler: EngineSampler,
        weights: Weights,
        budget: MemoryBudget,
        num_slots: int,
        queue: SampleQueue,
    ) -> None:
        settings = sampler.settings
        self._weights = weights
        self._queue = queue
        self._decoder, num_slots = _largest(
            lambda num_slots: Decoder(weights, num_slots, settings.max_tokens),
            num_slots,
            settings.max_tokens,
            weights.device,
        )
        self._max_prompts = budget.max_prompts(num_slots)
        self._together = budget.samples_per_prompt
        self._contexts: dict[int, list[KeyValues]] = {}  # of the prompts under way
        self._source: Rows
        if settings.distinct:
            self._source = DistinctRows(settings, queue, sampler.tokenizer.end_id)
        else:
            self._source = IndependentRows(settings, queue)
        vocab_size = sampler.model.config.vocab_size
        self._strategy = make_strategy(
            sampler.tokenizer, settings, vocab_size, num_slots, self._source
        )
        self._free = list(range(num_slots))[::-1]
        self._num_slots = num_slots
        self.counts = SamplingCounts()
        self._rows: list[SampleRow] = []  # those of a prompt stand together
        self._ended: list[Sample] = []

    def run(self) -> Iterator[Sample]:
        """Samples as they end."""
        self._refill()
        while self._rows:
            self.counts.step(len(self._rows), self._num_slots)
            self._extend(self._step())
            yield from self._take_ended()
            self._refill()
        yield from self._take_ended()

    def _refill(self) -> None:
        num_tokens = 0
        while self._free and num_tokens < _BEGUN:
            row = self._source.next()
            if row is None:
                self._find_ended()
                if not self._take_prompts():
                    break
                continue
            row.slot = self._free.pop()
            row.pending = [self._weights.start_id]
            self._strategy.begin(row)
            self._rows.append(row)
            num_tokens += len(row.pending)
            if row.has_ended:
                self._put_aside()
        self._rows.sort(key=lambda row: row.prompt.number)

    def _take_prompts(self) -> bool:
        """Encode as many prompts as there are slots for their samples."""
        is_cpu = self._weights.device.type == "cpu"
        most = 1 if is_cpu else max(1, len(self._free) // self._together)
        taken = self._queue.take_prompts(min(most, self._max_prompts - len(self._contexts)))
        self._source.add(taken)
        if taken:
            contexts = self._weights.contexts([prompt.ids for prompt in taken])
            numbers = [prompt.number for prompt in taken]
            self._contexts.update(zip(numbers, contexts, strict=True))
        return bool(taken)

    def _step(self) -> torch.Tensor:
        """The scores that the rows ask for, those of a row one after the other."""
        rows = self._rows
        counts = np.array([len(row.pending) for row in rows])
        ends = counts.cumsum()
        starts = np.repeat(ends - counts - [row.num_fed for row in rows], counts)
        wanted = [np.arange(e - row.num_scored, e) for row, e in zip(rows, ends, strict=True)]
        of_prompts = groupby(rows, key=lambda row: row.prompt.number)
        return self._decoder.step(
            np.array([token for row in rows for token in row.pending], dtype=np.int64),
            np.repeat([row.slot for row in rows], counts).astype(np.int32),
            (np.arange(ends[-1]) - starts).astype(np.int32),
            [
                (self._contexts[prompt], sum(len(row.pending) for row in some))
                for prompt, some in of_prompts
            ],
            np.concatenate(wanted),
        )

    def _extend(self, scores: torch.Tensor) -> None:
        """Draws the next tokens of every row."""
        counts = [row.num_scored for row in self._rows]
        finite = are_finite(scores)
        self._strategy.extend(self._rows, scores)
        if not finite.all():  # asked for here, where a GPU has been waited for already
            bad = int(np.searchsorted(np.cumsum(counts), int(finite.int().argmin()), side="right"))
            row = self._rows[bad]
            raise not_finite(row.prompt.number, row.number)
        self._put_aside()

    def _put_aside(self) -> None:
        """Let go of the rows that have ended, or that nobody wants any more."""
        going_on = []
        for row in self._rows:
            if not (row.has_ended or row.is_dropped):
                going_on.append(row)
                continue
            self._free.append(row.slot)
            if not row.is_dropped:
                self._source.end(row)
        self._rows = going_on

    def _find_ended(self) -> None:
        """Take the samples that there are by now, and let go of what prompts needed."""
        for sample in self._source.samples():
            self._ended.append(sample)
            if sample.is_last:
                del self._contexts[sample.prompt]

    def _take_ended(self) -> list[Sample]:
        self._find_ended()
        ended, self._ended = self._ended, []
        return ended


def _in_inference_mode(samples: Iterator[Sample]) -> Iterator[Sample]:
    """The samples, worked out in a mode that whoever takes them is not left in."""
    while True:
        with torch.inference_mode():
            sample = next(samples, None)
        if sample is None:
            return
        yield sample


def _largest(
    make: Callable[[int], Made], num_slots: int, max_tokens: int, device: torch.device
) -> tuple[Made, int]:
    """What has as many slots as can be allocated, and how many those are."""
    while True:
        try:
            return make(num_slots), num_slots
        except (MemoryError, torch.OutOfMemoryError):
            # Memory that is free need not be in one piece.
            if num_slots == 1:
                raise MemoryError(
                    f"there is no room for a sample of {max_tokens} tokens on {device}"
                ) from None
            num_slots //= 2
