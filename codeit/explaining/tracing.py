"""A run line by line: in the terminal, and as rows of a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codeit.execution.explained import UNBOUND, ExplainedRun
from codeit.explaining.values import blocks_of, in_words, left_out
from codeit.tasks.blocks import Block, Code
from codeit.terminal import say

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class LineShown:
    """One line of a run, for the eye.

    Attributes:
        text: the line, what it came to, and the fuel that it used where that is wanted.
        blocks: pictures of its value, or none.
        rest: how many pictures there would be more, as `and 37 more`, or nothing.
    """

    text: str
    blocks: Sequence[Block]
    rest: str


def lines_shown(
    run: ExplainedRun, lines: Sequence[str], frame: tuple[int, int], with_fuel: bool
) -> Iterator[LineShown]:
    """What there is to show of each line that a run reached.

    Args:
        lines: those of the program's text, as it was written.
        frame: rows and columns of the input.
        with_fuel: whether a line says how many units of fuel it used.
    """
    for line, done in zip(lines, run.lines, strict=False):
        what = in_words(done.value)
        units = f"  [{done.fuel:,} fuel]" if with_fuel else ""
        text = f"{line}  ->  {what}{units}"
        if done.value is UNBOUND:
            yield LineShown(text, (), "")
        else:
            yield LineShown(text, blocks_of(done.value, frame), left_out(done.value, frame))


def print_trace(shown: Sequence[LineShown], console: Console) -> None:
    """Print lines of a run, the pictures of each below it."""
    from codeit.tasks.render import print_blocks

    for line in shown:
        say(console, f"  {line.text}")
        if line.blocks:
            print_blocks(line.blocks, console, indent=4)
        if line.rest:
            say(console, f"    {line.rest}", "")


def trace_rows(shown: Sequence[LineShown], heading: str) -> list[list[Block]]:
    """The same as rows of a picture under a heading; lines without pictures stand together."""
    rows: list[list[Block]] = []
    texts: list[str] = []
    label = heading
    for line in shown:
        texts.append(line.text)
        if line.rest:
            texts.append(f"    {line.rest}")
        if line.blocks:
            rows += [[Block([Code("\n".join(texts))], label)], list(line.blocks)]
            texts, label = [], ""
    if texts:
        rows.append([Block([Code("\n".join(texts))], label)])
    return rows
