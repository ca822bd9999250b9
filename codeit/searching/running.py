"""A search from its directory's point of view: begun, gone on with, or put together of shards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from codeit.searching.directory import SearchDirectory, read_plan, read_records
from codeit.searching.plan import SearchPlan, Work
from codeit.searching.records import TaskRecord
from codeit.searching.search import Searched, search_each
from codeit.searching.summary import Summary

OnEnded = Callable[[Searched, Mapping[str, TaskRecord]], None]
"""Told of each task whose search has ended, and what is known of all that have."""


def complete(
    directory: SearchDirectory,
    plan: SearchPlan,
    work: Work,
    records: dict[str, TaskRecord],
    threads: int,
    on_ended: OnEnded,
) -> Summary:
    """Search the tasks that are left, and write the results.

    Args:
        records: of the tasks whose search has ended; the others are added.
    """
    left = [task for task in work.tasks if task.task_id not in records]
    with search_each(left, work.corpus, plan.settings, threads) as ended:
        for searched in ended:
            directory.add(searched)
            records[searched.task.task_id] = searched.record
            on_ended(searched, records)
    return directory.finish(plan, work, records)


def merge(paths: Sequence[Path], out: Path) -> Summary:
    """Put the shards of a search together; leaves what one search without shards would have left.

    Raises:
        ValueError: they are not all shards of one search, each once and each at its end.
    """
    plans = [read_plan(path) for path in paths]
    whole = plans[0].whole()
    seen: dict[int, Path] = {}
    for path, plan in zip(paths, plans, strict=True):
        _check_same(paths[0], whole, path, plan.whole())
        if plan.shard is None:
            raise ValueError(f"{path} is a whole search, not a shard of one")
        if plan.shard.count != _count(plans[0]):
            raise ValueError(f"{path} is shard {plan.shard}, {paths[0]} is {plans[0].shard}")
        if plan.shard.number in seen:
            raise ValueError(f"{path} and {seen[plan.shard.number]} are both shard {plan.shard}")
        seen[plan.shard.number] = path
    missing = [k for k in range(1, _count(plans[0]) + 1) if k not in seen]
    if missing:
        names = ", ".join(f"{k}/{_count(plans[0])}" for k in missing)
        raise ValueError(f"shards {names} are missing")
    work = whole.load()
    records: dict[str, TaskRecord] = {}
    for path, plan in zip(paths, plans, strict=True):
        assert plan.shard is not None
        part = plan.shard.part_of(work.tasks)
        found = read_records(path, part)
        if len(found) < len(part):
            raise ValueError(
                f"{path} has {len(found)} of its {len(part)} tasks; `codeit search resume {path}` "
                "searches the others"
            )
        records |= found
    with SearchDirectory.create(out, whole) as directory:
        return directory.finish(whole, work, records)


def _count(plan: SearchPlan) -> int:
    return 0 if plan.shard is None else plan.shard.count


def _check_same(path: Path, plan: SearchPlan, other_path: Path, other: SearchPlan) -> None:
    """Raise ValueError unless both were asked the same, wherever tasks and programs are there."""
    for name, value in vars(plan).items():
        if name not in ("tasks", "programs") and getattr(other, name) != value:
            raise ValueError(
                f"{other_path} is of another search than {path}: {name} is "
                f"{getattr(other, name)!r}, and {value!r} there"
            )
