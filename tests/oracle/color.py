"""Colors of grids and patches (language.md 5.7 and 6.5)."""

from .containers import first
from .machine import collect, primitive
from .ordering import scan_max, scan_min
from .places import extent, is_inside, places_of
from .sets import FrozenSet, count, equals


def colors(element):
    """FLAT: the colors of a grid row by row, or of the cells of a patch."""
    if isinstance(element, tuple):
        return collect(value for row in element for value in row)
    return collect(value for value, _ in element)


@primitive
def mostcolor(element):
    values = colors(element)
    return scan_max(FrozenSet.of(values), key=lambda value: count(values, value))


@primitive
def leastcolor(element):
    values = colors(element)
    return scan_min(FrozenSet.of(values), key=lambda value: count(values, value))


@primitive
def colorcount(element, value):
    if isinstance(element, tuple):
        total = 0
        for row in element:
            if not isinstance(row, tuple):
                raise AttributeError("only a tuple counts its items")
            total += count(row, value)
        return total
    return sum(equals(color, value) for color, _ in element)


@primitive
def palette(element):
    return FrozenSet.literal(colors(element))


@primitive
def numcolors(element):
    return len(palette(element))


@primitive
def color(obj):
    return first(obj)[0]


@primitive
def colorfilter(objs, value):
    return FrozenSet.of(obj for obj in objs if equals(first(obj)[0], value))


@primitive
def ofcolor(grid, value):
    return FrozenSet.of(
        (i, j) for i, row in enumerate(grid) for j, item in enumerate(row) if equals(item, value)
    )


@primitive
def recolor(value, patch):
    return FrozenSet.of((value, place) for place in places_of(patch))


@primitive
def index(grid, loc):
    i, j = loc
    if not is_inside(i, j, *extent(grid)):
        return None
    return grid[loc[0]][loc[1]]


@primitive
def replace(grid, replacee, replacer):
    return collect(
        collect(replacer if equals(item, replacee) else item for item in row) for row in grid
    )


@primitive
def switch(grid, a, b):
    def switched(item):
        if equals(item, b):
            return a
        return b if equals(item, a) else item

    return collect(collect(switched(item) for item in row) for row in grid)
