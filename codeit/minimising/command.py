"""The command `codeit minimise`: its words, and what it prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from codeit.execution.arguments import add_threads
from codeit.files.whole_file import check_file, whole_file
from codeit.language.corpus import PACKAGED, SeedProgram, load_seed_programs
from codeit.language.program import Program
from codeit.minimising.minimiser import minimise
from codeit.parallel.threads import ordered_map
from codeit.tasks.datasets import SOURCE_HELP, load
from codeit.tasks.task import Task
from codeit.terminal import counted, open_console, say
from codeit.terminal.arguments import Parser, path_of
from codeit.terminal.progress import phase

_SOURCES = ("arc1-training", "arc1-evaluation")
_NUM_NAMED = 5

_DESCRIPTION = """\
Make programs shorter without changing what they make of the inputs of their tasks: lines that
nothing needs go, what is constant is computed, and shorter calls replace longer ones. The outputs
of the tasks are not looked at.
"""
_EXAMPLES = """\
examples:
  codeit minimise packaged --out shorter.jsonl
  codeit minimise runs/search/solutions.jsonl
  codeit minimise solvers.py --tasks my-tasks.json --dialect arc-dsl
"""


def minimise_command(words: Sequence[str]) -> None:
    """Run `codeit minimise` with these words."""
    parser = Parser(
        prog="codeit minimise",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    add = parser.add_argument
    add(
        "programs",
        type=path_of,
        metavar="PROGRAMS",
        help='a JSONL file of objects with "program" and "task" (or "task_id", as in '
        "solutions.jsonl), a Python file of solve_TASK functions, a folder of such files, or "
        "`packaged`, the programs of the package",
    )
    add(
        "--tasks",
        metavar="SOURCE",
        help="the tasks of the programs (the training and the evaluation tasks of ARC-AGI-1 if "
        f"omitted): {SOURCE_HELP}",
    )
    add(
        "--out",
        type=path_of,
        metavar="FILE",
        help="write all programs to this JSONL file, each with its task and its original, instead "
        "of printing those that became shorter",
    )
    add("--dialect", choices=("codeit", "arc-dsl"), default="codeit", help="default codeit")
    add_threads(parser, "programs are worked on")
    parsed = parser.parse_args(words)
    if parsed.out is not None:
        check_file(parsed.out)
    is_packaged = str(parsed.programs) == PACKAGED
    seeds = load_seed_programs(PACKAGED if is_packaged else parsed.programs, parsed.dialect)
    tasks: dict[str, Task] = {}
    for name in _SOURCES if parsed.tasks is None else (parsed.tasks,):
        tasks |= {task.task_id: task for task in load(name)}
    unknown = [seed.task_id for seed in seeds if seed.task_id not in tasks]
    if len(unknown) == len(seeds):
        where = parsed.tasks or " and ".join(_SOURCES)
        raise ValueError(f"no program is for a task of {where}, the first is for {unknown[0]!r}")
    console = open_console()
    shorter = list(_minimised(seeds, tasks, parsed.threads, console))
    if parsed.out is None:
        _print_programs(console, seeds, shorter)
    else:
        _write(parsed.out, seeds, shorter)
    _print_figures(console, seeds, shorter)
    if unknown:
        named = ", ".join(unknown[:_NUM_NAMED]) + ("..." if unknown[_NUM_NAMED:] else "")
        say(console, f"of unknown tasks, and left as written: {len(unknown)} ({named})")
    if parsed.out is not None:
        say(console, f"{parsed.out} has the programs, each beside its original")


def _minimised(
    seeds: Sequence[SeedProgram], tasks: dict[str, Task], threads: int, console: Console
) -> Iterator[Program]:
    """What becomes of each program, in order."""

    def work(seed: SeedProgram) -> Program:
        task = tasks.get(seed.task_id)
        if task is None:
            return seed.program
        return minimise(seed.program, [pair.input for pair in (*task.demonstrations, *task.tests)])

    with (
        phase(console, "minimise", len(seeds), "programs") as advance,
        ordered_map(work, seeds, min(threads, len(seeds))) as programs,
    ):
        for count, program in enumerate(programs, 1):
            yield program
            advance(count)


def _print_programs(
    console: Console, seeds: Sequence[SeedProgram], shorter: Sequence[Program]
) -> None:
    for seed, program in zip(seeds, shorter, strict=True):
        if program != seed.program:
            lengths = f"{len(seed.program.text)} to {len(program.text)} characters"
            say(console, f"task {seed.task_id}, {lengths}", style="bold underline")
            say(console, *program.text.split("\n"), "")


def _write(path: Path, seeds: Sequence[SeedProgram], shorter: Sequence[Program]) -> None:
    with whole_file(path) as file:
        for seed, program in zip(seeds, shorter, strict=True):
            row = {
                "task": seed.task_id,
                "program": program.text,
                "original": seed.program.text,
            }
            file.write(json.dumps(row).encode() + b"\n")


def _print_figures(
    console: Console, seeds: Sequence[SeedProgram], shorter: Sequence[Program]
) -> None:
    count = len(seeds)
    num_changed = sum(p != seed.program for seed, p in zip(seeds, shorter, strict=True))
    before = sum(len(seed.program.text) for seed in seeds) / count
    after = sum(len(program.text) for program in shorter) / count
    lines = [sum(map(len, some)) / count for some in ([s.program for s in seeds], shorter)]
    say(
        console,
        f"{num_changed} of {counted(count, 'program')} got shorter; on average, {before:.1f} "
        f"characters became {after:.1f}, and {lines[0]:.1f} lines {lines[1]:.1f}",
    )
