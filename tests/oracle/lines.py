"""Lines, frontiers and neighbors (language.md 6.8)."""

from .grid_geometry import dmirror, uniform
from .machine import minus, plus, primitive, times
from .ordering import scan_max, scan_min
from .places import extent
from .sets import FrozenSet, equals


@primitive
def connect(a, b):
    ai, aj = a
    bi, bj = b
    si, ei = scan_min((ai, bi)), plus(scan_max((ai, bi)), 1)
    sj, ej = scan_min((aj, bj)), plus(scan_max((aj, bj)), 1)
    if equals(ai, bi):
        return FrozenSet.of((ai, j) for j in range(sj, ej))
    if equals(aj, bj):
        return FrozenSet.of((i, aj) for i in range(si, ei))
    if equals(minus(bi, ai), minus(bj, aj)):
        return FrozenSet.of(zip(range(si, ei), range(sj, ej), strict=True))
    if equals(minus(bi, ai), minus(aj, bj)):
        return FrozenSet.of(zip(range(si, ei), range(ej - 1, sj - 1, -1), strict=True))
    return FrozenSet()


@primitive
def shoot(start, direction):
    end = (
        plus(start[0], times(42, direction[0])),
        plus(start[1], times(42, direction[1])),
    )
    return connect(start, end)


@primitive
def vfrontier(location):
    return FrozenSet.of((i, location[1]) for i in range(30))


@primitive
def hfrontier(location):
    return FrozenSet.of((location[0], j) for j in range(30))


@primitive
def frontiers(grid):
    height, width = extent(grid)
    rows = uniform(grid)
    columns = uniform(dmirror(grid))
    horizontal = FrozenSet.literal(
        FrozenSet.literal((grid[i][j], (i, j)) for j in range(width)) for i in rows
    )
    vertical = FrozenSet.literal(
        FrozenSet.literal((grid[i][j], (i, j)) for i in range(height)) for j in columns
    )
    return horizontal.union(vertical)


@primitive
def dneighbors(loc):
    return FrozenSet.literal(
        (
            (minus(loc[0], 1), loc[1]),
            (plus(loc[0], 1), loc[1]),
            (loc[0], minus(loc[1], 1)),
            (loc[0], plus(loc[1], 1)),
        )
    )


@primitive
def ineighbors(loc):
    return FrozenSet.literal(
        (
            (minus(loc[0], 1), minus(loc[1], 1)),
            (minus(loc[0], 1), plus(loc[1], 1)),
            (plus(loc[0], 1), minus(loc[1], 1)),
            (plus(loc[0], 1), plus(loc[1], 1)),
        )
    )


@primitive
def neighbors(loc):
    return dneighbors(loc).union(ineighbors(loc))
