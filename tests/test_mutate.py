"""`codeit mutate`: mutated tasks and what they solve, on disk; the same bytes after a kill and for
any number of threads; and one line for whatever is wrong."""

import csv
import json
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from broken_disk import Killed, sweep
from commands import fails_with, files, start
from small_mutate import NUM_PROGRAMS, PER_SHARD, words_for

from codeit import Program, execute, version
from codeit.cli import main
from codeit.files.json_file import read_lines
from codeit.language import load_seed_programs
from codeit.mutating import directory as on_disk
from codeit.mutating.curve import Curve
from codeit.mutating.plan import make_plan
from codeit.mutating.running import complete
from codeit.mutating.settings import MutatingSettings
from codeit.tasks import datasets
from codeit.tasks.scoring import Candidate, Scoreboard

SHARDS = [f"mutants/{k:04d}.jsonl" for k in range(1, 8)]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The words for a few hundred mutants, without --out."""
    return words_for(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def undisturbed(words, tmp_path_factory):
    """The directory of a work that nothing has disturbed."""
    out = tmp_path_factory.mktemp("mutants") / "undisturbed"
    assert main(["mutate", *words, "--threads", "1", "--out", str(out)]) == 0
    return out


def mutants(out):
    return [row for name in SHARDS for row in read_lines(out / name)]


# ---- What is there in the end ----


def test_the_directory_holds_mutants_curve_solutions_and_figures(undisturbed):
    assert set(files(undisturbed)) == {
        *("mutate.json", "position.json", "curve.csv", "solutions.jsonl", "summary.json"),
        *SHARDS,
    }
    assert len(read_lines(undisturbed / SHARDS[0])) == PER_SHARD
    assert len(mutants(undisturbed)) == NUM_PROGRAMS


def test_mutants_are_distinct_programs_that_make_tasks_of_their_seed_programs_tasks(
    words, undisturbed
):
    tasks = {task.task_id: task for task in datasets.load(words[3])}
    seeds = {seed.program.key for seed in load_seed_programs(words[1])}
    rows = mutants(undisturbed)
    programs = [Program.parse(row["program"]) for row in rows]
    assert len({program.key for program in programs}) == len(rows)
    assert not seeds & {program.key for program in programs}
    assert max(row["depth"] for row in rows) > 1
    for row, program in zip(rows, programs, strict=True):
        inputs = [pair.input for pair in tasks[row["task"]].demonstrations]
        assert (execute([program], inputs, 1).height > 0).all()


def test_the_shards_can_be_seed_programs(undisturbed):
    programs = load_seed_programs(undisturbed / SHARDS[0])
    assert [p.program.text for p in programs] == [
        row["program"] for row in read_lines(undisturbed / SHARDS[0])
    ]


def test_solutions_are_the_mutants_that_reproduce_the_first_demonstration(words, undisturbed):
    programs = [Program.parse(row["program"]) for row in mutants(undisturbed)]
    expected = set()
    for task in datasets.load(words[5]):
        first = task.demonstrations[0]
        is_right = execute(programs, [first.input], 1).match([first.output])[:, 0]
        expected |= {(int(p), task.task_id) for p in is_right.nonzero()[0]}
    rows = read_lines(undisturbed / "solutions.jsonl")
    assert len(expected) > 50
    assert [row["number"] for row in rows] == sorted(row["number"] for row in rows)
    assert {(row["number"], row["task_id"]) for row in rows} == expected
    found = [row.get("original", row["program"]) for row in rows]
    assert found == [programs[row["number"]].text for row in rows]


def test_what_is_right_on_all_demonstrations_or_all_tests_is_minimised(words, undisturbed):
    tasks = {task.task_id: task for task in datasets.load(words[5])}
    rows = read_lines(undisturbed / "solutions.jsonl")
    for row in rows:
        is_right = row["num_right"] == row["num_demonstrations"] or all(row["tests_right"])
        assert ("original" in row) == is_right
    fitting = [row for row in rows if "original" in row]
    for row in fitting:
        shown, original = (Program.parse(row[name]) for name in ("program", "original"))
        assert (shown.key, original.key) == (row["key"], row["original_key"])
        task = tasks[row["task_id"]]
        inputs = [pair.input for pair in (*task.demonstrations, *task.tests)]
        results = execute([shown, original], inputs, 1)
        assert (results.outcome[0] == results.outcome[1]).all()
        for k in range(len(inputs)):
            assert np.array_equal(results.grid(0, k), results.grid(1, k))
    assert any(len(row["program"]) < len(row["original"]) for row in fitting)


def test_the_curve_counts_the_tasks_that_so_many_mutants_solve(undisturbed):
    with (undisturbed / "curve.csv").open() as file:
        points = list(csv.DictReader(file))
    assert [int(point["programs"]) for point in points] == list(range(50, 401, 50))
    rows = read_lines(undisturbed / "solutions.jsonl")
    for point in points:
        board = Scoreboard()
        for row in map(dict, rows):
            if row.pop("number") < int(point["programs"]):
                board.add([Candidate.from_row(row)])
        figures = board.figures()
        assert {rule: int(point[rule]) for rule in figures} == figures
        assert float(point["solved_fraction"]) == figures["top3"] / 8
    repeats = [int(point["with_repeats"]) - int(point["programs"]) for point in points]
    assert 0 < repeats[0] < repeats[-1]
    assert int(points[0]["top3"]) < int(points[-1]["top3"])
    summary = json.loads((undisturbed / "summary.json").read_text())
    assert summary["solved"] == {rule: int(points[-1][rule]) for rule in summary["solved"]}
    assert {rule: len(ids) for rule, ids in summary["ids"].items()} == summary["solved"]
    assert summary["programs"] == NUM_PROGRAMS
    assert summary["executions"] >= NUM_PROGRAMS * 8


def test_the_figures_of_the_curve_are_counted_anew_where_a_better_program_is_wrong():
    right = Candidate("t", "d", "O = b(I)", "1", 1, 2, ("a",), (True,))
    wrong = [Candidate("t", "d", f"O = {k}(I)", f"w{k}", 2, 2, ("b",), (False,)) for k in "xyz"]
    curve = Curve(2)
    found = list(enumerate([right, *wrong]))
    points = [*curve.add(found[:3], 0, [1, 4, 5], False), *curve.add(found[3:], 3, [7, 8], True)]
    known = [(p.num_programs, p.num_valid, p.figures["top3"]) for p in points]
    assert known == [(2, 4, 1), (4, 7, 0), (5, 8, 0)]


# ---- The same bytes ----


def test_the_files_are_the_same_for_any_number_of_threads(words, undisturbed, tmp_path):
    for threads in (2, 5):
        out = tmp_path / str(threads)
        assert main(["mutate", *words, "--threads", str(threads), "--out", str(out)]) == 0
        assert files(out) == files(undisturbed)


@pytest.mark.parametrize("seed", range(5))
def test_work_that_was_killed_at_any_moment_ends_as_if_it_had_not(
    words, undisturbed, tmp_path, seed
):
    """By SIGKILL, twice: while it is new, and while it goes on."""
    draw = random.Random(seed)
    out = tmp_path / "out"
    arguments = [*words, "--threads", 1 + seed % 2, "--out", out]
    for _ in range(2):
        process = start("small_mutate.py", 0.03, *arguments)
        wanted = num_shards(out) + draw.randrange(3)
        end = time.monotonic() + 60
        while process.poll() is None and num_shards(out) < wanted + 1:
            assert time.monotonic() < end, "it does not begin"
            time.sleep(0.001)
        time.sleep(draw.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        arguments = ["resume", out, "--threads", 2]
    assert main(["mutate", "resume", str(out)]) == 0
    assert files(out) == files(undisturbed)


def num_shards(out):
    return len(list((out / "mutants").glob("*.jsonl"))) if out.exists() else 0


def test_interrupted_work_says_how_to_go_on(words, undisturbed, tmp_path):
    out = tmp_path / "out"
    process = start("small_mutate.py", 0.3, *words, "--threads", 2, "--out", out)
    while num_shards(out) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    printed, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"`codeit mutate resume {out}` goes on" in printed.replace("\n", "")
    assert error == ""
    assert main(["mutate", "resume", str(out)]) == 0
    assert files(out) == files(undisturbed)


SETTINGS = MutatingSettings(num_programs=130, per_shard=60, curve_step=50, depth="inf")


def made(words, out):
    """The same without the command line, which ends differently."""
    work, plan = make_plan(words[5], None, words[3], words[1], "codeit", SETTINGS, 1)
    with on_disk.MutatingDirectory.create(out, plan) as directory:
        complete(directory, plan, work, 1, lambda *_: None)


def resumed(out):
    plan = on_disk.read_plan(out)
    with on_disk.MutatingDirectory.open(out) as directory:
        complete(directory, plan, plan.load(1), 1, lambda *_: None)


def test_work_ends_as_if_nothing_had_been_whatever_goes_wrong_when(words, quick_path, tmp_path):
    """Every operation on a file fails or kills once."""
    made(words, tmp_path / "whole")
    expected = files(tmp_path / "whole")

    def check(folder, error, kind):
        out = folder / "out"
        assert error is None or isinstance(
            error, Killed if kind == "kills" else (OSError, ValueError)
        )
        if (out / "mutate.json").exists():
            resumed(out)
        else:
            made(words, out)
        assert files(out) == expected

    num = sweep(
        quick_path,
        lambda _: None,
        lambda folder: made(words, folder / "out"),
        check,
        ["fails", "kills"],
    )
    assert num > 30


def test_work_that_has_ended_can_be_gone_on_with(undisturbed, tmp_path, capsys):
    out = copy_of(undisturbed, tmp_path)
    (out / "summary.json").unlink()
    assert main(["mutate", "resume", str(out)]) == 0
    assert f"{NUM_PROGRAMS} mutants were made before" in capsys.readouterr().out
    assert files(out) == files(undisturbed)


def test_work_ends_where_there_are_no_more_mutants(tmp_path, capsys):
    words = words_for(tmp_path)
    (tmp_path / "programs.jsonl").write_text('{"task": "turn", "program": "O = rot90(I)"}\n')
    words = ["mutate", *words[:6], "--n", "100000", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "mutants in 10,000,000 draws" in told.replace("\n", " ")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert 20 < summary["programs"] < 1000
    assert summary["solved"]["top3"] >= 2
    before = files(tmp_path / "out")
    assert main(["mutate", "resume", str(tmp_path / "out")]) == 0
    assert files(tmp_path / "out") == before


# ---- What is refused ----


def copy_of(undisturbed, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    return out


@pytest.mark.parametrize("name", [SHARDS[2], "curve.csv", "solutions.jsonl", "position.json"])
def test_a_file_that_is_missing_or_damaged_is_named(undisturbed, tmp_path, capsys, name):
    out = copy_of(undisturbed, tmp_path)
    data = (out / name).read_bytes()
    place = len(data) // 2
    damaged = data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]
    for content in (data[:-20], damaged, b""):
        (out / name).write_bytes(content)
        fails_with(capsys, ["mutate", "resume", out], str(out / name))
        assert (out / name).read_bytes() == content
    if name != "position.json":
        (out / name).unlink()
        fails_with(capsys, ["mutate", "resume", out], f"{out / name}: it is missing")


@pytest.mark.parametrize("content", [b"", b"{}\n", b"half", b"\0" * 99, b"[]\n" * 3])
def test_a_damaged_plan_is_named(undisturbed, tmp_path, capsys, content):
    out = copy_of(undisturbed, tmp_path)
    (out / "mutate.json").write_bytes(content)
    fails_with(capsys, ["mutate", "resume", out], "mutate.json: it is damaged")
    (out / "mutate.json").unlink()
    fails_with(capsys, ["mutate", "resume", out], "is no directory of `codeit mutate`")


@pytest.mark.parametrize("name", ["tasks", "training", "programs"])
def test_work_does_not_go_on_with_other_data(tmp_path, capsys, name):
    words = words_for(tmp_path)
    out = tmp_path / "out"
    assert main(["mutate", *words[:6], "--n", "20", "--out", str(out)]) == 0
    changed = Path(words[{"programs": 1, "training": 3, "tasks": 5}[name]])
    text = changed.read_text()
    changed.write_text(text.replace("[0, ", "[1, ", 1).replace("rot90", "rot180"))
    fails_with(capsys, ["mutate", "resume", out], f"{changed}")


def test_work_does_not_go_on_with_another_package(undisturbed, tmp_path, capsys, monkeypatch):
    out = copy_of(undisturbed, tmp_path)
    monkeypatch.setattr(version, "commit", lambda: "1234")
    fails_with(capsys, ["mutate", "resume", out], "commit 1234, which may give something else")


def test_a_directory_is_written_by_one_process_at_a_time(undisturbed, tmp_path, capsys):
    out = copy_of(undisturbed, tmp_path)
    with on_disk.MutatingDirectory.open(out):
        fails_with(capsys, ["mutate", "resume", out], "another process is writing this directory")
    assert main(["mutate", "resume", str(out)]) == 0


def test_what_is_there_is_never_overwritten(words, undisturbed, tmp_path, capsys):
    before = files(undisturbed)
    mutate = ["mutate", *words, "--out"]
    message = f"exists already; `codeit mutate resume {undisturbed}` goes on with it"
    fails_with(capsys, [*mutate, undisturbed], message)
    assert files(undisturbed) == before
    (tmp_path / "file").write_text("mine")
    fails_with(capsys, [*mutate, tmp_path / "file"], "exists already; choose another directory")
    fails_with(capsys, [*mutate, tmp_path], "exists already; choose another directory")
    (tmp_path / "empty").mkdir()
    assert main([*mutate, str(tmp_path / "empty")]) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--n", "0"], "'0'; allowed: a whole number from 1 to"),
        (["--depth", "2"], "invalid choice: '2'"),
        (["--crossover", "-1"], "'-1'"),
        (["--tasks", "nowhere"], "no data set or path is named 'nowhere'"),
        (["--training", "nowhere"], "no data set or path is named 'nowhere'"),
        (["--programs", "nowhere.jsonl"], "nowhere.jsonl: No such file"),
        (["--ids", "flip1,none"], "has no task 'none'"),
        (["--fuel", "1"], "no seed program is left"),
        (["--dialect", "python"], "invalid choice: 'python'"),
        (["--step", "-1"], "'-1'; allowed"),
        (["--seed", "1.5"], "'1.5'; allowed"),
    ],
)
def test_what_is_wrong_with_the_words_is_said_in_one_line(
    words, tmp_path, capsys, changes, message
):
    out = tmp_path / "out"
    fails_with(capsys, ["mutate", *words, *changes, "--out", out], message)
    assert not out.exists()


def test_the_directory_has_to_be_named(words, capsys):
    fails_with(capsys, ["mutate", *words], "--out")
    fails_with(capsys, ["mutate", "resume"], "directory")


def test_the_help_has_examples(capsys):
    with pytest.raises(SystemExit):
        main(["mutate", "--help"])
    told = capsys.readouterr().out
    assert "codeit mutate --n 19200 --out runs/mutants" in told
    assert "--crossover" in told


def test_a_task_whose_test_is_hidden_is_counted_nowhere(tmp_path):
    words = words_for(tmp_path)
    tasks = json.loads(Path(words[5]).read_text())
    del tasks["flip1"]["test"][0]["output"]
    Path(words[5]).write_text(json.dumps(tasks))
    out = tmp_path / "out"
    assert main(["mutate", *words[:6], "--n", "300", "--out", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert summary["tasks"] == 7
    assert "flip1" not in summary["ids"]["top3"]
