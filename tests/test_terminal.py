"""What came from outside is printed without markup and control characters."""

import ast
import dataclasses
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import small_run
from rich.console import Console
from rich.table import Table

from codeit import cli
from codeit.fuzzing import KINDS, Difference, End, Tally, fuzz_on_console
from codeit.runs.settings import settings_to_toml
from codeit.terminal import add_row, counted, plain, say, visible, visible_lines, write

# An end tag of rich's markup, a tag, an emoji code, colors, a new title, a direction, a line end.
HOSTILE = "[/x][bold]:x:\x1b[31m\x1b]0;t\x07\u202eab\rc\nd\x9b"
SHOWN = r"[/x][bold]:x:\x1b[31m\x1b]0;t\x07\u202eab\rc\nd\x9b"
PACKAGE = Path(cli.__file__).parent


def console():
    return Console(file=io.StringIO(), width=200, force_terminal=True)


def is_clean(text):
    """Nothing in the text but what is printable, and line ends."""
    return all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("text", ["", "a b", r"a\nb", "Ä 日本 🙂", "[/x]"])
def test_what_is_printable_stays_as_it_is(text):
    assert visible(text) == text


def test_what_is_not_printable_is_shown_by_its_escape():
    assert visible(HOSTILE) == SHOWN
    assert visible("\t\xa0\u2028\udcff\U000e0041\x7f") == r"\t\xa0\u2028\udcff\U000e0041\x7f"


def test_no_character_of_unicode_is_dangerous_afterwards():
    every = "".join(visible(chr(c)) for c in range(sys.maxunicode + 1))
    assert every.isprintable()
    escaped = every.replace("&", "").replace("<", "")
    assert ElementTree.fromstring(f"<a>{escaped}</a>".encode()).text == escaped


def test_things_are_counted_in_words():
    assert [counted(n, "task") for n in (0, 1, 1000)] == ["0 tasks", "1 task", "1,000 tasks"]


def test_lines_of_a_text_are_kept_where_it_may_have_some():
    assert visible_lines("a\nb\x0bc\r\nd") == "a\nb\\x0bc\\r\nd"


def test_a_line_on_a_console_has_no_markup_and_no_second_line():
    out = console()
    say(out, HOSTILE, "next")
    assert out.file.getvalue() == f"{SHOWN}\nnext\n"


def test_a_line_on_a_console_is_not_broken():
    out = console()
    say(out, "word " * 100)
    assert out.file.getvalue().count("\n") == 1


def test_a_line_on_stdout_has_no_control_characters(capsys):
    write(HOSTILE, 5)
    assert capsys.readouterr().out == f"{SHOWN}\n5\n"


def test_cells_and_titles_of_a_table_have_no_markup():
    out = Console(file=io.StringIO(), width=200)
    table = Table("name", title=plain(HOSTILE))
    add_row(table, HOSTILE.replace("\n", ""))
    out.print(table)
    assert out.file.getvalue().count(r"[/x][bold]:x:\x1b[31m\x1b]0;t\x07\u202eab\rc") == 2


def is_text(node):
    return isinstance(node, ast.JoinedStr | ast.BinOp | ast.Constant)


def is_direct(node):
    """Whether it hands text to a terminal or to rich without `codeit.terminal`."""
    match node:
        case ast.Call(ast.Name("print")):
            return True
        case ast.Call(ast.Attribute(_, "print"), arguments):
            return any(map(is_text, arguments))
        case ast.Call(ast.Attribute(_, "add_row"), arguments):
            return not all(isinstance(a, ast.Starred) for a in arguments)
        case ast.Call(ast.Attribute(ast.Attribute(_, "stdout" | "stderr"), "write")):
            return True
        case ast.Call(ast.Name("Table"), _, keywords):
            return any(k.arg in ("title", "caption") and not is_plain(k.value) for k in keywords)
        case ast.Assign([ast.Attribute(_, "title" | "caption")], value):
            return not is_plain(value)
    return False


def is_plain(node):
    return ast.unparse(node).startswith("plain(")


