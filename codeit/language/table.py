"""The language as a value: primitives, constants, and languages with more or fewer of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self, cast

from codeit._native import lang
from codeit._native.foreign import ForeignFunction
from codeit.ranges import shown


@dataclass(frozen=True)
class Parameter:
    """One parameter of a primitive; its type is documentation and the mutation's guide.

    Attributes:
        called_with: the fewest arguments with which the functions that it is, or holds, are called;
            0 where there are none.
        or_more: whether it may be more arguments.
    """

    name: str
    type: str
    called_with: int
    or_more: bool

    def can_call(self, arity: int) -> bool:
        """Whether it is a function that may have that arity."""
        is_least = arity == self.called_with
        return self.called_with > 0 and (is_least or (self.or_more and arity > self.called_with))


@dataclass(frozen=True)
class Primitive:
    """One of the functions of the language; `opcode` is its number among the names."""

    name: str
    opcode: int
    group: str
    parameters: tuple[Parameter, ...]
    returns: str
    summary: str

    @property
    def arity(self) -> int:
        return len(self.parameters)

    @property
    def signature(self) -> str:
        """The primitive as the reference page writes it: `crop(grid: Grid, ...) -> Grid`."""
        parameters = ", ".join(f"{p.name}: {p.type}" for p in self.parameters)
        return f"{self.name}({parameters}) -> {self.returns}"


@dataclass(frozen=True)
class Constant:
    """One of the named values of the language."""

    name: str
    type: str
    value: bool | int | tuple[int, int]


@dataclass(frozen=True)
class NewPrimitive:
    """A primitive that a language has beyond the standard one.

    Attributes:
        parameters: (type, name) of each; at most 4.
        returns: the type of the result.
        like: the standard primitive whose body it has, unless it calls a function of its own.
        foreign: that function.
    """

    name: str
    parameters: tuple[tuple[str, str], ...]
    returns: str
    like: str = ""
    group: str = "added"
    summary: str = ""
    foreign: ForeignFunction | None = None

    def row(self) -> _NewRow:
        return (
            *(self.name, self.group, self.returns, self.parameters, self.summary, self.like),
            self.foreign,
        )


_NewRow = tuple[str, str, str, tuple[tuple[str, str], ...], str, str, ForeignFunction | None]


class Language(lang.NativeLanguage):
    """The names that programs are written with. Immutable; STANDARD has those of table.def.

    Attributes:
        name: a short one, for people.
        digest: of all that decides what programs are and mean; 16 hexadecimal digits.
        rows: of each name in order, its text where the standard language has it, or else what is
            needed to know of a new primitive; None: those of the standard language.
        primitives, constants: by name, in the order of their numbers.
        names: those of both, in the order of their numbers.
    """

    name: str
    rows: tuple[str | _NewRow, ...] | None
    primitives: Mapping[str, Primitive]
    constants: Mapping[str, Constant]
    names: tuple[str, ...]

    def __new__(cls, title: str, rows: Sequence[str | _NewRow] | None) -> Self:
        """
        Raises:
            ValueError: no language can be made of the rows; the message names one and says why.
        """
        language = super().__new__(cls, title, rows)
        language.name = title
        language.rows = None if rows is None else tuple(rows)
        language.primitives = _read_primitives(language)
        language.constants = MappingProxyType(
            {name: Constant(name, type_, value) for name, type_, value in language.constant_rows()}
        )
        standard = (*language.primitives, *language.constants)
        language.names = tuple(
            standard if rows is None else (_name_of(row) for row in language.rows or ())
        )
        return language

    def extended(self, primitives: Iterable[NewPrimitive]) -> Language:
        """This language and some primitives more, which are numbered behind all names.

        Raises:
            ValueError: one of them is none, or its name is taken; the message names it.
        """
        rows = [primitive.row() for primitive in primitives]
        return Language(f"{self.name}+{len(rows)}", [*self._all_rows(), *rows])

    def record(self) -> dict[str, Any]:
        """What a file keeps of the language that it was made with."""
        return {"title": self.name, "digest": self.digest, "names": list(self.names)}

    def of_record(self, record: Mapping[str, Any]) -> Language:
        """The language that a record is of, if this one has all of its names.

        Raises:
            ValueError: it is no record; or this language lacks a name of it, or has another
                primitive or constant under one.
        """
        title, digest, names = (record.get(key) for key in ("title", "digest", "names"))
        is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not isinstance(title, str) or not isinstance(digest, str) or not is_list:
            raise ValueError(
                'no record of a language: texts "title" and "digest" and a list "names" are needed'
            )
        made = self.restricted(cast("list[str]", names), title)
        if made.digest != digest:
            raise ValueError(
                f"made with language {shown(title)} of digest {shown(digest)}; here the same names "
                f"are of digest {made.digest!r}, so that one of them means something else"
            )
        return made

    def restricted(self, names: Sequence[str], title: str) -> Language:
        """The language of some of the names, in their order.

        Raises:
            ValueError: this language lacks one, or no language can be made of them.
        """
        if tuple(names) == self.names:
            return self
        rows = {_name_of(row): row for row in self._all_rows()}
        lacking = [name for name in names if name not in rows]
        if lacking:
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise ValueError(
                f"made with language {shown(title)}; language {self.name!r} has no "
                f"{shown(lacking[0])}{more}; `--primitives FILE.py` adds those of one's own"
            )
        if tuple(names) == STANDARD.names:
            return STANDARD
        return Language(title, [rows[name] for name in names])

    @property
    def own_names(self) -> frozenset[str]:
        """The names of primitives of one's own."""
        rows = self.rows or ()
        return frozenset(row[0] for row in rows if not isinstance(row, str) and row[6] is not None)

    def with_own_of(self, other: Language) -> Language:
        """This language and, behind all names, the primitives of one's own that another has and it
        lacks.

        Raises:
            ValueError: no language can be made of the rows.
        """
        new = other.own_names.difference(self.names)
        if not new:
            return self
        if self.names == other.names[: -len(new)] and new == set(other.names[-len(new) :]):
            return other
        rows = [row for row in other._all_rows() if _name_of(row) in new]
        return Language(f"{self.name}+{len(rows)}", [*self._all_rows(), *rows])

    def _all_rows(self) -> tuple[str | _NewRow, ...]:
        return self.names if self.rows is None else self.rows

    def __repr__(self) -> str:
        return f"<Language {self.name}: {len(self.names)} names, digest {self.digest}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Of a primitive that calls a function only the name: another process has its own."""
        rows = self.rows
        if rows is not None:
            rows = tuple(row if isinstance(row, str) or row[6] is None else row[0] for row in rows)
        return _unpickled, (self.name, rows, self.digest)


