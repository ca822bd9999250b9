"""Values of the language as values of Python, and back.

Where the machine and tests exchange values, they have a canonical form that keeps the order of
sets (`Result.value_json`). Python's own, for people:

    language                        Python
    Integer, Boolean, None          int, bool, None
    Grid, tuple                     tuple, of a grid a tuple of rows
    Patch, object, set              frozenset, of cells (i, j) or of (color, (i, j))
    function                        Function

Lists and arrays are taken for tuples, sets for frozensets, the name of a primitive for the function
and the name of a constant for its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

from codeit.language import CONSTANTS, current
from codeit.ranges import is_integer, nearest_name, plain_array, shown

_TAKEN = "ints, bools, None, tuples, lists, sets, arrays of ints, functions and names"


@dataclass(frozen=True)
class Function:
    """A function as a value: a primitive, or what one returns for some arguments.

    Examples:
        >>> import codeit
        >>> codeit.call("apply", codeit.call("lbind", "add", 3), (1, 2))
        (4, 5)

    Attributes:
        name: of the primitive.
        arguments: what it was called with, where the value is what it returned; else None.
    """

    name: str
    arguments: tuple[Any, ...] | None = None


Argument: TypeAlias = (
    int | bool | str | Function | Sequence[Any] | AbstractSet[Any] | npt.NDArray[Any] | None
)
"""What `codeit.call` takes."""


def to_canonical(value: Any, where: str) -> Any:
    """The canonical form of a value of Python.

    Args:
        where: what the value is; messages begin with it.
    Raises:
        ValueError: it stands for no value of the language.
    """
    try:
        return _canonical(value, where)
    except RecursionError:
        raise ValueError(f"{where} is nested too deeply") from None


def _canonical(value: Any, where: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if is_integer(value):
        return int(value)
    if isinstance(value, tuple | list):
        return ["t", *(_canonical(item, where) for item in value)]
    if isinstance(value, AbstractSet):
        return ["s", *(_canonical(item, where) for item in value)]
    if isinstance(value, str):
        return _named(value, where)
    if isinstance(value, Function):
        if value.arguments is None:
            return {"fn": value.name}
        return {"fn": [value.name, *(_canonical(item, where) for item in value.arguments)]}
    if hasattr(value, "__array__"):
        array = plain_array(where, value)
        if array.dtype.kind not in "biu":
            raise ValueError(f"{where} is of {array.dtype}; allowed: integers")
        return _canonical(array.tolist(), where)
    raise ValueError(f"{where} is {shown(value)}; allowed: {_TAKEN}")


def _named(name: str, where: str) -> Any:
    if name in current().primitives:
        return {"fn": name}
    if name in CONSTANTS:
        return _canonical(CONSTANTS[name].value, where)
    near = nearest_name(name, current().names)
    raise ValueError(f"{where}: there is no primitive or constant {shown(name)}{near}")


def to_python(value: Any) -> Any:
    """The value of Python that a canonical form stands for.

    Raises:
        ValueError: it holds a function, of which the canonical form says no more.
    """
    if isinstance(value, list):
        items = map(to_python, value[1:])
        return tuple(items) if value[0] == "t" else frozenset(items)
    if value == "fn":
        raise ValueError("the value holds a function, which no value of Python stands for")
    return value
