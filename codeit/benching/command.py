"""The command `codeit bench`: its words, and the order of what it does."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from codeit.benching.case import Case
from codeit.benching.comparison import check_comparable, compare, notes, slower
from codeit.benching.options import SUBJECTS, Subject
from codeit.benching.record import Figure, Record, read_record
from codeit.benching.table import (
    write_changes,
    write_end,
    write_fault,
    write_figure,
    write_heading,
)
from codeit.benching.timing import Asked, Timed, check_installed, time_cases
from codeit.execution.executor import num_usable_cores
from codeit.files.whole_file import check_file
from codeit.terminal import counted, open_console, quiet_libraries, write
from codeit.terminal.arguments import Parser, path_of, positive_number, whole_number

_EXIT_WRONG = 1
_CROWD = 0.75
"""Threads that want each core before anything is timed, from which on it is said."""
_LEAST_REPEATS = 3
_SECONDS = 1.0

_DESCRIPTION = """\
Measure how fast a part of this package works, on your own programs, tasks or model. What it puts
out is checked before the time counts, and what is drawn is drawn with fixed seeds.

"""
_OPTIONS = """\

`codeit bench SUBJECT --help` says more. pytest-benchmark takes the times: its options for storage
and comparison may follow, such as --benchmark-autosave and --benchmark-compare-fail=median:10%.

examples:
  codeit bench executor
  codeit bench executor --programs solvers.jsonl --tasks tasks --json before.json
  codeit bench executor --programs solvers.jsonl --tasks tasks --compare before.json
  codeit bench sampling --model runs/mine
