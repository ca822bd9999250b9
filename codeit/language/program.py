"""Programs: text that the native parser has accepted."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Sequence
from typing import Literal, cast, get_args

from codeit._native import vm
from codeit.language.table import STANDARD, Language, current
from codeit.ranges import nearest_name

Dialect = Literal["codeit", "arc-dsl"]
"""`codeit` bounds canvas and fails on some empty patches; `arc-dsl` is the original library."""


class ProgramError(ValueError):
    """A text that is not a program.

    Examples:
        >>> import codeit
        >>> try:
        ...     codeit.Program.parse("x1 = hmirror(I)")
        ... except codeit.ProgramError as error:
        ...     print(error.line, error.reason)
        1 does not have variable name of O

    Attributes:
        line: the first bad line, counted from 1.
        reason: the rule that it breaks.
        hint: what may have been meant, for people; it stands behind the reason in the message.
    """

    def __init__(self, line: int, reason: str, hint: str = "") -> None:
        super().__init__(f"line {line} {reason}{hint}")
        self.line = line
        self.reason = reason
        self.hint = hint

    def __reduce__(self) -> tuple[type[ProgramError], tuple[int, str, str]]:
        return ProgramError, (self.line, self.reason, self.hint)


class Program(vm.CompiledProgram):
    """A checked program of the language. Equal programs have equal code, dialect and
    language.

    Examples:
        >>> import codeit
        >>> program = codeit.Program.parse("a = hmirror(I)\\nO = vconcat(I, a)")
        >>> print(program)
        x1 = hmirror(I)
        O = vconcat(I, x1)

    `Program.parse` is the way to make one. What it keeps is the code, a few dozen bytes, not the
    text: variables are called x1, x2, ... in the order of their lines, whatever they were called
    where the program comes from.

    Attributes:
        text: the normalised text: one `name = function(argument, ...)` a line, without other
            blanks.
        key: 32 hexadecimal digits that identify the program, however it is written: lines that
            the result does not need, the order of lines, and calls that stand twice make no
            difference to it. Programs of one key return the same value; but a line that is not
            needed costs fuel and memory, and may fail.
    """

    __slots__ = ()

    def __init__(self) -> None:
        raise TypeError("a Program is made by Program.parse")

    @classmethod
    def parse(
        cls, text: str, dialect: Dialect = "codeit", language: Language | None = None
    ) -> Program:
        """Check a text by the rules of the language's own checker and compile it.

        Args:
            text: one assignment a line; the last one assigns `O`.
            dialect: which of the two variants of the primitives the program means.
            language: the names that it may be written with; None: those of this process, with
                the primitives of one's own.
        Raises:
            ProgramError: the text breaks a rule; it names the line and the rule.
            ValueError: an unknown dialect.
            TypeError: the text is no str.
        """
        if not isinstance(text, str):
            raise TypeError(f"text is of type {type(text).__name__}; a str is needed")
        program = cls.__new__(cls)
        encoded = text.encode("utf-8", "surrogatepass")
        refusal = vm.parse(program, encoded, is_arc_dsl(dialect), language or current())
        if refusal:
            line, reason = refusal
            raise ProgramError(line, reason, _hint(reason, text, language or current()))
        return program

    @classmethod
    def parse_all(
        cls, texts: Sequence[str], dialect: Dialect = "codeit", language: Language | None = None
    ) -> list[Program | ProgramError]:
        """What `parse` returns or raises for each of many texts, without Python's lock, and without
        the errors' hints.

        Args:
            texts, dialect, language: as in `parse`, which says what they are.
        """
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        found = vm.parse_all(cls, encoded, is_arc_dsl(dialect), language or current())
        return [ProgramError(*p) if isinstance(p, tuple) else p for p in found]

    @classmethod
    def of_codes(
        cls,
        codes: Sequence[bytes | None],
        dialect: Dialect = "codeit",
        language: Language | None = None,
    ) -> list[Program | None]:
        """The programs of many codes (`code` of each); None where there is None.

        Args:
            codes: bytes of this version of codeit; they are for processes, not for files.
            dialect, language: as in `parse`.
        Raises:
            ValueError: one is no code.
        """
        return vm.read_all(cls, list(codes), is_arc_dsl(dialect), language or current())

    @property
    def dialect(self) -> Dialect:
        """Which of the two variants of the primitives the program means."""
        return "arc-dsl" if self.is_arc_dsl else "codeit"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        dialect = "" if self.dialect == "codeit" else f", dialect={self.dialect!r}"
        language = "" if self.language is STANDARD else f", language={self.language!r}"
        return f"Program.parse({self.text!r}{dialect}{language})"

    def __reduce__(self) -> tuple[object, tuple[bytes, Dialect, Language]]:
        return _read, (self.code, self.dialect, cast("Language", self.language))


def _hint(reason: str, text: str, language: Language) -> str:
    """What the author of a text that is refused may not know, or have meant."""
    if reason.endswith("exactly one open parenthesis"):
        return "; a line has one call, of names: what it is given has lines of its own"
    unknown = re.search(r" '(\w+)'", reason)
    if unknown is None:
        return ""
    variables = re.findall(r"^\s*(\w+)\s*=", text, re.MULTILINE)
    return nearest_name(unknown[1], variables) or nearest_name(unknown[1], language.names)


def distinct(programs: Iterable[Program]) -> list[Program]:
    """One program of each key, in the order in which the keys come first: the one with the fewest
    lines, of those the first."""
    found: dict[str, Program] = {}
    for program in programs:
        known = found.setdefault(program.key, program)
        if len(program) < len(known):
            found[program.key] = program
    return list(found.values())


def _read(code: bytes, dialect: Dialect, language: Language) -> Program:
    """The program that another process has pickled.

    Raises:
        ValueError: the bytes are no code.
    """
    program = Program.__new__(Program)
    vm.read(program, code, is_arc_dsl(dialect), language)
    return program


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
