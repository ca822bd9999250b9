"""How fast does the engine sample, beside transformers' generate and CTranslate2?

All samplers have the weights of one model (CodeT5-small's geometry, random) and the same prompts.

Forced lengths: four prompts of 512 tokens with 24 samples each; how many tokens a second of the
processor does each sampler draw, by the original's law (temperature 0.95, the likeliest 50, the
whole vocabulary)? A sample has 64 tokens: hardly any ends earlier. Before the time counts, the
likeliest tokens of both samplers must be the same ones in float32; in the other types most of them.
CTranslate2 (int8), where it can be imported, draws by the same law.

Programs: prompts of ARC tasks with 24 samples each; how many samples a second does each mode
finish? What is drawn is put aside for the tokens of seed programs, the same ones for every
sampler, so that lengths, forced tokens and ends are those of a policy that writes such programs.
transformers is timed on some of its batches. Then, on fewer tasks, what one more sample and one
more token of a prompt cost.

Distinct samples: the same prompts, at a temperature at which most samples repeat each other; how
many samples and how many distinct ones a second, by the law of the mode and with
`sampling.distinct`? All distinct samples must be.

Times are of the processor, on one thread; medians of some repeats where the work is short. The last
line is JSON.

    python benchmarks/bench_sampling.py [--model Salesforce/codet5-small] [--repeats 3]
        [--tasks 40] [--tokenizer DIR] [--programs FILE]
"""

import dataclasses
import statistics
import time
from unittest import mock

import numpy as np
import torch
from harness import Parser, Report, existing_file, machine, ratio, whole_number
from rivals import ScriptedGenerateSampler, scripted_strategy

from codeit.benching.ctranslate2 import CTranslate2Sampler
from codeit.language import load_seed_programs
from codeit.policy.model import ModelSettings
from codeit.policy.model.checkpoint import GEOMETRIES, build_model
from codeit.policy.prompts import PromptWriter
from codeit.policy.sampling import SamplingSettings, engine
from codeit.policy.sampling.engine import EngineSampler
from codeit.policy.sampling.generate import GenerateSampler
from codeit.policy.tokenizer import load_tokenizer
from codeit.tasks import datasets

NUM_TASKS = 400  # of the data set
NUM_PROMPTS = 4
SOURCE = 512
TARGET = 64
MAX_DEMONSTRATIONS = 10
MAX_PROMPT = 512  # of each half, as in the paper
PRECISIONS = ("float32", "bfloat16", "int8")
MODES = ("reference", "speculative", "grammar", "typed")
SHARP = 0.2  # the temperature at which most samples repeat


class EndlessTokenizer:
    """Ids without a meaning; only one, the last if no other is named, ends a program."""

    def __init__(self, vocab_size, end_id=None):
        self.vocab_size = vocab_size
        self.pad_id = 0
        self.end_id = vocab_size - 1 if end_id is None else end_id
        self.program_ids = np.arange(vocab_size)


def draw(sampler, prompts, seed):
    """Seconds of the processor, and the samples of each prompt [N, T]."""
    start = time.process_time()
    samples = dict(sampler.sample(prompts, seed))
    seconds = time.process_time() - start
    return seconds, [samples[k] for k in sorted(samples)]


def num_drawn(tokens, end_id):
    """How many tokens samples [N, T] have, each up to its end; padding is drawn as any other."""
    is_end = tokens == end_id
    lengths = np.where(is_end.any(axis=1), is_end.argmax(axis=1) + 1, tokens.shape[1])
    return int(lengths.sum())


