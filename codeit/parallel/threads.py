"""Work on threads: with results in order, or as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

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


@contextmanager
def merged(work: Callable[[int], Iterator[Result]], threads: int) -> Iterator[Iterator[Result]]:
    """An iterator over what work(0), ..., work(threads - 1) yield, each on a thread of its own.

    Results come as they are made; on this thread if threads is 1. What a thread raises is raised
    here. Leaving the context ends every thread at its next result.
    """
    if threads == 1:
        yield work(0)
        return
    results: SimpleQueue[Result | BaseException | None] = SimpleQueue()
    is_over = False

    def run(number: int) -> None:
        try:
            for result in work(number):
                results.put(result)
                if is_over:
                    return
            results.put(None)
        except BaseException as error:
            results.put(error)

    def until_all_are_done() -> Iterator[Result]:
        num_running = threads
        while num_running:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                num_running -= 1
            else:
                yield result

    with ThreadPoolExecutor(threads) as pool:
        try:
            for number in range(threads):
                pool.submit(run, number)
            yield until_all_are_done()
        finally:
            is_over = True


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
    results: SimpleQueue[tuple[Result] | BaseException | None] = SimpleQueue()
    is_over = False

    def take() -> tuple[Item] | None:
        with lock:
            for item in () if is_over else waiting:
                return (item,)
        return None

    def run() -> None:
        try:
            while taken := take():
                results.put((function(*taken),))
            results.put(None)
        except BaseException as error:
            results.put(error)

    def until_all_are_done() -> Iterator[Result]:
        num_running = threads
        while num_running:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                num_running -= 1
            else:
                yield result[0]

    workers = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    is_interrupted = False
    try:
        yield until_all_are_done()
    except KeyboardInterrupt:
        is_interrupted = True
        raise
    finally:
        is_over = True
        for worker in () if is_interrupted else workers:
            worker.join()
