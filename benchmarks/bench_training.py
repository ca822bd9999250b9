"""How fast does the trainer learn, beside a padded loop over transformers' model?

The question: with the same weights, precision and dropout, how many real tokens (source and target,
without padding) does one step over a batch of experiences take in per second? Beside the original's
loop, which pads batches of 8 whose targets are of similar length, and beside the same loop with
batches of similar source length. Goal: 2.5 times the former on a CPU, 4 times on an H200 at
codet5p-220m geometry.

Lengths are drawn as measured on ARC with CodeT5's tokenizer: sources with a median of 642 tokens, a
quarter of them cut at 1024; targets with a median of 116 and a mean of 160. Before the time counts,
all losses without dropout are compared. Every line is the median of some repeats, which take turns,
with the spread (largest - smallest) / median; seconds are those of one CPU core, or on a GPU of the
clock. The share of the peak relates the products that training needs to what one large product of
the same precision reaches here. The last line is JSON.

    python benchmarks/bench_training.py [--model codet5-small] [--experiences 16] [--repeats 3]
"""

import gc
import time

import numpy as np
import torch
import transformers
from harness import Parser, Report, machine, ratio, share, whole_number

from codeit.benching.padded_loop import BATCH, PaddedLoop, losses, losses_differ
from codeit.learning.replay import Batch
from codeit.learning.training import TrainingSettings
from codeit.learning.training.trainer import Trainer
from codeit.policy.model import ModelSettings
from codeit.policy.model.checkpoint import GEOMETRIES, build_model, find_device
from codeit.policy.tokenizer import CompactTokenizer

SEED = 5
SOURCES = (642, 0.65, 1024)  # Median, spread of the logarithm, and most of the lengths.
TARGETS = (116, 0.8, 512)
CPU_PRODUCT = 2048  # Width of the product that the peak is measured by.
MODELS = {name.split("/")[-1]: name for name in GEOMETRIES}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def drawn_experiences(count, vocab_size):
    random = np.random.default_rng(SEED)

    def drawn(median, spread, longest):
        lengths = (median * np.exp(random.normal(0, spread, count))).astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths.clip(8, longest))])
        return random.integers(3, vocab_size, offsets[-1]).astype(np.uint16), offsets

    return Batch(*drawn(*SOURCES), *drawn(*TARGETS), np.zeros(count, np.uint8))


def time_on(device, work):
    """Seconds of one core on a CPU, of the clock on a GPU."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - start
    start = time.process_time()
    work()
    return time.process_time() - start


def peak_of(device, dtype, repeats=5):
    """Operations a second of one large product."""
    size = 8192 if device.type == "cuda" else CPU_PRODUCT
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    seconds = [time_on(device, lambda: a @ b) for _ in range(repeats)]
    return 2 * size**3 / min(seconds[1:])


def bench(report, arguments, precision):
    dtype, device = DTYPES[precision], torch.device(arguments.device)
    settings = ModelSettings(
        name=MODELS[arguments.model], pretrained=False, dropout=arguments.dropout
    )
    model = build_model(settings, CompactTokenizer(), SEED).to(device)
    experiences = drawn_experiences(arguments.experiences, model.config.vocab_size)
    trainer = Trainer(
        model,
        TrainingSettings(
            batch_size=arguments.experiences,
            micro_batch_tokens=arguments.micro_batch_tokens,
            precision=precision,
        ),
    )
    loops = {by: PaddedLoop(model, dtype, by) for by in ("target", "source")}
    ours, plain = losses(model, loops["target"], experiences, dtype)
    assert not losses_differ(ours, plain, dtype), (ours, plain)
    ways = {"codeit, packed": lambda batch: trainer.train(batch, SEED)}
    ways |= {f"transformers, padded by {by} length": loop.train for by, loop in loops.items()}
    seconds = {name: [] for name in ways}
    for work in ways.values():  # memory, and on a GPU kernels
        work(experiences if device.type == "cuda" else drawn_experiences(2, 100))
    for _ in range(arguments.repeats):
        for name, work in ways.items():
            seconds[name].append(time_on(device, lambda work=work: work(experiences)))
    num_tokens = len(experiences.source_ids) + len(experiences.target_ids)
    for name, spent in seconds.items():
        report.add(f"{precision}: {name}", spent, items=num_tokens)
    ours, *others = (float(np.median(spent)) for spent in seconds.values())
    for by, other in zip(loops, others, strict=True):
        report.add_ratio(f"{precision}: beside padding by {by} length", ratio(other, ours))
    num_flops = 3 * model.config.num_flops(
        np.diff(experiences.source_offsets), np.diff(experiences.target_offsets)
    )
    shares = {"share of the peak": ratio(num_flops / peak_of(device, dtype), ours)}
    shares |= {
        f"padding of sources, by {by} length": loop.share_of_padding(experiences)
        for by, loop in loops.items()
    }
    for name, part in shares.items():
        report.add_share(f"{precision}: {name}", part)


def main():
    parser = Parser(__doc__)
    parser.add_argument("--model", default="codet5-small", choices=MODELS)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--experiences", type=whole_number(1), default=16)
    parser.add_argument("--micro-batch-tokens", type=whole_number(1), default=16_384)
    parser.add_argument("--dropout", type=share, default=0.1)
    parser.add_argument("--precisions", nargs="+", choices=DTYPES, default=["bfloat16", "float32"])
    parser.add_repeats(3)
    arguments = parser.parse_args()
    with parser.checking():
        device = find_device(arguments.device)
    torch.set_num_threads(1)
    where = machine() if device.type == "cpu" else torch.cuda.get_device_name(device)
    print(f"{where}; {arguments.model}, {arguments.experiences} experiences")
    report = Report()
    for precision in arguments.precisions:
        bench(report, arguments, precision)
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    report.print_record("training", versions, vars(arguments) | {"seed": SEED, "batch": BATCH})


if __name__ == "__main__":
    main()
