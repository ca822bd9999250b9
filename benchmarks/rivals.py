"""What the benchmark of sampling needs beside the engine: samples by a script."""

import contextlib
import time
from unittest import mock

import numpy as np
import torch
from transformers import LogitsProcessor

from codeit.policy.sampling import engine, static_session
from codeit.policy.sampling.generate import GenerateSampler
from codeit.policy.sampling.static_strategy import make_static_strategy
from codeit.policy.sampling.strategy import make_strategy


def scripted_strategy(scripts):
    """A make_strategy whose strategies draw as ever, then put scripts[prompt][sample] in place."""

    def make(*arguments):
        strategy = make_strategy(*arguments)
        drawn_by_law = strategy._draw

        def draw(rows, *rest):
            drawn_by_law(rows, *rest)
            tokens = []
            for row in rows:
                script = scripts[row.prompt.number][row.number]
                some = script[len(row.tokens) : len(row.tokens) + row.num_scored].tolist()
                # A guess beyond the end is never looked at.
                tokens.append(some + [0] * (row.num_scored - len(some)))
            return tokens

        strategy._draw = draw
        return strategy

    return make


@contextlib.contextmanager
def scripted_static_session(scripts):
    """The same where the device decides: the script's ids come in place of the uniform numbers."""

    class ScriptedLaw:
        def __init__(self, law, vocab_size):
            self._law = law
            self._vocab_size = vocab_size

        def plain_draw(self, scores, numbers):
            self._law.plain_draw(scores, numbers / self._vocab_size)
            return numbers.long()

    def make(tokenizer, settings, vocab_size, *rest):
        strategy = make_static_strategy(tokenizer, settings, vocab_size, *rest)
        strategy._law = ScriptedLaw(strategy._law, vocab_size)
        return strategy

    def numbers_of(_, prompt, sample, count):
        script = scripts[prompt][sample]
        return np.pad(script, (0, count - len(script))).astype(np.float64)

    with (
        mock.patch.object(engine, "make_static_strategy", make),
        mock.patch.object(static_session, "uniforms", numbers_of),
    ):
        yield


class ScriptedGenerateSampler(GenerateSampler):
    """transformers' `generate`, whose draws are put aside in the same way."""

    def __init__(self, model, tokenizer, settings, work):
        super().__init__(model, tokenizer, settings)
        self._work = work

    def time_batches(self, count):
        """Seconds of the processor for some of the batches, and the number of their samples."""
        prompts, scripts = self._work.prompts, self._work.scripts
        order = sorted(range(len(prompts)), key=lambda k: -len(prompts[k]))
        size = self._settings.batch_size
        batches = [order[begin : begin + size] for begin in range(0, len(order), size)]
        count = min(count, len(batches))
        chosen = [batches[(2 * k + 1) * len(batches) // (2 * count)] for k in range(count)]
        start = time.process_time()
        for batch in chosen:
            self._script = [script for k in batch for script in scripts[k]]
            tokens = self._generate({k: prompts[k] for k in batch}, seed=0)
            for row, script in zip(
                tokens.reshape(len(self._script), -1), self._script, strict=True
            ):
                assert np.array_equal(row[: len(script)], script)
        seconds = time.process_time() - start
        return seconds, sum(len(scripts[k]) for batch in chosen for k in batch)

    def _processors(self, numbers, seed, device):
        return [*super()._processors(numbers, seed, device), _Scripted(self._script, device)]


class _Scripted(LogitsProcessor):
    def __init__(self, scripts, device):
        length = max(map(len, scripts))
        self._tokens = torch.tensor([s.tolist() + [0] * (length - len(s)) for s in scripts])
        self._tokens = self._tokens.to(device)

    def __call__(self, input_ids, scores):
        return torch.full_like(scores, -torch.inf).scatter_(
            1, self._tokens[:, input_ids.shape[1] - 1, None], 0.0
        )
