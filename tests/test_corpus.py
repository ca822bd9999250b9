"""Corpora of programs: the package's own, and files."""

import json
import re
from importlib import resources

import numpy as np
import pytest

from codeit import execute_groups
from codeit.language import Program, load_seed_programs
from codeit.tasks import datasets

PROGRAM = "x1 = vmirror(I)\nO = hconcat(I, x1)"


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_every_program_of_the_package_solves_every_pair_of_its_task():
    tasks = {task.task_id: task for task in datasets.load("arc1-training")}
    seeds = load_seed_programs()
    pairs = [[*tasks[s.task_id].demonstrations, *tasks[s.task_id].tests] for s in seeds]
    runs = execute_groups(
        [([s.program], [pair.input for pair in p]) for s, p in zip(seeds, pairs, strict=True)]
    )
    for seed, pair, results in zip(seeds, pairs, runs, strict=True):
        assert results.match([p.output for p in pair]).all(), seed.task_id


def test_a_program_of_the_package_that_a_search_has_found_says_by_which_command():
    text = resources.files("codeit").joinpath("data", "seed_programs.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    assert {row["origin"] for row in rows} == {"written", "enumeration", "search"}
    for row in rows:
        assert ("command" in row) == ("commit" in row) == (row["origin"] == "search")
        if row["origin"] == "search":
            command = r"codeit search --tasks arc1-training --ids (\w+) --evaluations \d+"
            assert re.fullmatch(command, row["command"])[1] == row["task"]
            assert re.fullmatch("[0-9a-f]{7,40}", row["commit"])


def test_the_package_has_programs_for_many_tasks_and_of_many_kinds():
    seeds = load_seed_programs()
    assert len({seed.task_id for seed in seeds}) >= 60
    assert len({(seed.task_id, seed.program) for seed in seeds}) == len(seeds)
    names = {word for s in seeds for word in s.program.text.replace("(", " ").split()}
    from codeit.language import PRIMITIVES

    assert len(names & PRIMITIVES.keys()) >= 100
    lengths = [len(seed.program) for seed in seeds]
    assert np.median(lengths) >= 4


def test_jsonl_is_read_in_order_and_blank_lines_are_skipped(tmp_path):
    rows = [{"task": "b", "program": PROGRAM, "note": 1}, {"task": "a", "program": PROGRAM}]
    text = "\n\n".join(map(json.dumps, rows)) + "\n"
    seeds = load_seed_programs(write(tmp_path, "p.jsonl", text))
    assert [(s.task_id, s.program.text) for s in seeds] == [("b", PROGRAM), ("a", PROGRAM)]


def test_functions_of_a_python_file_are_read_and_never_run(tmp_path):
    text = (
        "from nowhere import *\n"
        "raise SystemExit('this file was run')\n\n"
        "def solve_00d62c1b(I):\n"
        "    x1 = vmirror(I)\n"
        "    O = hconcat(I, x1)\n"
        "    return O\n\n"
        "def helper(I):\n    return I\n"
    )
    (seed,) = load_seed_programs(write(tmp_path, "p.py", text))
    assert (seed.task_id, seed.program) == ("00d62c1b", Program.parse(PROGRAM))


def test_the_dialect_is_that_of_all_programs(tmp_path):
    path = write(tmp_path, "p.jsonl", json.dumps({"task": "a", "program": PROGRAM}))
    (seed,) = load_seed_programs(path, dialect="arc-dsl")
    assert seed.program.dialect == "arc-dsl"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.jsonl", "", "there is no program in it"),
        ("p.jsonl", "{", "p.jsonl, line 1: column 2"),
        ("p.jsonl", "[" * 100_000, "p.jsonl, line 1: maximum recursion depth"),
        ("p.jsonl", "1" * 5000, "p.jsonl, line 1: Exceeds the limit"),
        ("p.jsonl", "\n[1]", 'p.jsonl, line 2: an object with texts "task" and "program"'),
        ("p.jsonl", '{"task": "a"}', 'an object with texts "task" and "program"'),
        ("p.jsonl", '{"task": "a", "program": "O = crip(I)"}', "line 1: program, line 1 has a fun"),
        (
            "p.py",
            "def solve_a(I):\n    O = f(I)\n",
            "line 1, solve_a: line 2: f is no name of the lan",
        ),
        ("p.py", "def solve_a(I:\n", "p.py, line 1"),
        ("p.py", "x = 1\n", "there is no program in it"),
        ("p.toml", PROGRAM, "unknown kind of file; allowed are .jsonl, .json, .py, .txt"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=message):
        load_seed_programs(write(tmp_path, name, text))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="byte 0 is not UTF-8"):
        load_seed_programs(path)
