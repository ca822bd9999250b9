"""`codeit profile`: where an iteration's time goes, and what would move it."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from codeit.files.whole_file import whole_file
from codeit.profiling.measured import Measured, Part
from codeit.profiling.size import NOT_READ, in_words, scaled, share_for
from codeit.profiling.tables import ceilings_in_words, print_profile
from codeit.profiling.trace import chrome_trace
from codeit.profiling.verdict import bottleneck, sentence
from codeit.runs.effects import check_effect
from codeit.runs.setting_words import base_settings, parse_settings
from codeit.runs.settings import RunSettings
from codeit.terminal import open_console, plain, quiet_libraries, say
from codeit.terminal.arguments import Parser, path_of, positive_number

_STAGES = ("iteration", "sampling", "training", "executing")
_SECONDS = 30.0
"""That the model works in an iteration, roughly, where nobody says how much is to be done. There
are two of them, and what is beside the model."""


def profile_parser() -> Parser:
    """Of the words that are no settings."""
    parser = Parser(
        prog="codeit profile",
        description="Run two iterations on a part of the tasks, in a directory that is removed, "
        "and say where the time of the second goes, beside what this machine reaches in a large "
        "copy and in large products. Ends with the bottleneck in one sentence. All settings of "
        "`codeit train` may follow.",
        examples=[
            "codeit profile",
            "codeit profile --stage training --kernels",
            "codeit profile --preset small --model.no-pretrained --model.tokenizer compact",
        ],
        allow_abbrev=False,
    )
    parser.add_argument(
        "--preset", default="demo", metavar="NAME", help="demo (default), small or paper"
    )
    parser.add_argument(
        "--config", type=path_of, metavar="FILE", help="a TOML file over it, as of `codeit train`"
    )
    parser.add_argument(
        "--stage",
        choices=_STAGES,
        default="iteration",
        metavar="STAGE",
        help="sampling, training or executing alone; iteration (default) for all of one",
    )
    parser.add_argument(
        "--share",
        type=positive_number(1),
        help="which part of the tasks and experiences (default: as much as takes about a minute)",
    )
    parser.add_argument(
        "--kernels", action="store_true", help="have torch's profiler say what it does, too"
    )
    for name, what in (("trace", "a trace for Perfetto"), ("json", "all figures")):
        parser.add_argument(
            f"--{name}", type=path_of, metavar="FILE", help=f"write {what} to this file"
        )
    return parser


def profile_command(words: list[str]) -> None:
    """Run `codeit profile`.

    Raises:
        ValueError, OSError: a word is wrong, or a file cannot be written.
    """
    parsed, rest = profile_parser().parse_known_args(words)
    base, in_file = base_settings(parsed.preset, parsed.config)
    settings, chosen = parse_settings(rest, base)
    for name in chosen:
        if name in NOT_READ:
            raise ValueError(f"{name} has no effect in a profile: {NOT_READ[name]}")
    check_effect(settings, list(dict.fromkeys([*chosen, *in_file])))
    for path in (parsed.trace, parsed.json):
        _check_can_be_written(path)
    figures, trace = profile_on_console(
        settings, parsed.stage, parsed.share, parsed.kernels, open_console()
    )
    for path, content in ((parsed.trace, trace), (parsed.json, figures)):
        if path:
            with whole_file(path) as file:
                file.write(json.dumps(content).encode())


def profile_on_console(
    settings: RunSettings,
    stage: str,
    share: float | None,
    with_kernels: bool,
    console: Console,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure and print.

    Args:
        stage: one of `iteration`, `sampling`, `training` and `executing`.
        share: of the tasks and experiences; None for as much as takes about a minute.
    Returns:
        All figures, and the trace, both as objects of JSON files.
    """
    quiet_libraries()
    begin, cpu = time.perf_counter(), time.process_time()
    with console.status("loading torch"):
        from codeit.profiling import measuring
    imports = Part("imports", time.perf_counter() - begin, time.process_time() - cpu)
    with console.status("measuring a large copy and large products"):
        machine = measuring.Machine.of(settings)
    ceilings = machine.ceilings
    at_once = f", {ceilings.threads} threads at once" if ceilings.threads > 1 else ""
    rates = ceilings_in_words(ceilings.copy, ceilings.products)
    console.print(plain(f"{ceilings.device} reaches{at_once}: {rates}"))
    if stage == "executing":
        share = share or 1.0  # of which the model does nothing
    if share is None:
        precision = settings.training.precision
        rate = ceilings.products.get(precision, ceilings.copy)
        share = share_for(settings, machine.num_weights, machine.num_tasks, rate, _SECONDS)
    part = scaled(settings, share, machine.num_tasks)
    console.print(plain(f"profiled: {in_words(settings, part, machine.num_tasks)}"))
    with console.status("running it twice: the first time warms up"):
        profile = measuring.profile(part, stage, ceilings, with_kernels)  # type: ignore[arg-type]
    measured = dataclasses.replace(profile.measured, start_up=[imports, *profile.measured.start_up])
    title = "An iteration" if stage == "iteration" else f"Of an iteration, {stage} alone"
    say(console, "")
    print_profile(measured, title, console)
    trace = chrome_trace(measured.spans, measured.thread, profile.kernel_events)
    return to_object(measured, ceilings.device, share), trace


def to_object(measured: Measured, device: str, share: float) -> dict[str, Any]:
    """All figures, as an object of a JSON file."""
    stage, of_wall = bottleneck(measured)
    uses = {name: measured.use_of_ceiling(name) for name in measured.stages}
    return {
        "sentence": sentence(measured),
        "bottleneck": stage,
        "share_of_wall": of_wall,
        "share": share,
        "device": device,
        "wall": measured.wall,
        "model": measured.model,
        "cores": measured.cores,
        "num_cores": measured.num_cores,
        "queue": {
            "mean": measured.queue_mean,
            "most": measured.queue_most,
            "capacity": measured.queue_capacity,
        },
        "ceilings": {"copy": measured.copy, "products": dict(measured.products)},
        "start_up": [dataclasses.asdict(part) for part in measured.start_up],
        "stages": {
            name: {
                **stage,
                "seconds": round(measured.covered(name), 3),
                "rate": measured.rate(name),
                "ceiling": dataclasses.asdict(use) if (use := uses[name]) else None,
            }
            for name, stage in measured.stages.items()
        },
        "training": dict(measured.training),
        "sampling": dict(measured.sampling),
        "kernels": [dataclasses.asdict(kernel) for kernel in measured.kernels],
    }


def _check_can_be_written(path: Path | None) -> None:
    """Before a minute of work."""
    if path is None:
        return
    if path.is_dir():
        raise ValueError(f"{path}: this is a folder")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.absolute().parent}")
