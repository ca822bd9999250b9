"""Commands of codeit as tests give them: in this process, or in another that can be killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from codeit.cli import main


def fails_with(capsys, words, message):
    """The command leaves with code 2 and one line that holds the message."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert message in error, error


def answer_interrupts():
    """A job in the background, such as these tests may be, is started deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(script, *words):
    """A script of this folder, as a process whose output can be read."""
    folder = Path(__file__).parent
    return subprocess.Popen(
        [sys.executable, str(folder / script), *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(folder.parent)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=answer_interrupts,
    )


def files(path, left_out=()):
    """All files of a directory with their bytes, but some."""
    path = Path(path)
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name not in left_out
    }
