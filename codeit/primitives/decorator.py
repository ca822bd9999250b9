"""`codeit.primitive`: makes a function a primitive of the language."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from codeit._native.foreign import ForeignFunction
from codeit.language import STANDARD, NewPrimitive, add_own, own_primitives
from codeit.primitives.compiled import NotCompiledError, compiled_function
from codeit.primitives.plain import plain_function
from codeit.primitives.signature import Signature, has_buffer, read_signature
from codeit.primitives.trial import try_out
from codeit.ranges import shown

_Function = TypeVar("_Function", bound=Callable[..., Any])


class PrimitiveWarning(UserWarning):
    """A primitive of one's own is not what its author may think: slow, or failing."""


GROUP = "own"
"""Of the primitives of one's own."""


def primitive(
    signature: str,
    *,
    name: str | None = None,
    compiled: bool | None = None,
    max_sides: tuple[int, int] = (30, 30),
    max_elements: int = 900,
    scratch: int = 0,
    replace: bool = False,
) -> Callable[[_Function], _Function]:
    """Make a function a primitive of the language of this process (docs/primitives.md).

    Arguments come as ints, bools, pairs of ints, and arrays that must not be written to: int8
    [H, W], the cells of a Grid; int32 [N, 2] of rows (i, j), the places of Indices or a Patch;
    int32 [N, 3] of rows (color, i, j), the cells of an Object. Behind them comes, for a Grid,
    Object or Indices as the result, an array of zeros of the same kind, as large as the result may
    be; the function writes to it, and returns (height, width), or how many rows it has written.
    Its first calls are tried out in a process of their own.

    Examples:
        >>> import codeit
        >>> @codeit.primitive("Grid, Integer -> Grid")
        ... def raised(grid, by, out):
        ...     height, width = grid.shape
        ...     for i in range(height):
        ...         for j in range(width):
        ...             out[i, j] = (grid[i, j] + by) % 10
        ...     return height, width
        >>> codeit.run(codeit.Program.parse("O = raised(I, TWO)"), [[1, 2, 9]]).grid.tolist()
        [[3, 4, 1]]
        >>> codeit.dsl.remove_own("raised")

    Args:
        signature: types, such as "Grid, Integer -> Grid".
        name: of the primitive; that of the function when omitted. Its summary is the first line
            of the function's docstring.
        compiled: False has Python run the function, which takes long and may return arrays of its
            own; True refuses one that Numba cannot compile; None compiles it where that is
            possible, and says so otherwise, by a PrimitiveWarning.
        max_sides: rows and columns of a grid that it returns, at most.
        max_elements: of a set that it returns, at most.
        scratch: how many ints of scratch room it needs, all zero: an array int32 [scratch], its
            last parameter.
        replace: takes the place of the primitive of one's own of the same name, if there is one.
    Returns:
        What makes a function a primitive and returns it as it is.
    Raises:
        ValueError: the signature, the name or the function is none that a primitive can have, or
            the trial went wrong. In one line.
    """

    def register(function: _Function) -> _Function:
        if not callable(function):
            raise ValueError(f"{shown(function)} is no function")
        own_name = getattr(function, "__name__", "") if name is None else name
        if not isinstance(own_name, str):
            raise ValueError(f"name is {shown(own_name)}; a text is needed")
        if own_name in own_primitives() and not replace:
            raise ValueError(
                f"{own_name!r} is a primitive of one's own already; replace=True puts another in "
                "its place"
            )
        read = read_signature(signature, function, own_name, scratch, max_sides, max_elements)
        STANDARD.extended([_row(own_name, function, read, None, like=_LIKE[len(read.takes)])])
        made = _row(own_name, function, read, _foreign(function, own_name, read, compiled))
        if failure := try_out(made):
            warnings.warn(f"{own_name}: {failure}", PrimitiveWarning, stacklevel=2)
        add_own(made)
        return function

    if not isinstance(signature, str):
        raise ValueError(
            f"the signature is {shown(signature)}; it is used as "
            "@codeit.primitive('Grid, Integer -> Grid')"
        )
    return register


_LIKE = {p.arity: p.name for p in STANDARD.primitives.values()}


def _row(
    name: str,
    function: Callable[..., Any],
    signature: Signature,
    foreign: ForeignFunction | None,
    like: str = "",
) -> NewPrimitive:
    summary = (function.__doc__ or "").strip().split("\n")[0].strip()
    return NewPrimitive(
        name=name,
        parameters=tuple(zip(signature.takes, signature.names, strict=True)),
        returns=signature.returns,
        like=like,
        group=GROUP,
        summary=summary,
        foreign=foreign,
    )


def _foreign(
    function: Callable[..., Any],
    name: str,
    signature: Signature,
    compiled: bool | None,
) -> ForeignFunction:
    if compiled is False:
        return plain_function(function, signature)
    try:
        if has_buffer(signature.returns) and not signature.has_out:
            raise NotCompiledError("it has no parameter for the array of its result")
        return compiled_function(function, signature)
    except NotCompiledError as error:
        if compiled:
            raise ValueError(f"{name}: it cannot be compiled: {error}") from None
        message = f"{name}: Python runs it, slowly: {error}"
        warnings.warn(message, PrimitiveWarning, stacklevel=4)
        return plain_function(function, signature)
