"""One file from the network, of which what has arrived is kept when the connection breaks."""

from __future__ import annotations

import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codeit.version import __version__

_ATTEMPTS = 5  # in a row without a byte more
_FIRST_WAIT = 0.5  # seconds; twice as many after each
_TIMEOUT = 30.0  # seconds without a byte
_PART = 1 << 16
_NOT_THERE = (404, 410)
_MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})

Report = Callable[[int, int | None], None]
"""Told how many bytes there are, and of how many, where that is known."""


class _TryAgainError(Exception):
    """What may be better the next time."""


def download(url: str, path: Path, most: int, report: Report) -> None:
    """Bring a file, from where an earlier attempt has left off.

    Args:
        path: the file; what it has already is taken to be its beginning.
        most: bytes that it may have.
    Raises:
        ValueError: it cannot be had, in one line; what has arrived is kept unless it is useless.
        OSError: it cannot be written.
    """
    wait, failures = _FIRST_WAIT, 0
    while True:
        before = _size_of(path)
        try:
            _attempt(url, path, most, report)
            return
        except _TryAgainError as error:
            reason = str(error)
        failures = 0 if _size_of(path) > before else failures + 1
        if failures >= _ATTEMPTS:
            kept = _size_of(path)
            again = f"; {kept:,} bytes are kept, and the same command goes on" if kept else ""
            raise ValueError(f"{url}: {reason}{again}")
        wait = _FIRST_WAIT if not failures else wait * 2
        time.sleep(wait)


def _attempt(url: str, path: Path, most: int, report: Report) -> None:
    start = _size_of(path)
    headers = {"User-Agent": f"codeit/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            _receive(answer, url, path, start, most, report)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:  # it is shorter than what is here
            path.unlink()
            raise _TryAgainError("it has changed while it was fetched") from None
        if error.code in _NOT_THERE:
            raise ValueError(f"{url}: the server answers {error.code}: it is not there") from None
        if error.code in _MAY_PASS:
            raise _TryAgainError(f"the server answers {error.code}") from None
        raise ValueError(f"{url}: the server answers {error.code}") from None
    except urllib.error.URLError as error:
        if start:
            raise _TryAgainError(_unreachable(error.reason)) from None
        raise ValueError(f"{url}: {_unreachable(error.reason)}") from None
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _TryAgainError(f"the connection broke: {error or type(error).__name__}") from None


def _receive(answer: Any, url: str, path: Path, start: int, most: int, report: Report) -> None:
    if answer.status != 206:
        start = 0
    elif not re.match(rf"bytes {start}-\d+/", answer.headers.get("Content-Range", "")):
        path.unlink()
        raise _TryAgainError("the server sent another part than the one asked for")
    length = answer.headers.get("Content-Length", "")
    total = start + int(length) if length.isdecimal() else None
    with path.open("r+b" if path.exists() else "wb") as file:
        file.truncate(start)
        file.seek(start)
        size = start
        while part := answer.read(_PART):
            size += len(part)
            if size > most:
                raise ValueError(f"{url}: it has more than the {most:,} bytes that are allowed")
            with _named(path):
                file.write(part)
                file.flush()
            report(size, total)
        with _named(path):
            os.fsync(file.fileno())
    if total is not None and size < total:
        raise _TryAgainError(f"the connection broke after {size:,} of {total:,} bytes")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Where a file cannot be written: a full disk is no broken connection."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _unreachable(reason: object) -> str:
    why = getattr(reason, "strerror", None) or str(reason)
    return f"cannot be reached ({why}); is this machine offline?"


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
