"""Serves the page of a directory on this machine alone, and makes it anew when there is more.

The page asks every two seconds for the version of what is on disk, and loads itself again when that
is another one. What is being written just then may not be readable: the page before it stays.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from rich.console import Console

from codeit.reporting.page import error_page, page_of
from codeit.reporting.reading import read_history
from codeit.terminal import say

HOST = "127.0.0.1"


class LivePage:
    """The page of a directory as it is now. Any thread may ask.

    Attributes:
        path: of the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = ""
        self._page: bytes = b""
        self._lock = threading.Lock()

    def version(self) -> str:
        """Of the files on disk: another one when one of them has grown or changed."""
        found = hashlib.sha256()
        for folder in (self.path, self.path / "samples"):
            for file in sorted(folder.glob("*.*")):
                try:
                    state = file.stat()
                except OSError:  # it is gone since
                    continue
                found.update(
                    f"{file.name}\0{state.st_size}\0{state.st_mtime_ns}\n".encode(
                        "utf-8", "surrogateescape"
                    )
                )
        return found.hexdigest()[:16]

    def page(self) -> bytes:
        """The page; where what is there cannot be read, the one before, or what is wrong."""
        with self._lock:
            version = self.version()
            if version != self._version or not self._page:
                try:
                    text = page_of(read_history(self.path), version)
                    self._page = text.encode("utf-8", "backslashreplace")
                    self._version = version
                except (ValueError, OSError) as error:
                    if not self._page:
                        return error_page(self.path, error, version).encode()
            return self._page


class PageServer(ThreadingHTTPServer):
    """On the loopback alone.

    Args:
        port: 0 picks a free one.
    Raises:
        ValueError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, live: LivePage, port: int) -> None:
        self.live = live
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(
                f"--port: {port} cannot be listened on: {reason}; 0 picks a free one"
            ) from None

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a browser that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version = "codeit"
    sys_version = ""
    _ANSWERS: ClassVar[dict[str, tuple[str, Callable[[LivePage], bytes]]]] = {
        "/": ("text/html; charset=utf-8", LivePage.page),
        "/version": ("text/plain; charset=utf-8", lambda live: live.version().encode()),
    }

    def do_GET(self) -> None:
        port = self.server.server_port
        # A name of another machine that leads here would let its pages read this one.
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            self.send_error(403, "This page is served on this machine alone")
            return
        kind, answer = self._ANSWERS.get(self.path.partition("?")[0], ("", None))
        if answer is None:
            self.send_error(404)
            return
        body = answer(self.server.live)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said of requests."""


def watch(path: Path, port: int, console: Console) -> None:
    """Serve the page of a directory until Ctrl-C.

    Raises:
        ValueError: the path is no directory of a run, a search or mutants; or the port is taken.
    """
    live = LivePage(path)
    read_history(path)
    with PageServer(live, port) as server:
        say(console, f"{path}: watch it at {server.address}; Ctrl-C ends this")
        server.serve_forever(poll_interval=0.2)
