"""Which programs are submitted for a task, and which tasks count as solved.

Three figures stand beside each other, because each says something else. All are about the programs
that reproduce at least one demonstration, and all choose without a look at the tests' outputs:

top3: the paper's rule. The three best programs are submitted, by the share of demonstrations
    reproduced, then by shorter text; the task is solved when one of them is right on all tests.
two_attempts: the rule of ARC Prize. An attempt is a grid for each test input. The programs that
    predict the same grids stand for one attempt together; the two best attempts count, by the best
    share of demonstrations among their programs, then by how many programs agree, then by the
    shortest of the best ones. The task is solved when, for every test, one of the two is right.
fits_all: of those that top3 counts, the tasks with a submitted program that is right on all
    demonstrations, too.

Where the search's ranking has set an order, its first three programs are submitted, and the first
two predictions; the tables call that "all together".

Ties beyond that go by the text. A task of which a test is hidden is never solved, nor failed: no
more is known of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeAlias

NUM_SUBMITTED = 3
NUM_ATTEMPTS = 2

RULES = {"top3": "three programs", "two_attempts": "two attempts", "fits_all": "fits all"}
"""The names of the figures, and what tables call them."""

ORIGINS = ("mutation", "search", "policy", "elsewhere", "led_search")
"""What finds programs: mutation of seed programs, the search without a model, the policy, the
policy when it wrote for another task, the search around what the policy wrote."""

Figures: TypeAlias = dict[str, int]
"""How many tasks are solved by each of RULES."""

TaskKey: TypeAlias = tuple[str, str]
"""A task's id and the digest of its data, either of which may be that of another task, too."""


@dataclass(frozen=True)
class Candidate:
    """A program that reproduces at least one demonstration of a task.

    Attributes:
        program: its text.
        key: what identifies it, however it is written.
        predictions: for each test, the digest of the grid that the program makes of its input;
            None where it makes none.
        tests_right: for each test, whether this is the true grid; None where that is hidden. Only
            the score may look at this.
        derivations: how many ways the search that found it met the same behaviour; 1 where no
            search did.
        minimised, minimised_key: text and key of a program that is no longer, and does the same on
            all inputs of the task; None where none was looked for. No order depends on it.
    """

    task_id: str
    task_digest: str
    program: str
    key: str
    num_right: int
    num_demonstrations: int
    predictions: tuple[str | None, ...]
    tests_right: tuple[bool | None, ...]
    derivations: int = 1
    minimised: str | None = None
    minimised_key: str | None = None

    @property
    def shown(self) -> str:
        """The text to show: the minimised one, where there is one."""
        return self.program if self.minimised is None else self.minimised

    @property
    def task(self) -> TaskKey:
        return self.task_id, self.task_digest

    @property
    def share_right(self) -> float:
        return self.num_right / self.num_demonstrations

    @property
    def num_tests_right(self) -> int:
        return self.tests_right.count(True)

    @property
    def is_solution(self) -> bool:
        """Whether it is right on every test."""
        return len(self.tests_right) > 0 and all(self.tests_right)

    @property
    def fits_all(self) -> bool:
        """Whether it is right on every demonstration and every test."""
        return self.num_right == self.num_demonstrations and self.is_solution

    def to_row(self) -> dict[str, Any]:
        """As an object of a JSON file. Where it was minimised, the program is the one to show, and
        the one that was found stands beside it as `original`."""
        row = asdict(self)
        shorter = {name: row.pop(f"minimised{end}") for name, end in _ENDS.items()}
        if self.minimised is None:
            return row
        return row | shorter | {f"original{end}": row[name] for name, end in _ENDS.items()}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Candidate:
        """What `to_row` gave, also after it was in a file.

        Raises:
            ValueError: it is something else; the message names the key.
        """
        values = {"derivations": 1, **row}
        names = _NAMES_OF_MINIMISED if "original" in row or "original_key" in row else _NAMES
        if values.keys() != names:
            for name in sorted(names - values.keys()):
                raise ValueError(f'no key "{name}"')
            for name in sorted(values.keys() - names):
                raise ValueError(f'unknown key "{name}"')
        for name in _TEXTS:
            if not isinstance(values.get(name, ""), str):
                raise ValueError(f'"{name}" is {values[name]!r}; it is a text')
        _check_count(values, "num_demonstrations")
        _check_count(values, "num_right", values["num_demonstrations"])
        _check_count(values, "derivations")
        for name, kind in (("predictions", str), ("tests_right", bool)):
            items = values[name]
            if not isinstance(items, list | tuple) or not all(
                item is None or isinstance(item, kind) for item in items
            ):
                raise ValueError(
                    f'"{name}" is {items!r}; it is a list with one entry for each test'
                )
            values[name] = tuple(items)
        if len(values["predictions"]) != len(values["tests_right"]):
            raise ValueError('"predictions" and "tests_right" have different lengths')
        if "original" in values:
            for name, end in _ENDS.items():
                values[f"minimised{end}"] = values[name]
                values[name] = values.pop(f"original{end}")
        return cls(**values)


