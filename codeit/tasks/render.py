"""Grids and tasks for the eye: in the terminal (rich), and as pictures in files.

`blocks.py` says what there is to show, `drawing.py` makes SVG and PNG of it.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from codeit.files.whole_file import whole_file
from codeit.grids import Grid, check_grid
from codeit.tasks.blocks import (
    Block,
    Code,
    Panel,
    Picture,
    Piece,
    answer_blocks,
    task_blocks,
)
from codeit.tasks.drawing import (
    CELL_COLORS,
    LINE_COLOR,
    flow,
    longest_side,
    picture_to_png,
    picture_to_svg,
)
from codeit.tasks.task import Task
from codeit.terminal import open_console, say

# ---- Terminal ----

_TERMINAL_GAP = 4
_LETTERS = "0123456789.#"
_CAPTION_STYLES = {None: "dim", True: "green", False: "red"}


def grid_to_text(grid: Grid, scale: int = 1, color: bool = True) -> Text:
    """Return a grid drawn with characters: its cells square, a thin frame around them.

    Each character is an upper half block that shows two pixels, one above the other. Characters
    are about twice as high as wide, so pixels are square, and a pair of 30 x 30 fits 80 columns.

    Args:
        grid: uint8 [H, W].
        scale: pixels along the side of a cell.
        color: False gives rows of digits instead, with scale - 1 spaces between them.
    Raises:
        ValueError: a malformed grid, or a scale under 1.
    """
    if scale < 1:
        raise ValueError(f"scale is {scale}; it is a whole number from 1")
    return _cells_to_text(check_grid(grid, "grid"), scale, color)


def _cells_to_text(grid: Grid, scale: int, color: bool) -> Text:
    """The same of a Canvas's grid, too, of which what is EMPTY is a dot, what is MARKED a #."""
    if not color:
        gap = " " * (scale - 1)
        return Text("\n".join(gap.join(_LETTERS[cell] for cell in row) for row in grid.tolist()))
    colors = (*CELL_COLORS, LINE_COLOR)
    cells = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    pixels = np.pad(cells, 1, constant_values=len(CELL_COLORS))
    lines = []
    for i in range(0, len(pixels), 2):
        # After an odd number of pixel rows the last lower half is left to the terminal.
        pairs = pixels[i : i + 2].T.tolist()
        runs = [(pair, len(list(run))) for pair, run in itertools.groupby(pairs)]
        styles = (" on ".join(colors[pixel] for pixel in pair) for pair, _ in runs)
        lines.append(Text.assemble(*(("▀" * n, s) for (_, n), s in zip(runs, styles, strict=True))))
    return Text("\n").join(lines)


def print_task(
    task: Task, console: Console | None = None, outputs: Sequence[Grid | None] | None = None
) -> None:
    """Print the examples of a task, as many side by side as the console has room for.

    A console without 256 colors or without Unicode gets digits. Outputs are as in `task_blocks`.
    """
    console = console or open_console()
    blocks = task_blocks(task, outputs)
    say(console, f"task {task.task_id}", style="bold underline")
    print_blocks(blocks, console)


def print_answers(
    task: Task, outputs: Sequence[Grid | None], program: str, console: Console
) -> None:
    """Print the tests of a task with what a program answers to them, and its text, likewise."""
    print_blocks(answer_blocks(task, outputs, program), console)


def print_blocks(blocks: Sequence[Block], console: Console, indent: int = 0) -> None:
    """Print blocks, as many side by side as the console has room for; likewise."""
    for row in draw_blocks(blocks, console, indent):
        console.print(row)
        console.print()


