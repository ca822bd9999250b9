"""Experiences to store, and the plain buffer beside which the native one is timed."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

BATCH = 100_000
"""Experiences given to one upsert."""

Buffer = TypeVar("Buffer")


class Batches:
    """The input: keys and priorities of N experiences, and ids that all batches share.

    Args:
        source_ids, target_ids: how many ids each experience has.
        batch: experiences that are given to the buffer together.
    """

    def __init__(
        self,
        num_experiences: int,
        source_ids: int,
        target_ids: int,
        seed: int,
        batch: int = BATCH,
    ) -> None:
        generator = np.random.default_rng(seed)
        self.size = num_experiences
        self.lengths = source_ids, target_ids
        self._batch = batch
        self.keys = generator.integers(0, 2**64, (num_experiences, 2), dtype=np.uint64)
        # Shares of up to ten demonstrations; most programs reproduce none.
        share = generator.integers(0, 11, num_experiences) / 10
        share[generator.random(num_experiences) < 0.5] = 0
        self.priority = share + 1e-19
        count = min(batch, num_experiences)
        self.source_ids = generator.integers(0, 32_100, count * source_ids).astype(np.uint16)
        self.target_ids = generator.integers(0, 32_100, count * target_ids).astype(np.uint16)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        source, target = self.lengths
        for begin in range(0, self.size, self._batch):
            end = min(begin + self._batch, self.size)
            count = end - begin
            yield (
                self.keys[begin:end],
                self.priority[begin:end],
                np.zeros(count, np.int32),
                np.zeros(count, np.uint8),
                self.source_ids[: count * source],
                np.arange(count + 1) * source,
                self.target_ids[: count * target],
                np.arange(count + 1) * target,
            )

    def ids_of(self, number: int) -> npt.NDArray[np.uint16]:
        """The source ids of one experience."""
        at, source = number % self._batch, self.lengths[0]
        return self.source_ids[at * source : (at + 1) * source]


class PlainBuffer:
    """The same contract up to capacity in plain NumPy: a dict from key to row, dense columns."""

    def __init__(self, capacity: int, source_ids: int, target_ids: int) -> None:
        self.rows: dict[bytes, int] = {}
        self.priority = np.empty(capacity)
        self.iteration = np.empty(capacity, np.int32)
        self.origin = np.empty(capacity, np.uint8)
        self.source = np.empty((capacity, source_ids), np.uint16)
        self.target = np.empty((capacity, target_ids), np.uint16)

    def upsert(
        self,
        keys: Any,
        priority: Any,
        iteration: Any,
        origin: Any,
        source_ids: Any,
        _: Any,
        target_ids: Any,
        __: Any,
    ) -> None:
        """Store a batch, of which known keys take new values."""
        names = keys.view("V16").ravel().tolist()
        rows = np.array([self.rows.setdefault(name, len(self.rows)) for name in names])
        self.priority[rows] = priority
        self.iteration[rows] = iteration
        self.origin[rows] = origin
        self.source[rows] = source_ids.reshape(len(rows), -1)
        self.target[rows] = target_ids.reshape(len(rows), -1)


def stored(buffer: Buffer, batches: Batches) -> Buffer:
    """A buffer with all batches in it."""
    for batch in batches:
        buffer.upsert(*batch)  # type: ignore[attr-defined]
    return buffer


def draw_plain(priority: Any, n: int, generator: np.random.Generator) -> Any:
    """The exponential race in two NumPy calls."""
    times = generator.standard_exponential(len(priority)) / priority
    return np.argpartition(times, n)[:n]


def return_memory() -> None:
    """Gives what was freed back to the system, so that no repeat finds its memory ready."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def storage_fault(buffer: Any, batches: Batches) -> str:
    """What is wrong with a buffer that should hold all batches; "" where nothing is."""
    numbers = np.linspace(0, batches.size - 1, min(1000, batches.size)).astype(np.int64)
    if len(buffer) != batches.size:
        return f"{len(buffer):,} of {batches.size:,} experiences are stored"
    keys = buffer.columns(np.arange(batches.size))[0][:, 0]
    order = np.argsort(keys)
    places = np.searchsorted(keys, batches.keys[numbers, 0], sorter=order)
    slots = order[places.clip(0, batches.size - 1)]
    found_keys, found_priority = buffer.columns(slots)[:2]
    if not np.array_equal(found_keys, batches.keys[numbers]):
        return "a key is not stored"
    if not np.array_equal(found_priority, batches.priority[numbers]):
        return "a priority is not the one that was given"
    expected = np.concatenate([batches.ids_of(number) for number in numbers])
    same = np.array_equal(buffer.gather(slots)[0], expected)
    return "" if same else "the ids are not those that were given"


def draw_fault(
    priority: Any, drawn: Any, n: int, seed: int, *, is_distinct: bool, least: float = 0.0
) -> str:
    """What is wrong with a draw, beside a plain one: how many of each priority from `least` on."""
    if len(drawn) != n or (is_distinct and len(np.unique(drawn)) != n):
        return f"{len(np.unique(drawn)):,} of {n:,} distinct experiences are drawn"
    generator = np.random.default_rng(seed)
    if is_distinct:
        expected = draw_plain(priority, n, generator)
    else:
        expected = generator.choice(len(priority), n, p=priority / priority.sum())
    for value in np.unique(priority[priority >= least]):
        counts = [np.count_nonzero(priority[chosen] == value) for chosen in (drawn, expected)]
        # Six standard deviations of the difference of two counts.
        if abs(counts[0] - counts[1]) > 6 * (2 * max(int(counts[1]), 1)) ** 0.5:
            return f"{counts[0]:,} of priority {value:g} are drawn, where {counts[1]:,} are due"
    return ""