def bench_forced(report, name, repeats):
    tokenizer = EndlessTokenizer(GEOMETRIES[name].vocab_size or 1000)
    model = build_model(ModelSettings(name=name, pretrained=False), tokenizer, seed=1)
    print(f"{model.num_parameters:,} random weights")
    random = np.random.default_rng(1)
    prompts = [random.integers(2, tokenizer.vocab_size, SOURCE) for _ in range(NUM_PROMPTS)]
    settings = SamplingSettings(max_tokens=TARGET, batch_size=NUM_PROMPTS)
    samplers = {"transformers generate": (GenerateSampler, settings)}
    if CTranslate2Sampler.is_here():
        samplers["CTranslate2, int8"] = (CTranslate2Sampler, settings)
    else:
        print("CTranslate2 cannot be imported, and is left out")
    for precision in PRECISIONS:
        its = dataclasses.replace(settings, precision=precision)
        samplers[f"engine, {precision}"] = (EngineSampler, its)
    made = {}
    for sampler, (make, its) in samplers.items():
        greedy = dataclasses.replace(its, top_k=1, samples_per_task=1, max_tokens=16)
        likeliest = np.stack(draw(make(model, tokenizer, greedy), prompts, 0)[1])
        made[sampler] = make(model, tokenizer, its)
        if sampler == "transformers generate":
            theirs = likeliest
        agreement = (likeliest == theirs).mean()
        assert agreement == 1 or (agreement > 0.5 and "float32" not in sampler), (
            f"{sampler}: only {agreement:.0%} of the likeliest tokens are transformers'"
        )
    seconds = {sampler: [] for sampler in made}
    for repeat in range(repeats):  # in turn, so that a busy moment of the machine meets all
        for sampler, its in made.items():
            taken, samples = draw(its, prompts, repeat)
            num_tokens = sum(num_drawn(tokens, tokenizer.end_id) for tokens in samples)
            assert num_tokens > 0.9 * NUM_PROMPTS * settings.samples_per_task * TARGET
            seconds[sampler].append(taken / num_tokens)
    for sampler, taken in seconds.items():
        report.add(f"{sampler}, tokens", taken, items=1)
    medians = {sampler: statistics.median(taken) for sampler, taken in seconds.items()}
    for rival in ("transformers generate", "CTranslate2, int8"):
        for sampler in medians:
            if sampler.startswith("engine") and rival in medians:
                report.add_ratio(
                    f"{sampler}, beside {rival}", ratio(medians[rival], medians[sampler])
                )


