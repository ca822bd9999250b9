"""Directories that are made once, and written by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self


class LockedDirectory:
    """A directory that no other process can write while this object is there; leaving its context
    makes room for another.

    Raises:
        ValueError: another process has it.
    """

    KIND = "directory"
    """What it is to those who read an error."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise ValueError(f"{path}: another process is writing this {self.KIND}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    @classmethod
    @contextmanager
    def _made(cls, path: Path, check: Callable[[Path], None]) -> Iterator[Self]:
        """A new directory, to fill; there is room for another process where that fails.

        Args:
            check: raises a ValueError unless it can be made.
        Raises:
            ValueError: the same, or it cannot be written.
        """
        check(path)
        with ExitStack() as opened:
            try:
                path.mkdir(parents=True, exist_ok=True)
                directory = cls(path)
                opened.push(directory)
                check(path)  # now that no other process can fill it
                yield directory
            except OSError as error:
                raise ValueError(f"{path}: cannot be written: {error.strerror}") from None
            opened.pop_all()


def check_free(path: Path, is_without_content: Callable[[Path], bool], again: str = "") -> None:
    """Raise ValueError unless a directory can be made there.

    Args:
        is_without_content: whether a folder holds no more than what is left when its making was cut
            off.
        again: a command that goes on with what is there, if it is something of that kind.
    """
    hint = f"`{again}` goes on with it" if again else "choose another directory, or remove it first"
    try:
        if os.path.lexists(path) and not (path.is_dir() and is_without_content(path)):
            raise ValueError(f"{path} exists already; {hint}")
        parent = next(p for p in (path, *path.absolute().parents) if p.exists())
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise ValueError(f"{path}: cannot be written: no permission to write to {parent}")
