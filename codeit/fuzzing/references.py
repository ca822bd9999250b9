"""What a run is compared with: the oracle of a checkout, or the original functions in Python."""

from __future__ import annotations

import ast
import importlib.util
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from codeit.files.text_file import read_text
from codeit.grids import Grid
from codeit.language import CONSTANTS, PRIMITIVES
from codeit.language.program import Dialect

ORACLE = Path(__file__).parent.parent.parent / "tests" / "oracle"
"""Where the oracle lies in a checkout."""

MAX_STEPS = 2_000_000
"""Of the oracle, in one run; about two seconds."""
_MAX_SECONDS = 10.0  # of the original functions, which count no steps


@dataclass(frozen=True)
class End:
    """How a run ended: with a value in canonical form, with an exception, or at a limit.

    Attributes:
        is_determined: False when the order of a set was used that CPython leaves to addresses.
    """

    value: Any = None
    exception: str | None = None
    is_limit: bool = False
    is_determined: bool = True

    def to_json(self) -> dict[str, Any]:
        """In the form of the golden files."""
        if self.is_limit:
            return {"limit": True}
        return {"err": self.exception} if self.exception else {"ok": self.value}


Reference = Callable[[str, Grid, int], End]
"""What a program, given as its text, does on a grid, if the oracle needs no more steps for it than
that. A reference that counts no steps takes anything below MAX_STEPS for a limit."""


def load_oracle(folder: Path, dialect: Dialect) -> Reference:
    """The evaluator in a folder as a reference.

    Raises:
        ValueError: there is no oracle in the folder.
    """
    oracle = _load_package(folder)

    def reference(text: str, grid: Grid, max_steps: int) -> End:
        end = oracle.evaluate(text, grid.tolist(), dialect, max_steps)
        return End(end.value, end.exception, end.is_limit, not end.has_ordered_functions)

    return reference


def _load_package(folder: Path) -> ModuleType:
    path = folder / "__init__.py"
    if not (path.is_file() and (folder / "program.py").is_file()):
        raise ValueError(
            f"there is no oracle in {folder}; pass --oracle DIR with tests/oracle of a checkout, "
            "or --arc-dsl DIR with the original functions"
        )
    name = "codeit_oracle"
    spec = importlib.util.spec_from_file_location(
        name, path, submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    for known in [key for key in sys.modules if key.split(".")[0] == name]:
        del sys.modules[known]
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def load_functions(folder: Path, dialect: Dialect, oracle: Path | None = None) -> Reference:
    """The original functions as a reference, run as plain Python.

    The programs are compiled and executed by Python itself; they are this file's own text, never a
    sampled one. The constants are those of the native table.

    Args:
        folder: holds dsl.py and arc_types.py.
        oracle: a folder with the oracle, which counts steps, and says whether an end hangs on the
            addresses of functions or of None; without it every end counts as determined.
    Raises:
        ValueError: the folder has no such files, or dsl.py lacks a primitive. The reference raises
            RuntimeError on a thread other than the main one.
    """
    functions = _load_definitions(folder)
    constants = {name: constant.value for name, constant in CONSTANTS.items()}
    second = _load_package(oracle) if oracle else None
    is_none_by_address = sys.version_info < (3, 12)

    def end_of(code: CodeType, grid: Grid) -> End:
        rows = tuple(tuple(row) for row in grid.tolist())
        names: dict[str, Any] = {**functions, **constants, "I": rows}
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "original functions run on the main thread only, where a signal ends what takes "
                "too long"
            )
        try:
            with _at_most(_MAX_SECONDS):
                exec(code, names)
                return _end_of_value(names["O"])
        except (RecursionError, MemoryError, _Overtime):
            return End(is_limit=True)
        except Exception as error:  # whatever a program may raise is its end
            return End(exception=type(error).__name__)

    def reference(text: str, grid: Grid, max_steps: int) -> End:
        if second is None:
            if max_steps < MAX_STEPS:
                return End(is_limit=True)
            return end_of(compile(text, "program", "exec"), grid)
        noted = second.evaluate(text, grid.tolist(), dialect, max_steps)
        if noted.is_limit:
            return End(is_limit=True)
        end = end_of(compile(text, "program", "exec"), grid)
        is_by_address = noted.has_ordered_functions or (
            is_none_by_address and noted.has_ordered_none
        )
        return End(end.value, end.exception, end.is_limit, not is_by_address)

    return reference


class _Overtime(BaseException):
    """No exception that a program can mean."""


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raises _Overtime when the block takes longer. For the main thread."""

    def stop(*_: object) -> None:
        raise _Overtime

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _load_definitions(folder: Path) -> dict[str, Any]:
    """The primitives of dsl.py, whose import of the types is replaced by arc_types.py."""
    for name in ("dsl.py", "arc_types.py"):
        if not (folder / name).is_file():
            raise ValueError(
                f"there is no {name} in {folder}; pass a folder with the original functions"
            )
    names: dict[str, Any] = {}
    for name in ("arc_types.py", "dsl.py"):
        path = folder / name
        tree = ast.parse(read_text(path), str(path))
        tree.body = [
            node
            for node in tree.body
            if not (isinstance(node, ast.ImportFrom) and str(node.module).endswith("arc_types"))
        ]
        exec(compile(tree, str(path), "exec"), names)
    missing = [name for name in PRIMITIVES if not callable(names.get(name))]
    if missing:
        raise ValueError(f"{folder / 'dsl.py'} does not define {', '.join(missing)}")
    return names


def _end_of_value(value: Any) -> End:
    try:
        return End(_to_canonical(value, [1_000_000]))
    except OverflowError:
        return End(is_limit=True)


def _to_canonical(value: Any, left: list[int]) -> Any:
    """A value of CPython in canonical form.

    Args:
        left: how many parts it may have.
    Raises:
        OverflowError: it has more parts, or an int of more than 64 bits.
    """
    left[0] -= 1
    if left[0] < 0 or (isinstance(value, int) and not -(1 << 63) <= value < 1 << 63):
        raise OverflowError
    if isinstance(value, tuple | frozenset | set):
        tag = "t" if isinstance(value, tuple) else "s"
        return [tag, *(_to_canonical(item, left) for item in value)]
    return "fn" if callable(value) else value
