"""What several groups ask of grids and patches (language.md 5.5 and 5.6)."""

from .containers import first
from .machine import plus
from .sets import FrozenSet


def extent(grid):
    """EXT: the number of rows, and the length of the first one."""
    return len(grid), len(grid[0])


def is_inside(i, j, height, width):
    return 0 <= i < height and 0 <= j < width


def has_cells(patch):
    """CELLED: whether the first element is a cell, (color, place), and not a place."""
    return isinstance(first(patch)[1], tuple)


def places_of(patch):
    """IDX: the places of the cells, or the patch itself where it has places already."""
    if len(patch) == 0:
        return FrozenSet()
    if has_cells(patch):
        return FrozenSet.of(place for _, place in patch)
    return patch


def moved(patch, move):
    """The patch with every place (i, j) put at move(i, j)."""
    if has_cells(patch):
        return FrozenSet.of((value, move(i, j)) for value, (i, j) in patch)
    return FrozenSet.of(move(i, j) for i, j in patch)


def shifted(patch, directions):
    if len(patch) == 0:
        return patch
    di, dj = directions
    return moved(patch, lambda i, j: (plus(i, di), plus(j, dj)))
