"""CTranslate2, a peer of sampling, where a user has it."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codeit.policy.model.checkpoint import write_model
from codeit.policy.model.t5 import T5
from codeit.policy.sampling import SamplingSettings
from codeit.policy.tokenizer import Ids, Tokenizer


class CTranslate2Sampler:
    """Samples by CTranslate2, on one thread in int8; ids are words without a meaning."""

    @staticmethod
    def is_here() -> bool:
        """Whether it can be imported."""
        return importlib.util.find_spec("ctranslate2") is not None

    def __init__(self, model: T5, tokenizer: Tokenizer, settings: SamplingSettings) -> None:
        import ctranslate2
        from ctranslate2.converters import TransformersConverter

        words = self._words = [f"t{k}" for k in range(len(model.embedding))]

        class Words:
            pad_token, eos_token, unk_token, bos_token = words[0], words[1], words[2], words[3]

            def get_vocab(self) -> dict[str, int]:
                return {word: k for k, word in enumerate(words)}

            def convert_ids_to_tokens(self, k: int) -> str:
                return words[k]

        class Converter(TransformersConverter):
            def load_tokenizer(self, *_: Any, **__: Any) -> Words:
                return Words()

        with tempfile.TemporaryDirectory() as folder:
            write_model(model, Path(folder))
            converted = str(Path(folder) / "converted")
            Converter(folder).convert(converted, quantization="int8")
            self._translator = ctranslate2.Translator(
                converted, device="cpu", compute_type="int8", inter_threads=1, intra_threads=1
            )
        self._settings = settings
        self._end_id = tokenizer.end_id

    def sample(
        self, prompts: Sequence[Ids], seed: int
    ) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """Pairs (index of the prompt, ids [N, T]), the end and padding behind each."""
        import ctranslate2

        settings = self._settings
        ctranslate2.set_random_seed(seed)
        results = self._translator.translate_batch(
            [[self._words[k] for k in prompt] for prompt in prompts],
            beam_size=1,
            num_hypotheses=settings.samples_per_task,
            sampling_topk=settings.top_k,
            sampling_temperature=settings.temperature,
            max_input_length=0,
            max_decoding_length=settings.max_tokens,
            end_token=self._words[self._end_id],
        )
        for number, result in enumerate(results):
            tokens = np.zeros((settings.samples_per_task, settings.max_tokens), np.int64)
            for row, hypothesis in zip(tokens, result.hypotheses, strict=True):
                ids = [int(word[1:]) for word in hypothesis]
                ids += [self._end_id] * (len(ids) < len(row))  # which it leaves out
                row[: len(ids)] = ids
            yield number, tokens
