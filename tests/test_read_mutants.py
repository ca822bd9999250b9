"""Mutated tasks that `codeit mutate` has made, for a run to learn from."""

import json

import numpy as np
import pytest
from small_mutate import words_for
from small_run import quiet, settings_for, write_data

from codeit import Limits, run
from codeit.cli import main
from codeit.files.json_file import read_lines
from codeit.runs.mutants import load_mutants
from codeit.runs.running import train
from codeit.runs.settings import override
from codeit.tasks import datasets


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The data of a small run, and mutants for it in `made`."""
    folder = tmp_path_factory.mktemp("data")
    assert main(["mutate", *words_for(folder), "--out", str(folder / "made")]) == 0
    return folder


def loaded(data, source, count=1000, fits=lambda _: True):
    tasks = datasets.load(data / "training.json")
    return load_mutants(source, tasks, "codeit", count, fits, 1, Limits())


def rows_of(data):
    files = sorted((data / "made" / "mutants").iterdir())
    return [row for file in files for row in read_lines(file)]


def test_all_mutants_of_a_directory_are_tasks_in_their_order(data):
    found = loaded(data, data / "made")
    rows = rows_of(data)
    assert [(m.parent.task_id, m.program.text) for m in found] == [
        (row["task"], row["program"]) for row in rows
    ]
    for mutant in found[::20]:
        for pair, output in zip(mutant.parent.demonstrations, mutant.outputs, strict=True):
            np.testing.assert_array_equal(run(mutant.program, pair.input).grid, output)


def test_a_folder_and_a_file_are_read_likewise_and_no_more_than_is_wanted(data):
    texts = [row["program"] for row in rows_of(data)]
    assert [m.program.text for m in loaded(data, data / "made" / "mutants", 100)] == texts[:100]
    first = data / "made" / "mutants" / "0001.jsonl"
    assert [m.program.text for m in loaded(data, str(first), 1000)] == texts[:60]
    assert loaded(data, first, 0) == []


def test_files_are_read_in_the_order_of_their_numbers(tmp_path):
    write_data(tmp_path)
    for k in (10000, 9999):
        line = json.dumps(
            {"task": "turn", "program": f"x1 = rot{90 * (k % 3 + 1)}(I)\nO = trim(x1)"}
        )
        (tmp_path / f"{k}.jsonl").write_text(line + "\n")
    found = loaded(tmp_path, tmp_path / "9999.jsonl") + loaded(tmp_path, tmp_path / "10000.jsonl")
    folder = tmp_path / "only"
    folder.mkdir()
    for k in (10000, 9999):
        (tmp_path / f"{k}.jsonl").rename(folder / f"{k}.jsonl")
    assert [m.program for m in loaded(tmp_path, folder)] == [m.program for m in found]


def test_what_cannot_be_learned_or_is_no_task_is_left_out(data, tmp_path):
    rows = [
        {"task": "turn", "program": "O = rot180(I)"},
        {"task": "turn", "program": "x9 = rot180(I)\nO = rot180(I) "},  # the same, to its key
        {"task": "other", "program": "O = rot270(I)"},
        {"task": "turn", "program": "O = size(I)"},
        {"task": "flip", "program": "O = rot180(I)"},
        {"task": "turn", "program": "x1 = rot90(I)\nO = trim(x1)"},
    ]
    path = tmp_path / "mutants.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = loaded(data, path, fits=lambda program: len(program) == 1)
    assert [(m.parent.task_id, m.program.text) for m in found] == [
        ("turn", "O = rot180(I)"),
        ("flip", "O = rot180(I)"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file or folder"),
        ("", "there is no program in it"),
        ("{}\n", 'line 1: an object with texts "task" and "program" is needed'),
        ('{"task": "turn", "program": "O = nothing(I)"}\n', "line 1: program, line 1"),
        ('{"task": "none", "program": "O = trim(I)"}\n', "no mutated task of the training tasks"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(data, tmp_path, capsys, content, message):
    path = tmp_path / "mutants.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=message.replace('"', ".")) as error:
        loaded(data, path)
    assert str(path) in str(error.value)
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ValueError, match="there is no file of mutants in it"):
        loaded(data, folder)


def test_a_run_learns_from_them_in_place_of_its_own(data, tmp_path):
    settings = override(settings_for(data, iterations=1), {"data.mutated": str(data / "made")})
    console = quiet()
    train(settings, tmp_path / "run", console)
    said = " ".join(console.file.getvalue().split())
    assert "40 of 40 mutated tasks read" in said
    start = read_lines(tmp_path / "run" / "metrics.jsonl")[0]
    assert start["num_mutated"] == 40
    assert start["num_mutants_scored"] == 40
