"""One thing after the other, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType


class Behind:
    """Does one thing at a time behind other work. Leaving the context waits for it.

    Args:
        is_lazy: whether each thing is done at once, on the thread that asks for it.
    """

    def __init__(self, is_lazy: bool = False) -> None:
        self._pool = None if is_lazy else ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool:
            self._pool.shutdown()
        if error is None:
            self.wait()

    def begin(self, work: Callable[[], None]) -> None:
        """Do this when what was begun before is done; raises what that has raised."""
        self.wait()
        if self._pool:
            self._last = self._pool.submit(work)
        else:
            work()

    def wait(self) -> None:
        """Until what was begun is done; raises what it has raised, once."""
        last, self._last = self._last, None
        if last:
            last.result()