_NAMES = {f.name for f in fields(Candidate) if f.name not in ("minimised", "minimised_key")}
_NAMES_OF_MINIMISED = _NAMES | {"original", "original_key"}
"""The keys of a row, and of one whose program was minimised."""
_TEXTS = ("key", "original", "original_key", "program", "task_digest", "task_id")
_ENDS = {"program": "", "key": "_key"}
"""How the names end that stand for these of the minimised program, and of the original."""


def _check_count(values: Mapping[str, Any], name: str, most: int | None = None) -> None:
    value = values[name]
    if type(value) is not int or value < 1 or (most is not None and value > most):
        allowed = "on" if most is None else f"to {most}"
        raise ValueError(f'"{name}" is {value!r}; it is a number from 1 {allowed}')


@dataclass(frozen=True)
class Submission:
    """What is submitted for a task.

    Attributes:
        programs: the best ones, the best first; NUM_SUBMITTED at most.
        attempts: the programs that stand for each attempt, the best first; NUM_ATTEMPTS at most.
            Those of an attempt predict the same grids. Programs that make no grid of any test input
            have nothing to attempt.
    """

    programs: Sequence[Candidate]
    attempts: Sequence[Sequence[Candidate]]

    @classmethod
    def in_order(cls, ranked: Sequence[Candidate]) -> Submission:
        """What a ranking from elsewhere submits: its first programs, and the first grids that they
        predict.

        Args:
            ranked: of one task, one of each key, the best first.
        """
        groups = _by_predictions(ranked)
        return cls(ranked[:NUM_SUBMITTED], groups[:NUM_ATTEMPTS])

    def is_solved_by(self, rule: str) -> bool:
        """Whether it counts as a solution by one of RULES."""
        match rule:
            case "top3":
                return any(c.is_solution for c in self.programs)
            case "two_attempts":
                verdicts = [group[0].tests_right for group in self.attempts]
                return any(verdicts) and all(map(any, zip(*verdicts, strict=True)))
            case "fits_all":
                return any(c.fits_all for c in self.programs)
        raise ValueError(f"rule is {rule!r}; allowed: {', '.join(RULES)}")


