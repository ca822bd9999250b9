from collections.abc import Sequence
from typing import Self

from codeit._native.foreign import ForeignFunction

_NewRow = tuple[str, str, str, tuple[tuple[str, str], ...], str, str, ForeignFunction | None]
_Parameters = tuple[tuple[str, str, int, bool], ...]

MAX_GRID_SIDE: int
NUM_COLORS: int
MAX_VARIABLES: int
MAX_ARITY: int

class NativeLanguage:
    def __new__(cls, title: str, rows: Sequence[str | _NewRow] | None) -> Self: ...
    @property
    def digest(self) -> str: ...
    def primitive_rows(self) -> list[tuple[str, int, str, str, _Parameters, str]]: ...
    def constant_rows(self) -> list[tuple[str, str, bool | int | tuple[int, int]]]: ...

def accepted_types() -> dict[str, frozenset[str]]: ...
