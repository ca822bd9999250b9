"""How fast do the fused attention kernels run on a GPU, beside torch's attention?

The question: at codet5p-220m's geometry (12 heads of 64, bfloat16) and with lengths as measured on
ARC with CodeT5's tokenizer (sources with a median of 642 tokens, a quarter of them cut at 1024;
targets with a median of 116), how many TFLOP/s do the encoder's, the decoder's and the cross
attention of one packed batch reach, forward and with the gradients, without and with dropout?
Beside torch's memory-efficient kernel on padded groups, the only one of torch's that takes a bias
and gives its gradient. And how long does a decoder's step take, many tokens at a time as while it
samples and few as at the end, beside torch's operations; which share of the copy bandwidth is it?

Operations are those of scores that belong to a sequence: 4 per score and dimension forward, 10 more
backward; padding counts for nothing. Before the time counts, outputs and gradients are compared.
Every line is the median of some repeats, which take turns, with the spread (largest - smallest) /
median. There is nothing to measure without CUDA. The last line is JSON.

    python benchmarks/bench_attention.py [--experiences 24] [--dtype bfloat16] [--repeats 10]
"""

import argparse
import functools
import time

import numpy as np
import torch
from harness import Report
from torch.nn.attention import SDPBackend, sdpa_kernel

from codeit.model.attention import (
    Cache,
    Layout,
    Plan,
    Step,
    attention,
    describe,
    padded_attention,
    plain_decode_self_attention,
)
from codeit.model.dropout import Dropout

SEED = 5
HEADS = 12
WIDTH = 64
REACH = 129  # distances that T5 has values for, each way
CAPACITY = 512  # positions of a decoder's row
TOLERANCES = {torch.bfloat16: 0.05, torch.float16: 0.02, torch.float32: 1e-4}


def drawn_layout(random, count, median, spread, longest):
    lengths = (median * np.exp(random.normal(0, spread, count))).astype(np.int64)
    return Layout(np.concatenate([[0], np.cumsum(lengths.clip(8, longest))]))


def seconds_of(work):
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def take_turns(ways, repeats):
    """Seconds of each way, in turns, after two runs that are not counted."""
    seconds = {name: [] for name in ways}
    for turn in range(repeats + 2):
        for name, work in ways.items():
            spent = seconds_of(work)
            if turn >= 2:
                seconds[name].append(spent)
    return seconds


def efficient_attention(*inputs):
    """The plain path, by torch's memory-efficient kernel alone."""
    with sdpa_kernel(SDPBackend.EFFICIENT_ATTENTION):
        return padded_attention(*inputs)


def forward(function, inputs, plan, dropout):
    with torch.no_grad():
        return function(*inputs[:3], plan, inputs[3] if len(inputs) > 3 else None, dropout)


def forward_backward(function, inputs, plan, dropout):
    out = function(*inputs[:3], plan, inputs[3] if len(inputs) > 3 else None, dropout)
    return [out, *torch.autograd.grad(out.sum(), inputs)]


def check(a, b, dtype):
    for x, y in zip(a, b, strict=True):
        difference = float((x.double() - y.double()).abs().max() / y.double().abs().max())
        assert difference < TOLERANCES[dtype], difference


def bench_packed(report, name, queries, keys, is_causal, has_bias, arguments, peak):
    dtype, device = getattr(torch, arguments.dtype), torch.device("cuda")
    plan = Plan(queries, keys, HEADS, device)
    generator = torch.Generator().manual_seed(SEED)
    inputs = [
        torch.randn(n, HEADS, WIDTH, generator=generator).to(device, dtype) / WIDTH**0.25
        for n in (queries.num_tokens, keys.num_tokens, keys.num_tokens)
    ]
    if has_bias:
        bias = torch.randn(HEADS, 2 * REACH - 1, generator=generator)
        if is_causal:
            bias[:, : REACH - 1] = -torch.inf
        inputs.append(bias.to(device))
    for x in inputs:
        x.requires_grad_()
    functions = {"codeit": attention, "torch": efficient_attention}
    none = Dropout(0.0, SEED)
    check(*(forward_backward(f, inputs, plan, none) for f in functions.values()), dtype)
    num_flops = plan.num_needed * HEADS * WIDTH
    for what, run, each in (("forward", forward, 4), ("and backward", forward_backward, 14)):
        for rate in (0.0, 0.1):
            ways = {
                key: functools.partial(run, f, inputs, plan, Dropout(rate, SEED))
                for key, f in functions.items()
            }
            line = f"{name}, {what}{', dropout' if rate else ''}"
            medians = []
            for key, seconds in take_turns(ways, arguments.repeats).items():
                rates = [each * num_flops / s / 1e12 for s in seconds]
                report.add(f"{line}: {key}", rates, unit="TFLOP/s")
                medians.append(float(np.median(rates)))
            report.add_ratio(f"{line}: beside torch", medians[0] / medians[1])
            print(f"{'':4}share of the peak of products{medians[0] / peak:>40.1%}")


