"""What is known of a task when its search has ended, as a line of `tasks.jsonl`; its solutions are
minimised, and shown, kept and handed on so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from itertools import chain, repeat
from typing import Any

from codeit.candidates import find_candidates
from codeit.execution.executor import Limits, checked_limits, execute
from codeit.grids import Grid, check_grid, grid_digest
from codeit.minimising.minimiser import EVALUATIONS
from codeit.minimising.solutions import FEW_EVALUATIONS, with_minimised
from codeit.searching.found import Found, MethodFigures, TaskSearch
from codeit.tasks.scoring import Candidate, Submission
from codeit.tasks.task import Example, Task


@dataclass(frozen=True)
class FoundCandidate:
    """A program that the ordinary machine has confirmed, and how the search came to it.

    Attributes:
        candidate: of the program as it was found, which the ranking looks at; minimised if it is
            right on all demonstrations, or submitted, and that was asked for.
        method, cost, evaluations: as in `Found`.
    """

    candidate: Candidate
    method: str
    cost: float
    evaluations: int

    @property
    def fits(self) -> bool:
        """Whether it is right on all demonstrations."""
        return self.candidate.num_right == self.candidate.num_demonstrations

    @property
    def program(self) -> str:
        """The text to show."""
        return self.candidate.shown

    def to_row(self) -> dict[str, Any]:
        """As an object of a JSON file."""
        rest = {name: getattr(self, name) for name in ("method", *_FOUND_NUMBERS)}
        return {**self.candidate.to_row(), **rest}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> FoundCandidate:
        """What `to_row` gave, also after it was in a file.

        Raises:
            ValueError: it is something else.
        """
        values = dict(row)
        rest = {name: values.pop(name, None) for name in ("method", *_FOUND_NUMBERS)}
        if not isinstance(rest["method"], str):
            raise ValueError(f'"method" is {rest["method"]!r:.80}; it is a text')
        for name in _FOUND_NUMBERS:
            _check_number(name, rest[name])
        return cls(Candidate.from_row(values), **rest)


_FOUND_NUMBERS = ("cost", "evaluations")
_NUM_FIRST = 20  # of those to minimise: they are submitted and shown


@dataclass(frozen=True, eq=False)
class TaskRecord:
    """What the search of one task came to.

    Attributes:
        found: programs that reproduce demonstrations, the best first, by the search's ranking.
        answers: for each attempt that is submitted, a grid for each test; None where its programs
            make none.
        chance: as in `TaskSearch`.
        num_unconfirmed: how many programs the ordinary machine did not confirm; none of them is
            among `found`.
        evaluations, calls, nodes, bytes, methods: as in `TaskSearch`.
        nearest: the texts of a few programs that miss, as in `TaskSearch`; empty in files of
            versions that did not keep them.
    """

    task_id: str
    task_digest: str
    found: tuple[FoundCandidate, ...]
    answers: tuple[tuple[Grid | None, ...], ...]
    chance: float
    num_unconfirmed: int
    evaluations: int
    calls: int
    nodes: int
    bytes: int
    methods: Mapping[str, MethodFigures]
    nearest: tuple[str, ...] = ()

    @cached_property
    def submission(self) -> Submission:
        """What is submitted for the task."""
        return Submission.in_order([found.candidate for found in self.found])

    @property
    def solutions(self) -> list[FoundCandidate]:
        """The programs that are right on all demonstrations, the best first."""
        return [found for found in self.found if found.fits]

    def to_row(self) -> dict[str, Any]:
        """As an object of a JSON file."""
        return {
            "task_id": self.task_id,
            "task_digest": self.task_digest,
            **{name: getattr(self, name) for name in _NUMBERS},
            "methods": {name: asdict(figures) for name, figures in self.methods.items()},
            "answers": [[_listed(grid) for grid in grids] for grids in self.answers],
            "found": [found.to_row() for found in self.found],
            "nearest": list(self.nearest),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> TaskRecord:
        """What `to_row` gave, also after it was in a file.

        Raises:
            ValueError: it is something else; the message names the key.
        """
        names = {field.name for field in fields(cls)}
        row = {"nearest": [], **row}
        if row.keys() != names:
            odd = sorted(row.keys() ^ names)
            raise ValueError(f'"{odd[0]}" is {"missing" if odd[0] in names else "unknown"}')
        for name in _NUMBERS:
            _check_number(name, row[name])
        methods = {
            name: MethodFigures(figures["evaluations"], figures["found"])
            for name, figures in row["methods"].items()
        }
        answers = tuple(
            tuple(
                None if grid is None else check_grid(grid, f"attempt {k}, test {i}")
                for i, grid in enumerate(grids, 1)
            )
            for k, grids in enumerate(row["answers"], 1)
        )
        found = tuple(map(FoundCandidate.from_row, row["found"]))
        nearest = row["nearest"]
        if not isinstance(nearest, list) or not all(isinstance(text, str) for text in nearest):
            raise ValueError(f'"nearest" is {nearest!r:.80}; it is a list of programs')
        changed = {"methods": methods, "answers": answers, "found": found}
        return cls(**{**row, **changed, "nearest": tuple(nearest)})


_NUMBERS = ("chance", "num_unconfirmed", "evaluations", "calls", "nodes", "bytes")


def _listed(grid: Grid | None) -> list[list[int]] | None:
    rows: list[list[int]] | None = None if grid is None else grid.tolist()
    return rows


def _check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f'"{name}" is {value!r:.80}; it is a number')


def without_answers(task: Task) -> Task:
    """The task as the search may see it: the outputs of its tests are hidden."""
    return Task(
        task.task_id, task.demonstrations, tuple(Example(t.input, None) for t in task.tests)
    )


def confirm(
    task: Task, search: TaskSearch, limits: Limits | None = None, *, minimises: bool = True
) -> TaskRecord:
    """Run what was found again, on the ordinary machine, and keep what it confirms.

    A program is confirmed when it is right on as many demonstrations as the search says, or more,
    and every grid that it is said to make of a test's input is the one that it makes. It may make
    more grids: the machine allows a run more work than the search does.

    The outputs of the tests are looked at for the score alone: no order depends on them.

    Args:
        task: with the outputs of its tests, as far as they are known.
        limits: of these runs.
        minimises: whether what is right on all demonstrations, or submitted, is made shorter, too.
    """
    limits = checked_limits(limits)
    of_key: dict[str, Found] = {}
    for found in search.found:
        of_key.setdefault(found.program.key, found)
    programs = [found.program for found in of_key.values()]
    results = execute(programs, [d.input for d in task.demonstrations], 1, limits)
    candidates = {c.key: c for c in find_candidates(task, programs, results, 1, limits)}
    kept = [
        FoundCandidate(
            replace(candidates[key], derivations=found.derivations),
            found.method,
            found.cost,
            found.evaluations,
        )
        for key, found in of_key.items()
        if key in candidates and _is_confirmed(found, candidates[key])
    ]
    chosen = Submission.in_order([found.candidate for found in kept])
    if minimises:
        submitted = {c.key for c in (*chosen.programs, *(group[0] for group in chosen.attempts))}
        budgets = chain(repeat(EVALUATIONS, _NUM_FIRST), repeat(FEW_EVALUATIONS))
        for place, one in enumerate(kept):
            key = one.candidate.key
            if one.fits or key in submitted:
                evaluations = next(budgets) if one.fits else EVALUATIONS
                program = of_key[key].program
                shorter = with_minimised(one.candidate, program, task, evaluations, limits)
                kept[place] = replace(one, candidate=shorter)
    first = [of_key[group[0].key].program for group in chosen.attempts]
    on_tests = execute(first, [test.input for test in task.tests], 1, limits)
    return TaskRecord(
        task_id=task.task_id,
        task_digest=task.digest,
        found=tuple(kept),
        answers=tuple(
            tuple(on_tests.grid(p, i) for i in range(len(task.tests))) for p in range(len(first))
        ),
        chance=search.chance,
        num_unconfirmed=len(of_key) - len(kept),
        evaluations=search.evaluations,
        calls=search.calls,
        nodes=search.nodes,
        bytes=search.bytes,
        methods=search.methods,
        nearest=tuple(program.text for program in search.nearest),
    )


def _is_confirmed(found: Found, candidate: Candidate) -> bool:
    made = zip(found.outputs, candidate.predictions, strict=True)
    return candidate.num_right >= found.num_right and all(
        grid is None or grid_digest(grid) == prediction for grid, prediction in made
    )
