"""Seed programs beside their tasks: which of them a run uses, and why it leaves out others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from codeit.execution.executor import Limits, execute_groups
from codeit.execution.results import Outcome, Results
from codeit.language import Program, SeedProgram
from codeit.tasks.task import Task

_NUM_NAMED = 10  # on the console; a run's metrics have all


_LIMITS = {
    Outcome.out_of_fuel: "limits.fuel",
    Outcome.out_of_memory: "limits.max_bytes",
    Outcome.recursion: "limits.max_depth",
    Outcome.name_error: "limits.max_len",
}
"""Outcomes of programs that a greater limit may let be right; a name that is never bound is refused
before a run."""

_REASONS = {
    "without_task": "no training task has their id",
    "wrong": "they fail a demonstration of their task",
    **{end.name: f"{name} is too little for them" for end, name in _LIMITS.items()},
    "too_long": "they do not fit sampling.max_tokens",
}


@dataclass(frozen=True, eq=False)
class Seeds:
    """The seed programs of a run.

    Attributes:
        parents: those that are used, with their tasks.
        left_out: the task ids of the others by the reason, a key of _REASONS; no reason is empty.
    """

    parents: Sequence[tuple[Task, Program]]
    left_out: Mapping[str, Sequence[str]]

    def sentences(self) -> list[str]:
        """What to say about those that are left out; the names of a long list are cut short."""
        num_all = len(self.parents) + self.num_left_out
        return [
            f"{len(names)} of {num_all} seed programs left out because {_REASONS[reason]}: "
            f"{some_names(list(dict.fromkeys(names)))}"
            for reason, names in self.left_out.items()
        ]

    @property
    def num_left_out(self) -> int:
        return sum(map(len, self.left_out.values()))


def choose_seeds(
    seeds: Sequence[SeedProgram],
    tasks: Sequence[Task],
    source: str,
    fits: Callable[[Program], bool],
    threads: int,
    limits: Limits,
) -> Seeds:
    """Keep the seed programs of the tasks that are right on all demonstrations of theirs.

    A label must be true, so a program is not used where it is wrong. One file of programs serves
    several data sets, each of which lacks some of its tasks. What is too long to be learned would
    have mutants that are, too.

    Args:
        tasks: the training tasks; a seed program names its own by the id.
        source: what they were loaded from.
        fits: whether a program can be learned.
    Raises:
        ValueError: no program is left.
    """
    by_id = {task.task_id: task for task in tasks}
    known = [(by_id[seed.task_id], seed.program) for seed in seeds if seed.task_id in by_id]
    runs = execute_groups(
        [([program], [d.input for d in task.demonstrations]) for task, program in known],
        threads,
        limits,
    )
    parents = []
    left_out: dict[str, list[str]] = {reason: [] for reason in _REASONS}
    left_out["without_task"] = [seed.task_id for seed in seeds if seed.task_id not in by_id]
    for (task, program), results in zip(known, runs, strict=True):
        fault = _fault(task, results)
        if fault is None and not fits(program):
            fault = "too_long"
        if fault is None:
            parents.append((task, program))
        else:
            left_out[fault].append(task.task_id)
    chosen = Seeds(parents, {reason: names for reason, names in left_out.items() if names})
    if not parents:
        raise ValueError(f"no seed program is left for {source}: {'; '.join(chosen.sentences())}")
    return chosen


def _fault(task: Task, results: Results) -> str | None:
    """Why the one program is not right, a key of _REASONS; None if it is.

    Where one run is wrong and another ends at a limit, it is wrong under any limits.
    """
    is_right = results.match([d.output for d in task.demonstrations])[0]
    ends = [Outcome(k) for k in results.outcome[0][~is_right].tolist()]
    if not ends:
        return None
    return ends[0].name if all(end in _LIMITS for end in ends) else "wrong"


def some_names(names: Sequence[str]) -> str:
    """The names of a list, or the first of a long one and how many more there are."""
    if len(names) <= _NUM_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NUM_NAMED])} and {len(names) - _NUM_NAMED} more"
