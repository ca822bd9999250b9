"""What `codeit bench` prints: a line for each case when it is timed, and what follows."""

from __future__ import annotations

from collections.abc import Sequence

from codeit.benching.comparison import SHARE, SPREADS, Change
from codeit.benching.record import Figure
from codeit.terminal import write
from codeit.terminal.progress import rate_of

_NAME = 38
_CAPTION = (
    "Of one call; spread: between the quarters of all rounds, as a share of the median.",
    "On one thread the time is the processor's, on several that of the clock.",
)


def write_heading() -> None:
    """Above the first line."""
    write("", f"{'':{_NAME}} {'median':>9} {'spread':>6} {'rate':>17} of ceiling")


def write_figure(figure: Figure) -> None:
    """One line."""
    ceiling = ""
    if figure.share is not None:
        ceiling = f"{_share(figure.share)} {figure.ceiling}"
    elif figure.times is not None:
        ceiling = f"{figure.times:,.1f} times slower" if figure.times >= 1 else _faster(figure)
    rate = rate_of(figure.rate, 1.0, figure.unit)
    spread = f"{figure.iqr / figure.median:.0%}"
    name = figure.name if len(figure.name) <= _NAME else figure.name[: _NAME - 1] + "…"
    write(f"{name:{_NAME}} {duration(figure.median):>9} {spread:>6} {rate:>17} {ceiling}".rstrip())


def write_fault(name: str, fault: str) -> None:
    """In place of a figure."""
    write(f"{name}: not timed: {fault}")


def write_end(left_out: Sequence[str]) -> None:
    """Below the last line."""
    write("", *_CAPTION, *(f"left out: {sentence}" for sentence in left_out))


def write_changes(changes: Sequence[Change], notes: Sequence[str], name: str) -> None:
    """Beside a record of before."""
    write("", f"beside {name}")
    for change in changes:
        verdict = change.verdict or "no change beyond noise"
        before, now = duration(change.before.median), duration(change.now.median)
        write(f"{change.name:{_NAME}} {before:>9} {now:>9} {change.times:>6.2f} times  {verdict}")
    write(
        *notes,
        f"Slower: the medians are more than {SPREADS} spreads apart, and they and the fastest "
        f"rounds by more than {SHARE:.0%}.",
    )


def duration(seconds: float) -> str:
    """With three figures."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:,.3g} {unit}" if seconds < 1e3 else f"{seconds:,.0f} s"
    return f"{seconds * 1e9:,.3g} ns"


def _share(value: float) -> str:
    return f"{value:.0%}" if value >= 0.1 else f"{value:.2%}"


def _faster(figure: Figure) -> str:
    assert figure.times is not None
    return f"{1 / figure.times:,.1f} times faster"
