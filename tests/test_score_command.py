"""A file of attempts is scored by Kaggle's rule, whoever made it."""

import json
import re

import commands
import pytest
from small_search import write_tasks

from codeit.cli import main
from codeit.solving.score_command import score_file
from codeit.tasks.datasets import load

ONE, TWO = {"input": [[1, 0]], "output": [[1]]}, {"input": [[2, 0]], "output": [[2]]}
TASKS = {
    "a": {"train": [ONE], "test": [TWO]},
    "b": {"train": [ONE], "test": [ONE, TWO]},
    "c": {"train": [ONE], "test": [{"input": [[3, 0]]}]},
    "d": {"train": [ONE], "test": [ONE, {"input": [[3, 0]]}]},
}
WRONG = [[0, 0], [0, 0]]


def answer(first, second=WRONG):
    return {"attempt_1": first, "attempt_2": second}


@pytest.fixture
def files(tmp_path):
    tasks = tmp_path / "tasks.json"
    tasks.write_text(json.dumps(TASKS))

    def write(answers):
        path = tmp_path / "submission.json"
        path.write_text(answers if isinstance(answers, str) else json.dumps(answers))
        return [str(path), "--tasks", str(tasks)]

    return write


def said(capsys, words):
    capsys.readouterr()
    assert main(["score", *words]) == 0
    return capsys.readouterr().out.splitlines()


FULL = {
    "a": [answer(WRONG, [[2]])],
    "b": [answer([[1]]), answer([[7]])],
    "c": [answer([[3]])],
    "d": [answer([[1]]), answer([[3]])],
}


def test_a_test_is_right_by_either_attempt_and_a_task_by_all_its_tests(files, capsys):
    share = "; the mean share of a task's tests that is right is 75.00%"
    assert said(capsys, [*files(FULL), "--all"]) == [
        f"solved: 1 of 2 tasks{share}",
        "tests of which one of the two attempts is right: 3 of 4 (75.00%); the first attempt: 2",
        "a",
    ]


def test_what_is_missing_is_wrong_and_what_is_unknown_is_named(files, capsys):
    answers = {"a": FULL["a"], "x": [], "y": []}
    lines = said(capsys, files(answers))
    assert lines[0].startswith("solved: 1 of 2 tasks; ")
    assert lines[2] == "3 tasks not in the file, and wrong: b, c, d"
    assert re.fullmatch(r"2 tasks in the file, and not of .*tasks.json: x, y", lines[3])


@pytest.mark.parametrize("grid", [[], [[]], [[1], [1, 2]], None, "no answer", [[2.5]], 7, [["2"]]])
def test_an_attempt_that_is_no_grid_is_wrong_and_no_error(files, capsys, grid):
    lines = said(capsys, files({**FULL, "a": [answer(grid, grid)]}))
    assert lines[0].startswith("solved: 0 of 2 tasks; ")


def test_a_color_with_a_point_is_the_whole_number(files, capsys):
    text = json.dumps(FULL).replace("[[2]]", "[[2.0]]")
    assert said(capsys, files(text))[0].startswith("solved: 1 of 2 tasks; ")


def test_what_submit_writes_has_the_score_that_it_says(tmp_path, capsys):
    tasks, programs = write_tasks(tmp_path)
    words = ["submit", str(tasks), "--programs", str(programs), "--evaluations", "500"]
    assert main([*words, "--out", str(tmp_path / "s.json")]) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("tests of which")]
    right, num_tests = re.search(r"(\d+) of (\d+) whose outputs are known", line).groups()
    score = score_file(tmp_path / "s.json", load(tasks))
    assert (score.num_right, score.num_tests) == (int(right), int(num_tests))
    assert score.num_right > 0


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("[]", "submission.json: it has no attempts; a submission is an object by task"),
        ("{", "submission.json: not JSON at line 1, column 2"),
        ({"x": []}, "it has none of the tasks, the first of which is 'a'; its own first is 'x'"),
        ({**FULL, "b": [answer([[1]])]}, "task b: 1 answers; the task has 2 tests"),
        ({**FULL, "b": 3}, "task b: no list of answers; the task has 2 tests"),
        ({**FULL, "a": [{"attempt_1": [[2]]}]}, 'test 1: "attempt_1" and "attempt_2" are needed'),
        (TASKS, "task a: no list of answers; the task has 1 tests"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_line(files, capsys, answers, message):
    commands.fails_with(capsys, ["score", *files(answers)], message)


def test_tasks_that_hide_everything_are_refused(files, capsys, tmp_path):
    words = files(FULL)
    (tmp_path / "tasks.json").write_text(json.dumps({"c": TASKS["c"]}))
    commands.fails_with(capsys, ["score", *words], "the outputs of all tests are hidden; name a")
    commands.fails_with(capsys, ["score", words[0]], "arguments are required: --tasks")
