"""How fast a phase goes is said in a unit in which the number says something."""

import io
import re

import pytest
from rich.console import Console

from codeit.terminal import progress
from codeit.terminal.progress import phase


def closing_line(monkeypatch, count, seconds):
    """What a phase says in the end that did so much in so many seconds."""
    times = iter([0.0, seconds])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(times))
    out = Console(file=io.StringIO(), width=100)
    with phase(out, "search", count, "tasks") as advance:
        if count:
            advance(count)
    return out.file.getvalue()


@pytest.mark.parametrize(
    ("count", "seconds", "rate"),
    [
        (1_000_000, 2, "500k tasks/s"),
        (99_990, 10, "9,999 tasks/s"),
        (100, 10, "10 tasks/s"),
        (99, 10, "9.9 tasks/s"),
        (10, 10, "1.0 tasks/s"),
        (400, 1497.4, "16 tasks/min"),
        (9, 60, "9.0 tasks/min"),
        (59, 3600, "59 tasks/h"),
        (1, 36000, "0.1 tasks/h"),
    ],
)
def test_a_rate_has_the_span_of_time_that_gives_it_digits(monkeypatch, count, seconds, rate):
    line = closing_line(monkeypatch, count, seconds)
    what = "task" if count == 1 else "tasks"
    assert line == f"  search           {count:>9,} {what} in {seconds:.1f} s, {rate}\n"


def test_where_nothing_was_done_no_rate_is_said(monkeypatch):
    assert re.fullmatch(r"  search +0 tasks in 2\.0 s\n", closing_line(monkeypatch, 0, 2))


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("note", ["", "103 solved", "323k executions/s, 45 solved"])
def test_a_bar_and_its_words_stand_in_one_line(monkeypatch, width, note):
    monkeypatch.setattr(progress, "_rate", lambda _: "43k/s")
    out = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with phase(out, "scoring mutants", 1_000_000, "programs") as advance:
        advance(999_999, note)
    frame = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.file.getvalue().split("\n")[0])
    frame = frame.split("\r")[-1]
    assert len(frame) <= width
    words = frame.split("━")
    assert words[0].startswith("  scoring mutants")
    left = r"(-:--:--|\d:\d\d:\d\d)"
    assert re.search(rf"999999/1000000 43k/s {note} {left}$", words[-1])
    assert width == 80 or len(words) > 20


def test_where_there_is_no_room_for_a_bar_there_is_none():
    out = Console(file=io.StringIO(), width=40, force_terminal=True, color_system=None)
    with phase(out, "search", 400, "tasks") as advance:
        advance(5, "103 solved")
    assert "━" not in out.file.getvalue()
