import json
import shlex

import pytest

import codeit
from codeit.cli import main
from codeit.language import load_seed_programs
from codeit.minimising.command import _EXAMPLES

TASK = {"train": [{"input": [[1, 2, 3], [4, 5, 6]], "output": [[1]]}], "test": [{"input": [[1]]}]}
LONG = "x1 = hmirror(I)\nx2 = vmirror(x1)\nO = hconcat(x2, I)"
SHORT = "x1 = rot180(I)\nO = hconcat(x1, I)"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Programs for a task, and for one that nobody knows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks.json").write_text(json.dumps({"mine": TASK}))
    rows = [
        {"task": "mine", "program": LONG},
        {"task_id": "mine", "program": SHORT, "original": LONG},
        {"task": "nobody's", "program": LONG},
    ]
    (tmp_path / "programs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_it_prints_the_programs_that_became_shorter(files, capsys):
    assert main(["minimise", "programs.jsonl", "--tasks", "tasks.json", "--threads", "1"]) == 0
    said = capsys.readouterr().out
    assert f"task mine, 51 to 33 characters\n{SHORT}\n" in said
    assert "1 of 3 programs got shorter; on average, 45.0 characters became 39.0" in said
    assert "2.7 lines 2.3" in said
    assert "of unknown tasks, and left as written: 1 (nobody's)" in said
    assert said.count(SHORT) == 1


def test_it_writes_each_program_beside_its_original(files, capsys):
    words = ["minimise", "programs.jsonl", "--tasks", "tasks.json", "--out", "out.jsonl"]
    assert main(words) == 0
    rows = [json.loads(line) for line in (files / "out.jsonl").read_text().splitlines()]
    assert rows == [
        {"task": "mine", "program": SHORT, "original": LONG},
        {"task": "mine", "program": SHORT, "original": SHORT},
        {"task": "nobody's", "program": LONG, "original": LONG},
    ]
    assert SHORT not in capsys.readouterr().out
    assert [seed.program.text for seed in load_seed_programs("out.jsonl")] == [SHORT, SHORT, LONG]


def test_programs_in_python_of_the_other_dialect_are_taken(files, capsys):
    (files / "solvers.py").write_text(
        "def solve_mine(I):\n    O = rot271(rot270(I))\n    return O\n"
    )
    assert main(["minimise", "solvers.py", "--tasks", "tasks.json"]) == 2
    assert "rot271 is no name of the language" in capsys.readouterr().err
    (files / "solvers.py").write_text("def solve_mine(I):\n    return rot270(rot270(I))\n")
    words = ["minimise", "solvers.py", "--tasks", "tasks.json", "--dialect", "arc-dsl"]
    assert main(words) == 0
    assert "O = rot180(I)\n" in capsys.readouterr().out


def test_programs_of_the_evaluation_set_find_their_tasks_by_themselves(files, capsys):
    task = codeit.arc.load("arc1-evaluation")[0]
    row = {"task_id": task.task_id, "program": LONG}
    (files / "solutions.jsonl").write_text(json.dumps(row) + "\n")
    assert main(["minimise", "solutions.jsonl"]) == 0
    assert "1 of 1 program got shorter" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the following arguments are required: PROGRAMS"),
        ([""], "''; allowed: a path"),
        (["nowhere.jsonl"], "nowhere.jsonl"),
        (["tasks.toml"], "unknown kind of file; allowed are .jsonl, .json, .py, .txt"),
        (["bad.jsonl"], 'bad.jsonl, line 1: an object with texts "task" and "program" is needed'),
        (["programs.jsonl", "--tasks", "nowhere"], "no data set or path is named 'nowhere'"),
        (["programs.jsonl"], "no program is for a task of arc1-training and arc1-evaluation"),
        (["programs.jsonl", "--out", "."], ". is a folder; --out takes a file"),
        (["programs.jsonl", "--out", "no/file"], "no/file: cannot be written: there is no folder"),
        (["programs.jsonl", "--dialect", "mine"], "--dialect: invalid choice: 'mine'"),
        (["programs.jsonl", "--threads", "-1"], "--threads: '-1'; allowed"),
    ],
)
def test_bad_words_are_refused_in_one_line(files, words, said, capsys):
    (files / "tasks.toml").write_text(LONG)
    (files / "bad.jsonl").write_text('{"task": 3, "program": ""}\n')
    assert main(["minimise", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("codeit minimise: ")
    assert said in err


def test_the_examples_of_the_help_are_commands(files, capsys, monkeypatch):
    """Each is run, on small files of the names that it has."""
    row = json.dumps({"task_id": "00d62c1b", "program": LONG}) + "\n"
    (files / "runs" / "search").mkdir(parents=True)
    (files / "runs" / "search" / "solutions.jsonl").write_text(row)
    (files / "solvers.py").write_text("def solve_mine(I):\n    O = rot270(I)\n    return O\n")
    (files / "my-tasks.json").write_text(json.dumps({"mine": TASK}))
    some = load_seed_programs()[:3]
    monkeypatch.setattr(
        "codeit.minimising.command.load_seed_programs",
        lambda path, dialect: some if path == "packaged" else load_seed_programs(path, dialect),
    )
    examples = [line.strip() for line in _EXAMPLES.splitlines() if line.startswith("  ")]
    assert examples
    for example in examples:
        assert main(shlex.split(example)[1:]) == 0, capsys.readouterr().err
    assert len((files / "shorter.jsonl").read_text().splitlines()) == len(some)
