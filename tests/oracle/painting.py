"""Grids with some cells changed (language.md 6.11)."""

from .color import mostcolor
from .machine import collect, primitive
from .places import extent, is_inside, places_of, shifted
from .sets import equals


def _copy(grid):
    """The rows as lists."""
    return [list(collect(row)) for row in grid]


def _freeze(rows):
    return collect(tuple(row) for row in rows)


@primitive
def fill(grid, value, patch):
    height, width = extent(grid)
    rows = _copy(grid)
    for i, j in places_of(patch):
        if is_inside(i, j, height, width):
            rows[i][j] = value
    return _freeze(rows)


@primitive
def paint(grid, obj):
    height, width = extent(grid)
    rows = _copy(grid)
    for value, (i, j) in obj:
        if is_inside(i, j, height, width):
            rows[i][j] = value
    return _freeze(rows)


@primitive
def underfill(grid, value, patch):
    height, width = extent(grid)
    background = mostcolor(grid)
    rows = _copy(grid)
    for i, j in places_of(patch):
        if is_inside(i, j, height, width) and equals(rows[i][j], background):
            rows[i][j] = value
    return _freeze(rows)


@primitive
def underpaint(grid, obj):
    height, width = extent(grid)
    background = mostcolor(grid)
    rows = _copy(grid)
    for value, (i, j) in obj:
        if is_inside(i, j, height, width) and equals(rows[i][j], background):
            rows[i][j] = value
    return _freeze(rows)


@primitive
def cover(grid, patch):
    return fill(grid, mostcolor(grid), places_of(patch))


@primitive
def move(grid, obj, offset):
    return paint(cover(grid, obj), shifted(obj, offset))
