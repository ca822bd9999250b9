"""Archives from outside, of which only regular files are taken, and what Git calls their content.

A name cannot lead out of the folder, nothing is a link, and there are bounds for how many files and
bytes there are.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

MOST_FILES = 20_000
MOST_BYTES = 4 << 30
_PART = 1 << 20


class _File(NamedTuple):
    """What Git knows of a file."""

    is_executable: bool
    git_id: str


class _Bounded:
    """A stream that ends with an error behind so many bytes, whoever reads them."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, most: int) -> None:
        self._stream = stream
        self._left = most

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(f"it unpacks to more than the {MOST_BYTES:,} bytes that are allowed")
        return data


def unpack_tar(archive: Path, path: str, folder: Path) -> str:
    """Unpack a folder of a revision, which stands in one folder in a tar.gz.

    Args:
        path: of the folder in the revision.
        folder: that is filled.
    Returns:
        the id of its content as Git's tree.
    Raises:
        ValueError: it is no such archive, or hostile.
    """
    wanted = path.split("/")
    files: dict[str, _File] = {}
    try:
        with (
            gzip.open(archive) as stream,
            tarfile.open(fileobj=_Bounded(stream, MOST_BYTES), mode="r|") as tar,  # type: ignore[call-overload]
        ):
            for member in tar:
                parts = member.name.split("/")[1:]
                if parts[: len(wanted)] != wanted or member.isdir():
                    continue
                name = _safe_name(parts[len(wanted) :], member.name)
                if not member.isreg():
                    raise ValueError(f"{member.name!r} is a link or no file; allowed: files")
                source = tar.extractfile(member)
                assert source is not None
                _check_count(files, name)
                git_id = _write(source, folder / name, member.size)
                files[name] = _File(bool(member.mode & stat.S_IXUSR), git_id)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"it is no whole tar.gz: {error}") from None
    return _tree_id(files)


def unpack_zip(archive: Path, inside: str, folder: Path) -> None:
    """Unpack the JSON files of a zip file.

    Args:
        inside: the folder in it that is taken; "" for all.
    Raises:
        ValueError: it is no such archive, or hostile.
    """
    prefix = inside.split("/") if inside else []
    names: dict[str, None] = {}
    left = MOST_BYTES
    try:
        with zipfile.ZipFile(archive) as file:
            for info in file.infolist():
                parts = info.filename.split("/")
                is_hidden = any(
                    part.startswith((".", "__MACOSX")) and part != ".." for part in parts
                )
                if parts[: len(prefix)] != prefix or is_hidden or not parts[-1].endswith(".json"):
                    continue
                name = _safe_name(parts[len(prefix) :], info.filename)
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise ValueError(f"{info.filename!r} is a link or no file; allowed: files")
                _check_count(names, name)
                names[name] = None
                with file.open(info) as stream:
                    _write(_Bounded(stream, left), folder / name, None)
                left -= (folder / name).stat().st_size
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is no whole zip file: {error}") from None
    if not names:
        raise ValueError(f"there is no JSON file in {inside or 'it'}")


def git_id_of(path: Path) -> str:
    """The id that Git gives to a file."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while part := file.read(_PART):
            digest.update(part)
    return digest.hexdigest()


def _safe_name(parts: list[str], shown: str) -> str:
    """The name of a member in its folder.

    Raises:
        ValueError: it would lead elsewhere, or is none.
    """
    is_plain = all(p not in ("", ".", "..") and "\0" not in p and "\\" not in p for p in parts)
    if not parts or not is_plain:
        raise ValueError(f"{shown!r} leads out of its folder; allowed: names of files in it")
    return "/".join(parts)


def _check_count(names: Mapping[str, object], name: str) -> None:
    if name in names:
        raise ValueError(f"{name!r} is there twice")
    if len(names) >= MOST_FILES:
        raise ValueError(f"it has more than the {MOST_FILES:,} files that are allowed")


def _write(source: IO[bytes] | _Bounded, path: Path, size: int | None) -> str:
    """Write a file, which must not be there, and return Git's id of it where the size is known."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"{path.name!r} is in what is a file") from None
    digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW), "wb"
    ) as out:
        while part := source.read(_PART):
            digest.update(part)
            out.write(part)
    return digest.hexdigest()


def _tree_id(files: Mapping[str, _File]) -> str:
    """Git's id of a folder with these files."""
    return _tree_of({tuple(name.split("/")): file for name, file in files.items()})


def _tree_of(files: Mapping[tuple[str, ...], _File]) -> str:
    entries: dict[bytes, bytes] = {}
    for name, inner in _by_first_part(files):
        if () in inner:
            mode = b"100755" if inner[()].is_executable else b"100644"
            entry, key = (mode, inner[()].git_id), name.encode()
        else:
            entry, key = (b"40000", _tree_of(inner)), name.encode() + b"/"  # as Git orders them
        entries[key] = entry[0] + b" " + name.encode() + b"\0" + bytes.fromhex(entry[1])
    data = b"".join(entries[key] for key in sorted(entries))
    return hashlib.sha1(f"tree {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


def _by_first_part(
    files: Mapping[tuple[str, ...], _File],
) -> Iterator[tuple[str, dict[tuple[str, ...], _File]]]:
    parts: dict[str, dict[tuple[str, ...], _File]] = {}
    for (first, *rest), file in files.items():
        parts.setdefault(first, {})[tuple(rest)] = file
    yield from parts.items()
