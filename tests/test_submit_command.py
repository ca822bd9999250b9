"""The words of `codeit submit`, what it prints, and what it leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import commands
import pytest
import small_search
from small_search import write_tasks

from codeit.cli import main
from codeit.solving.partial_file import PartialFile
from codeit.solving.solver import Solver
from codeit.tasks.datasets import load

SLOW = f"""import sys, time
sys.path.insert(0, {str(Path(small_search.__file__).parent)!r})
from codeit.solving import solver
plain = solver.search_task
def slow(*arguments, **options):
    time.sleep(0.25)
    return plain(*arguments, **options)
solver.search_task = slow
from codeit.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def data(tmp_path):
    """The words that name a few tiny tasks and their programs."""
    tasks, programs = write_tasks(tmp_path)
    return [str(tasks), "--programs", str(programs)]


def submitted(capsys, *words):
    """What the command prints."""
    capsys.readouterr()
    assert main(["submit", *map(str, words)]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def fails_with(capsys, words, message):
    commands.fails_with(capsys, ["submit", *words], message)


def test_the_help_shows_examples(capsys):
    with pytest.raises(SystemExit) as end:
        main(["submit", "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "codeit submit arc2-evaluation --minutes 60 --out submission.json" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: TASKS, --out"),
        (["arc1-evaluation"], "the following arguments are required: --out"),
        (["arc1-evaluatoin", "--out", "x.json"], "did you mean 'arc1-evaluation'?"),
        (["TASKS", "--out", "."], ". is a folder; --out takes a file"),
        (["TASKS", "--out", "no/x.json"], "cannot be written: there is no folder no"),
        (["TASKS", "--out", ""], "argument --out: ''; allowed: a path"),
        (["TASKS", "--out", "x.json", "--ids", "flop1"], "has no task 'flop1'"),
        (["TASKS", "--out", "x.json", "--minutes", "-1"], "argument --minutes: '-1'; allowed"),
        (
            ["TASKS", "--out", "x.json", "--minutes", "1", "--evaluations", "1"],
            "--minutes and --evaluations both say how long to search; give one",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    data, capsys, tmp_path, monkeypatch, words, message
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    fails_with(capsys, [word.replace("TASKS", data[0]) for word in words], message)
    assert sorted(tmp_path.iterdir()) == before


def test_the_file_has_two_attempts_at_every_test_and_its_score_is_printed(data, tmp_path, capsys):
    path = tmp_path / "submission.json"
    out = submitted(capsys, *data, "--evaluations", 300, "--out", path)
    tasks = load(data[0])
    rows = json.loads(path.read_text())
    assert {name: len(row) for name, row in rows.items()} == {
        task.task_id: len(task.tests) for task in tasks
    }
    assert "13 tasks of " in out
    assert "solved: 8 of 11 (three programs), 8 (two attempts), 8 (fits all)" in out
    assert "tests of which one of the two attempts is right: 9 of 12" in out
    assert "the first attempt fits all demonstrations: 9 tasks, of which 1 wrong on a test" in out
    assert "hidden: 2 tasks hide the output of a test, and have no score" in out
    assert out.endswith(f"{path} is the submission\n")
    assert "\x1b" not in out
    assert not PartialFile(path).path.exists()


def test_it_is_what_the_search_of_the_same_tasks_hands_in(data, tmp_path, capsys):
    path = tmp_path / "submission.json"
    submitted(capsys, *data, "--evaluations", 300, "--out", path)
    words = ["--tasks", data[0], *data[1:], "--evaluations", "300", "--out", tmp_path / "search"]
    assert main(["search", *map(str, words)]) == 0
    assert path.read_bytes() == (tmp_path / "search" / "submission.json").read_bytes()


def test_kaggles_own_files_can_be_read(data, tmp_path, capsys):
    """Challenges without outputs, and solutions beside them."""
    tasks = json.loads(Path(data[0]).read_text())
    some = {name: tasks[name] for name in ("flip1", "wrong", "none")}
    solutions = {name: [test.pop("output") for test in t["test"]] for name, t in some.items()}
    challenges = tmp_path / "arc_challenges.json"
    challenges.write_text(json.dumps(some))
    words = [challenges, *data[1:], "--evaluations", 300, "--out"]
    out = submitted(capsys, *words, tmp_path / "hidden.json")
    assert "hidden: 3 tasks hide the output of a test, and have no score" in out
    assert "solved:" not in out
    (tmp_path / "arc_solutions.json").write_text(json.dumps(solutions))
    out = submitted(capsys, *words, tmp_path / "known.json")
    assert "solved: 1 of 3 (three programs)" in out
    assert (tmp_path / "hidden.json").read_bytes() == (tmp_path / "known.json").read_bytes()


def test_minutes_become_a_number_that_writes_the_same_file(data, tmp_path, capsys):
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    out = submitted(capsys, *data, "--minutes", "0.02", "--out", one)
    number = re.search(r"--evaluations (\d+) repeats this submission", out)[1]
    submitted(capsys, *data, "--evaluations", number, "--threads", 1, "--out", two)
    assert one.read_bytes() == two.read_bytes()


def test_a_file_that_cannot_be_written_is_named_and_the_answers_are_kept(
    data, tmp_path, monkeypatch, capsys
):
    path = tmp_path / "submission.json"
    words = [*data, "--evaluations", 300, "--out", path]
    with monkeypatch.context() as broken:
        broken.setattr("codeit.solving.submission.whole_file", full_disk)
        fails_with(capsys, words, f"{path}: No space left on device")
    assert not path.exists()
    monkeypatch.setattr(Solver, "answer", fail)  # none is looked for again
    out = submitted(capsys, *words)
    assert "13 of the tasks were answered before, with 300 evaluations each" in out
    assert "solved: 8 of 11 (three programs), 8 (two attempts), 8 (fits all)" in out


def full_disk(path):
    raise OSError(28, "No space left on device", str(path))


def fail(*_):
    raise AssertionError


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_after_an_interruption_the_same_command_goes_on_to_the_same_file(
    data, tmp_path, capsys, number
):
    path, plain = tmp_path / "submission.json", tmp_path / "plain.json"
    words = [*data, "--minutes", "0.05", "--threads", "1", "--out"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, "submit", *words, str(path)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=commands.answer_interrupts,
    )
    partial = PartialFile(path).path
    while not partial.exists() or partial.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert error == (
            f"codeit submit: interrupted; the same command goes on, with what is in {partial}\n"
        )
    assert not path.exists()
    evaluations = PartialFile(path).asked()["evaluations"]
    out = submitted(capsys, *words, path)
    # Of the three lines that were seen, the last is not kept unless it was on the disk by then.
    assert re.search(r"\b([2-9]|1[0-2]) of the tasks were answered before", out)
    submitted(capsys, *data, "--evaluations", evaluations, "--out", plain)
    assert path.read_bytes() == plain.read_bytes()
    assert not partial.exists()


def begun(data, tmp_path, monkeypatch, capsys, *words):
    """The words of a submission that is kept and not written."""
    path = tmp_path / "submission.json"
    with monkeypatch.context() as broken:
        broken.setattr("codeit.solving.submission.whole_file", full_disk)
        assert main(["submit", *data, *words, "--out", str(path)]) == 2
    capsys.readouterr()
    return path, PartialFile(path).path


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (["--evaluations", "301"], "asked_evaluations"),
        (["--minutes", "1"], "minutes"),
        (["--evaluations", "300", "--seed", "1"], "settings"),
        (["--evaluations", "300", "--ids", "flip1"], "tasks"),
    ],
)
def test_another_submission_does_not_go_on_with_what_is_kept(
    data, tmp_path, monkeypatch, capsys, other, name
):
    path, partial = begun(data, tmp_path, monkeypatch, capsys, "--evaluations", "300")
    before = partial.read_bytes()
    fails_with(
        capsys,
        [*data, *other, "--out", path],
        f"{partial} has answers of another submission: its {name}",
    )
    assert partial.read_bytes() == before
    assert not path.exists()


def test_what_is_damaged_is_named_by_its_line(data, tmp_path, monkeypatch, capsys):
    path, partial = begun(data, tmp_path, monkeypatch, capsys, "--evaluations", "300")
    lines = partial.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"search", b"policy", 1)
    partial.write_bytes(b"\n".join(lines))
    words = [*data, "--evaluations", "300", "--out", path]
    fails_with(capsys, words, f"{partial}, line 3: it is damaged: not what was written")
    # Without the line, its task is answered again.
    partial.write_bytes(b"\n".join(lines[:2] + lines[3:]))
    assert "12 of the tasks were answered before" in submitted(capsys, *words)


def test_a_line_that_a_kill_has_cut_off_is_left_out(data, tmp_path, monkeypatch, capsys):
    path, partial = begun(data, tmp_path, monkeypatch, capsys, "--evaluations", "300")
    partial.write_bytes(partial.read_bytes()[:-20])
    words = [*data, "--evaluations", "300", "--out", path]
    assert "12 of the tasks were answered before" in submitted(capsys, *words)


def test_a_file_that_is_there_is_replaced_when_the_new_one_is_whole(data, tmp_path, capsys):
    path = tmp_path / "submission.json"
    path.write_text("old")
    submitted(capsys, *data, "--evaluations", 300, "--out", path)
    assert "flip1" in json.loads(path.read_text())


def test_where_nobody_reads_the_output_one_line_says_how_to_go_on(data, tmp_path):
    words = [sys.executable, "-m", "codeit", "submit", *data, "--evaluations", "300"]
    read, written = os.pipe()
    os.close(read)
    with os.fdopen(written, "w") as out:
        process = subprocess.run(
            [*words, "--out", str(tmp_path / "x.json")],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
    said = "ended, as nobody reads the output; `codeit submit` goes on"
    assert process.stderr == f"codeit submit: {said}\n"
    assert process.returncode == 130
