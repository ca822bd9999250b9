"""Programs, single calls, and the canonical form of values."""

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import (  # noqa: F401  each enters its primitives
    arithmetic,
    closures,
    color,
    containers,
    grid_geometry,
    higher_order,
    lines,
    objects,
    painting,
    patch_measure,
    patches,
)
from .machine import PRIMITIVES, BigInteger, Function, OutOfBudget, machine
from .sets import FrozenSet

MAX_STEPS = 20_000_000
LIMITS = ("OutOfBudget", "BigInteger", "RecursionError", "MemoryError")
"""Ends that are those of the oracle, and may come sooner or later elsewhere."""

_ENDS = (
    OutOfBudget,
    BigInteger,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NameError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)
_MAX_FRAMES = 12_000  # of Python; MAX_DEPTH calls need at most ten each

CONSTANTS = {
    "F": False,
    "T": True,
    "ZERO": 0,
    "ONE": 1,
    "TWO": 2,
    "THREE": 3,
    "FOUR": 4,
    "FIVE": 5,
    "SIX": 6,
    "SEVEN": 7,
    "EIGHT": 8,
    "NINE": 9,
    "TEN": 10,
    "NEG_ONE": -1,
    "NEG_TWO": -2,
    "DOWN": (1, 0),
    "RIGHT": (0, 1),
    "UP": (-1, 0),
    "LEFT": (0, -1),
    "ORIGIN": (0, 0),
    "UNITY": (1, 1),
    "NEG_UNITY": (-1, -1),
    "UP_RIGHT": (-1, 1),
    "DOWN_LEFT": (1, -1),
    "ZERO_BY_TWO": (0, 2),
    "TWO_BY_ZERO": (2, 0),
    "TWO_BY_TWO": (2, 2),
    "THREE_BY_THREE": (3, 3),
}


@dataclass(frozen=True)
class Evaluation:
    """How an evaluation ended.

    Attributes:
        value: what was returned, in canonical form; None where there is an exception.
        exception: the name of the exception's class, or None.
        has_ordered_functions, has_ordered_none: whether the order of a set was used that hangs on
            the addresses of functions or of None. Where functions have been ordered, the end is
            one of several that CPython may come to.
    """

    value: Any
    exception: str | None
    has_ordered_functions: bool
    has_ordered_none: bool

    @property
    def is_limit(self):
        """Whether the exception is one of LIMITS."""
        return self.exception in LIMITS


def evaluate(text, grid, dialect="codeit", max_steps=MAX_STEPS):
    """Run a program.

    Args:
        text: lines `name = function(argument, ...)`, the last of which binds O.
        grid: rows of ints.
        dialect: `codeit` or `arc-dsl`.
        max_steps: how many steps it may take (see machine.py).
    Returns:
        An Evaluation.
    """
    rows = tuple(tuple(int(cell) for cell in row) for row in grid)
    return _ended(lambda: _run(text, rows), dialect, max_steps)


def evaluate_call(name, arguments, dialect="codeit", max_steps=MAX_STEPS):
    """Call one primitive on arguments in canonical form, in which `["s", ...]` is built item by
    item, `{"fn": name}` is a primitive and `{"fn": [name, argument, ...]}` what a call returns."""
    return _ended(lambda: PRIMITIVES[name](*map(from_canonical, arguments)), dialect, max_steps)


def _run(text, grid):
    memory = {**PRIMITIVES, **CONSTANTS, "I": grid}

    def value_of(name):
        if name not in memory:
            raise NameError(name)
        return memory[name]

    for line in text.split("\n"):
        name, call = line.strip().split(" = ")
        function, arguments = call.removesuffix(")").split("(")
        memory[name] = value_of(function)(*map(value_of, arguments.split(", ")))
    return memory["O"]


def _ended(action, dialect, max_steps):
    machine.start(dialect, max_steps)
    value = exception = None
    with _deep_stack():
        try:
            value = to_canonical(action())
        except _ENDS as error:
            exception = type(error).__name__
    return Evaluation(value, exception, machine.has_ordered_functions, machine.has_ordered_none)


@contextmanager
def _deep_stack():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _MAX_FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def to_canonical(value):
    """A value as lists: ["t", ...] for a tuple, ["s", ...] for a frozenset in its order.

    Raises:
        BigInteger: an int needs more than 64 bits.
    """
    machine.charge()
    if isinstance(value, Function):
        return "fn"
    if isinstance(value, tuple | FrozenSet):
        made = ["t" if isinstance(value, tuple) else "s"]
        for item in value:
            made.append(to_canonical(item))
        return made
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise BigInteger
    return value


def from_canonical(form):
    """The value that a canonical form stands for."""
    if isinstance(form, dict):
        function = form["fn"]
        if isinstance(function, str):
            return PRIMITIVES[function]
        name, *arguments = function
        return PRIMITIVES[name](*map(from_canonical, arguments))
    if isinstance(form, list):
        items = [from_canonical(item) for item in form[1:]]
        return tuple(items) if form[0] == "t" else FrozenSet.of(items)
    return form
