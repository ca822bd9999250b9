"""The command `codeit score`: how right a file of attempts is, whoever made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeit.solving.submission import is_right
from codeit.tasks.datasets import SOURCE_HELP, load
from codeit.tasks.scoring import NUM_ATTEMPTS
from codeit.tasks.task import Task
from codeit.tasks.task_files import read_tasks_json
from codeit.terminal import counted, open_console, say
from codeit.terminal.arguments import Parser, path_of

_NUM_NAMED = 10
_ATTEMPTS = tuple(f"attempt_{k}" for k in range(1, NUM_ATTEMPTS + 1))
_DESCRIPTION = """\
Score a file in Kaggle's form: for each task, `attempt_1` and `attempt_2` for each test. A test is
right when one of its attempts is, and a task is solved when all of its tests are right. Tests whose
outputs are hidden have no score.
"""


@dataclass
class FileScore:
    """How right a file of attempts is.

    Attributes:
        solved, num_scored: tasks all of whose tests are right, and that hide no output.
        num_right, num_tests: tests that are right, and whose outputs are known.
        first_right: tests whose first attempt is right.
        share: mean over the tasks that are scored of the share of their tests that is right.
        missing: tasks that the file says nothing of, which count as wrong.
        unknown: what the file has beyond the tasks.
    """

    solved: list[str] = field(default_factory=list)
    num_scored: int = 0
    num_right: int = 0
    num_tests: int = 0
    first_right: int = 0
    share: float = 0.0
    missing: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def score_command(words: Sequence[str]) -> None:
    """Run `codeit score` with these words."""
    parser = Parser(
        prog="codeit score",
        description=_DESCRIPTION,
        examples=["codeit score submission.json --tasks arc2-evaluation"],
    )
    parser.add_argument("file", type=path_of, metavar="FILE", help="the file of attempts")
    parser.add_argument(
        "--tasks",
        required=True,
        metavar="SOURCE",
        help=f"the tasks, with the outputs of their tests: {SOURCE_HELP}",
    )
    parser.add_argument("--all", action="store_true", help="name every task that is solved")
    parsed = parser.parse_args(words)
    score = score_file(parsed.file, load(parsed.tasks))
    if not score.num_tests:
        raise ValueError(
            f"{parsed.tasks}: the outputs of all tests are hidden; name a source that has them"
        )
    console = open_console()
    if score.num_scored:
        share = f"; the mean share of a task's tests that is right is {score.share:.2%}"
        say(console, f"solved: {len(score.solved)} of {score.num_scored} tasks{share}")
    say(
        console,
        f"tests of which one of the two attempts is right: {score.num_right} of {score.num_tests} "
        f"({score.num_right / score.num_tests:.2%}); the first attempt: {score.first_right}",
    )
    for names, what in (
        (score.missing, "not in the file, and wrong"),
        (score.unknown, f"in the file, and not of {parsed.tasks}"),
    ):
        if names:
            say(console, f"{counted(len(names), 'task')} {what}: {_some(names)}")
    if parsed.all:
        say(console, *score.solved)


def score_file(path: Path, tasks: Sequence[Task]) -> FileScore:
    """The score of a file of attempts.

    Raises:
        ValueError: it is none, or has another number of tests for a task.
        OSError: it cannot be read.
    """
    found = read_tasks_json(path)
    if not isinstance(found, dict) or not found:
        raise ValueError(f"{path}: it has no attempts; a submission is an object by task")
    ids = {task.task_id for task in tasks}
    score = FileScore(unknown=[name for name in found if name not in ids])
    shares = []
    for task in tasks:
        answers = [_no_attempt()] * len(task.tests)
        if task.task_id in found:
            answers = _checked(found[task.task_id], f"{path}, task {task.task_id}", task)
        else:
            score.missing.append(task.task_id)
        right = [
            is_right(answer, test.output)
            for answer, test in zip(answers, task.tests, strict=True)
            if test.output is not None
        ]
        score.num_right += sum(right)
        score.num_tests += len(right)
        score.first_right += sum(
            is_right(dict.fromkeys(_ATTEMPTS, answer[_ATTEMPTS[0]]), test.output)
            for answer, test in zip(answers, task.tests, strict=True)
            if test.output is not None
        )
        if not task.is_hidden:
            shares.append(sum(right) / len(right))
            if all(right):
                score.solved.append(task.task_id)
    score.num_scored = len(shares)
    score.share = sum(shares) / len(shares) if shares else 0.0
    if len(score.missing) == len(tasks):
        raise ValueError(
            f"{path}: it has none of the tasks, the first of which is {tasks[0].task_id!r}; its "
            f"own first is {next(iter(found))!r}"
        )
    return score


def _checked(answers: Any, where: str, task: Task) -> list[Mapping[str, Any]]:
    """The attempts at the tests of a task. An attempt that is no grid is wrong, and no error."""
    if not isinstance(answers, list) or len(answers) != len(task.tests):
        count = len(answers) if isinstance(answers, list) else "no list of"
        raise ValueError(f"{where}: {count} answers; the task has {len(task.tests)} tests")
    for number, answer in enumerate(answers, 1):
        if not isinstance(answer, dict) or not all(name in answer for name in _ATTEMPTS):
            raise ValueError(f'{where}, test {number}: "attempt_1" and "attempt_2" are needed')
    return [{name: _grid_or_none(answer[name]) for name in _ATTEMPTS} for answer in answers]


def _grid_or_none(value: Any) -> Any:
    """What may be compared with a grid: NumPy makes arrays of no ragged lists."""
    is_grid = isinstance(value, list) and all(isinstance(row, list) for row in value)
    return value if is_grid and len(set(map(len, value))) == 1 else None


def _no_attempt() -> Mapping[str, Any]:
    return dict.fromkeys(_ATTEMPTS)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NUM_NAMED:,} more" if names[_NUM_NAMED:] else ""
    return ", ".join(names[:_NUM_NAMED]) + more