class Workload:
    """Prompts of tasks, and the programs that their samples are made to be."""

    def __init__(self, tokenizer, num_tasks, samples_per_task, texts):
        tasks = datasets.load("arc1-evaluation")[:: NUM_TASKS // num_tasks][:num_tasks]
        writer = PromptWriter(tokenizer, MAX_DEMONSTRATIONS, MAX_PROMPT)
        self.prompts = [writer.true_prompt(task) for task in tasks]
        chosen = np.random.default_rng(1).integers(len(texts), size=(num_tasks, samples_per_task))
        ids = [tokenizer.encode_program(text).astype(np.int64) for text in texts]
        self.scripts = [[ids[k] for k in row] for row in chosen]

    def check(self, samples):
        """Every sample must be its program."""
        for tokens, scripts in zip(samples, self.scripts, strict=True):
            for row, script in zip(tokens, scripts, strict=True):
                assert np.array_equal(row[: len(script)], script)
                assert not row[len(script) :].any()

    def cut(self, num_tasks, samples_per_task, share_of_prompt):
        """A smaller one."""
        other = object.__new__(Workload)
        other.prompts = [p[: int(len(p) * share_of_prompt)] for p in self.prompts[:num_tasks]]
        other.scripts = [row[:samples_per_task] for row in self.scripts[:num_tasks]]
        return other

    @property
    def num_samples(self):
        return sum(map(len, self.scripts))


def time_engine(model, tokenizer, settings, work):
    """Seconds of the processor for a workload."""
    settings = dataclasses.replace(settings, samples_per_task=len(work.scripts[0]))
    sampler = EngineSampler(model, tokenizer, settings)
    with mock.patch.object(engine, "make_strategy", scripted_strategy(work.scripts)):
        seconds, samples = draw(sampler, work.prompts, 0)
    work.check(samples)
    return seconds


def bench_programs(report, arguments, tokenizer, texts):
    model = build_model(ModelSettings(name=arguments.model, pretrained=False), tokenizer, seed=1)
    settings = SamplingSettings()
    number = settings.samples_per_task
    work = Workload(tokenizer, arguments.tasks, number, texts)
    lengths = [len(script) for row in work.scripts for script in row]
    print(
        f"{work.num_samples} samples of {np.mean(lengths):.0f} tokens on average, at most "
        f"{max(lengths)}; prompts of {np.mean([len(p) for p in work.prompts]):.0f} on average"
    )
    settings = dataclasses.replace(settings, max_tokens=max(lengths))
    rates = {}
    ways = [(mode, "bfloat16") for mode in MODES]
    ways += [("grammar", precision) for precision in PRECISIONS if precision != "bfloat16"]
    for mode, precision in ways:
        its = dataclasses.replace(settings, mode=mode, precision=precision)
        seconds = time_engine(model, tokenizer, its, work)
        rates[f"{mode}, {precision}"] = work.num_samples / seconds
        report.add(
            f"{mode}, {precision}, {work.num_samples} samples", [seconds], unit="s", is_once=True
        )

    # The batches are sorted by length of prompt: take them from all over.
    generate = ScriptedGenerateSampler(model, tokenizer, settings, work)
    seconds, num_samples = generate.time_batches(arguments.rival_batches)
    report.add(f"transformers generate, {num_samples} samples", [seconds], unit="s", is_once=True)
    for name, rate in rates.items():
        report.add_ratio(
            f"{name}, beside transformers generate", ratio(rate, num_samples / seconds)
        )

    num_tasks = max(1, arguments.tasks // 4)
    for mode in MODES:
        its = dataclasses.replace(settings, mode=mode, precision="bfloat16")
        parts = [(number, 1.0), (number // 2, 1.0), (number, 0.5)]
        works = [work.cut(num_tasks, *part) for part in parts]
        whole, fewer, shorter = (time_engine(model, tokenizer, its, some) for some in works)
        num_source = [sum(map(len, some.prompts)) for some in works]
        per_sample = (whole - fewer) / (works[0].num_samples - works[1].num_samples)
        per_token = (whole - shorter) / (num_source[0] - num_source[2])
        report.add(
            f"{mode}, bfloat16, one more sample", [per_sample * 1e3], unit="ms", is_once=True
        )
        report.add(
            f"{mode}, bfloat16, one more token of a prompt",
            [per_token * 1e3],
            unit="ms",
            is_once=True,
        )


def bench_distinct(report, arguments, tokenizer, texts, repeats):
    model = build_model(ModelSettings(name=arguments.model, pretrained=False), tokenizer, seed=1)
    settings = SamplingSettings(
        mode="grammar", precision="bfloat16", temperature=SHARP, max_tokens=TARGET
    )
    prompts = Workload(tokenizer, arguments.tasks, settings.samples_per_task, texts).prompts
    ways = {False: "drawn by themselves", True: "none twice"}
    seconds = {is_distinct: [] for is_distinct in ways}
    num_samples = len(prompts) * settings.samples_per_task
    num_distinct = {}
    for _ in range(repeats):  # by the same seed, so that there are as many distinct ones
        for is_distinct in ways:
            its = dataclasses.replace(settings, distinct=is_distinct)
            taken, samples = draw(EngineSampler(model, tokenizer, its), prompts, 0)
            assert sum(map(len, samples)) == num_samples
            seconds[is_distinct].append(taken)
            found = sum(len(np.unique(tokens, axis=0)) for tokens in samples)
            assert num_distinct.setdefault(is_distinct, found) == found
    assert num_distinct[True] == num_samples
    for is_distinct, name in ways.items():
        count = num_distinct[is_distinct]
        report.add(f"samples {name}", seconds[is_distinct], items=num_samples)
        report.add(f"samples {name}, distinct ones", seconds[is_distinct], items=count)
        report.add_share(f"samples {name}, repeated", 1 - count / num_samples)
    rates = {k: num_distinct[k] / statistics.median(seconds[k]) for k in ways}
    report.add_ratio("distinct samples, none twice", ratio(rates[True], rates[False]))


def main():
    parser = Parser(__doc__)
    parser.add_argument("--model", default="Salesforce/codet5-small", choices=sorted(GEOMETRIES))
    parser.add_repeats(3)
    parser.add_argument(
        "--tasks", type=whole_number(0, NUM_TASKS), default=40, help="0: forced lengths alone"
    )
    parser.add_argument(
        "--rival-batches", type=whole_number(1), default=2, help="that transformers is timed on"
    )
    parser.add_argument(
        "--tokenizer", help="a directory with CodeT5's vocabulary; else the compact"
    )
    parser.add_argument(
        "--programs", type=existing_file, help="a file of programs; else the seed programs"
    )
    arguments = parser.parse_args()
    with parser.checking():
        tokenizer = load_tokenizer(arguments.tokenizer or "compact")
        texts = [seed.program.text for seed in load_seed_programs(arguments.programs)]
    torch.set_num_threads(1)
    print(f"{machine()}, 1 thread; {arguments.model}")
    report = Report()
    bench_forced(report, arguments.model, arguments.repeats)
    if arguments.tasks:
        bench_programs(report, arguments, tokenizer, texts)
        bench_distinct(report, arguments, tokenizer, texts, arguments.repeats)
    settings = vars(arguments) | {
        name: bool(getattr(arguments, name)) for name in ("tokenizer", "programs")
    }
    report.print_record("sampling", {"torch": torch.__version__}, settings)


if __name__ == "__main__":
    main()
