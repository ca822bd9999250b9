"""Extent, corners, centers and relations of patches (language.md 6.6)."""

from .machine import absolute, floor_divide, machine, minus, negated, plus, primitive, times
from .ordering import less, scan_max, scan_min
from .places import places_of, shifted
from .sets import FrozenSet, equals


@primitive
def uppermost(patch):
    return scan_min(i for i, j in places_of(patch))


@primitive
def lowermost(patch):
    return scan_max(i for i, j in places_of(patch))


@primitive
def leftmost(patch):
    return scan_min(j for i, j in places_of(patch))


@primitive
def rightmost(patch):
    return scan_max(j for i, j in places_of(patch))


def normalized(patch):
    """The patch moved to the upper left; an empty one has no place in the dialect `codeit`."""
    if machine.is_arc_dsl and len(patch) == 0:
        return patch
    return shifted(patch, (negated(uppermost(patch)), negated(leftmost(patch))))


@primitive
def height(piece):
    if len(piece) == 0:
        return 0
    if isinstance(piece, tuple):
        return len(piece)
    return plus(minus(lowermost(piece), uppermost(piece)), 1)


@primitive
def width(piece):
    if len(piece) == 0:
        return 0
    if isinstance(piece, tuple):
        return len(piece[0])
    return plus(minus(rightmost(piece), leftmost(piece)), 1)


@primitive
def shape(piece):
    return height(piece), width(piece)


@primitive
def portrait(piece):
    tall, wide = height(piece), width(piece)
    return less(wide, tall)


@primitive
def square(piece):
    if isinstance(piece, tuple):
        return len(piece) == len(piece[0])
    area = times(height(piece), width(piece))
    return area == len(piece) and height(piece) == width(piece)


@primitive
def vline(patch):
    return height(patch) == len(patch) and width(patch) == 1


@primitive
def hline(patch):
    return width(patch) == len(patch) and height(patch) == 1


def _columns(patch):
    """COLS: what the places of a patch have at position 0, at position 1, ..."""
    return zip(*places_of(patch), strict=False)


def _of_two(patch, of_rows, of_columns):
    """One function for the column of rows, one for that of columns; a third has none."""
    functions = {0: of_rows, 1: of_columns}
    return tuple(functions[k](column) for k, column in enumerate(_columns(patch)))


@primitive
def ulcorner(patch):
    return tuple(scan_min(column) for column in _columns(patch))


@primitive
def urcorner(patch):
    return _of_two(patch, scan_min, scan_max)


@primitive
def llcorner(patch):
    return _of_two(patch, scan_max, scan_min)


@primitive
def lrcorner(patch):
    return tuple(scan_max(column) for column in _columns(patch))


@primitive
def center(patch):
    return (
        plus(uppermost(patch), floor_divide(height(patch), 2)),
        plus(leftmost(patch), floor_divide(width(patch), 2)),
    )


def _sum(column):
    total = 0
    for coordinate in column:
        total = plus(total, coordinate)
    return total


@primitive
def centerofmass(patch):
    return tuple(floor_divide(_sum(column), len(patch)) for column in _columns(patch))


@primitive
def position(a, b):
    ai, aj = center(places_of(a))
    bi, bj = center(places_of(b))
    i = 1 if less(ai, bi) else -1
    j = 1 if less(aj, bj) else -1
    if equals(ai, bi):
        return 0, j
    if equals(aj, bj):
        return i, 0
    return i, j


def _distances(a, b):
    places_b = None
    for ai, aj in places_of(a):
        if places_b is None:
            places_b = places_of(b)  # not looked at where a is empty
        for bi, bj in places_b:
            yield plus(absolute(minus(ai, bi)), absolute(minus(aj, bj)))


@primitive
def manhattan(a, b):
    return scan_min(_distances(a, b))


@primitive
def adjacent(a, b):
    return manhattan(a, b) == 1


@primitive
def bordering(patch, grid):
    return (
        equals(uppermost(patch), 0)
        or equals(leftmost(patch), 0)
        or equals(lowermost(patch), len(grid) - 1)
        or equals(rightmost(patch), len(grid[0]) - 1)
    )


@primitive
def hmatching(a, b):
    rows_a = FrozenSet.of(i for i, j in places_of(a))
    rows_b = FrozenSet.of(i for i, j in places_of(b))
    return len(rows_a & rows_b) > 0


@primitive
def vmatching(a, b):
    columns_a = FrozenSet.of(j for i, j in places_of(a))
    columns_b = FrozenSet.of(j for i, j in places_of(b))
    return len(columns_a & columns_b) > 0


@primitive
def gravitate(source, destination):
    si, sj = center(source)
    di, dj = center(destination)
    if vmatching(source, destination):
        step = (1 if less(si, di) else -1, 0)
    else:
        step = (0, 1 if less(sj, dj) else -1)
    num_steps = 0
    while num_steps < 42 and not adjacent(source, destination):
        source = shifted(source, step)
        num_steps += 1
    return num_steps * step[0], num_steps * step[1]


def _period(obj, length, offset, coordinate):
    """The smallest shift towards 0 after which every cell that stays is a cell of the object."""
    patch = normalized(obj)
    extent = length(patch)
    for period in range(1, extent):
        cells = shifted(patch, offset(period))
        staying = FrozenSet.of((value, (i, j)) for value, (i, j) in cells if coordinate(i, j) >= 0)
        if staying.is_subset(patch):
            return period
    return extent


@primitive
def hperiod(obj):
    return _period(obj, width, lambda period: (0, -period), lambda i, j: j)


@primitive
def vperiod(obj):
    return _period(obj, height, lambda period: (-period, 0), lambda i, j: i)
