"""What a profile has measured: plain figures, of which tables, files and the verdict are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from codeit.runs.timeline import Span, covered

_WANTED = 1.5
"""Threads that want each core, from which on there are others, and the share of the cores that the
iteration had, below which they matter."""
_HAD = 0.7


@dataclass(frozen=True)
class Part:
    """Of starting up: seconds of the clock and of the processor."""

    name: str
    wall: float
    cpu: float


@dataclass(frozen=True)
class Kernel:
    """An operation of torch or a kernel of the device: its own time, without what it calls."""

    name: str
    calls: int
    seconds: float


@dataclass(frozen=True)
class Use:
    """What of a ceiling a stage reaches: its name, and the share."""

    ceiling: str
    share: float


@dataclass(frozen=True)
class Measured:
    """Of one iteration, or of one stage of it.

    Attributes:
        wall: seconds.
        model: the share of it in which the model runs.
        cores: the share of num_cores that was busy.
        queue_mean, queue_most: tasks whose samples waited to be run; queue_capacity is the limit.
        thread: the one that puts the stages together.
        stages: as `Timeline.stages` gives them.
        training, sampling: figures of the model's stages, as in IterationMetrics; {} where they
            did not run.
        products, copy: the machine's ceilings, as in `Ceilings`.
        on_cpu: whether the model runs on the cores, too.
        alone: the stage that was measured alone; "" for an iteration.
        load: threads of all processes that wanted a core, on average of the last minute.
    """

    wall: float
    model: float
    cores: float
    num_cores: int
    queue_mean: float
    queue_most: int
    queue_capacity: int
    thread: int
    spans: Sequence[Span]
    stages: Mapping[str, Mapping[str, float]]
    training: Mapping[str, float]
    sampling: Mapping[str, float]
    training_precision: str
    sampling_precision: str
    products: Mapping[str, float]
    copy: float
    on_cpu: bool
    alone: str = ""
    load: float = 0.0
    start_up: Sequence[Part] = ()
    kernels: Sequence[Kernel] = field(default_factory=list)

    @property
    def is_crowded(self) -> bool:
        """Whether others took the cores away."""
        return self.load > _WANTED * self.num_cores and self.cores < _HAD

    def covered(self, stage: str) -> float:
        """Seconds in which a stage works, on one thread or several."""
        return covered(span for span in self.spans if span.stage == stage)

    def own(self) -> dict[str, float]:
        """Seconds of what the thread does that puts the stages together, the longest first."""
        found: dict[str, float] = {}
        for span in self.spans:
            if span.thread == self.thread:
                found[span.stage] = found.get(span.stage, 0.0) + span.end - span.begin
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def awaited(self) -> dict[str, float]:
        """Seconds for which stages work while that thread waits, on all threads, the longest first;
        without those of the waiting itself."""
        waits = [s for s in self.spans if s.stage == "wait" and s.thread == self.thread]
        found: dict[str, float] = {}
        for span in self.spans:
            if span.thread != self.thread:
                for wait in waits:
                    both = min(span.end, wait.end) - max(span.begin, wait.begin)
                    if both > 0:
                        found[span.stage] = found.get(span.stage, 0.0) + both
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def rate(self, stage: str) -> float:
        """A second of the time in which the stage works: of items; of the model's, tokens."""
        items = self.stages[stage]["items"]
        if stage == "learn" and self.training:
            items = self.training["num_tokens"]
        elif stage == "sample" and self.sampling:
            items = self.sampling["num_tokens"]
        return items / max(self.covered(stage), 1e-9)

    def use_of_ceiling(self, stage: str) -> Use | None:
        """Of the model's stages, that of the two ceilings which is nearer; None for others."""
        seconds = max(self.covered(stage), 1e-9) if stage in self.stages else 0.0
        uses = []
        if stage == "learn" and self.training and self.training_precision in self.products:
            rate = self.products[self.training_precision]
            share = self.training["num_flops"] / seconds / rate
            uses.append(Use(f"{self.training_precision} products", share))
        if stage == "sample" and self.sampling:
            # Weights in int8 are multiplied by activations in bfloat16 or float32.
            precision = self.sampling_precision
            precision = "float32" if precision == "int8" else precision
            if precision in self.products:
                share = self.sampling["num_flops"] / seconds / self.products[precision]
                uses.append(Use(f"{precision} products", share))
            uses.append(Use("copying", self.sampling["num_bytes"] / seconds / self.copy))
        return max(uses, key=lambda use: use.share, default=None)
