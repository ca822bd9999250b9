"""Functions that Numba compiles: a C callback over the interface of csrc/primitives/foreign_abi.h.

Numba is loaded when a function is compiled, not before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from codeit._native.foreign import ForeignFunction
from codeit.primitives.counted import counted
from codeit.primitives.plain import TooManySteps
from codeit.primitives.signature import Signature, numbers_of_row

# Of the words of a codeit_call, all of 64 bits: an argument has five, numbers[2], height, width and
# data; behind four of them stand the result, the steps, and the scratch room.
_WORDS_OF_VALUE = 5
_RESULT, _STEPS, _SCRATCH_SIZE, _SCRATCH, _NUM_WORDS = 20, 25, 26, 27, 28
_FAILED = 16  # CODEIT_PRIMITIVE_ERROR


class NotCompiledError(ValueError):
    """Numba is not there, or cannot compile the function; says why in a line."""


def compiled_function(function: Callable[..., Any], signature: Signature) -> ForeignFunction:
    """What the machine calls for a function that is compiled. It looks at every index: to leave
    that out saves nothing on grids of ARC, whose rows are short (benchmarks/bench_own.py).

    Raises:
        NotCompiledError: it cannot be compiled.
    """
    numba = _numba()
    try:
        callback = _callback(numba, function, signature)
    except NotCompiledError:
        raise
    except Exception as error:  # Numba has many classes, and hands on those of others
        raise NotCompiledError(_why(error)) from None
    return ForeignFunction(
        callback.address,
        callback,
        signature.takes,
        signature.returns,
        signature.sides,
        signature.scratch,
        TooManySteps,
    )


def _numba() -> Any:
    try:
        import numba
    except Exception as error:  # also where it does not go with NumPy
        reason = " ".join(str(error).split())
        raise NotCompiledError(f"Numba is not to be had: {reason}") from None
    if numba.config.DISABLE_JIT:
        raise NotCompiledError("NUMBA_DISABLE_JIT is set")
    return numba


def _why(error: Exception) -> str:
    """What is wrong, from Numba's text of many lines."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    places = re.findall(r'^File ".*", line (\d+):|\((\d+)\)$', text, re.MULTILINE)
    line = next((number for pair in reversed(places) for number in pair if number), None)
    where = f"line {line}: " if line else ""
    call = text.split("There are")[0]
    if "readonly array" in call and re.search(
        r"Function\(<\S+ (?:function )?(setitem|i\w+)>", call
    ):
        return f"{where}it writes to an argument"
    used = re.search(r"No implementation of function Function\(<\S+ (?:function )?([\w.]+)", text)
    if "NRT required but not enabled" in text:
        return f"{where}it makes an array, for which a compiled primitive has no memory"
    if "Only accept returning of array" in text:
        return f"{where}it returns an array, for which a compiled primitive has no memory"
    if used:
        return f"{where}it uses {used[1]} in a way that needs memory, or that Numba does not know"
    lines = [part.strip() for part in text.split("\n")]
    said = [part for part in lines if part and not part.startswith(("Failed in", "During"))]
    return f"{where}{' '.join(said)[:200]}"


def _callback(numba: Any, function: Callable[..., Any], signature: Signature) -> Any:
    helpers = _helpers()
    try:
        source = counted(function, helpers["pay"], helpers["step"])
    except ValueError as error:
        raise NotCompiledError(str(error)) from None
    inner = numba.njit(boundscheck=True, _nrt=False)(source)
    inner.compile(_types(numba.types, signature))
    (compiled,) = inner.overloads.values()
    _check_result(numba, compiled.signature.return_type, signature)
    names = {**helpers, "function": inner}
    exec(compile(_entry(signature), "<entry of a primitive>", "exec"), names)
    types = numba.types
    return numba.cfunc(types.int32(types.intp, types.intp), _nrt=False)(names["entry"])


def _types(types: Any, signature: Signature) -> tuple[Any, ...]:
    """What the counted function takes."""

    def array(name: str, is_readonly: bool) -> Any:
        kind = types.int32 if numbers_of_row(name) else types.int8
        return types.Array(kind, 2, "C", readonly=is_readonly)

    plain = {
        "Boolean": types.boolean,
        "Integer": types.int64,
        "IntegerTuple": types.UniTuple(types.int64, 2),
    }
    found = [plain[name] if name in plain else array(name, True) for name in signature.takes]
    if signature.has_out:
        found.append(array(signature.returns, False))
    if signature.scratch:
        found.append(types.Array(types.int32, 1, "C"))
    return (*found, types.Array(types.int64, 1, "C"))


