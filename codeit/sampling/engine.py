"""The engine: samples of many prompts at a time, each in a slot that the next one takes over.

What the encoder says of a prompt is worked out once and shared by its samples. A step takes the
newest token of every slot through the decoder together. A sample that has ended leaves its slot to
the next that waits, of its own prompt or of the next one, so that a long one holds nothing up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch

from codeit.distributed import ALONE, Team
from codeit.model.attention import Plan
from codeit.model.t5 import T5, Mode, Packed
from codeit.parallel import merged
from codeit.sampling.decoder import Decoder, DecoderWeights
from codeit.sampling.guide import Row, make_guide
from codeit.sampling.kernels import Memory
from codeit.sampling.law import uniforms
from codeit.sampling.settings import SamplingSettings
from codeit.tokenizer import Ids, Tokenizer


@dataclass(eq=False)
class _Prompt:
    """A prompt, its samples that have ended, and how many have not."""

    number: int
    samples: list[list[int]]
    num_unfinished: int
    memory: list[Memory]


@dataclass(frozen=True)
class _Finished:
    """That some samples of a prompt have ended; all of them, [N, T], with the last."""

    prompt: int
    num_samples: int
    tokens: npt.NDArray[np.int64] | None


@dataclass(eq=False)
class _Sample(Row):
    """A sample under way, and where it belongs."""

    prompt: _Prompt
    number: int


class EngineSampler:
    """Draws samples as GenerateSampler does, by the same law, from a decoder of our own.

    A sample follows from the seed, its prompt's index and its own number; which others are drawn
    beside it, and on which thread, changes nothing but the rounding of its scores.
    """

    def __init__(
        self,
        model: T5,
        tokenizer: Tokenizer,
        settings: SamplingSettings,
        threads: int = 1,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.settings = settings
        self._threads = threads if model.device.type == "cpu" else 1

    def sample(
        self,
        prompts: Sequence[Ids],
        seed: int,
        on_progress: Callable[[int], None] | None = None,
        team: Team = ALONE,
    ) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """See Sampler.sample."""
        for k, prompt in enumerate(prompts):
            if len(prompt) == 0:
                raise ValueError(f"prompt {k} is empty")
        # Long prompts first: if memory does not suffice, that shows at once.
        order = sorted(range(len(prompts)), key=lambda k: (-len(prompts[k]), k))
        waiting = deque(team.share(order))
        total = len(waiting) * self.settings.samples_per_task
        num_slots = max(1, min(self.settings.num_rows, -(-total // self._threads)))
        dtype = getattr(torch, self.settings.precision)
        guide = make_guide(self.tokenizer, self.settings, self.model.config.vocab_size, num_slots)
        with torch.inference_mode():
            weights = DecoderWeights(self.model, num_slots, dtype, guide.head_ids)
        num_done = 0

        def work(_: int) -> Iterator[_Finished]:
            with torch.inference_mode():
                yield from _Session(self, weights, num_slots, prompts, waiting, seed).run()

        with merged(work, self._threads) as results:
            for finished in results:
                num_done += finished.num_samples
                if on_progress and finished.num_samples:
                    on_progress(num_done)
                if finished.tokens is not None:
                    yield finished.prompt, finished.tokens


class _Session:
    """One thread's share of a call of `sample`: it takes a prompt whenever slots are free."""

    def __init__(
        self,
        sampler: EngineSampler,
        weights: DecoderWeights,
        num_slots: int,
        prompts: Sequence[Ids],
        waiting: deque[int],
        seed: int,
    ) -> None:
        settings = sampler.settings
        self._sampler = sampler
        self._weights = weights
        self._prompts = prompts
        self._waiting = waiting
        self._seed = seed
        self._num_samples = settings.samples_per_task
        self._max_tokens = settings.max_tokens
        vocab_size = sampler.model.config.vocab_size
        self._guide = make_guide(sampler.tokenizer, settings, vocab_size, num_slots)
        self._decoder = Decoder(weights, num_slots, settings.max_tokens)
        self._free = list(range(num_slots))[::-1]
        self._next: deque[tuple[_Prompt, int]] = deque()  # samples of the prompt taken last
        self._rows: list[_Sample] = []  # those of a prompt stand together

    def run(self) -> Iterator[_Finished]:
        """Samples as they end; those of a prompt are handed over with the last of them."""
        self._refill()
        while self._rows:
            yield from self._extend(self._step())
            self._refill()

    def _refill(self) -> None:
        while self._free:
            if not self._next and not self._take_prompt():
                return
            prompt, number = self._next.popleft()
            numbers = uniforms(self._seed, prompt.number, number, self._max_tokens)
            row = _Sample(self._free.pop(), numbers, prompt, number)
            self._guide.begin(row)
            self._rows.append(row)

    def _take_prompt(self) -> bool:
        try:
            number = self._waiting.popleft()
        except IndexError:
            return False
        memory = self._weights.memory_of(self._encode(self._prompts[number]))
        samples: list[list[int]] = [[] for _ in range(self._num_samples)]
        prompt = _Prompt(number, samples, self._num_samples, memory)
        self._next.extend((prompt, sample) for sample in range(self._num_samples))
        return True

    def _encode(self, ids: Ids) -> torch.Tensor:
        """The encoder's last states, [S, M]."""
        model = self._sampler.model
        source = Packed.of(ids, np.array([0, len(ids)]), model.device)
        plan = Plan(source.layout, source.layout, model.config.num_heads, model.device)
        return model.encode(source, plan, Mode(self._weights.kernels.dtype))

    def _step(self) -> torch.Tensor:
        """The scores that the rows ask for, those of a row one after the other."""
        rows = self._rows
        counts = np.array([len(row.pending) for row in rows])
        ends = counts.cumsum()
        starts = np.repeat(ends - counts - [row.num_fed for row in rows], counts)
        wanted = [np.arange(e - row.num_scored, e) for row, e in zip(rows, ends, strict=True)]
        of_prompts = groupby(rows, key=lambda row: row.prompt)
        return self._decoder.step(
            np.array([token for row in rows for token in row.pending], dtype=np.int64),
            np.repeat([row.slot for row in rows], counts).astype(np.int32),
            (np.arange(ends[-1]) - starts).astype(np.int32),
            [(prompt.memory, sum(len(row.pending) for row in some)) for prompt, some in of_prompts],
            np.concatenate(wanted),
        )

    def _extend(self, scores: torch.Tensor) -> Iterator[_Finished]:
        """Draws the next tokens of every row."""
        self._guide.extend(self._rows, scores)
        going_on = []
        for row in self._rows:
            if not row.has_ended:
                going_on.append(row)
                continue
            self._free.append(row.slot)
            prompt = row.prompt
            prompt.samples[row.number] = row.tokens
            prompt.num_unfinished -= 1
            is_last = prompt.num_unfinished == 0
            yield _Finished(prompt.number, 1, self._padded(prompt.samples) if is_last else None)
        self._rows = going_on

    def _padded(self, samples: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
        length = max(map(len, samples))
        tokens = np.full((len(samples), length), self._sampler.tokenizer.pad_id, dtype=np.int64)
        for row, sample in zip(tokens, samples, strict=True):
            row[: len(sample)] = sample
        return tokens
