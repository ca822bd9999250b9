"""The programs that a run has had so far, to say how many of the next ones are new."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codeit.files.whole_file import whole_file

_KEY = np.dtype("S16")
"""A key as bytes. NumPy drops zeros at the end where it gives one out, and nowhere else."""


class KnownPrograms:
    """A set of programs, each known by its key: 16 bytes for each.

    Once it is not known which they are, it never is: that of a run that goes on from a checkpoint
    of a version that did not keep them.
    """

    def __init__(self) -> None:
        self._keys: npt.NDArray[np.bytes_] | None = np.empty(0, _KEY)  # ascending, each once

    def add(self, keys: Iterable[str]) -> int | None:
        """Add programs, given by `Program.key`; returns how many of them were not there."""
        if self._keys is None:
            return None
        some = np.unique(np.frombuffer(bytes.fromhex("".join(keys)), _KEY))
        places = np.searchsorted(self._keys, some)
        is_new = np.ones(len(some), bool)
        is_inside = places < len(self._keys)
        is_new[is_inside] = self._keys[places[is_inside]] != some[is_inside]
        self._keys = np.insert(self._keys, places[is_new], some[is_new])
        return int(np.count_nonzero(is_new))

    def save(self, path: Path) -> None:
        """Write them to a file, which appears whole or not at all; none if not known."""
        if self._keys is not None:
            with whole_file(path) as file:
                np.save(file, self._keys, allow_pickle=False)

    @classmethod
    def load(cls, path: Path) -> KnownPrograms:
        """Those that `save` wrote; not known where there is no such file.

        Raises:
            ValueError: the file is damaged.
            OSError: it cannot be read.
        """
        known = cls()
        if not path.exists():
            known._keys = None
            return known
        try:
            keys = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, LookupError) as error:
            raise ValueError(f"{path}: not programs that can be read: {error}") from None
        is_good = isinstance(keys, np.ndarray) and keys.dtype == _KEY and keys.ndim == 1
        if not is_good or not (keys[:-1] < keys[1:]).all():
            raise ValueError(f"{path}: not programs that can be read: no ascending keys")
        known._keys = keys
        return known
