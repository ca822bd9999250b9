"""What a search was asked: everything on which its files depend, so that it can go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from codeit.language.corpus import digest_of_programs, lasting_corpus
from codeit.primitives.file import check_same, loaded_digest
from codeit.searching.corpus import Corpus
from codeit.searching.settings import SearchSettings
from codeit.searching.shards import Shard
from codeit.tasks.datasets import lasting_source, load
from codeit.tasks.task import Task, digest_of_tasks
from codeit.version import __version__, commit
from codeit.version import check_same as check_same_package


@dataclass(frozen=True, eq=False)
class Work:
    """What a plan names, loaded.

    Attributes:
        tasks: those of its shard.
    """

    tasks: Sequence[Task]
    corpus: Corpus


@dataclass(frozen=True)
class SearchPlan:
    """What a search was asked.

    Attributes:
        tasks: a data set, or the absolute path of a file or folder.
        ids: the tasks of it that are wanted; None wants all.
        programs: the absolute path of the corpus, or PACKAGED.
        tasks_digest, programs_digest: of their content, of all shards.
        primitives_digest: of the file of one's own; empty where there was none.
        commit: of the checkout; None where the package is in none.
    """

    tasks: str
    ids: tuple[str, ...] | None
    programs: str
    shard: Shard | None
    settings: SearchSettings
    tasks_digest: str
    programs_digest: str
    version: str
    commit: str | None
    primitives_digest: str = ""

    def load(self) -> Work:
        """The tasks and programs.

        Raises:
            ValueError: they are not those of before any more.
            OSError: a file cannot be read.
        """
        check_same(self.primitives_digest, "the search")
        work, plan = make_plan(self.tasks, self.ids, self.programs, self.shard, self.settings)
        for name, value, digests in (
            ("tasks are", self.tasks, (self.tasks_digest, plan.tasks_digest)),
            ("programs are", self.programs, (self.programs_digest, plan.programs_digest)),
        ):
            if digests[0] != digests[1]:
                raise ValueError(
                    f"{name} {value!r}, whose content is not the one that the search was made "
                    "with; only a new search can have another"
                )
        return work

    def check_package(self) -> None:
        """Raise ValueError unless this is the package that the search was begun with."""
        check_same_package(self.version, self.commit, "the search")

    def whole(self) -> SearchPlan:
        """That of all shards together."""
        return replace(self, shard=None)

    def to_row(self) -> dict[str, Any]:
        """As an object of a JSON file."""
        shard = None if self.shard is None else str(self.shard)
        row = {**vars(self), "shard": shard, "settings": asdict(self.settings)}
        if not self.primitives_digest:
            del row["primitives_digest"]
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> SearchPlan:
        """What `to_row` gave, also after it was in a file.

        Raises:
            ValueError: it is something else.
        """
        settings = dict(row["settings"])
        if isinstance(settings.get("methods"), list):
            settings["methods"] = tuple(settings["methods"])
        values = {
            **row,
            "ids": None if row["ids"] is None else tuple(row["ids"]),
            "shard": None if row["shard"] is None else Shard.parse(row["shard"]),
            "settings": SearchSettings(**settings),
        }
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(str(error)) from None


def make_plan(
    tasks: str,
    ids: Iterable[str] | None,
    programs: str,
    shard: Shard | None,
    settings: SearchSettings,
) -> tuple[Work, SearchPlan]:
    """Load what is asked for, and write down what it was.

    Raises:
        ValueError, OSError: it cannot be loaded, or there are fewer tasks than shards.
    """
    ids = None if ids is None else tuple(ids)
    found = load(tasks, ids)
    corpus = Corpus.load(programs)
    plan = SearchPlan(
        tasks=lasting_source(tasks),
        ids=ids,
        programs=lasting_corpus(programs),
        shard=shard,
        settings=settings,
        tasks_digest=digest_of_tasks(found),
        programs_digest=digest_of_programs(corpus.seeds),
        version=__version__,
        commit=commit(),
        primitives_digest=loaded_digest(),
    )
    return Work(found if shard is None else shard.part_of(found), corpus), plan
