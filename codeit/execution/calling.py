"""Single primitives on values of Python."""

from __future__ import annotations

from typing import Any, cast

from codeit.execution.executor import Limits, call_canonical
from codeit.execution.results import Outcome
from codeit.execution.values import Argument, Function, to_canonical, to_python
from codeit.language import current
from codeit.language.program import Dialect
from codeit.ranges import shown


class CallError(ValueError):
    """A primitive that failed on what it was called with.

    Examples:
        >>> import codeit
        >>> try:
        ...     codeit.call("divide", 1, 0)
        ... except codeit.CallError as error:
        ...     print(error.outcome.exception)
        ZeroDivisionError

    Attributes:
        name: of the primitive.
        outcome: how the call ended.
    """

    def __init__(self, name: str, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.outcome = outcome

    def __reduce__(self) -> tuple[Any, ...]:
        return CallError, (self.name, self.outcome, str(self))


def _are_canonical(name: str, values: Any) -> bool:
    """Whether this is a list of as many canonical values as the primitive takes."""
    primitive = current().primitives.get(name) if isinstance(name, str) else None
    if primitive is None or not isinstance(values, list) or len(values) != primitive.arity:
        return False
    return all(
        value is None
        or isinstance(value, int | dict)
        or (isinstance(value, list) and value[:1] in (["t"], ["s"]))
        for value in values
    )


def call(
    name: str, *arguments: Argument, dialect: Dialect = "codeit", limits: Limits | None = None
) -> Any:
    """What a primitive returns for some arguments, as a value of Python.

    A program that fails is data, with an outcome (see `run`); a call that fails is an exception, as
    that of any function.

    Examples:
        >>> import codeit
        >>> codeit.call("hmirror", [[1, 2], [3, 4]])
        ((3, 4), (1, 2))
        >>> codeit.call("recolor", 5, frozenset({(1, (0, 0))}))
        frozenset({(5, (0, 0))})
        >>> codeit.call("mapply", "identity", frozenset({(1, 2)}))
        frozenset({1, 2})

    Args:
        name: of the primitive; `codeit dsl` lists them.
        arguments: a grid is rows of colors [H, W], as nested tuples or lists, or as an array; a
            patch is a set of cells, each (i, j) or (color, (i, j)), rows from 0; a function is what
            another call has returned, or the name of a primitive. The name of a constant stands for
            its value. No rule of grids is checked: tuples may be of any length, integers have 64
            bits. Items of a set are inserted in the order in which Python gives them. One list of
            all arguments in canonical form, as `call_canonical` takes them, is understood, too, and
            gives a Result, as there: `call("increment", [5])`; the tuple `(5,)` is one argument.
        dialect: which variant of the primitive is meant, "codeit" or "arc-dsl".
        limits: what the call may use; a billion units of fuel, and else as `Limits`, if omitted.
    Returns:
        An int, a bool, None, a tuple (of a grid a tuple of rows), a frozenset (which does not keep
        the order that the machine gives its items) or a `Function`.
    Raises:
        CallError: the primitive failed, or a limit was reached; a ValueError of one line, with the
            Outcome.
        ValueError: there is no such primitive or dialect, it takes another number of arguments, an
            argument is no value, or there is no value of Python for what it returned.
        TypeError: limits are no Limits.
    Source:
        The functions are those of arc-dsl (github.com/michaelhodel/arc-dsl);
        docs/language.md 6 says what each returns.
    """
    if len(arguments) == 1 and _are_canonical(name, arguments[0]):
        return call_canonical(name, cast("list[Any]", arguments[0]), dialect, limits)
    encoded = [
        to_canonical(value, f"argument {k} of {name}") for k, value in enumerate(arguments, 1)
    ]
    result = call_canonical(name, encoded, dialect, limits)
    primitive = current().primitives[name]
    if len(arguments) != primitive.arity:
        takes = f"{primitive.arity} argument{'s' if primitive.arity != 1 else ''}"
        raise ValueError(f"{name} takes {takes}, not {len(arguments)}: {primitive.signature}")
    if result.outcome != Outcome.ok:
        what = f"{result.exception or result.outcome.name}: {result.outcome.message}"
        given = ", ".join(map(shown, arguments))
        raise CallError(name, result.outcome, f"{name}({given}): {what}: {primitive.signature}")
    value = result.value_json()
    return Function(name, arguments) if value == "fn" else to_python(value)
