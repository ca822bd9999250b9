"""The history of mutants of `codeit mutate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from codeit.mutating.curve import CurvePoint
from codeit.mutating.directory import SUMMARY, read_curve, read_found, read_plan
from codeit.mutating.plan import MutatingPlan
from codeit.reporting.history import Found, History, Point, Source
from codeit.tasks.scoring import RULES, Candidate


@dataclass(frozen=True, eq=False, kw_only=True)
class MutantHistory(History):
    """What mutants have found.

    Attributes:
        curve: how many tasks so many mutants solve.
        numbered: the programs, with the number of each among all mutants.
    """

    plan: MutatingPlan
    curve: Sequence[CurvePoint]
    numbered: Sequence[tuple[int, Candidate]]

    @property
    def kind(self) -> str:
        return "mutants"

    @property
    def is_done(self) -> bool:
        return (self.path / SUMMARY).exists()

    @cached_property
    def found(self) -> Sequence[Found]:
        return [Found(c, "mutation", 0, f"mutant {n + 1:,}", n) for n, c in self.numbered]

    @cached_property
    def source(self) -> Source:
        return _source(self.plan)


def read_mutants(path: Path) -> MutantHistory:
    """The history of mutants, or of what there is of them so far.

    Raises:
        ValueError: the path is no directory of `codeit mutate`, a file in it is damaged, or its
            tasks are gone.
    """
    plan, curve = read_plan(path), read_curve(path)
    tasks = _source(plan).load()
    none = dict.fromkeys(RULES, 0)
    return MutantHistory(
        path=path,
        num_tasks=len(tasks),
        num_scored=sum(not task.is_hidden for task in tasks),
        solved={"mutation": curve[-1].figures if curve else none},
        points=[Point(one.num_programs, {"mutation": one.figures}) for one in curve],
        plan=plan,
        curve=curve,
        numbered=read_found(path),
    )


def _source(plan: MutatingPlan) -> Source:
    return Source(plan.tasks, plan.ids, plan.dialect, plan.settings.limits)
