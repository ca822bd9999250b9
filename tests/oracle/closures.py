"""Functions that are chosen, and functions that are made of functions (language.md 3.12 and 6.2).

What a closure is made of is looked at only when the closure is called, by Python's own call.
"""

from .machine import Function, minus, primitive
from .sets import equals


@primitive
def identity(x):
    return x


@primitive
def branch(condition, a, b):
    return a if condition else b


@primitive
def compose(outer, inner):
    return Function("compose", 1, lambda x: outer(inner(x)))


@primitive
def chain(h, g, f):
    return Function("chain", 1, lambda x: h(g(f(x))))


@primitive
def matcher(function, target):
    return Function("matcher", 1, lambda x: equals(function(x), target))


def _arity(function):
    if not isinstance(function, Function):
        raise AttributeError("only a function has an arity")
    return function.arity


@primitive
def rbind(function, fixed):
    arity = _arity(function)
    if arity == 2:
        return Function("rbind", 1, lambda x: function(x, fixed))
    if arity == 3:
        return Function("rbind", 2, lambda x, y: function(x, y, fixed))
    return Function("rbind", 3, lambda x, y, z: function(x, y, z, fixed))


@primitive
def lbind(function, fixed):
    arity = _arity(function)
    if arity == 2:
        return Function("lbind", 1, lambda y: function(fixed, y))
    if arity == 3:
        return Function("lbind", 2, lambda y, z: function(fixed, y, z))
    return Function("lbind", 3, lambda y, z, a: function(fixed, y, z, a))


@primitive
def power(function, n):
    if equals(n, 1):
        return function
    return compose(function, power(function, minus(n, 1)))


@primitive
def fork(outer, a, b):
    return Function("fork", 1, lambda x: outer(a(x), b(x)))
