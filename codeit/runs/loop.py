"""The CodeIt loop: learn, sample, execute, relabel, store; again and again.

The only room that knows two neighbours. An iteration learns first, as the original's code does, so
that its score tells what it has learned. No test pair is read but by the score.

Everything random in an iteration follows from the run's seed and the iteration's number. A run that
goes on from a checkpoint therefore does what it would have done without the break.
"""

from __future__ import annotations

import math
import os
import shlex
import signal
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from codeit.execution.executor import execute_groups, num_usable_cores
from codeit.execution.results import Results
from codeit.files.event_file import EventFile
from codeit.files.whole_directory import check_whole, finish_replacement, settle
from codeit.language import Program, ProgramError, load_seed_programs
from codeit.learning.experience import Experience, ExperienceWriter
from codeit.learning.replay import Origin, ReplayBuffer
from codeit.learning.samples import Samples, find_candidates, relabelled, sample_metrics, sample_row
from codeit.learning.training.trainer import Trainer
from codeit.mutation import MutatedTask, mutate
from codeit.parallel.processes import SINGLE_PROCESS, ProcessGroup
from codeit.policy.model.checkpoint import (
    build_model,
    find_device,
    save_checkpoint,
)
from codeit.policy.sampling.constraint import check_max_tokens
from codeit.policy.sampling.engine import EngineSampler
from codeit.policy.sampling.generate import GenerateSampler
from codeit.policy.tokenizer import Tokenizer, load_tokenizer
from codeit.runs.directory import CHECKPOINT, CONFIG, RunDirectory, check_free, check_written
from codeit.runs.evaluation import choose_tasks
from codeit.runs.resuming import (
    WITHOUT_INFLUENCE,
    Changes,
    Position,
    describe,
    digest_of_programs,
    digest_of_tasks,
)
from codeit.runs.seeds import choose_seeds
from codeit.runs.settings import (
    RunSettings,
    load_all_settings,
    settings_to_toml,
    with_absolute_paths,
)
from codeit.tasks import datasets
from codeit.tasks.datasets import Task
from codeit.tasks.scoring import Candidate, Score, in_words
from codeit.terminal import say
from codeit.terminal.progress import phase

_TASKS_AT_A_TIME = 20  # scored together; bounds the memory for their outputs

# In a checkpoint, beside the model.
_OPTIMIZER = "optimizer.pt"
_BUFFER = "replay.npz"


