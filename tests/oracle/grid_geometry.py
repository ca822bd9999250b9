"""Turning, mirroring, cutting, joining and scaling of grids (language.md 6.10)."""

from .machine import collect, floor_divide, machine, minus, negated, plus, primitive, times
from .patch_measure import lrcorner, shape, ulcorner
from .places import extent, moved, shifted
from .sets import FrozenSet, equals


def transposed(rows):
    """Columns as rows, as far as the shortest row goes."""
    return collect(zip(*rows, strict=False))


@primitive
def rot90(grid):
    return transposed(grid[::-1])


@primitive
def rot180(grid):
    return collect(row[::-1] for row in grid[::-1])


@primitive
def rot270(grid):
    return transposed(grid[:])[::-1]  # the slice refuses a frozenset


@primitive
def hmirror(piece):
    if isinstance(piece, tuple):
        return piece[::-1]
    total = plus(ulcorner(piece)[0], lrcorner(piece)[0])
    return moved(piece, lambda i, j: (minus(total, i), j))


@primitive
def vmirror(piece):
    if isinstance(piece, tuple):
        return collect(row[::-1] for row in piece)
    total = plus(ulcorner(piece)[1], lrcorner(piece)[1])
    return moved(piece, lambda i, j: (i, minus(total, j)))


@primitive
def dmirror(piece):
    if isinstance(piece, tuple):
        return transposed(piece)
    a, b = ulcorner(piece)
    return moved(piece, lambda i, j: (plus(minus(j, b), a), plus(minus(i, a), b)))


@primitive
def cmirror(piece):
    if isinstance(piece, tuple):
        return transposed(row[::-1] for row in piece[::-1])
    return vmirror(dmirror(vmirror(piece)))


@primitive
def hupscale(grid, factor):
    return collect(collect(item for item in row for _ in range(factor)) for row in grid)


@primitive
def vupscale(grid, factor):
    rows = collect(row for row in grid for _ in range(factor))
    machine.charge(
        sum(len(row) for row in rows if isinstance(row, tuple))
    )  # as if none were shared
    return rows


@primitive
def upscale(element, factor):
    if isinstance(element, tuple):
        return vupscale(hupscale(element, factor), factor)
    if len(element) == 0:
        return FrozenSet()
    ui, uj = ulcorner(element)
    scaled = FrozenSet.literal(
        (value, (plus(times(i, factor), a), plus(times(j, factor), b)))
        for value, (i, j) in shifted(element, (negated(ui), negated(uj)))
        for a in range(factor)
        for b in range(factor)
    )
    return shifted(scaled, (ui, uj))


@primitive
def downscale(grid, factor):
    height, width = extent(grid)
    rows = collect(
        collect(grid[i][j] for j in range(width) if j % factor == 0) for i in range(height)
    )
    return collect(row for i, row in enumerate(rows) if i % factor == 0)


@primitive
def hconcat(a, b):
    return collect(plus(i, j) for i, j in zip(a, b, strict=False))


@primitive
def vconcat(a, b):
    return plus(a, b)


@primitive
def crop(grid, start, dims):
    rows = grid[start[0] : plus(start[0], dims[0])]
    return collect(row[start[1] : plus(start[1], dims[1])] for row in rows)


@primitive
def hsplit(grid, n):
    height = len(grid)
    width = floor_divide(len(grid[0]), n)
    step = width + (len(grid[0]) % n != 0)
    return collect(crop(grid, (0, step * i), (height, width)) for i in range(n))


@primitive
def vsplit(grid, n):
    height = floor_divide(len(grid), n)
    width = len(grid[0])
    step = height + (len(grid) % n != 0)
    return collect(crop(grid, (step * i, 0), (height, width)) for i in range(n))


@primitive
def subgrid(patch, grid):
    return crop(grid, ulcorner(patch), shape(patch))


@primitive
def trim(grid):
    return collect(row[1:-1] for row in grid[1:-1])


@primitive
def tophalf(grid):
    return grid[: len(grid) // 2]


@primitive
def bottomhalf(grid):
    return grid[len(grid) // 2 + len(grid) % 2 :]


@primitive
def lefthalf(grid):
    return rot270(tophalf(rot90(grid)))


@primitive
def righthalf(grid):
    return rot270(bottomhalf(rot90(grid)))


@primitive
def canvas(value, dimensions):
    if not machine.is_arc_dsl and not times(dimensions[0], dimensions[1]) <= 1000:
        return None
    return collect(collect(value for _ in range(dimensions[1])) for _ in range(dimensions[0]))


@primitive
def cellwise(a, b, fallback):
    height, width = extent(a)

    def cell(i, j):
        value = a[i][j]
        return value if equals(value, b[i][j]) else fallback

    return collect(collect(cell(i, j) for j in range(width)) for i in range(height))


def uniform(rows):
    """The numbers of the rows that hold exactly one value."""
    return collect(i for i, row in enumerate(rows) if len(FrozenSet.of(row)) == 1)


@primitive
def compress(grid):
    rows = uniform(grid)
    columns = uniform(dmirror(grid))
    return collect(
        collect(item for j, item in enumerate(row) if j not in columns)
        for i, row in enumerate(grid)
        if i not in rows
    )
