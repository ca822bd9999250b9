"""Replay buffers in a file: an uncompressed zip of NumPy arrays, which carries their checksums.

`numpy.load` reads it. `version` is one number; every buffer has its columns, slot by slot:

    NAME/keys [N, 2]  NAME/priority [N]  NAME/iteration [N]  NAME/origin [N]  NAME/sequence [N]
    NAME/source_offsets [N + 1]  NAME/source_ids  NAME/target_offsets [N + 1]  NAME/target_ids

Slots and the order of insertion are kept, so that a buffer that was read draws and evicts as the
one that was written. Ids go through memory in parts.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

import codeit._native.replay as native
from codeit.files.whole_file import whole_file

VERSION = 2

_PART = 100_000  # experiences whose ids are in memory at once
# What zipfile and NumPy raise for bytes that are not theirs.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(ValueError, LookupError, EOFError, RuntimeError, OSError, OverflowError),
)
_COLUMNS = {
    "keys": np.uint64,
    "priority": np.float64,
    "iteration": np.int32,
    "origin": np.uint8,
    "sequence": np.uint64,
    "source_offsets": np.int64,
    "target_offsets": np.int64,
}


def write_buffers(path: Path, buffers: Mapping[str, native.PriorityBuffer]) -> None:
    """Write buffers under their names; the file appears whole or not at all."""
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        _write(archive, "version", np.array(VERSION))
        for name, buffer in buffers.items():
            _write_buffer(archive, name, buffer)


def read_buffers(path: Path, buffers: Mapping[str, native.PriorityBuffer]) -> None:
    """Fill empty buffers with what was written under their names.

    Raises:
        ValueError: it is no such file, of another version, or damaged, or it holds more than a
            buffer may; the buffers are then of no use.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                version = _read(archive, "version")
                if version != VERSION:
                    raise ValueError(f"version {version}; allowed: {VERSION}")
                for name, buffer in buffers.items():
                    _read_buffer(archive, name, buffer)
        except _DAMAGE as error:
            raise ValueError(f"{path}: not a replay buffer that can be read: {error}") from None


def _write_buffer(archive: zipfile.ZipFile, name: str, buffer: native.PriorityBuffer) -> None:
    slots = np.arange(len(buffer))
    columns: list[npt.NDArray[Any]] = [
        *(*buffer.columns(slots), buffer.sequences()),
        *buffer.offsets(slots),
    ]
    for column, values in zip(_COLUMNS, columns, strict=True):
        _write(archive, f"{name}/{column}", values)
    for side, kind in enumerate(("source", "target")):
        ids = (buffer.gather(part)[2 * side] for part in _parts(slots))
        num_ids = int(columns[-2 + side][-1])
        _write_parts(archive, f"{name}/{kind}_ids", np.dtype(np.uint16), (num_ids,), ids)


def _read_buffer(archive: zipfile.ZipFile, name: str, buffer: native.PriorityBuffer) -> None:
    columns = {column: _read(archive, f"{name}/{column}") for column in _COLUMNS}
    for column, dtype in _COLUMNS.items():
        if columns[column].dtype != dtype:
            raise ValueError(f"{name}/{column} is of {columns[column].dtype}, not {dtype}")
    size = len(columns["keys"])
    if size > buffer.capacity:
        raise ValueError(f"{name} holds {size} experiences; the capacity is {buffer.capacity}")
    with (
        archive.open(f"{name}/source_ids.npy") as sources,
        archive.open(f"{name}/target_ids.npy") as targets,
    ):
        for file in (sources, targets):
            _read_header(file)
        for part in _parts(np.arange(size)):
            begin, end = part[0], part[-1] + 1
            lists = []
            for kind, file in (("source", sources), ("target", targets)):
                offsets = columns[f"{kind}_offsets"][begin : end + 1]
                num_bytes = 2 * int(offsets[-1] - offsets[0])
                lists += [np.frombuffer(file.read(num_bytes), np.uint16), offsets - offsets[0]]
            buffer.upsert(
                *(columns[c][begin:end] for c in ("keys", "priority", "iteration", "origin")),
                *lists,
            )
        for file in (sources, targets):
            if file.read(1):  # the checksum is looked at when all has been read
                raise ValueError(f"{name} has more ids than its offsets say")
    buffer.restore_sequences(columns["sequence"])


def _parts(slots: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    for begin in range(0, len(slots), _PART):
        yield slots[begin : begin + _PART]


def _write(archive: zipfile.ZipFile, name: str, array: npt.NDArray) -> None:
    _write_parts(archive, name, array.dtype, array.shape, [array])


def _write_parts(
    archive: zipfile.ZipFile,
    name: str,
    dtype: np.dtype,
    shape: tuple[int, ...],
    parts: Iterable[npt.NDArray],
) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part).data.cast("B") if part.size else b"")


def _read(archive: zipfile.ZipFile, name: str) -> npt.NDArray:
    with archive.open(f"{name}.npy") as file:
        shape, dtype = _read_header(file)
        values = np.frombuffer(file.read(), dtype)
    if values.size != np.prod(shape, dtype=np.int64):
        raise ValueError(f"{name} is not of its shape {shape}")
    return values.reshape(shape)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return shape, dtype
