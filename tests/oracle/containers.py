"""Tuples and frozensets of anything (language.md 6.3)."""

from .machine import collect, primitive
from .ordering import scan_max, scan_min
from .sets import FrozenSet, contains, count, equals, is_among, like


@primitive
def contained(value, container):
    return contains(container, value)


@primitive
def combine(a, b):
    return like(a, (item for part in (a, b) for item in part))


@primitive
def merge(containers):
    return like(containers, (item for container in containers for item in container))


@primitive
def intersection(a, b):
    return a & b


@primitive
def difference(a, b):
    return like(a, (item for item in a if not contains(b, item)))


@primitive
def dedupe(tup):
    if isinstance(tup, FrozenSet) and len(tup) > 0:
        raise AttributeError("a frozenset finds no positions")
    kept = []
    for item in tup:
        if not is_among(item, kept):
            kept.append(item)
    return tuple(kept)


@primitive
def repeat(item, num):
    return collect(item for _ in range(num))


@primitive
def size(container):
    return len(container)


@primitive
def maximum(container):
    return scan_max(container, default=0)


@primitive
def minimum(container):
    return scan_min(container, default=0)


def count_in(container):
    """The key by which the commonest is chosen: how often an item occurs."""
    if not isinstance(container, tuple):
        raise AttributeError("only a tuple counts its items")
    return lambda item: count(container, item)


@primitive
def mostcommon(container):
    return scan_max(FrozenSet.of(container), key=count_in(container))


@primitive
def leastcommon(container):
    return scan_min(FrozenSet.of(container), key=count_in(container))


@primitive
def initset(value):
    return FrozenSet.literal((value,))


@primitive
def totuple(container):
    return container if isinstance(container, tuple) else collect(container)


@primitive
def first(container):
    return next(iter(container))


@primitive
def last(container):
    items = collect(container)
    if not items:
        raise ValueError("there is no last item")
    return items[-1]


@primitive
def insert(value, container):
    if not isinstance(container, FrozenSet):
        raise AttributeError("only a frozenset has a union")
    return container.union(FrozenSet.literal((value,)))


@primitive
def remove(value, container):
    return like(container, (item for item in container if not equals(item, value)))


@primitive
def other(container, value):
    return first(remove(value, container))


@primitive
def interval(start, stop, step):
    numbers = range(start, stop, step)
    len(numbers)  # an OverflowError where the length needs more than 63 bits
    return collect(int(number) for number in numbers)


@primitive
def product(a, b):
    return FrozenSet.of((i, j) for j in b for i in a)


@primitive
def pair(a, b):
    return collect(zip(a, b, strict=False))


@primitive
def sizefilter(container, n):
    return FrozenSet.of(item for item in container if equals(len(item), n))
