"""Reads the history of a directory, whichever command has made it."""

from __future__ import annotations

from pathlib import Path

from codeit.mutating import directory as mutating
from codeit.reporting.history import History
from codeit.reporting.of_mutants import read_mutants
from codeit.reporting.of_run import read_run
from codeit.reporting.of_search import read_search
from codeit.runs.directory import METRICS
from codeit.searching import directory as searching

_MOST_NAMED = 5


def read_history(path: Path) -> History:
    """The history of a run, of a search or of mutants, or of what there is of it so far.

    Raises:
        ValueError: the path is none of these, or a file in it is damaged.
    """
    if (path / searching.PLAN).exists():
        return read_search(path)
    if (path / mutating.PLAN).exists():
        return read_mutants(path)
    if not (path / METRICS).exists() and path.is_dir():
        inside = sorted(folder for folder in path.iterdir() if _is_history(folder))
        if inside:
            names = ", ".join(map(str, inside[:_MOST_NAMED])) + " ..." * (len(inside) > _MOST_NAMED)
            raise ValueError(
                f"{path}: there is nothing to report of it, but of folders in it: {names}"
            )
    return read_run(path)


def _is_history(path: Path) -> bool:
    """Whether it looks like a directory to report of."""
    return any((path / name).is_file() for name in (searching.PLAN, mutating.PLAN, METRICS))
