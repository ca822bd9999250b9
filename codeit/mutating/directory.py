"""The one file that knows what `codeit mutate` leaves on disk.

    mutate.json       what was asked
    mutants/0001.jsonl, ...  the mutants: the seed program's task, the program, its depth
    curve.csv         how many tasks so many mutants solve; the last column counts those, too, that
                      were made again, as the paper does
    solutions.jsonl   the mutants that reproduce a task's first demonstration, by their numbers;
                      those that are right on all, or on all tests, are minimised, each beside its
                      `original`
    position.json     where the work stands, and what the other files hold by then
    summary.json      the figures, when all is done

A mutated task is a row of `mutants/`: its demonstrations are the inputs of the row's task and what
the program makes of them. Every byte but that of `position.json` follows from what was asked, and
so does that when all is done: a kill at any moment changes nothing.
"""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from codeit.files import locked_directory
from codeit.files.json_file import read_lines, read_text
from codeit.files.locked_directory import LockedDirectory
from codeit.files.sealed_lines import read_sealed, sealed
from codeit.files.whole_directory import Digest, check_entries
from codeit.files.whole_file import append, fresh_name, truncate, whole_file
from codeit.mutating.curve import CurvePoint
from codeit.mutating.plan import MutatingPlan
from codeit.tasks.scoring import RULES, Candidate

PLAN = "mutate.json"
MUTANTS = "mutants"
CURVE = "curve.csv"
SOLUTIONS = "solutions.jsonl"
POSITION = "position.json"
SUMMARY = "summary.json"

_CURVE_COLUMNS = ("programs", "solved_fraction", *RULES, "with_repeats")


@dataclass(frozen=True)
class Position:
    """Where the work stands.

    Attributes:
        num_shards, num_programs, num_draws: done.
        num_valid: draws that gave a valid mutant, new or not.
        num_runs: that scoring stands for so far.
        is_done: whether there are no more mutants to come.
    """

    num_shards: int = 0
    num_programs: int = 0
    num_draws: int = 0
    num_valid: int = 0
    num_runs: int = 0
    is_done: bool = False


@dataclass(frozen=True)
class MutantRow:
    """A mutant as it is on disk."""

    task: str
    program: str
    depth: int


