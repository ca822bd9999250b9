"""Objects and patterns in grids (language.md 6.9)."""

from .color import mostcolor, palette
from .lines import dneighbors, neighbors
from .machine import plus, primitive
from .patch_measure import normalized, shape
from .patches import asindices
from .places import extent, is_inside, shifted
from .sets import FrozenSet, equals


@primitive
def objects(grid, univalued, diagonal, without_bg):
    background = mostcolor(grid) if without_bg else None
    height, width = extent(grid)
    neighbors_of = neighbors if diagonal else dneighbors
    found = FrozenSet()
    occupied = FrozenSet()

    def is_part(value, of_object):
        if univalued:
            return equals(of_object, value)
        return not equals(value, background)

    for place in asindices(grid):
        if occupied.has(place):
            continue
        value = grid[place[0]][place[1]]
        if equals(value, background):
            continue
        obj = FrozenSet.of([(value, place)])
        candidates = FrozenSet.of([place])
        while len(candidates) > 0:
            following = FrozenSet()
            for candidate in candidates:
                item = grid[candidate[0]][candidate[1]]
                if is_part(item, value):
                    obj.add((item, candidate))
                    occupied.add(candidate)
                    around = neighbors_of(candidate)
                    following.merge(
                        FrozenSet.of((i, j) for i, j in around if is_inside(i, j, height, width))
                    )
            candidates = following - occupied
        found.add(obj.copy())
    return found.copy()


def _cells_of(grid, value):
    """The cells of one color, row by row."""
    return FrozenSet.of(
        (item, (i, j))
        for i, row in enumerate(grid)
        for j, item in enumerate(row)
        if equals(item, value)
    )


@primitive
def partition(grid):
    return FrozenSet.of(_cells_of(grid, value) for value in palette(grid))


@primitive
def fgpartition(grid):
    values = palette(grid) - FrozenSet.of([mostcolor(grid)])
    return FrozenSet.of(_cells_of(grid, value) for value in values)


@primitive
def occurrences(grid, obj):
    patch = normalized(obj)
    height, width = extent(grid)
    obj_height, obj_width = shape(obj)

    def occurs_at(i, j):
        for value, (a, b) in shifted(patch, (i, j)):
            if not is_inside(a, b, height, width) or not equals(grid[a][b], value):
                return False
        return True

    return FrozenSet.literal(
        (i, j)
        for i in range(plus(height - obj_height, 1))
        for j in range(plus(width - obj_width, 1))
        if occurs_at(i, j)
    )
