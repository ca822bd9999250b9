"""What an evaluation may use, what it has noted on its way, and the functions of the language."""

import itertools

MAX_DEPTH = 997
"""Calls inside calls; CPython 3.11 builds power(f, n) up to this n (language.md 2.4)."""


class OutOfBudget(Exception):
    """The evaluation has used up its steps."""


class BigInteger(Exception):
    """An integer needs more than 64 bits."""


class Machine:
    """The state of the evaluation that is under way; there is one at a time.

    Attributes:
        is_arc_dsl: whether the dialect is `arc-dsl`.
        steps_left: what remains of the budget; a step is a call, an item made, hashed or compared.
        depth: how many calls are open.
        has_ordered_functions, has_ordered_none: whether a set has been iterated whose order hangs
            on the addresses of functions or of None.
    """

    def __init__(self):
        self.start("codeit", 0)

    def start(self, dialect, max_steps):
        if dialect not in ("codeit", "arc-dsl"):
            raise ValueError(f"dialect {dialect!r}: allowed are 'codeit' and 'arc-dsl'")
        self.is_arc_dsl = dialect == "arc-dsl"
        self.steps_left = max_steps
        self.depth = 0
        self.has_ordered_functions = False
        self.has_ordered_none = False

    def charge(self, steps=1):
        self.steps_left -= steps
        if self.steps_left < 0:
            raise OutOfBudget


machine = Machine()


class Function:
    """A primitive or a closure. Two functions are equal only when they are the same object."""

    _numbers = itertools.count()

    def __init__(self, name, arity, body):
        self.name = name
        self.arity = arity
        self.number = next(Function._numbers)
        self._body = body

    def __call__(self, *arguments):
        if len(arguments) != self.arity:
            raise TypeError(f"{self.name} takes {self.arity} arguments")
        machine.charge()
        if machine.depth == MAX_DEPTH:
            raise RecursionError
        machine.depth += 1
        try:
            return self._body(*arguments)
        finally:
            machine.depth -= 1

    def __repr__(self):
        return self.name


PRIMITIVES = {}


def primitive(body):
    """Enter a definition into PRIMITIVES; what stands for it from then on is a Function."""
    name = body.__name__
    PRIMITIVES[name] = Function(name, body.__code__.co_argcount, body)
    return PRIMITIVES[name]


def collect(stream):
    """A tuple of the items of a stream, each of which costs a step."""
    items = []
    for item in stream:
        machine.charge()
        items.append(item)
    return tuple(items)


# ---- Operators (language.md 3.4). Wrong operands meet Python's own TypeError. Integers are
# Python's, of any size: only the end of an evaluation has to be in 64 bits.


def plus(a, b):
    if isinstance(a, tuple) and isinstance(b, tuple):
        machine.charge(len(a) + len(b))
    return a + b


def times(a, b):
    for items, count in ((a, b), (b, a)):
        if isinstance(items, tuple) and isinstance(count, int):
            machine.charge(len(items) * max(0, count))
    if isinstance(a, int) and isinstance(b, int):
        machine.charge((a.bit_length() + b.bit_length()) // 64)
    return a * b


def floor_divide(a, b):
    return a // b


def minus(a, b):
    return a - b


def negated(a):
    return -a


def absolute(a):
    return abs(a)
