"""Programs as plain Python over the functions of arc-dsl, which a user has a checkout of."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codeit.language import Program

FILES = ("dsl.py", "constants.py")


def as_tuples(grid: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """A grid as these functions take it."""
    return tuple(map(tuple, grid.tolist()))


def compiled_functions(programs: Sequence[Program], folder: Path) -> list[Callable[[Any], Any]]:
    """Programs as Python functions over the original primitives.

    The files of the folder are run, and so must be trusted.

    Args:
        programs: in the dialect `arc-dsl`.
        folder: has FILES.
    Raises:
        ValueError: the folder has no such files, or one of them does not run.
    """
    names: dict[str, Any] = {}
    for file in FILES:
        names |= _names_of(folder, file)
    functions = []
    for number, program in enumerate(programs, start=1):
        lines = "\n".join(f"    {line.rstrip()}" for line in program.text.split("\n"))
        scope = dict(names)
        # What is compiled here is a checked program: calls of named functions, nothing else.
        exec(compile(f"def solve(I):\n{lines}\n    return O", f"program {number}", "exec"), scope)
        functions.append(scope["solve"])
    return functions


def check_folder(folder: Path) -> None:
    """Raise ValueError where a file is missing."""
    for file in FILES:
        if not (folder / file).is_file():
            raise ValueError(f"--arc-dsl {folder}: there is no {file} in it")


def _names_of(folder: Path, file: str) -> dict[str, Any]:
    """What a module of the folder defines; it finds the modules beside it."""
    check_folder(folder)
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        name = f"codeit_plain_{file.removesuffix('.py')}"
        spec = importlib.util.spec_from_file_location(name, folder / file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{folder / file}: {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:  # so that another folder's are found next time
            path = getattr(sys.modules[name], "__file__", None)
            if path is not None and Path(path).parent == folder:
                del sys.modules[name]
    return vars(module)
