"""Text and paths from people: marks and line ends that editors write, links, and empty names."""

import io
import json
import sys

import pytest
from commands import fails_with
from small_run import PROGRAMS

from codeit.cli import main
from codeit.files.json_file import read_lines, read_object
from codeit.files.text_file import dead_link, read_text
from codeit.language import load_seed_programs
from codeit.runs.settings import RunSettings, load_settings
from codeit.tasks import datasets

BOM = b"\xef\xbb\xbf"
TASK = {"train": [{"input": [[1, 2]], "output": [[2, 1]]}], "test": [{"input": [[1]]}]}


# ---- Marks and line ends


PYTHON = "def solve_a(I):\n    x1 = vmirror(I)\n    O = hmirror(x1)\n    return O\n"
LINES = '{"task": "a", "program": "O = vmirror(I)"}\n{"task": "b", "program": "O = vmirror(I)"}\n'
READERS = {
    "tasks": ("a.json", json.dumps(TASK, indent=1), lambda path: datasets.load(path)[0].digest),
    "seeds.jsonl": (
        "a.jsonl",
        LINES,
        lambda path: [(seed.task_id, seed.program) for seed in load_seed_programs(path)],
    ),
    "seeds.py": (
        "a.py",
        PYTHON,
        lambda path: [(seed.task_id, seed.program) for seed in load_seed_programs(path)],
    ),
    "settings": ("a.toml", "seed = 5\n[data]\n", lambda path: load_settings(path, RunSettings())),
    "a JSON object": ("a.json", '{"a":\n 1}', read_object),
    "JSON lines": ("a.jsonl", '{"a": 1}\n{"a": 2}\n', read_lines),
}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", BOM])
@pytest.mark.parametrize("kind", READERS)
def test_a_mark_and_line_ends_change_nothing_wherever_people_write_text(kind, mark, ends, tmp_path):
    name, text, read = READERS[kind]
    path = tmp_path / name
    path.write_bytes(text.encode())
    expected = read(path)
    path.write_bytes(mark + text.replace("\n", ends).encode())
    assert read(path) == expected


@pytest.mark.parametrize("way", ["a file", "standard input"])
@pytest.mark.parametrize("mark", [b"", BOM])
def test_a_program_may_begin_with_a_mark(way, mark, capsys, tmp_path, monkeypatch):
    program = tmp_path / "program.txt"
    program.write_bytes(mark + b"x1 = hmirror(I)\r\nO = vmirror(x1)\r\n")
    task = tmp_path / "task.json"
    task.write_text(json.dumps(TASK))
    with program.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        word = str(program) if way == "a file" else "-"
        assert main(["run", word, "--task", str(task)]) == 0
    assert "1 of 1 pairs are right" in capsys.readouterr().out


def test_original_functions_may_begin_with_a_mark(tmp_path, capsys):
    for name in ("dsl.py", "arc_types.py"):
        (tmp_path / name).write_bytes(BOM + b"def crop(grid, start, dims):\r\n    return grid\r\n")
    fails_with(capsys, ["fuzz", "--arc-dsl", tmp_path], "does not define")


def test_a_file_that_is_no_text_is_named_with_the_place(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"ab\xff")
    with pytest.raises(ValueError, match=f"^{path}: byte 2 is not UTF-8 text$"):
        read_text(path)


# ---- Links and names


@pytest.fixture(params=["dangling", "loop", "loop of two", "below a dangling one"])
def link(request, tmp_path):
    """A link that leads nowhere, and what is to be said of it."""
    path = tmp_path / "link"
    if request.param == "loop":
        path.symlink_to("link")
        return path, "a link to link, which leads back to itself"
    if request.param == "loop of two":
        path.symlink_to("other")
        (tmp_path / "other").symlink_to("link")
        return path, "a link to other, which leads back to itself"
    path.symlink_to("gone")
    if request.param == "dangling":
        return path, "a link to gone, where there is nothing"
    return path / "file", "a link to gone, where there is nothing"


READS = {
    "data.training": ["train", "--out", "run", "--data.training"],
    "data.evaluation": ["train", "--out", "run", "--data.evaluation"],
    "programs": ["train", "--out", "run", "--programs"],
    "model": ["train", "--out", "run", "--model.name"],
    "weights": ["train", "--out", "run", "--model.pretrained", "--model.name"],
    "tokenizer": ["train", "--out", "run", "--model.tokenizer"],
    "config": ["train", "--out", "run", "--config"],
    "show": ["show"],
    "task": ["run", "program.txt", "--task"],
    "program": ["run", "--task", "67a3c6ac"],
    "resume": ["resume"],
    "report": ["report"],
}


@pytest.fixture
def here(data, tmp_path, monkeypatch):
    """A folder with a program, where small data is what is not named."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.txt").write_text(PROGRAMS["flip"])
    small = {
        "--data.training": data / "training.json",
        "--data.evaluation": data / "evaluation.json",
        "--programs": data / "programs.jsonl",
    }
    return [str(word) for item in small.items() for word in item]


@pytest.mark.parametrize("reader", READS)
def test_a_link_that_leads_nowhere_is_called_one(reader, link, here, capsys):
    path, message = link
    words = READS[reader]
    rest = [*here, *words[3:]] if words[0] == "train" else words[1:]
    start = words[:3] if words[0] == "train" else words[:1]
    fails_with(capsys, [*start, *rest, path], message)


@pytest.mark.parametrize(
    "words",
    [
        *READS.values(),
        ["train", "--out"],
        ["report", "run", "--picture"],
        ["show", "67a3c6ac", "--save"],
        ["fuzz", "--oracle"],
        ["fuzz", "--arc-dsl"],
        ["fuzz", "--out"],
    ],
)
def test_an_empty_name_is_no_path(words, here, capsys, tmp_path):
    """Not even of the folder that one stands in."""
    if words[-1] in ("--programs", "--model.tokenizer"):
        return  # the corpus in the package, and the model's own
    before = sorted(tmp_path.rglob("*"))
    fails_with(capsys, [*words, ""], "''")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["file", "folder", "folder/file", "nothing", "good link", "a\0b"])
def test_only_a_dead_link_is_one(name, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "good link").symlink_to("file")
    assert dead_link(tmp_path / name) == ""
