"""What a search came to: its figures, and what is submitted for each task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from codeit.searching.plan import SearchPlan
from codeit.searching.ranking import LIKELY
from codeit.searching.records import TaskRecord
from codeit.tasks.scoring import NUM_ATTEMPTS, RULES, Candidate, Figures
from codeit.tasks.task import Task


@dataclass(frozen=True)
class MethodTotals:
    """What a method has done for all tasks.

    Attributes:
        solved: tasks of which the first right program that is submitted is the method's.
    """

    evaluations: int
    found: int
    solved: int


@dataclass(frozen=True)
class Fitting:
    """What is submitted as right on all demonstrations, among the attempts, and what became of it.

    Attributes:
        tasks: those with such an attempt, and all of their tests known.
        tasks_wrong: those of them that the two attempts do not solve.
        attempts, attempts_wrong: such attempts, and those of them that are wrong on a test.
        claimed, claimed_wrong: tasks that the search claims to have solved, as their chance is
            LIKELY or more, and those of them that the two attempts do not solve.
        hidden: tasks with such an attempt and a hidden test, of which no more is known.
    """

    tasks: int = 0
    tasks_wrong: int = 0
    attempts: int = 0
    attempts_wrong: int = 0
    claimed: int = 0
    claimed_wrong: int = 0
    hidden: int = 0

    @classmethod
    def of(cls, records: Iterable[TaskRecord]) -> Fitting:
        """That of tasks whose search has ended."""
        tasks = tasks_wrong = attempts = attempts_wrong = claimed = claimed_wrong = hidden = 0
        for record in records:
            submission = record.submission
            fitting = [group[0] for group in submission.attempts if any(map(_fits, group))]
            if not fitting:
                continue
            if None in fitting[0].tests_right:
                hidden += 1
                continue
            is_wrong = not submission.is_solved_by("two_attempts")
            tasks += 1
            tasks_wrong += is_wrong
            claimed += record.chance >= LIKELY
            claimed_wrong += record.chance >= LIKELY and is_wrong
            attempts += len(fitting)
            attempts_wrong += sum(not candidate.is_solution for candidate in fitting)
        return cls(tasks, tasks_wrong, attempts, attempts_wrong, claimed, claimed_wrong, hidden)


@dataclass(frozen=True)
class Summary:
    """The figures of a search.

    Attributes:
        tasks, hidden: how many were searched, and how many of them hide the output of a test.
        ids: the solved tasks by each of RULES.
        seen: the tasks whose search began with programs of their own; figures without them stand
            beside the others.
        num_unseen: how many of the others hide nothing.
        num_unconfirmed: programs that the ordinary machine did not confirm.
    """

    tasks: int
    hidden: int
    ids: Mapping[str, Sequence[str]]
    seen: Sequence[str]
    num_unseen: int
    fitting: Fitting
    methods: Mapping[str, MethodTotals]
    num_unconfirmed: int
    evaluations: int
    calls: int

    @property
    def solved(self) -> Figures:
        """How many tasks are solved by each of RULES."""
        return {rule: len(ids) for rule, ids in self.ids.items()}

    @property
    def solved_unseen(self) -> Figures:
        """The same without those in `seen`."""
        return {rule: len(set(ids).difference(self.seen)) for rule, ids in self.ids.items()}

    @classmethod
    def of(
        cls, tasks: Sequence[Task], records: Sequence[TaskRecord], seen: Iterable[Task]
    ) -> Summary:
        """That of tasks whose search has ended, with their records."""
        seen = list(seen)
        solved = {rule: [r for r in records if r.submission.is_solved_by(rule)] for rule in RULES}
        owners = [_owner(record) for record in solved["top3"]]
        names = dict.fromkeys(name for record in records for name in record.methods)
        methods = {}
        for name in names:
            figures = [r.methods[name] for r in records if name in r.methods]
            methods[name] = MethodTotals(
                evaluations=sum(f.evaluations for f in figures),
                found=sum(f.found for f in figures),
                solved=owners.count(name),
            )
        return cls(
            tasks=len(records),
            hidden=sum(task.is_hidden for task in tasks),
            ids={rule: sorted(r.task_id for r in some) for rule, some in solved.items()},
            seen=[task.task_id for task in seen],
            num_unseen=sum(not task.is_hidden and task not in seen for task in tasks),
            fitting=Fitting.of(records),
            methods=methods,
            num_unconfirmed=sum(r.num_unconfirmed for r in records),
            evaluations=sum(r.evaluations for r in records),
            calls=sum(r.calls for r in records),
        )

    def to_json(self, plan: SearchPlan) -> dict[str, Any]:
        """What `summary.json` says."""
        return {
            "tasks": self.tasks,
            "hidden": self.hidden,
            "solved": self.solved,
            "ids": self.ids,
            "seen": self.seen,
            "unseen": self.num_unseen,
            "solved_unseen": self.solved_unseen,
            "fitting": asdict(self.fitting),
            "methods": {name: asdict(totals) for name, totals in self.methods.items()},
            "unconfirmed": self.num_unconfirmed,
            "evaluations": self.evaluations,
            "calls": self.calls,
            "search": plan.to_row(),
        }


def submission_of(tasks: Iterable[Task], records: Mapping[str, TaskRecord]) -> dict[str, Any]:
    """What is submitted, in Kaggle's form.

    Where an attempt has no grid for a test, the other attempt's stands for it, and the input where
    neither has one.
    """
    return {task.task_id: _answers(task, records[task.task_id]) for task in tasks}


def _answers(task: Task, record: TaskRecord) -> list[dict[str, Any]]:
    answers = []
    for i, test in enumerate(task.tests):
        grids = [attempt[i] for attempt in record.answers]
        best = next((grid for grid in grids if grid is not None), test.input)
        grids += [None] * (NUM_ATTEMPTS - len(grids))
        answers.append(
            {
                f"attempt_{k}": (best if grid is None else grid).tolist()
                for k, grid in enumerate(grids, 1)
            }
        )
    return answers


def _owner(record: TaskRecord) -> str:
    """The method of the first right program among those submitted."""
    first = next(c for c in record.submission.programs if c.is_solution)
    return next(found.method for found in record.found if found.candidate == first)


def _fits(candidate: Candidate) -> bool:
    return candidate.num_right == candidate.num_demonstrations
