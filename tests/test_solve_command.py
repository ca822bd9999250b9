"""The words of `codeit solve`, and what a person sees."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
from contextlib import suppress

import pytest
from commands import answer_interrupts
from rich.console import Console
from small_search import write_tasks

from codeit.cli import main
from codeit.solving import live, solve_command


@pytest.fixture
def data(tmp_path):
    """Where a few tiny tasks are, and the words that name their programs."""
    tasks, programs = write_tasks(tmp_path)
    return tasks, ["--programs", str(programs), "--evaluations", "300"]


def solved(capsys, *words, code=0):
    """What the command prints; it ends with that code."""
    capsys.readouterr()
    try:
        found = main(["solve", *map(str, words)])
    except SystemExit as end:
        found = end.code
    out, error = capsys.readouterr()
    assert found == code, error
    return out


# ---- Words ----


def test_the_help_says_what_the_exit_codes_mean(capsys):
    with pytest.raises(SystemExit) as end:
        main(["solve", "--help"])
    assert end.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Exits with 0 where a program is right on all demonstrations, with 1 where none" in text
    assert "An interrupted search exits with 130" in text
    for option in ("minutes", "evaluations", "programs", "leave-own-out", "seed", "save"):
        assert f"--{option}" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: task"),
        (["nowhere.json"], "nowhere.json: there is no such file"),
        (["TASKS"], "holds 13 tasks; "),
        (["TASKS/flop1"], "has no task 'flop1'; did you mean 'flip1'?"),
        (["arc1-training"], "arc1-training is a data set; arc1-training/ID names a task in it"),
        (["00d62c1b", "--minutes", "0"], "argument --minutes: '0'; allowed: a number above 0"),
        (["00d62c1b", "--minutes", "1", "--evaluations", "5"], "--minutes and --evaluations both"),
        (["00d62c1b", "--evaluations", "0"], "argument --evaluations: '0'; allowed: a whole"),
        (["00d62c1b", "--threads", "-1"], "argument --threads: '-1'; allowed"),
        (["00d62c1b", "--memory", "0"], "argument --memory: '0'; allowed: a number above 0"),
        (["00d62c1b", "--memory", "0.001"], "memory is 0.001; allowed"),
        (["00d62c1b", "--seed", "-1"], "argument --seed: '-1'; allowed"),
        (["00d62c1b", "--programs", "no.jsonl"], "no.jsonl: No such file or directory"),
        (["00d62c1b", "--save", "x.gif"], "x.gif: suffix '.gif'; a picture is saved as .svg or"),
        (["00d62c1b", "--save", "no/x.svg"], "there is no folder no"),
        (["00d62c1b", "stray"], "unrecognized arguments: stray"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    data, capsys, tmp_path, monkeypatch, words, message
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    words = [word.replace("TASKS", str(data[0])) for word in words]
    assert main(["solve", *words]) == 2
    out, error = capsys.readouterr()
    lines = error.splitlines()
    assert len(lines) == 1, error
    assert message in lines[0]
    assert out == ""
    assert sorted(tmp_path.iterdir()) == before


# ---- What a person sees ----


def one_task(data, name, tmp_path):
    """A file with one of the tasks alone."""
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(json.loads(data[0].read_text())[name]))
    return path


def test_an_answer_is_shown_with_its_demonstrations_its_program_and_where_it_comes_from(
    data, tmp_path, capsys
):
    out = solved(capsys, one_task(data, "flip1", tmp_path), *data[1])
    assert "task flip1, 3 demonstrations and 1 test; 4 programs of " in out
    assert re.search(r"right on all 3 demonstrations, after \d+ evaluations, by corpus: O = v", out)
    assert out.count("right 3x4") == 4  # of the demonstrations, and of the test
    assert "first: right 3x4" in out
    assert "O = vmirror(I)" in out
    said = " ".join(out.split())
    assert "first attempt: right on all 3 demonstrations; found by the search (corpus)" in said
    assert re.search(r"chance that one of the two is right: about \d+%; so it was on train", said)
    assert out.rstrip().endswith("solved: the first attempt is right")
    assert "\x1b" not in out


def test_a_wrong_answer_is_called_wrong_beside_the_true_one(data, tmp_path, capsys):
    out = solved(capsys, one_task(data, "wrong", tmp_path), *data[1])
    assert "first: wrong 3x4" in out
    assert "expected 3x4" in out
    assert "not solved: no attempt is right" in out


def test_a_hidden_output_is_called_hidden(data, tmp_path, capsys):
    out = solved(capsys, one_task(data, "hidden", tmp_path), *data[1])
    assert "first attempt 3x4" in out
    assert "right on both demonstrations" in out
    assert "the tests' outputs are hidden: nobody here knows whether it is right" in out
    assert "wrong" not in out.partition("test 1")[2]


def test_a_task_without_any_fit_shows_the_nearest_misses_and_ends_with_1(data, tmp_path, capsys):
    out = solved(capsys, one_task(data, "none", tmp_path), *data[1], code=1)
    assert "no program was found that is right on all 3 demonstrations" in out
    said = " ".join(out.split())
    assert re.search(r"the nearest miss: \d+ of 36 cells of the demonstrations' outputs are", said)
    assert re.search(r"\d+ cells wrong", out)
    assert "nearest: wrong 3x4" in out
    assert "chance" not in out


def test_the_misses_get_nearer(data, tmp_path, capsys):
    out = solved(capsys, one_task(data, "none", tmp_path), *data[1], code=1)
    counts = [int(n) for n in re.findall(r"^  (\d+) of 36 cells", out, flags=re.MULTILINE)]
    assert len(counts) > 0
    assert counts == sorted(counts, reverse=True)
    assert f"nearest miss: {counts[-1]} of 36" in " ".join(out.split())


def test_where_nothing_is_near_it_is_said(tmp_path, capsys):
    task = tmp_path / "odd.json"
    grids = [[[1] * 7], [[2] * 7]]
    pairs = [{"input": g, "output": [[k] * 29] * 23} for k, g in enumerate(grids)]
    task.write_text(json.dumps({"train": pairs, "test": [{"input": grids[0]}]}))
    programs = tmp_path / "programs.jsonl"
    programs.write_text('{"task": "x", "program": "O = height(I)"}\n')
    words = ["--programs", programs, "--evaluations", "3"]
    out = solved(capsys, task, *words, code=1)
    assert "no program was found that is right on both demonstrations, or near to it" in out


def test_minutes_become_a_number_that_finds_the_same_answer(data, tmp_path, capsys):
    task = one_task(data, "flip1", tmp_path)
    out = solved(capsys, task, *data[1][:2], "--minutes", "0.02")
    number = re.search(r"--evaluations (\d+) repeats this search", out)[1]
    again = solved(capsys, task, *data[1][:2], "--evaluations", number)
    assert out.partition("\ntask flip1")[2] == again.partition("\ntask flip1")[2] != ""


def test_the_corpus_own_program_for_a_task_is_named(capsys):
    words = ["00d62c1b", "--evaluations", "5000"]
    out = solved(capsys, *words)
    assert "the corpus has programs for this task, written with a look at the answer" in out
    out = solved(capsys, *words, "--leave-own-out", code=1)
    assert "the corpus has" not in out


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_picture_is_saved(data, tmp_path, capsys, suffix):
    path = tmp_path / f"answer.{suffix}"
    solved(capsys, one_task(data, "flip1", tmp_path), *data[1], "--save", path)
    head = path.read_bytes()[:5]
    assert head in (b"<svg ", b"\x89PNG\r")


@pytest.mark.parametrize("num_fitting", [0, 1, 1000])
def test_the_bar_says_what_it_is_of_beside_any_note(num_fitting):
    # What is fitting when the bar is drawn last depends on the time that the search takes.
    console = Console(file=io.StringIO(), width=40, force_terminal=True, height=50)
    watch = types.SimpleNamespace(evaluations=100, method="compositions")
    best = types.SimpleNamespace(fitting=[None] * num_fitting, program=None)
    with live.Live(console=console) as view:
        live._Screen(console, view, 300).update(watch, best, is_new=False)
    assert "searching" in console.file.getvalue()
    assert "33%" in console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("name", ["flip1", "none", "wrong"])
def test_no_line_is_wider_than_the_terminal(data, tmp_path, monkeypatch, width, is_terminal, name):
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, height=50)
    monkeypatch.setattr(solve_command, "open_console", lambda: console)
    with suppress(SystemExit):  # where nothing fits
        main(["solve", str(one_task(data, name, tmp_path)), *data[1]])
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    head, _, shown = text.rpartition(f"\ntask {name}")
    assert max(map(len, shown.splitlines())) <= width
    assert ("searching" in head) == is_terminal


def test_names_cannot_steer_the_terminal(data, tmp_path, capsys):
    path = tmp_path / "[x]\x1b[2J.json"
    path.write_text(json.dumps(json.loads(data[0].read_text())["flip1"]))
    out = solved(capsys, path, *data[1])
    assert "\x1b" not in out
    assert "task [x]\\x1b[2J" in out


def test_while_it_searches_a_costlier_program_does_not_take_the_place_of_what_fits(
    data, tmp_path, capsys
):
    words = [*data[1][:2], "--evaluations", "20000"]
    out = solved(capsys, one_task(data, "flip1", tmp_path), *words)
    live_lines = re.findall(r"^  right on .*", out, flags=re.MULTILINE)
    assert len(live_lines) == 1
    assert live_lines[0].endswith("O = vmirror(I)")


def test_a_program_is_shown_minimised_while_the_search_goes_on(data, capsys, tmp_path):
    """The corpus says it in two lines."""
    text = "x1 = hmirror(I)\nO = rot180(x1)"
    corpus = tmp_path / "longer.jsonl"
    corpus.write_text(json.dumps({"task_id": "a", "program": text}) + "\n")
    task = one_task(data, "flip1", tmp_path)
    out = solved(capsys, task, "--programs", corpus, "--evaluations", 300)
    assert re.search(r"evaluations, by corpus: O = vmirror\(I\)$", out, re.M)
    minimised, _, original = out.partition("first attempt, as it was found")
    assert "rot180" not in minimised
    assert [line.strip() for line in original.splitlines() if line.strip()] == text.split("\n")


# ---- Ctrl-C ----


def test_an_interrupted_search_shows_the_best_so_far(data, tmp_path, monkeypatch, capsys):
    update = live._Lines.update

    def interrupt(self, watch, best, is_new):
        update(self, watch, best, is_new)
        if best.fitting:
            raise KeyboardInterrupt

    monkeypatch.setattr(live._Lines, "update", interrupt)
    words = [*data[1][:2], "--evaluations", 10**9]
    out = solved(capsys, one_task(data, "flip1", tmp_path), *words, code=130)
    assert "first: right 3x4" in out
    assert re.search(r"interrupted after [\d,]+ of 1,000,000,000 evaluations: this is the b", out)


def test_ctrl_c_ends_a_search_at_once(tmp_path, data):
    words = [sys.executable, "-m", "codeit", "solve", str(one_task(data, "flip1", tmp_path))]
    words += [*data[1][:2], "--evaluations", str(10**11)]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        preexec_fn=answer_interrupts,
    )
    assert process.stdout
    while "right on all" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "first: right 3x4" in out
    assert "this is the best so far" in out


def test_a_search_ends_when_nobody_reads_its_output_any_more(tmp_path, data):
    words = [sys.executable, "-m", "codeit", "solve", str(one_task(data, "flip1", tmp_path))]
    words += [*data[1][:2], "--evaluations", str(10**11)]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout
    assert "3 demonstrations" in process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr
    assert process.stderr.read() == ""


def test_what_goes_wrong_on_the_searching_thread_is_one_line(data, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr("codeit.solving.solver.search_task", fail)
    assert main(["solve", str(one_task(data, "flip1", tmp_path)), *data[1]]) == 2
    assert capsys.readouterr().err == "codeit solve: there is not enough memory\n"
