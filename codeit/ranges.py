"""The checks of numbers and arrays that come from outside."""

from __future__ import annotations

import decimal
import difflib
import functools
import math
import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_INT = (1 << 31) - 1
"""The most that an int among the settings may be, where no less is said."""
MAX_SEED = (1 << 63) - 1
"""The most that a seed may be."""
MAX_IDS = (1 << 16) - 1
"""The most token ids that the replay buffer takes of one prompt, or of one program."""
_MOST_DIGITS = 100


def is_integer(value: object) -> bool:
    """Whether a value is an integer of Python or NumPy: a truth value is none, nor is a time."""
    is_other = isinstance(value, bool | np.timedelta64)
    return isinstance(value, int | np.integer) and not is_other


def shown(value: object) -> str:
    """A value of any type as an error message shows it: short, on one line."""
    return " ".join(reprlib.repr(value).split())


def nearest_name(name: str, names: Iterable[str]) -> str:
    """A hint at the known name that an unknown one may mean, or nothing: `; did you mean ...?`."""
    return _nearest_name(name, tuple(names))


@functools.lru_cache(maxsize=1000)  # a file of many programs may have the same wrong name in each
def _nearest_name(name: str, names: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def listed(name: str, values: Iterable[Any]) -> list[Any]:
    """The items of an argument that stands for several.

    Raises:
        TypeError: it has none.
    """
    try:
        items = iter(values)
    except TypeError:
        raise TypeError(f"{name} is {shown(values)}; allowed: lists and other iterables") from None
    return list(items)


def integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """The value as an int.

    Raises:
        ValueError: it is no integer, or out of range.
    """
    if is_integer(value) and least <= value and (most is None or value <= most):
        return int(value)
    allowed = f"{least} or more" if most is None else f"{least} to {most}"
    if not is_integer(value):
        raise ValueError(f"{name} is {shown(value)}; allowed: integers, {allowed}")
    raise ValueError(f"{name} is {shown(int(value))}; allowed: {allowed}")


def integer_of(text: str) -> int | None:
    """A whole number, also one that is written as 1e6 or 1_000_000."""
    try:
        number = decimal.Decimal(text.replace("_", ""))
    except decimal.InvalidOperation:
        return None
    is_small = number.is_finite() and number.adjusted() < _MOST_DIGITS
    is_whole = is_small and number == number.to_integral_value()
    return int(number) if is_whole else None


def integers(
    name: str, values: npt.ArrayLike, dtype: type[np.integer], ndim: int = 1
) -> npt.NDArray[Any]:
    """The values as a C-contiguous array of `dtype`, which can hold every one of them.

    Raises:
        ValueError: they are no integers, one of them is out of range, or they have not so many
            dimensions.
    """
    if type(values) is np.ndarray and values.dtype == dtype and values.ndim == ndim:
        return np.ascontiguousarray(values)
    array = plain_array(name, values)
    if array.ndim != ndim:
        raise ValueError(f"{name} has {array.ndim} dimensions; expected {ndim}")
    if array.dtype != dtype and array.size > 0:
        if array.dtype.kind not in "iu":
            raise ValueError(f"{name} is of {array.dtype}; allowed: integers")
        if not np.can_cast(array.dtype, dtype):
            limits = np.iinfo(dtype)
            check_elements(name, array, limits.min, limits.max)
    return np.ascontiguousarray(array, dtype)


def reals(name: str, values: npt.ArrayLike, most: float = math.inf) -> npt.NDArray[np.float64]:
    """The values as float64, all of them from 0 to `most` and finite.

    Raises:
        ValueError: one of them is not, or they are no numbers.
    """
    array = plain_array(name, values)
    if array.dtype.kind not in "iuf" and array.size > 0:
        raise ValueError(f"{name} is of {array.dtype}; allowed: numbers")
    array = array.astype(np.float64)
    check_elements(name, array, 0, most)
    return array


def check_elements(name: str, array: npt.NDArray[Any], least: float, most: float) -> None:
    """Raise ValueError unless all elements of an array of numbers are in range, and finite."""
    is_right = (array >= least) & (array <= most)
    if array.dtype.kind == "f":
        is_right &= np.isfinite(array)
    if not is_right.all():
        at = np.argwhere(~is_right)[0].tolist()
        value = array[tuple(at)]
        allowed = f"{least} to {most:g}" if isinstance(most, float) else f"{least} to {most}"
        if math.isinf(most):
            allowed = f"finite, {least} or more"
        where = f"[{', '.join(map(str, at))}]" if at else ""
        raise ValueError(f"{name}{where} is {value}; allowed: {allowed}")


def plain_array(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """The values as an array of which every element counts.

    Raises:
        ValueError: they are none, or some of them are masked.
    """
    if _has_mask(values):
        raise ValueError(f"{name} is a masked array; allowed: arrays without a mask")
    try:
        return np.asarray(values)
    except MemoryError:
        raise
    except Exception as error:  # whatever a foreign type raises, too
        what = "its rows have different lengths" if "inhomogeneous" in str(error) else error
        raise ValueError(f"{name} is no array of numbers: {what}") from None


def _has_mask(values: object, depth: int = 3) -> bool:
    """Whether an array, or one among the parts of a list, is masked; NumPy would warn of a cell."""
    if not isinstance(values, list | tuple):
        return isinstance(values, np.ma.MaskedArray)
    kinds = set(map(type, values))  # few, where the values are many
    if any(issubclass(kind, np.ma.MaskedArray) for kind in kinds):
        return True
    is_nested = depth > 1 and any(issubclass(kind, list | tuple) for kind in kinds)
    return is_nested and any(_has_mask(part, depth - 1) for part in values)
