"""Makes the dataclasses of settings: pydantic checks every value by what its field declares.

A range stands in the annotation of the field alone, as in `Annotated[Whole, Field(ge=1, le=10)]`.
What is said about a value out of it is made of the same annotation.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import textwrap
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform, get_args, get_origin

import numpy as np
import pydantic.dataclasses
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from codeit.ranges import MAX_INT, is_integer, shown


def _whole(value: Any) -> Any:
    """Integers of NumPy count as well."""
    return int(value) if is_integer(value) else value


def _real(value: Any) -> Any:
    """Only numbers: for pydantic, whatever has `__float__` is one, such as a time of NumPy."""
    if is_integer(value) or isinstance(value, float | np.floating):
        return value
    raise ValueError


Whole = Annotated[int, BeforeValidator(_whole)]
Real = Annotated[float, BeforeValidator(_real)]
Count = Annotated[Whole, Field(ge=0, le=MAX_INT)]
PositiveCount = Annotated[Whole, Field(ge=1, le=MAX_INT)]
NonNegative = Annotated[Real, Field(ge=0)]
Positive = Annotated[Real, Field(gt=0)]

# Strict: a text is no number, a truth value no integer; but an integer is a real number.
_CONFIG = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
_RANGES = {
    ("ge", "le"): "{ge} to {le}",
    ("ge", "lt"): "{ge} to below {lt}",
    ("gt", "le"): "above {gt}, at most {le}",
    ("ge",): "finite, {ge} or more",
    ("gt",): "finite, above {gt}",
}
_T = TypeVar("_T")


def field_texts(settings: type) -> dict[str, str]:
    """What is written under each field of a dataclass, on one line."""
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(settings))).body
    assert isinstance(declared, ast.ClassDef)
    found = {}
    for field, text in zip(declared.body, declared.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=said)):
                found[name] = " ".join(str(said).split())
    return found


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,)
)
def validated(declared: type[_T]) -> type[_T]:
    """Make a frozen dataclass whose values are always as they are declared.

    Making one of it, also by `dataclasses.replace`, raises a ValueError for one that is not: a line
    with the name of the first such field, its value and what is allowed, or what `__post_init__`
    says of a rule between fields.
    """
    made: Any = pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=_CONFIG)(declared)
    check = made.__init__

    @functools.wraps(check)
    def init(self: Any, **values: Any) -> None:
        try:
            check(self, **values)
        except ValidationError as error:
            details = error.errors(include_url=False)[0]
            raise ValueError(_line(made.__pydantic_fields__, details)) from None

    made.__init__ = init
    return made


def _line(fields: dict[str, FieldInfo], error: Any) -> str:
    """What an error of pydantic's says, in one line."""
    if not error["loc"]:  # of __post_init__
        return str(error["ctx"]["error"])
    name, value = error["loc"][0], error["input"]
    if name not in fields:
        return f"{name} is no setting; allowed: {', '.join(fields)}"
    return f"{name} is {shown(value)}; allowed: {_allowed(fields[name], value)}"


def _allowed(field: FieldInfo, value: Any) -> str:
    """What a field takes other than a value."""
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(map(repr, get_args(kind)))
    bounds = {
        end: getattr(mark, end)
        for end in ("ge", "gt", "le", "lt")
        for mark in field.metadata
        if hasattr(mark, end)
    }
    if not bounds:
        is_class = isinstance(kind, type)
        return f"a value of type {kind.__name__ if is_class else kind}"
    is_number = is_integer(value) or (kind is float and isinstance(value, float))
    numbers = "" if is_number else "integers, " if kind is int else "numbers, "
    return numbers + _RANGES[tuple(bounds)].format_map(bounds)
