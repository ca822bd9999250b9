from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from codeit._native.lang import NativeLanguage

_Limits = tuple[int, int, int, int, int]
_Printed = tuple[int, int, int, list[str]]
_Kind = TypeVar("_Kind", bound="CompiledProgram")
_Cells = npt.NDArray[np.uint8]

MAX_SIDE: int
LIMIT_RANGES: dict[str, tuple[int, int]]

def outcome_table() -> list[tuple[str, str, str]]: ...

class CompiledProgram:
    @property
    def language(self) -> NativeLanguage: ...
    def __len__(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def is_arc_dsl(self) -> bool: ...
    @property
    def code(self) -> bytes: ...

def parse(
    program: CompiledProgram, text: bytes, is_arc_dsl: bool, language: NativeLanguage
) -> tuple[int, str] | None: ...
def parse_all(
    kind: type[_Kind], texts: list[bytes], is_arc_dsl: bool, language: NativeLanguage
) -> list[_Kind | tuple[int, str]]: ...
def read_all(
    kind: type[_Kind], codes: list[bytes | None], is_arc_dsl: bool, language: NativeLanguage
) -> list[_Kind | None]: ...
def read(
    program: CompiledProgram, code: bytes, is_arc_dsl: bool, language: NativeLanguage
) -> None: ...
def run_groups(
    groups: Sequence[tuple[Sequence[CompiledProgram], Sequence[npt.ArrayLike]]],
    limits: _Limits,
    num_threads: int,
    is_sharing: bool,
    to_array: Callable[[npt.ArrayLike, int], _Cells],
) -> tuple[npt.NDArray[Any], ...]: ...
def run_and_print_one(
    program: CompiledProgram,
    grid: _Cells,
    limits: _Limits,
    all_lines: bool,
    max_values: int,
    is_plain: bool = ...,
    fail_after: int = ...,
) -> _Printed: ...
def explain_one(
    program: CompiledProgram, grid: _Cells, limits: _Limits, max_values: int
) -> tuple[int, int, int, list[str], list[int], list[str]]: ...
def call_and_print_one(
    is_arc_dsl: bool,
    opcode: int,
    arguments: npt.NDArray[np.int64],
    num_arguments: int,
    limits: _Limits,
    max_values: int,
    language: NativeLanguage,
) -> _Printed: ...
def break_invariants(is_on: bool) -> None: ...
