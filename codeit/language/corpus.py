"""Corpora of programs: the one in the package, and files of programs for named tasks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from codeit.files.json_file import json_digest
from codeit.files.left_out import LeftOut, left_out_sentence, warn_of
from codeit.files.sources import split_source
from codeit.files.text_file import read_text
from codeit.language.program import Dialect, Program, ProgramError
from codeit.language.python_source import NotInLanguageError, functions_of, language_text
from codeit.public.cache import fetched
from codeit.public.catalogue import PROGRAM_SOURCES

PACKAGED = "packaged"
"""What stands for the corpus in the package, where a file of programs would be named."""

_SUFFIXES = ".jsonl", ".json", ".py", ".txt"
_SOLUTIONS = "solutions.jsonl"


@dataclass(frozen=True)
class SeedProgram:
    """A program and the task that it is meant to solve."""

    task_id: str
    program: Program


@dataclass(frozen=True)
class ReadPrograms:
    """What was found in a corpus.

    Attributes:
        seeds: in the order of the file; of a folder, sorted by the files' names.
        left_out: what is no program, by its place in the corpus.
    """

    seeds: list[SeedProgram]
    left_out: Sequence[LeftOut] = ()

    def sentences(self, source: str) -> list[str]:
        """What there is to say about what was not taken."""
        num_all = len(self.seeds) + len(self.left_out)
        kind = "programs"
        return [left_out_sentence(source, self.left_out, num_all, kind)] if self.left_out else []


def load_seed_programs(
    path: str | Path | None = None, dialect: Dialect = "codeit"
) -> list[SeedProgram]:
    """Read a corpus, in the order of the file. A warning says what of it is no program.

    Args:
        path: what has the programs. None and PACKAGED mean the corpus in the package, whose
            programs solve every pair of their ARC-AGI-1 training tasks. Else the name of what
            `codeit data fetch` brings, or one of

            - a JSONL file, or a JSON list, of objects with "program" and "task" (or "task_id", as
              in a run's solutions.jsonl);
            - a Python file of functions `solve_TASK(I)` or `verify_TASK(I)`, or of one program, for
              the task that the file is called after (python_source.py says what is understood);
              the file is read, never run;
            - a .txt file of one program;
            - a task file of the paper's code, or a file of many mutated ones;
            - a folder of such files and folders, or of a run or search, whose solutions.jsonl it
              is then;
            - several of all these, with commas between them.
        dialect: which variant of the primitives the programs mean.
    Raises:
        ValueError: there is no such file, it is damaged, or has no program; the message names the
            file, the line and the reason.
        OSError: the file cannot be read.
    """
    found = read_programs(path, dialect)
    warn_of(found.sentences(str(path)))
    return found.seeds


def read_programs(path: str | Path | None = None, dialect: Dialect = "codeit") -> ReadPrograms:
    """Read a corpus as `load_seed_programs` does, and say what is no program in place of a
    warning."""
    if path is None or path == PACKAGED:
        name = "seed_programs.jsonl"
        text = resources.files("codeit").joinpath("data", name).read_text(encoding="ascii")
        return _taken(_of_lines(text), name, dialect)
    parts = split_source(str(path))
    if len(parts) > 1:
        return _of_parts(parts, dialect)
    path = fetched(str(path)) if str(path) in PROGRAM_SOURCES else Path(path)
    if path.is_dir():
        return _of_folder(path, dialect)
    return _taken(_written_in(path), str(path), dialect)


def program_text(text: str, name: str, task_id: str, dialect: Dialect = "codeit") -> str:
    """The text of one program, in the language's form.

    Args:
        text: what a file has: a program, or programs in Python's form, of which the only one or
            that of the task is meant.
        name: of the file, for messages.
    Raises:
        ValueError: there is no such program; the message has the line and the reason.
    """
    try:
        Program.parse(text, dialect)
        return text
    except ProgramError as error:
        refusal = ValueError(f"{name}: {error}")
    try:
        functions = functions_of(text)
    except NotInLanguageError as error:
        if _has_functions(text):
            raise ValueError(f"{name}: {error}") from None
        raise refusal from None
    own = [f for f in functions if f.task_id == task_id] or functions
    if len(own) == 1:
        try:
            return language_text(own[0])
        except NotInLanguageError as error:
            raise ValueError(f"{name}: {error}") from None
    if own:
        raise ValueError(f"{name}: it has {len(own)} programs, none of them for task {task_id}")
    raise refusal


def program_of_rows(text: str, path: Path, task_id: str) -> tuple[str, str]:
    """A program for a task, of a file in JSON or JSONL, such as a run's solutions.jsonl; and a
    sentence that says which.

    Of several, it is the first of those that are right on most demonstrations, as far as the file
    says that.

    Raises:
        ValueError: the file is damaged, or has no program for the task.
    """
    rows = list(_of_rows(text, path))
    own = [row for row in rows if row.task_id == task_id and row.text is not None]
    if not own:
        raise ValueError(f"{path}: none of its {len(rows)} programs is for task {task_id}")
    best = max(own, key=lambda row: row.num_right)  # the first of equals
    assert best.text is not None
    if len(own) == 1:
        return best.text, f"{path}, {best.where}: the only program for {task_id}"
    which = "the first"
    if best.num_right:
        which += f" that is right on {best.num_right}, the most demonstrations"
    return best.text, f"{path}, {best.where}: of {len(own)} programs for {task_id}, {which}"


def _has_functions(text: str) -> bool:
    """Whether it looks like a module of Python, so that what is wrong with it is said of that."""
    return any(line.startswith(("def ", "import ", "from ")) for line in text.splitlines())


def lasting_corpus(source: str) -> str:
    """A corpus by a name that holds in every folder: PACKAGED, what was fetched, or absolute paths,
    with commas between them."""
    names = {PACKAGED, *PROGRAM_SOURCES}
    parts = split_source(source)
    return ",".join(part if part in names else os.path.abspath(part) for part in parts)


def digest_of_programs(seeds: Iterable[SeedProgram]) -> str:
    """Of the programs of a corpus in their order, with the ids of their tasks."""
    return json_digest([[seed.task_id, seed.program.text] for seed in seeds])


# ---- What a file has --------------------------------------------------------------------------


class _Written(NamedTuple):
    """A program as a corpus has it.

    Attributes:
        where: its place in the corpus.
        text: in the language's form, or in Python's; None where there is none.
        fault: why there is no text.
        num_right: of its task's demonstrations, how many it is right on; 0 where nobody says.
    """

    task_id: str
    where: str
    text: str | None
    fault: str = ""
    num_right: int = 0


def _taken(written: Iterable[_Written], source: str, dialect: Dialect) -> ReadPrograms:
    """The programs that can be parsed.

    Raises:
        ValueError: there is none.
    """
    seeds, left_out = [], []
    for one in written:
        fault = one.fault
        if one.text is not None:
            try:
                seeds.append(SeedProgram(one.task_id, _parsed(one.text, dialect)))
                continue
            except (ProgramError, NotInLanguageError) as error:
                fault = f"program, {error}"
        left_out.append(LeftOut(one.where, fault))
    if not seeds and left_out:
        where, fault = left_out[0]
        more = f"; none of its {len(left_out):,} programs can be taken" if left_out[1:] else ""
        raise ValueError(f"{source}, {where}: {fault}{more}")
    if not seeds:
        raise ValueError(f"{source}: there is no program in it")
    return ReadPrograms(seeds, left_out)


def _parsed(text: str, dialect: Dialect) -> Program:
    """The program of a text in the language's form, or in Python's.

    Raises:
        ProgramError, NotInLanguageError: it is neither.
    """
    try:
        return Program.parse(text, dialect)
    except ProgramError as error:
        try:
            (function,) = functions_of(text)
            return Program.parse(language_text(function), dialect)
        except (ProgramError, ValueError) as other:
            if isinstance(other, NotInLanguageError) and _has_functions(text):
                raise
        raise error


def _of_parts(parts: Sequence[str], dialect: Dialect) -> ReadPrograms:
    seeds: list[SeedProgram] = []
    left_out: list[LeftOut] = []
    for part in parts:
        found = read_programs(part, dialect)
        seeds += found.seeds
        left_out += [LeftOut(f"{part}, {name}", why) for name, why in found.left_out]
    return ReadPrograms(seeds, left_out)


def _of_folder(folder: Path, dialect: Dialect) -> ReadPrograms:
    solutions = folder / _SOLUTIONS
    if solutions.is_file():
        return _taken(_written_in(solutions), str(solutions), dialect)
    files = sorted(
        Path(where, name)
        for where, folders, names in os.walk(folder)
        for name in names
        if Path(name).suffix in _SUFFIXES
        and not name.startswith(".")
        and not any(part.startswith(".") for part in Path(where).relative_to(folder).parts)
    )
    seeds: list[SeedProgram] = []
    left_out: list[LeftOut] = []
    for file in files:
        inside = str(file.relative_to(folder))
        try:
            found = _taken(_written_in(file), inside, dialect)
        except ValueError as error:
            reason = str(error).removeprefix(f"{folder}{os.sep}").removeprefix(inside)
            left_out.append(LeftOut(inside, reason.lstrip(", :")))
        else:
            seeds += found.seeds
            left_out += [LeftOut(f"{inside}, {name}", why) for name, why in found.left_out]
    if not seeds:
        first = f"; {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise ValueError(f"{folder}: there is no file of programs in it{first}")
    return ReadPrograms(seeds, left_out)


def _written_in(path: Path) -> Iterable[_Written]:
    text = read_text(path)
    if path.suffix not in _SUFFIXES:
        raise ValueError(f"{path}: unknown kind of file; allowed are {', '.join(_SUFFIXES)}")
    if path.suffix == ".py":
        return _of_python(text, path.stem, str(path))
    if path.suffix == ".txt":
        return [_Written(_task_of(path.stem), "the text", text)] if text.strip() else []
    return _of_rows(text, path)


def _of_rows(text: str, path: Path) -> Iterable[_Written]:
    if path.suffix == ".json":
        with suppress(ValueError, RecursionError):
            value = json.loads(text)
            if not (isinstance(value, dict) and "program" in value and "task" in value):
                return _of_json(value, path.stem, str(path))
    return _of_lines(text, str(path))


def _of_lines(text: str, name: str = "") -> Iterator[_Written]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{name}, {where}: column {error.colno}: {error.msg}") from None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{name}, {where}: {error}") from None
        yield _of_row(row, where, name)


def _of_json(value: Any, stem: str, name: str) -> Iterator[_Written]:
    """Of a list of rows, of a task of the paper's, or of many by their keys."""
    if isinstance(value, list):
        for number, row in enumerate(value, start=1):
            yield _of_row(row, f"item {number}", name)
        return
    if not isinstance(value, dict):
        raise ValueError(f'{name}: an object, or a list of objects, with texts "program" is needed')
    if "program" in value:
        yield _of_paper(value, stem, stem)
        return
    for key, row in value.items():
        if isinstance(row, dict) and "program" in row:
            yield _of_paper(row, key, key)
        else:
            yield _Written(key, key, None, 'an object with a text "program" is needed')


def _of_row(row: Any, where: str, name: str) -> _Written:
    if isinstance(row, dict) and "task_key" in row and "program" in row:
        return _of_paper(row, where, where)
    task_id = row.get("task", row.get("task_id")) if isinstance(row, dict) else None
    if not isinstance(task_id, str) or not isinstance(row.get("program"), str):
        raise ValueError(f'{name}, {where}: an object with texts "task" and "program" is needed')
    num_right = row.get("num_right")
    number = num_right if type(num_right) is int else 0
    return _Written(task_id, where, row["program"], num_right=number)


def _of_paper(row: dict[str, Any], key: str, where: str) -> _Written:
    """Of a task of the paper's code; that of a mutant is called after its parent: PARENT_..."""
    program = row.get("program")
    names = [n for n in (row.get("parent_key"), row.get("task_key"), key) if isinstance(n, str)]
    task_id = names[0].split("_")[0] if names else ""
    if not isinstance(program, str):
        return _Written(task_id, where, None, "the task has no program")
    return _Written(task_id, where, program)


def _of_python(text: str, stem: str, name: str) -> Iterator[_Written]:
    try:
        functions = functions_of(text)
    except NotInLanguageError as error:
        raise ValueError(f"{name}, {error}") from None
    for function in functions:
        place = f", {function.name}" if function.name else ""
        where = f"line {function.line}{place}"
        task_id = function.task_id or _task_of(stem)
        try:
            yield _Written(task_id, where, language_text(function))
        except NotInLanguageError as error:
            yield _Written(task_id, where, None, str(error))


def _task_of(stem: str) -> str:
    """The task of a file that is called after it."""
    return stem.removeprefix("solve_").removeprefix("verify_")
