"""Work on threads whose results come in order, whatever the number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
