"""Numbers over time as TensorBoard reads them."""

import errno
import os

import pytest

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from codeit.files.event_file import EventFile


def read(folder):
    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_tensorboard_reads_what_was_written(tmp_path):
    file = EventFile(tmp_path / "events", 0)
    file.add(0, [("loss", 2.0), ("group/rate", 0.5)])
    file.add(1, [("loss", 1.0)])
    assert read(tmp_path / "events") == {"loss": [(0, 2.0), (1, 1.0)], "group/rate": [(0, 0.5)]}


def test_steps_that_are_done_again_do_not_count_twice(tmp_path):
    first = EventFile(tmp_path, 0)
    for step in range(3):
        first.add(step, [("loss", 3.0 - step)])
    second = EventFile(tmp_path, 2)
    second.add(2, [("loss", 7.0)])
    assert len(list(tmp_path.iterdir())) == 2
    assert read(tmp_path) == {"loss": [(0, 3.0), (1, 2.0), (2, 7.0)]}


def test_a_full_disk_names_the_file_and_leaves_whole_events(tmp_path, monkeypatch):
    file = EventFile(tmp_path, 0)
    file.add(0, [("loss", 2.0)])
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()
    plain = os.write

    def write(number, data):
        if len(data) < 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return plain(number, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(OSError, match="No space left") as caught:
            file.add(1, [("loss", 1.0)])
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    file.add(1, [("loss", 1.0)])
    assert read(tmp_path) == {"loss": [(0, 2.0), (1, 1.0)]}
