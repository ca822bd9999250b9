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
median. There is nothing to measure without CUDA; `--device cpu`, at tiny size, shows that it runs.
The last line is JSON.

    python benchmarks/bench_attention.py [--experiences 24] [--dtype bfloat16] [--repeats 10]
    python benchmarks/bench_attention.py --device cpu --experiences 2 --rows 4 --dtype float32
"""

import functools
import time

import numpy as np
import torch
from harness import Parser, Report, machine, ratio, whole_number
from torch.nn.attention import SDPBackend, sdpa_kernel

from codeit.policy.model.attention import (
    Cache,
    Layout,
    Plan,
    attention,
    decode_self_attention,
    describe,
)
from codeit.policy.model.attention.decoding import plain_decode_self_attention
from codeit.policy.model.attention.padded import padded_attention
from codeit.policy.model.dropout import Dropout

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
    synchronize()
    start = time.perf_counter()
    work()
    synchronize()
    return time.perf_counter() - start


def synchronize():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


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
    """The plain path, on a GPU by torch's memory-efficient kernel alone."""
    if not inputs[0].is_cuda:
        return padded_attention(*inputs)
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
        x, y = x.detach().double(), y.detach().double()
        difference = float((x - y).abs().max() / y.abs().max())
        assert difference < TOLERANCES[dtype], difference


def bench_packed(report, name, queries, keys, is_causal, has_bias, arguments, peak):
    dtype, device = getattr(torch, arguments.dtype), torch.device(arguments.device)
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
            report.add_ratio(f"{line}: beside torch", ratio(*medians))
            report.add_share(f"{line}: share of the peak of products", medians[0] / peak)


def bench_decoding(report, num_rows, dtype, device, repeats, bandwidth):
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
    where = [torch.from_numpy(x).to(device) for x in (rows, positions)]

    def ours():
        return decode_self_attention(projected, *where, bias, cache)

    def plain():
        return plain_decode_self_attention(projected, *where, bias, cache)

    check([ours()], [plain()], dtype)
    ways = {"codeit": ours, "torch": plain}
    if device.type == "cuda":
        from codeit.policy.model.attention.fused_decoding import fused_decode_self_attention

        def fused(num_parts=None):
            return fused_decode_self_attention(
                projected, *where, bias, cache.keys, cache.values, num_parts
            )

        check([fused(), fused(1)], [plain(), plain()], dtype)
        ways["codeit, from a graph"] = captured(fused)
        ways["codeit, from a graph, rows in one part"] = captured(lambda: fused(1))
    num_bytes = 2 * int((positions + 1).sum()) * HEADS * WIDTH * keys.element_size()
    name = f"decoding, {num_rows} rows"
    for key, seconds in take_turns(ways, repeats).items():
        report.add(f"{name}: {key}", [1e6 * s for s in seconds], unit="us")
        share = num_bytes / float(np.median(seconds)) / bandwidth
        report.add_share(f"{name}: {key}: share of the copy bandwidth", share)


def captured(work):
    """The same from a CUDA graph, without the time that launching takes."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def peak_of(device, dtype):
    """TFLOP/s of one large product."""
    size = 8192 if device.type == "cuda" else 256
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    return 2 * size**3 / min(seconds_of(lambda: a @ b) for _ in range(5)) / 1e12


def bandwidth_of(device):
    """Bytes a second that a copy reads and writes."""
    num_bytes = 1 << (31 if device.type == "cuda" else 20)
    a, b = (torch.zeros(num_bytes, dtype=torch.uint8, device=device) for _ in range(2))
    return 2 * num_bytes / min(seconds_of(lambda: b.copy_(a)) for _ in range(5))


def main():
    parser = Parser(__doc__)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--experiences", type=whole_number(1), default=24)
    parser.add_argument("--dtype", choices=[str(t)[6:] for t in TOLERANCES], default="bfloat16")
    parser.add_argument("--rows", type=whole_number(1), nargs="+", default=[2400, 16])
    parser.add_repeats(10)
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("This measures kernels for CUDA, and there is no CUDA device here.")
        return
    device = torch.device(arguments.device)
    dtype = getattr(torch, arguments.dtype)
    name = torch.cuda.get_device_name() if device.type == "cuda" else machine()
    print(f"{name}; {describe(device)}; {arguments.dtype}")
    random = np.random.default_rng(SEED)
    sources = drawn_layout(random, arguments.experiences, 642, 0.65, 1024)
    targets = drawn_layout(random, arguments.experiences, 116, 0.8, 512)
    peak, bandwidth = peak_of(device, dtype), bandwidth_of(device)
    report = Report()
    report.add("one large product", [peak], unit="TFLOP/s", is_once=True)
    report.add("copy", [bandwidth / 1e9], unit="GB/s", is_once=True)
    for part, queries, keys, is_causal, has_bias in (
        ("encoder", sources, sources, False, True),
        ("decoder", targets, targets, True, True),
        ("cross", targets, sources, False, False),
    ):
        bench_packed(report, part, queries, keys, is_causal, has_bias, arguments, peak)
    for num_rows in arguments.rows:
        bench_decoding(report, num_rows, dtype, device, arguments.repeats, bandwidth)
    versions = {"torch": torch.__version__, "device": name}
    report.print_record("attention", versions, vars(arguments) | {"seed": SEED})


if __name__ == "__main__":
    main()
