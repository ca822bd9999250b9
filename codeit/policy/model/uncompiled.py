"""Functions that torch.compile is to leave as they are.

torch's own mark for them loads its compiler, which takes longer than all else that a run loads. So
they are only noted here, and marked when something is to be compiled.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_noted: list[list[Callable[..., Any]]] = []


def uncompiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The function, which is marked once `mark_uncompiled` has been called."""
    current: list[Callable[..., Any]] = [function]
    _noted.append(current)

    @functools.wraps(function)
    def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        return current[0](*arguments, **named)

    return call


def mark_uncompiled() -> None:
    """Before the first thing is compiled; again it does nothing."""
    while _noted:
        current = _noted.pop()
        current[0] = torch.compiler.disable(current[0])
