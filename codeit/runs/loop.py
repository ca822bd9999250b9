"""The CodeIt loop: learn, sample, execute, relabel, store; again and again.

The only room that knows two neighbours. An iteration learns first, as the original's code does, so
that its score tells what it has learned. While it samples, the programs that are written already
are run, scored and made into lessons (`harvest.py`), and beside both, tasks are searched around
what was written in the iteration before (`led_search.py`). What comes of all that is stored in the
order of the tasks, so that no result depends on time. No test pair is read but by the score.

Everything random in an iteration follows from the run's seed and the iteration's number. A run that
goes on from a checkpoint therefore does what it would have done without the break.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from rich.console import Console

from codeit.execution.executor import num_usable_cores
from codeit.files.event_file import EventFile
from codeit.language import Program
from codeit.language.corpus import digest_of_programs, read_programs
from codeit.language.program import distinct
from codeit.learning.experience import Experience, ExperienceWriter, Lessons, of_mutant
from codeit.learning.known_programs import KnownPrograms
from codeit.learning.replay import Origin, ReplayBuffer
from codeit.learning.samples import SampleCounts, Samples
from codeit.learning.training.trainer import Trainer, TrainingReport, write_state
from codeit.mutation import MutatedTask
from codeit.parallel.behind import Behind
from codeit.parallel.processes import SINGLE_PROCESS, ProcessGroup, ProcessLost
from codeit.policy.model.checkpoint import (
    build_model,
    find_device,
    save_checkpoint,
)
from codeit.policy.policy import Policy
from codeit.policy.prompts import PromptWriter
from codeit.policy.sampling.constraint import check_max_tokens
from codeit.policy.tokenizer import Tokenizer, load_tokenizer
from codeit.primitives.file import load_primitives
from codeit.runs.directory import Order, RunDirectory
from codeit.runs.ending import end_early, terminate_as_interrupt
from codeit.runs.evaluation import choose_tasks
from codeit.runs.harvest import Elsewhere, Harvest, Harvester, taught_by
from codeit.runs.led_search import LedSearch, Yield
from codeit.runs.metrics import (
    IterationMetrics,
    Metrics,
    StartMetrics,
    Stopwatch,
    check_finite,
    scalars,
    to_row,
)
from codeit.runs.mutants import load_mutants
from codeit.runs.resuming import WITHOUT_INFLUENCE, Changes, Position
from codeit.runs.seeds import choose_seeds
from codeit.runs.settings import RunSettings, setting_values
from codeit.runs.stages import (
    Workers,
    find_everywhere,
    harvest,
    learn,
    minimise,
    mutate,
    rank,
    search,
    write,
)
from codeit.runs.timeline import Timeline, in_one_line
from codeit.runs.tracking import Tracker
from codeit.searching.corpus import Corpus
from codeit.searching.settings import SearchSettings
from codeit.tasks import datasets
from codeit.tasks.scoring import Candidate, Figures, Score, in_words
from codeit.tasks.task import Task, digest_of_tasks
from codeit.terminal import counted, say

# In a checkpoint, beside the model.
_OPTIMIZER = "optimizer.pt"
_BUFFER = "replay.npz"
_KNOWN = "programs.npy"


@dataclass(frozen=True)
class _Done:
    """What there is to write about an iteration."""

    metrics: Metrics
    solutions: Mapping[str, list[Candidate]]
    """Programs that are found for the first time, by what has found them."""
    orders: Sequence[Order]
    """In which the programs of all together are submitted, where that has changed."""
    samples: list[Mapping[str, Any]]
    """Rows of what was written, task by task."""


class Loop:
    """One run. Making it loads everything that can be missing or wrong.

    With a checkpoint, model, optimizer and buffer are those that it holds.

    Attributes:
        digests: of the tasks and programs that were loaded, under the settings that name them.
    """

    def __init__(
        self,
        settings: RunSettings,
        console: Console,
        checkpoint: Path | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self._settings = settings
        self._console = console
        threads = settings.threads or max(1, num_usable_cores() // processes.local_size)
        self._workers = Workers(processes, threads, settings.limits, console, settings.overlap)
        # Sampler and trainer run batches side by side. One thread inside each makes every sum come
        # out the same on any machine.
        torch.set_num_threads(1)
        data = settings.data
        own = load_primitives(Path(settings.primitives)) if settings.primitives else None
        corpus = read_programs(settings.programs or None, data.dialect)
        seeds = corpus.seeds
        sources = {source: datasets.read(source) for source in (data.training, data.evaluation)}
        training = sources[data.training].tasks
        evaluation = sources[data.evaluation].tasks
        self._to_solve = choose_tasks(evaluation, data.num_evaluation, training)
        self._tasks = self._to_solve.tasks
        self.digests = {
            "programs": digest_of_programs(seeds),
            "data.training": digest_of_tasks(training),
            "data.evaluation": digest_of_tasks(self._tasks),
        }
        if own:
            self.digests["primitives"] = own.digest
        self._device = find_device(settings.model.device, processes.local_rank)
        model = settings.model
        if checkpoint:
            model = replace(model, name=str(checkpoint), pretrained=True, tokenizer="")
        tokenizer: Tokenizer = load_tokenizer(model.tokenizer_name)
        check_max_tokens(settings.sampling, tokenizer)
        prompts = PromptWriter(tokenizer, data.max_demonstrations, data.max_prompt_tokens)
        self._writer = ExperienceWriter(
            prompts, settings.sampling.max_tokens, bool(settings.replay.distance_weight)
        )
        self._seeds = choose_seeds(
            seeds, training, data.training, self._writer.fits, threads, settings.limits
        )
        self._notes = [line for name, read in sources.items() for line in read.sentences(name)]
        self._notes += corpus.sentences(settings.programs)
        self._notes += [*self._seeds.sentences(), *self._to_solve.sentences(prompts.is_cut)]
        say(console, *self._notes)
        network = build_model(model, tokenizer, self._seed("model", 0)).to(self._device)
        self._policy = Policy(network, prompts, settings.sampling, threads)
        self._trainer = Trainer(network, settings.training, threads, processes)
        if checkpoint:
            self._trainer.load(checkpoint / _OPTIMIZER)
            self._buffer = ReplayBuffer.load(checkpoint / _BUFFER, settings.replay)
        else:
            self._buffer = ReplayBuffer(settings.replay)
        self._known = KnownPrograms.load(checkpoint / _KNOWN) if checkpoint else KnownPrograms()
        self._saving = Behind(is_lazy=not settings.overlap)
        self._tracker = Tracker(settings.tracking if processes.is_first else "", console)
        self._timeline = Timeline()
        self._mutated: list[MutatedTask] | None = None
        count, fits = settings.mutation.num_tasks, self._writer.fits
        if data.mutated and count and not checkpoint:
            self._mutated = load_mutants(
                data.mutated, training, data.dialect, count, fits, threads, settings.limits
            )
        by_id = {task.task_id for task in training}
        self._corpus = Corpus.of([seed for seed in seeds if seed.task_id in by_id], training)
        self._found = Score({(task.task_id, task.digest) for task in self._to_solve.seen})
        elsewhere = Elsewhere(self._tasks, settings.limits) if settings.elsewhere else None
        self._harvester = Harvester(
            self._tasks,
            self._writer,
            tokenizer,
            data.dialect,
            settings.limits,
            settings.relabel,
            elsewhere,
        )
        self._led = self._led_search()
        if checkpoint and self._led:
            self._led.load(checkpoint, data.dialect)
        self._policy.check(self._tasks)

    def run(
        self,
        directory: RunDirectory | None,
        done: int = -1,
        changes: Changes | None = None,
        config_toml: str = "",
    ) -> None:
        """All iterations that follow one, -1 for the start, too.

        Args:
            directory: has those before; None for processes that do not write.
            done: the last one that is done.
            changes: of the settings since then.
            config_toml: to be written when all files are open, if they are not those of before.
        """
        changes = {k: c for k, c in (changes or {}).items() if k not in WITHOUT_INFLUENCE}
        if done >= 0:
            self._remember(directory)
        iteration = done + 1
        with terminate_as_interrupt(), self._saving:
            events = EventFile(directory.tensorboard, iteration) if directory else None
            if directory:
                name, values = directory.path.name, setting_values(self._settings)
                self._tracker.begin(directory.tensorboard, name, values)
            if directory and config_toml:
                directory.set_config(config_toml)
            try:
                for iteration in range(done + 1, self._settings.iterations + 1):
                    result = self._iterate(iteration) if iteration else self._start()
                    if changes and iteration == done + 1:
                        result.metrics.changed = changes
                    with self._workers.processes.together():
                        check_finite(to_row(result.metrics))
                    self._saving.wait()
                    self._timeline = Timeline()
                    if directory and events:
                        with self._timeline.span("record"):
                            self._record(iteration, result, directory, events)
                            self._save(directory, iteration)
            except FloatingPointError as error:
                kept = f"; the checkpoint of iteration {iteration - 1} is kept" if iteration else ""
                raise FloatingPointError(f"iteration {iteration}: {error}{kept}") from None
            except (KeyboardInterrupt, ProcessLost) as error:
                end_early(error, iteration, directory, self._workers.processes, self._console)
            finally:
                self._tracker.finish()

    # ---- Checkpoints -------------------------------------------------------------------------

    def _save(self, directory: RunDirectory, iteration: int) -> None:
        """Write a checkpoint, while the next iteration learns and samples: of what that changes
        there are copies, and it stores and records nothing before the checkpoint is there."""
        timeline = self._timeline
        model, state = self._policy.model.snapshot(), self._trainer.snapshot()

        def write() -> None:
            with timeline.span("save"):
                save_checkpoint(model, self._policy.tokenizer, directory.checkpoint, write_more)

        def write_more(fresh: Path) -> None:
            write_state(state, fresh / _OPTIMIZER)
            self._buffer.save(fresh / _BUFFER)
            self._known.save(fresh / _KNOWN)
            if self._led:
                self._led.save(fresh)
            Position(iteration, self._settings, self.digests).write(fresh)
            directory.save_written(fresh)

        self._saving.begin(write)

    def _remember(self, directory: RunDirectory | None) -> None:
        """Take in the programs that were found before, in all processes: they share what is new."""
        once = self._workers.processes.once
        for solution in once(lambda: directory.solutions() if directory else []):
            self._found.add(solution.origin, [solution.candidate])
        self._found.take_changed()
        for order in once(lambda: directory.orders() if directory else []):
            self._found.set_order(order.task, order.keys)

    # ---- Before the first iteration ----------------------------------------------------------

    def _start(self) -> _Done:
        """Fills the buffer with seed and mutated experiences, and scores the mutants."""
        settings, model = self._settings, self._policy.model
        say(
            self._console,
            f"{counted(len(self._tasks), 'task')} to solve, "
            f"{counted(len(self._seeds.parents), 'seed program')}; model "
            f"{settings.model.name} with {model.num_parameters:,} parameters on "
            f"{self._device}, {counted(self._workers.threads, 'thread')}",
        )
        seconds = Stopwatch()
        mutants = self._mutated
        if mutants is None:
            mutants = self._mutate(0, settings.mutation.num_tasks)
        seconds.lap("mutate")
        seeds = [
            Experience(task, program, tuple(d.output for d in task.demonstrations), 1.0)
            for task, program in self._seeds.parents
        ]
        num_long = self._writer.store(self._buffer, seeds, Origin.seed, 0)
        mutated = [of_mutant(mutant) for mutant in mutants]
        num_long += self._writer.store(self._buffer, mutated, Origin.mutated, 0)
        self._known.add(one.program.key for one in [*seeds, *mutated])
        seconds.lap("store")
        programs = distinct(mutant.program for mutant in mutants)[: settings.mutation.num_scored]
        note = (
            f"{len(mutated):,} of {settings.mutation.num_tasks:,} mutated tasks "
            f"{'made' if self._mutated is None else 'read'}, "
            f"{len(mutated) + len(seeds) - num_long:,} experiences with those of the seed programs "
            f"stored, {len(programs):,} mutated programs scored on all tasks"
        )
        say(self._console, note)
        found = {"mutation": find_everywhere(programs, self._tasks, self._workers)}
        seconds.lap("score")
        notes = [*self._notes, note]
        if settings.search.evaluations:
            searched = self._search()
            found["search"] = [c for one in searched for c in one.found]
            lessons = Lessons.sum(one.lessons for one in searched)
            lessons.store(self._buffer, Origin.searched, 0)
            self._known.add(lesson.key for lesson in lessons.rows)
            fitting = {c.task for c in found["search"] if c.num_right == c.num_demonstrations}
            notes.append(
                f"{counted(len(self._tasks), 'task')} searched with "
                f"{settings.search.evaluations:,} evaluations each: {len(fitting)} have a program "
                "that is right on all demonstrations"
            )
            say(self._console, notes[-1])
            seconds.lap("search")
        added = {origin: self._found.add(origin, some) for origin, some in found.items()}
        orders = self._rank()
        seconds.lap("rank")
        new = {origin: self._minimise(some) for origin, some in added.items()}
        seconds.lap("minimise")
        score = self._found.metrics()
        metrics = StartMetrics(
            **self._to_solve.metrics(),
            notes=notes,
            num_seeds=len(seeds),
            num_seeds_left_out=self._seeds.num_left_out,
            seeds_left_out=self._seeds.left_out,
            num_mutated=len(mutated),
            num_too_long=num_long,
            num_mutants_scored=len(programs),
            num_searched=len(self._tasks) if settings.search.evaluations else 0,
            solved=score["solved"],
            solved_unseen=score["solved_unseen"],
            solved_only=score["solved_only"],
            seconds=seconds.laps,
        )
        return _Done(metrics, new, orders, [])

    def _mutate(self, iteration: int, count: int) -> list[MutatedTask]:
        """So many mutants of the seed programs, others for each iteration."""
        seed = self._seed("mutation", iteration)
        settings, fits = self._settings.mutation, self._writer.fits
        return mutate(self._seeds.parents, settings, count, seed, fits, self._workers)

    def _search(self) -> list[Yield]:
        """The search of the tasks to solve. It does not begin with a task's own seed programs,
        which are no mutants, either."""
        asked, limits = self._settings.search, self._settings.limits
        settings = SearchSettings(
            seed=self._seed("search", 0),
            evaluations=asked.evaluations,
            memory=asked.memory,
            leave_own_out=True,
        )

        def teach(task: Task, programs: Sequence[Program]) -> Lessons:
            return taught_by(task, programs, self._writer, limits, self._settings.relabel)

        return search(self._tasks, self._corpus, settings, teach, self._workers)

    def _led_search(self) -> LedSearch | None:
        """The search around what the policy writes; None where there is to be none."""
        settings = self._settings
        if not settings.search.iteration_evaluations:
            return None
        return LedSearch(
            self._tasks,
            SearchSettings(
                evaluations=settings.search.iteration_evaluations, memory=settings.search.memory
            ),
            settings.limits,
            self._writer,
            settings.relabel,
        )

    # ---- One iteration -----------------------------------------------------------------------

    def _iterate(self, iteration: int) -> _Done:
        say(
            self._console,
            "",
            f"iteration {iteration} of {self._settings.iterations}",
            style="bold",
        )
        timeline = self._timeline
        with self._searching(timeline) as finish_search:
            report = self._learn(iteration, timeline)
            harvests = self._write(iteration, timeline)
            searched = finish_search()
        with timeline.span("rank"):
            new, orders, score = self._score(harvests, searched)
        with timeline.span("minimise"):
            new = {origin: self._minimise(some) for origin, some in new.items()}
        lessons = self._lessons(iteration, harvests, searched, timeline)
        with timeline.span("wait"):
            self._saving.wait()
        with timeline.span("store", sum(map(len, lessons.values()))):
            num_new = self._known.add(key for h in harvests for key in h.keys)
            for origin, some in lessons.items():
                some.store(self._buffer, origin, iteration)
                self._known.add(lesson.key for lesson in some.rows)
            if self._led:
                self._led.follow(harvests)
            buffer = self._buffer.statistics()
        counts = SampleCounts.sum(h.counts for h in harvests)
        use = timeline.use(self._workers.threads)
        metrics = IterationMetrics(
            iteration=iteration,
            loss=report.loss,
            loss_per_experience=report.loss_per_experience,
            num_trained=report.num_experiences,
            num_target_tokens=report.num_tokens,
            num_source_tokens=report.num_source_tokens,
            num_training_flops=report.num_flops,
            share_of_padding=report.share_of_padding,
            num_steps=self._trainer.num_steps,
            speed={
                "training_tokens_per_second": round(report.tokens_per_second),
                "training_utilization": round(report.utilization, 4),
            },
            sampling=self._policy.counts.figures(timeline.seconds().get("sample", 0.0)),
            **counts.metrics(),
            num_new=num_new,
            num_experiences=sum(map(len, lessons.values())),
            num_too_long=sum(some.num_left_out for some in lessons.values()),
            num_searched=len(searched),
            solved=score["solved"],
            solved_unseen=score["solved_unseen"],
            solved_only=score["solved_only"],
            buffer_num_seed=buffer.num_seed,
            buffer_num_mutated=buffer.num_mutated,
            buffer_num_policy=buffer.num_policy,
            buffer_num_elsewhere=buffer.num_elsewhere,
            buffer_num_searched=buffer.num_searched,
            buffer_mean_policy_priority=buffer.mean_policy_priority,
            buffer_priorities=buffer.priorities,
            seconds=timeline.seconds(),
            stages=timeline.stages(),
            use=use,
        )
        say(self._console, in_one_line(metrics.seconds, use))
        return _Done(metrics, new, orders, [h.row for h in harvests])

    def _rank(self) -> list[Order]:
        """The order in which the programs of all together are submitted, where that may change."""
        changed = self._found.take_changed()
        dialect = self._settings.data.dialect
        ranked = rank(changed, self._tasks, dialect, self._workers)
        orders = [Order(some[0].task, keys) for some, keys in zip(changed, ranked, strict=True)]
        for order in orders:
            self._found.set_order(order.task, order.keys)
        return orders

    def _minimise(self, new: list[Candidate]) -> list[Candidate]:
        return minimise(new, self._tasks, self._settings.data.dialect, self._workers)

    @contextmanager
    def _searching(self, timeline: Timeline) -> Iterator[Callable[[], list[Yield]]]:
        """Search beside what is done in the context, and what waits for the end of it."""
        if self._led is None:
            yield list
            return
        led, workers = self._led, self._workers
        with led.beside(
            workers.processes, workers.threads, timeline, self._settings.overlap
        ) as line:

            def finish() -> list[Yield]:
                with timeline.span("wait"), workers.processes.together():
                    own = line.finish()
                return sorted(workers.processes.gather(own), key=lambda one: one.number)

            yield finish

    def _score(
        self, harvests: Sequence[Harvest], searched: Sequence[Yield]
    ) -> tuple[dict[str, list[Candidate]], list[Order], dict[str, dict[str, Figures]]]:
        """What is found for the first time, by what has found it, what that changes in the order of
        all, and the figures."""
        own = [c for h in harvests for c in h.found]
        found = {"policy": own}
        if self._settings.elsewhere:
            found["elsewhere"] = [c for h in harvests for c in h.found_elsewhere]
        if self._led:
            found["led_search"] = [c for one in searched for c in one.found]
        new = {origin: self._found.add(origin, some) for origin, some in found.items()}
        orders = self._rank()
        return new, orders, self._found.metrics(own)

    def _lessons(
        self,
        iteration: int,
        harvests: Sequence[Harvest],
        searched: Sequence[Yield],
        timeline: Timeline,
    ) -> dict[Origin, Lessons]:
        """What is to be learned, by who wrote the programs, in the order of the tasks."""
        if not self._settings.expert_iteration:
            mutants = self._mutants_instead(iteration, timeline)
            return {Origin.mutated: Lessons.sum(h.lessons for h in mutants)}
        elsewhere = Lessons.sum(h.lessons_elsewhere for h in harvests).distinct()
        return {
            # The last one stays where two wrote the same: the policy for its own task.
            Origin.searched: Lessons.sum(one.lessons for one in searched),
            Origin.elsewhere: elsewhere,
            Origin.policy: Lessons.sum(h.lessons for h in harvests),
        }

    def _learn(self, iteration: int, timeline: Timeline) -> TrainingReport:
        seeds = self._seed("draw", iteration), self._seed("train", iteration)
        settings = self._settings.training
        return learn(self._buffer, self._trainer, settings, *seeds, self._workers, timeline)

    def _write(self, iteration: int, timeline: Timeline) -> list[Harvest]:
        seed = self._seed("sample", iteration)
        return write(self._policy, self._tasks, self._harvester, seed, self._workers, timeline)

    def _mutants_instead(self, iteration: int, timeline: Timeline) -> list[Harvest]:
        """As many fresh mutants of the seed programs as the policy writes, on the same tasks."""
        count = len(self._tasks) * self._settings.sampling.samples_per_task
        mutants = self._mutate(iteration, count)
        samples = []
        for k, task in enumerate(self._tasks):
            programs = [mutant.program for mutant in mutants[k :: len(self._tasks)]]
            samples.append(Samples(k, task, [*programs]))
        return harvest(samples, self._harvester, self._workers, timeline)

    # ---- Records -----------------------------------------------------------------------------

    def _record(
        self, iteration: int, done: _Done, directory: RunDirectory, events: EventFile
    ) -> None:
        for origin, candidates in done.solutions.items():
            directory.add_solutions(iteration, origin, candidates)
        directory.add_orders(iteration, done.orders)
        if iteration:
            directory.write_samples(iteration, done.samples)
            self._plot(cast(IterationMetrics, done.metrics), directory, events)
        directory.add_metrics(to_row(done.metrics))

    def _plot(self, metrics: IterationMetrics, directory: RunDirectory, events: EventFile) -> None:
        num_scored = self._to_solve.num_scored
        directory.add_performance(
            metrics.iteration,
            {rule: n / max(num_scored, 1) for rule, n in metrics.solved["policy"].items()},
            {rule: n / max(num_scored, 1) for rule, n in metrics.solved["now"].items()},
            metrics.num_steps,
            metrics.buffer_num_seed + metrics.buffer_num_mutated,
            metrics.buffer_num_policy + metrics.buffer_num_elsewhere + metrics.buffer_num_searched,
        )
        events.add(metrics.iteration, scalars(to_row(metrics)))
        self._tracker.add(metrics.iteration, scalars(to_row(metrics)))
        say(
            self._console,
            f"  loss {metrics.loss:.3f}   parsed {metrics.share_parsed:.1%}   "
            f"valid {metrics.share_valid:.1%}   solved "
            f"{in_words(metrics.solved['all'], num_scored)}",
        )
        if metrics.num_too_long:
            say(
                self._console,
                f"  {metrics.num_too_long} of {metrics.num_experiences} experiences left out "
                "because their programs do not fit sampling.max_tokens",
            )

    def _seed(self, component: str, iteration: int) -> int:
        """A seed of its own for each component and iteration."""
        words = [self._settings.seed, zlib.crc32(component.encode()), iteration]
        return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)
