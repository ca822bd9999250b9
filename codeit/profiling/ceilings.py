"""What this machine reaches at best: bytes of a large copy, operations of a large product."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

_SECONDS = 0.4
"""Of each measurement, at least two repeats."""


@dataclass(frozen=True)
class Ceilings:
    """Of a device; of a CPU, of so many threads at once, as training and sampling use them.

    Attributes:
        copy: bytes a second, those read and those written.
        products: operations a second in float32, bfloat16 and int8; without those that cannot be
            had here.
    """

    device: str
    threads: int
    copy: float
    products: dict[str, float]


def measure(
    device: torch.device, threads: int, timer: Callable[[], float] = time.perf_counter
) -> Ceilings:
    """Those of a device; takes about two seconds.

    Args:
        threads: of a CPU.
        timer: seconds; `time.process_time`, on one thread, leaves out the work of others.
    """
    is_cuda = device.type == "cuda"
    threads = 1 if is_cuda else threads
    num_bytes = (1 << 30) if is_cuda else (1 << 27) // threads
    copy = _rate(lambda: _copy(num_bytes, device), 2 * num_bytes, device, threads, timer)
    products: dict[str, float] = {}
    size = 8192 if is_cuda else 1024
    for name in ("float32", "bfloat16", "int8"):
        try:
            products[name] = _rate(
                lambda name=name: _product(name, size, device),  # type: ignore[misc]
                2 * size**3,
                device,
                threads,
                timer,
            )
        except (RuntimeError, TypeError):  # torch has no such product here
            continue
    name = torch.cuda.get_device_name(device) if is_cuda else "the CPU"
    return Ceilings(name, threads, copy, products)


def _copy(num_bytes: int, device: torch.device) -> Callable[[], object]:
    from_, to = (torch.ones(num_bytes // 4, device=device) for _ in range(2))
    return lambda: to.copy_(from_)


def _product(name: str, size: int, device: torch.device) -> Callable[[], object]:
    if name == "int8":
        a, b = (torch.ones(size, size, dtype=torch.int8, device=device) for _ in range(2))
        return lambda: torch._int_mm(a, b)
    a, b = (torch.ones(size, size, dtype=getattr(torch, name), device=device) for _ in range(2))
    return lambda: a @ b


def _rate(
    make: Callable[[], Callable[[], object]],
    amount: float,
    device: torch.device,
    threads: int,
    timer: Callable[[], float],
) -> float:
    """Amount a second, of all threads together, each doing its own at the same time."""
    works = [make() for _ in range(threads)]

    def best(work: Callable[[], object]) -> float:
        with torch.inference_mode():
            work()
            until = timer() + _SECONDS
            seconds: list[float] = []
            while len(seconds) < 2 or timer() < until:
                start = timer()
                work()
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
                seconds.append(timer() - start)
        return min(seconds)

    if threads == 1:
        return amount / best(works[0])
    with ThreadPoolExecutor(threads) as pool:
        return sum(amount / seconds for seconds in pool.map(best, works))
