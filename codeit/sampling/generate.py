"""The plain sampler: transformers' `generate`, in padded batches.

It is what a faster engine is compared with: both have the method `sample`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from transformers import LogitsProcessor, LogitsProcessorList, T5ForConditionalGeneration

from codeit.sampling.settings import SamplingSettings
from codeit.tokenizer import Ids, Tokenizer

# Shape letters: B tasks of a batch, N samples per task, S source length, T target length.


class Sampler(Protocol):
    """Something that draws programs for prompts."""

    def sample(
        self,
        prompts: Sequence[Ids],
        seed: int,
        on_progress: Callable[[int], None] | None = None,
    ) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """Draw settings.samples_per_task programs for each prompt.

        Args:
            prompts: token ids, one array per prompt, none of them empty.
            seed: the same prompts and seed give the same samples.
            on_progress: told how many samples are finished.
        Returns:
            An iterator over pairs (index of the prompt, ids [N, T] padded after the end), in any
            order; each prompt comes once.
        Raises:
            ValueError: a prompt is empty; the message gives its index.
        """
        ...


class GenerateSampler:
    """Samples through `T5ForConditionalGeneration.generate`, in batches of similar length."""

    def __init__(
        self,
        model: T5ForConditionalGeneration,
        tokenizer: Tokenizer,
        settings: SamplingSettings,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._settings = settings
        self._processors = LogitsProcessorList(
            [EndAfterForeignToken(tokenizer.program_ids, tokenizer.end_id)]
        )

    def sample(
        self,
        prompts: Sequence[Ids],
        seed: int,
        on_progress: Callable[[int], None] | None = None,
    ) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """See Sampler.sample."""
        for k, prompt in enumerate(prompts):
            if len(prompt) == 0:
                raise ValueError(f"prompt {k} is empty")
        # The longest batches first: if memory does not suffice, that shows at once.
        order = sorted(range(len(prompts)), key=lambda k: (-len(prompts[k]), k))
        num_done = 0
        self._model.eval()
        for begin in range(0, len(order), self._settings.batch_size):
            chosen = order[begin : begin + self._settings.batch_size]
            batch_seed = np.random.SeedSequence([seed, begin]).generate_state(1)[0]
            tokens = self._generate([prompts[k] for k in chosen], int(batch_seed))
            num_done += tokens.shape[0] * tokens.shape[1]
            if on_progress:
                on_progress(num_done)
            yield from zip(chosen, tokens, strict=True)

    def _generate(self, prompts: Sequence[Ids], seed: int) -> npt.NDArray[np.int64]:
        """Ids [B, N, T], without the start token."""
        device = self._model.device
        length = max(map(len, prompts))
        source = np.full((len(prompts), length), self._tokenizer.pad_id, dtype=np.int64)
        for row, prompt in zip(source, prompts, strict=True):
            row[: len(prompt)] = prompt
        is_real = np.arange(length) < np.array([len(prompt) for prompt in prompts])[:, None]
        settings = self._settings
        torch.manual_seed(seed)
        with torch.inference_mode():
            tokens = self._model.generate(
                input_ids=torch.from_numpy(source).to(device),
                attention_mask=torch.from_numpy(is_real).to(device, torch.long),
                do_sample=True,
                temperature=settings.temperature,
                top_k=settings.top_k,
                top_p=settings.top_p,
                num_return_sequences=settings.samples_per_task,
                max_new_tokens=settings.max_tokens,
                pad_token_id=self._tokenizer.pad_id,
                eos_token_id=self._tokenizer.end_id,
                decoder_start_token_id=self._tokenizer.pad_id,
                logits_processor=self._processors,
            )
        return tokens[:, 1:].reshape(len(prompts), settings.samples_per_task, -1).cpu().numpy()


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
