"""ARC tasks: pairs of grids to learn from, and inputs to answer.

A task is what its data says; its id is only a name. ARC-AGI-1 and 2 give hundreds of ids to tasks
whose examples stand in different orders, and two ids to the same task. Whatever is remembered for a
task is therefore kept under `Task.digest`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from codeit.files.json_file import json_digest
from codeit.grids import Grid, bytes_of, check_grid, digest_of, size_of
from codeit.terminal import counted


@dataclass(frozen=True, eq=False, repr=False)
class Example:
    """A pair of grids, equal to another when both grids are.

    Examples:
        >>> import codeit
        >>> codeit.Example([[1, 2]], [[2], [1]])
        Example(1x2 -> 2x1)

    Args:
        input: anything `check_grid` takes; held as a valid grid.
        output: the same, or None when it is hidden (only a test may hide its output).
    Raises:
        ValueError: a grid is malformed; the message starts with "input" or "output".
    """

    input: Grid
    output: Grid | None

    if TYPE_CHECKING:  # what is held is stricter than what is taken

        def __init__(self, input: npt.ArrayLike, output: npt.ArrayLike | None) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "input", check_grid(self.input, "input"))
        if self.output is not None:
            object.__setattr__(self, "output", check_grid(self.output, "output"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Example):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Example({size_of(self.input)} -> {size_of(self.output)})"

    def _key(self) -> tuple[Any, ...]:
        grids = (self.input, self.output)
        return tuple(None if grid is None else (grid.shape, grid.tobytes()) for grid in grids)


@dataclass(frozen=True, repr=False)
class Task:
    """A task, equal to another when the id and all examples are.

    A task may have no tests (one made from a program's own outputs has none); `load` demands them.

    Examples:
        >>> import codeit
        >>> pair = codeit.Example([[1, 2]], [[2, 1]])
        >>> task = codeit.Task("mine", [pair], [codeit.Example([[3, 4]], None)])
        >>> task.is_hidden
        True

    Args:
        task_id: a name; it says nothing of the task.
        demonstrations: one or more pairs, none of which hides its output.
        tests: pairs that may hide it.
    Raises:
        ValueError: no demonstrations, or a demonstration without an output.
        TypeError: the id is no str, or an example no Example.
    """

    task_id: str
    demonstrations: tuple[Example, ...]
    tests: tuple[Example, ...]

    if TYPE_CHECKING:

        def __init__(
            self, task_id: str, demonstrations: Iterable[Example], tests: Iterable[Example]
        ) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "demonstrations", tuple(self.demonstrations))
        object.__setattr__(self, "tests", tuple(self.tests))
        if not isinstance(self.task_id, str):
            raise TypeError(f"task_id is of type {type(self.task_id).__name__}; a str is needed")
        for name in ("demonstrations", "tests"):
            for k, example in enumerate(getattr(self, name)):
                if not isinstance(example, Example):
                    raise TypeError(
                        f"{name}[{k}] is of type {type(example).__name__}; an Example is needed"
                    )
        if not self.demonstrations:
            raise ValueError(f"task {self.task_id}: no demonstrations; a task has at least one")
        for k, example in enumerate(self.demonstrations, 1):
            if example.output is None:
                raise ValueError(
                    f"task {self.task_id}, demonstration {k} output: missing; "
                    "only a test may hide its output"
                )

    @property
    def is_hidden(self) -> bool:
        """Whether the output of a test is, so that nobody here can say if the task is solved."""
        return any(test.output is None for test in self.tests)

    @cached_property
    def digest(self) -> str:
        """The task's identity: 32 hexadecimal digits of its data, the same on every machine.

        Of all demonstrations and the inputs of the tests, in their order, because prompts show them
        in this order. Not of the id, and not of the tests' outputs: nothing that is learned may
        depend on those, and a task stays the same task when they are hidden.
        """
        parts = [len(self.demonstrations).to_bytes(4, "little")]
        for example in self.demonstrations:
            assert example.output is not None
            parts += [bytes_of(example.input), bytes_of(example.output)]
        parts += [bytes_of(test.input) for test in self.tests]
        return digest_of(b"".join(parts))

    def __repr__(self) -> str:
        counts = (len(self.demonstrations), "demonstration"), (len(self.tests), "test")
        text = ", ".join(counted(n, kind) for n, kind in counts)
        return f"Task({self.task_id!r}, {text})"


def digest_of_tasks(tasks: Iterable[Task]) -> str:
    """Of all that is read of tasks: in their order, with ids and the outputs of their tests."""
    return json_digest(
        [
            [task.task_id, task.digest]
            + [None if test.output is None else test.output.tolist() for test in task.tests]
            for task in tasks
        ]
    )
