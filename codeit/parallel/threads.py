"""Work on threads: with results in order, or as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Iterator[Result]]:
    """An iterator over function(item), in the order of the items; on this thread if threads is 1.

    Leaving the context waits for what has been started and drops what has not.
    """
    if threads == 1:
        yield map(function, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield pool.map(function, items)
        finally:
            pool.shutdown(cancel_futures=True)


MOST_WAITING = 1024
"""Results of threads that nobody has taken yet, at most."""


class _Results(Generic[Result]):
    """What some threads make, for another one to take as it comes.

    Who takes them slowly slows the threads: each waits while MOST_WAITING results do.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[Result] | BaseException | None] = SimpleQueue()
        self._room = threading.Semaphore(MOST_WAITING)
        self._is_over = False

    def end(self, num_threads: int) -> None:
        """Nobody takes any more: each of so many threads ends at its next result."""
        self._is_over = True
        self._room.release(num_threads)

    @property
    def is_over(self) -> bool:
        return self._is_over

    def put_all(self, make: Callable[[], Iterator[Result]]) -> None:
        """All that one thread makes, or what it raises."""
        try:
            for result in make():
                self._room.acquire()
                if self._is_over:
                    return
                self._queue.put((result,))
            self._queue.put(None)
        except BaseException as error:
            self._queue.put(error)

    def take(self, num_threads: int) -> Iterator[Result]:
        """The results until so many threads have made all of theirs; raises what one raises."""
        while num_threads:
            taken = self._queue.get()
            if isinstance(taken, BaseException):
                raise taken
            if taken is None:
                num_threads -= 1
            else:
                self._room.release()
                yield taken[0]


@contextmanager
def merged(work: Callable[[int], Iterator[Result]], threads: int) -> Iterator[Iterator[Result]]:
    """An iterator over what work(0), ..., work(threads - 1) yield, each on a thread of its own.

    Results come as they are made; on this thread if threads is 1. What a thread raises is raised
    here. Leaving the context ends every thread at its next result.
    """
    if threads == 1:
        yield work(0)
        return
    results = _Results[Result]()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for number in range(threads):
                pool.submit(results.put_all, partial(work, number))
            yield results.take(threads)
        finally:
            results.end(threads)


@contextmanager
def unordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Iterator[Result]]:
    """An iterator over function(item), as they are done; never on this thread.

    So this thread can handle signals while native code works on the others. What a thread raises
    is raised here. Leaving the context starts no more and waits for what has been started, unless
    by a KeyboardInterrupt: then a thread ends with the item that it has, or with the process.
    """
    waiting = iter(items)
    lock = threading.Lock()
    results = _Results[Result]()

    def take() -> tuple[Item] | None:
        with lock:
            for item in () if results.is_over else waiting:
                return (item,)
        return None

    def made() -> Iterator[Result]:
        return (function(*taken) for taken in iter(take, None))

    put = partial(results.put_all, made)
    workers = [threading.Thread(target=put, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    is_interrupted = False
    try:
        yield results.take(threads)
    except KeyboardInterrupt:
        is_interrupted = True
        raise
    finally:
        results.end(threads)
        for worker in () if is_interrupted else workers:
            worker.join()
