"""The end of a run before its last iteration: by a signal, or as one of its processes has ended."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from rich.console import Console

from codeit.parallel.processes import SECONDS_FOR_A_WORD, ProcessGroup, ProcessLost
from codeit.runs.directory import RunDirectory
from codeit.terminal import say, write


class Terminated(KeyboardInterrupt):
    """A request to terminate: from somebody, or from torchrun, as another process has ended."""


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """A request to terminate is treated like a keyboard interrupt."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def end_early(
    error: KeyboardInterrupt | ProcessLost,
    iteration: int,
    directory: RunDirectory | None,
    processes: ProcessGroup,
    console: Console,
) -> NoReturn:
    """Say why a run ends in an iteration, and how it goes on, and raise that again in the first
    process; the others end without a word. Where the first one has ended, the first of those that
    are left says so."""
    if processes.size > 1:  # torchrun ends what is left, too, which is to say why first
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ended: list[int] = []
    is_first_left = processes.is_first
    if isinstance(error, (ProcessLost, Terminated)):
        ended, is_first_left = processes.lost()
    what = f"{error}, in" if isinstance(error, ProcessLost) else "interrupted in"
    if ended:
        numbers = " and ".join(map(str, ended))
        what = f"process {numbers} of this run {'has' if len(ended) == 1 else 'have'} ended, in"
    why = f"{what} iteration {iteration}"
    if is_first_left and not processes.is_first:
        write(f"codeit: {why}; `codeit resume` does it again and goes on", file=sys.stderr)
    say(console, "", why)
    if directory:
        again = shlex.join(["codeit", "resume", str(directory.path)])
        say(console, f"`{again}` does it again and goes on")
    if ended:  # or this process would be one more that has ended, for those that look later
        time.sleep(SECONDS_FOR_A_WORD)
    if processes.is_first:
        raise error
    raise SystemExit(1)
