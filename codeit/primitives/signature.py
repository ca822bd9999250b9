"""What a primitive of one's own takes and returns, and whether a function is one for that."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from codeit._native import foreign
from codeit._native.lang import MAX_ARITY
from codeit.ranges import integer, shown

GIVEN, RETURNED = foreign.given_types()
"""The types that a parameter may have, and those that a result may have."""

_SETS = {"Indices": 2, "Patch": 2, "Object": 3}


def numbers_of_row(type_: str) -> int:
    """How many numbers the row of an element has, for the types of sets; 0 for others."""
    return _SETS.get(type_, 0)


def has_buffer(type_: str) -> bool:
    """Whether a result of the type is written into an array."""
    return type_ == "Grid" or type_ in _SETS


@dataclass(frozen=True)
class Signature:
    """What a primitive takes and returns.

    Attributes:
        takes: the types of the arguments.
        returns: the type of the result.
        names: of the parameters of the function, as many as there are types.
        has_out: whether the function writes its result into an array that it is given.
        scratch: how many numbers of scratch room it is given, in an array behind that; 0: none.
        sides: of the largest result: rows and columns of a grid; elements, 1 of a set.
    """

    takes: tuple[str, ...]
    returns: str
    names: tuple[str, ...]
    has_out: bool
    scratch: int
    sides: tuple[int, int]

    def __str__(self) -> str:
        return f"{', '.join(self.takes)} -> {self.returns}"


def read_signature(
    text: object,
    function: Callable[..., Any],
    name: str,
    scratch: object,
    max_sides: object,
    max_elements: object,
) -> Signature:
    """The signature that a text such as "Grid, Integer -> Grid" is for a function.

    Raises:
        ValueError: it is none, or the function has other parameters; in one line.
    """
    takes, returns = _types(text, name)
    room = integer("scratch", scratch, 0, foreign.MAX_SIZE)
    names = _parameters(function, name)
    own = len(names) - (room > 0)
    buffer = has_buffer(returns)
    allowed = [len(takes), len(takes) + 1] if buffer else [len(takes)]
    if own not in allowed:
        most = " or ".join(
            f"{count + (room > 0)}{' with the array for its result' * (count > len(takes))}"
            for count in allowed
        )
        with_scratch = ", the scratch room among them" if room else ""
        raise ValueError(
            f"{name}: the function has {len(names)} parameters; '{text}' needs {most}{with_scratch}"
        )
    if returns in _SETS:
        sides = (integer("max_elements", max_elements, 1, foreign.MAX_SIZE), 1)
    else:
        if not isinstance(max_sides, tuple) or len(max_sides) != 2:
            raise ValueError(f"max_sides is {shown(max_sides)}; allowed: (rows, columns)")
        sides = (
            integer("max_sides[0]", max_sides[0], 1, foreign.MAX_SIDE),
            integer("max_sides[1]", max_sides[1], 1, foreign.MAX_SIDE),
        )
    return Signature(takes, returns, names[: len(takes)], own > len(takes), room, sides)


def _types(text: object, name: str) -> tuple[tuple[str, ...], str]:
    if not isinstance(text, str) or text.count("->") != 1:
        raise ValueError(
            f"{name}: the signature is {shown(text)}; allowed is one like 'Grid, Integer -> Grid'"
        )
    before, after = text.split("->")
    takes, returns = tuple(word.strip() for word in before.split(",")), after.strip()
    if takes == ("",) or len(takes) > MAX_ARITY:
        count = 0 if takes == ("",) else len(takes)
        raise ValueError(f"{name}: '{text}' takes {count} arguments; allowed are 1 to {MAX_ARITY}")
    for type_ in takes:
        if type_ not in GIVEN:
            raise ValueError(f"{name}: it takes {type_!r}; allowed are {', '.join(GIVEN)}")
    if returns not in RETURNED:
        raise ValueError(f"{name}: it returns {returns!r}; allowed are {', '.join(RETURNED)}")
    return takes, returns


def _parameters(function: Callable[..., Any], name: str) -> tuple[str, ...]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise ValueError(f"{name}: {shown(function)} is no function with parameters") from None
    for p in parameters:
        if p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) or p.default is not p.empty:
            raise ValueError(
                f"{name}: parameter {p.name!r} of the function has a default, a star or is only "
                "a keyword; allowed are plain ones"
            )
    return tuple(p.name for p in parameters)
