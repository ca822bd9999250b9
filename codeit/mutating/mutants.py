"""Mutants one shard after another, and the tasks that they solve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codeit._native import mutation
from codeit.candidates import find_candidates
from codeit.execution.executor import Limits, execute_groups
from codeit.language import Program
from codeit.minimising.solutions import FEW_EVALUATIONS, is_kept_as_solution, with_minimised
from codeit.mutating.settings import MutatingSettings
from codeit.parallel.threads import ordered_map
from codeit.tasks.scoring import Candidate
from codeit.tasks.task import Task

_TASKS_AT_A_TIME = 20  # between two looks at how far it is

Numbers = npt.NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Mutants:
    """Some mutants, in the order in which they were drawn.

    Attributes:
        roots: of each, the number of the seed program that it descends from.
        depths: changes since then.
        valid: draws up to each that gave a valid mutant, new or not.
    """

    programs: list[Program]
    roots: Numbers
    depths: Numbers
    valid: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.programs)


class MutantSource:
    """Makes mutants of seed programs: the same in the same order for any number of threads.

    Attributes:
        num_draws: how many draws have been looked at; the next one has this number.
        num_valid: how many of them gave a valid mutant, new or not, up to the last that was new.
    """

    def __init__(
        self, parents: Sequence[tuple[Task, Program]], settings: MutatingSettings, threads: int
    ) -> None:
        self._settings = settings
        self._threads = threads
        self.num_draws = 0
        self.num_valid = 0
        self._native = mutation.Population(
            parents[0][1],
            settings.weights,
            settings.seed,
            settings.depth == "inf",
            settings.limits._native(),
        )
        for task, program in parents:
            self._native.add_root(program, [pair.input for pair in task.demonstrations])

    def add_known(self, known: Mutants) -> None:
        """Take in the next of those that were made before."""
        self._native.add_known(known.programs, known.roots, known.depths, self._threads)

    def make(self, count: int) -> Mutants:
        """The next mutants; fewer than asked for when draws are used up."""
        settings = self._settings
        end = settings.num_programs * settings.max_tries
        programs, roots, depths, valid, self.num_draws = self._native.make(
            Program, count, self.num_draws, end, self._threads
        )
        valid += np.uint64(self.num_valid)
        self.num_valid = int(valid[-1]) if programs else self.num_valid
        return Mutants(programs, roots, depths, valid)


@dataclass(frozen=True)
class Scored:
    """What some mutants solve.

    Attributes:
        found: the candidates with the numbers of their programs among these mutants, by number,
            then in the order of the tasks.
        num_runs: how many runs this stands for.
    """

    found: list[tuple[int, Candidate]]
    num_runs: int


def score(
    mutants: Mutants,
    parents: Sequence[tuple[Task, Program]],
    tasks: Sequence[Task],
    settings: MutatingSettings,
    threads: int,
    on_progress: Callable[[int], None],
) -> Scored:
    """Run mutants on the first demonstration of every task, and those that reproduce it on the
    others and on the tests.

    Args:
        on_progress: told how many tasks are done.
    """
    limits = settings.limits
    bases = [program for _, program in parents]
    families = mutation.Families(bases, mutants.programs, mutants.roots, threads)
    found: list[tuple[int, Candidate]] = []
    num_runs = len(mutants) * len(tasks)
    for begin in range(0, len(tasks), _TASKS_AT_A_TIME):
        some = tasks[begin : begin + _TASKS_AT_A_TIME]
        first = [task.demonstrations[0] for task in some]
        numbers, places = families.match(
            [pair.input for pair in first],
            [pair.output for pair in first if pair.output is not None],
            limits._native(),
            threads,
        )
        hits = [numbers[places == k].tolist() for k in range(len(some))]
        groups = [
            ([mutants.programs[p] for p in chosen], [pair.input for pair in task.demonstrations])
            for task, chosen in zip(some, hits, strict=True)
        ]
        runs = execute_groups(groups, threads, limits)
        for task, chosen, (programs, _), results in zip(some, hits, groups, runs, strict=True):
            candidates = find_candidates(task, programs, results, threads, limits)
            # Each is right on the first demonstration, and so none is left out.
            found += zip(chosen, candidates, strict=True)
            num_runs += len(chosen) * (len(task.demonstrations) - 1 + len(task.tests))
        on_progress(begin + len(some))
    found.sort(key=lambda hit: hit[0])
    return Scored(_minimised(found, mutants.programs, tasks, limits, threads), num_runs)


def _minimised(
    found: Sequence[tuple[int, Candidate]],
    programs: Sequence[Program],
    tasks: Sequence[Task],
    limits: Limits,
    threads: int,
) -> list[tuple[int, Candidate]]:
    """The candidates with their minimised programs, where they are kept as solutions."""
    of_key = {(task.task_id, task.digest): task for task in tasks}

    def work(hit: tuple[int, Candidate]) -> tuple[int, Candidate]:
        number, candidate = hit
        if not is_kept_as_solution(candidate):
            return hit
        task = of_key[candidate.task]
        shorter = with_minimised(candidate, programs[number], task, FEW_EVALUATIONS, limits)
        return number, shorter

    with ordered_map(work, found, threads) as minimised:
        return list(minimised)