def draw_blocks(blocks: Sequence[Block], console: Console, indent: int = 0) -> list[RenderableType]:
    """What `print_blocks` prints, line by line."""
    # With 16 colors red and orange would be the same.
    has_colors = console.color_system in ("256", "truecolor") and not console.no_color
    color = has_colors and not console.options.ascii_only
    # Small grids are drawn larger: a pair of 10 x 10 still takes half of 100 columns.
    scale = 2 if longest_side(blocks) <= 10 else 1
    drawn = [_terminal_block(block, scale, color, console) for block in blocks]
    widths = [_columns(block, console) for block in drawn]
    rows: list[RenderableType] = []
    for line in flow(widths, _TERMINAL_GAP, console.width - indent):
        row = Table.grid(padding=(0, _TERMINAL_GAP, 0, 0))
        row.add_row(*(drawn[k] for k in line))
        rows.append(Padding(row, (0, 0, 0, indent)) if indent else row)
    return rows


def _terminal_block(block: Block, scale: int, color: bool, console: Console) -> RenderableType:
    """The pieces in one line, or under each other when the console is too narrow for that."""
    pieces: list[RenderableType] = []
    for piece in block.pieces:
        if isinstance(piece, Code):
            pieces.append(Text(piece.text))
        elif isinstance(piece, Panel):
            grid = Text("?") if piece.grid is None else _cells_to_text(piece.grid, scale, color)
            pieces.append(Group(grid, Text(piece.caption, style=_CAPTION_STYLES[piece.is_right])))
        else:
            pieces.append(Text("\n->"))
    line = Table.grid(padding=(0, 1))
    parts: list[RenderableType] = []
    for k, drawn in enumerate(pieces):
        if k and not color and _would_join(block.pieces[k - 1], block.pieces[k], scale):
            parts.append(Text(" " * scale))
        parts.append(drawn)
    line.add_row(*parts)
    fits = _columns(line, console) <= console.width
    body = line if fits else Group(*pieces)
    return Group(Text(block.label, style="bold"), body) if block.label else body


def _would_join(left: Piece, right: Piece, scale: int) -> bool:
    """Whether two grids of digits would read as one, with a single space between them."""
    if not isinstance(left, Panel) or not isinstance(right, Panel) or left.grid is None:
        return False
    return left.grid.shape[1] * scale > len(left.caption)


def _columns(drawn: RenderableType, console: Console) -> int:
    """The width it takes when nothing limits it."""
    return Measurement.get(console, console.options.update(width=10_000), drawn).maximum


# ---- Pictures ----


def task_to_picture(
    task: Task,
    outputs: Sequence[Grid | None] | None = None,
    title: str | None = None,
    program: str = "",
) -> Picture:
    """Return the picture of a task, the program text below it.

    Args:
        outputs: as in `task_blocks`.
        title: None names the task.
    """
    rows = [task_blocks(task, outputs)]
    if program:
        rows.append([Block([Code(program)], "program")])
    return Picture(rows, f"Task {task.task_id}" if title is None else title)


def task_to_svg(
    task: Task,
    outputs: Sequence[Grid | None] | None = None,
    title: str | None = None,
    program: str = "",
) -> str:
    """Return the SVG text of a task's picture; arguments as in `task_to_picture`."""
    return picture_to_svg(task_to_picture(task, outputs, title, program))


def check_picture_path(path: Path) -> None:
    """Raise ValueError unless `save` knows the suffix and the folder exists."""
    if path.suffix.lower() not in (".svg", ".png"):
        raise ValueError(f"{path}: suffix {path.suffix!r}; a picture is saved as .svg or .png")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")


def save(path: str | Path, picture: Picture, scale: int = 2) -> None:
    """Write a picture, complete or not at all; the suffix .svg or .png decides the format.

    Args:
        scale: pixels along the side of a unit, PNG only.
    Raises:
        ValueError: another suffix, or the folder does not exist.
        OSError: the file cannot be written.
    """
    path = Path(path)
    check_picture_path(path)
    is_svg = path.suffix.lower() == ".svg"
    content = picture_to_svg(picture).encode() if is_svg else picture_to_png(picture, scale)
    with whole_file(path) as file:
        file.write(content)
