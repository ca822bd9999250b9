"""What `codeit solve` and `codeit submit` are both asked, and what they make of it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.console import Console

from codeit.execution.arguments import add_threads
from codeit.language.corpus import PACKAGED, load_seed_programs
from codeit.policy.trained import Trained
from codeit.ranges import MAX_INT, MAX_SEED
from codeit.searching.budget import measure_budget
from codeit.searching.corpus import Corpus
from codeit.searching.settings import MAX_EVALUATIONS, MAX_MEMORY, SearchSettings
from codeit.solving.solver import Solver
from codeit.solving.written import Written
from codeit.tasks.task import Task
from codeit.terminal import quiet_libraries, say
from codeit.terminal.arguments import Parser, path_of, positive_number, whole_number
from codeit.terminal.progress import phase

if TYPE_CHECKING:
    from codeit.policy.policy import Policy

_MOST_MINUTES = 1_000_000
_LEAST_MINUTES = 0.05  # of the search, however long the policy took


def add_options(parser: Parser, minutes: float, each: str) -> None:
    """Add the words that both commands take.

    Args:
        minutes: by default.
        each: what gets the evaluations.
    """
    add = parser.add_argument
    add(
        "--run",
        type=path_of,
        metavar="DIR",
        help="a run of `codeit train`, or a checkpoint, whose policy writes programs first",
    )
    add(
        "--samples",
        type=whole_number(1, MAX_INT),
        metavar="N",
        help="how many programs the policy writes for a task (default: as many as in its run)",
    )
    add(
        "--programs",
        type=path_of,
        metavar="FILE",
        help="another corpus than the run's, or the package's",
    )
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
        trained: the policy to load; None for search alone.
    """

    corpus: Corpus
    programs: str
    settings: SearchSettings
    minutes: float | None
    threads: int
    trained: Trained | None = None

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
        trained = None if parsed.run is None else Trained.read(parsed.run)
        if parsed.samples is not None:
            if trained is None:
                raise ValueError("--samples N is of a policy; --run DIR says where it is")
            sampling = replace(trained.sampling, samples_per_task=parsed.samples)
            trained = replace(trained, sampling=sampling)
        programs = PACKAGED if trained is None else trained.programs
        programs = programs if parsed.programs is None else str(parsed.programs)
        dialect = "codeit" if trained is None else trained.dialect
        has_number = parsed.evaluations is not None
        return cls(
            corpus=Corpus.of(load_seed_programs(programs, dialect)),
            programs="the package" if programs == PACKAGED else programs,
            settings=SearchSettings(leave_own_out=parsed.leave_own_out, **given),
            minutes=None if has_number else parsed.minutes or minutes,
            threads=parsed.threads,
            trained=trained,
        )

    def solver(self, policy: Policy | None = None) -> Solver:
        """What finds the answers."""
        return Solver(policy, self.corpus, self.settings, threads=self.threads)

    def write(self, tasks: Sequence[Task], console: Console) -> list[Written]:
        """What the policy writes for tasks, in their order; nothing where there is none.

        Raises:
            ValueError, OSError: it cannot be loaded, or not write for one of the tasks.
            FloatingPointError: a weight or a score of the model is not finite.
        """
        if self.trained is None:
            return [Written() for _ in tasks]
        quiet_libraries()
        with console.status("loading torch and the policy"):
            from codeit.policy.policy import Policy

            policy = Policy.load(
                self.trained.checkpoint, self.trained.sampling, threads=self.threads
            )
        policy.check(tasks)
        total = len(tasks) * policy.settings.samples_per_task
        with phase(console, "sampling", total, "programs") as advance_to:
            written = self.solver(policy).write(tasks, advance_to)
        sums = [sum(getattr(w, name) for w in written) for name in ("num_samples", "num_programs")]
        num_right = sum(len(w.right) for w in written)
        num_leading = sum(len(w.leading) for w in written)
        say(
            console,
            f"the policy wrote {sums[0]:,} texts, {sums[1]:,} distinct programs among them, "
            f"{num_right:,} of which are right on a demonstration; {num_leading:,} lead a search",
        )
        return written

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
