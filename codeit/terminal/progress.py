"""Progress bars for long phases, with rates in the units of the work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

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
from rich.text import Text

from codeit.terminal import say


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        rate = rate_of(task.completed, task.elapsed or 0.0, task.fields["unit"])
        return Text(rate, style="cyan")


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
    columns = (
        TextColumn("  {task.description:<16}"),
        BarColumn(bar_width=max(min(30, console.width - 60), 5)),
        MofNCompleteColumn(),
        _RateColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        bar = progress.add_task(name, total=total, unit=unit, note="")

        def advance_to(count: int, note: str = "") -> None:
            nonlocal done
            done = count
            progress.update(bar, completed=count, note=note)

        yield advance_to
    seconds = time.perf_counter() - start
    rate = f", {rate_of(done, seconds, unit)}" if done else ""
    say(console, f"  {name:<16} {done:>9,} {unit} in {seconds:.1f} s{rate}")


_SPANS = {"s": 1, "min": 60, "h": 3600}


def rate_of(done: float, seconds: float, unit: str) -> str:
    """By the shortest span of time in which there is one or more, at least two digits of it."""
    rate = done / seconds if seconds > 0 else 0.0
    if not rate:
        return f"- {unit}/s"
    name = next((name for name, span in _SPANS.items() if rate * span >= 1), "h")
    number = rate * _SPANS[name]
    return f"{number:,.{0 if number >= 10 else 1}f} {unit}/{name}"
