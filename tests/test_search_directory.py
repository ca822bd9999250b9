"""What a search leaves on disk: the same bytes after a kill, for shards, for any number of threads;
and one line for whatever is wrong with it."""

import json
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from broken_disk import Killed, sweep
from commands import fails_with, start
from small_search import files, write_tasks

from codeit import version
from codeit.cli import main
from codeit.files.json_file import read_lines
from codeit.files.sealed_lines import sealed
from codeit.searching import directory as on_disk
from codeit.searching.plan import make_plan
from codeit.searching.running import complete
from codeit.searching.settings import SearchSettings

RESULTS = {"search.json", "tasks.jsonl", "solutions.jsonl", "submission.json", "summary.json"}


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The words of a search of a few tiny tasks, without --out."""
    tasks, programs = write_tasks(tmp_path_factory.mktemp("tasks"))
    return ["--tasks", str(tasks), "--programs", str(programs), "--evaluations", "1000"]


@pytest.fixture(scope="module")
def undisturbed(words, tmp_path_factory):
    """The directory of a search that nothing has disturbed."""
    out = tmp_path_factory.mktemp("searches") / "undisturbed"
    assert main(["search", *words, "--threads", "1", "--out", str(out)]) == 0
    return out


# ---- What is there in the end ----


def test_the_directory_holds_the_results_and_the_times(undisturbed):
    assert {file.name for file in undisturbed.iterdir()} == RESULTS | {"times.jsonl"}
    tasks = [row["task_id"] for row in read_lines(undisturbed / "tasks.jsonl")]
    assert len(tasks) == 13
    assert tasks == list(json.loads((undisturbed / "submission.json").read_text()))
    assert {row["task_id"] for row in read_lines(undisturbed / "times.jsonl")} == set(tasks)


def test_the_summary_counts_what_is_known_and_says_what_is_hidden(undisturbed):
    summary = json.loads((undisturbed / "summary.json").read_text())
    run = sorted(f"{name}{k}" for name in ("flip", "turn", "double", "erase") for k in (1, 2))
    assert summary["tasks"] == 13
    assert summary["hidden"] == 2
    assert summary["solved"] == {"top3": 8, "two_attempts": 8, "fits_all": 8}
    assert summary["ids"] == {"top3": run, "two_attempts": run, "fits_all": run}
    assert summary["fitting"]["tasks"] == 9
    assert summary["fitting"]["tasks_wrong"] == 1
    assert summary["fitting"]["hidden"] == 2
    assert summary["unconfirmed"] == 0
    assert summary["methods"]["corpus"]["solved"] == 8
    assert 0 < summary["methods"]["corpus"]["evaluations"] < summary["evaluations"]
    assert summary["evaluations"] == pytest.approx(
        sum(method["evaluations"] for method in summary["methods"].values()), rel=0.01
    )
    assert summary["search"]["settings"]["evaluations"] == 1000


def test_the_solutions_are_the_programs_that_fit_all_demonstrations(undisturbed):
    rows = read_lines(undisturbed / "solutions.jsonl")
    assert all(row["num_right"] == row["num_demonstrations"] for row in rows)
    assert {row["task_id"] for row in rows} >= {"flip1", "wrong", "hidden", "half"}
    assert {"some", "none"}.isdisjoint(row["task_id"] for row in rows)
    assert {"task_digest", "program", "method", "cost", "derivations", "evaluations"} <= set(
        rows[0]
    )


def test_a_solution_does_on_all_inputs_what_its_longer_original_does(undisturbed):
    import codeit

    plan = json.loads((undisturbed / "search.json").read_text())
    tasks = {task.task_id: task for task in codeit.arc.load(plan["tasks"])}
    rows = read_lines(undisturbed / "solutions.jsonl")
    for row in rows:
        assert len(row["program"]) <= len(row["original"])
        task = tasks[row["task_id"]]
        grids = [pair.input for pair in (*task.demonstrations, *task.tests)]
        programs = [codeit.Program.parse(row[name]) for name in ("program", "original")]
        runs = codeit.execute(programs, grids, 1)
        for k in range(len(grids)):
            assert (runs.grid(0, k) == runs.grid(1, k)).all()


def test_the_submission_has_two_attempts_for_every_test_of_every_task(undisturbed):
    import codeit

    plan = json.loads((undisturbed / "search.json").read_text())
    submission = json.loads((undisturbed / "submission.json").read_text())
    for task in codeit.arc.load(plan["tasks"]):
        answers = submission[task.task_id]
        assert len(answers) == len(task.tests)
        assert all(list(answer) == ["attempt_1", "attempt_2"] for answer in answers)
        if task.task_id == "none":  # the input, where there is nothing
            assert answers[0]["attempt_1"] == task.tests[0].input.tolist()
            assert answers[0]["attempt_2"] == answers[0]["attempt_1"]  # the best there is, again
        if task.task_id == "flip1":
            assert answers[0]["attempt_1"] == task.tests[0].output.tolist()


# ---- The same bytes ----


def test_the_files_are_the_same_for_any_number_of_threads(words, undisturbed, tmp_path):
    for threads in (2, 5):
        out = tmp_path / str(threads)
        assert main(["search", *words, "--threads", str(threads), "--out", str(out)]) == 0
        assert files(out) == files(undisturbed)


@pytest.mark.parametrize("seed", range(5))
def test_a_search_that_was_killed_at_any_moment_ends_as_if_it_had_not(
    words, undisturbed, tmp_path, seed
):
    """By SIGKILL, twice: while it is new, and while it goes on."""
    draw = random.Random(seed)
    out = tmp_path / "out"
    arguments = [*words, "--threads", 1 + seed % 2, "--out", out]
    for _ in range(2):
        process = start("small_search.py", 0.03, *arguments)
        before = number_of_lines(out)
        wanted = before + draw.randrange(5)
        end = time.monotonic() + 60
        while process.poll() is None and number_of_lines(out) < wanted + 1:
            assert time.monotonic() < end, "it does not begin"
            time.sleep(0.001)
        time.sleep(draw.random() * 0.03)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        arguments = ["resume", out, "--threads", 2]
    assert main(["search", "resume", str(out)]) == 0
    assert files(out) == files(undisturbed)


def number_of_lines(out):
    path = out / "tasks.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_an_interrupted_search_says_how_to_go_on(words, undisturbed, tmp_path):
    out = tmp_path / "out"
    process = start("small_search.py", 0.2, *words, "--threads", 2, "--out", out)
    while number_of_lines(out) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert f"`codeit search resume {out}` goes on" in error
    assert error.count("\n") == 1
    assert main(["search", "resume", str(out)]) == 0
    assert files(out) == files(undisturbed)


def test_a_search_whose_output_nobody_reads_says_how_to_go_on(words, undisturbed, tmp_path):
    out = tmp_path / "out"
    process = start("small_search.py", 0.03, *words, "--threads", 2, "--out", out)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 130
    error = process.stderr.read()
    process.stderr.close()
    assert "ended, as nobody reads the output; `codeit search resume` goes on" in error
    assert main(["search", "resume", str(out)]) == 0
    assert files(out) == files(undisturbed)


def searched(words, out):
    """Some of the tasks, without the command line, which ends differently."""
    ids = ("flip1", "wrong", "none", "half")
    work, plan = make_plan(words[1], ids, words[3], None, SearchSettings(evaluations=100))
    with on_disk.SearchDirectory.create(out, plan) as directory:
        complete(directory, plan, work, {}, 1, lambda *_: None)


def resumed(out):
    plan = on_disk.read_plan(out)
    with on_disk.SearchDirectory.open(out) as directory:
        work = plan.load()
        records = on_disk.read_records(out, work.tasks)
        complete(directory, plan, work, records, 1, lambda *_: None)


@pytest.mark.parametrize("is_begun", [False, True], ids=["a new one", "one that goes on"])
def test_a_search_ends_as_if_nothing_had_been_whatever_goes_wrong_when(words, quick_path, is_begun):
    """Every operation on a file fails or kills once."""
    searched(words, quick_path / "undisturbed")
    expected = files(quick_path / "undisturbed")

    def prepare(folder):
        if is_begun:
            shutil.copytree(quick_path / "undisturbed", folder / "out")
            for name in ("solutions.jsonl", "submission.json", "summary.json"):
                (folder / "out" / name).unlink()
            path = folder / "out" / "tasks.jsonl"
            path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2])[:-9])

    def act(folder):
        resumed(folder / "out") if is_begun else searched(words, folder / "out")

    def check(folder, error, kind):
        assert error is None or isinstance(
            error, Killed if kind == "kills" else (OSError, ValueError)
        )
        if isinstance(error, ValueError | OSError):
            assert str(folder / "out") in str(error)
        if (folder / "out" / "search.json").exists():
            resumed(folder / "out")
        else:
            searched(words, folder / "out")
        assert files(folder / "out") == expected

    (quick_path / "cases").mkdir()
    num = sweep(quick_path / "cases", prepare, act, check, ["fails", "kills"])
    assert num > 30


@pytest.mark.parametrize(
    "rest", [b'{"task_id": "fl', b"\0" * 5000, b"\xff\n" * 99, b"[" * 9**5, b"3\n"]
)
def test_what_a_cut_in_the_power_leaves_after_the_lines_is_searched_again(
    undisturbed, tmp_path, rest
):
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    lines = (out / "tasks.jsonl").read_bytes().splitlines(keepends=True)
    (out / "tasks.jsonl").write_bytes(b"".join(lines[:4]) + rest)
    assert main(["search", "resume", str(out)]) == 0
    assert files(out) == files(undisturbed)


def test_a_search_that_has_ended_can_be_gone_on_with(undisturbed, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    assert main(["search", "resume", str(out)]) == 0
    assert "13 of 13 tasks were searched before" in capsys.readouterr().out
    assert files(out) == files(undisturbed)


# ---- Shards ----


def search_shard(words, out, shard):
    assert main(["search", *words, "--shard", shard, "--out", str(out)]) == 0


@pytest.mark.parametrize("count", [1, 2, 5, 13])
def test_shards_that_were_put_together_are_one_search(words, undisturbed, tmp_path, count):
    paths = []
    for k in range(count, 0, -1):
        paths.append(str(tmp_path / f"part{k}"))
        search_shard(words, paths[-1], f"{k}/{count}")
    assert main(["search", "merge", *paths, "--out", str(tmp_path / "all")]) == 0
    expected = files(undisturbed)
    assert files(tmp_path / "all") == expected
    assert main(["search", "resume", str(tmp_path / "all")]) == 0
    assert files(tmp_path / "all") == expected


@pytest.mark.parametrize(
    ("first", "step"), [(0, 1), (1, 1), (10, 5)], ids=["from 0", "from 1", "in steps"]
)
def test_a_slurm_array_is_shards(words, undisturbed, tmp_path, monkeypatch, first, step):
    for k in range(3):
        for name, value in (("ID", first + k * step), ("MIN", first), ("STEP", step), ("COUNT", 3)):
            monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))
        assert main(["search", *words, "--out", str(tmp_path / "array")]) == 0
    parts = sorted((tmp_path / "array").iterdir())
    assert [part.name for part in parts] == [f"shard-{k}-of-3" for k in (1, 2, 3)]
    assert main(["search", "merge", *map(str, parts), "--out", str(tmp_path / "all")]) == 0
    assert files(tmp_path / "all") == files(undisturbed)


def test_shards_may_have_found_the_same_data_in_different_places(
    words, undisturbed, tmp_path, monkeypatch
):
    search_shard(words, tmp_path / "one", "1/2")
    for path in (words[1], words[3]):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    moved = ["--tasks", Path(words[1]).name, "--programs", Path(words[3]).name, *words[4:]]
    search_shard(moved, tmp_path / "two", "2/2")
    assert main(["search", "merge", "one", "two", "--out", "all"]) == 0
    assert files(tmp_path / "all") == files(undisturbed)


def test_what_are_no_shards_of_one_search_is_not_put_together(words, undisturbed, tmp_path, capsys):
    one, two, other, part = (tmp_path / name for name in ("one", "two", "other", "part"))
    search_shard(words, one, "1/2")
    search_shard(words, two, "2/2")
    search_shard([*words, "--seed", "1"], other, "2/2")
    shutil.copytree(two, part)
    lines = (part / "tasks.jsonl").read_bytes().splitlines(keepends=True)
    (part / "tasks.jsonl").write_bytes(b"".join(lines[:2]))
    merge = ("search", "merge", "--out", tmp_path / "all")
    for paths, message in (
        ([one], "shards 2/2 are missing"),
        ([one, one], "are both shard 1/2"),
        ([one, other], f"{other} is of another search than {one}: settings is"),
        ([one, part], f"{part} has 2 of its 6 tasks; `codeit search resume {part}`"),
        ([undisturbed], f"{undisturbed} is a whole search, not a shard of one"),
        ([one, tmp_path], "is a directory of `codeit search`?".replace("is", f"is {tmp_path}", 1)),
    ):
        fails_with(capsys, [*merge, *paths], message)
        assert not (tmp_path / "all").exists()
    fails_with(capsys, ["search", "merge", one, two, "--out", undisturbed], "exists already")


# ---- What is refused ----


def copy_of(undisturbed, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    return out


def test_a_damaged_line_is_named(undisturbed, tmp_path, capsys):
    out = copy_of(undisturbed, tmp_path)
    content = (out / "tasks.jsonl").read_bytes()
    lines = content.splitlines(keepends=True)
    for k in (0, 5):
        for place in (0, 30, len(lines[k]) // 2, len(lines[k]) - 4):
            start = sum(map(len, lines[:k])) + place
            bad = content[:start] + bytes([content[start] ^ 4]) + content[start + 1 :]
            (out / "tasks.jsonl").write_bytes(bad)
            message = f"tasks.jsonl, line {k + 1}: it is damaged"
            fails_with(capsys, ["search", "resume", out], message)
            assert (out / "tasks.jsonl").read_bytes() == bad


def test_lines_that_are_of_no_task_of_the_search_are_named(undisturbed, tmp_path, capsys):
    out = copy_of(undisturbed, tmp_path)
    lines = (out / "tasks.jsonl").read_bytes().splitlines(keepends=True)
    (out / "tasks.jsonl").write_bytes(b"".join([*lines[:2], lines[0]]))
    fails_with(capsys, ["search", "resume", out], "tasks.jsonl, line 3: task 'flip1' stands twice")
    row = {**read_lines(out / "tasks.jsonl")[0], "task_id": "other"}
    del row["digest"]
    (out / "tasks.jsonl").write_bytes(sealed(row))
    fails_with(capsys, ["search", "resume", out], "line 1: task 'other' is none of this search")


DAMAGES = {
    "emptied": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "without its end": lambda content: content[:-1],
    "a flipped bit at the start": lambda content: bytes([content[0] ^ 4]) + content[1:],
    "a flipped bit in the middle": lambda content: (
        content[: len(content) // 2]
        + bytes([content[len(content) // 2] ^ 4])
        + content[len(content) // 2 + 1 :]
    ),
    "an object": lambda content: b"{}\n",
    "a list": lambda content: b"[]\n",
    "nested lists": lambda content: b"[" * 100_000 + b"\n",
    "zeros": lambda content: bytes(len(content)),
    "more": lambda content: content + b"more",
    "a second time": lambda content: content + content,
    "missing": None,
    "a folder": "mkdir",
    "a link to nothing": "nowhere",
    "a link to itself": "",
}


def damage(path, how):
    change = DAMAGES[how]
    if callable(change):
        path.write_bytes(change(path.read_bytes()))
        return
    path.unlink()
    if change == "mkdir":
        (path / "inner").mkdir(parents=True)
    elif change is not None:
        path.symlink_to(change or path.name)


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", sorted([*RESULTS, "times.jsonl"]))
def test_a_damaged_file_is_named_or_does_no_harm(undisturbed, tmp_path, capsys, name, how):
    """A result is written again, a line at the end searched again; all else is left as it was."""
    out = copy_of(undisturbed, tmp_path)
    damage(out / name, how)
    before = {path.name: path.lstat().st_mtime_ns for path in out.iterdir()}
    capsys.readouterr()
    code = main(["search", "resume", str(out)])
    error = capsys.readouterr().err
    if code == 0:
        assert error == ""
        assert files(out) == files(undisturbed)
    else:
        assert code == 2
        assert error.count("\n") == 1
        assert str(out / name) in error
        if name in ("search.json", "tasks.jsonl"):
            assert {path.name: path.lstat().st_mtime_ns for path in out.iterdir()} == before
    if name not in ("search.json", "tasks.jsonl") and callable(DAMAGES[how]):
        assert code == 0


@pytest.mark.parametrize("content", [b"", b"{}\n", b"half", b"\0" * 99, b"[]\n" * 3])
def test_a_damaged_plan_is_named(undisturbed, tmp_path, capsys, content):
    out = copy_of(undisturbed, tmp_path)
    (out / "search.json").write_bytes(content)
    fails_with(capsys, ["search", "resume", out], "search.json: it is damaged")
    (out / "search.json").unlink()
    fails_with(capsys, ["search", "resume", out], f"is {out} a directory of `codeit search`?")


@pytest.mark.parametrize("name", ["tasks", "programs"])
def test_a_search_does_not_go_on_with_other_data(tmp_path, capsys, name):
    tasks, programs = write_tasks(tmp_path)
    out = tmp_path / "out"
    words = ["--tasks", tasks, "--programs", programs, "--evaluations", 9, "--out", out]
    assert main(["search", *map(str, words)]) == 0
    changed = {"tasks": tasks, "programs": programs}[name]
    text = changed.read_text()
    changed.write_text(text.replace("[0, ", "[1, ", 1).replace("rot90", "rot180"))
    fails_with(capsys, ["search", "resume", out], f"{name} are '{changed}', whose content is not")
    changed.unlink()
    fails_with(capsys, ["search", "resume", out], str(changed))


def test_a_search_does_not_go_on_with_another_package(undisturbed, tmp_path, capsys, monkeypatch):
    out = copy_of(undisturbed, tmp_path)
    monkeypatch.setattr(version, "commit", lambda: "1234")
    fails_with(capsys, ["search", "resume", out], "commit 1234, which may give something else")
    monkeypatch.undo()
    monkeypatch.setattr(version, "__version__", "7.0")
    fails_with(capsys, ["search", "resume", out], "and this is 7.0")


def test_a_directory_is_written_by_one_process_at_a_time(undisturbed, tmp_path, capsys):
    out = copy_of(undisturbed, tmp_path)
    with on_disk.SearchDirectory.open(out):
        fails_with(capsys, ["search", "resume", out], "another process is writing this search")
    assert main(["search", "resume", str(out)]) == 0


def test_what_is_there_is_never_overwritten(words, undisturbed, tmp_path, capsys):
    before = files(undisturbed)
    search = ["search", *words, "--out"]
    message = f"exists already; `codeit search resume {undisturbed}` goes on with it"
    fails_with(capsys, [*search, undisturbed], message)
    assert files(undisturbed) == before
    (tmp_path / "file").write_text("mine")
    fails_with(capsys, [*search, tmp_path / "file"], "exists already; choose another directory")
    fails_with(capsys, [*search, tmp_path], "exists already; choose another directory")
    (tmp_path / "empty").mkdir()
    assert main([*search, str(tmp_path / "empty")]) == 0
