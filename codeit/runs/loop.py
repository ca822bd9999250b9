"""The CodeIt loop: learn, sample, execute, relabel, store; again and again.

The only room that knows two neighbours. An iteration learns first, as the original's code does, so
that its score tells what it has learned. No test pair is read but by the score.

Everything random in an iteration follows from the run's seed and the iteration's number. A run that
goes on from a checkpoint therefore does what it would have done without the break.
"""

from __future__ import annotations

import os
import shlex
import signal
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from rich.console import Console

from codeit.execution.executor import num_usable_cores
from codeit.files.event_file import EventFile
from codeit.files.whole_directory import check_whole, finish_replacement, settle
from codeit.language import load_seed_programs
from codeit.language.corpus import digest_of_programs
from codeit.language.program import distinct
from codeit.learning.experience import Experience, ExperienceWriter, of_mutant
from codeit.learning.replay import Origin, ReplayBuffer
from codeit.learning.samples import ExecutedSamples, Samples, figures_of, relabelled, sample_row
from codeit.learning.training.trainer import Trainer, TrainingReport
from codeit.mutation import MutatedTask
from codeit.parallel.processes import SINGLE_PROCESS, ProcessGroup
from codeit.policy.model.checkpoint import (
    build_model,
    find_device,
)
from codeit.policy.policy import Policy
from codeit.policy.prompts import PromptWriter
from codeit.policy.sampling.constraint import check_max_tokens
from codeit.policy.tokenizer import Tokenizer, load_tokenizer
from codeit.runs.directory import CHECKPOINT, CONFIG, RunDirectory, check_free, check_written
from codeit.runs.evaluation import choose_tasks
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
from codeit.runs.resuming import WITHOUT_INFLUENCE, Changes, Position, describe
from codeit.runs.seeds import choose_seeds
from codeit.runs.settings import (
    RunSettings,
    load_all_settings,
    settings_to_toml,
    with_absolute_paths,
)
from codeit.runs.stages import (
    Workers,
    execute,
    find,
    find_everywhere,
    learn,
    minimise,
    mutate,
    search,
    write,
)
from codeit.searching.corpus import Corpus
from codeit.searching.settings import SearchSettings
from codeit.tasks import datasets
from codeit.tasks.scoring import Candidate, Score, in_words
from codeit.tasks.task import digest_of_tasks
from codeit.terminal import say

# In a checkpoint, beside the model.
_OPTIMIZER = "optimizer.pt"
_BUFFER = "replay.npz"


@dataclass(frozen=True)
class _Done:
    """What there is to write about an iteration."""

    metrics: Metrics
    solutions: Mapping[str, list[Candidate]]
    """Programs that are found for the first time, by what has found them."""
    samples: list[ExecutedSamples]


def train(settings: RunSettings, out: Path, console: Console) -> None:
    """Run the whole loop and leave a run directory.

    A keyboard interrupt ends it early; what is complete by then is saved.

    Raises:
        ValueError: the settings, a file or the directory are bad; nothing was written.
        FloatingPointError: a loss, a weight, a score or a metric is not finite; the run directory
            is as it was after the iteration before.
        KeyboardInterrupt: it was interrupted; the run directory is in order.
    """
    processes = ProcessGroup.join()
    if processes.is_first:
        check_free(out)
    settings = with_absolute_paths(settings)
    loop = Loop(settings, console, processes=processes)
    if not processes.is_first:
        loop.run(None)
        return
    with RunDirectory.create(out, settings_to_toml(settings)) as directory:
        try:
            loop.run(directory)
        except (ValueError, MemoryError):  # no interrupt, and no fault of the disk
            directory.remove_unless_started()
            raise


