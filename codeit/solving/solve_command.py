"""The command `codeit solve`: its words, and what a person sees."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from codeit.execution.executor import Limits, execute
from codeit.language import Program
from codeit.language.program import Dialect
from codeit.minimising.minimiser import minimise
from codeit.searching.records import without_answers
from codeit.solving.answer import Answer
from codeit.solving.live import watched
from codeit.solving.misses import misses_of
from codeit.solving.picture import (
    Shown,
    all_of,
    answer_sentences,
    attempt_names,
    demonstration_blocks,
    miss_sentence,
    program_blocks,
    test_blocks,
    verdict_sentence,
)
from codeit.solving.words import Asked, add_options, say_seen
from codeit.tasks import render
from codeit.tasks.blocks import Block, Picture
from codeit.tasks.named import TASK_HELP, named_task
from codeit.tasks.task import Task
from codeit.terminal import counted, open_console, plain, say, visible
from codeit.terminal.arguments import Parser, path_of

_MINUTES = 1.0
_EXIT_NOTHING_FITS = 1
_LIMITS = Limits()

_DESCRIPTION = """\
Answer a task: search for programs that reproduce its demonstrations, and show the two best answers
to its tests, each with its program. The outputs of the tests are not looked at, but to say in the
end whether the answer is right. Ctrl-C ends the search and shows the best so far.

Exits with 0 where a program is right on all demonstrations, with 1 where none was found: then the
nearest misses are shown. An interrupted search exits with 130.
"""
_EXAMPLES = """\
examples:
  codeit solve 00d62c1b --leave-own-out
  codeit solve my-task.json --minutes 5 --save answer.svg
  codeit solve my-task.json --run runs/small

--minutes sets the number of evaluations by a rate that is measured once, at the start. The number
is printed, and with --evaluations the same answer is found again.
"""


def solve_command(words: Sequence[str]) -> None:
    """Run `codeit solve` with these words."""
    start = time.perf_counter()
    parser = Parser(
        prog="codeit solve",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    parser.add_argument("task", help=TASK_HELP)
    add_options(parser, _MINUTES, "the task")
    parser.add_argument(
        "--save", type=path_of, metavar="FILE", help="write the picture to this .svg or .png file"
    )
    parsed = parser.parse_args(words)
    if parsed.save:
        render.check_picture_path(parsed.save)
    task = named_task("solve", parsed.task)
    asked = Asked.of(parsed, _MINUTES)
    console = open_console()
    say(console, _what(task, asked))
    say_seen(console, asked, [task])
    hidden = without_answers(task)
    (written,) = asked.write([hidden], console)
    asked = asked.with_evaluations([hidden], console, start, "this search")
    solver = asked.solver()
    ended = watched(
        console,
        hidden,
        asked.settings.evaluations,
        lambda watch: solver.search(hidden, written, watch),
    )
    answer = solver.conclude(hidden, written, ended.search)
    dialect = asked.corpus.seeds[0].program.dialect if asked.corpus.seeds else "codeit"
    show_answer(console, task, answer, dialect, parsed.save)
    if ended.is_interrupted:
        say(
            console,
            f"interrupted after {ended.search.evaluations:,} of "
            f"{asked.settings.evaluations:,} evaluations: this is the best so far",
        )
        raise KeyboardInterrupt
    if not answer.num_fitting:
        raise SystemExit(_EXIT_NOTHING_FITS)


def _what(task: Task, asked: Asked) -> str:
    counts = [
        counted(len(some), name)
        for some, name in ((task.demonstrations, "demonstration"), (task.tests, "test"))
    ]
    return (
        f"task {task.task_id}, {' and '.join(counts)}; "
        f"{counted(len(asked.corpus.seeds), 'program')} of {asked.programs} to begin with"
    )


def show_answer(
    console: Console, task: Task, answer: Answer, dialect: Dialect, save: Path | None = None
) -> None:
    """Print an answer as a picture with a few sentences, and programs that were minimised as they
    were found.

    Args:
        task: with the outputs of its tests, as far as they are known.
        save: a file for the picture.
    """
    blocks, sentences, originals = (
        _fitting(task, answer, dialect) if answer.num_fitting else _missing(task, answer, dialect)
    )
    say(console, "")
    say(console, f"task {task.task_id}", style="bold underline")
    render.print_blocks(blocks, console)
    for sentence in sentences:
        console.print(plain(visible(sentence)))
    if originals:
        say(console, "")
        render.print_blocks(originals, console)
    if save:
        render.save(save, Picture([blocks], f"Task {task.task_id}"))


def _fitting(
    task: Task, answer: Answer, dialect: Dialect
) -> tuple[list[Block], list[str], list[Block]]:
    inputs = [pair.input for pair in (*task.demonstrations, *task.tests)]
    attempts = answer.attempts or [answer.without_grids(len(task.tests))]
    programs = [Program.parse(a.found.candidate.program, dialect) for a in attempts]
    shorter = [minimise(program, inputs).text for program in programs]
    names = attempt_names(len(attempts))
    parts = zip(names, shorter, attempts, strict=True)
    shown = [Shown(name, text, attempt.grids) for name, text, attempt in parts]
    (first,) = misses_of(task, programs[:1], _LIMITS)
    blocks = [
        *demonstration_blocks(task, first),
        *test_blocks(task, shown),
        *program_blocks(shown),
    ]
    found = [
        Shown(f"{one.name}, as it was found", program.text, one.grids)
        for one, program in zip(shown, programs, strict=True)
        if program.text != one.text
    ]
    sentences = [*answer_sentences(answer, attempts), verdict_sentence(task, attempts)]
    return blocks, sentences, program_blocks(found)


def _missing(
    task: Task, answer: Answer, dialect: Dialect
) -> tuple[list[Block], list[str], list[Block]]:
    sentence = f"no program was found that is right on {all_of(len(task.demonstrations))}"
    if not answer.nearest:
        return [], [f"{sentence}, or near to it"], []
    nearest, *others = misses_of(task, answer.nearest, _LIMITS)
    answers = execute([nearest.program], [test.input for test in task.tests], 1, _LIMITS)
    grids = [answers.grid(0, i) for i in range(len(task.tests))]
    shown = Shown("nearest miss", nearest.program.text, grids)
    blocks = [
        *demonstration_blocks(task, nearest),
        *test_blocks(task, [shown]),
        *program_blocks([shown]),
    ]
    sentences = [sentence, f"the nearest miss: {miss_sentence(task, nearest)}"]
    for miss in others:
        text = miss.program.text.replace("\n", "; ")
        sentences.append(f"another one: {miss_sentence(task, miss)}: {text}")
    return blocks, sentences, []
