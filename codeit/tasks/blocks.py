"""What there is to show of a task, in the terminal or in a picture: grids, arrows and programs.

A picture is rows of blocks; a block is a label over pieces; a piece is a grid, an arrow or program
text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from codeit.grids import Grid, check_grid
from codeit.tasks.task import Example, Task
from codeit.terminal import visible, visible_lines


@dataclass(frozen=True, eq=False)
class Panel:
    """A grid over its caption.

    Args:
        grid: uint8 [H, W]; None is shown as a question mark.
        caption: one line.
        is_right: colors the caption green or red; None leaves it neutral.
    """

    grid: Grid | None
    caption: str = ""
    is_right: bool | None = None

    def __post_init__(self) -> None:
        if self.grid is not None:
            object.__setattr__(self, "grid", check_grid(self.grid, "grid of a panel"))
        object.__setattr__(self, "caption", visible(self.caption))


EMPTY, MARKED = 10, 11
"""What a cell of a Canvas is, beside a color: no cell at all, or one without a color."""


@dataclass(frozen=True, eq=False)
class Canvas(Panel):
    """Cells on their place, over a caption.

    Args:
        grid: uint8 [H, W]: colors, EMPTY and MARKED.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "caption", visible(self.caption))


@dataclass(frozen=True)
class Arrow:
    """An arrow from the piece on its left to the piece on its right."""


@dataclass(frozen=True)
class Code:
    """Program text, monospaced; lines over 72 characters are wrapped."""

    text: str

    def __post_init__(self) -> None:
        text = self.text.replace("\r\n", "\n").expandtabs(4)
        object.__setattr__(self, "text", visible_lines(text))


Piece: TypeAlias = Panel | Arrow | Code


@dataclass(frozen=True)
class Block:
    """Pieces from left to right under a label, never torn apart."""

    pieces: Sequence[Piece]
    label: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", visible(self.label))


@dataclass(frozen=True)
class Picture:
    """Rows of blocks under a title.

    Args:
        rows: a row wider than max_width units continues in the next line. All cells of a row have
            one size, the largest that keeps the row's longest grid side within max_grid units.
    """

    rows: Sequence[Sequence[Block]]
    title: str = ""
    max_width: int = 960
    max_grid: int = 160

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", visible(self.title))


def task_blocks(task: Task, outputs: Sequence[Grid | None] | None = None) -> list[Block]:
    """Return one block for each demonstration, then each test: input, arrow, output.

    Args:
        outputs: what a program returned for each demonstration, then each test, to be shown beside
            what was expected; None stands for no grid.
    Raises:
        ValueError: outputs has not one entry per example, or a malformed grid.
    """
    examples = [(f"demonstration {k}", x) for k, x in enumerate(task.demonstrations, 1)]
    examples += [(f"test {k}", x) for k, x in enumerate(task.tests, 1)]
    if outputs is not None and len(outputs) != len(examples):
        raise ValueError(
            f"{len(outputs)} outputs; task {task.task_id} has {len(examples)} examples"
        )
    known = "output" if outputs is None else "expected"
    blocks: list[Block] = []
    for k, (label, example) in enumerate(examples):
        pieces: list[Piece] = [_panel("input", example.input), Arrow()]
        pieces.append(_panel(known, example.output))
        if outputs is not None:
            pieces.append(_verdict(example, outputs[k], f"output of {label}"))
        blocks.append(Block(pieces, label))
    return blocks


def _verdict(example: Example, output: Grid | None, where: str) -> Panel:
    if output is None:
        return Panel(None, "no output", False)
    output = check_grid(output, where)
    if example.output is None:
        return _panel("program", output)
    is_right = np.array_equal(output, example.output)
    return _panel("right" if is_right else "wrong", output, is_right)


def _panel(word: str, grid: Grid | None, is_right: bool | None = None) -> Panel:
    if grid is None:
        return Panel(None, "hidden")
    return Panel(grid, f"{word} {grid.shape[0]}x{grid.shape[1]}", is_right)


def answer_blocks(task: Task, outputs: Sequence[Grid | None], program: str = "") -> list[Block]:
    """Return one block for each test: input, arrow, what a program answers; then its text.

    Args:
        outputs: the answers; None stands for no grid.
    Raises:
        ValueError: outputs has not one entry per test, or a malformed grid.
    """
    if len(outputs) != len(task.tests):
        raise ValueError(f"{len(outputs)} outputs; task {task.task_id} has {len(task.tests)} tests")
    blocks = []
    for k, (test, output) in enumerate(zip(task.tests, outputs, strict=True), 1):
        answer = _verdict(test, output, f"output of test {k}")
        blocks.append(Block([_panel("input", test.input), Arrow(), answer], f"test {k}"))
    return [*blocks, Block([Code(program)], "program")] if program else blocks
