"""Grids and demonstrations as the text that a policy reads, in the paper's sparse form.

A grid is `RxC background=b c=i,j i,j ... c=...`: R rows, C columns, the most frequent color b, and
for every other color c the places (row,column) that hold it. Where the original's order follows
Python sets, colors ascend here and places go row by row; of equally frequent colors the smallest
is b.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Grid = npt.NDArray[np.uint8]

SEPARATOR = "|"
"""Stands between the grids of two demonstrations."""

_NUM_COLORS = 10
_GRID = re.compile(r"(\d+)x(\d+) background=(\d)((?: \d=\d+,\d+(?: \d+,\d+)*)*)")


def grid_to_text(grid: Grid) -> str:
    """One grid in sparse form.

    Args:
        grid: uint8 [H, W], colors 0 to 9.
    """
    background = int(np.bincount(grid.ravel(), minlength=_NUM_COLORS).argmax())
    parts = [f"{grid.shape[0]}x{grid.shape[1]} background={background}"]
    for color in range(_NUM_COLORS):
        if color == background:
            continue
        places = np.argwhere(grid == color)
        if len(places):
            parts.append(f"{color}=" + " ".join(f"{i},{j}" for i, j in places.tolist()))
    return " ".join(parts)


def text_to_grid(text: str) -> Grid:
    """The grid that a sparse text stands for.

    Raises:
        ValueError: the text is no grid in sparse form.
    """
    match = _GRID.fullmatch(text)
    if match is None:
        raise ValueError(f"no grid in sparse form: {text[:60]!r}")
    height, width, background = (int(match[k]) for k in (1, 2, 3))
    grid = np.full((height, width), background, dtype=np.uint8)
    color = background
    for part in match[4].split():
        if "=" in part:
            name, part = part.split("=")
            color = int(name)
        i, j = (int(n) for n in part.split(","))
        if i >= height or j >= width:
            raise ValueError(f"place {i},{j} lies outside a grid of {height}x{width}")
        grid[i, j] = color
    return grid


def grids_to_text(grids: Sequence[Grid]) -> str:
    """Several grids, those of all demonstrations, in one text."""
    return SEPARATOR.join(map(grid_to_text, grids))
