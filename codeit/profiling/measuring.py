"""Runs an iteration of the loop, or one of its stages, and measures it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from codeit.execution.executor import num_usable_cores
from codeit.learning.training.trainer import TrainingReport
from codeit.mutation import MutatedTask
from codeit.policy.model.checkpoint import GEOMETRIES, find_device
from codeit.profiling.ceilings import Ceilings, measure
from codeit.profiling.kernels import Watched, watch_kernels
from codeit.profiling.measured import Measured, Part
from codeit.runs.directory import RunDirectory
from codeit.runs.loop import Loop
from codeit.runs.settings import RunSettings, settings_to_toml, with_absolute_paths
from codeit.runs.stages import MOST_WAITING
from codeit.runs.timeline import Timeline
from codeit.tasks import datasets

Stage = Literal["iteration", "sampling", "training", "executing"]


@dataclass
class Clock:
    """Seconds of the clock and of the processor, of one part after the other."""

    parts: list[Part] = field(default_factory=list)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        begin, cpu = time.perf_counter(), time.process_time()
        yield
        self.parts.append(Part(name, time.perf_counter() - begin, time.process_time() - cpu))


@dataclass(frozen=True)
class Machine:
    """What there is to work on, before anything of it is loaded."""

    ceilings: Ceilings
    num_tasks: int
    num_weights: int
    """By which a model of these settings multiplies a token, roughly."""

    @classmethod
    def of(cls, settings: RunSettings) -> Machine:
        """That of settings; takes some seconds.

        Raises:
            ValueError, OSError: there is no such device, or the tasks cannot be loaded.
        """
        device = find_device(settings.model.device)
        threads = settings.threads or num_usable_cores()
        sizes = GEOMETRIES.get(settings.model.name, GEOMETRIES["Salesforce/codet5p-220m"])
        inner = sizes.num_heads * sizes.d_kv
        layer = 6 * sizes.d_model * inner + 2 * sizes.d_model * sizes.d_ff
        num_weights = 2 * sizes.num_layers * layer + sizes.d_model * (sizes.vocab_size or 1000)
        num_tasks = len(datasets.load(settings.data.evaluation))
        return cls(measure(device, threads), settings.data.num_evaluation or num_tasks, num_weights)


@dataclass(frozen=True)
class Profile:
    """What was measured, and what torch's profiler saw in microseconds on the same clock."""

    measured: Measured
    kernel_events: list[dict[str, Any]]


class _ProfiledLoop(Loop):
    """A loop that keeps what it knows of its last iteration."""

    def __init__(self, settings: RunSettings, console: Console, with_kernels: bool) -> None:
        super().__init__(settings, console)
        self.clock = Clock()
        self.watched: Watched | None = None
        self._with_kernels = with_kernels
        self._made: dict[int, list[MutatedTask]] = {}  # by iteration, before it is measured
        self.report: TrainingReport | None = None
        self.timeline = Timeline()
        self.use: dict[str, float] = {}

    def measure(self, stage: Stage, folder: Path) -> None:
        """Do it twice, and keep what the second time takes: the first one warms up."""
        if stage == "iteration":
            with RunDirectory.create(folder, settings_to_toml(self._settings)) as directory:
                self.run(directory)
        elif stage == "training":
            self._start()
            for _ in self._twice():
                self._learn(1, self._timeline)
        elif stage == "sampling":
            for again in self._twice():
                tasks = self._tasks if again else self._tasks[:1]
                ids = self._policy.sample_ids(tasks, self._seed("sample", 1))
                with self._timeline.span("sample", len(tasks)):
                    list(ids)
        else:
            # Other programs each time: what a program hits elsewhere is remembered.
            count = len(self._tasks) * self._settings.sampling.samples_per_task
            self._made = {k: super(_ProfiledLoop, self)._mutate(k, count) for k in (1, 2)}
            for again in self._twice():
                self._mutants_instead(2 if again else 1, self._timeline)

    def _twice(self) -> Iterator[bool]:
        """Whether it is the second time, which is measured."""
        yield False
        self._timeline = Timeline()
        with self._watching():
            yield True
            self._note()

    @contextmanager
    def _watching(self) -> Iterator[None]:
        if not self._with_kernels:
            yield
            return
        with watch_kernels(self._device) as self.watched:
            yield

    def _note(self) -> None:
        self.timeline = self._timeline
        self.use = dict(self.timeline.use(self._workers.threads))

    def _start(self) -> Any:
        with self.clock.part("first experiences"):
            return super()._start()

    def _iterate(self, iteration: int) -> Any:
        if iteration < self._settings.iterations:
            return super()._iterate(iteration)
        with self._watching():
            done = super()._iterate(iteration)
            self._note()
        return done

    def _learn(self, iteration: int, timeline: Timeline) -> TrainingReport:
        self.report = super()._learn(iteration, timeline)
        return self.report

    def _mutate(self, iteration: int, count: int) -> list[MutatedTask]:
        if iteration in self._made:
            return self._made[iteration]
        with self._timeline.span("mutate", count):
            return super()._mutate(iteration, count)

    def sampling(self) -> dict[str, float]:
        """Figures of the last samples; {} without any."""
        seconds = self.timeline.seconds().get("sample")
        return {} if seconds is None else self._policy.counts.figures(seconds)

    def training(self) -> dict[str, float]:
        """Figures of the last training; {} without any."""
        report = self.report
        if report is None:
            return {}
        return {
            "num_tokens": report.num_tokens + report.num_source_tokens,
            "num_steps": report.num_steps,
            "num_flops": report.num_flops,
            "share_of_padding": report.share_of_padding,
        }


def profile(
    settings: RunSettings, stage: Stage, ceilings: Ceilings, with_kernels: bool = False
) -> Profile:
    """Measure an iteration, or a stage alone.

    Raises:
        ValueError, OSError, FloatingPointError: as the loop does.
    """
    clock = Clock()
    with clock.part("tasks, programs, model"):
        loop = _ProfiledLoop(with_absolute_paths(settings), Console(quiet=True), with_kernels)
    with tempfile.TemporaryDirectory(prefix="codeit-profile-") as folder:
        loop.measure(stage, Path(folder) / "run")
    timeline, use, watched = loop.timeline, loop.use, loop.watched
    measured = Measured(
        wall=use["wall"],
        model=use["model"],
        cores=use["cores"],
        num_cores=settings.threads or num_usable_cores(),
        queue_mean=use["queue_mean"],
        queue_most=int(use["queue_most"]),
        queue_capacity=MOST_WAITING,
        thread=timeline.thread,
        spans=timeline.spans(),
        stages=timeline.stages(),
        alone="" if stage == "iteration" else stage,
        training=loop.training() if stage in ("iteration", "training") else {},
        sampling=loop.sampling(),
        training_precision=settings.training.precision,
        sampling_precision=settings.sampling.precision,
        products=ceilings.products,
        copy=ceilings.copy,
        on_cpu=find_device(settings.model.device).type == "cpu",
        load=os.getloadavg()[0],
        start_up=[*clock.parts, *loop.clock.parts],
        kernels=watched.kernels if watched else (),
    )
    events = []
    if watched:
        later = (watched.begin - timeline.begin) * 1e6
        events = [event | {"ts": event["ts"] + later} for event in watched.events]
    return Profile(measured, events)