def bench_decoding(report, num_rows, dtype, repeats, bandwidth):
    from codeit.model.fused_decoding import fused_decode_self_attention

    device = torch.device("cuda")
    random = np.random.default_rng(SEED)
    generator = torch.Generator().manual_seed(SEED)
    shape = (num_rows, HEADS, CAPACITY, WIDTH)
    keys, values = (torch.randn(shape, generator=generator).to(device, dtype) for _ in range(2))
    cache = Cache(keys.transpose(2, 3), values)
    projected = torch.randn(num_rows, 3, HEADS, WIDTH, generator=generator).to(device, dtype)
    bias = torch.randn(HEADS, CAPACITY, generator=generator).to(device)
    rows = np.arange(num_rows, dtype=np.int32)
    positions = (random.random(num_rows) * 2 * 50).astype(np.int32)
    if num_rows < 100:  # the longest ones are left
        positions += CAPACITY - 100
    step = Step(rows, positions)
    where = [torch.from_numpy(x).to(device) for x in (rows, positions)]

    def fused(num_parts=None):
        return fused_decode_self_attention(
            projected, *where, bias, *vars(cache).values(), num_parts
        )

    def plain():
        return plain_decode_self_attention(projected, step, bias, cache)

    check([fused(), fused(1)], [plain(), plain()], dtype)
    ways = {
        "codeit": fused,
        "codeit, from a graph": captured(fused),
        "codeit, from a graph, rows in one part": captured(lambda: fused(1)),
        "torch": plain,
    }
    num_bytes = 2 * int((positions + 1).sum()) * HEADS * WIDTH * keys.element_size()
    name = f"decoding, {num_rows} rows"
    for key, seconds in take_turns(ways, repeats).items():
        report.add(f"{name}: {key}", [1e6 * s for s in seconds], unit="us")
        share = num_bytes / float(np.median(seconds)) / bandwidth
        print(f"{'':4}share of the copy bandwidth{share:>42.1%}")


def captured(work):
    """The same from a CUDA graph, without the time that launching takes."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def peak_of(dtype, size=8192):
    """TFLOP/s of one large product."""
    a, b = (torch.randn(size, size, device="cuda", dtype=dtype) for _ in range(2))
    return 2 * size**3 / min(seconds_of(lambda: a @ b) for _ in range(5)) / 1e12


def bandwidth_of(num_bytes=1 << 31):
    """Bytes a second that a copy reads and writes."""
    a, b = (torch.empty(num_bytes, dtype=torch.uint8, device="cuda") for _ in range(2))
    return 2 * num_bytes / min(seconds_of(lambda: b.copy_(a)) for _ in range(5))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiences", type=int, default=24)
    parser.add_argument("--dtype", choices=[str(t)[6:] for t in TOLERANCES], default="bfloat16")
    parser.add_argument("--rows", type=int, nargs="+", default=[2400, 16])
    parser.add_argument("--repeats", type=int, default=10)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("This measures kernels for CUDA, and there is no CUDA device here.")
        return
    device = torch.device("cuda")
    dtype = getattr(torch, arguments.dtype)
    print(f"{torch.cuda.get_device_name()}; {describe(device)}; {arguments.dtype}")
    random = np.random.default_rng(SEED)
    sources = drawn_layout(random, arguments.experiences, 642, 0.65, 1024)
    targets = drawn_layout(random, arguments.experiences, 116, 0.8, 512)
    peak, bandwidth = peak_of(dtype), bandwidth_of()
    report = Report()
    report.add("one large product", [peak], unit="TFLOP/s")
    report.add("copy", [bandwidth / 1e9], unit="GB/s")
    for name, queries, keys, is_causal, has_bias in (
        ("encoder", sources, sources, False, True),
        ("decoder", targets, targets, True, True),
        ("cross", targets, sources, False, False),
    ):
        bench_packed(report, name, queries, keys, is_causal, has_bias, arguments, peak)
    for num_rows in arguments.rows:
        bench_decoding(report, num_rows, dtype, arguments.repeats, bandwidth)
    versions = {"torch": torch.__version__, "gpu": torch.cuda.get_device_name()}
    report.print_record("attention", versions, vars(arguments) | {"seed": SEED})


if __name__ == "__main__":
    main()
