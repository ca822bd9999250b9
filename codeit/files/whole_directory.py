"""Directories that appear whole or not at all, and that know what they hold.

    NAME         what was written last
    .NAME.new    what is being written
    .NAME.old    what NAME was, while the new one takes its place

`manifest.json` in each, written last, has the size and the SHA-256 of every file. Where NAME is a
link to a directory, it stays one: all of this happens where it points to. Other links are never
followed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from codeit.files.json_file import read_object
from codeit.files.whole_file import sync, whole_file

MANIFEST = "manifest.json"

Entries = Mapping[str, Mapping[str, Any]]
"""The size and the SHA-256 of files, by their names in a folder: {"bytes": 5, "sha256": "..."}."""

_PART = 1 << 20  # bytes of a file in memory at once


class Digest:
    """How many bytes there are, and their SHA-256."""

    def __init__(self) -> None:
        self.num_bytes = 0
        self._sha256 = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Add bytes at the end."""
        self.num_bytes += len(data)
        self._sha256.update(data)

    def entry(self) -> dict[str, Any]:
        """What a manifest says of them."""
        return {"bytes": self.num_bytes, "sha256": self._sha256.hexdigest()}

    @classmethod
    def of_file(cls, path: Path, most: int | None = None) -> Digest:
        """Of a file, or of so many bytes at its beginning."""
        digest = cls()
        with path.open("rb") as file:
            while part := file.read(_PART if most is None else min(_PART, most - digest.num_bytes)):
                digest.update(part)
        return digest


@contextmanager
def whole_directory(path: Path) -> Iterator[Path]:
    """A directory to fill, which takes its name when the context ends and all is on disk.

    When the context ends with an error, what had the name before has it still.

    Raises:
        ValueError: `path` is a link that leads nowhere, or no directory.
    """
    finish_replacement(path)
    if os.path.lexists(path):
        check_directory(path)
    real, fresh, stale = _places(path)
    try:
        fresh.mkdir(parents=True)
        yield fresh
        _write_manifest(fresh)
        if real.exists():
            real.rename(stale)
        fresh.rename(real)
        sync(real.parent)
    except BaseException as error:
        with suppress(OSError):
            if not real.exists() and stale.exists():
                stale.rename(real)
            _remove(fresh)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    with suppress(OSError):
        _remove(stale)


def settle(path: Path) -> None:
    """Give a directory its name if a replacement was cut off while nothing had it.

    Raises:
        OSError: a file cannot be read, which does not say that it is damaged.
    """
    real, fresh, stale = _places(path)
    if os.path.lexists(real):
        return
    if _is_whole(fresh):
        fresh.rename(real)
    elif _is_directory(stale):
        stale.rename(real)
    else:
        return
    sync(real.parent)


def finish_replacement(path: Path) -> None:
    """Clear up after a replacement that was cut off: settle, and remove what is left over."""
    settle(path)
    _, *leftovers = _places(path)
    for leftover in leftovers:
        _remove(leftover)


def check_directory(path: Path) -> None:
    """Raise ValueError if it is none, or a link to what is none."""
    if path.is_dir():
        return
    if path.is_symlink():
        raise ValueError(f"{path}: a link to {os.readlink(path)}, where there is no directory")
    raise ValueError(f"{path}: {'no directory' if path.exists() else 'there is no such directory'}")


def check_whole(path: Path) -> None:
    """Compare every file of a directory with its manifest.

    Raises:
        ValueError: there is no manifest, or a file is missing or not what was written.
    """
    check_directory(path)
    check_entries(path, read_manifest(path))


def read_manifest(path: Path) -> Entries:
    """What a directory should hold.

    Raises:
        ValueError: there is no manifest, or it is damaged.
    """
    manifest = path / MANIFEST
    if not os.path.lexists(manifest):
        raise ValueError(
            f"{manifest}: there is no such file; nothing else says whether the rest is whole (what "
            "the first versions of codeit wrote has none)"
        )
    return read_entries(manifest)


def read_entries(path: Path) -> Entries:
    """The table that `write_entries` wrote.

    Raises:
        ValueError: it is missing or damaged.
    """
    values = read_object(path)
    entries: Any = values.get("files")
    is_whole = isinstance(entries, dict) and all(map(_is_entry, entries.values()))
    if not is_whole or values.get("sha256") != _digest_of(entries):
        raise ValueError(f"{path}: it is damaged")
    found: Entries = entries
    return found


def write_entries(path: Path, entries: Entries) -> None:
    """Write a table of files, with its own SHA-256."""
    text = json.dumps({"files": entries, "sha256": _digest_of(entries)}, indent=1)
    with whole_file(path) as file:
        file.write(text.encode() + b"\n")


def check_entries(folder: Path, entries: Entries, *, may_be_longer: bool = False) -> None:
    """Compare files with what was written.

    Args:
        may_be_longer: whether bytes may have been added since then.
    Raises:
        ValueError: a file is missing, shorter, or not what was written; the message names it.
    """
    for name, entry in entries.items():
        path, num_bytes = folder / name, entry["bytes"]
        if not path.is_file():
            what = "no file" if os.path.lexists(path) else "it is missing"
            raise ValueError(f"{path}: {what}; {num_bytes:,} bytes were written")
        size = path.stat().st_size
        if size < num_bytes or (size > num_bytes and not may_be_longer):
            raise ValueError(f"{path}: it has {size:,} bytes; {num_bytes:,} were written")
        if Digest.of_file(path, num_bytes).entry() != entry:
            raise ValueError(f"{path}: it is damaged: not the bytes that were written")


def _write_manifest(folder: Path) -> None:
    """Wait until all files are on the disk, and write down what they are."""
    entries = {}
    for path in sorted(folder.rglob("*")):
        sync(path)
        if path.is_file():
            entries[path.relative_to(folder).as_posix()] = Digest.of_file(path).entry()
    write_entries(folder / MANIFEST, entries)


def _digest_of(entries: Entries) -> str:
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()


def _is_entry(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"bytes", "sha256"}
        and type(value["bytes"]) is int
        and value["bytes"] >= 0
    )


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_whole(path: Path) -> bool:
    try:
        check_whole(path)
    except ValueError:
        return False
    return _is_directory(path)


def _remove(path: Path) -> None:
    """Remove what has a name; a link is removed, not what it points to."""
    if _is_directory(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _places(path: Path) -> tuple[Path, Path, Path]:
    """The directory itself, where the next one is made, and where the one before waits."""
    real = Path(os.path.realpath(path)) if path.is_symlink() else path
    return real, real.with_name(f".{real.name}.new"), real.with_name(f".{real.name}.old")
