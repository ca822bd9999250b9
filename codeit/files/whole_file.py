"""Files that appear whole or not at all, and lines that are added whole or not at all.

What is written is on the disk when a function here returns: the bytes, and the name in its folder.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


def fresh_name(path: Path) -> Path:
    """Where a file is until it is whole."""
    return path.with_name(f".{path.name}.new")


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes its name when the context ends and all is on disk.

    When the context ends with an error, what had the name before has it still; errors of the file
    system name `path`. What has the temporary name, `.NAME.new`, is removed and never followed.
    One writer at a time.
    """
    fresh = fresh_name(path)
    is_ours = False
    try:
        fresh.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(fresh, flags, 0o666), "wb") as file:
            is_ours = True
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        is_ours = False
        sync(path.parent)
    except BaseException as error:
        if is_ours:
            with suppress(OSError):
                fresh.unlink()
        ours = (None, str(fresh), str(path.parent))
        if isinstance(error, OSError) and error.errno and error.filename in ours:
            name = fresh if os.path.isdir(fresh) else path
            raise OSError(error.errno, error.strerror, str(name)) from None
        raise


def check_file(path: Path) -> None:
    """Raise ValueError where no file can be written, before there is anything to write."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; --out takes a file")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ValueError(f"{path}: cannot be written: there is no folder {path.parent} to write to")


def append(path: Path, data: bytes) -> None:
    """Add to the end of a file, which is made if need be.

    When that fails, the file is as long as it was; the error names it.
    """
    try:
        is_new = not path.exists()
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            if is_new:
                sync(path.parent)
            length = os.fstat(file).st_size
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(file, rest) :]
                os.fsync(file)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(file, length)
                raise
        finally:
            os.close(file)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def truncate(path: Path, length: int) -> None:
    """Cut off what a file has beyond a length; the error names it."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if os.fstat(file).st_size > length:
                os.ftruncate(file, length)
                os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        if error.errno == errno.EINVAL:  # a file system that has no such thing for folders
            return
        raise OSError(error.errno, error.strerror, str(path)) from None
