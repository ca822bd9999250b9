"""Programs: text that the native parser has accepted."""

from __future__ import annotations

import reprlib
from typing import Literal, get_args

from codeit._native import vm

Dialect = Literal["codeit", "arc-dsl"]
"""`codeit` bounds canvas and fails on some empty patches; `arc-dsl` is the original library."""


class ProgramError(ValueError):
    """A text that is not a program.

    Attributes:
        line: the first bad line, counted from 1.
        reason: the rule that it breaks.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line} {reason}")
        self.line = line
        self.reason = reason

    def __reduce__(self) -> tuple[type[ProgramError], tuple[int, str]]:
        return ProgramError, (self.line, self.reason)


class Program(vm.CompiledProgram):
    """A checked program of the language. Equal programs have equal text and dialect.

    `Program.parse` is the way to make one.
    """

    __slots__ = ("dialect", "text")

    text: str
    """The normalised text: one `name = function(argument, ...)` a line, without other blanks."""
    dialect: Dialect

    def __init__(self) -> None:
        raise TypeError("a Program is made by Program.parse")

    @classmethod
    def parse(cls, text: str, dialect: Dialect = "codeit") -> Program:
        """Check a text by the rules of the language's own checker and compile it.

        Args:
            text: one assignment a line; the last one assigns `O`.
            dialect: which of the two variants of the primitives the program means.
        Raises:
            ProgramError: the text breaks a rule; it names the line and the rule.
            ValueError: an unknown dialect.
            TypeError: the text is no str.
        """
        if not isinstance(text, str):
            raise TypeError(f"text is of type {type(text).__name__}; a str is needed")
        program = cls.__new__(cls)
        parsed = vm.parse(program, text.encode("utf-8", "surrogatepass"), is_arc_dsl(dialect))
        if isinstance(parsed, tuple):
            raise ProgramError(*parsed)
        program.dialect = dialect
        program.text = parsed
        return program

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        return self.text == other.text and self.dialect == other.dialect

    def __hash__(self) -> int:
        return hash((self.text, self.dialect))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        dialect = "" if self.dialect == "codeit" else f", dialect={self.dialect!r}"
        return f"Program.parse({self.text!r}{dialect})"

    def __reduce__(self) -> tuple[object, tuple[str, Dialect]]:
        return Program.parse, (self.text, self.dialect)


def is_arc_dsl(dialect: str) -> bool:
    """Whether a dialect is `arc-dsl`.

    Raises:
        ValueError: it is none of the two.
    """
    if not isinstance(dialect, str) or dialect not in get_args(Dialect):
        allowed = " or ".join(repr(name) for name in get_args(Dialect))
        is_text = isinstance(dialect, str)
        shown = reprlib.repr(dialect) if is_text else f"of type {type(dialect).__name__}"
        raise ValueError(f"dialect {shown}: allowed are {allowed}")
    return dialect == "arc-dsl"
