"""All that is to be measured of sampling on a GPU, in one command.

The question: how long do 9,600 samples (400 prompts of 600 tokens, 24 samples each) of a model of
CodeT5+ 220M's geometry take, random weights, full vocabulary, lengths drawn like the solvers' with
a mean of about 100 tokens? Tokens a second, seconds for all, and the share of what the device could
do at best: in CUDA graphs, where the device decides, and eagerly, where the host does. The same for
programs that are drawn by the grammar, of at most 128 tokens. Then transformers' generate, on some
batches of the samples of before. TensorRT-LLM is a peer, too, and left out: it samples from an
engine that is built for the device first.

At best: the sum, over products, caches and what the encoder says, of the larger of their operations
over the rate of a large product and their bytes over the rate of a copy, both measured first. The
steps are as many as the rows need if none of them ever waits.

Wall time, since the device works beside the processor. The last line is JSON. On a CPU, at tiny
size, it shows that it runs; the steps that graphs are made of are taken as they are there:

    python benchmarks/h200_sampling.py
    python benchmarks/h200_sampling.py --device cpu --model tiny --tasks 2 --rows 16
        --precision float32
"""

import dataclasses
import time
from unittest import mock

import numpy as np
import torch
from bench_sampling import EndlessTokenizer, Workload
from harness import Parser, Report, machine, ratio, whole_number
from rivals import ScriptedGenerateSampler, scripted_static_session, scripted_strategy

from codeit import Program
from codeit.language import load_seed_programs
from codeit.policy.model import ModelSettings
from codeit.policy.model.checkpoint import GEOMETRIES, build_model, find_device
from codeit.policy.sampling import SamplingSettings, engine
from codeit.policy.sampling.engine import EngineSampler
from codeit.policy.tokenizer import CompactTokenizer

SOURCE = 600
MEAN_LENGTH = 100
MAX_LENGTH = 512
MAX_PROGRAM = 128


class Scripts(Workload):
    """Random tokens in the lengths of programs."""

    def __init__(self, tokenizer, num_tasks, samples_per_task):
        random = np.random.default_rng(1)
        like = np.array([len(seed.program.text) for seed in load_seed_programs()], dtype=float)
        lengths = random.choice(like / like.mean() * MEAN_LENGTH, (num_tasks, samples_per_task))
        lengths = lengths.astype(np.int64).clip(2, MAX_LENGTH)
        self.prompts = [random.integers(2, tokenizer.vocab_size, SOURCE) for _ in range(num_tasks)]
        self.scripts = [
            [
                np.append(random.integers(2, tokenizer.vocab_size, n - 1), tokenizer.end_id)
                for n in row
            ]
            for row in lengths
        ]

    @property
    def lengths(self):
        return np.array([[len(script) for script in row] for row in self.scripts])