"""
PASSED_ON = (
    *("save", "save-data", "autosave", "json", "storage", "compare", "compare-fail"),
    *("histogram", "columns", "sort", "name", "group-by", "time-unit", "verbose", "warmup"),
    *("warmup-iterations", "min-time", "calibration-precision"),
)
"""Options of pytest-benchmark, which may follow after `--benchmark-`; the others would have it
measure something else, or nothing."""


def bench_command(words: Sequence[str]) -> None:
    """Run `codeit bench` with these words.

    Raises:
        ValueError, OSError: a word is wrong, or what it names cannot be loaded.
        SystemExit: with 1 where something is slower than before, or an output is wrong.
    """
    lines = [f"  {name:<9} {subject.title}" for name, subject in SUBJECTS.items()]
    parser = Parser(
        prog="codeit bench",
        usage="codeit bench SUBJECT [options]",
        description=_DESCRIPTION + "subjects:\n" + "\n".join(lines),
        epilog=_OPTIONS,
    )
    parser.add_argument("subject", nargs="?", choices=SUBJECTS, help=argparse.SUPPRESS)
    name = parser.parse_args(words[:1]).subject
    if name is None:
        parser.print_help()
        return
    subject = SUBJECTS[name]
    parser = _parser(name, subject)
    parsed, rest = parser.parse_known_args(words[1:])
    asked = Asked(_passed_on(rest, parsed, subject, parser))
    check_installed()
    if parsed.json is not None:
        check_file(parsed.json)
    before = None if parsed.compare is None else read_record(parsed.compare, name)
    record, is_wrong = _measured(name, subject, parsed, asked, before)
    if parsed.json is not None:
        record.write(parsed.json)
    is_slower = False
    if before is not None:
        changes = compare(record, before)
        write_changes(changes, notes(record, before), str(parsed.compare))
        is_slower = bool(slower(changes))
    if is_wrong or is_slower or asked.code != 0:
        raise SystemExit(_EXIT_WRONG)


def _parser(name: str, subject: Subject) -> Parser:
    parser = Parser(
        prog=f"codeit bench {name}",
        description=subject.title[0].upper() + subject.title[1:] + f". {subject.more}",
        epilog="examples:\n" + "\n".join(f"  codeit bench {name}{e}" for e in subject.examples),
        allow_abbrev=False,
    )
    add = parser.add_argument
    for option in subject.options:
        option.add_to(parser)
    add(
        "--repeats",
        type=whole_number(_LEAST_REPEATS, 10_000),
        default=subject.repeats,
        metavar="N",
        help=f"how often each case is timed at least (default {subject.repeats})",
    )
    add(
        "--seconds",
        type=positive_number(3600),
        default=_SECONDS,
        metavar="S",
        help=f"how long about, where that is oftener (default {_SECONDS:g})",
    )
    add("--json", type=path_of, metavar="FILE", help="write all figures to this file")
    add(
        "--compare",
        type=path_of,
        metavar="FILE",
        help="compare with such a file; exits with 1 where a case is slower beyond noise",
    )
    return parser


def _passed_on(
    rest: Sequence[str], parsed: argparse.Namespace, subject: Subject, parser: Parser
) -> list[str]:
    """The words that are for pytest-benchmark; others are settings, where the subject takes some.

    Raises:
        ValueError: one of them is for nobody.
    """
    parsed.rest = []
    passed: list[str] = []
    is_value = False
    for word in rest:
        option = word.partition("=")[0]
        if option.removeprefix("--benchmark-") in PASSED_ON and option.startswith("--benchmark-"):
            is_value = "=" not in word
            passed.append(word)
        elif word.startswith("--benchmark-"):
            raise ValueError(
                f"{option} is not passed on; allowed: --benchmark- with {', '.join(PASSED_ON)}"
            )
        elif is_value and not word.startswith("-"):
            is_value = False
            passed.append(word)
        elif subject.takes_settings:
            is_value = False
            parsed.rest.append(word)
        elif word.startswith("--"):
            raise ValueError(parser.unknown(option))
        else:
            raise ValueError(f"unrecognized arguments: {word}")
    return passed


def _measured(
    name: str, subject: Subject, parsed: argparse.Namespace, asked: Asked, before: Record | None
) -> tuple[Record, bool]:
    """Load what is measured, and measure it; prints it. Says whether an output is wrong, too."""
    quiet_libraries()
    console = open_console()
    with console.status("loading programs, tasks and what the machine reaches at best"):
        bench = subject.load(parsed)
        if before is not None:
            check_comparable(bench.settings, before, str(parsed.compare))
        ceilings = _ceilings(bench.cases)
    record = Record.made_here(
        subject=name,
        versions=dict(bench.versions),
        settings=dict(bench.settings),
        ceilings=ceilings,
        figures=[],
    )
    write(f"{record.machine}, Python {record.versions['python']}", *bench.about, *_crowd())
    write_heading()
    figures: dict[str, Figure] = {}
    faults: list[str] = []

    def on_timed(timed: Timed) -> None:
        if timed.stats is None:
            faults.append(timed.case.name)
            write_fault(timed.case.name, timed.fault or "it was not measured")
            return
        figure = figures[timed.case.name] = _figure(timed, figures, ceilings)
        write_figure(figure)
        sys.stdout.flush()

    time_cases(bench.cases, parsed.repeats, parsed.seconds, asked, on_timed)
    write_end(bench.left_out)
    if asked.words:
        write("", *asked.said.strip("\n").splitlines())
    return replace(record, figures=list(figures.values())), bool(faults)


def _crowd() -> list[str]:
    """Whether others are at work, too, in a sentence."""
    cores, wanted = num_usable_cores(), os.getloadavg()[0]
    if wanted < _CROWD * cores:
        return []
    return [
        f"others are at work, too: {wanted:.1f} threads want {counted(cores, 'core')} (load "
        "average); spreads are larger than alone, and so are times of the clock"
    ]


def _ceilings(cases: Sequence[Case]) -> dict[str, float]:
    """What one thread reaches at best, where a case is compared with that; takes two seconds."""
    if not any(case.amounts for case in cases):
        return {}
    import torch

    from codeit.profiling.ceilings import measure

    device = next((case.device for case in cases if case.device != "cpu"), "cpu")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        timer = time.process_time if device == "cpu" else time.perf_counter
        found = measure(torch.device(device), 1, timer)
    finally:
        torch.set_num_threads(before)
    return {"copying": found.copy, **found.products}


def _figure(timed: Timed, figures: dict[str, Figure], ceilings: dict[str, float]) -> Figure:
    case, stats = timed.case, timed.stats
    median, ceiling = float(stats.median), ""
    share: float | None = None
    times: float | None = None
    if case.alone in figures:
        share = case.items / median / (figures[case.alone].rate * case.threads)
        ceiling = f"of {case.threads} times one thread"
    for name, amount in case.amounts.items():  # the nearest of the ceilings
        of_it = amount / median / ceilings[name] if name in ceilings else 0.0
        if of_it > (share or 0.0):
            share, ceiling = of_it, name if name == "copying" else f"{name} products"
    if case.beside in figures:
        times = figures[case.beside].rate / (case.items / median)
    return Figure(
        name=case.name,
        unit=case.unit,
        items=case.items,
        median=median,
        iqr=float(stats.iqr),
        least=float(stats.min),
        rounds=int(stats.rounds),
        clock="processor" if case.threads == 1 and case.device == "cpu" else "wall",
        ceiling=ceiling,
        share=share,
        beside=case.beside,
        times=times,
    )
