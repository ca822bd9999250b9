"""The stages of an iteration, each from one thing to another.

    learn      buffer             -> report
    write      policy, tasks      -> harvests
    harvest    samples            -> harvests
    mutate     seed programs      -> mutants
    search     tasks              -> yields
    rank       candidates         -> orders
    minimise   candidates         -> candidates

They know nothing of each other and nothing of a run's directory; `loop.py` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from rich.console import Console

from codeit.candidates import find_candidates
from codeit.execution.executor import Limits, execute, execute_groups
from codeit.execution.results import Results
from codeit.language import Program
from codeit.language.program import Dialect
from codeit.learning.experience import Lessons
from codeit.learning.replay import ReplayBuffer
from codeit.learning.samples import Samples
from codeit.learning.training.settings import TrainingSettings
from codeit.learning.training.trainer import Trainer, TrainingReport
from codeit.minimising.minimiser import EVALUATIONS
from codeit.minimising.solutions import is_kept_as_solution, with_minimised
from codeit.mutation import MutatedTask, MutationSettings
from codeit.mutation import mutate as mutate_programs
from codeit.parallel.pipeline import Pipeline, pipeline
from codeit.parallel.processes import ProcessGroup
from codeit.parallel.threads import ordered_map
from codeit.policy.policy import Policy
from codeit.runs.harvest import Harvest, Harvester
from codeit.runs.led_search import Yield, programs_of
from codeit.runs.timeline import Timeline
from codeit.searching.corpus import Corpus
from codeit.searching.found import Found
from codeit.searching.ranking import rank as rank_found
from codeit.searching.records import without_answers
from codeit.searching.search import search_each
from codeit.searching.settings import SearchSettings
from codeit.tasks.scoring import Candidate
from codeit.tasks.task import Task
from codeit.terminal.progress import phase

_EVALUATIONS = 2_000_000  # for a round of all programs to minimise
_TASKS_AT_A_TIME = 20  # scored together; bounds the memory for their outputs
_NUM_RANKED = 20  # of a task; three are submitted, and the first two predictions that differ
MOST_WAITING = 32
"""Tasks whose samples wait to be run."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Workers:
    """What the stages work with. Of all this only the limits have an influence on what they make.

    Attributes:
        processes: those that share the tasks.
        threads: of this process.
        limits: of the execution of programs.
        console: where progress is shown.
        overlap: whether stages work side by side.
    """

    processes: ProcessGroup
    threads: int
    limits: Limits
    console: Console
    overlap: bool = True

    def run(self, groups: Sequence[tuple[Task, Sequence[Program]]]) -> list[Results]:
        """Programs on the demonstrations of their tasks."""
        return execute_groups(
            [(programs, [d.input for d in task.demonstrations]) for task, programs in groups],
            self.threads,
            self.limits,
        )

    def candidates(
        self, task: Task, programs: Sequence[Program], results: Results
    ) -> list[Candidate]:
        """The programs that are right on a demonstration, from their results on all of them."""
        return find_candidates(task, programs, results, self.threads, self.limits)


def learn(
    buffer: ReplayBuffer,
    trainer: Trainer,
    settings: TrainingSettings,
    draw_seed: int,
    train_seed: int,
    workers: Workers,
    timeline: Timeline,
) -> TrainingReport:
    """Train on a prioritised draw of experiences."""
    with timeline.span("draw"):
        drawn = buffer.draw(settings.num_mutated, settings.num_policy, draw_seed)
    total = len(drawn) * settings.epochs
    with (
        phase(workers.console, "learning", total, "experiences") as advance_to,
        timeline.span("learn", total),
    ):
        return trainer.train(drawn, train_seed, advance_to)


def write(
    policy: Policy,
    tasks: Sequence[Task],
    harvester: Harvester,
    seed: int,
    workers: Workers,
    timeline: Timeline,
) -> list[Harvest]:
    """What comes of what the policy writes for the tasks.

    Each task's programs are run, scored and made into lessons as soon as they are written, while
    the policy writes for the next tasks.

    Returns:
        The harvests of all processes, in the order of the tasks.
    """

    def of_ids(item: tuple[int, npt.NDArray[np.int64]]) -> Harvest:
        return harvester.of_ids(*item, timeline)

    total = len(workers.processes.share(tasks)) * policy.settings.samples_per_task
    with (
        workers.processes.together(),
        _behind(of_ids, workers) as behind,
    ):
        with phase(workers.console, "sampling", total, "programs") as advance_to:
            ids = policy.sample_ids(tasks, seed, advance_to, workers.processes)
            with timeline.span("sample", total):
                for item in ids:
                    behind.put(item)
        with timeline.span("wait"):
            harvests = behind.finish()
        timeline.note_queue(behind.depth)
    return harvester.gather(harvests, workers.processes)


def harvest(
    samples: Sequence[Samples], harvester: Harvester, workers: Workers, timeline: Timeline
) -> list[Harvest]:
    """What comes of this process's share of samples, and of those of the others."""

    def of(one: Samples) -> Harvest:
        return harvester.of(one, timeline)

    with workers.processes.together(), _behind(of, workers) as behind:
        for one in workers.processes.share(samples):
            behind.put(one)
        harvests = behind.finish()
    return harvester.gather(harvests, workers.processes)


def _behind(
    work: Callable[[Item], Harvest], workers: Workers
) -> AbstractContextManager[Pipeline[Item, Harvest]]:
    return pipeline(work, workers.threads, MOST_WAITING, is_eager=workers.overlap)


