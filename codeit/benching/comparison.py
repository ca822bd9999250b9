"""Is a case slower than before, beyond what noise does?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from codeit.benching.record import Figure, Record

SPREADS = 3
"""How many times the larger of the two spreads two medians must be apart."""
SHARE = 0.05
"""And by how much of the smaller one; as much must the fastest rounds be apart, which the work of
others on the machine hardly changes."""


@dataclass(frozen=True)
class Change:
    """Of one case: how many times as long it takes as before.

    Attributes:
        verdict: "slower" or "faster" where that is beyond noise, else "".
    """

    name: str
    before: Figure
    now: Figure
    verdict: str

    @property
    def times(self) -> float:
        return _seconds(self.now.median, self.now) / _seconds(self.before.median, self.before)


def check_comparable(settings: Mapping[str, Any], before: Record, name: str) -> None:
    """Raise ValueError where a record is not of work with these settings."""
    for key in sorted({*settings, *before.settings}):
        values = [some.get(key) for some in (before.settings, settings)]
        if values[0] != values[1]:
            raise ValueError(
                f"{name} was measured with {key} {values[0]!r}, and this is {values[1]!r}; only "
                "the same work can be compared"
            )


def compare(now: Record, before: Record) -> list[Change]:
    """The cases that both have."""
    known = {figure.name: figure for figure in before.figures}
    return [
        Change(figure.name, known[figure.name], figure, _verdict(figure, known[figure.name]))
        for figure in now.figures
        if figure.name in known
    ]


def notes(now: Record, before: Record) -> list[str]:
    """What else there is to say beside two records."""
    lines = []
    if now.machine != before.machine:
        lines.append(f"the other machine is {before.machine}; this one is {now.machine}")
    for name in sorted({*now.versions, *before.versions}):
        values = [versions.get(name, "none") for versions in (before.versions, now.versions)]
        if values[0] != values[1]:
            lines.append(f"{name} was {values[0]}, and is {values[1]}")
    names = [[figure.name for figure in record.figures] for record in (before, now)]
    lines += [f"{name}: measured before alone" for name in names[0] if name not in names[1]]
    lines += [f"{name}: measured now alone" for name in names[1] if name not in names[0]]
    return lines


def slower(changes: Iterable[Change]) -> list[Change]:
    """Those that are slower beyond noise; those of peers do not count."""
    return [change for change in changes if change.verdict == "slower" and not change.now.beside]


def _seconds(value: float, figure: Figure) -> float:
    """Of one item."""
    return value / figure.items


def _verdict(now: Figure, before: Figure) -> str:
    if _is_more(now, before):
        return "slower"
    return "faster" if _is_more(before, now) else ""


def _is_more(longer: Figure, shorter: Figure) -> bool:
    """Whether one takes longer than another beyond noise."""
    medians = [_seconds(figure.median, figure) for figure in (longer, shorter)]
    least = [_seconds(figure.least, figure) for figure in (longer, shorter)]
    spread = max(_seconds(figure.iqr, figure) for figure in (longer, shorter))
    return (
        medians[0] - medians[1] > SPREADS * spread
        and medians[0] > (1 + SHARE) * medians[1]
        and least[0] > (1 + SHARE) * least[1]
    )
