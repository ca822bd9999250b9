"""Patches made of grids and of other patches (language.md 5.6 and 6.7)."""

from .machine import machine, minus, plus, primitive
from .ordering import scan_max, scan_min
from .patch_measure import (
    leftmost,
    llcorner,
    lowermost,
    lrcorner,
    normalized,
    rightmost,
    ulcorner,
    uppermost,
    urcorner,
)
from .places import extent, is_inside, places_of, shifted
from .sets import FrozenSet


@primitive
def toindices(patch):
    return places_of(patch)


@primitive
def asindices(grid):
    return FrozenSet.of((i, j) for i in range(len(grid)) for j in range(len(grid[0])))


@primitive
def toobject(patch, grid):
    height, width = extent(grid)
    return FrozenSet.of(
        (grid[i][j], (i, j)) for i, j in places_of(patch) if is_inside(i, j, height, width)
    )


@primitive
def asobject(grid):
    return FrozenSet.of(
        (value, (i, j)) for i, row in enumerate(grid) for j, value in enumerate(row)
    )


@primitive
def shift(patch, directions):
    return shifted(patch, directions)


@primitive
def normalize(patch):
    return normalized(patch)


@primitive
def corners(patch):
    return FrozenSet.literal(corner(patch) for corner in (ulcorner, urcorner, llcorner, lrcorner))


@primitive
def backdrop(patch):
    if machine.is_arc_dsl and len(patch) == 0:
        return FrozenSet()
    si, sj = ulcorner(places_of(patch))
    ei, ej = lrcorner(patch)
    return FrozenSet.of((i, j) for i in range(si, plus(ei, 1)) for j in range(sj, plus(ej, 1)))


@primitive
def delta(patch):
    if machine.is_arc_dsl and len(patch) == 0:
        return FrozenSet()
    return backdrop(patch) - places_of(patch)


def _ring(ai, aj, bi, bj):
    """RING: the outline of the rectangle with these two corners."""
    si, ei = scan_min((ai, bi)), scan_max((ai, bi))
    sj, ej = scan_min((aj, bj)), scan_max((aj, bj))
    rows = range(si, plus(ei, 1))
    columns = range(sj, plus(ej, 1))
    left = FrozenSet.of((i, sj) for i in rows)
    vertical = left.union(FrozenSet.of((i, ej) for i in rows))
    top = FrozenSet.of((si, j) for j in columns)
    horizontal = top.union(FrozenSet.of((ei, j) for j in columns))
    return vertical.union(horizontal).copy()


@primitive
def inbox(patch):
    return _ring(
        plus(uppermost(patch), 1),
        plus(leftmost(patch), 1),
        minus(lowermost(patch), 1),
        minus(rightmost(patch), 1),
    )


@primitive
def outbox(patch):
    return _ring(
        minus(uppermost(patch), 1),
        minus(leftmost(patch), 1),
        plus(lowermost(patch), 1),
        plus(rightmost(patch), 1),
    )


@primitive
def box(patch):
    if machine.is_arc_dsl and len(patch) == 0:
        return patch
    ai, aj = ulcorner(patch)
    bi, bj = lrcorner(patch)
    return _ring(ai, aj, bi, bj)
