"""The command `codeit search`: its words, and what it prints."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from codeit.execution.arguments import add_threads
from codeit.execution.executor import execute
from codeit.language import Program
from codeit.language.corpus import PACKAGED
from codeit.ranges import MAX_SEED
from codeit.searching.budget import measure_budget
from codeit.searching.directory import (
    SUBMISSION,
    SUMMARY,
    SearchDirectory,
    check_free,
    read_plan,
    read_records,
)
from codeit.searching.plan import SearchPlan, Work, make_plan
from codeit.searching.ranking import LIKELY
from codeit.searching.records import TaskRecord
from codeit.searching.running import complete, merge
from codeit.searching.search import Searched
from codeit.searching.settings import MAX_EVALUATIONS, MAX_MEMORY, METHODS, SearchSettings
from codeit.searching.shards import Shard
from codeit.searching.summary import Summary
from codeit.tasks import render
from codeit.tasks.datasets import SOURCE_HELP
from codeit.tasks.scoring import Candidate, in_words
from codeit.terminal import add_row, counted, open_console, say, write
from codeit.terminal.arguments import Parser, path_of, positive_number, whole_number
from codeit.terminal.progress import phase

_MINUTES = 10.0
_MOST_MINUTES = 1_000_000
_EXIT_INTERRUPTED = 130
_NUM_NAMED = 5  # on the console; the summary has all

_DESCRIPTION = """\
Search for programs that solve tasks, without a model. Solved tasks are shown as they come.

  codeit search [options]                  search, and leave a directory
  codeit search resume DIR [--threads T]   go on with an interrupted search
  codeit search merge DIR... --out DIR     put the shards of a search together
"""
_EXAMPLES = """\
examples:
  codeit search --minutes 2
  codeit search --tasks tasks.json --evaluations 1e6 --out runs/mine
  codeit search --evaluations 1e6 --shard 1/8 --out runs/part-1