def synchronized(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def rate_of(work, amount, device, repeats=5):
    """Amount a second, at best of some repeats."""
    work()
    seconds = []
    for _ in range(repeats):
        start = synchronized(device)
        work()
        seconds.append(synchronized(device) - start)
    return amount / min(seconds)


def rates(device, dtype):
    """Operations a second of a large product, and bytes a second of a copy."""
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    floats = torch.empty((1 << 30) // 4 if device.type == "cuda" else 1 << 22, device=device)
    to = torch.empty_like(floats)
    return (
        rate_of(lambda: a @ b, 2 * size**3, device),
        rate_of(lambda: to.copy_(floats), 2 * floats.nbytes, device),
    )


def seconds_at_best(config, work, num_rows, num_bytes, product_rate, copy_rate):
    """See the top."""
    c = config
    inner = c.num_heads * c.d_kv
    layers = c.num_decoder_layers
    lengths = work.lengths
    num_tokens = int(lengths.sum())
    num_source = SOURCE * len(work.prompts)
    num_steps = -(-num_tokens // num_rows)
    feed = (3 if c.is_gated else 2) * c.d_model * c.d_ff
    decoder = layers * (6 * c.d_model * inner + feed)
    head = c.d_model * c.vocab_size
    encoder = c.num_layers * (4 * c.d_model * inner + feed) + layers * 2 * c.d_model * inner
    per_position = 2 * inner * layers  # keys and values
    # Positions that the tokens of all samples look back on, and prompts that are read in a step.
    looked_at = int((lengths * (lengths + 1) // 2).sum())
    prompts_at_once = num_rows / lengths.shape[1]
    parts = [  # operations, bytes
        (2 * num_tokens * (decoder + head), num_bytes * num_steps * (decoder + head)),
        (2 * looked_at * per_position, num_bytes * looked_at * per_position),
        (
            2 * num_tokens * SOURCE * per_position,
            num_bytes * num_steps * prompts_at_once * SOURCE * per_position,
        ),
        (
            2 * num_source * (encoder + c.num_layers * 2 * inner * SOURCE),
            num_bytes * encoder,
        ),
    ]
    return sum(max(work / product_rate, size / copy_rate) for work, size in parts)


WAYS = {"in graphs": True, "eagerly": False}
"""How the engine steps, and the setting that says so."""


def timed(device, sampler, prompts):
    """Seconds, and the samples of each prompt."""
    start = synchronized(device)
    samples = dict(sampler.sample(prompts, 0))
    return synchronized(device) - start, [samples[k] for k in sorted(samples)]


def time_scripts(device, sampler, work):
    """Seconds for all of it, after a part of it."""
    warm = work.cut(max(1, len(work.prompts) // 20), sampler.settings.samples_per_task, 1.0)
    for some in (warm, work):
        with (
            mock.patch.object(engine, "make_strategy", scripted_strategy(some.scripts)),
            scripted_static_session(some.scripts),
        ):
            seconds, samples = timed(device, sampler, some.prompts)
        some.check(samples)
    return seconds


def time_programs(device, sampler, prompts):
    """Seconds for a sample of each prompt and number, and how many tokens those have."""
    timed(device, sampler, prompts[: max(1, len(prompts) // 20)])
    seconds, samples = timed(device, sampler, prompts)
    tokenizer = sampler.tokenizer
    for row in samples[0]:
        Program.parse(tokenizer.decode_program(row))
    return seconds, sum(int((tokens != tokenizer.pad_id).sum()) for tokens in samples)


def main():
    parser = Parser(__doc__)
    parser.add_argument("--model", default="Salesforce/codet5p-220m", choices=sorted(GEOMETRIES))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--tasks", type=whole_number(1), default=400)
    parser.add_argument(
        "--rows", type=whole_number(1), default=2400, help="samples under way at a time"
    )
    parser.add_argument("--precision", default="bfloat16", choices=("float32", "bfloat16"))
    parser.add_argument("--rival-batches", type=whole_number(1), default=2)
    arguments = parser.parse_args()
    with parser.checking():
        device = find_device(arguments.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else machine()
    print(f"{name}; {arguments.model}")
    compact = CompactTokenizer()
    vocab_size = GEOMETRIES[arguments.model].vocab_size or compact.vocab_size
    tokenizer = EndlessTokenizer(vocab_size, compact.end_id)  # both are for one model
    model = build_model(ModelSettings(name=arguments.model, pretrained=False), tokenizer, seed=1)
    model = model.to(device)
    settings = SamplingSettings(
        max_tokens=MAX_LENGTH, num_rows=arguments.rows, precision=arguments.precision
    )
    work = Scripts(tokenizer, arguments.tasks, settings.samples_per_task)
    num_tokens = int(work.lengths.sum())
    print(f"{work.num_samples:,} samples, {num_tokens:,} tokens")

    report = Report()
    dtype = getattr(torch, arguments.precision)
    product_rate, copy_rate = rates(device, dtype)
    report.add("a large product", [product_rate / 1e12], unit="TFLOP/s", is_once=True)
    report.add("a copy", [copy_rate / 1e9], unit="GB/s", is_once=True)
    best = seconds_at_best(
        model.config, work, arguments.rows, dtype.itemsize, product_rate, copy_rate
    )
    report.add("at best, all samples", [best], unit="s", is_once=True)
    taken = {}
    # On a CPU, too, the setting alone decides here.
    with mock.patch.object(EngineSampler, "_uses_graphs", lambda self: self.settings.cuda_graphs):
        for way, is_captured in WAYS.items():
            its = dataclasses.replace(settings, cuda_graphs=is_captured)
            seconds = time_scripts(device, EngineSampler(model, tokenizer, its), work)
            taken[way] = seconds / work.num_samples
            report.add(f"engine {way}, all samples", [seconds], unit="s", is_once=True)
            report.add(f"engine {way}, tokens", [seconds], items=num_tokens, is_once=True)
            share = best / seconds * 100
            report.add(
                f"engine {way}, of what the device could do", [share], unit="%", is_once=True
            )
        for way, is_captured in WAYS.items():
            its = dataclasses.replace(
                settings, cuda_graphs=is_captured, mode="grammar", max_tokens=MAX_PROGRAM
            )
            sampler = EngineSampler(model, compact, its)
            seconds, count = time_programs(device, sampler, work.prompts)
            report.add(
                f"programs by the grammar {way}, tokens", [seconds], items=count, is_once=True
            )

    its = dataclasses.replace(settings, max_tokens=int(work.lengths.max()))
    generate = ScriptedGenerateSampler(model, tokenizer, its, work)
    start = synchronized(device)
    num_samples = generate.time_batches(arguments.rival_batches)[1]
    theirs = (synchronized(device) - start) / num_samples
    spent = [theirs * num_samples]
    report.add(f"transformers generate, {num_samples} samples", spent, unit="s", is_once=True)
    for way, seconds in taken.items():
        report.add_ratio(f"engine {way}, beside transformers generate", ratio(theirs, seconds))
    report.print_record("h200_sampling", {"torch": torch.__version__}, vars(arguments))


if __name__ == "__main__":
    main()
