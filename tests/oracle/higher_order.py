"""Primitives that call a function on the items of a container (language.md 6.4).

A StopIteration of the called function leaves a generator as a RuntimeError (language.md 5.2), so
what streams in CPython streams here.
"""

from .containers import merge
from .machine import collect, primitive
from .ordering import scan_max, scan_min, sort
from .sets import FrozenSet, like


@primitive
def order(container, compfunc):
    return sort(container, compfunc)


@primitive
def valmax(container, compfunc):
    return compfunc(scan_max(container, key=compfunc, default=0))


@primitive
def valmin(container, compfunc):
    return compfunc(scan_min(container, key=compfunc, default=0))


@primitive
def argmax(container, compfunc):
    return scan_max(container, key=compfunc)


@primitive
def argmin(container, compfunc):
    return scan_min(container, key=compfunc)


@primitive
def sfilter(container, condition):
    return like(container, (item for item in container if condition(item)))


@primitive
def mfilter(container, function):
    return merge(sfilter(container, function))


@primitive
def extract(container, condition):
    return next(item for item in container if condition(item))


@primitive
def apply(function, container):
    return like(container, (function(item) for item in container))


@primitive
def rapply(functions, value):
    return like(functions, (function(value) for function in functions))


@primitive
def mapply(function, container):
    return merge(apply(function, container))


@primitive
def papply(function, a, b):
    return collect(function(i, j) for i, j in zip(a, b, strict=False))


@primitive
def mpapply(function, a, b):
    return merge(papply(function, a, b))


@primitive
def prapply(function, a, b):
    return FrozenSet.of(function(i, j) for j in b for i in a)
