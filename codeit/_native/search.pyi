from typing import Any, Self, TypeVar

from codeit._native.vm import CompiledProgram
from codeit.grids import Grid

_Kind = TypeVar("_Kind", bound=CompiledProgram)

LEAST_BYTES: int
MOST_BYTES: int
MOST_EVALUATIONS: int

_Row = tuple[_Kind, int, float, int, int, int, bool]

def method_names() -> list[str]: ...

class Watch:
    def __new__(cls, program: CompiledProgram) -> Self: ...
    @property
    def evaluations(self) -> int: ...
    @property
    def method(self) -> int: ...
    def take(self) -> list[_Row[Any]]: ...
    def stop(self) -> None: ...

def search_task(
    kind: type[_Kind],
    inputs: list[Grid],
    outputs: list[Grid],
    corpus: list[_Kind],
    evaluations: int,
    max_bytes: int,
    methods: int,
    num_leading: int = 0,
    watch: Watch | None = None,
) -> tuple[
    list[_Row[_Kind]],
    list[_Row[_Kind]],
    list[tuple[int, int]],
    tuple[int, int, int, int],
]: ...
def measure_rates(
    inputs: list[Grid], outputs: list[Grid], corpus: list[CompiledProgram], max_bytes: int
) -> tuple[int, float, int, float]: ...
def minimise(
    kind: type[_Kind],
    program: CompiledProgram,
    inputs: list[Grid],
    limits: tuple[int, int, int, int, int],
    evaluations: int,
    max_bytes: int,
) -> _Kind: ...
