"""The programs that a search begins with, and for which tasks they were written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from codeit.language import Program
from codeit.language.corpus import PACKAGED, SeedProgram, load_seed_programs
from codeit.searching.settings import SearchSettings
from codeit.tasks.datasets import load
from codeit.tasks.task import Example, Task

_NAMED_IN = "arc1-training"
"""The data set whose ids programs of a corpus usually name."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Programs, each for a task that it names by the id.

    A task has programs of its own in it when one of them names its id, or a training task with the
    same demonstrations in any order: ARC gives some tasks several ids.
    """

    seeds: Sequence[SeedProgram]
    _ids: Mapping[frozenset[Example], frozenset[str]]
    """Of training tasks, by their demonstrations."""

    @classmethod
    def of(cls, seeds: Sequence[SeedProgram], tasks: Sequence[Task] | None = None) -> Corpus:
        """That of some programs.

        Args:
            tasks: those whose ids the programs name; ARC-AGI-1's training tasks when omitted.
        """
        ids: dict[frozenset[Example], frozenset[str]] = {}
        for task in load(_NAMED_IN) if tasks is None else tasks:
            key = frozenset(task.demonstrations)
            ids[key] = ids.get(key, frozenset()) | {task.task_id}
        return cls(seeds, ids)

    @classmethod
    def load(cls, source: str = PACKAGED) -> Corpus:
        """That of a file, or the package's.

        Raises:
            ValueError, OSError: as `load_seed_programs` does.
        """
        return cls.of(load_seed_programs(source))

    def programs_for(self, task: Task, settings: SearchSettings) -> list[Program]:
        """The programs that the search of a task begins with."""
        own = self._own_ids(task) if settings.leave_own_out else ()
        return [seed.program for seed in self.seeds if seed.task_id not in own]

    def seen(self, tasks: Iterable[Task], settings: SearchSettings) -> list[Task]:
        """The tasks whose search begins with programs of their own."""
        known = set() if settings.leave_own_out else {seed.task_id for seed in self.seeds}
        return [task for task in tasks if known & self._own_ids(task)]

    def _own_ids(self, task: Task) -> frozenset[str]:
        return self._ids.get(frozenset(task.demonstrations), frozenset()) | {task.task_id}
