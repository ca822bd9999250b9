"""Which subjects there are, and the words of each."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from codeit.benching.case import Bench
from codeit.execution.arguments import add_threads
from codeit.language.corpus import PACKAGED
from codeit.ranges import MAX_IDS, MAX_SEED
from codeit.terminal.arguments import Parser, path_of, positive_number, whole_number

MOST = 100_000_000
"""Of what is counted."""


@dataclass(frozen=True)
class Option:
    """A word of a command line, as argparse takes it."""

    name: str
    settings: dict[str, Any]

    def add_to(self, parser: Parser) -> None:
        if self.name == "--threads":
            add_threads(parser, "threads work in the cases for several")
        else:
            parser.add_argument(self.name, **self.settings)


@dataclass(frozen=True)
class Subject:
    """What can be measured.

    Attributes:
        title: in a line.
        more: a sentence for its help.
        load: makes the cases of what was parsed.
        examples: words that follow the subject.
        repeats: how often a case is timed at least where nobody says it.
        takes_settings: whether words that are no options are settings, in `parsed.rest`.
    """

    title: str
    more: str
    load: Callable[[argparse.Namespace], Bench]
    options: Sequence[Option]
    examples: Sequence[str] = field(default_factory=list)
    repeats: int = 5
    takes_settings: bool = False


def _option(name: str, **settings: Any) -> Option:
    return Option(name, settings)


def _count(name: str, default: int, what: str, least: int = 1, most: int = MOST) -> Option:
    return _option(
        name,
        type=whole_number(least, most),
        default=default,
        metavar="N",
        help=f"{what} (default {default:,})",
    )


def _tasks(default: str) -> Option:
    return _option(
        "--tasks",
        default=default,
        metavar="SOURCE",
        help=f"a data set (default {default}), a file or a folder of tasks, or several: A,B",
    )


_PROGRAMS = _option(
    "--programs",
    type=path_of,
    metavar="FILE",
    help="a corpus of your own; that of the package if omitted",
)
_SEED = _option(
    "--seed",
    type=whole_number(0, MAX_SEED),
    default=0,
    metavar="S",
    help="of what is drawn (default 0)",
)
_THREADS = _option("--threads")


def _corpus(parsed: argparse.Namespace) -> str:
    return PACKAGED if parsed.programs is None else str(parsed.programs)


def _executor(parsed: argparse.Namespace) -> Bench:
    from codeit.benching.executor import executor_bench
    from codeit.benching.plain_python import check_folder

    if parsed.arc_dsl is not None:
        check_folder(parsed.arc_dsl)
    return executor_bench(
        _corpus(parsed), parsed.tasks, parsed.mutants, parsed.arc_dsl, parsed.threads, parsed.seed
    )


def _mutation(parsed: argparse.Namespace) -> Bench:
    from codeit.benching.mutation import mutation_bench

    return mutation_bench(
        _corpus(parsed),
        parsed.training,
        parsed.tasks,
        parsed.num_tasks,
        parsed.n,
        parsed.threads,
        parsed.seed,
    )


def _search(parsed: argparse.Namespace) -> Bench:
    from codeit.benching.search import search_bench

    return search_bench(
        _corpus(parsed),
        parsed.tasks,
        parsed.num_tasks,
        parsed.evaluations,
        parsed.threads,
        parsed.seed,
    )


def _replay(parsed: argparse.Namespace) -> Bench:
    from codeit.benching.replay import replay_bench

    return replay_bench(
        parsed.experiences, parsed.drawn, parsed.prompt_tokens, parsed.program_tokens, parsed.seed
    )


_DEVICE = _option(
    "--device",
    default="cpu",
    metavar="NAME",
    help="where the model is: cpu (default), cuda, cuda:1, auto, ...",
)
_MODEL = _option(
    "--model",
    default="tiny",
    metavar="MODEL",
    help="a run or a checkpoint; or tiny (default), codet5-small, codet5p-220m or codet5p-770m, "
    "with random weights",
)
_NO_PEERS = _option(
    "--no-peers", action="store_true", help="measure this package alone, which is much faster"
)


def _sampling(parsed: argparse.Namespace) -> Bench:
    from codeit.benching.sampling import sampling_bench

    return sampling_bench(
        parsed.model,
        parsed.tasks,
        parsed.num_tasks,
        parsed.samples,
        parsed.max_tokens,
        parsed.device,
        parsed.threads,
        parsed.seed,
        not parsed.no_peers,
    )


def _training(parsed: argparse.Namespace) -> Bench:
    from codeit.benching.training import training_bench

    return training_bench(
        parsed.model,
        _corpus(parsed),
        parsed.tasks,
        parsed.experiences,
        parsed.device,
        parsed.seed,
        not parsed.no_peers,
    )


def _loop(parsed: argparse.Namespace) -> Bench:
    from codeit.benching.loop import loop_bench

    return loop_bench(parsed.preset, parsed.config, parsed.rest, parsed.share)


SUBJECTS: dict[str, Subject] = {
    "executor": Subject(
        "programs run on grids",
        "Each program runs on the demonstrations of\nthe task that it names, and so do mutants.",
        _executor,
        [
            _PROGRAMS,
            _tasks("arc1-training"),
            _count("--mutants", 3000, "how many mutants of the programs run, too", 1, 1_000_000),
            _option(
                "--arc-dsl",
                type=path_of,
                metavar="DIR",
                help="a checkout of arc-dsl: its functions, as plain Python, run the programs, "
                "too; they are in its dialect then, and its files are run",
            ),
            _THREADS,
            _SEED,
        ],
        ["", " --programs solvers.jsonl --tasks tasks --json before.json"],
    ),
    "mutation": Subject(
        "mutants made of programs, and run on tasks",
        "Mutants run on the first demonstration\nof some tasks, beside ordinary batches.",
        _mutation,
        [
            _PROGRAMS,
            _option(
                "--training",
                default="arc1-training",
                metavar="SOURCE",
                help="the tasks of the programs (default arc1-training)",
            ),
            _tasks("arc1-evaluation"),
            _count("--num-tasks", 40, "how many of the tasks, from all over"),
            _count("--n", 1000, "how many mutants", 1, 1_000_000),
            _THREADS,
            _SEED,
        ],
        ["", " --programs solvers.jsonl --n 10000"],
    ),
    "search": Subject(
        "tasks searched without a model",
        "What is found is confirmed by the\nordinary machine.",
        _search,
        [
            _PROGRAMS,
            _tasks("arc1-training"),
            _count("--num-tasks", 8, "how many of the tasks, from all over"),
            _count("--evaluations", 10_000, "how many each task gets"),
            _THREADS,
            _SEED,
        ],
        ["", " --tasks tasks --num-tasks 20 --json before.json"],
    ),
    "replay": Subject(
        "experiences stored, and drawn by priority",
        "The ids are drawn, too: what they mean\nis nothing to the buffer. On one thread.",
        _replay,
        [
            _count("--experiences", 100_000, "how many are stored", 2, 10_000_000),
            _count("--drawn", 9_000, "how many are drawn at a time"),
            _count("--prompt-tokens", 240, "ids of a prompt", 1, 100_000),
            _count("--program-tokens", 60, "ids of a program", 1, 100_000),
            _SEED,
        ],
        ["", " --experiences 1000000 --drawn 90000"],
    ),
    "sampling": Subject(
        "programs drawn from a model",
        "In each precision by the original's law, and in the\nmode of the policy; beside "
        "transformers and CTranslate2.",
        _sampling,
        [
            _MODEL,
            _tasks("arc1-evaluation"),
            _count("--num-tasks", 4, "how many of the tasks, from all over"),
            _count("--samples", 8, "how many for each task", 1, 100_000),
            _count("--max-tokens", 48, "of a sample", 1, MAX_IDS),
            _DEVICE,
            _NO_PEERS,
            _THREADS,
            _SEED,
        ],
        ["", " --model runs/mine --samples 24 --max-tokens 512"],
        repeats=3,
    ),
    "training": Subject(
        "steps that train a model",
        "A step learns programs after the prompts of their\ntasks; beside transformers' model in "
        "padded batches.",
        _training,
        [
            _MODEL,
            _PROGRAMS,
            _tasks("arc1-training"),
            _count("--experiences", 8, "how many a step learns", 1, 100_000),
            _DEVICE,
            _NO_PEERS,
            _SEED,
        ],
        ["", " --model codet5-small --programs solvers.jsonl"],
        repeats=3,
    ),
    "loop": Subject(
        "a whole iteration",
        "From the first experiences to the checkpoint, on a part of the\ntasks. All settings of "
        "`codeit train` may follow.",
        _loop,
        [
            _option(
                "--preset", default="demo", metavar="NAME", help="demo (default), small, paper"
            ),
            _option(
                "--config", type=path_of, metavar="FILE", help="a TOML file of settings over it"
            ),
            _option(
                "--share",
                type=positive_number(1),
                default=0.01,
                help="which part of the tasks and experiences (default 0.01)",
            ),
        ],
        ["", " --preset demo --share 0.05 --sampling.mode typed"],
        repeats=3,
        takes_settings=True,
    ),
}
