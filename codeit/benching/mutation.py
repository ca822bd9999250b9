"""`codeit bench mutation`: mutants of a corpus, and which of them reproduce which task."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from codeit._native import mutation
from codeit.benching.case import Bench, Case
from codeit.benching.inputs import Inputs, load_inputs, spread_out
from codeit.execution.executor import execute_groups
from codeit.mutating.mutants import Mutants, MutantSource
from codeit.mutating.settings import MutatingSettings
from codeit.tasks.datasets import load
from codeit.tasks.task import Example, digest_of_tasks
from codeit.terminal import counted

COMPARED = 50
"""Mutants that ordinary batches run, too."""

_MADE = "mutants, distinct and valid"
_MATCHED = "mutants on all tasks"


def mutation_bench(
    programs: str,
    training: str,
    tasks: str,
    num_tasks: int,
    num_mutants: int,
    threads: int,
    seed: int,
) -> Bench:
    """So many mutants of a corpus are made, and run on the first demonstration of some tasks.

    Args:
        training: the tasks of the programs.
        tasks: those on which the mutants run, num_tasks from all over.
    Raises:
        ValueError, OSError: as `load_inputs` does.
    """
    inputs = load_inputs(programs, training)
    to_solve = spread_out(load(tasks), num_tasks)
    settings = MutatingSettings(num_programs=num_mutants, seed=seed)
    expected = MutantSource(inputs.pairs, settings, 1).make(num_mutants)
    if not len(expected):
        raise ValueError(f"the programs of {programs} have no valid mutant")
    pairs = [task.demonstrations[0] for task in to_solve]
    few = expected.programs[:COMPARED]
    hits = _ordinary(expected, len(few), pairs, settings)
    cases = _making(inputs, settings, expected, threads)
    cases += _matching(inputs, settings, expected, pairs, threads, hits)
    cases.append(
        Case(
            f"{len(few)} of them, by ordinary batches",
            lambda: _ordinary(expected, len(few), pairs, settings),
            lambda found: "" if found == hits else "other hits than before",
            len(few) * len(pairs),
            "runs",
            beside=f"{_MATCHED}, 1 thread",
        )
    )
    about = (
        f"{counted(len(expected), 'mutant')} of {counted(len(inputs.pairs), 'program')}, on the "
        f"first demonstrations of {counted(len(to_solve), 'task')}"
    )
    digests = inputs.digests | {"tasks": digest_of_tasks(to_solve)}
    digests["training"] = inputs.digests["tasks"]
    return Bench(
        cases,
        [about],
        {**digests, "mutants": num_mutants, "seed": seed},
        inputs.left_out,
        {"numpy": np.__version__},
    )


def _threads(threads: int) -> list[int]:
    return sorted({1, threads})


def _named(name: str, threads: int) -> str:
    return f"{name}, {counted(threads, 'thread')}"


def _ordinary(
    mutants: Mutants, count: int, pairs: list[Example], settings: MutatingSettings
) -> list[tuple[int, int]]:
    """The hits of the first mutants, as numbers of mutants and tasks, by runs one by one."""
    programs = mutants.programs[:count]
    runs = execute_groups([(programs, [pair.input]) for pair in pairs], 1, settings.limits)
    return [
        (p, t)
        for t, (pair, results) in enumerate(zip(pairs, runs, strict=True))
        for p in np.flatnonzero(results.match([pair.output])[:, 0]).tolist()
    ]


def _making(
    inputs: Inputs, settings: MutatingSettings, expected: Mutants, threads: int
) -> list[Case]:
    texts = [program.text for program in expected.programs]

    def check(made: Mutants) -> str:
        found = [program.text for program in made.programs]
        if found != texts:
            return "the same seed gives other mutants"
        return "" if len({p.key for p in made.programs}) == len(made) else "a mutant is there twice"

    def make(count: int) -> Callable[[], Mutants]:
        return lambda: MutantSource(inputs.pairs, settings, count).make(settings.num_programs)

    return [
        Case(
            _named(_MADE, count),
            make(count),
            check,
            len(expected),
            "mutants",
            count,
            alone=_named(_MADE, 1) if count > 1 else "",
        )
        for count in _threads(threads)
    ]


def _matching(
    inputs: Inputs,
    settings: MutatingSettings,
    mutants: Mutants,
    pairs: list[Example],
    threads: int,
    hits: list[tuple[int, int]],
) -> list[Case]:
    bases = [program for _, program in inputs.pairs]
    grids = [pair.input for pair in pairs]
    outputs = [pair.output for pair in pairs if pair.output is not None]
    limits = settings.limits._native()

    def match(count: int) -> Callable[[], list[tuple[int, int]]]:
        def work() -> list[tuple[int, int]]:
            families = mutation.Families(bases, mutants.programs, mutants.roots, count)
            numbers, places = families.match(grids, outputs, limits, count)
            return list(zip(numbers.tolist(), places.tolist(), strict=True))

        return work

    def check(found: list[tuple[int, int]]) -> str:
        some = sorted(hit for hit in found if hit[0] < COMPARED)
        return "" if some == sorted(hits) else "the hits are not those of ordinary runs"

    return [
        Case(
            _named(_MATCHED, count),
            match(count),
            check,
            len(mutants) * len(pairs),
            "runs",
            count,
            alone=_named(_MATCHED, 1) if count > 1 else "",
        )
        for count in _threads(threads)
    ]
