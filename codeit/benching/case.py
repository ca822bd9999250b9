"""What can be timed: work, and how it is known that the work is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Case:
    """One line of the table.

    Attributes:
        work: what is timed. It gets what `prepare` gives, where there is one.
        check: says in a few words what is wrong with what `work` returned; "" where it is right.
        items: how many of `unit` one call of `work` does.
        threads: on more than one, the clock is taken in place of the processor's time.
        prepare: is called before each call of `work`, outside of the time.
        amounts: bytes or operations of a call by the ceiling that says how many there are in a
            second at best: "copying", or a precision of which there are products.
        alone: the case that does the same on one thread, `threads` times whose rate is the ceiling.
        device: on which the work is done; on another one than the CPU the clock is taken, too.
        beside: the name of the case that this one is a peer of; "" for a case of this package.
    """

    name: str
    work: Callable[..., Any]
    check: Callable[[Any], str]
    items: int
    unit: str
    threads: int = 1
    prepare: Callable[[], Any] | None = None
    amounts: Mapping[str, float] = field(default_factory=dict)
    alone: str = ""
    device: str = "cpu"
    beside: str = ""

    def call(self) -> Any:
        """The work, as it is done within the time."""
        return self.work() if self.prepare is None else self.work(self.prepare())


@dataclass(frozen=True)
class Bench:
    """All that is measured of one subject.

    Attributes:
        cases: in the order of the table; a case comes after those that it names.
        about: what is measured, in sentences.
        left_out: what is not measured, and why, in sentences.
        settings: what a record must have in common with another one to be compared with it.
        versions: of the libraries that take part.
    """

    cases: Sequence[Case]
    about: Sequence[str]
    settings: Mapping[str, Any]
    left_out: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