def _name_of(row: str | _NewRow) -> str:
    return row if isinstance(row, str) else row[0]


def _read_primitives(language: Language) -> Mapping[str, Primitive]:
    primitives = {}
    for name, number, group, returns, rows, summary in language.primitive_rows():
        parameters = tuple(
            Parameter(parameter, type_, called_with, or_more)
            for type_, parameter, called_with, or_more in rows
        )
        primitives[name] = Primitive(name, number, group, parameters, returns, summary)
    return MappingProxyType(primitives)


def _unpickled(title: str, rows: Sequence[str | _NewRow] | None, digest: str) -> Language:
    """The language that another process has pickled.

    Raises:
        ValueError: this process has another standard language, or lacks a primitive of its own.
    """
    own = {primitive.name: primitive.row() for primitive in _own.values()}
    if rows is None:
        language = STANDARD
    else:
        known = [own.get(row, row) if isinstance(row, str) else row for row in rows]
        language = current() if known == list(current()._all_rows()) else Language(title, known)
    if language.digest != digest:
        raise ValueError(f"{title!r} is another version of the language")
    return language


STANDARD = Language("standard", None)
"""The language of csrc/lang/table.def."""

PRIMITIVES = STANDARD.primitives
"""Every standard primitive by name, in the order of its opcode."""

CONSTANTS = STANDARD.constants
"""Every standard constant by name."""

ACCEPTED_TYPES: Mapping[str, frozenset[str]] = MappingProxyType(lang.accepted_types())
"""By type, those whose values may stand where it is declared, itself among them."""


# ---- The language of this process

_own: dict[str, NewPrimitive] = {}
_current = STANDARD


def current() -> Language:
    """The standard language and the primitives of one's own that this process has: what programs
    are written in where nothing else is said."""
    return _current


def add_own(primitive: NewPrimitive) -> None:
    """Make a primitive part of the current language; in place of its own of that name, if any.
    Languages and programs that are there stay as they are.

    Raises:
        ValueError: no language can have it; the message says why.
    """
    _set_own(_own | {primitive.name: primitive})


def remove_own(name: str) -> None:
    """Make the current language one without a primitive of one's own.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in _own:
        raise ValueError(f"there is no primitive of one's own {shown(name)}")
    _set_own({key: primitive for key, primitive in _own.items() if key != name})


def own_primitives() -> Mapping[str, NewPrimitive]:
    """Those of one's own that this process has, by name."""
    return MappingProxyType(_own)


def _set_own(primitives: dict[str, NewPrimitive]) -> None:
    global _own, _current
    _current = STANDARD.extended(primitives.values()) if primitives else STANDARD
    _own = primitives
