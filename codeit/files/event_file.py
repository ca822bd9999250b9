"""Numbers over time as TensorBoard reads them.

Written at once and in this thread: what does not fit the disk is an error where it happens, which
names the file and leaves it as it was.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable
from io import BytesIO
from itertools import count
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from codeit.files.whole_file import append


class EventFile:
    """A new file of events beside those that are there.

    Args:
        folder: is made if need be.
        first_step: what the other files have of this step and later ones does not count.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        folder.mkdir(exist_ok=True)
        self._path = _new_path(folder)
        self._write(
            Event(wall_time=time.time(), file_version="brain.Event:2"),
            Event(
                wall_time=time.time(),
                step=first_step,
                session_log=SessionLog(status=SessionLog.START),
            ),
        )

    def add(self, step: int, scalars: Iterable[tuple[str, float]]) -> None:
        """Write the numbers of a step, under their names; all of them or none."""
        values = [Summary.Value(tag=name, simple_value=value) for name, value in scalars]
        self._write(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def _write(self, *events: Event) -> None:
        records = BytesIO()
        writer = RecordWriter(records)
        for event in events:
            writer.write(event.SerializeToString())
        append(self._path, records.getvalue())


def _new_path(folder: Path) -> Path:
    """TensorBoard reads the files of a folder in the order of their names."""
    start = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
    paths = (folder / f"{start}.{k}" for k in count())
    return next(path for path in paths if not os.path.lexists(path))
