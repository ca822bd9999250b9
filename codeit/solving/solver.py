"""Finds answers to tasks: by search, and by a policy where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from codeit.execution.executor import MAX_THREADS, Limits, checked_limits, num_usable_cores
from codeit.grids import grid_digest
from codeit.language import Program
from codeit.language.corpus import SeedProgram
from codeit.language.program import distinct
from codeit.parallel.threads import unordered_map
from codeit.ranges import integer, listed, shown
from codeit.searching.corpus import Corpus
from codeit.searching.engine import SearchWatch, search_task
from codeit.searching.found import Found, TaskSearch
from codeit.searching.ranking import rank
from codeit.searching.records import confirm, without_answers
from codeit.searching.search import check_tasks
from codeit.searching.settings import SearchSettings
from codeit.solving.answer import Answer
from codeit.solving.misses import misses_of
from codeit.solving.submission import Submission
from codeit.solving.written import METHOD, Written
from codeit.tasks.task import Task

if TYPE_CHECKING:
    from codeit.policy.policy import Policy

_NUM_NEAREST = 3
_NUM_WRITTEN_PARTIAL = 3  # of the policy's programs that are right on a part; as of the search


class Solver:
    """Finds answers to tasks. They depend on the arguments and the tasks alone, but for `threads`.

    Examples:
        >>> import codeit
        >>> tasks = codeit.arc.load("arc1-training", ["68b16354"])
        >>> settings = codeit.SearchSettings(evaluations=20_000, leave_own_out=True)
        >>> submission = codeit.Solver(settings=settings).solve(tasks)
        >>> print(submission.answers[0].attempts[0].found.program)
        O = hmirror(I)

    Args:
        policy: writes programs first, for all tasks; what it writes is ranked with what the search
            finds, and leads the programs that the search begins with. None for search alone.
        corpus: programs that the search begins with; those of the package when omitted.
        settings: of the search; the seed is that of the samples, too.
        threads: how many tasks are searched at a time; as many as this process may use cores when
            omitted.
        limits: of the runs of the policy's programs, and of those that confirm what is found.
    Raises:
        TypeError: something is of another type.
        ValueError: threads is below 1.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        corpus: Sequence[SeedProgram] | Corpus | None = None,
        settings: SearchSettings | None = None,
        *,
        threads: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        settings = SearchSettings() if settings is None else settings
        if not isinstance(settings, SearchSettings):
            raise TypeError(f"settings are {shown(settings)}; a SearchSettings is needed, or None")
        threads = num_usable_cores() if threads is None else threads
        self.settings = settings
        self._policy = policy
        if corpus is None:
            corpus = Corpus.load()
        self.corpus = corpus if isinstance(corpus, Corpus) else Corpus.of(corpus)
        self._threads = integer("threads", threads, 1, MAX_THREADS)
        self._limits = checked_limits(limits)

    def solve(
        self,
        tasks: Sequence[Task],
        *,
        written: Sequence[Written] | None = None,
        known: Mapping[str, Answer] | None = None,
        on_answer: Callable[[Task, Answer], None] | None = None,
    ) -> Submission:
        """Find answers to tasks. The outputs of tests are not looked at, not even where a score is
        asked for later.

        Args:
            tasks: no id twice.
            written: what the policy has written for them; it writes now when omitted.
            known: answers that are there already, by the ids of their tasks.
            on_answer: called on this thread with each other task and its answer, as they come.
        Raises:
            ValueError: an id stands twice.
            TypeError: something else than tasks.
        """
        tasks = listed("tasks", tasks)
        check_tasks(tasks)
        written = self.write(tasks) if written is None else written
        answers = dict(known or {})
        left = [pair for pair in zip(tasks, written, strict=True) if pair[0].task_id not in answers]

        def work(pair: tuple[Task, Written]) -> tuple[Task, Answer]:
            return pair[0], self.answer(*pair)

        with unordered_map(work, left, max(min(self._threads, len(left)), 1)) as ended:
            for task, answer in ended:
                answers[task.task_id] = answer
                if on_answer is not None:
                    on_answer(task, answer)
        return Submission(tasks, [answers[task.task_id] for task in tasks])

    def write(
        self, tasks: Sequence[Task], on_progress: Callable[[int], None] | None = None
    ) -> list[Written]:
        """What the policy writes for tasks, in their order; nothing without a policy.

        Args:
            tasks: outputs of their tests are not looked at.
            on_progress: told how many samples are finished.
        Raises:
            ValueError: a prompt is longer than what there is memory for.
            FloatingPointError: a weight or a score of the model is not finite.
        """
        if self._policy is None:
            return [Written() for _ in tasks]
        hidden = [without_answers(task) for task in tasks]
        seeds = self.corpus.seeds
        dialect = seeds[0].program.dialect if seeds else "codeit"
        samples = self._policy.sample_programs(hidden, self.settings.seed, dialect, on_progress)
        written = {k: Written.of(hidden[k], texts, self._limits) for k, texts in samples}
        return [written[k] for k in range(len(tasks))]

    def answer(self, task: Task, written: Written | None = None) -> Answer:
        """Find an answer to one task, on this thread.

        Args:
            task: outputs of its tests are not looked at.
            written: what the policy has written for it.
        """
        written = written or Written()
        return self.conclude(task, written, self.search(task, written))

    def search(self, task: Task, written: Written, watch: SearchWatch | None = None) -> TaskSearch:
        """Search one task, on this thread.

        Args:
            task: outputs of its tests are not looked at.
            written: what the policy has written for it.
            watch: told how far the search is.
        """
        programs = self.corpus.programs_for(task, self.settings)
        return search_task(
            without_answers(task),
            programs,
            self.settings,
            self.settings.evaluations,
            leading=written.leading,
            watch=watch,
        )

    def conclude(self, task: Task, written: Written, search: TaskSearch) -> Answer:
        """Rank what was written and found for a task, and have the ordinary machine confirm it.

        Args:
            task: outputs of its tests are not looked at.
            written, search: what `write` and `search` came to.
        """
        hidden = without_answers(task)
        known = {_behaviour(found) for found in search.found}
        own = [found for found in written.right if _behaviour(found) not in known]
        whole = [found for found in own if found.num_right == len(task.demonstrations)]
        partial = [found for found in own if found.num_right < len(task.demonstrations)]
        more = _distinct([*whole, *partial[:_NUM_WRITTEN_PARTIAL]])
        if more:
            ranking = rank(hidden, [*search.found, *more])
            search = replace(search, found=ranking.order, chance=ranking.chance)
        record = confirm(hidden, search, self._limits, minimises=False)
        behaviours = {_behaviour(found) for found in written.right}
        origins = {
            found.program.key: _origin(found, _behaviour(found) in behaviours)
            for found in reversed(search.found)
        }
        return Answer(record, origins, self._nearest(hidden, written, search))

    def _nearest(self, task: Task, written: Written, search: TaskSearch) -> tuple[Program, ...]:
        """Of what misses, the programs that are wrong at the fewest cells; of several that miss
        alike, the shortest."""
        if any(found.num_right == len(task.demonstrations) for found in search.found):
            return ()
        programs = [*search.nearest, *(found.program for found in search.found), *written.leading]
        misses = [m for m in misses_of(task, distinct(programs), self._limits) if m.makes_grids]
        misses.sort(key=lambda miss: (miss.num_wrong, len(miss.program.text), miss.program.text))
        nearest: dict[tuple[object, ...], Program] = {}
        for miss in misses:
            made = tuple(None if grid is None else grid_digest(grid) for grid in miss.outputs)
            nearest.setdefault(made, miss.program)
        return tuple(nearest.values())[:_NUM_NEAREST]


def _behaviour(found: Found) -> tuple[int, tuple[str | None, ...]]:
    """What tells the answers of two programs apart, and how right they are."""
    made = tuple(None if grid is None else grid_digest(grid) for grid in found.outputs)
    return found.num_right, made


def _distinct(found: Sequence[Found]) -> list[Found]:
    first = {_behaviour(one): one for one in reversed(found)}
    return [one for one in found if first[_behaviour(one)] is one]


def _origin(found: Found, is_written: bool) -> str:
    if found.method == METHOD:
        return "policy"
    if is_written:
        return "policy" if found.is_led else "policy and search"
    return "policy-led search" if found.is_led else "search"
