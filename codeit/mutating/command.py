"""The command `codeit mutate`: its words, and what it prints."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Console

from codeit.execution.arguments import add_threads
from codeit.execution.executor import MAX_FUEL
from codeit.language.corpus import PACKAGED
from codeit.mutating.directory import MutatingDirectory, check_free, read_plan
from codeit.mutating.plan import MutatingPlan, Work, make_plan
from codeit.mutating.running import complete
from codeit.mutating.settings import MAX_PROGRAMS, MUTANT_FUEL, MutatingSettings
from codeit.ranges import MAX_SEED
from codeit.tasks.datasets import SOURCE_HELP
from codeit.tasks.scoring import in_words
from codeit.terminal import counted, open_console, say
from codeit.terminal.arguments import Parser, path_of, positive_number, whole_number
from codeit.terminal.progress import phase

_CROSSOVER = 0.25
_MOST_CROSSOVER = 1000

_DESCRIPTION = """\
Make mutants of programs, and count the tasks that they solve: the paper's mutation baseline.

  codeit mutate --out DIR [options]        make them, and leave a directory
  codeit mutate resume DIR [--threads T]   go on after an interruption
"""
_EXAMPLES = """\
DIR/mutants holds the mutated tasks, which `codeit train --data.mutated DIR` learns from,
DIR/curve.csv how many tasks so many mutants solve, DIR/solutions.jsonl the programs that reproduce
a task's first demonstration, DIR/summary.json the figures.

examples:
  codeit mutate --n 19200 --out runs/mutants
  codeit mutate --programs solvers.jsonl --n 1e6 --out runs/million
  codeit mutate --n 1e5 --depth inf --crossover --out runs/deep
"""


def mutate_command(words: Sequence[str]) -> None:
    """Run `codeit mutate` with these words."""
    if words and words[0] == "resume":
        _resume(words[1:])
    else:
        _mutate(words)


def _mutate(words: Sequence[str]) -> None:
    parser = Parser(
        prog="codeit mutate",
        usage="codeit mutate --out DIR [options]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    default = MutatingSettings()
    add = parser.add_argument
    add("--out", type=path_of, metavar="DIR", required=True, help="the directory, to be made")
    add(
        "--programs",
        type=path_of,
        metavar="FILE",
        help="the seed programs: a file (JSONL or Python) or a folder; those of the package if "
        "omitted",
    )
    add(
        "--training",
        default="arc1-training",
        metavar="SOURCE",
        help=f"the tasks of the seed programs (default arc1-training): {SOURCE_HELP}",
    )
    add(
        "--tasks",
        default="arc1-evaluation",
        metavar="SOURCE",
        help="the tasks to solve, likewise (default arc1-evaluation)",
    )
    add("--ids", metavar="A,B", help="only these of the tasks to solve")
    add(
        "--n",
        type=whole_number(1, MAX_PROGRAMS),
        default=default.num_programs,
        metavar="N",
        help=f"how many distinct valid mutants (default {default.num_programs:,})",
    )
    add(
        "--depth",
        choices=("1", "inf"),
        default=default.depth,
        help="1: mutants of seed programs (default); inf: of mutants, too",
    )
    add(
        "--crossover",
        type=positive_number(_MOST_CROSSOVER),
        nargs="?",
        const=_CROSSOVER,
        metavar="W",
        help="also take arguments from other programs, with this weight beside the other changes, "
        f"which weigh 1 together ({_CROSSOVER} if W is omitted)",
    )
    add("--dialect", choices=("codeit", "arc-dsl"), default="codeit", help="default codeit")
    add(
        "--fuel",
        type=whole_number(0, MAX_FUEL),
        default=MUTANT_FUEL,
        metavar="UNITS",
        help=f"what one run of a program may use (default {MUTANT_FUEL:,})",
    )
    add(
        "--max-len",
        type=whole_number(1, 2**32 - 1),
        metavar="N",
        help="do not bind values of so many items to their names; 1000 is the rule of the paper's "
        "code",
    )
    add(
        "--seed",
        type=whole_number(0, MAX_SEED),
        default=default.seed,
        metavar="S",
        help=f"of what is drawn (default {default.seed})",
    )
    add(
        "--per-shard",
        type=whole_number(1, MAX_PROGRAMS),
        default=default.per_shard,
        metavar="N",
        help="mutants that are made, scored and written together: more are faster, take more "
        f"memory, and are lost by a kill (default {default.per_shard:,})",
    )
    add(
        "--step",
        type=whole_number(0, MAX_PROGRAMS),
        default=default.curve_step,
        metavar="N",
        help="mutants between two lines of the curve; 0 for one line in the end (default "
        f"{default.curve_step:,})",
    )
    add_threads(parser, "threads work")
    parsed = parser.parse_args(words)
    settings = MutatingSettings(
        num_programs=parsed.n,
        depth=parsed.depth,
        crossover=parsed.crossover or 0.0,
        seed=parsed.seed,
        fuel=parsed.fuel,
        max_len=parsed.max_len,
        per_shard=parsed.per_shard,
        curve_step=parsed.step,
    )
    check_free(parsed.out)
    work, plan = make_plan(
        parsed.tasks,
        None if parsed.ids is None else parsed.ids.split(","),
        parsed.training,
        PACKAGED if parsed.programs is None else str(parsed.programs),
        parsed.dialect,
        settings,
        parsed.threads,
    )
    console = open_console()
    with MutatingDirectory.create(parsed.out, plan) as directory:
        _go_on(directory, plan, work, parsed.threads, console)


def _resume(words: Sequence[str]) -> None:
    parser = Parser(
        prog="codeit mutate resume",
        description="Go on with mutation, as if it had never stopped. It may have ended: then its "
        "figures are printed again.",
        examples=["codeit mutate resume runs/mutants"],
    )
    parser.add_argument("directory", type=path_of, help="a directory of `codeit mutate`")
    add_threads(parser, "threads work")
    parsed = parser.parse_args(words)
    plan = read_plan(parsed.directory)
    plan.check_package()
    with MutatingDirectory.open(parsed.directory) as directory:
        work = plan.load(parsed.threads)
        _go_on(directory, plan, work, parsed.threads, open_console())


def _go_on(
    directory: MutatingDirectory, plan: MutatingPlan, work: Work, threads: int, console: Console
) -> None:
    settings, done = plan.settings, directory.position.num_programs
    say(console, *work.seeds.sentences(), *work.to_solve.sentences(lambda _: False))
    say(
        console,
        f"{settings.num_programs:,} mutants of {len(work.parents)} seed programs on "
        f"{counted(len(work.tasks), 'task')}, {counted(threads, 'thread')}",
    )
    if done:
        say(console, f"{done:,} mutants were made before")
    try:
        with phase(console, "mutating", settings.num_programs, "programs") as advance_to:
            summary = complete(directory, plan, work, threads, advance_to)
    except KeyboardInterrupt:
        again = shlex.join(["codeit", "mutate", "resume", str(directory.path)])
        say(console, "", f"interrupted; `{again}` goes on")
        raise
    if summary["programs"] < settings.num_programs:
        say(
            console,
            f"there are no more than {summary['programs']:,} mutants in {summary['draws']:,} draws",
        )
    say(
        console,
        f"solved {in_words(summary['solved'], work.to_solve.num_scored)}",
        f"{directory.path} has the mutants, the curve and the programs that were found",
    )
