"""Several processes that work as one, as `torchrun` starts them; or one that works alone.

    torchrun --nproc-per-node 8 -m codeit train --preset paper --out runs/paper

Every process holds the model and the buffer. Each samples, executes and trains on its share; what
it finds is given to all, so that all go on from the same state.
"""

from __future__ import annotations

import atexit
import os
import pickle
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import NoReturn, TypeVar

import torch
from torch import distributed

Item = TypeVar("Item")

SECONDS_FOR_A_WORD = 3.0
"""torchrun ends all processes once one has ended; the one that says why needs so long at most."""

_PATIENCE = timedelta(days=1)
"""How long one process waits for another, which may have a long search to finish. PyTorch would
take it for lost after half an hour; one that has ended breaks the connection at once."""


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a run, and which of them this is."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Among those of this machine, as is local_size."""
    local_size: int = 1
    places: tuple[tuple[str, int], ...] = ()
    """Of each process, the machine and the number that the machine knows it by."""

    @classmethod
    def join(cls) -> ProcessGroup:
        """The processes that the environment names; waits until all are there."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return SINGLE_PROCESS
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        missing = [name for name in names if name not in os.environ]
        if missing:
            raise ValueError(
                f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, and {', '.join(missing)} not set; "
                "torchrun sets all of them, or unset WORLD_SIZE to work alone"
            )
        if not distributed.is_initialized():
            has_cuda = torch.cuda.is_available()
            backend = "cpu:gloo,cuda:nccl" if has_cuda else "gloo"
            distributed.init_process_group(backend, timeout=_PATIENCE)
            atexit.register(distributed.destroy_process_group)
        rank, size, local_rank, local_size = (int(os.environ[name]) for name in names)
        joined = cls(rank, size, local_rank, local_size)
        places = joined.gather([(socket.gethostname(), os.getpid())])
        return replace(joined, places=tuple(places))

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def lost(self) -> tuple[list[int], bool]:
        """The ranks of those that have ended, as far as this machine can tell, and whether this is
        the first of those that are left."""
        here = socket.gethostname()
        ended = [k for k, (host, pid) in enumerate(self.places) if host == here and _is_over(pid)]
        left = [k for k in range(self.size) if k not in ended]
        return ended, self.rank == left[0]

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part of what all have."""
        return items[self.rank :: self.size]

    def gather(self, items: Iterable[Item]) -> list[Item]:
        """The items of all processes, in the order of `share` if each made one of each of its;
        where one raises while it makes them, all do."""
        if self.size == 1:
            return list(items)
        own: list[Item] | _Failure
        try:
            own = list(items)
        except Exception as error:
            own = _Failure(_sendable(error))
        gathered: list[list[Item] | _Failure] = [own] * self.size
        with _hearing_all():
            distributed.all_gather_object(gathered, own)
        parts: list[list[Item]] = []
        for rank, part in enumerate(gathered):
            if isinstance(part, _Failure):
                # What has come back from the others has lost where it was raised.
                raised = own if rank == self.rank and isinstance(own, _Failure) else part
                self.raise_once(raised.error)
            parts.append(part)
        longest = max(map(len, parts))
        rounds = ([part[k] for part in parts if k < len(part)] for k in range(longest))
        return list(chain.from_iterable(rounds))

    def once(self, make: Callable[[], Sequence[Item]]) -> list[Item]:
        """What the first process makes, in all of them; where it raises, all do."""

        def items() -> Iterator[Item]:
            yield from make() if self.is_first else ()

        return self.gather(items())

    def check_same(self, values: Mapping[str, object]) -> None:
        """Raise ValueError in all processes unless they were given the same values."""
        first, *others = self.gather([values])
        for rank, other in enumerate(others, start=1):
            for name, value in first.items():
                if other.get(name) != value:
                    self.raise_once(
                        ValueError(
                            f"{name} is {value!r} in process 0 of this run and {other.get(name)!r} "
                            f"in process {rank}; all need the same"
                        )
                    )

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each by its sum over all processes, the same to the last bit in all of them."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        with _hearing_all():
            distributed.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Where one process raises, all do, so that none waits for one that has ended.

        What is done inside must not wait for the others.
        """
        if self.size == 1:
            yield
            return
        failure = None
        try:
            yield
        except Exception as error:
            failure = error
        self.gather(_raised(failure))

    def raise_once(self, error: Exception) -> NoReturn:
        """Raise what all processes have found; all but the first end without a word."""
        if self.is_first:
            raise error
        time.sleep(SECONDS_FOR_A_WORD)
        raise SystemExit(1)


@dataclass(frozen=True)
class _Failure:
    """What a process has raised, for the others."""

    error: Exception


def _sendable(error: Exception) -> Exception:
    """The error, or one that says the same, if it cannot go to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _raised(failure: Exception | None) -> Iterator[NoReturn]:
    if failure is not None:
        raise failure
    yield from ()


def _is_over(pid: int) -> bool:
    """Whether a process of this machine has ended; also where its parent has not noticed yet."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return True
    except OSError:  # no such files on this system
        return False
    return state in "ZX"


class ProcessLost(ConnectionError):
    """Another process of the group has ended."""


@contextmanager
def _hearing_all() -> Iterator[None]:
    """Where the others are waited for.

    Raises:
        ProcessLost: one of them has ended.
    """
    try:
        yield
    except RuntimeError as error:
        # gloo begins with the place in its own source.
        reason = str(error).splitlines()[0].rpartition("] ")[2].partition(". ")[0].strip(" :")
        raise ProcessLost(f"another process of this run has ended ({reason:.100})") from None


SINGLE_PROCESS = ProcessGroup()
