"""Corpora of programs: the one in the package, and files of programs for named tasks."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from codeit.files.json_file import json_digest
from codeit.files.text_file import read_text
from codeit.language.program import Dialect, Program, ProgramError

PACKAGED = "packaged"
"""What stands for the corpus in the package, where a file of programs would be named."""

_PREFIX = "solve_"


@dataclass(frozen=True)
class SeedProgram:
    """A program and the task that it is meant to solve."""

    task_id: str
    program: Program


def load_seed_programs(
    path: str | Path | None = None, dialect: Dialect = "codeit"
) -> list[SeedProgram]:
    """Read a corpus, in the order of the file.

    Args:
        path: a JSONL file of objects with "program" and "task" (or "task_id", as in a run's
            solutions.jsonl), or a Python file with a function `solve_TASK(I)` for each program (the
            file is read, never run). None and PACKAGED mean the corpus in the package, whose
            programs solve every pair of their ARC-AGI-1 training tasks.
        dialect: which variant of the primitives the programs mean.
    Raises:
        ValueError: the file has no program, or something in it is none; the message names the
            file, the line and the reason.
        OSError: the file cannot be read.
    """
    if path is None or path == PACKAGED:
        name = "seed_programs.jsonl"
        text = resources.files("codeit").joinpath("data", name).read_text(encoding="ascii")
        return _from_jsonl(text, name, dialect)
    path = Path(path)
    text = read_text(path)
    if path.suffix == ".py":
        seeds = _from_python(text, str(path), dialect)
    elif path.suffix in (".jsonl", ".json"):
        seeds = _from_jsonl(text, str(path), dialect)
    else:
        raise ValueError(f"{path}: unknown kind of file; allowed are .jsonl and .py")
    if not seeds:
        raise ValueError(f"{path}: there is no program in it")
    return seeds


def lasting_corpus(source: str) -> str:
    """A corpus by a name that holds in every folder: PACKAGED, or an absolute path."""
    return source if source == PACKAGED else os.path.abspath(source)


def digest_of_programs(seeds: Iterable[SeedProgram]) -> str:
    """Of the programs of a corpus in their order, with the ids of their tasks."""
    return json_digest([[seed.task_id, seed.program.text] for seed in seeds])


def _parse(text: str, where: str, dialect: Dialect) -> Program:
    try:
        return Program.parse(text, dialect)
    except ProgramError as error:
        raise ValueError(f"{where}: program, {error}") from None


def _from_jsonl(text: str, name: str, dialect: Dialect) -> list[SeedProgram]:
    seeds = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{where}: column {error.colno}: {error.msg}") from None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where}: {error}") from None
        task_id = row.get("task", row.get("task_id")) if isinstance(row, dict) else None
        if not isinstance(task_id, str) or not isinstance(row.get("program"), str):
            raise ValueError(f'{where}: an object with texts "task" and "program" is needed')
        seeds.append(SeedProgram(task_id, _parse(row["program"], where, dialect)))
    return seeds


def _from_python(text: str, name: str, dialect: Dialect) -> list[SeedProgram]:
    try:
        module = ast.parse(text, filename=name)
    except SyntaxError as error:
        raise ValueError(f"{name}, line {error.lineno}: {error.msg}") from None
    seeds = []
    for function in module.body:
        if not isinstance(function, ast.FunctionDef) or not function.name.startswith(_PREFIX):
            continue
        where = f"{name}, line {function.lineno}, {function.name}"
        lines = [
            ast.unparse(statement)
            for statement in function.body
            if not isinstance(statement, ast.Return)
        ]
        program = _parse("\n".join(lines), where, dialect)
        seeds.append(SeedProgram(function.name.removeprefix(_PREFIX), program))
    return seeds
