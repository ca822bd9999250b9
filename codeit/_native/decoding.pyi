from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float32]
# float32, or uint16 where numbers of bfloat16 are meant; all of a call are of one type.
_Numbers = npt.NDArray[Any]

MAX_TOKENS: int

def limit_processor(limit: int) -> None: ...

class Weights:
    def __new__(cls, matrix: _Numbers, kind: str) -> Self: ...
    @property
    def kind(self) -> str: ...
    @property
    def num_in(self) -> int: ...
    @property
    def num_out(self) -> int: ...
    def multiply(self, tokens: _Numbers, is_positive: bool, out: _Numbers) -> None: ...

def attend(
    projected: _Numbers,
    rows: npt.NDArray[np.int32],
    positions: npt.NDArray[np.int32],
    bias: _Floats,
    keys: _Numbers,
    values: _Numbers,
    out: _Numbers,
) -> None: ...
def attend_shared(
    queries: _Numbers, contexts: Sequence[tuple[_Numbers, _Numbers, int, int]], out: _Numbers
) -> None: ...
def arrange(keys_values: _Numbers, keys: _Numbers, values: _Numbers) -> None: ...
def add_and_normalize(
    sums: _Floats, added: _Numbers | None, weight: _Floats, epsilon: float, out: _Numbers
) -> None: ...
def draw(
    scores: _Floats,
    allowed: npt.NDArray[np.uint64] | None,
    uniforms: npt.NDArray[np.float64],
    temperature: float,
    top_k: int,
    top_p: float,
    out: npt.NDArray[np.int64],
) -> None: ...
def branch(
    scores: _Floats,
    allowed: npt.NDArray[np.uint64] | None,
    keys: npt.NDArray[np.uint64],
    log_masses: npt.NDArray[np.float64],
    log_times: npt.NDArray[np.float64],
    log_limits: npt.NDArray[np.float64],
    temperature: float,
    top_k: int,
    top_p: float,
    counts: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.int64],
    out_keys: npt.NDArray[np.uint64],
    out_log_masses: npt.NDArray[np.float64],
    out_log_times: npt.NDArray[np.float64],
) -> None: ...
def find_finite(scores: _Floats) -> npt.NDArray[np.bool_]: ...
