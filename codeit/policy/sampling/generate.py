"""The plain sampler: transformers' `generate`, in padded batches.

It is what a faster engine is compared with: both have the method `sample`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.modeling_outputs import BaseModelOutput

from codeit.parallel.processes import SINGLE_PROCESS, ProcessGroup
from codeit.parallel.threads import ordered_map
from codeit.policy.model.checkpoint import to_plain_model
from codeit.policy.model.finite import check_weights
from codeit.policy.model.t5 import T5
from codeit.policy.sampling.counts import SamplingCounts
from codeit.policy.sampling.sample_queue import check_prompts, not_finite
from codeit.policy.sampling.sampling_law import are_finite
from codeit.policy.sampling.settings import BYTES_PER_WEIGHT, SamplingSettings
from codeit.policy.tokenizer import Ids, Tokenizer

# Shape letters: B tasks of a batch, N samples per task, S source length, T target length.


class GenerateSampler:
    """Samples through transformers' `generate`, in batches of similar length.

    The model's weights must stay where they are in memory; they may change in place.
    On a CPU, batches run side by side on threads. Each draws from a generator of its own, so that
    the samples do not depend on the number of threads.
    """

    def __init__(
        self,
        model: T5,
        tokenizer: Tokenizer,
        settings: SamplingSettings,
        threads: int = 1,
    ) -> None:
        model.config.check_tokenizer(tokenizer)
        self._model = to_plain_model(model)
        self._start_id = model.config.start_id
        self._tokenizer = tokenizer
        self._settings = settings
        self._config = model.config
        self.counts = SamplingCounts()
        self._threads = threads if model.device.type == "cpu" else 1
        self._ending = EndAfterForeignToken(tokenizer.program_ids, tokenizer.end_id)

    def sample(
        self,
        prompts: Sequence[Ids],
        seed: int,
        on_progress: Callable[[int], None] | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """See Sampler.sample."""
        self.check(prompts)
        # The longest batches first: if memory does not suffice, that shows at once.
        order = sorted(range(len(prompts)), key=lambda k: (-len(prompts[k]), k))
        size = self._settings.batch_size
        batches = [order[begin : begin + size] for begin in range(0, len(order), size)]

        def tokens_of(number: int) -> npt.NDArray[np.int64]:
            batch_seed = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]
            some = {k: prompts[k] for k in batches[number]}
            return self._generate(some, int(batch_seed >> np.uint64(1)))

        num_done = 0
        counts, ended = SamplingCounts(), list[tuple[int, int, int]]()
        numbers = processes.share(range(len(batches)))
        with ordered_map(tokens_of, numbers, self._threads) as results:
            for batch, tokens in zip(processes.share(batches), results, strict=True):
                num_rows = tokens.shape[0] * tokens.shape[1]
                num_done += num_rows
                counts.step(num_rows, num_rows, tokens.shape[2])
                is_end = tokens == self._tokenizer.end_id
                # What has no end was cut, and is as long as any.
                lengths = np.where(is_end.any(-1), is_end.argmax(-1) + 1, tokens.shape[2])
                for k, row in zip(batch, lengths.tolist(), strict=True):
                    ended += [(k, len(prompts[k]), length) for length in row]
                if on_progress:
                    on_progress(num_done)
                yield from zip(batch, tokens, strict=True)
        counts.finish(self._config, ended, BYTES_PER_WEIGHT["float32"])
        self.counts = counts

    def check(self, prompts: Sequence[Ids]) -> None:
        """See Sampler.check."""
        check_weights(self._model)
        check_prompts(prompts, self._model.config.vocab_size)

    def _generate(self, some: dict[int, Ids], seed: int) -> npt.NDArray[np.int64]:
        """Ids [B, N, T] for prompts by their numbers, without the start token."""
        device = self._model.device
        prompts = list(some.values())
        length = max(map(len, prompts))
        source = np.full((len(prompts), length), self._tokenizer.pad_id, dtype=np.int64)
        for row, prompt in zip(source, prompts, strict=True):
            row[: len(prompt)] = prompt
        is_real = np.arange(length) < np.array([len(prompt) for prompt in prompts])[:, None]
        settings = self._settings
        with torch.inference_mode():
            mask = torch.from_numpy(is_real).to(device, torch.long)
            encoded = self._model.get_encoder()(
                input_ids=torch.from_numpy(source).to(device), attention_mask=mask
            ).last_hidden_state
            count = settings.samples_per_task
            tokens = self._model.generate(
                encoder_outputs=BaseModelOutput(encoded.repeat_interleave(count, dim=0)),
                attention_mask=mask.repeat_interleave(count, dim=0),
                do_sample=False,  # the noise of _processors makes the likeliest token a sample
                max_new_tokens=settings.max_tokens,
                pad_token_id=self._tokenizer.pad_id,
                eos_token_id=self._tokenizer.end_id,
                decoder_start_token_id=self._start_id,
                logits_processor=self._processors(list(some), seed, device),
            )
        return tokens[:, 1:].reshape(len(prompts), settings.samples_per_task, -1).cpu().numpy()

    def _processors(
        self, numbers: list[int], seed: int, device: torch.device
    ) -> LogitsProcessorList:
        settings = self._settings
        processors = [
            CheckFinite(numbers, settings.samples_per_task),
            self._ending,
            Temperature(settings.temperature),
        ]
        if settings.top_k:
            processors.append(TopKLogitsWarper(settings.top_k))
        if settings.top_p < 1:
            processors.append(TopPLogitsWarper(settings.top_p))
        processors.append(GumbelNoise(torch.Generator(device).manual_seed(seed)))
        return LogitsProcessorList(processors)


class CheckFinite(LogitsProcessor):
    """Changes nothing; raises FloatingPointError where a score is not finite.

    Args:
        numbers: of the prompts.
        count: samples of each, one after the other.
    """

    def __init__(self, numbers: list[int], count: int) -> None:
        self._numbers = numbers
        self._count = count

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        finite = are_finite(scores)
        if not finite.all():
            prompt, number = divmod(int(finite.int().argmin()), self._count)
            raise not_finite(self._numbers[prompt], number)
        return scores


class Temperature(LogitsProcessor):
    """Divides scores, measured from the greatest, so that they stay numbers whatever divides."""

    def __init__(self, temperature: float) -> None:
        self._temperature = temperature

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        below = scores.double() - scores.amax(-1, keepdim=True)
        return (below / self._temperature).to(scores.dtype)


class GumbelNoise(LogitsProcessor):
    """Adds noise that makes the token with the greatest score a draw from the softmax.

    Source: Gumbel's theorem; see Maddison, Tarlow and Minka 2014, "A* Sampling".
    """

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        arrival = torch.empty_like(scores).exponential_(generator=self._generator)
        # An arrival at 0, were it drawn, would come before all others, even where none can come.
        return scores - arrival.clamp_(min=torch.finfo(arrival.dtype).tiny).log()


class EndAfterForeignToken(LogitsProcessor):
    """The original's early stop: after a token that no program contains, only the end can come.

    The foreign token itself stays in the sample, which is therefore no program.
    """

    def __init__(self, program_ids: Ids, end_id: int) -> None:
        self._program_ids = torch.from_numpy(program_ids.astype(np.int64))
        self._end_id = end_id
        self._is_foreign: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self._is_foreign is None or self._is_foreign.device != scores.device:
            self._is_foreign = torch.ones(scores.shape[-1], dtype=torch.bool, device=scores.device)
            self._is_foreign[self._program_ids.to(scores.device)] = False
        if input_ids.shape[1] == 1:  # nothing but the start token yet
            return scores
        must_end = self._is_foreign[input_ids[:, -1]]
        only_end = torch.full_like(scores, -torch.inf)
        only_end[:, self._end_id] = 0
        return torch.where(must_end[:, None], only_end, scores)
