"""What came from outside, for the eye: names of tasks and files, programs, tokens, messages.

All that is printed goes through here. A control character or an override of the reading direction
is shown by its escape, never sent; nothing is read as markup of rich.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


_COLUMNS = range(20, 10_001)
"""How wide a terminal is taken to be: what lays out texts needs some room, and fills all of it."""


def prepare_streams() -> None:
    """Make stdout, stderr and the width of the terminal what everything that prints relies on.

    A stream that is closed leads nowhere from now on: a file that is opened would take its number,
    and get what is printed.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    width = shutil.get_terminal_size().columns
    if "COLUMNS" in os.environ or width not in _COLUMNS:
        os.environ["COLUMNS"] = str(min(max(width, _COLUMNS[0]), _COLUMNS[-1]))


def quiet_libraries() -> None:
    """Have torch and what it comes with say no more than what is wrong; before they are loaded."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KINETO_LOG_LEVEL", "5")
    # Where the hub cannot be reached, one line says so at the end; each attempt need not.
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def open_console(quiet: bool = False) -> Console:
    """A console on stdout, which raises BrokenPipeError where nobody reads it any more."""
    from rich.console import Console

    class PlainConsole(Console):
        def on_broken_pipe(self) -> None:  # of which rich makes an end with code 1
            raise BrokenPipeError

    return PlainConsole(quiet=quiet)


def visible(text: object) -> str:
    r"""The text in one line that does to a terminal, a log or an XML file what it seems to do.

    What is not printable (control characters, line ends, directions, surrogates, blanks other than
    a space) stands as in a string of Python: `\x1b`, `\n`, `\u202e`.
    """
    line = str(text)
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def visible_lines(text: object) -> str:
    """As `visible`, with the line ends of a text that may have them."""
    return "\n".join(map(visible, str(text).split("\n")))


def counted(number: int, noun: str) -> str:
    """A number of things, as `1 task` and `1,000 tasks`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def plain(text: object, style: str = "") -> Text:
    """A text of rich's without markup, of several lines where it has some."""
    from rich.text import Text

    return Text(visible_lines(text), style=style)


def say(console: Console, *lines: object, style: str = "") -> None:
    """Print lines on a console, each as one line whatever it holds."""
    for line in lines:
        console.print(plain(visible(line), style), soft_wrap=True)


def write(*lines: object, file: TextIO | None = None) -> None:
    """Print lines to stdout, or another file, each as one line whatever it holds."""
    for line in lines:
        print(visible(line), file=file or sys.stdout)


def add_row(table: Table, *cells: object, **settings: Any) -> None:
    """Add a row of plain texts."""
    table.add_row(*map(plain, cells), **settings)
