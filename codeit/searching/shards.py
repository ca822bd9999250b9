"""Which part of the tasks this process searches, where several share them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from codeit.ranges import integer_of

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """One of `count` parts, numbered from 1; each has tasks from everywhere in their order."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(f"shard {self}; allowed: I/N with I from 1 to N")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def part_of(self, items: Sequence[Item]) -> Sequence[Item]:
        """Its part.

        Raises:
            ValueError: there are fewer items than shards.
        """
        if len(items) < self.count:
            raise ValueError(f"shard {self} of {len(items)} tasks; allowed: a task for each shard")
        return items[self.number - 1 :: self.count]

    @classmethod
    def parse(cls, text: str) -> Shard:
        """What `--shard` says: 2/8.

        Raises:
            ValueError: it says something else.
        """
        number, _, count = map(integer_of, text.partition("/"))
        if number is None or count is None:
            raise ValueError(f"shard {text!r}; allowed: I/N with I from 1 to N")
        return cls(number, count)

    @classmethod
    def of_slurm(cls, environment: Mapping[str, str] = os.environ) -> Shard | None:
        """The part of a task of a Slurm array, whose ids may begin anywhere and skip some; None
        outside of one.

        Raises:
            ValueError: the variables that Slurm sets contradict each other.
        """
        prefix = "SLURM_ARRAY_TASK_"
        if prefix + "ID" not in environment:
            return None
        values = {}
        for name, default in (("ID", None), ("COUNT", None), ("MIN", "0"), ("STEP", "1")):
            text = environment.get(prefix + name, default)
            number = None if text is None else integer_of(text)
            if number is None or number < 0:
                raise ValueError(f"{prefix}{name} is {text!r}; allowed: a whole number")
            values[name] = number
        place, rest = divmod(values["ID"] - values["MIN"], max(values["STEP"], 1))
        if rest or not 0 <= place < values["COUNT"]:
            said = ", ".join(f"{prefix}{name}={value}" for name, value in values.items())
            raise ValueError(f"{said}: this is no place in an array; --shard I/N says which part")
        return cls(place + 1, values["COUNT"])
