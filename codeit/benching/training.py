"""`codeit bench training`: steps over programs and the tasks that they are for."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
import transformers

from codeit.benching.case import Bench, Case
from codeit.benching.inputs import load_inputs
from codeit.benching.models import load_policy
from codeit.benching.padded_loop import PaddedLoop, losses, losses_differ
from codeit.learning.replay import Batch
from codeit.learning.training import TrainingSettings
from codeit.learning.training.trainer import Trainer, TrainingReport
from codeit.policy.policy import Policy
from codeit.terminal import counted

PRECISIONS: dict[Literal["float32", "bfloat16"], torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
}


def training_bench(
    model: str, programs: str, tasks: str, count: int, device: str, seed: int, has_peers: bool
) -> Bench:
    """One step over so many programs of a corpus, each written after the prompt of its task.

    Args:
        model: as in `load_policy`; its weights change while it is timed.
        has_peers: whether transformers' model takes the same step, in padded batches.
    Raises:
        ValueError, OSError: as `load_inputs` and `load_policy` do.
    """
    inputs = load_inputs(programs, tasks)
    policy = load_policy(model, device, 1, seed)
    batch = _batch(policy, inputs.pairs, count, seed)
    num_tokens = len(batch.source_ids) + len(batch.target_ids)
    cases: list[Case] = []
    for precision in PRECISIONS:
        cases += _cases(policy, batch, precision, num_tokens, seed, has_peers)
    about = (
        f"{model}, {policy.model.num_parameters:,} weights; a step over "
        f"{counted(len(batch), 'experience')} of {num_tokens / len(batch):,.0f} tokens"
    )
    settings = {"model": model, "experiences": count, "seed": seed, "device": device}
    left_out = [*inputs.left_out, *([] if has_peers else ["transformers: --no-peers"])]
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    return Bench(cases, [about], inputs.digests | settings, left_out, versions)


def _batch(policy: Policy, pairs: Any, count: int, seed: int) -> Batch:
    """So many pairs, drawn at random, some of them again where there are too few."""
    order = np.random.default_rng(seed).permutation(len(pairs))
    chosen = [pairs[order[k % len(order)]] for k in range(count)]
    sources = [policy.prompts.true_prompt(task) for task, _ in chosen]
    targets = policy.tokenizer.encode_programs([program for _, program in chosen])
    kept = [
        (source, target)
        for source, target in zip(sources, targets, strict=True)
        if target is not None
    ]
    if not kept:
        raise ValueError("the tokenizer of the model can write none of the programs")

    def flat(lists: list[Any]) -> tuple[Any, Any]:
        offsets = np.concatenate([[0], np.cumsum([len(ids) for ids in lists])]).astype(np.int64)
        return np.concatenate(lists).astype(np.uint16), offsets

    source_ids, source_offsets = flat([source for source, _ in kept])
    target_ids, target_offsets = flat([target for _, target in kept])
    origins = np.zeros(len(kept), np.uint8)
    return Batch(source_ids, source_offsets, target_ids, target_offsets, origins)


def _cases(
    policy: Policy,
    batch: Batch,
    precision: Literal["float32", "bfloat16"],
    num_tokens: int,
    seed: int,
    has_peers: bool,
) -> list[Case]:
    dtype, model = PRECISIONS[precision], policy.model
    settings = TrainingSettings(batch_size=len(batch), precision=precision)
    trainer = Trainer(model, settings)
    fault = ""
    loop = None
    if has_peers:
        loop = PaddedLoop(model, dtype, "target")
        ours, plain = losses(model, loop, batch, dtype)
        if losses_differ(ours, plain, dtype):
            fault = f"the loss is {ours:.5g}, and by transformers {plain:.5g}"
    flops = model.config.num_flops(np.diff(batch.source_offsets), np.diff(batch.target_offsets))

    def check(report: TrainingReport) -> str:
        if fault:
            return fault
        if not math.isfinite(report.loss):
            return f"the loss is {report.loss}"
        if report.num_tokens != len(batch.target_ids):
            return f"{report.num_tokens:,} of {len(batch.target_ids):,} tokens are learned"
        return ""

    name = f"packed, {precision}"
    where = model.device.type
    cases = [
        Case(
            name,
            lambda: trainer.train(batch, seed),
            check,
            num_tokens,
            "tokens",
            amounts={precision: 3.0 * flops},
            device=where,
        )
    ]
    if loop is not None:
        cases.append(
            Case(
                f"padded by transformers, {precision}",
                lambda: loop.train(batch),
                lambda loss: fault or ("" if math.isfinite(loss) else f"the loss is {loss}"),
                num_tokens,
                "tokens",
                device=where,
                beside=name,
            )
        )
    return cases
