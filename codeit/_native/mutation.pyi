from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt

from codeit._native.vm import CompiledProgram

_Kind = TypeVar("_Kind", bound=CompiledProgram)
_Limits = tuple[int, int, int, int, int]
_Cells = npt.NDArray[np.uint8]
_Numbers = npt.NDArray[np.uint32]

class Population:
    def __new__(
        cls,
        like: CompiledProgram,
        weights: tuple[float, float, float, float, float],
        seed: int,
        is_open_ended: bool,
        limits: _Limits,
    ) -> Self: ...
    def add_root(self, program: CompiledProgram, grids: list[_Cells]) -> None: ...
    def add_known(
        self,
        programs: list[_Kind],
        roots: _Numbers,
        depths: _Numbers,
        num_threads: int,
    ) -> None: ...
    def make(
        self, kind: type[_Kind], count: int, begin: int, end: int, num_threads: int
    ) -> tuple[list[_Kind], _Numbers, _Numbers, npt.NDArray[np.uint64], int]: ...

class Families:
    def __new__(
        cls,
        bases: list[_Kind],
        programs: list[_Kind],
        base_of: _Numbers,
        num_threads: int,
    ) -> Self: ...
    def match(
        self, inputs: list[_Cells], outputs: list[_Cells], limits: _Limits, num_threads: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]: ...

class MutationParent:
    def __new__(cls, compiled: CompiledProgram, grid: _Cells, limits: _Limits) -> Self: ...
    @property
    def types(self) -> list[str]: ...

def mutate_many(
    kind: type[_Kind],
    parent: MutationParent,
    weights: tuple[float, float, float, float],
    seeds: npt.NDArray[np.uint64],
) -> list[_Kind | None]: ...