class MutatingDirectory(LockedDirectory):
    """Writes mutants and what they solve.

    Attributes:
        position: of the last shard that was added.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.position = Position()
        self._written: dict[str, Digest] = {}

    @classmethod
    def create(cls, path: Path, plan: MutatingPlan) -> MutatingDirectory:
        """A new directory.

        Raises:
            ValueError: something is there, or it cannot be written.
        """
        with cls._made(path, check_free) as directory:
            directory._begin()
            _write(path / PLAN, sealed(plan.to_row()))  # last: with it, there is work to do
        return directory

    @classmethod
    def open(cls, path: Path) -> MutatingDirectory:
        """One that `create` has made; what is not of the shards that are done is removed.

        Raises:
            ValueError: it is none, a file is missing or damaged, or another process writes to it.
        """
        read_plan(path)
        directory = cls(path)
        try:
            directory._go_back()
        except BaseException:
            directory.__exit__()
            raise
        return directory

    def add(
        self,
        mutants: Iterable[MutantRow],
        found: Iterable[tuple[int, Candidate]],
        points: Iterable[CurvePoint],
        num_tasks: int,
        position: Position,
    ) -> None:
        """Add a shard.

        Args:
            found: candidates, with the numbers of their programs among all.
            num_tasks: that can be solved.
            position: with this shard.
        """
        rows = [json.dumps(vars(mutant)) for mutant in mutants]
        name = _shard_name(position.num_shards)
        if rows:
            self._set(name, "".join(row + "\n" for row in rows))
        solutions = [{"number": number} | candidate.to_row() for number, candidate in found]
        self._append(SOLUTIONS, "".join(json.dumps(row) + "\n" for row in solutions))
        for point in points:
            share = round(point.figures[next(iter(RULES))] / num_tasks, 6) if num_tasks else 0
            counts = [point.figures[rule] for rule in RULES]
            line = [point.num_programs, share, *counts, point.num_valid]
            self._append(CURVE, _csv_line(line))
        entries = {name: digest.entry() for name, digest in self._written.items()}
        _write(self.path / POSITION, sealed({**vars(position), "files": entries}))
        self.position = position

    def set_summary(self, summary: Mapping[str, Any]) -> None:
        """Write the figures, when all is done."""
        text = json.dumps(summary, indent=1, allow_nan=False)
        _write(self.path / SUMMARY, text.encode() + b"\n")

    def shards(self) -> Iterator[list[MutantRow]]:
        """The mutants of all shards that are done, in their order."""
        return map(_read_mutants, shard_paths(self.path))

    def found(self) -> list[tuple[int, Candidate]]:
        """The candidates of all shards that are done, by the numbers of their programs."""
        return read_found(self.path)

    def _begin(self) -> None:
        """With no shard done."""
        (self.path / MUTANTS).mkdir(exist_ok=True)
        self._set(SOLUTIONS, "")
        self._set(CURVE, _csv_line(_CURVE_COLUMNS))

    def _go_back(self) -> None:
        path = self.path / POSITION
        if not path.exists():
            self._remove_shards_after(0)
            self._begin()
            return
        rows = read_sealed(path).rows
        if len(rows) != 1:
            raise ValueError(f"{path}: it is damaged: not what was written")
        entries = rows[0].pop("files")
        try:
            self.position = Position(**rows[0])
        except TypeError as error:
            raise ValueError(f"{path}: {error}") from None
        check_entries(self.path, entries, may_be_longer=True)
        for name, entry in entries.items():
            truncate(self.path / name, entry["bytes"])
            self._written[name] = Digest.of_file(self.path / name)
        self._remove_shards_after(self.position.num_shards)

    def _remove_shards_after(self, number: int) -> None:
        known = {_shard_name(k) for k in range(1, number + 1)}
        for path in shard_paths(self.path):
            if str(path.relative_to(self.path)) not in known:
                path.unlink()

    def _set(self, name: str, text: str) -> None:
        _write(self.path / name, text.encode())
        self._written[name] = Digest()
        self._written[name].update(text.encode())

    def _append(self, name: str, text: str) -> None:
        append(self.path / name, text.encode())
        self._written[name].update(text.encode())


def read_plan(path: Path) -> MutatingPlan:
    """What was asked for in a directory.

    Raises:
        ValueError: it is none of `codeit mutate`, or the plan is damaged.
    """
    if not (path / PLAN).is_file():
        what = "there is no such directory" if not path.exists() else f"it has no {PLAN}"
        raise ValueError(f"{path} is no directory of `codeit mutate`: {what}")
    rows = read_sealed(path / PLAN).rows
    if len(rows) != 1:
        raise ValueError(f"{path / PLAN}: it is damaged: not what was written")
    return MutatingPlan.from_row(rows[0])


def read_found(path: Path) -> list[tuple[int, Candidate]]:
    """The candidates that a directory has, by the numbers of their programs.

    Raises:
        ValueError: there is no such file, or it is damaged.
    """
    found = []
    for number, row in enumerate(read_lines(path / SOLUTIONS), start=1):
        program = row.pop("number", None)
        try:
            if type(program) is not int:
                raise ValueError(f'"number" is {program!r}; it is a number')
            found.append((program, Candidate.from_row(row)))
        except ValueError as error:
            raise ValueError(f"{path / SOLUTIONS}, line {number}: {error}") from None
    return found


def read_curve(path: Path) -> list[CurvePoint]:
    """The curve that a directory has; a last line that was cut off is left out.

    Raises:
        ValueError: there is no such file, or it is damaged.
    """
    header, *lines = read_text(path / CURVE).split("\n")[:-1] or [""]
    if header != _csv_line(_CURVE_COLUMNS).rstrip():
        raise ValueError(f"{path / CURVE}, line 1: it has other columns than those of a curve")
    points = []
    for number, line in enumerate(lines, start=2):
        try:
            first, _, *rest = line.split(",")
            num_programs, num_valid = int(first), int(rest.pop())
            figures = dict(zip(RULES, map(int, rest), strict=True))
        except (ValueError, IndexError):
            raise ValueError(f"{path / CURVE}, line {number}: no point of a curve") from None
        points.append(CurvePoint(num_programs, num_valid, figures))
    return points


def check_free(path: Path) -> None:
    """Raise ValueError unless a directory can be made there: where there is nothing, or a folder
    that holds no more than a `create` that was cut off leaves."""
    is_begun = (path / PLAN).is_file()
    again = shlex.join(["codeit", "mutate", "resume", str(path)]) if is_begun else ""
    locked_directory.check_free(path, _is_without_content, again)


def _is_without_content(path: Path) -> bool:
    files = (PLAN, SOLUTIONS, CURVE)
    left = {MUTANTS, *files[1:], *(fresh_name(path / name).name for name in files)}
    solutions = path / SOLUTIONS
    return (
        {entry.name for entry in path.iterdir()} <= left
        and not (solutions.exists() and solutions.stat().st_size)
        and not ((path / MUTANTS).exists() and any((path / MUTANTS).iterdir()))
    )


def shard_paths(path: Path) -> Sequence[Path]:
    """The files of mutants in a directory of `codeit mutate`, in their order."""
    return sorted((path / MUTANTS).glob("[0-9]*.jsonl"), key=lambda file: int(file.stem))


def _read_mutants(path: Path) -> list[MutantRow]:
    return [MutantRow(row["task"], row["program"], row["depth"]) for row in read_lines(path)]


def _shard_name(number: int) -> str:
    return f"{MUTANTS}/{number:04d}.jsonl"


def _csv_line(values: Sequence[object]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _write(path: Path, data: bytes) -> None:
    with whole_file(path) as file:
        file.write(data)
