"""Fetches public data: downloads, compares with the pinned revision, and unpacks, whole or not at
all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codeit.files.whole_directory import whole_directory
from codeit.public.cache import content_of, folder_of, is_here
from codeit.public.catalogue import PublicData
from codeit.public.download import Report, download
from codeit.public.unpacking import git_id_of, unpack_tar, unpack_zip

MOST_DOWNLOADED = 512 << 20
_HOST = "https://github.com"


class _OtherContentError(ValueError):
    """What has arrived is not what was asked for."""


def fetch(data: PublicData, report: Report) -> Path:
    """Bring public data to this machine, unless it is here.

    `CODEIT_MIRROR` names another host that has the same under the same paths: whatever it sends is
    compared with the pinned revision.

    Returns:
        the file or folder of it.
    Raises:
        ValueError: it cannot be had, is not the pinned revision, or another process fetches it.
        OSError: it cannot be written.
    """
    folder = folder_of(data)
    if is_here(data):
        return content_of(folder, data)
    folder.parent.mkdir(parents=True, exist_ok=True)
    arriving = folder.with_name(f".{folder.name}.part")
    with _locked(arriving, data.name):
        if is_here(data):  # another process was first
            return content_of(folder, data)
        was_begun = arriving.stat().st_size > 0
        try:
            _bring(data, folder, arriving, report)
        except _OtherContentError:
            arriving.unlink(missing_ok=True)
            if not was_begun:
                raise
            _bring(data, folder, arriving, report)  # the beginning may have been of something else
        arriving.unlink(missing_ok=True)
    return content_of(folder, data)


def mirror() -> str:
    """The host that is asked.

    Raises:
        ValueError: it is no address.
    """
    host = os.environ.get("CODEIT_MIRROR") or _HOST
    if not host.startswith(("https://", "http://")):
        raise ValueError(f"CODEIT_MIRROR is {host!r}; allowed: an address, https://HOST")
    return host.rstrip("/")


def _bring(data: PublicData, folder: Path, arriving: Path, report: Report) -> None:
    url = f"{mirror()}/{data.address}"
    try:
        download(url, arriving, MOST_DOWNLOADED, report)
        with whole_directory(folder) as fresh:
            _fill(data, arriving, content_of(fresh, data))
    except ValueError as error:
        kind = _OtherContentError if isinstance(error, _OtherContentError) else ValueError
        raise kind(f"{data.name}: {error}") from None


def _fill(data: PublicData, arrived: Path, content: Path) -> None:
    """Put what has arrived into its place, if it is the pinned revision."""
    try:
        if data.is_folder:
            content.mkdir()
            found = unpack_tar(arrived, data.path, content)
            _check(data, found)
            return
        _check(data, git_id_of(arrived))
        if data.path.endswith(".zip"):
            content.mkdir()
            unpack_zip(arrived, data.inside, content)
        else:
            content.parent.mkdir()
            shutil.copyfile(arrived, content)
    except ValueError as error:
        raise _OtherContentError(f"{error}; nothing of it is kept") from None


def _check(data: PublicData, found: str) -> None:
    if found != data.git_id:
        raise ValueError(
            f"what has arrived is not {data.path} of {data.repository} at {data.commit[:12]}: its "
            f"id is {found}, not {data.git_id}"
        )


@contextmanager
def _locked(path: Path, name: str) -> Iterator[None]:
    """A file that no other process fetches into."""
    lock = path.with_suffix(".lock")
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{name}: another process is fetching it") from None
        path.touch()
        try:
            yield
        finally:
            if path.exists() and path.stat().st_size == 0:
                path.unlink()