In a Slurm array, its variables say which shard this is, which gets a directory of its own in DIR.
--minutes sets the number of evaluations by a rate that is measured once, at the start. The number
is printed, and with --evaluations the search can be repeated exactly.
"""


def search_command(words: Sequence[str]) -> None:
    """Run `codeit search` with these words."""
    forms = {"resume": _resume, "merge": _merge}
    form = forms.get(words[0]) if words else None
    if form is None:
        _search(words)
    else:
        form(words[1:])


def _search(words: Sequence[str]) -> None:
    parser = Parser(
        prog="codeit search",
        usage="codeit search [options]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    add = parser.add_argument
    add(
        "--tasks",
        default="arc1-evaluation",
        help=f"the tasks (default arc1-evaluation): {SOURCE_HELP}",
    )
    add("--ids", metavar="A,B", help="only these tasks of them")
    add("--programs", type=path_of, metavar="FILE", help="another corpus than the package's")
    add(
        "--minutes",
        type=positive_number(_MOST_MINUTES),
        metavar="M",
        help=f"about how long to search (default {_MINUTES:g})",
    )
    add(
        "--evaluations",
        type=whole_number(1, MAX_EVALUATIONS),
        metavar="N",
        help="in place of --minutes: how many evaluations each task gets",
    )
    add_threads(parser, "tasks are searched")
    add(
        "--memory",
        type=positive_number(MAX_MEMORY),
        metavar="GB",
        help="GiB that a thread may use (default 1)",
    )
    add("--seed", type=whole_number(0, MAX_SEED), metavar="S", help="of what is drawn (default 0)")
    add("--methods", metavar="A,B", help=f"only these methods of {', '.join(METHODS)}")
    add(
        "--leave-own-out",
        action="store_true",
        help="leave out the programs that the corpus has for the task itself",
    )
    add("--shard", type=_shard, metavar="I/N", help="search only every Nth task, from the Ith on")
    add(
        "--out",
        type=path_of,
        metavar="DIR",
        help="the directory for the results (default runs/search-DATE)",
    )
    parsed = parser.parse_args(words)
    if parsed.minutes is not None and parsed.evaluations is not None:
        raise ValueError("--minutes and --evaluations both say how long to search; give one")
    array = None if parsed.shard else Shard.of_slurm()
    shard = parsed.shard or array
    if shard is not None and parsed.evaluations is None:
        source = "" if array is None else ", which the variables of the Slurm array name,"
        raise ValueError(
            f"shard {shard}{source} needs --evaluations N, the same for all shards; --minutes "
            "would measure each machine for itself"
        )
    out = parsed.out or Path("runs") / f"search-{datetime.now():%Y%m%d-%H%M%S}"
    if array is not None:
        out = out / f"shard-{array.number}-of-{array.count}"
    values = {
        "seed": parsed.seed,
        "memory": parsed.memory,
        "evaluations": parsed.evaluations,
        "methods": _parts(parsed.methods),
    }
    given = {name: value for name, value in values.items() if value is not None}
    settings = SearchSettings(leave_own_out=parsed.leave_own_out, **given)
    check_free(out)
    programs = PACKAGED if parsed.programs is None else str(parsed.programs)
    work, plan = make_plan(parsed.tasks, _parts(parsed.ids), programs, shard, settings)
    console = open_console()
    _say_what(console, plan, work, parsed.threads)
    if parsed.evaluations is None:
        minutes = _MINUTES if parsed.minutes is None else parsed.minutes
        with console.status("measuring how fast this machine searches"):
            budget = measure_budget(minutes, work.tasks, work.corpus, settings, parsed.threads)
        say(
            console,
            f"{budget.rate:,.0f} evaluations a second: each task gets {budget.evaluations:,} for "
            f"{minutes:g} minutes; --evaluations {budget.evaluations} repeats this search",
        )
        plan = replace(plan, settings=replace(settings, evaluations=budget.evaluations))
    with SearchDirectory.create(out, plan) as directory:
        _go_on(directory, plan, work, {}, parsed.threads, console)


def _resume(words: Sequence[str]) -> None:
    parser = Parser(
        prog="codeit search resume",
        description="Go on with a search, as if it had never stopped. It may have ended: then its "
        "results are written again.",
        examples=["codeit search resume runs/mine"],
    )
    parser.add_argument("directory", type=path_of, help="a directory of `codeit search`")
    add_threads(parser, "tasks are searched")
    parsed = parser.parse_args(words)
    plan = read_plan(parsed.directory)
    plan.check_package()
    with SearchDirectory.open(parsed.directory) as directory:
        work = plan.load()
        records = read_records(directory.path, work.tasks)
        console = open_console()
        _say_what(console, plan, work, parsed.threads)
        if records:
            say(
                console,
                f"{len(records)} of {len(work.tasks)} tasks were searched before, "
                f"{_num_solved(records)} of them solved",
            )
        _go_on(directory, plan, work, records, parsed.threads, console)


def _merge(words: Sequence[str]) -> None:
    parser = Parser(
        prog="codeit search merge",
        description="Put the shards of a search together. The result is, byte for byte, that of "
        "one search without shards.",
        examples=["codeit search merge runs/part-1 runs/part-2 --out runs/whole"],
    )
    parser.add_argument("directories", type=path_of, nargs="+", help="of all shards, in any order")
    parser.add_argument("--out", type=path_of, required=True, help="the directory for the results")
    parsed = parser.parse_args(words)
    check_free(parsed.out)
    summary = merge(parsed.directories, parsed.out)
    _print_summary(open_console(), summary, parsed.out)


def _parts(text: str | None) -> tuple[str, ...] | None:
    """The parts of a list with commas."""
    return None if text is None else tuple(part.strip() for part in text.split(","))


def _shard(text: str) -> Shard:
    """A type of an argument."""
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _go_on(
    directory: SearchDirectory,
    plan: SearchPlan,
    work: Work,
    records: dict[str, TaskRecord],
    threads: int,
    console: Console,
) -> None:
    """Search what is left, print what is found, and leave the results."""
    again = shlex.join(["codeit", "search", "resume", str(directory.path)])
    try:
        num_before = len(records)
        with phase(console, "search", len(work.tasks) - num_before, "tasks") as advance:

            def show(searched: Searched, known: Mapping[str, TaskRecord]) -> None:
                _print_found(console, searched)
                advance(len(known) - num_before, f"{_num_solved(known)} solved")

            advance(0, f"{_num_solved(records)} solved")
            summary = complete(directory, plan, work, records, threads, show)
    except KeyboardInterrupt:
        write(f"codeit search: interrupted; `{again}` goes on", file=sys.stderr)
        sys.stdout.flush()
        os._exit(_EXIT_INTERRUPTED)  # threads that are in native code end with the process alone
    _print_summary(console, summary, directory.path)


def _num_solved(records: Mapping[str, TaskRecord]) -> int:
    return sum(record.submission.is_solved_by("top3") for record in records.values())


def _say_what(console: Console, plan: SearchPlan, work: Work, threads: int) -> None:
    programs = "the package" if plan.programs == PACKAGED else plan.programs
    shard = "" if plan.shard is None else f", shard {plan.shard}"
    say(
        console,
        f"{counted(len(work.tasks), 'task')} of {plan.tasks}{shard}, "
        f"{counted(len(work.corpus.seeds), 'program')} of {programs} to begin with, "
        f"{counted(threads, 'thread')}",
    )


def _print_found(console: Console, searched: Searched) -> None:
    """A task for which a program fits: its picture, or a line where it is wrong on a test."""
    task, record = searched.task, searched.record
    shown = _to_show(record)
    if shown is None:
        return
    found = next(found for found in record.found if found.candidate.key == shown.key)
    name = f"task {task.task_id}, by {found.method}, chance {record.chance:.0%}"
    if shown.num_right < shown.num_demonstrations:
        name += f", right on {shown.num_right} of {shown.num_demonstrations} demonstrations"
    if False in shown.tests_right:
        say(console, f"{name}: fits all demonstrations, wrong on a test", style="dim")
        return
    say(console, name, style="bold underline")
    results = execute([Program.parse(shown.shown)], [test.input for test in task.tests], 1)
    outputs = [results.grid(0, k) for k in range(len(task.tests))]
    render.print_answers(task, outputs, shown.shown, console)


def _to_show(record: TaskRecord) -> Candidate | None:
    """The best program that is right on all tests; else the best that fits all demonstrations."""
    submitted = record.submission.programs
    solutions = [c for c in submitted if c.is_solution]
    fitting = [c for c in submitted if c.num_right == c.num_demonstrations]
    return next(iter([*solutions, *fitting]), None)


def _print_summary(console: Console, summary: Summary, path: Path) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("method")
    for name in ("evaluations", "programs found", "tasks solved"):
        table.add_column(name, justify="right")
    for name, totals in summary.methods.items():
        add_row(table, name, f"{totals.evaluations:,}", f"{totals.found:,}", totals.solved)
    console.print(table)
    num_scored = summary.tasks - summary.hidden
    if num_scored:
        say(console, f"solved: {in_words(summary.solved, num_scored)}")
    if summary.seen:
        more = ", ..." if summary.seen[_NUM_NAMED:] else ""
        names = ", ".join(summary.seen[:_NUM_NAMED]) + more
        without = in_words(summary.solved_unseen, summary.num_unseen)
        say(
            console,
            f"the corpus has programs for {len(summary.seen)} of the tasks, under any id: {names}",
            f"solved without these: {without}",
        )
    fitting = summary.fitting
    if fitting.tasks:
        say(
            console,
            f"an attempt fits all demonstrations: {counted(fitting.tasks, 'task')}, of which "
            f"{fitting.tasks_wrong} wrong on a test",
            f"claimed to be solved (chance {LIKELY} or more): {counted(fitting.claimed, 'task')}, "
            f"of which {fitting.claimed_wrong} wrong",
        )
    if summary.hidden:
        say(
            console,
            f"the output of a test is hidden: {counted(summary.hidden, 'task')}, "
            f"{fitting.hidden} with an attempt that fits all demonstrations",
        )
    if summary.num_unconfirmed:
        say(console, f"programs left out, as they were not confirmed: {summary.num_unconfirmed}")
    say(console, f"{path / SUBMISSION} is the submission, {path / SUMMARY} has the figures")
