"""How fast does the engine sample, beside transformers' generate?

The question: with the weights of one model (CodeT5-small's geometry, random) and the same prompts
of 512 tokens, four of them with 24 samples each, how many tokens a second of the processor does
each sampler draw, by the original's law (temperature 0.95, the likeliest 50, the whole vocabulary)?
A sample has 64 tokens: hardly any ends earlier. Before the time counts, the likeliest tokens of
both samplers must be the same ones in float32; in bfloat16 most of them.

Times are of the processor, medians of some repeats, on one thread. The last line is JSON.

    python benchmarks/bench_sampling.py [--model Salesforce/codet5-small] [--repeats 3]
"""

import argparse
import dataclasses
import statistics
import time

import numpy as np
import torch
from harness import Report, machine

from codeit.model import ModelSettings
from codeit.model.checkpoint import GEOMETRIES, build_model
from codeit.sampling import SamplingSettings
from codeit.sampling.engine import EngineSampler
from codeit.sampling.generate import GenerateSampler

NUM_PROMPTS = 4
SOURCE = 512
TARGET = 64


class EndlessTokenizer:
    """Ids without a meaning; only the last one, which is as rare as any, ends a program."""

    def __init__(self, vocab_size):
        self.vocab_size = vocab_size
        self.pad_id = 0
        self.end_id = vocab_size - 1
        self.program_ids = np.arange(vocab_size)


def draw(sampler, prompts, seed):
    """Seconds of the processor, and the samples [B, N, T]."""
    start = time.process_time()
    samples = dict(sampler.sample(prompts, seed))
    seconds = time.process_time() - start
    return seconds, np.stack([samples[k] for k in range(len(prompts))])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="Salesforce/codet5-small", choices=sorted(GEOMETRIES))
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = EndlessTokenizer(GEOMETRIES[arguments.model].vocab_size or 1000)
    model = build_model(ModelSettings(arguments.model, pretrained=False), tokenizer, seed=1)
    random = np.random.default_rng(1)
    prompts = [random.integers(2, tokenizer.vocab_size, SOURCE) for _ in range(NUM_PROMPTS)]
    settings = SamplingSettings(max_tokens=TARGET, batch_size=NUM_PROMPTS)
    print(f"{machine()}, 1 thread; {arguments.model}, {model.num_parameters:,} random weights")

    samplers = {
        "transformers generate": (GenerateSampler, settings),
        "engine, float32": (EngineSampler, settings),
        "engine, bfloat16": (EngineSampler, dataclasses.replace(settings, precision="bfloat16")),
    }
    likeliest = {}
    for name, (make, its) in samplers.items():
        greedy = dataclasses.replace(its, top_k=1, samples_per_task=2, max_tokens=16)
        likeliest[name] = draw(make(model, tokenizer, greedy), prompts, 0)[1]
    theirs = likeliest["transformers generate"]
    assert np.array_equal(likeliest["engine, float32"], theirs)
    agreement = (likeliest["engine, bfloat16"] == theirs).mean()
    assert agreement > 0.5, f"only {agreement:.0%} of bfloat16's likeliest tokens are float32's"

    report = Report()
    medians = {}
    for name, (make, its) in samplers.items():
        seconds = []
        for repeat in range(arguments.repeats):
            taken, tokens = draw(make(model, tokenizer, its), prompts, repeat)
            num_tokens = int((tokens != tokenizer.pad_id).sum())
            assert num_tokens > 0.9 * NUM_PROMPTS * its.samples_per_task * TARGET
            seconds.append(taken / num_tokens)
        medians[name] = statistics.median(seconds)
        report.add(f"{name}, tokens", seconds, items=1)
    for name, median in medians.items():
        report.add_ratio(name, medians["transformers generate"] / median)
    versions = {"torch": torch.__version__}
    report.print_record("sampling", versions, vars(arguments))


if __name__ == "__main__":
    main()
