"""When each stage of an iteration worked, and how much of the machine all of them used."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from codeit.parallel.pipeline import QueueDepth

MODEL_STAGES = ("learn", "sample")
"""Those in which the model runs: one of them should always do."""


@dataclass(frozen=True, order=True)
class Span:
    """A part of a stage: seconds on the iteration's clock, and the thread that worked."""

    begin: float
    end: float
    stage: str
    thread: int


@dataclass
class _Stage:
    spans: list[Span] = field(default_factory=list)
    cpu_seconds: float = 0.0
    num_items: int = 0


class Timeline:
    """The clock of one iteration. Stages may run side by side, each on any number of threads.

    Attributes:
        begin: by `time.perf_counter`.
        thread: the one that made it, which puts the stages together.
    """

    def __init__(self) -> None:
        self.thread = threading.get_native_id()
        self.begin = time.perf_counter()
        self._begin_cpu = time.process_time()
        self._stages: dict[str, _Stage] = {}
        self._queue = QueueDepth(0.0, 0)
        self._lock = threading.Lock()

    def note_queue(self, depth: QueueDepth) -> None:
        """How many tasks waited between sampling and what follows."""
        self._queue = depth

    @contextmanager
    def span(self, name: str, num_items: int = 1) -> Iterator[None]:
        """A part of a stage, on this thread."""
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            end, cpu = time.perf_counter(), time.thread_time() - begin_cpu
            with self._lock:
                stage = self._stages.setdefault(name, _Stage())
                thread = threading.get_native_id()
                stage.spans.append(Span(begin - self.begin, end - self.begin, name, thread))
                stage.cpu_seconds += cpu
                stage.num_items += num_items

    def spans(self) -> list[Span]:
        """All parts of all stages that have ended, in the order in which they began."""
        with self._lock:
            return sorted(span for stage in self._stages.values() for span in stage.spans)

    def stages(self) -> dict[str, dict[str, float]]:
        """Of each stage, in the order in which they began: `begin` and `end` on the iteration's
        clock, `busy` seconds on all of its threads, `cpu` seconds on the threads that called it
        (not on those that PyTorch or native code has of its own), and the number of `items`."""
        with self._lock:
            found = sorted(self._stages.items(), key=lambda item: min(item[1].spans))
            return {
                name: {
                    "begin": round(min(span.begin for span in stage.spans), 3),
                    "end": round(max(span.end for span in stage.spans), 3),
                    "busy": round(sum(span.end - span.begin for span in stage.spans), 3),
                    "cpu": round(stage.cpu_seconds, 3),
                    "items": stage.num_items,
                }
                for name, stage in found
            }

    def seconds(self) -> dict[str, float]:
        """Busy seconds of each stage."""
        return {name: stage["busy"] for name, stage in self.stages().items()}

    def use(self, num_cores: int) -> Mapping[str, float]:
        """Of the iteration until now: `wall` seconds, the share of them in which the `model` runs
        (MODEL_STAGES), and how busy so many `cores` are; and how many tasks waited to be run."""
        wall = time.perf_counter() - self.begin
        with self._lock:
            spans = [
                s for name in MODEL_STAGES if name in self._stages for s in self._stages[name].spans
            ]
        cpu = time.process_time() - self._begin_cpu
        return {
            "wall": round(wall, 3),
            "model": round(covered(spans) / max(wall, 1e-9), 4),
            "cores": round(cpu / max(wall, 1e-9) / num_cores, 4),
            "queue_mean": round(self._queue.mean, 2),
            "queue_most": self._queue.most,
        }


def covered(spans: Iterable[Span]) -> float:
    """How long at least one of the spans lasts."""
    total, reached = 0.0, 0.0
    for span in sorted(spans):
        total += max(0.0, span.end - max(span.begin, reached))
        reached = max(reached, span.end)
    return total


def in_one_line(seconds: Mapping[str, float], use: Mapping[str, float]) -> str:
    """Of an iteration, for the console: what takes less than a hundredth of it stands together."""
    least = use["wall"] / 100
    long = {name: value for name, value in seconds.items() if value >= least}
    rest = sum(seconds.values()) - sum(long.values())
    stages = ", ".join(f"{name} {value:.1f}" for name, value in (long | {"rest": rest}).items())
    return (
        f"  {use['wall']:.1f} s, the model running {use['model']:.0%} of them, the cores busy "
        f"{use['cores']:.0%}; busy seconds: {stages}"
    )
