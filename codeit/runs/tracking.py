"""The metrics of a run for wandb or trackio, beside its own files. By default nothing is sent."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from codeit.terminal import say

_PROJECT = "codeit"
_TIMED = 32
"""Bytes of a file of events in which the time stands when it was made."""


class Tracker:
    """Hands on what a run records; both packages have the same three functions for it.

    Args:
        name: of the package; "" for none.
        console: where it is said when the package fails, which does not end a run.
    Raises:
        ValueError: the package is not installed, or cannot be loaded.
    """

    def __init__(self, name: str, console: Console) -> None:
        self._name = name
        self._console = console
        self._module: Any = _load(name) if name else None

    def begin(self, events: Path, name: str, config: Mapping[str, Any]) -> None:
        """With a new run, or go on with it.

        Args:
            events: the folder of its events; the time of the first file tells this run from all
                others.
            name: of the run.
            config: its settings.
        Raises:
            ValueError: the package cannot begin, as where it has nobody's key.
        """
        if self._module is None:
            return
        first = min(events.iterdir(), key=lambda file: file.name).read_bytes()[:_TIMED]
        number = hashlib.sha256(first).hexdigest()[:12]
        # trackio knows a run by its name, wandb by its id.
        init = self._module.init
        named = {"id": number} if "id" in inspect.signature(init).parameters else {}
        try:
            init(
                project=_PROJECT,
                name=f"{name}-{number}",
                config=dict(config),
                resume="allow",
                **named,
            )
        except Exception as error:  # each package has its own
            why = _why(error)
            raise ValueError(f"tracking is {self._name!r}, which cannot begin: {why}") from None

    def add(self, step: int, scalars: Iterable[tuple[str, float]]) -> None:
        """Hand on the numbers of a step, under their names."""
        self._call("log", dict(scalars), step=step)

    def finish(self) -> None:
        """There is nothing to come."""
        self._call("finish")

    def _call(self, function: str, *arguments: Any, **named: Any) -> None:
        if self._module is None:
            return
        try:
            getattr(self._module, function)(*arguments, **named)
        except Exception as error:  # each package has its own
            self._module = None
            say(self._console, f"{self._name} gets no more metrics: {_why(error)}")


def _load(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            raise ValueError(
                f"tracking is {name!r}, which is not installed; `pip install {name}` installs it"
            ) from None
        raise ValueError(f"tracking is {name!r}, which cannot be loaded: {_why(error)}") from None
    except ImportError as error:
        raise ValueError(f"tracking is {name!r}, which cannot be loaded: {_why(error)}") from None


def _why(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
