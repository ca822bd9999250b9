"""Grids: what one is, and the one check of what is said to be one.

A grid that was checked is uint8 [H, W], C-contiguous and read-only, with colors 0 to 9. Messages
count rows and columns from 1, as a reader of a file does.
"""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from codeit._native import lang
from codeit.ranges import plain_array, shown

Grid: TypeAlias = npt.NDArray[np.uint8]

MAX_SIDE = lang.MAX_GRID_SIDE
"""Rows and columns of a grid at most; csrc/lang/sizes.h says why."""
NUM_COLORS = lang.NUM_COLORS


def check_grid(value: Any, where: str, max_side: int = MAX_SIDE) -> Grid:
    """Return the value as a valid grid, or say what is wrong with it.

    Args:
        value: a list (or tuple) of rows of integers, or what NumPy makes a 2-D integer array of.
        where: what the grid is; the error message starts with it.
        max_side: rows and columns at most; programs run on larger grids than a task's.
    Returns:
        uint8 [H, W], C-contiguous, read-only; the same array when it is that already.
    Raises:
        ValueError: not a grid; the message names the row and column, the value and what is allowed.
    """
    array = _to_array(value, where, max_side)
    if array is None:
        raise ValueError(f"{where}: {_fault(value, where, max_side)}")
    flags = array.flags
    # A read-only view is not enough: whoever holds its base could still write.
    is_private = flags.owndata and flags.c_contiguous and not flags.writeable
    if array.dtype == np.uint8 and is_private:
        return array
    array = array.astype(np.uint8, order="C")
    array.setflags(write=False)
    return array


def bytes_of(grid: Grid) -> bytes:
    """Rows, columns, cells: its sides say where it ends among other bytes."""
    return bytes(grid.shape) + grid.tobytes()


def digest_of(data: bytes) -> str:
    """32 hexadecimal digits, the same on every machine."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def grid_digest(grid: Grid) -> str:
    """32 hexadecimal digits that are equal for equal grids only."""
    return digest_of(bytes_of(grid))


def size_of(grid: npt.NDArray[Any] | None) -> str:
    """Its sides as a reader writes them: `3x4`."""
    return "hidden" if grid is None else "x".join(map(str, grid.shape))


def _to_array(value: Any, where: str, max_side: int) -> npt.NDArray[Any] | None:
    """The value as an integer array that satisfies every rule of a grid, or None.

    Looks at cells only through built-in loops: this is on the path of every grid of a data set.
    """
    if _is_nested(value):
        if not 1 <= len(value) <= max_side or not all(isinstance(r, list | tuple) for r in value):
            return None
        if not all(map(_is_integer, set(map(type, chain.from_iterable(value))))):
            return None
        if len(set(map(len, value))) != 1:
            return None
        array = np.array(value)
    else:
        array = plain_array(where, value)
    if array.dtype.kind not in "iu" or array.ndim != 2:
        return None
    if not (1 <= array.shape[0] <= max_side and 1 <= array.shape[1] <= max_side):
        return None
    if array.min() < 0 or array.max() >= NUM_COLORS:
        return None
    return array


def _fault(value: Any, where: str, max_side: int) -> str:
    """What makes the value no grid, found cell by cell: only for values `_to_array` refused."""
    sides = f"1 to {max_side}"
    if not _is_nested(value):
        array = plain_array(where, value)
        if array.ndim == 0:
            return f"{shown(value)}; a grid is a list of rows"
        if array.dtype.kind not in "iu" or array.ndim != 2:
            return f"{array.ndim}-D array of {array.dtype}; a grid is a 2-D array of integers"
        if not (1 <= array.shape[0] <= max_side and 1 <= array.shape[1] <= max_side):
            return f"{size_of(array)} array; a grid has {sides} rows and {sides} columns"
        value = array.tolist()
    if not 1 <= len(value) <= max_side:
        return f"{len(value)} rows; a grid has {sides}"
    for i, row in enumerate(value, 1):
        if not isinstance(row, list | tuple):
            return f"row {i} is {shown(row)}; a row is a list of colors"
        if not 1 <= len(row) <= max_side:
            return f"row {i} has {len(row)} columns; a grid has {sides}"
        if len(row) != len(value[0]):
            return f"row {i} has {len(row)} columns, row 1 has {len(value[0])}; all are equal"
        for j, cell in enumerate(row, 1):
            if not _is_integer(type(cell)) or not 0 <= cell < NUM_COLORS:
                return f"color {shown(cell)} at row {i}, column {j}; colors are integers 0 to 9"
    raise AssertionError("the grid is valid")


def _is_nested(value: Any) -> bool:
    """Whether it is a list of what is no array: NumPy is asked what any other value is."""
    return isinstance(value, list | tuple) and not any(hasattr(row, "__array__") for row in value)


def _is_integer(kind: type) -> bool:
    return issubclass(kind, int | np.integer) and not issubclass(kind, bool | np.timedelta64)
