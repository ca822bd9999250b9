"""Which operations of torch, and kernels of a device, take the time: torch's own profiler."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from codeit.profiling.measured import Kernel

_MARK = "codeit profile begins"


@dataclass
class Watched:
    """What was seen, once the context is left.

    Attributes:
        begin: by `time.perf_counter`.
        kernels: those that took the longest first.
        events: as in a Chrome trace, in microseconds since `begin`.
    """

    begin: float = 0.0
    kernels: list[Kernel] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def watch_kernels(device: torch.device) -> Iterator[Watched]:
    """See what torch does on all threads, and on a GPU, for as long as the context lasts."""
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    watched = Watched()
    with profile(activities=activities, experimental_config=_of_all_threads()) as profiler:
        watched.begin = time.perf_counter()
        with record_function(_MARK):
            pass
        yield watched
    by_time = [
        Kernel(row.key, row.count, micros / 1e6)
        for row in profiler.key_averages()
        if row.key != _MARK and (micros := _own_time(row, device)) > 0
    ]
    watched.kernels = sorted(by_time, key=lambda kernel: -kernel.seconds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text(errors="replace"))["traceEvents"]
    start = next(event["ts"] for event in events if event.get("name") == _MARK)
    for event in events:
        if event.get("ph") == "X" and event["name"] != _MARK:
            watched.events.append(event | {"ts": event["ts"] - start})


def _own_time(row: Any, device: torch.device) -> float:
    """Microseconds. On a GPU of its kernels: torch counts them again for who launched them."""
    if device.type == "cpu":
        return float(row.self_cpu_time_total)
    return float(row.self_device_time_total) if row.device_type == DeviceType.CUDA else 0.0


def _of_all_threads() -> Any:
    """What makes torch look at threads that were not begun inside; None where it has no such."""
    try:
        return torch._C._profiler._ExperimentalConfig(profile_all_threads=True)
    except (AttributeError, TypeError):
        return None
