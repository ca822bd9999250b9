"""Progress bars for long phases, with rates in the units of the work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from codeit.terminal import say

_MOST_BAR, _LEAST_BAR = 30, 5
_REMAINING = len("0:00:00")


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_rate(task), style="cyan")


class _BarOfTheRest(ProgressColumn):
    """As wide as the words of the line leave room for; none where they leave hardly any."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width

    def render(self, task: Task) -> ProgressBar | Text:
        words = (_name(task.description), _count(task), _rate(task), task.fields["note"])
        left = self._width - sum(cell_len(word) + 1 for word in words) - _REMAINING - 1
        return BarColumn(min(left, _MOST_BAR)).render(task) if left >= _LEAST_BAR else Text()


def _name(description: str) -> str:
    return f"  {description:<16}"


def _count(task: Task) -> str:
    total = f"{task.total:.0f}"
    return f"{task.completed:>{len(total)}.0f}/{total}"


def _rate(task: Task) -> str:
    return rate_of(task.completed, task.elapsed or 0.0)


class Advance(Protocol):
    """Told how much of a phase is done, and a few words beside it."""

    def __call__(self, count: int, note: str = "") -> None: ...


@contextmanager
def phase(console: Console, name: str, total: int, unit: str) -> Iterator[Advance]:
    """A bar for one phase; the function that it gives is told how much is done.

    Where the console is no terminal, one line is printed when the phase has ended.
    """
    start = time.perf_counter()
    done = 0
    one_line = Column(no_wrap=True)
    columns = (
        TextColumn("  {task.description:<16}", markup=False, table_column=one_line),
        _BarOfTheRest(console.width),
        MofNCompleteColumn(table_column=one_line),
        _RateColumn(table_column=one_line),
        TextColumn("{task.fields[note]}", markup=False, table_column=one_line),
        TimeRemainingColumn(table_column=one_line),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        bar = progress.add_task(name, total=total, note="")

        def advance_to(count: int, note: str = "") -> None:
            nonlocal done
            done = count
            progress.update(bar, completed=count, note=note)

        yield advance_to
    seconds = time.perf_counter() - start
    rate = f", {rate_of(done, seconds, unit)}" if done else ""
    what = unit.removesuffix("s") if done == 1 else unit
    say(console, f"{_name(name)} {done:>9,} {what} in {seconds:.1f} s{rate}")


_SPANS = {"s": 1, "min": 60, "h": 3600}
_THOUSANDS = 10_000  # what is said as so many thousands


def rate_of(done: float, seconds: float, unit: str = "") -> str:
    """By the shortest span of time in which there is one or more, at least two digits of it."""
    rate = done / seconds if seconds > 0 else 0.0
    name = next((name for name, span in _SPANS.items() if rate * span >= 1), "h" if rate else "s")
    number = rate * _SPANS[name]
    if not rate:
        words = "-"
    elif number < 10:
        words = f"{number:.1f}"
    elif number < _THOUSANDS:
        words = f"{number:,.0f}"
    else:
        words = f"{number / 1000:,.0f}k"
    return f"{words} {unit}".rstrip() + f"/{name}"
