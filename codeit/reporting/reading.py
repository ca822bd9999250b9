"""Reads the history of a directory, whichever command has made it."""

from __future__ import annotations

from pathlib import Path

from codeit.mutating import directory as mutating
from codeit.reporting.history import History
from codeit.reporting.of_mutants import read_mutants
from codeit.reporting.of_run import read_run
from codeit.reporting.of_search import read_search
from codeit.searching import directory as searching


def read_history(path: Path) -> History:
    """The history of a run, of a search or of mutants, or of what there is of it so far.

    Raises:
        ValueError: the path is none of these, or a file in it is damaged.
    """
    if (path / searching.PLAN).exists():
        return read_search(path)
    if (path / mutating.PLAN).exists():
        return read_mutants(path)
    return read_run(path)