@dataclass(frozen=True)
class _Done:
    """What there is to write about an iteration."""

    metrics: dict[str, Any]
    solutions: list[Candidate]
    """Programs that are found for the first time."""
    samples: list[Samples]


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
        self._processes = processes
        self._threads = settings.threads or max(1, num_usable_cores() // processes.local_size)
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
        self._tokenizer: Tokenizer = load_tokenizer(model.tokenizer_name)
        check_max_tokens(settings.sampling, self._tokenizer)
        self._writer = ExperienceWriter(
            self._tokenizer,
            data.max_demonstrations,
            data.max_prompt_tokens,
            settings.sampling.max_tokens,
        )
        self._seeds = choose_seeds(
            seeds, training, data.training, self._writer.fits, self._threads, settings.limits
        )
        self._notes = [
            *self._seeds.sentences(),
            *self._to_solve.sentences(self._writer.is_cut),
        ]
        say(console, *self._notes)
        self._model = build_model(model, self._tokenizer, self._seed("model", 0)).to(self._device)
        make = EngineSampler if settings.sampling.sampler == "engine" else GenerateSampler
        self._sampler = make(self._model, self._tokenizer, settings.sampling, self._threads)
        self._trainer = Trainer(self._model, settings.training, self._threads, processes)
        if checkpoint:
            self._trainer.load(checkpoint / _OPTIMIZER)
            self._buffer = ReplayBuffer.load(checkpoint / _BUFFER, settings.replay)
        else:
            self._buffer = ReplayBuffer(settings.replay)
        self._found = Score({(task.task_id, task.digest) for task in self._to_solve.seen})
        self._prompts = [self._writer.true_prompt(task) for task in self._tasks]
        self._sampler.check(self._prompts)

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
                        result.metrics["changed"] = changes
                    with self._processes.together():
                        _check_finite(result.metrics)
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

        save_checkpoint(self._model, self._tokenizer, directory.checkpoint, write_more)

    def _remember(self, directory: RunDirectory) -> None:
        """Take in the programs that were found before."""
        for solution in directory.solutions():
            self._found.add(solution.origin, [solution.candidate])

    # ---- Before the first iteration ----------------------------------------------------------

    def _start(self) -> _Done:
        """Fills the buffer with seed and mutated experiences, and scores the mutants."""
        settings = self._settings
        say(
            self._console,
            f"{len(self._tasks)} tasks to solve, {len(self._seeds.parents)} seed programs; model "
            f"{settings.model.name} with {self._model.num_parameters:,} parameters on "
            f"{self._device}, {self._threads} threads",
        )
        seconds = _Stopwatch()
        mutants = self._mutate(0, settings.mutation.num_tasks)
        seconds.lap("mutate")
        seeds = [
            Experience(task, program.text, tuple(d.output for d in task.demonstrations), 1.0)
            for task, program in self._seeds.parents
        ]
        num_long = self._writer.store(self._buffer, seeds, Origin.seed, 0)
        mutated = [_mutated_experience(mutant) for mutant in mutants]
        num_long += self._writer.store(self._buffer, mutated, Origin.mutated, 0)
        seconds.lap("store")
        distinct = {mutant.program.text: mutant.program for mutant in mutants}
        programs = list(distinct.values())[: settings.mutation.num_scored]
        note = (
            f"{len(mutated):,} of {settings.mutation.num_tasks:,} mutated tasks made, "
            f"{len(mutated) + len(seeds) - num_long:,} experiences with those of the seed programs "
            f"stored, {len(programs):,} mutated programs scored on all tasks"
        )
        say(self._console, note)
        found = self._score_on_all_tasks(programs)
        new = self._found.add("mutation", found)
        seconds.lap("score")
        metrics = {
            "iteration": 0,
            **self._to_solve.metrics(),
            "notes": [*self._notes, note],
            "num_seeds": len(seeds),
            "num_seeds_left_out": self._seeds.num_left_out,
            "seeds_left_out": self._seeds.left_out,
            "num_mutated": len(mutated),
            "num_too_long": num_long,
            "num_mutants_scored": len(programs),
            **self._found.metrics(),
            "seconds": seconds.laps,
        }
        return _Done(metrics, new, [])

    def _mutate(self, iteration: int, count: int) -> list[MutatedTask]:
        """So many mutants of the seed programs, others for each iteration."""
        if not count:
            return []
        with phase(self._console, "mutating", count, "tasks") as advance_to:
            return mutate(
                self._seeds.parents,
                replace(self._settings.mutation, num_tasks=count),
                self._seed("mutation", iteration),
                self._settings.limits,
                self._threads,
                advance_to,
                self._writer.fits,
            )

    def _score_on_all_tasks(self, programs: list[Program]) -> list[Candidate]:
        """The candidates among programs that were not made for any of the tasks to solve."""
        if not programs:
            return []
        found: list[list[Candidate]] = []
        own = self._processes.share(self._tasks)
        total = len(programs) * sum(len(task.demonstrations) for task in own)
        with phase(self._console, "scoring mutants", total, "runs") as advance_to:
            num_done = 0
            for begin in range(0, len(own), _TASKS_AT_A_TIME):
                tasks = own[begin : begin + _TASKS_AT_A_TIME]
                runs = self._run_on_demonstrations([(task, programs) for task in tasks])
                for task, results in zip(tasks, runs, strict=True):
                    found.append(self._candidates(task, programs, results))
                    num_done += results.outcome.size
                advance_to(num_done)
        return [candidate for one in self._processes.gather(found) for candidate in one]

    # ---- One iteration -----------------------------------------------------------------------

    def _iterate(self, iteration: int) -> _Done:
        title = f"iteration {iteration} of {self._settings.iterations}"
        say(self._console, "", title, style="bold")
        seconds = _Stopwatch()
        training = self._learn(iteration)
        seconds.lap("learn")
        samples = self._sample(iteration)
        seconds.lap("sample")
        samples = self._execute(samples)
        seconds.lap("execute")
        found = [self._candidates(s.task, s.distinct, s.results) for s in samples]
        new, score = self._score([candidate for one in found for candidate in one])
        seconds.lap("score")
        if self._settings.expert_iteration:
            origin, teachers = Origin.policy, samples
        else:
            origin, teachers = Origin.mutated, self._mutants_instead(iteration)
            seconds.lap("mutate")
        experiences = [e for s in teachers for e in relabelled(s, not self._settings.relabel)]
        num_too_long = self._writer.store(self._buffer, experiences, origin, iteration)
        seconds.lap("store")
        buffer = self._buffer.statistics()
        metrics = {
            "iteration": iteration,
            **training,
            **sample_metrics(samples),
            "num_experiences": len(experiences),
            "num_too_long": num_too_long,
            **score,
            "buffer_num_seed": buffer.num_seed,
            "buffer_num_mutated": buffer.num_mutated,
            "buffer_num_policy": buffer.num_policy,
            "buffer_mean_policy_priority": buffer.mean_policy_priority,
            "seconds": seconds.laps,
        }
        return _Done(metrics, new, samples)

    def _learn(self, iteration: int) -> dict[str, Any]:
        settings = self._settings.training
        drawn = self._buffer.draw(
            settings.num_mutated, settings.num_policy, self._seed("draw", iteration)
        )
        total = len(drawn) * settings.epochs
        with phase(self._console, "learning", total, "experiences") as advance_to:
            report = self._trainer.train(drawn, self._seed("train", iteration), advance_to)
        return {
            "loss": report.loss,
            "loss_per_experience": report.loss_per_experience,
            "num_trained": report.num_experiences,
            "num_target_tokens": report.num_tokens,
            "num_source_tokens": report.num_source_tokens,
            "num_training_flops": report.num_flops,
            "share_of_padding": report.share_of_padding,
            "num_steps": self._trainer.num_steps,
            "speed": {
                "training_tokens_per_second": round(report.tokens_per_second),
                "training_utilization": round(report.utilization, 4),
            },
        }

    def _sample(self, iteration: int) -> list[Samples]:
        """What the policy writes for this process's share of the tasks."""
        total = len(self._processes.share(self._prompts)) * self._settings.sampling.samples_per_task
        samples: list[Samples] = []
        with (
            self._processes.together(),
            phase(self._console, "sampling", total, "programs") as advance_to,
        ):
            seed = self._seed("sample", iteration)
            for k, tokens in self._sampler.sample(self._prompts, seed, advance_to, self._processes):
                texts = [self._tokenizer.decode_program(row) for row in tokens]
                programs = [_parsed(text, self._settings.data.dialect) for text in texts]
                samples.append(Samples(k, self._tasks[k], texts, programs))
        return samples

    def _execute(self, samples: Sequence[Samples]) -> list[Samples]:
        """Every distinct program of a task once on each of its demonstrations.

        Returns:
            Those of all processes, in the order of the tasks.
        """
        for s in samples:
            s.distinct = list({p.text: p for p in s.programs if p is not None}.values())
        total = sum(len(s.distinct) * len(s.task.demonstrations) for s in samples)
        with phase(self._console, "executing", total, "runs") as advance_to:
            runs = self._run_on_demonstrations([(s.task, s.distinct) for s in samples])
            advance_to(total)
        for s, results in zip(samples, runs, strict=True):
            s.results = results
        return sorted(self._processes.gather(samples), key=lambda s: s.number)

    def _mutants_instead(self, iteration: int) -> list[Samples]:
        """As many fresh mutants of the seed programs as the policy writes, on the same tasks."""
        count = len(self._tasks) * self._settings.sampling.samples_per_task
        mutants = self._mutate(iteration, count)
        samples = []
        for k, task in enumerate(self._tasks):
            programs = [mutant.program for mutant in mutants[k :: len(self._tasks)]]
            samples.append(Samples(k, task, [program.text for program in programs], [*programs]))
        return self._execute(self._processes.share(samples))

    def _score(self, found: list[Candidate]) -> tuple[list[Candidate], dict[str, Any]]:
        """Those of the policy's programs that are new, and the score with them."""
        return self._found.add("policy", found), self._found.metrics(found)

    def _run_on_demonstrations(self, groups: Sequence[tuple[Task, list[Program]]]) -> list[Results]:
        return execute_groups(
            [(programs, [d.input for d in task.demonstrations]) for task, programs in groups],
            self._threads,
            self._settings.limits,
        )

    def _candidates(
        self, task: Task, programs: Sequence[Program], results: Results | None
    ) -> list[Candidate]:
        assert results is not None
        return find_candidates(task, programs, results, self._threads, self._settings.limits)

    def _record(
        self, iteration: int, done: _Done, directory: RunDirectory, events: EventFile
    ) -> None:
        metrics = done.metrics
        directory.add_solutions(iteration, "policy" if iteration else "mutation", done.solutions)
        if iteration:
            directory.write_samples(iteration, map(sample_row, done.samples))
            self._plot(metrics, directory, events)
        directory.add_metrics(metrics)

    def _plot(self, metrics: dict[str, Any], directory: RunDirectory, events: EventFile) -> None:
        iteration, solved = metrics["iteration"], metrics["solved"]
        num_scored = self._to_solve.num_scored
        directory.add_performance(
            iteration,
            {rule: count / max(num_scored, 1) for rule, count in solved["policy"].items()},
            {rule: count / max(num_scored, 1) for rule, count in solved["now"].items()},
            metrics["num_steps"],
            metrics["buffer_num_seed"] + metrics["buffer_num_mutated"],
            metrics["buffer_num_policy"],
        )
        events.add(iteration, _scalars(metrics))
        say(
            self._console,
            f"  loss {metrics['loss']:.3f}   parsed {metrics['share_parsed']:.1%}   "
            f"valid {metrics['share_valid']:.1%}   solved "
            f"{in_words(solved['all'], num_scored)}",
        )
        if metrics["num_too_long"]:
            say(
                self._console,
                f"  {metrics['num_too_long']} of {metrics['num_experiences']} experiences left out "
                "because their programs do not fit sampling.max_tokens",
            )

    def _seed(self, component: str, iteration: int) -> int:
        """A seed of its own for each component and iteration."""
        words = [self._settings.seed, zlib.crc32(component.encode()), iteration]
        return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)


def _scalars(metrics: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers among the metrics; those of a group under `GROUP/NAME`."""
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from ((f"{name}/{inner}", number) for inner, number in _scalars(value))
        elif isinstance(value, int | float) and name != "iteration":
            yield name, value


def _check_finite(metrics: dict[str, Any]) -> None:
    """Raise FloatingPointError unless all numbers can be written: JSON has no others."""
    for name, value in _scalars(metrics):
        if not math.isfinite(value):
            raise FloatingPointError(f"{name} is {value}")


class _Stopwatch:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now


def _parsed(text: str, dialect: Any) -> Program | None:
    try:
        return Program.parse(text, dialect)
    except ProgramError:
        return None


def _mutated_experience(mutant: MutatedTask) -> Experience:
    pairs = zip(mutant.outputs, mutant.parent.demonstrations, strict=True)
    is_right = [np.array_equal(grid, d.output) for grid, d in pairs if d.output is not None]
    share = sum(is_right) / len(is_right)
    return Experience(mutant.parent, mutant.program.text, mutant.outputs, share)


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """A request to terminate is treated like a keyboard interrupt."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