class Scoreboard:
    """The candidates found so far, task by task, ranked by the paper's rule, but for tasks whose
    order was set by another ranking."""

    def __init__(self) -> None:
        self._by_task: dict[TaskKey, dict[str, Candidate]] = {}
        self._places: dict[TaskKey, dict[str, int]] = {}

    def add(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Keep candidates; returns those that were not known, or are written better: of one key,
        the one is kept that is submitted first, with the most derivations of all."""
        new = []
        for candidate in candidates:
            known = self._by_task.setdefault(candidate.task, {})
            same = known.get(candidate.key, candidate)
            best = min(same, candidate, key=_rank)
            if best is not same or candidate.key not in known:
                new.append(candidate)
            most = max(same.derivations, candidate.derivations)
            known[candidate.key] = replace(best, derivations=most)
        return new

    def set_order(self, task: TaskKey, keys: Sequence[str]) -> None:
        """Put some programs of a task first, in the order of another ranking; the others, also
        those that are added later, stay behind them.

        Args:
            keys: of the programs, the best first.
        """
        self._places[task] = {key: place for place, key in enumerate(keys)}

    def ranked(self, task: TaskKey) -> list[Candidate]:
        """All programs of a task, the best first."""
        places = self._places.get(task, {})
        return sorted(self.by_paper(task), key=lambda c: places.get(c.key, len(places)))

    def by_paper(self, task: TaskKey) -> list[Candidate]:
        """All programs of a task by the paper's rule, whatever order was set, the best first."""
        return sorted(self._by_task.get(task, {}).values(), key=_rank)

    def submission(self, task: TaskKey) -> list[Candidate]:
        """The programs submitted for a task, the best first."""
        return self.ranked(task)[:NUM_SUBMITTED]

    def attempts(self, task: TaskKey) -> list[list[Candidate]]:
        """The programs that stand for each of the two attempts at a task, the best first."""
        groups = _by_predictions(self.ranked(task))
        if task not in self._places:
            groups.sort(key=lambda group: (-group[0].share_right, -len(group), *_brevity(group[0])))
        return groups[:NUM_ATTEMPTS]

    def rules_solving(self, task: TaskKey) -> set[str]:
        """Those of RULES by which a task is solved."""
        submission = Submission(self.submission(task), self.attempts(task))
        return {rule for rule in RULES if submission.is_solved_by(rule)}

    def solved_by_rule(self) -> dict[str, set[TaskKey]]:
        """The tasks that are solved by each of RULES."""
        rules = {task: self.rules_solving(task) for task in self._by_task}
        return {rule: {task for task in rules if rule in rules[task]} for rule in RULES}

    def solved(self, rule: str) -> list[TaskKey]:
        """The tasks that are solved by one of RULES, in order of their ids."""
        return sorted(self.solved_by_rule()[rule])

    def figures(self, left_out: Collection[TaskKey] = ()) -> Figures:
        """How many tasks are solved by each rule, some tasks left out."""
        return {
            rule: len(tasks.difference(left_out)) for rule, tasks in self.solved_by_rule().items()
        }


def _by_predictions(ranked: Iterable[Candidate]) -> list[list[Candidate]]:
    """The programs that predict grids, those of the same grids together, in their order."""
    groups: dict[tuple[str | None, ...], list[Candidate]] = {}
    for candidate in ranked:
        if any(candidate.predictions):
            groups.setdefault(candidate.predictions, []).append(candidate)
    return list(groups.values())


def _rank(candidate: Candidate) -> tuple[float, int, str]:
    return -candidate.share_right, *_brevity(candidate)


def _brevity(candidate: Candidate) -> tuple[int, str]:
    return len(candidate.program), candidate.program


class Score:
    """What a run has found, by each of ORIGINS.

    Args:
        seen: tasks to solve that are training tasks, too; figures without them stand beside the
            others.
    """

    def __init__(self, seen: Collection[TaskKey]) -> None:
        self._seen = seen
        self._boards = {origin: Scoreboard() for origin in (*ORIGINS, "all")}
        self._changed: dict[TaskKey, None] = {}

    def add(self, origin: str, candidates: Collection[Candidate]) -> list[Candidate]:
        """Keep what one of ORIGINS has found; returns those that it has not found before."""
        new = self._boards[origin].add(candidates)
        self._changed |= dict.fromkeys(candidate.task for candidate in new)
        self._boards["all"].add(new)
        return new

    def take_changed(self) -> list[list[Candidate]]:
        """The programs of each task for which something was added since this was last asked, by the
        paper's rule, where one is right on all demonstrations. A ranking is to set their order."""
        ranked = map(self._boards["all"].by_paper, self._changed)
        self._changed = {}
        return [some for some in ranked if any(c.num_right == c.num_demonstrations for c in some)]

    def set_order(self, task: TaskKey, keys: Sequence[str]) -> None:
        """The order in which the programs of all together are submitted, as in `Scoreboard`."""
        self._boards["all"].set_order(task, keys)

    def metrics(self, now: Iterable[Candidate] | None = None) -> dict[str, dict[str, Figures]]:
        """The figures by each of ORIGINS, and "all" together; those of `now` alone under that name.

        Beside those of the tasks that are solved stand those of the tasks that nothing else solves:
        one origin and no other, or all together and none by itself.
        """
        boards = dict(self._boards)
        if now is not None:
            boards["now"] = Scoreboard()
            boards["now"].add(now)
        solved = {name: board.solved_by_rule() for name, board in boards.items()}
        return {
            "solved": _counts(solved),
            "solved_unseen": _counts(solved, self._seen),
            "solved_only": _counts(_solved_only(solved)),
        }

    def solved_only(self) -> dict[str, dict[str, set[TaskKey]]]:
        """By each of ORIGINS and by rule, the tasks that it solves and no other origin; under "all"
        those that the programs of all solve together, and those of no origin by themselves."""
        return _solved_only({name: board.solved_by_rule() for name, board in self._boards.items()})


def _solved_only(
    solved: Mapping[str, Mapping[str, set[TaskKey]]],
) -> dict[str, dict[str, set[TaskKey]]]:
    return {
        name: {
            rule: solved[name][rule].difference(*(solved[k][rule] for k in ORIGINS if k != name))
            for rule in RULES
        }
        for name in (*ORIGINS, "all")
    }


def _counts(
    solved: Mapping[str, Mapping[str, set[TaskKey]]], left_out: Collection[TaskKey] = ()
) -> dict[str, Figures]:
    return {
        name: {rule: len(tasks.difference(left_out)) for rule, tasks in by_rule.items()}
        for name, by_rule in solved.items()
    }


def in_words(figures: Figures, num_tasks: int) -> str:
    """The figures side by side: `3 of 400 (three programs), 2 (two attempts), 1 (fits all)`."""
    first, *others = RULES
    words = [f"{figures[first]} of {num_tasks} ({RULES[first]})"]
    return ", ".join(words + [f"{figures[rule]} ({RULES[rule]})" for rule in others])
