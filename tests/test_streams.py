"""What the commands print on: streams that are closed or full, and terminals without room."""

import os
import shlex
import subprocess
import sys

import pytest

from codeit import terminal

PYTHON = shlex.quote(sys.executable)
CODEIT = f"{PYTHON} -m codeit"


def shell(command, **environment):
    return subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | environment,
    )


WIDTHS = {"0": 80, "1": 20, "19": 20, "20": 20, "100": 100, "2000000000": 10_000}


@pytest.mark.parametrize(("said", "width"), [*WIDTHS.items(), ("²", 80), ("-5", 80), ("", 80)])
def test_a_terminal_has_room(said, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", said)
    monkeypatch.setattr(sys, "__stdout__", None)  # no terminal to ask instead
    terminal.prepare_streams()
    assert os.environ["COLUMNS"] == str(width)
    assert terminal.open_console().width == width


def test_a_width_that_nobody_says_is_left_to_the_terminal(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "__stdout__", None)
    terminal.prepare_streams()
    assert "COLUMNS" not in os.environ


@pytest.mark.parametrize("columns", ["0", "1", "2"])
def test_a_task_and_the_help_are_shown_without_a_width(columns):
    shown = shell(f"{CODEIT} show 00d62c1b", COLUMNS=columns)
    assert shown.returncode == 0
    assert "003030" in shown.stdout
    assert shell(f"{CODEIT} train --help", COLUMNS=columns).stdout.count("\n") > 100


AT_ONCE = pytest.mark.parametrize("at_once", ["", "1"], ids=["in blocks", "at once"])
"""Whether Python writes what is printed when its buffer is full, or at once."""


@AT_ONCE
@pytest.mark.parametrize("command", ["show 00d62c1b", "dsl", "--version", "train --help"])
def test_output_that_nobody_reads_is_no_error(command, at_once):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "codeit", *command.split()],
        stdout=write,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": at_once},
    )
    os.close(write)
    assert done.returncode == 0
    assert b"rror" not in done.stderr


@pytest.mark.parametrize("command", ["show 00d62c1b", "--version", "train --help"])
def test_output_that_is_closed_is_no_error(command):
    done = shell(f"{CODEIT} {command} >&-")
    assert done.returncode == 0
    assert "rror" not in done.stderr
    assert shell(f"{CODEIT} {command} >&- 2>&- <&-").returncode == 0


@AT_ONCE
@pytest.mark.parametrize(
    "command", ["show 00d62c1b", "--version", "dsl objects", "run - --task 00d62c1b", "run --help"]
)
def test_output_that_is_full_is_one_line(command, at_once):
    # The program is wrong, for which `run` has a code of its own.
    wrong = "echo 'O = hmirror(I)'"
    done = shell(f"{wrong} | {CODEIT} {command} >/dev/full", PYTHONUNBUFFERED=at_once)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("No space left on device")
    assert "Traceback" not in done.stderr


def test_no_file_takes_the_place_of_a_stream_that_is_closed(tmp_path):
    path = tmp_path / "file"
    code = (
        "import os; from codeit.terminal import prepare_streams; prepare_streams();"
        f"file = open({str(path)!r}, 'w'); print('printed', flush=True); os.write(2, b'more');"
        "file.write(str(file.fileno()))"
    )
    assert shell(f"{PYTHON} -c {shlex.quote(code)} >&- 2>&- <&-").returncode == 0
    assert int(path.read_text()) > 2
