"""What a benchmark comes to: figures, and the file that has them."""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codeit.benching.machine import machine
from codeit.files.json_file import read_object
from codeit.files.whole_file import whole_file
from codeit.version import __version__, commit


@dataclass(frozen=True)
class Figure:
    """Of one case; seconds are those of one call, which does `items` of `unit`.

    Attributes:
        iqr: between the quarters of the rounds: the spread.
        least: of the fastest round.
        clock: "processor" for its time, "wall" for that of the clock.
        ceiling: what `share` is a share of; "" where there is none.
        beside, times: the case of this package that this one is a peer of, and how many times as
            fast that one is.
    """

    name: str
    unit: str
    items: int
    median: float
    iqr: float
    least: float
    rounds: int
    clock: str
    ceiling: str = ""
    share: float | None = None
    beside: str = ""
    times: float | None = None

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.items / self.median


@dataclass(frozen=True)
class Record:
    """All figures of one subject, and what they were measured with.

    Attributes:
        settings: what another record must have, too, to be compared with this one.
        ceilings: what the machine reaches at best, a second.
    """

    subject: str
    machine: str
    versions: Mapping[str, str]
    settings: Mapping[str, Any]
    ceilings: Mapping[str, float]
    figures: Sequence[Figure]
    codeit: str = __version__
    commit: str | None = None

    @classmethod
    def made_here(cls, **values: Any) -> Record:
        """One of this machine and version."""
        versions = {"python": platform.python_version(), **values.pop("versions")}
        versions["pytest-benchmark"] = importlib.metadata.version("pytest-benchmark")
        return cls(machine=machine(), commit=commit(), versions=versions, **values)

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        rows = [asdict(figure) | {"rate": figure.rate} for figure in self.figures]
        with whole_file(path) as file:
            file.write(json.dumps(vars(self) | {"figures": rows}, indent=1).encode() + b"\n")


def read_record(path: Path, subject: str) -> Record:
    """The record in a file of `codeit bench SUBJECT --json`.

    Raises:
        ValueError, OSError: there is none, it is damaged, or it is of another subject.
    """
    row = read_object(path)
    name = f"{path}: this is no file of `codeit bench --json`"
    try:
        if not isinstance(row["subject"], str):
            raise TypeError("subject is no text")
        if row["subject"] != subject:
            raise ValueError(f"{path} is of `codeit bench {row['subject']}`; allowed: {subject}")
        figures = [_figure(dict(figure)) for figure in row["figures"]]
        for key in ("versions", "settings", "ceilings"):
            if not isinstance(row[key], dict):
                raise TypeError(f"{key} is no object")
        if not isinstance(row["machine"], str):
            raise TypeError("machine is no text")
        return Record(**{**row, "figures": figures})
    except KeyError as error:
        raise ValueError(f"{name}: there is no {error.args[0]!r} in it") from None
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None


def _figure(row: dict[str, Any]) -> Figure:
    row.pop("rate", None)
    figure = Figure(**row)
    if not isinstance(figure.name, str):
        raise TypeError("a name is no text")
    for key in ("median", "least", "iqr", "items"):
        value = getattr(figure, key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value < 0 or (value == 0 and key != "iqr"):
            raise TypeError(f"{figure.name}, {key} is {value!r}")
    return figure
