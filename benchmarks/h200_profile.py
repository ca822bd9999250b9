"""Where the time of an iteration goes on a GPU, at CodeT5+ 220M's geometry, in one command.

The question: what limits an iteration of the paper's loop on this device? Random weights, programs
that are drawn by the grammar, of at most 128 tokens (a policy without training would write tokens
without end), search around them on the cores, bfloat16. Prints what `codeit profile` prints: the
ceilings of the device, the stages beside them, the bottleneck in one sentence.

Wall time, since the device works beside the processor. The last line is JSON. On a CPU, at tiny
size, it shows that it runs:

    python benchmarks/h200_profile.py
    python benchmarks/h200_profile.py --device cpu --model tiny --share 0.001
"""

import argparse
import json
from pathlib import Path

import torch
from harness import Parser, Report

from codeit.policy.model.checkpoint import GEOMETRIES, find_device
from codeit.profiling.command import profile_on_console
from codeit.runs.settings import PRESETS, override
from codeit.terminal import open_console, prepare_streams

MAX_PROGRAM = 128


def share_of(text):
    """An argument: a part of all tasks and experiences."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}; allowed: above 0, at most 1")
    return value


def main():
    parser = Parser(__doc__)
    parser.add_argument("--model", default="Salesforce/codet5p-220m", choices=sorted(GEOMETRIES))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--share", type=share_of, default=0.1, help="of tasks and experiences")
    parser.add_argument("--kernels", action="store_true", help="with torch's profiler")
    parser.add_argument("--trace", type=Path, help="write a trace for Perfetto to this file")
    arguments = parser.parse_args()
    with parser.checking():
        device = find_device(arguments.device)
    is_cuda = device.type == "cuda"
    settings = override(
        PRESETS["paper"],
        {
            "elsewhere": True,
            "model.name": arguments.model,
            "model.pretrained": False,
            "model.tokenizer": "compact",
            "model.device": str(device),
            "search.iteration_evaluations": 100_000 if is_cuda else 1000,
            "sampling.mode": "grammar",
            "sampling.max_tokens": MAX_PROGRAM,
            "sampling.precision": "bfloat16",
            "sampling.num_rows": 2400 if is_cuda else 96,
            "training.precision": "bfloat16",
            "training.micro_batch_tokens": 65_536 if is_cuda else 4096,
        },
    )
    prepare_streams()
    figures, trace = profile_on_console(
        settings, "iteration", arguments.share, arguments.kernels, open_console()
    )
    if arguments.trace:
        arguments.trace.write_text(json.dumps(trace))
    report = Report()
    report.add("an iteration", [figures["wall"]], unit="s", is_once=True)
    report.add_share("the model runs", figures["model"])
    for name, stage in figures["stages"].items():
        report.add_share(f"{name}, of the time", stage["seconds"] / figures["wall"])
        if stage["ceiling"]:
            report.add_share(
                f"{name}, of the rate of {stage['ceiling']['ceiling']}", stage["ceiling"]["share"]
            )
    words = {name: str(value) for name, value in vars(arguments).items()}
    report.print_record("h200_profile", {"torch": torch.__version__}, words)


if __name__ == "__main__":
    main()
