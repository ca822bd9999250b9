from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

_Keys = npt.NDArray[np.uint64]
_Slots = npt.NDArray[np.int64]
_Ids = npt.NDArray[np.uint16]
_Offsets = npt.NDArray[np.int64]

MAX_CAPACITY: int
MAX_LENGTH: int
MIN_PRIORITY: float
MAX_PRIORITY: float
INSERTED: int
UPDATED: int
REPLACED: int
REFUSED: int

def make_keys(task_digests: Sequence[str], programs: Sequence[str]) -> _Keys: ...

class PriorityBuffer:
    def __new__(cls, capacity: int) -> Self: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    def upsert(
        self,
        keys: _Keys,
        priority: npt.NDArray[np.float64],
        iteration: npt.NDArray[np.int32],
        origin: npt.NDArray[np.uint8],
        source_ids: _Ids,
        source_offsets: _Offsets,
        target_ids: _Ids,
        target_offsets: _Offsets,
    ) -> npt.NDArray[np.uint8]: ...
    def draw(self, n: int, seed: int) -> _Slots: ...
    def columns(
        self, slots: _Slots
    ) -> tuple[_Keys, npt.NDArray[np.float64], npt.NDArray[np.int32], npt.NDArray[np.uint8]]: ...
    def offsets(self, slots: _Slots) -> tuple[_Offsets, _Offsets]: ...
    def gather(self, slots: _Slots) -> tuple[_Ids, _Offsets, _Ids, _Offsets]: ...
    def statistics(self) -> dict[str, Any]: ...
    def count_priorities(self, bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]: ...
    def sequences(self) -> npt.NDArray[np.uint64]: ...
    def restore_sequences(self, sequences: npt.NDArray[np.uint64]) -> None: ...
