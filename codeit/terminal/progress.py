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
        rate = _rate(task.completed, task.elapsed or 0.0, task.fields["unit"])
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
    rate = _rate(done, seconds, unit)
    say(console, f"  {name:<16} {done:>9,} {unit} in {seconds:.1f} s, {rate}")


def _rate(done: float, seconds: float, unit: str) -> str:
    return f"{done / seconds:,.0f} {unit}/s" if seconds > 0 else f"- {unit}/s"
