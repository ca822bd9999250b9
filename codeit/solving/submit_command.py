"""The command `codeit submit`: its words, and what it prints."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from codeit.files.whole_file import check_file
from codeit.language.corpus import digest_of_programs
from codeit.primitives.file import loaded_digest
from codeit.searching.records import without_answers
from codeit.solving.answer import ORIGINS, Answer
from codeit.solving.partial_file import PartialFile
from codeit.solving.submission import Submission
from codeit.solving.words import Asked, add_options, say_seen
from codeit.tasks.datasets import SOURCE_HELP, load
from codeit.tasks.scoring import in_words
from codeit.tasks.task import Task, digest_of_tasks
from codeit.terminal import counted, open_console, say, write
from codeit.terminal.arguments import Parser, path_of
from codeit.terminal.progress import phase
from codeit.version import __version__, commit

_MINUTES = 10.0
_EXIT_INTERRUPTED = 130

_DESCRIPTION = """\
Answer many tasks, and write the two attempts at each test in Kaggle's form. The outputs of the
tests are not looked at; where they are known, the submission is scored in the end.

What is done is kept in FILE.partial until FILE is there: after an interruption, the same command
goes on with it.
"""
_EXAMPLES = """\
examples:
  codeit submit arc2-evaluation --minutes 60 --out submission.json
  codeit submit arc-agi_test_challenges.json --evaluations 1e6 --out submission.json

--minutes sets the number of evaluations by a rate that is measured once, at the start. The number
is printed, and with --evaluations the same file is written again.
"""


def submit_command(words: Sequence[str]) -> None:
    """Run `codeit submit` with these words."""
    start = time.perf_counter()
    parser = Parser(
        prog="codeit submit",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "tasks",
        metavar="TASKS",
        help=SOURCE_HELP,
    )
    parser.add_argument("--ids", metavar="A,B", help="only these tasks of them")
    parser.add_argument(
        "--out", type=path_of, metavar="FILE", required=True, help="the file to write"
    )
    add_options(parser, _MINUTES, "each task")
    parsed = parser.parse_args(words)
    check_file(parsed.out)
    ids = None if parsed.ids is None else [part.strip() for part in parsed.ids.split(",")]
    tasks = load(parsed.tasks, ids)
    asked = Asked.of(parsed, _MINUTES)
    partial = PartialFile(parsed.out)
    what = _what(asked, tasks)
    kept = partial.asked()
    if kept is not None:
        _check_same(partial, kept, what)
    console = open_console()
    say(
        console,
        f"{counted(len(tasks), 'task')} of {parsed.tasks}, "
        f"{counted(len(asked.corpus.seeds), 'program')} of {asked.programs} to begin with, "
        f"{counted(asked.threads, 'thread')}",
    )
    say_seen(console, asked, tasks)
    written = asked.write([without_answers(task) for task in tasks], console)
    if kept is None:
        asked = asked.with_evaluations(tasks, console, start, "this submission")
        partial.begin({**what, "evaluations": asked.settings.evaluations})
        known: dict[str, Answer] = {}
    else:
        settings = replace(asked.settings, evaluations=kept["evaluations"])
        asked = replace(asked, settings=settings, minutes=None)
        known = partial.answers(tasks)
        say(
            console,
            f"{len(known)} of the tasks were answered before, with "
            f"{asked.settings.evaluations:,} evaluations each; {partial.path} has them",
        )
    solver = asked.solver()
    num_fitting = sum(answer.num_fitting > 0 for answer in known.values())
    num_left = len(tasks) - len(known)
    try:
        with phase(console, "solving", num_left, "tasks") as advance_to:
            done = 0

            def keep(_: Task, answer: Answer) -> None:
                nonlocal done, num_fitting
                partial.add(answer)
                done += 1
                num_fitting += answer.num_fitting > 0
                advance_to(done, f"{num_fitting} with a program that fits")

            submission = solver.solve(tasks, written=written, known=known, on_answer=keep)
    except KeyboardInterrupt:
        write(
            f"codeit submit: interrupted; the same command goes on, with what is in {partial.path}",
            file=sys.stderr,
        )
        sys.stdout.flush()
        os._exit(_EXIT_INTERRUPTED)  # threads that are in native code end with the process alone
    submission.write(parsed.out)
    partial.remove()
    _say_score(console, submission, parsed.out)


def _what(asked: Asked, tasks: Sequence[Task]) -> dict[str, Any]:
    """All that the answers depend on, but for the number of evaluations where it is measured."""
    settings = asdict(asked.settings)
    evaluations = settings.pop("evaluations")
    return {
        "tasks": digest_of_tasks(tasks),
        "programs": digest_of_programs(asked.corpus.seeds),
        "primitives": loaded_digest(),
        "settings": {**settings, "methods": list(settings["methods"])},
        "minutes": asked.minutes,
        "asked_evaluations": None if asked.minutes else evaluations,
        "policy": None if asked.trained is None else asked.trained.digest(),
        "sampling": None if asked.trained is None else asdict(asked.trained.sampling),
        "version": __version__,
        "commit": commit(),
    }


def _check_same(partial: PartialFile, kept: Mapping[str, Any], what: Mapping[str, Any]) -> None:
    """Raise ValueError unless what is kept was asked likewise."""
    for name, value in what.items():
        if kept.get(name) != value:
            raise ValueError(
                f"{partial.path} has answers of another submission: its {name} "
                f"{'were' if name.endswith('s') else 'was'} {kept.get(name)!r:.60}, not "
                f"{value!r:.60}; ask the same again, or remove it"
            )


def _say_score(console: Console, submission: Submission, path: Path) -> None:
    score = submission.score()
    if score.num_scored:
        say(console, f"solved: {in_words(score.solved, score.num_scored)}")
    if score.num_tests:
        say(
            console,
            f"tests of which one of the two attempts is right: {score.num_tests_right} of "
            f"{score.num_tests} whose outputs are known",
        )
    if score.fitting:
        say(
            console,
            f"the first attempt fits all demonstrations: {score.fitting} tasks, of which "
            f"{score.fitting_wrong} wrong on a test",
        )
    if score.num_hidden:
        is_one = score.num_hidden == 1
        hides, has = ("task hides", "has") if is_one else ("tasks hide", "have")
        say(console, f"hidden: {score.num_hidden} {hides} the output of a test, and {has} no score")
    firsts = [answer.attempts[0].origin for answer in submission.answers if answer.num_fitting]
    if set(firsts) - {"search"}:
        counts = ", ".join(f"{firsts.count(name)} {name}" for name in ORIGINS if name in firsts)
        say(console, f"first attempts that fit, by what they come from: {counts}")
    say(console, f"{path} is the submission")
