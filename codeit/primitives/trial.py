"""The first calls of a primitive of one's own, in a process of their own that may hang or die."""

from __future__ import annotations

import faulthandler
import itertools
import json
import os
import select
import signal
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from codeit._native import vm
from codeit.language import STANDARD, NewPrimitive

SECONDS = 10.0
"""What all calls together may take; a call ends by its fuel long before, if it counts its steps."""
_NUM_CALLS = 24
_ENOUGH = 0.5
"""Seconds after which no further call is begun: Python takes long."""
_LIMITS = (2_000_000, 64 << 20, 100, 0, 1 << 20)
_MOST_VALUES = 10_000
_MOST_OF_ERROR = 200


def try_out(primitive: NewPrimitive) -> str:
    """Call a primitive on some arguments of its types.

    Returns:
        That every call failed, which few primitives mean to do, and how; empty where one did not.
    Raises:
        ValueError: it hung, died, wrote where it must not, or returned two results for the same
            arguments. In one line.
    """
    if not hasattr(os, "fork"):
        return ""
    calls = list(_calls([type_ for type_, _ in primitive.parameters]))
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # The child runs nothing but the calls, and ends; where it hangs, it is ended.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            faulthandler.disable()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(nowhere, stream)
            _try_all(primitive, calls, writer)
        finally:
            os._exit(0)
    os.close(writer)
    words, has_ended = _read(reader)
    os.close(reader)
    if not has_ended:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    lines = words.split("\n")
    if lines[-1] == "done":
        return next((line for line in lines if line.startswith("every ")), "")
    number = max(sum(line == "call" for line in lines) - 1, 0)
    arguments = ", ".join(_shown(value) for value in calls[number])
    said = next((line for line in lines if line.startswith("it ")), "")
    if not said and not has_ended:
        said = f"it did not end within {SECONDS:.0f} seconds"
    if not said and os.WIFSIGNALED(status):
        said = f"it ended the process by {signal.Signals(os.WTERMSIG(status)).name}"
    raise ValueError(
        f"{primitive.name}: {said or 'it ended the process'} in a trial, on {arguments}"
    )


def _try_all(primitive: NewPrimitive, calls: Sequence[Any], writer: int) -> None:
    """In the child: a line "call" before each, and what is wrong, or "done"."""
    one = _Call(primitive)
    end = time.monotonic() + _ENOUGH
    outcomes = set()
    error = None
    for values in calls:
        if time.monotonic() > end:
            break
        os.write(writer, b"call\n")
        first, second = one(values), one(values)
        outcomes.add(first[0])
        error = error or (primitive.foreign and primitive.foreign.last_error)
        said = ""
        if primitive.foreign is not None and primitive.foreign.is_broken:
            said = "it wrote outside of the array for its result or its scratch room"
        elif first != second:
            said = "it returned two different results"
        if said:
            os.write(writer, f"{said}\n".encode())
            return
    if 0 not in outcomes:
        why = error or " or ".join(vm.outcome_table()[outcome][0] for outcome in sorted(outcomes))
        why = " ".join(why.split())[:_MOST_OF_ERROR]
        os.write(writer, f"every call of it in a trial ended by {why}\n".encode("utf-8", "replace"))
    os.write(writer, b"done")


class _Call:
    def __init__(self, primitive: NewPrimitive) -> None:
        self._language = STANDARD.extended([primitive])
        self._opcode = self._language.primitives[primitive.name].opcode

    def __call__(self, values: Sequence[Any]) -> Any:
        code = [number for value in values for number in _encoded(value)]
        array = np.array([*code, 0], np.int64)
        outcome, _, _, texts = vm.call_and_print_one(
            False, self._opcode, array, len(values), _LIMITS, _MOST_VALUES, self._language
        )
        return outcome, texts


def _read(reader: int) -> tuple[str, bool]:
    """All that the child writes, and whether it came to an end."""
    words = b""
    end = time.monotonic() + SECONDS
    while (left := end - time.monotonic()) > 0:
        if not select.select([reader], [], [], left)[0]:
            break
        part = os.read(reader, 65536)
        if not part:
            return words.decode(), True
        words += part
    return words.decode(), False


# ---- Arguments

_GRIDS = (
    ((3, 1, 0), (0, 2, 0), (5, 5, 9)),
    ((7,),),
    tuple(tuple((i * j + i) % 10 for j in range(30)) for i in range(30)),
    ((1, 0, 2, 0, 3, 4, 4),),
    tuple((k % 10,) for k in range(30)),
    ((0, 0), (0, 0), (0, 0)),
)
_PLACES: Sequence[frozenset[tuple[int, int]]] = (
    frozenset({(0, 0), (0, 1), (2, 1)}),
    frozenset({(5, 7)}),
    frozenset(),
    frozenset((i, j) for i in range(30) for j in range(30)),
    frozenset({(-3, 4), (2_000_000_000, -2_000_000_000)}),
)
_CELLS = tuple(frozenset(((i + j) % 10, (i, j)) for i, j in some) for some in _PLACES)
_SAMPLES: dict[str, Sequence[Any]] = {
    "Boolean": (True, False),
    "Integer": (2, 0, 1, -1, 9, 30, 1 << 40, -(1 << 63)),
    "IntegerTuple": ((1, 2), (0, 0), (-1, 30), (2_147_483_647, -2_147_483_648)),
    "Grid": _GRIDS,
    "Object": _CELLS,
    "Indices": _PLACES,
    "Patch": tuple(itertools.chain(*zip(_PLACES, _CELLS, strict=True))),
}


def _calls(types: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Arguments for some calls: every sample once, each with others."""
    samples = [_SAMPLES[type_] for type_ in types]
    for k in range(_NUM_CALLS):
        yield tuple(some[(k + n * (k // len(some))) % len(some)] for n, some in enumerate(samples))


def _encoded(value: Any) -> list[int]:
    """The flat form of csrc/vm/run.h."""
    if isinstance(value, bool):
        return [2, int(value)]
    if isinstance(value, int):
        return [1, value]
    tag, items = (4, sorted(value)) if isinstance(value, frozenset) else (3, value)
    return [tag, len(items), *(number for item in items for number in _encoded(item))]


def _shown(value: Any) -> str:
    text = json.dumps(sorted(value) if isinstance(value, frozenset) else value)
    return text if len(text) < 60 else f"{text[:56]} ..."