def mutate(
    parents: Sequence[tuple[Task, Program]],
    settings: MutationSettings,
    count: int,
    seed: int,
    fits: Callable[[Program], bool],
    workers: Workers,
) -> list[MutatedTask]:
    """So many mutants of the seed programs, as far as they can be made.

    Args:
        fits: whether a program can be learned.
    """
    if not count:
        return []

    def make() -> list[MutatedTask]:
        with phase(workers.console, "mutating", count, "tasks") as advance_to:
            return mutate_programs(
                parents,
                replace(settings, num_tasks=count),
                seed,
                workers.limits,
                workers.threads,
                advance_to,
                fits,
            )

    return workers.processes.once(make)


def find_everywhere(
    programs: Sequence[Program], tasks: Sequence[Task], workers: Workers
) -> list[Candidate]:
    """The candidates among programs that were not made for any of the tasks: all on all."""
    if not programs:
        return []
    found: list[list[Candidate]] = []
    own = workers.processes.share(tasks)
    total = len(programs) * sum(len(task.demonstrations) for task in own)
    with phase(workers.console, "scoring mutants", total, "runs") as advance_to:
        num_done = 0
        for begin in range(0, len(own), _TASKS_AT_A_TIME):
            some = own[begin : begin + _TASKS_AT_A_TIME]
            runs = workers.run([(task, programs) for task in some])
            for task, results in zip(some, runs, strict=True):
                found.append(workers.candidates(task, programs, results))
                num_done += results.outcome.size
            advance_to(num_done)
    return [candidate for one in workers.processes.gather(found) for candidate in one]


def search(
    tasks: Sequence[Task],
    corpus: Corpus,
    settings: SearchSettings,
    teach: Callable[[Task, Sequence[Program]], Lessons],
    workers: Workers,
) -> list[Yield]:
    """A search without a model: what it comes to, task by task.

    The search ranks programs by what tells a rule from a chance. The score of an origin ranks them
    by their lengths, so it is given only what the search would submit: of all that is found, many
    more short programs are right by chance.

    Args:
        teach: what programs teach of a task.
    """
    own = workers.processes.share(tasks)
    dialect = corpus.seeds[0].program.dialect if corpus.seeds else "codeit"
    number = {(task.task_id, task.digest): k for k, task in enumerate(tasks)}
    found: list[Yield] = []
    num_fitting = 0
    with (
        workers.processes.together(),
        phase(workers.console, "searching", len(own), "tasks") as advance_to,
        search_each(own, corpus, settings, workers.threads, limits=workers.limits) as ended,
    ):
        for num_done, searched in enumerate(ended, start=1):
            record = searched.record
            lessons = teach(searched.task, programs_of(record, searched.nearest, dialect))
            attempts = [c for group in record.submission.attempts for c in group]
            found.append(Yield(number[record.task_id, record.task_digest], attempts, lessons))
            num_fitting += bool(record.solutions)
            advance_to(num_done, f"{num_fitting} with a program that fits")
    return sorted(workers.processes.gather(found), key=lambda one: one.number)


def rank(
    candidates: Sequence[Sequence[Candidate]],
    tasks: Sequence[Task],
    dialect: Dialect,
    workers: Workers,
) -> list[list[str]]:
    """The keys of each task's first programs, the best first, by the ranking of the search.

    Args:
        candidates: those of one task each, by the paper's rule.
    """
    of_key = {(task.task_id, task.digest): task for task in tasks}

    def work(some: Sequence[Candidate]) -> list[str]:
        task = without_answers(of_key[some[0].task])
        ranking = rank_found(task, _by_behaviour(some, task, dialect, workers.limits))
        return [one.program.key for one in ranking.order[:_NUM_RANKED]]

    own = workers.processes.share(candidates)
    with ordered_map(work, own, workers.threads) as ranked:
        return workers.processes.gather(ranked)


def _by_behaviour(
    candidates: Sequence[Candidate], task: Task, dialect: Dialect, limits: Limits
) -> list[Found]:
    """Of the programs that are right on all demonstrations, the first of those that answer the
    tests alike."""
    alike: dict[tuple[str | None, ...], list[Candidate]] = {}
    for one in candidates:
        if one.num_right == one.num_demonstrations:
            alike.setdefault(one.predictions, []).append(one)
    programs = [Program.parse(some[0].program, dialect) for some in alike.values()]
    answers = execute(programs, [test.input for test in task.tests], 1, limits)
    return [
        Found(
            program=programs[k],
            method="",
            cost=0.0,
            derivations=max(one.derivations for one in some),
            evaluations=0,
            num_right=len(task.demonstrations),
            outputs=tuple(answers.grid(k, i) for i in range(len(task.tests))),
        )
        for k, some in enumerate(alike.values())
    ]


def minimise(
    candidates: Sequence[Candidate], tasks: Sequence[Task], dialect: Dialect, workers: Workers
) -> list[Candidate]:
    """Candidates with their minimised programs, where they are kept as solutions.

    What a search has found is minimised already. The evaluations are for all others together, so
    that many programs take little more time than a few.
    """
    of_key = {(task.task_id, task.digest): task for task in tasks}
    num_new = sum(map(_is_to_be_minimised, candidates))
    evaluations = min(EVALUATIONS, _EVALUATIONS // max(num_new, 1))

    def work(candidate: Candidate) -> Candidate:
        if not _is_to_be_minimised(candidate):
            return candidate
        program = Program.parse(candidate.program, dialect)
        task = of_key[candidate.task]
        return with_minimised(candidate, program, task, evaluations, workers.limits)

    own = workers.processes.share(candidates)
    with ordered_map(work, own, workers.threads) as minimised:
        return workers.processes.gather(minimised)


def _is_to_be_minimised(candidate: Candidate) -> bool:
    return candidate.minimised is None and is_kept_as_solution(candidate)