def _check_result(numba: Any, type_: Any, signature: Signature) -> None:
    types = numba.types

    def is_int(t: Any) -> bool:
        return isinstance(t, types.Integer)

    def is_pair(t: Any) -> bool:
        return isinstance(t, types.BaseTuple) and len(t) == 2 and all(map(is_int, t))

    needed = {
        "Boolean": ("a truth value", lambda t: isinstance(t, types.Boolean)),
        "Integer": ("an integer", is_int),
        "IntegerTuple": ("a pair of integers", is_pair),
        "Grid": ("the height and the width of what it has written", is_pair),
    }
    what, is_right = needed.get(signature.returns, ("how many elements it has written", is_int))
    if not is_right(types.unliteral(type_)):
        raise NotCompiledError(
            f"it returns {type_}; for {signature.returns} it has to return {what}"
        )


def _entry(signature: Signature) -> str:
    """The text of the callback, which unpacks the words of a call."""
    arguments = [_argument(type_, k * _WORDS_OF_VALUE) for k, type_ in enumerate(signature.takes)]
    if signature.has_out:
        arguments.append(_array(signature.returns, _RESULT, "new"))
    if signature.scratch:
        arguments.append(f"numbers(words[{_SCRATCH}], (words[{_SCRATCH_SIZE}],))")
    arguments.append(f"numbers64(address + {8 * _STEPS}, (1,))")
    results = {
        "IntegerTuple": (_RESULT, _RESULT + 1),
        "Grid": (_RESULT + 2, _RESULT + 3),
        "Boolean": (_RESULT,),
        "Integer": (_RESULT,),
    }.get(signature.returns, (_RESULT + 2,))
    targets = ", ".join(f"words[{k}]" for k in results)
    return "\n".join(
        [
            "def entry(address, context):",
            f"    words = numbers64(address, ({_NUM_WORDS},))",
            "    try:",
            f"        {targets} = function({', '.join(arguments)})",
            "    except Exception:",
            f"        return {_FAILED}",
            "    return 0",
        ]
    )


def _argument(type_: str, at: int) -> str:
    if type_ == "Boolean":
        return f"words[{at}] != 0"
    if type_ == "Integer":
        return f"words[{at}]"
    if type_ == "IntegerTuple":
        return f"(words[{at}], words[{at + 1}])"
    return _array(type_, at, "given")


def _array(type_: str, at: int, name: str) -> str:
    width = numbers_of_row(type_) or f"words[{at + 3}]"
    kind = "rows" if numbers_of_row(type_) else "cells"
    return f"{name}_{kind}(words[{at + 4}], (words[{at + 2}], {width}))"


@cache
def _helpers() -> dict[str, Any]:
    """What the callbacks are made of: arrays at addresses, and the charges of loops."""
    import numba
    from numba.core import cgutils
    from numba.extending import intrinsic
    from numba.np.arrayobj import make_array, populate_array

    types = numba.types

    def array_at(dtype: Any, ndim: int, is_readonly: bool = False) -> Any:
        array_type = types.Array(dtype, ndim, "C", readonly=is_readonly)

        @intrinsic
        def make(typing_context: Any, address: Any, shape: Any) -> Any:
            def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
                array = make_array(array_type)(context, builder)
                sides = cgutils.unpack_tuple(builder, arguments[1])
                size = context.get_abi_sizeof(context.get_data_type(dtype))
                item_size = context.get_constant(types.intp, size)
                strides: list[Any] = []
                stride = item_size
                for side in reversed(sides):
                    strides.insert(0, stride)
                    stride = builder.mul(stride, side)
                populate_array(
                    array,
                    data=builder.inttoptr(arguments[0], array.data.type),
                    shape=sides,
                    strides=strides,
                    itemsize=item_size,
                    meminfo=None,
                )
                return array._getvalue()

            return array_type(types.int64, types.UniTuple(types.int64, ndim)), generate

        return make

    @numba.njit(_nrt=False)
    def pay(some: Any, steps: Any) -> Any:
        if steps[0] < len(some):
            steps[0] = -1
            raise ValueError
        steps[0] -= len(some)
        return some

    @numba.njit(_nrt=False)
    def step(steps: Any) -> None:
        if steps[0] < 1:
            steps[0] = -1
            raise ValueError
        steps[0] -= 1

    return {
        "pay": pay,
        "step": step,
        "numbers64": array_at(types.int64, 1),
        "numbers": array_at(types.int32, 1),
        "given_cells": array_at(types.int8, 2, True),
        "given_rows": array_at(types.int32, 2, True),
        "new_cells": array_at(types.int8, 2),
        "new_rows": array_at(types.int32, 2),
    }
