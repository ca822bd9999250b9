"""What `codeit solve` and `codeit submit` are both asked, and what they make of it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import Console

from codeit.execution.arguments import add_threads
from codeit.language.corpus import PACKAGED
from codeit.ranges import MAX_SEED
from codeit.searching.budget import measure_budget
from codeit.searching.corpus import Corpus
from codeit.searching.settings import MAX_EVALUATIONS, MAX_MEMORY, SearchSettings
from codeit.solving.solver import Solver
from codeit.tasks.task import Task
from codeit.terminal import say
from codeit.terminal.arguments import Parser, path_of, positive_number, whole_number

_MOST_MINUTES = 1_000_000
_LEAST_MINUTES = 0.05  # of the search, however long the policy took


def add_options(parser: Parser, minutes: float, each: str) -> None:
    """Add the words that both commands take.

    Args:
        minutes: by default.
        each: what gets the evaluations.
    """
    add = parser.add_argument
    add("--programs", type=path_of, metavar="FILE", help="another corpus than the package's")
    add(
        "--minutes",
        type=positive_number(_MOST_MINUTES),
        metavar="M",
        help=f"about how long (default {minutes:g})",
    )
    add(
        "--evaluations",
        type=whole_number(1, MAX_EVALUATIONS),
        metavar="N",
        help=f"in place of --minutes: how many evaluations {each} gets",
    )
    add_threads(parser, "tasks are searched")
    add(
        "--memory",
        type=positive_number(MAX_MEMORY),
        metavar="GB",
        help="GiB that the search of one task may use (default 1)",
    )
    add("--seed", type=whole_number(0, MAX_SEED), metavar="S", help="of what is drawn (default 0)")
    add(
        "--leave-own-out",
        action="store_true",
        help="leave out the programs that the corpus has for the task itself",
    )


@dataclass(frozen=True, eq=False)
class Asked:
    """What a command was asked, loaded.

    Attributes:
        minutes: None where a number of evaluations is given.
        programs: what the corpus is called.
    """

    corpus: Corpus
    programs: str
    settings: SearchSettings
    minutes: float | None
    threads: int

    @classmethod
    def of(cls, parsed: argparse.Namespace, minutes: float) -> Asked:
        """What the words say.

        Raises:
            ValueError, OSError: the corpus cannot be read, or a number is bad.
        """
        if parsed.minutes is not None and parsed.evaluations is not None:
            raise ValueError("--minutes and --evaluations both say how long to search; give one")
        names = ("seed", "memory", "evaluations")
        values = {name: getattr(parsed, name) for name in names}
        given = {name: value for name, value in values.items() if value is not None}
        programs = PACKAGED if parsed.programs is None else str(parsed.programs)
        has_number = parsed.evaluations is not None
        return cls(
            corpus=Corpus.load(programs),
            programs="the package" if programs == PACKAGED else programs,
            settings=SearchSettings(leave_own_out=parsed.leave_own_out, **given),
            minutes=None if has_number else parsed.minutes or minutes,
            threads=parsed.threads,
        )

    def solver(self) -> Solver:
        """What finds the answers."""
        return Solver(corpus=self.corpus, settings=self.settings, threads=self.threads)

    def with_evaluations(
        self, tasks: Sequence[Task], console: Console, start: float, again: str
    ) -> Asked:
        """The same with a number of evaluations in place of the minutes: measured, and said.

        Args:
            start: when the minutes began, by time.perf_counter.
            again: what is repeated with that number.
        """
        if self.minutes is None:
            return self
        spent = (time.perf_counter() - start) / 60
        left = max(self.minutes - spent, _LEAST_MINUTES)
        threads = min(self.threads, len(tasks))
        with console.status("measuring how fast this machine searches"):
            budget = measure_budget(
                left, tasks, self.corpus, self.settings, threads, minimises=False
            )
        whose = "" if len(tasks) == 1 else "each task gets "
        say(
            console,
            f"{budget.rate:,.0f} evaluations a second: {whose}{budget.evaluations:,} for "
            f"{self.minutes:g} {'minute' if self.minutes == 1 else 'minutes'}; "
            f"--evaluations {budget.evaluations} repeats {again}",
        )
        settings = replace(self.settings, evaluations=budget.evaluations)
        return replace(self, settings=settings, minutes=None)


def say_seen(console: Console, asked: Asked, tasks: Sequence[Task]) -> None:
    """Say of which tasks the corpus has programs, which are no answers that anybody has found."""
    seen = asked.corpus.seen(tasks, asked.settings)
    if not seen:
        return
    which = (
        "this task"
        if len(tasks) == 1
        else f"{len(seen)} of the tasks ({', '.join(task.task_id for task in seen[:3])}"
        + (", ...)" if len(seen) > 3 else ")")
    )
    say(
        console,
        f"the corpus has programs for {which}, written with a look at the answer; "
        "--leave-own-out leaves them out",
    )
