"""What the policy wrote in the last iteration whose samples a run still has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codeit.execution.results import Outcome
from codeit.language import Program
from codeit.language.program import ProgramError
from codeit.reporting.of_run import RunHistory
from codeit.runs.directory import SAMPLES, read_last_samples
from codeit.tasks.scoring import TaskKey


@dataclass(frozen=True)
class Sample:
    """A sample of the policy.

    Attributes:
        outcomes: of its runs on the demonstrations; None where it is no program.
    """

    task: TaskKey
    text: str
    outcomes: tuple[Outcome, ...] | None

    @property
    def task_id(self) -> str:
        return self.task[0]


def last_samples(history: RunHistory) -> Iterator[Sample]:
    """In their order.

    Raises:
        ValueError: the file is damaged.
    """
    for number, row in enumerate(read_last_samples(history.path), start=1):
        where = f"{history.path / SAMPLES}, its last file, line {number}"
        key, digest, samples = row["task"], row["task_digest"], row["samples"]
        if not (isinstance(key, str) and isinstance(digest, str) and isinstance(samples, list)):
            raise ValueError(f"{where}: these are no samples of a task")
        for one in samples:
            text = one.get("text") if isinstance(one, dict) else None
            names = one.get("outcomes") if isinstance(one, dict) else None
            is_known = names is None or (
                isinstance(names, list) and all(name in Outcome.__members__ for name in names)
            )
            if not isinstance(text, str) or not is_known:
                raise ValueError(f"{where}: {one!r:.80} is no sample")
            outcomes = None if names is None else tuple(Outcome[name] for name in names)
            yield Sample((key, digest), text, outcomes)


def failures(history: RunHistory, most: int) -> dict[str, list[tuple[Sample, str]]]:
    """Samples that are no program, or of which a run ended with an error: the first of each kind,
    and what was wrong with them."""
    found: dict[str, list[tuple[Sample, str]]] = {}
    for sample in last_samples(history):
        wrong = [outcome for outcome in sample.outcomes or () if outcome != Outcome.ok]
        if sample.outcomes is not None and not wrong:
            continue
        some = found.setdefault(wrong[0].name if wrong else "no_program", [])
        if len(some) < most:
            some.append((sample, _outcome_words(wrong[0]) if wrong else _fault(history, sample)))
    return found


def _fault(history: RunHistory, sample: Sample) -> str:
    (parsed,) = Program.parse_all([sample.text], history.settings.data.dialect)
    return str(parsed) if isinstance(parsed, ProgramError) else ""


def _outcome_words(outcome: Outcome) -> str:
    return f"{outcome.exception}: {outcome.message}" if outcome.exception else outcome.message
