"""What came from outside, for the eye: names of tasks and files, programs, tokens, messages.

All that is printed goes through here. A control character or an override of the reading direction
is shown by its escape, never sent; nothing is read as markup of rich.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


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
