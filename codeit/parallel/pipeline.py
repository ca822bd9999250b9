"""Work that goes on behind other work: items go in as they come, results come out in one order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class QueueDepth:
    """How many items waited, each time that one more came."""

    mean: float
    most: int


class Pipeline(Generic[Item, Result]):
    """Threads that take items from a bounded queue. Made by `pipeline`.

    Who puts items in waits while the queue is full, so that slow work slows what is before it, and
    nothing is dropped. What the work raises is raised by the next call of `put` or `finish`.
    """

    def __init__(
        self, work: Callable[[Item], Result], threads: int, capacity: int, is_eager: bool
    ) -> None:
        self._work = work
        self._threads = threads
        self._capacity = capacity
        self._is_eager = is_eager
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, Item]] = deque()
        self._results: dict[int, Result] = {}
        self._failure: BaseException | None = None
        self._num_put = 0
        self._depth_sum = 0
        self._depth_most = 0
        self._is_complete = False
        self._workers: list[threading.Thread] = []

    def put(self, item: Item) -> None:
        """Have an item worked on; waits until there is room for it."""
        with self._changed:
            while self._is_eager and len(self._waiting) >= self._capacity and not self._failure:
                self._changed.wait()
            self._raise_failure()
            self._waiting.append((self._num_put, item))
            self._num_put += 1
            self._depth_sum += len(self._waiting)
            self._depth_most = max(self._depth_most, len(self._waiting))
            self._changed.notify_all()
        if self._is_eager:
            self._start()

    def finish(self) -> list[Result]:
        """Wait for all that was put in; the results, in the order of the items."""
        self._start()
        with self._changed:
            self._is_complete = True
            self._changed.notify_all()
            while len(self._results) < self._num_put and not self._failure:
                self._changed.wait()
            self._raise_failure()
            return [self._results[k] for k in range(self._num_put)]

    @property
    def num_waiting(self) -> int:
        """Items that nobody works on yet."""
        with self._changed:
            return len(self._waiting)

    @property
    def depth(self) -> QueueDepth:
        """Of the queue, so far."""
        with self._changed:
            return QueueDepth(self._depth_sum / max(self._num_put, 1), self._depth_most)

    def close(self, is_waited_for: bool) -> None:
        """Begin no more work."""
        with self._changed:
            self._is_complete = True
            self._waiting.clear()
            self._changed.notify_all()
        for worker in self._workers if is_waited_for else ():
            worker.join()

    def _start(self) -> None:
        # One thread for each item that waits, until there are all.
        while len(self._workers) < min(self._threads, self._num_put):
            worker = threading.Thread(target=self._run, daemon=True)
            self._workers.append(worker)
            worker.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_complete:
                    self._changed.wait()
                if not self._waiting or self._failure:
                    return
                number, item = self._waiting.popleft()
                self._changed.notify_all()
            try:
                result = self._work(item)
            except BaseException as error:
                with self._changed:
                    self._failure = self._failure or error
                    self._changed.notify_all()
                return
            with self._changed:
                self._results[number] = result
                self._changed.notify_all()

    def _raise_failure(self) -> None:
        if self._failure:
            raise self._failure


@contextmanager
def pipeline(
    work: Callable[[Item], Result], threads: int, capacity: int, *, is_eager: bool = True
) -> Iterator[Pipeline[Item, Result]]:
    """A pipeline, for as long as the context lasts.

    Leaving it by an exception begins no more work and waits for what has been begun, unless by a
    KeyboardInterrupt: then a thread ends with the item that it has, or with the process.

    Args:
        work: what to do with an item; never on this thread, so that this one can handle signals.
        threads: at most so many.
        capacity: how many items may wait.
        is_eager: whether work begins with the first item; if not, with `finish`, and any number of
            items may wait until then.
    """
    line = Pipeline(work, threads, capacity, is_eager)
    is_interrupted = False
    try:
        yield line
    except KeyboardInterrupt:
        is_interrupted = True
        raise
    finally:
        line.close(is_waited_for=not is_interrupted)
