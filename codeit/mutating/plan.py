"""What was asked: everything on which the files depend, so that the work can go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from codeit.language import Program
from codeit.language.corpus import digest_of_programs, lasting_corpus, load_seed_programs
from codeit.language.program import Dialect
from codeit.mutating.settings import MutatingSettings
from codeit.primitives.file import check_same, loaded_digest
from codeit.runs.evaluation import TasksToSolve, choose_tasks
from codeit.runs.seeds import Seeds, choose_seeds
from codeit.tasks.datasets import lasting_source, load
from codeit.tasks.task import Task, digest_of_tasks
from codeit.version import __version__, commit
from codeit.version import check_same as check_same_package


@dataclass(frozen=True, eq=False)
class Work:
    """What a plan names, loaded."""

    to_solve: TasksToSolve
    seeds: Seeds

    @property
    def tasks(self) -> Sequence[Task]:
        return self.to_solve.tasks

    @property
    def parents(self) -> Sequence[tuple[Task, Program]]:
        return self.seeds.parents


@dataclass(frozen=True)
class MutatingPlan:
    """What was asked.

    Attributes:
        tasks, training: each a data set, or the absolute path of a file or folder.
        ids: the tasks to solve that are wanted; None wants all.
        programs: the absolute path of the seed programs, or PACKAGED.
        tasks_digest, training_digest, programs_digest: of their content.
        primitives_digest: of the file of one's own; empty where there was none.
        commit: of the checkout; None where the package is in none.
    """

    tasks: str
    ids: tuple[str, ...] | None
    training: str
    programs: str
    dialect: Dialect
    settings: MutatingSettings
    tasks_digest: str
    training_digest: str
    programs_digest: str
    version: str
    commit: str | None
    primitives_digest: str = ""

    def load(self, threads: int) -> Work:
        """The tasks and programs.

        Raises:
            ValueError: they are not those of before any more.
            OSError: a file cannot be read.
        """
        check_same(self.primitives_digest, "the work")
        work, plan = make_plan(
            self.tasks,
            self.ids,
            self.training,
            self.programs,
            self.dialect,
            self.settings,
            threads,
        )
        for name in ("tasks", "training", "programs"):
            if getattr(self, f"{name}_digest") != getattr(plan, f"{name}_digest"):
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, whose content is not the one that the "
                    "mutants were made with; only a new directory can have another"
                )
        return work

    def check_package(self) -> None:
        """Raise ValueError unless this is the package with which the work was begun."""
        check_same_package(self.version, self.commit, "the work")

    def to_row(self) -> dict[str, Any]:
        """As an object of a JSON file."""
        row = {**vars(self), "settings": asdict(self.settings)}
        if not self.primitives_digest:
            del row["primitives_digest"]
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> MutatingPlan:
        """What `to_row` gave, also after it was in a file.

        Raises:
            ValueError: it is something else.
        """
        try:
            return cls(
                **{
                    **row,
                    "ids": None if row["ids"] is None else tuple(row["ids"]),
                    "settings": MutatingSettings(**row["settings"]),
                }
            )
        except TypeError as error:
            raise ValueError(str(error)) from None


def make_plan(
    tasks: str,
    ids: Iterable[str] | None,
    training: str,
    programs: str,
    dialect: Dialect,
    settings: MutatingSettings,
    threads: int,
) -> tuple[Work, MutatingPlan]:
    """Load what is asked for, and write down what it was.

    Raises:
        ValueError, OSError: it cannot be loaded, or no seed program is right on its task.
    """
    ids = None if ids is None else tuple(ids)
    to_solve = load(tasks, ids)
    of_seeds = load(training)
    corpus = load_seed_programs(programs, dialect)
    seeds = choose_seeds(corpus, of_seeds, training, lambda _: True, threads, settings.limits)
    plan = MutatingPlan(
        tasks=lasting_source(tasks),
        ids=ids,
        training=lasting_source(training),
        programs=lasting_corpus(programs),
        dialect=dialect,
        settings=settings,
        tasks_digest=digest_of_tasks(to_solve),
        training_digest=digest_of_tasks(of_seeds),
        programs_digest=digest_of_programs(corpus),
        version=__version__,
        commit=commit(),
        primitives_digest=loaded_digest(),
    )
    return Work(choose_tasks(to_solve, 0, of_seeds), seeds), plan
