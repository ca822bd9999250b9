"""`codeit bench sampling`: programs drawn from a model, beside transformers and CTranslate2."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

from codeit.benching.case import Bench, Case
from codeit.benching.ctranslate2 import CTranslate2Sampler
from codeit.benching.inputs import spread_out
from codeit.benching.models import load_policy
from codeit.language import Program, ProgramError
from codeit.policy.policy import Policy
from codeit.policy.sampling import SamplingSettings
from codeit.policy.sampling.engine import EngineSampler
from codeit.policy.sampling.generate import GenerateSampler
from codeit.policy.sampling.settings import Precision
from codeit.tasks.datasets import load
from codeit.tasks.task import digest_of_tasks
from codeit.terminal import counted

GREEDY = 16
"""Tokens that are drawn without chance, and compared."""

Samples = list[npt.NDArray[np.int64]]


def sampling_bench(
    model: str,
    tasks: str,
    num_tasks: int,
    samples: int,
    max_tokens: int,
    device: str,
    threads: int,
    seed: int,
    has_peers: bool,
) -> Bench:
    """So many samples for each of some tasks, in the mode of the policy and by the original's law.

    Args:
        model: as in `load_policy`.
        has_peers: whether transformers and CTranslate2 draw by that law, too.
    Raises:
        ValueError, OSError: the tasks or the policy cannot be loaded.
    """
    policy = load_policy(model, device, 1, seed)
    chosen = spread_out(load(tasks), num_tasks)
    prompts = [policy.prompts.true_prompt(task) for task in chosen]
    settings = dataclasses.replace(
        policy.settings, samples_per_task=samples, max_tokens=max_tokens, distinct=False
    )
    law = dataclasses.replace(settings, mode="reference", sampler="engine")
    made = _Maker(policy, prompts, seed)
    theirs = made.greedy(GenerateSampler, law) if has_peers else None
    is_on_cpu = policy.model.device.type == "cpu"
    precisions: list[Precision] = ["float32", "bfloat16"]
    if is_on_cpu:
        precisions.append("int8")
    cases = [
        made.case(f"mode reference, {p}", dataclasses.replace(law, precision=p), theirs)
        for p in precisions
    ]
    modes = dict.fromkeys([settings.mode, "grammar"])
    for mode in modes:
        if mode != "reference":
            its = dataclasses.replace(law, mode=mode, precision="bfloat16")
            cases.append(made.case(f"mode {mode}, bfloat16", its, None))
    if threads > 1 and is_on_cpu:
        alone = "mode reference, float32"
        cases.append(made.case(f"{alone}, {threads} threads", law, theirs, threads, alone))
    left_out = []
    if has_peers:
        cases.append(made.peer("transformers' generate, float32", GenerateSampler, law, 1.0))
        if not CTranslate2Sampler.is_here():
            left_out.append("CTranslate2: it cannot be imported")
        elif not is_on_cpu:
            left_out.append("CTranslate2: it is measured on a CPU alone")
        else:
            cases.append(made.peer("CTranslate2, int8", CTranslate2Sampler, law, 0.5, theirs))
        left_out.append("TensorRT-LLM: it needs a GPU; see benchmarks/h200_sampling.py")
    else:
        left_out.append("transformers and CTranslate2: --no-peers")
    return Bench(
        cases,
        [
            f"{model}, {policy.model.num_parameters:,} weights; {samples} samples of at most "
            f"{max_tokens} tokens for each of {counted(len(chosen), 'task')}"
        ],
        {
            "model": model,
            "device": device,
            "samples": samples,
            "max_tokens": max_tokens,
            "seed": seed,
            "tasks": digest_of_tasks(chosen),
        },
        left_out,
        {"torch": torch.__version__, "transformers": transformers.__version__},
    )


class _Maker:
    """Makes cases for one model and its prompts."""

    def __init__(self, policy: Policy, prompts: Sequence[Any], seed: int) -> None:
        self._policy = policy
        self._prompts = prompts
        self._seed = seed

    def greedy(self, make: Callable[..., Any], settings: SamplingSettings) -> Samples:
        """The likeliest tokens of each prompt."""
        most = min(GREEDY, settings.max_tokens)
        its = dataclasses.replace(settings, top_k=1, samples_per_task=1, max_tokens=most)
        return self._draw(make(self._policy.model, self._policy.tokenizer, its))

    def case(
        self,
        name: str,
        settings: SamplingSettings,
        theirs: Samples | None,
        threads: int = 1,
        alone: str = "",
    ) -> Case:
        """The engine's: the same seed must give the same samples, and the likeliest tokens must be
        transformers', in lower precision than float32 most of them."""
        policy = self._policy
        sampler = EngineSampler(policy.model, policy.tokenizer, settings, threads)
        first = self._draw(sampler)
        counts, precision = sampler.counts, settings.precision
        amounts = {
            "copying": float(counts.num_bytes),
            # Weights in int8 are multiplied by activations in float32.
            "float32" if precision == "int8" else precision: float(counts.num_flops),
        }
        fault = ""
        if theirs is not None:
            least = 1.0 if precision == "float32" else 0.5
            fault = _disagreement(self.greedy(EngineSampler, settings), theirs, least)

        def check(samples: Samples) -> str:
            if not all(np.array_equal(*pair) for pair in zip(samples, first, strict=True)):
                return "the same seed gives other samples"
            return fault or self._no_program(samples, settings)

        return Case(
            name,
            lambda: self._draw(sampler),
            check,
            self._num_drawn(first),
            "tokens",
            threads,
            amounts={} if alone else amounts,
            alone=alone,
            device=policy.model.device.type,
        )

    def peer(
        self,
        name: str,
        make: Callable[..., Any],
        settings: SamplingSettings,
        least: float,
        theirs: Samples | None = None,
    ) -> Case:
        """Another sampler by the same law, which draws other samples by it."""
        policy = self._policy
        sampler = make(policy.model, policy.tokenizer, settings)
        fault = ""
        if theirs is not None:
            fault = _disagreement(self.greedy(make, settings), theirs, least)
        first = self._draw(sampler)

        def check(samples: Samples) -> str:
            if fault:
                return fault
            whole = all(len(some) == settings.samples_per_task for some in samples)
            return "" if whole else "a sample is missing"

        return Case(
            name,
            lambda: self._draw(sampler),
            check,
            self._num_drawn(first),
            "tokens",
            device=policy.model.device.type,
            beside="mode reference, int8" if "int8" in name else "mode reference, float32",
        )

    def _draw(self, sampler: Any) -> Samples:
        found = dict(sampler.sample(self._prompts, self._seed))
        return [found[k] for k in sorted(found)]

    def _num_drawn(self, samples: Samples) -> int:
        """Tokens up to the end of each sample; padding is no token."""
        end = self._policy.tokenizer.end_id
        total = 0
        for rows in samples:
            is_end = rows == end
            ends = np.where(is_end.any(axis=1), is_end.argmax(axis=1) + 1, rows.shape[1])
            total += int(ends.sum())
        return total

    def _no_program(self, samples: Samples, settings: SamplingSettings) -> str:
        """In the modes that let only programs through, every sample must be one."""
        if settings.mode not in ("grammar", "typed"):
            return ""
        for rows in samples:
            for row in rows:
                try:
                    Program.parse(self._policy.tokenizer.decode_program(row))
                except ProgramError as error:
                    return f"a sample is no program: {error}"
        return ""


def _disagreement(ours: Samples, theirs: Samples, least: float) -> str:
    """What share of the likeliest tokens is another than transformers', where that is too much."""
    same = total = 0
    for some, others in zip(ours, theirs, strict=True):
        length = min(some.shape[1], others.shape[1])
        same += int((some[:, :length] == others[:, :length]).sum())
        total += length
    share = same / max(total, 1)
    return "" if share >= least else f"{share:.0%} of the likeliest tokens are transformers'"