SOURCES = [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "terminal" / "__init__.py"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_text_is_printed_but_by_the_terminal(path):
    nodes = ast.walk(ast.parse(path.read_text()))
    assert [ast.unparse(node) for node in nodes if is_direct(node)] == []


# ---- Commands ----


def run_command(*words):
    """(exit code, stdout, stderr) of a command in a process of its own, as on a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "codeit", *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "FORCE_COLOR": "1"},
    )
    return done.returncode, done.stdout, done.stderr


NAME = HOSTILE.replace("/", "|")
NAME_SHOWN = SHOWN.replace("/", "|")


def error_lines(capsys, *words):
    assert cli.main([str(word) for word in words]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["{}"],
        ["train", "--out", "{}/a/b", "--preset", "{}"],
        ["train", "--{}", "1"],
        ["train", "{}"],
        ["train", "--out", "o", "--config", "{}"],
        ["train", "--out", "o", "--programs", "{}"],
        ["train", "--out", "o", "--data.training", "{}"],
        ["train", "--out", "o", "--model.name", "{}"],
        ["train", "--out", "o", "--seed", "{}"],
        ["train", "--out", "o", "--sampling.mode", "{}"],
        ["resume", "{}"],
        ["resume", "x", "{}"],
        ["report", "{}"],
        ["report", "x", "--picture", "{}"],
        ["run", "{}", "--task", "x"],
        ["run", "x", "--task", "x", "--save", "{}"],
        ["run", "x", "--task", "x", "{}"],
        ["show", "{}"],
        ["dsl", "{}"],
        ["fuzz", "--programs", "{}"],
        ["fuzz", "--dialect", "{}"],
        ["fuzz", "--oracle", "{}"],
        ["fuzz", "--arc-dsl", "{}"],
        ["info", "{}"],
    ],
)
def test_an_error_shows_what_was_given_in_one_clean_line(capsys, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    error = error_lines(capsys, *(word.format(NAME) for word in words))
    assert error.count("\n") == 1
    assert is_clean(error)
    assert "[|x]" in error
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("key", [HOSTILE, f"data.{HOSTILE}"])
def test_an_unknown_key_of_a_toml_file_is_shown_clean(capsys, tmp_path, key):
    path = tmp_path / "a.toml"
    path.write_text(".".join(json.dumps(part) for part in key.split(".", 1)) + " = 1\n")
    error = error_lines(capsys, "train", "--out", tmp_path / "o", "--config", path)
    assert SHOWN in error
    assert is_clean(error)


def test_a_file_with_a_hostile_name_and_a_hostile_key_is_named_clean(capsys, tmp_path):
    path = tmp_path / f"{NAME}.json"
    pair = {"input": [[1]], "output": [[1]]}
    path.write_text(json.dumps({HOSTILE: {"train": [pair], "test": []}}))
    error = error_lines(capsys, "show", path)
    assert f"{NAME_SHOWN}.json, task {SHOWN}: no tests" in error
    assert is_clean(error)


def test_a_token_of_a_program_is_shown_clean(capsys, tmp_path):
    path = tmp_path / "program.txt"
    path.write_text(f"O = vmirror({HOSTILE})")
    assert is_clean(error_lines(capsys, "run", path, "--task", "00d62c1b"))


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_task_of_a_hostile_file_is_shown_and_saved(tmp_path, suffix):
    path = tmp_path / f"{NAME}.json"
    pair = {"input": [[1, 2]], "output": [[2, 1]]}
    path.write_text(json.dumps({"train": [pair], "test": [pair]}))
    picture = tmp_path / f"{NAME}.{suffix}"
    code, out, error = run_command("show", path, "--save", picture)
    assert (code, error) == (0, "")
    assert f"task {NAME_SHOWN}" in out
    assert picture.stat().st_size > 200
    if suffix == "svg":
        assert f"Task {NAME_SHOWN}" in picture.read_text("utf-8")
        ElementTree.parse(picture)


def test_a_stream_that_cannot_encode_a_name_gets_its_escape(tmp_path):
    path = tmp_path / "日.json"
    pair = {"input": [[1]], "output": [[1]]}
    path.write_text(json.dumps({"train": [pair], "test": [pair]}))
    done = subprocess.run(
        [sys.executable, "-m", "codeit", "show", str(path)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"task \u65e5" in done.stdout


def test_a_difference_that_fuzzing_finds_is_shown_clean(monkeypatch):
    found = Difference(KINDS[0], "codeit", 0, HOSTILE, [[1]], End(1), End(2))

    def find(*arguments):
        arguments[-1](found)
        return Tally()

    monkeypatch.setattr("codeit.fuzzing.fuzz", find)
    out = Console(file=io.StringIO(), width=200)
    fuzz_on_console(1, 0, "codeit", None, None, out)
    text = out.file.getvalue()
    assert is_clean(text)
    assert r"[/x][bold]:x:\x1b[31m" in text


# ---- A run ----


@pytest.fixture(scope="module")
def hostile_data(tmp_path_factory):
    """The small run's data under hostile names of tasks and files."""
    folder = tmp_path_factory.mktemp("data")
    small_run.write_data(folder)
    for name in ("training", "evaluation"):
        tasks = json.loads((folder / f"{name}.json").read_text())
        tasks = {f"{HOSTILE}{key}": task for key, task in tasks.items()}
        (folder / f"{name}.json").unlink()
        (folder / f"{name} {NAME}.json").write_text(json.dumps(tasks))
    rows = [json.loads(line) for line in (folder / "programs.jsonl").read_text().splitlines()]
    rows = [{**row, "task": HOSTILE + row["task"]} for row in rows]
    rows.append({"task": f"{HOSTILE}flip", "program": "O = rot90(I)"})  # wrong, and so named
    (folder / "programs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def hostile_settings(hostile_data):
    settings = small_run.settings_for(hostile_data, iterations=1)
    data = dataclasses.replace(
        settings.data,
        training=str(hostile_data / f"training {NAME}.json"),
        evaluation=str(hostile_data / f"evaluation {NAME}.json"),
    )
    return dataclasses.replace(settings, data=data)


@pytest.mark.parametrize("is_terminal", ["", "1"])
def test_a_run_with_hostile_names_goes_to_its_end_and_on(
    capsys, monkeypatch, hostile_data, tmp_path, is_terminal
):
    monkeypatch.setenv("FORCE_COLOR", is_terminal)
    out, config = tmp_path / f"日🙂{NAME}", tmp_path / "config.toml"
    config.write_text(settings_to_toml(hostile_settings(hostile_data)), "utf-8")
    picture = tmp_path / "picture.svg"
    for words in (
        ["train", "--out", out, "--config", config],
        ["resume", out, "--iterations", "2"],
        ["report", out],
        ["report", out, "--picture", picture],
    ):
        assert cli.main([str(word) for word in words]) == 0
        printed, error = capsys.readouterr()
        assert error == ""
        assert out.name.replace(NAME, NAME_SHOWN) in printed
        if not is_terminal:
            assert is_clean(printed)
    assert visible(HOSTILE) in picture.read_text("utf-8")
    ElementTree.parse(picture)


def test_seeds_that_are_left_out_are_named_clean(hostile_data):
    from codeit.runs.loop import Loop

    out = Console(file=io.StringIO(), width=100)
    Loop(hostile_settings(hostile_data), out)
    assert f": {SHOWN}flip\n" in out.file.getvalue()
