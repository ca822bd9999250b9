"""Arithmetic, comparison of numbers and truth (language.md 3.4, 3.7 and 6.1)."""

from .machine import floor_divide, minus, negated, plus, primitive, times
from .ordering import less
from .sets import equals


def _binary(operator, a, b):
    """An operator on two integers, or component by component on pairs."""
    if isinstance(a, int) and isinstance(b, int):
        return operator(a, b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return operator(a[0], b[0]), operator(a[1], b[1])
    if isinstance(a, int) and isinstance(b, tuple):
        return operator(a, b[0]), operator(a, b[1])
    return operator(a[0], b), operator(a[1], b)


def _unary(operator, n):
    if isinstance(n, int):
        return operator(n)
    return operator(n[0]), operator(n[1])


def _away_from_zero(n):
    if equals(n, 0):
        return 0
    return plus(n, 1) if less(0, n) else minus(n, 1)


def _sign(n):
    if equals(n, 0):
        return 0
    return 1 if less(0, n) else -1


@primitive
def add(a, b):
    return _binary(plus, a, b)


@primitive
def subtract(a, b):
    return _binary(minus, a, b)


@primitive
def multiply(a, b):
    return _binary(times, a, b)


@primitive
def divide(a, b):
    return _binary(floor_divide, a, b)


@primitive
def invert(n):
    return _unary(negated, n)


@primitive
def double(n):
    return _unary(lambda part: times(part, 2), n)


@primitive
def halve(n):
    return _unary(lambda part: floor_divide(part, 2), n)


@primitive
def increment(x):
    return _unary(lambda part: plus(part, 1), x)


@primitive
def decrement(x):
    return _unary(lambda part: minus(part, 1), x)


@primitive
def crement(x):
    return _unary(_away_from_zero, x)


@primitive
def sign(x):
    return _unary(_sign, x)


@primitive
def even(n):
    return n % 2 == 0


@primitive
def positive(x):
    return less(0, x)


@primitive
def greater(a, b):
    return less(b, a)


@primitive
def equality(a, b):
    return equals(a, b)


@primitive
def flip(b):
    return not b


@primitive
def both(a, b):
    return a and b


@primitive
def either(a, b):
    return a or b


@primitive
def toivec(i):
    return i, 0


@primitive
def tojvec(j):
    return 0, j


@primitive
def astuple(a, b):
    return a, b
