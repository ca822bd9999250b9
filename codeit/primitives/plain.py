"""Functions that Python runs, slowly: what they are given and return, and how long they may run."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

from codeit._native.foreign import ForeignFunction
from codeit._native.lang import NUM_COLORS
from codeit.primitives.signature import Signature, numbers_of_row

MAX_LINES = 100_000
"""So many lines of Python a call may run."""


class TooManySteps(BaseException):
    """A call has run MAX_LINES lines. No Exception, which functions catch."""


def plain_function(function: Callable[..., Any], signature: Signature) -> ForeignFunction:
    """What the machine calls for a function of Python."""
    return ForeignFunction(
        0,
        _PlainCall(function, signature),
        signature.takes,
        signature.returns,
        signature.sides,
        signature.scratch,
        TooManySteps,
    )


class _PlainCall:
    def __init__(self, function: Callable[..., Any], signature: Signature) -> None:
        self._function = function
        self._signature = signature

    def __call__(self, *arguments: Any) -> Any:
        signature = self._signature
        more: list[npt.NDArray[Any]] = []
        if signature.has_out:
            more.append(_room(signature))
        if signature.scratch:
            more.append(np.zeros(signature.scratch, np.int32))
        result = _with_counted_lines(self._function, (*arguments, *more))
        if signature.has_out:
            result = _used(more[0], result, signature.returns)
        return _checked(result, signature.returns)


def _room(signature: Signature) -> npt.NDArray[Any]:
    if signature.returns == "Grid":
        return np.zeros(signature.sides, np.int8)
    return np.zeros((signature.sides[0], numbers_of_row(signature.returns)), np.int32)


def _used(room: npt.NDArray[Any], result: Any, returns: str) -> npt.NDArray[Any]:
    """The part of the array that the function says it has written."""
    if returns == "Grid":
        height, width = (operator.index(side) for side in result)
        if not (1 <= height <= room.shape[0] and 1 <= width <= room.shape[1]):
            raise ValueError(f"a grid of {height} x {width} is returned; at most {room.shape}")
        return room[:height, :width]
    count = operator.index(result)
    if not 0 <= count <= len(room):
        raise ValueError(f"{count} elements are returned; allowed are 0 to {len(room)}")
    return room[:count]


def _checked(result: Any, returns: str) -> Any:
    """The result as the native side takes it.

    Raises:
        ValueError, TypeError: it is no value of the type.
    """
    if returns == "Boolean":
        if not isinstance(result, bool | np.bool_):
            raise TypeError(f"{type(result).__name__} is returned for a Boolean")
        return bool(result)
    if returns == "Integer":
        return operator.index(result)
    if returns == "IntegerTuple":
        i, j = result
        return operator.index(i), operator.index(j)
    if isinstance(result, set | frozenset):  # whose order is no part of it
        result = sorted(result)
    array = np.asarray(result)
    if returns == "Grid":
        is_right = array.ndim == 2 and array.size > 0
        kind: type[np.signedinteger[Any]] = np.int8
    else:
        width = numbers_of_row(returns)
        if array.size == 0:
            array = np.zeros((0, width), np.int32)
        is_right = array.ndim == 2 and array.shape[1] == width
        kind = np.int32
    if not is_right or array.dtype.kind not in "iub":
        raise TypeError(f"{array.dtype} {list(array.shape)} is returned for a {returns}")
    least, most = (0, NUM_COLORS - 1) if returns == "Grid" else (-(2**31), 2**31 - 1)
    if array.size and not (least <= int(array.min()) and int(array.max()) <= most):
        raise ValueError(f"a number of the {returns} lies outside of {least} to {most}")
    return np.ascontiguousarray(array, kind)


def _with_counted_lines(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    left = MAX_LINES

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left < 0:
                raise TooManySteps
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        return function(*arguments)
    finally:
        sys.settrace(before)
