"""Shows a search while it runs, and ends it when somebody presses Ctrl-C."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column
from rich.text import Text

from codeit.execution.executor import Limits, execute
from codeit.language import Program
from codeit.minimising.minimiser import minimise
from codeit.minimising.solutions import FEW_EVALUATIONS
from codeit.searching.engine import SearchWatch
from codeit.searching.found import Found, TaskSearch
from codeit.solving.misses import Miss, misses_of
from codeit.solving.picture import Shown, all_of, miss_sentence, program_blocks, test_blocks
from codeit.tasks.render import draw_blocks
from codeit.tasks.task import Task
from codeit.terminal import plain, say

_INTERVAL = 0.1  # seconds between two looks
_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Ended:
    """How a search has ended.

    Attributes:
        is_interrupted: it was ended before its evaluations were spent.
    """

    search: TaskSearch
    is_interrupted: bool


def watched(
    console: Console, task: Task, evaluations: int, search: Callable[[SearchWatch], TaskSearch]
) -> Ended:
    """Run a search on another thread and show how far it is.

    Ctrl-C ends the search, whose result is what it has found until then.

    Args:
        task: with the outputs of its tests hidden.
        evaluations: that the search may spend.
    """
    watch = SearchWatch()
    ended: SimpleQueue[TaskSearch | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            ended.put(search(watch))
        except BaseException as error:
            ended.put(error)

    threading.Thread(target=run, daemon=True).start()
    best = _Best(task)
    result: TaskSearch | BaseException | None = None
    is_interrupted = False
    try:
        with _view(console, task, evaluations) as view:
            while result is None:
                with suppress(Empty):
                    result = ended.get(timeout=_INTERVAL)
                is_new = best.add(watch.take(task))
                view.update(watch, best, is_new)
    except KeyboardInterrupt:
        is_interrupted = True
        watch.stop()
        result = ended.get()
    if isinstance(result, BaseException):
        raise result
    return Ended(result, is_interrupted)


class _Best:
    """The best of what was found so far: of what fits, the program that costs least. The ranking
    of the end counts how many ways lead to an answer, of which little is known before."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.fitting: list[Found] = []
        self.miss: Miss | None = None
        self.text = ""
        """Of the best program, minimised if it fits."""

    def add(self, found: list[Found]) -> bool:
        """Take in what was found; whether the best is another one now."""
        before = self.program
        fitting = [f for f in found if f.num_right == len(self.task.demonstrations)]
        if fitting:
            self.fitting = sorted([*self.fitting, *fitting], key=lambda found: found.cost)
        elif found and not self.fitting:
            (self.miss,) = misses_of(self.task, [found[-1].program], _LIMITS)
        is_new = self.program is not before
        if is_new and self.program:
            self.text = self._shortened(self.program) if self.fitting else self.program.text
        return is_new

    def _shortened(self, program: Program) -> str:
        inputs = [pair.input for pair in (*self.task.demonstrations, *self.task.tests)]
        return minimise(program, inputs, evaluations=FEW_EVALUATIONS, limits=_LIMITS).text

    @property
    def program(self) -> Program | None:
        """The best program."""
        if self.fitting:
            return self.fitting[0].program
        return self.miss.program if self.miss else None

    def in_words(self) -> str:
        """How good it is."""
        if self.fitting:
            which = all_of(len(self.task.demonstrations))
            first = self.fitting[0]
            return f"right on {which}, after {first.evaluations:,} evaluations, by {first.method}"
        return miss_sentence(self.task, self.miss) if self.miss else "nothing yet"


class _View(Protocol):
    def update(self, watch: SearchWatch, best: _Best, is_new: bool) -> None: ...


@contextmanager
def _view(console: Console, task: Task, evaluations: int) -> Iterator[_View]:
    if not console.is_terminal:
        yield _Lines(console)
        return
    with Live(console=console, transient=True, refresh_per_second=4) as live:
        yield _Screen(console, live, evaluations)


class _Lines:
    """A line for each best. Between them, which may take hours, it looks whether anybody reads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._poll = select.poll()
        with suppress(OSError):  # no file of the system
            self._poll.register(console.file.fileno(), select.POLLERR)

    def update(self, watch: SearchWatch, best: _Best, is_new: bool) -> None:
        if any(event & select.POLLERR for _, event in self._poll.poll(0)):
            raise BrokenPipeError
        if is_new:
            text = best.text.replace("\n", "; ")
            say(self._console, f"  {best.in_words()}: {text}")


class _Screen:
    """A bar, and below it the best program with what it answers."""

    def __init__(self, console: Console, live: Live, evaluations: int) -> None:
        self._console = console
        self._live = live
        width = max(min(30, console.width - 60), 5)
        self._bar = Progress(
            TextColumn("  searching", table_column=Column(min_width=11)),
            BarColumn(bar_width=width),
            TextColumn("{task.percentage:>3.0f}%", table_column=Column(min_width=4)),
            TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True)),
            console=console,
        )
        self._task = self._bar.add_task("search", total=evaluations, note="")
        self._picture = Group()

    def update(self, watch: SearchWatch, best: _Best, is_new: bool) -> None:
        count = len(best.fitting)
        fits = f", {count} {'program fits' if count == 1 else 'programs fit'}" if count else ""
        self._bar.update(self._task, completed=watch.evaluations, note=f"{watch.method}{fits}")
        if is_new and best.program is not None:
            self._picture = self._drawn(best, best.program)
        self._live.update(Group(self._bar, self._picture))

    def _drawn(self, best: _Best, program: Program) -> Group:
        task = best.task
        answers = execute([program], [test.input for test in task.tests], 1, _LIMITS)
        grids = [answers.grid(0, i) for i in range(len(task.tests))]
        shown = Shown("answer" if best.fitting else "nearest", best.text, grids)
        blocks = [*test_blocks(task, [shown]), *program_blocks([shown])]
        words = plain(best.in_words(), "bold")
        return Group(Text(), words, Text(), *draw_blocks(blocks, self._console))