def resume(
    out: Path, console: Console, iterations: int | None = None, threads: int | None = None
) -> None:
    """Go on with a run from the end of its last iteration, as if it had never stopped.

    What was written after that is removed first.

    Args:
        iterations: how many it should have in the end, if not as many as it was made for.
        threads: to use from now on, if not as many as before.
    Raises:
        ValueError: it is no run directory, something in it is missing or damaged, a setting in its
            config has changed that cannot take effect any more, or it is done already. Nothing was
            removed.
        KeyboardInterrupt: it was interrupted; the run directory is in order.
    """
    processes = ProcessGroup.join()
    with RunDirectory.open(out) if processes.is_first else nullcontext() as directory:
        asked = load_all_settings(out / CONFIG)
        settings = replace(
            asked,
            iterations=asked.iterations if iterations is None else iterations,
            threads=asked.threads if threads is None else threads,
        )
        checkpoint = out / CHECKPOINT
        if directory:
            settle(checkpoint)
            if os.path.lexists(checkpoint):
                check_whole(checkpoint)
                say(console, *check_written(out))
                finish_replacement(checkpoint)  # what is left over is older than what is whole
        processes.wait()
        position = Position.read(checkpoint) if os.path.lexists(checkpoint) else None
        done = position.iteration if position else -1
        if done >= settings.iterations:
            raise ValueError(
                f"{out}: {done} of {settings.iterations} iterations are done; --iterations N "
                "continues to a greater one"
            )
        if directory:
            directory.check_nothing_is_lost(done, settings.iterations)
            directory.check_can_be_written(done + 1, settings.iterations)
        changes = position.changes(settings) if position else {}
        loop = Loop(settings, console, checkpoint if position else None, processes)
        if position:
            position.check_data(loop.digests, settings)
        if changes:
            say(console, f"changed since iteration {done}: {describe(changes)}")
        if directory:
            finish_replacement(checkpoint)
            directory.go_back(done)
        loop.run(directory, done, changes, settings_to_toml(settings) if settings != asked else "")


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
        self._workers = Workers(processes, threads, settings.limits, console)
        # Sampler and trainer run batches side by side. One thread inside each makes every sum come
        # out the same on any machine.
        torch.set_num_threads(1)
        data = settings.data
        seeds = load_seed_programs(settings.programs or None, data.dialect)
        training = datasets.load(data.training)
        self._to_solve = choose_tasks(datasets.load(data.evaluation), data.num_evaluation, training)
        self._tasks = self._to_solve.tasks
        self.digests = {
            "programs": digest_of_programs(seeds),
            "data.training": digest_of_tasks(training),
            "data.evaluation": digest_of_tasks(self._tasks),
        }
        self._device = find_device(settings.model.device, processes.local_rank)
        model = settings.model
        if checkpoint:
            model = replace(model, name=str(checkpoint), pretrained=True, tokenizer="")
        tokenizer: Tokenizer = load_tokenizer(model.tokenizer_name)
        check_max_tokens(settings.sampling, tokenizer)
        prompts = PromptWriter(tokenizer, data.max_demonstrations, data.max_prompt_tokens)
        self._writer = ExperienceWriter(prompts, settings.sampling.max_tokens)
        self._seeds = choose_seeds(
            seeds, training, data.training, self._writer.fits, threads, settings.limits
        )
        self._notes = [*self._seeds.sentences(), *self._to_solve.sentences(prompts.is_cut)]
        say(console, *self._notes)
        network = build_model(model, tokenizer, self._seed("model", 0)).to(self._device)
        self._policy = Policy(network, prompts, settings.sampling, threads)
        self._trainer = Trainer(network, settings.training, threads, processes)
        if checkpoint:
            self._trainer.load(checkpoint / _OPTIMIZER)
            self._buffer = ReplayBuffer.load(checkpoint / _BUFFER, settings.replay)
        else:
            self._buffer = ReplayBuffer(settings.replay)
        self._mutated: list[MutatedTask] | None = None
        count, fits = settings.mutation.num_tasks, self._writer.fits
        if data.mutated and count and not checkpoint:
            self._mutated = load_mutants(
                data.mutated, training, data.dialect, count, fits, threads, settings.limits
            )
        by_id = {task.task_id for task in training}
        self._corpus = Corpus.of([seed for seed in seeds if seed.task_id in by_id], training)
        self._found = Score({(task.task_id, task.digest) for task in self._to_solve.seen})
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
        if directory and done >= 0:
            self._remember(directory)
        iteration = done + 1
        with _terminate_as_interrupt():
            events = EventFile(directory.tensorboard, iteration) if directory else None
            if directory and config_toml:
                directory.set_config(config_toml)
            try:
                for iteration in range(done + 1, self._settings.iterations + 1):
                    result = self._iterate(iteration) if iteration else self._start()
                    if changes and iteration == done + 1:
                        result.metrics.changed = changes
                    with self._workers.processes.together():
                        check_finite(to_row(result.metrics))
                    if directory and events:
                        self._record(iteration, result, directory, events)
                        self._save(directory, iteration)
            except FloatingPointError as error:
                kept = f"; the checkpoint of iteration {iteration - 1} is kept" if iteration else ""
                raise FloatingPointError(f"iteration {iteration}: {error}{kept}") from None
            except KeyboardInterrupt:
                say(self._console, "", f"interrupted in iteration {iteration}")
                if directory:
                    again = shlex.join(["codeit", "resume", str(directory.path)])
                    say(self._console, f"`{again}` does it again and goes on")
                raise

    # ---- Checkpoints -------------------------------------------------------------------------

    def _save(self, directory: RunDirectory, iteration: int) -> None:
        def write_more(fresh: Path) -> None:
            self._trainer.save(fresh / _OPTIMIZER)
            self._buffer.save(fresh / _BUFFER)
            Position(iteration, self._settings, self.digests).write(fresh)
            directory.save_written(fresh)

        self._policy.save(directory.checkpoint, write_more)

    def _remember(self, directory: RunDirectory) -> None:
        """Take in the programs that were found before."""
        for solution in directory.solutions():
            self._found.add(solution.origin, [solution.candidate])

    # ---- Before the first iteration ----------------------------------------------------------

    def _start(self) -> _Done:
        """Fills the buffer with seed and mutated experiences, and scores the mutants."""
        settings, model = self._settings, self._policy.model
        say(
            self._console,
            f"{len(self._tasks)} tasks to solve, {len(self._seeds.parents)} seed programs; model "
            f"{settings.model.name} with {model.num_parameters:,} parameters on "
            f"{self._device}, {self._workers.threads} threads",
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
            found["search"] = self._search()
            fitting = {c.task for c in found["search"] if c.num_right == c.num_demonstrations}
            notes.append(
                f"{len(self._tasks)} tasks searched with {settings.search.evaluations:,} "
                f"evaluations each: {len(fitting)} have a program that is right on all "
                "demonstrations"
            )
            say(self._console, notes[-1])
            seconds.lap("search")
        new = {o: self._minimise(self._found.add(o, some)) for o, some in found.items()}
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
        return _Done(metrics, new, [])

    def _mutate(self, iteration: int, count: int) -> list[MutatedTask]:
        """So many mutants of the seed programs, others for each iteration."""
        seed = self._seed("mutation", iteration)
        settings, fits = self._settings.mutation, self._writer.fits
        return mutate(self._seeds.parents, settings, count, seed, fits, self._workers)

    def _search(self) -> list[Candidate]:
        """What a search of the tasks to solve submits. It does not begin with a task's own seed
        programs, which are no mutants, either."""
        settings = SearchSettings(
            seed=self._seed("search", 0), leave_own_out=True, **vars(self._settings.search)
        )
        return search(self._tasks, self._corpus, settings, self._workers)

    # ---- One iteration -----------------------------------------------------------------------

    def _iterate(self, iteration: int) -> _Done:
        say(
            self._console,
            "",
            f"iteration {iteration} of {self._settings.iterations}",
            style="bold",
        )
        seconds = Stopwatch()
        report = self._learn(iteration)
        seconds.lap("learn")
        samples = self._write(iteration)
        seconds.lap("sample")
        executed = execute(samples, self._workers)
        seconds.lap("execute")
        found = find(executed, self._workers)
        new = self._found.add("policy", found)
        score = self._found.metrics(found)
        seconds.lap("score")
        new = self._minimise(new)
        seconds.lap("minimise")
        if self._settings.expert_iteration:
            origin, teachers = Origin.policy, executed
        else:
            origin, teachers = Origin.mutated, self._mutants_instead(iteration)
            seconds.lap("mutate")
        experiences = [e for s in teachers for e in relabelled(s, not self._settings.relabel)]
        num_too_long = self._writer.store(self._buffer, experiences, origin, iteration)
        seconds.lap("store")
        buffer = self._buffer.statistics()
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
            **vars(figures_of(executed)),
            num_experiences=len(experiences),
            num_too_long=num_too_long,
            solved=score["solved"],
            solved_unseen=score["solved_unseen"],
            solved_only=score["solved_only"],
            buffer_num_seed=buffer.num_seed,
            buffer_num_mutated=buffer.num_mutated,
            buffer_num_policy=buffer.num_policy,
            buffer_mean_policy_priority=buffer.mean_policy_priority,
            seconds=seconds.laps,
        )
        return _Done(metrics, {"policy": new}, executed)

    def _minimise(self, new: list[Candidate]) -> list[Candidate]:
        return minimise(new, self._tasks, self._settings.data.dialect, self._workers)

    def _learn(self, iteration: int) -> TrainingReport:
        seeds = self._seed("draw", iteration), self._seed("train", iteration)
        return learn(self._buffer, self._trainer, self._settings.training, *seeds, self._workers)

    def _write(self, iteration: int) -> list[Samples]:
        seed = self._seed("sample", iteration)
        return write(self._policy, self._tasks, self._settings.data.dialect, seed, self._workers)

    def _mutants_instead(self, iteration: int) -> list[ExecutedSamples]:
        """As many fresh mutants of the seed programs as the policy writes, on the same tasks."""
        count = len(self._tasks) * self._settings.sampling.samples_per_task
        mutants = self._mutate(iteration, count)
        samples = []
        for k, task in enumerate(self._tasks):
            programs = [mutant.program for mutant in mutants[k :: len(self._tasks)]]
            samples.append(Samples(k, task, [*programs]))
        return execute(self._workers.processes.share(samples), self._workers)

    # ---- Records -----------------------------------------------------------------------------

    def _record(
        self, iteration: int, done: _Done, directory: RunDirectory, events: EventFile
    ) -> None:
        for origin, candidates in done.solutions.items():
            directory.add_solutions(iteration, origin, candidates)
        if iteration:
            directory.write_samples(iteration, map(sample_row, done.samples))
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
            metrics.buffer_num_policy,
        )
        events.add(metrics.iteration, scalars(to_row(metrics)))
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


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """A request to terminate is treated like a keyboard interrupt."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
