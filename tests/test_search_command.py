"""The words of `codeit search`, and what it prints."""

import io
import json
import re

import pytest
from commands import fails_with
from rich.console import Console
from small_search import write_tasks

from codeit.cli import main
from codeit.searching import budget as budgets
from codeit.searching import command
from codeit.searching.budget import measure_budget
from codeit.searching.search import search
from codeit.searching.settings import SearchSettings
from codeit.searching.shards import Shard


@pytest.fixture
def data(tmp_path):
    """The words that name a few tiny tasks and their programs."""
    tasks, programs = write_tasks(tmp_path)
    return ["--tasks", str(tasks), "--programs", str(programs)]


# ---- Words ----


def test_the_help_shows_the_commands_and_an_example(capsys):
    with pytest.raises(SystemExit) as end:
        main(["search", "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for part in ("codeit search resume DIR", "codeit search merge DIR... --out DIR", "--minutes 2"):
        assert part in text
    for option in (
        "tasks",
        "ids",
        "programs",
        "minutes",
        "evaluations",
        "threads",
        "memory",
        "seed",
    ):
        assert f"--{option}" in text


@pytest.mark.parametrize("command", ["resume", "merge"])
def test_the_other_forms_have_help(capsys, command):
    with pytest.raises(SystemExit) as end:
        main(["search", command, "--help"])
    assert end.value.code == 0
    assert f"codeit search {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--minutes", 1, "--evaluations", 5], "--minutes and --evaluations both say how long"),
        (["--minutes", 0], "argument --minutes: '0'; allowed: a number above 0"),
        (["--minutes", "nan"], "argument --minutes: 'nan'; allowed"),
        (["--minutes", "ten"], "argument --minutes: 'ten'; allowed"),
        (["--evaluations", 0], "argument --evaluations: '0'; allowed: a whole number from 1 to"),
        (["--evaluations", "1.5"], "argument --evaluations: '1.5'; allowed"),
        (["--threads", -1], "argument --threads: '-1'; allowed: a whole number from 0 to"),
        (["--memory", 0], "argument --memory: '0'; allowed: a number above 0, at most 1,024"),
        (["--seed", -1], "argument --seed: '-1'; allowed"),
        (["--shard", "0/2"], "argument --shard: shard 0/2; allowed: I/N with I from 1 to N"),
        (["--shard", "3/2"], "argument --shard: shard 3/2; allowed: I/N with I from 1 to N"),
        (["--shard", "1"], "argument --shard: shard '1'; allowed: I/N"),
        (["--shard", "a/b"], "argument --shard: shard 'a/b'; allowed: I/N"),
        (["--shard", "1/2/3"], "argument --shard: shard '1/2/3'; allowed: I/N"),
        (["--shard", "1/2"], "shard 1/2 needs --evaluations N, the same for all shards"),
        (["--shard", "1/14", "--evaluations", 5], "shard 1/14 of 13 tasks; allowed: a task for"),
        (["--ids", "flip1,flop1"], "has no task 'flop1'; did you mean"),
        (["--ids", ""], "has no task ''"),
        (["--ids", "007bbfb7"], "has no task '007bbfb7'; it is in arc1-training"),
        (["--methods", "corpus,magic"], "method 'magic' is unknown; allowed: corpus"),
        (["--methods", ""], "method '' is unknown"),
        (["--programs", "nowhere.jsonl"], "nowhere.jsonl: No such file or directory"),
        (["--tasks", "arc1-evaluatoin"], "did you mean 'arc1-evaluation'?"),
        (["--out", ""], "argument --out: ''; allowed: a path"),
        (["stray"], "unrecognized arguments: stray"),
        (["resume"], "arguments are required: directory"),
        (["merge", "--out", "x"], "arguments are required: directories"),
        (["merge", "x"], "arguments are required: --out"),
        (["resume", "nowhere"], "nowhere/search.json: there is no such file"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    data, capsys, tmp_path, monkeypatch, words, message
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    is_other = words[0] in ("resume", "merge")
    fails_with(capsys, ["search", *([] if is_other else data), *words], message)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ID": "1"}, "SLURM_ARRAY_TASK_COUNT is None; allowed: a whole number"),
        ({"ID": "x", "COUNT": "2"}, "SLURM_ARRAY_TASK_ID is 'x'; allowed: a whole number"),
        ({"ID": "2", "COUNT": "2"}, "this is no place in an array; --shard I/N says which part"),
        ({"ID": "3", "COUNT": "2", "MIN": "1", "STEP": "4"}, "this is no place in an array"),
    ],
)
def test_a_slurm_array_that_makes_no_sense_is_one_line(
    data, capsys, monkeypatch, tmp_path, variables, message
):
    for name, value in variables.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    fails_with(capsys, ["search", *data, "--evaluations", 5, "--out", tmp_path / "out"], message)
    assert not (tmp_path / "out").exists()


def test_a_slurm_array_needs_a_number_of_evaluations(data, capsys, monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    message = "shard 1/2, which the variables of the Slurm array name, needs --evaluations N"
    fails_with(capsys, ["search", *data], message)


def test_a_shard_that_is_named_wins_over_the_array(data, monkeypatch, tmp_path):
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    words = [*data, "--evaluations", "5", "--shard", "3/4", "--out", str(tmp_path / "out")]
    assert main(["search", *words]) == 0
    assert json.loads((tmp_path / "out" / "search.json").read_text())["shard"] == "3/4"


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_shards_share_all_tasks(count):
    items = list(range(7))
    parts = [list(Shard(k, count).part_of(items)) for k in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_only_the_tasks_that_are_named_are_searched(data, tmp_path):
    out = tmp_path / "out"
    assert (
        main(["search", *data, "--ids", "turn2, flip1", "--evaluations", "99", "--out", str(out)])
        == 0
    )
    assert list(json.loads((out / "submission.json").read_text())) == ["turn2", "flip1"]


def test_without_out_there_is_a_directory_with_the_date(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["search", *data, "--evaluations", "9"]) == 0
    (out,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"search-\d{8}-\d{6}", out.name)
    assert f"{out.relative_to(tmp_path)}/summary.json" in capsys.readouterr().out


# ---- Minutes ----


def test_minutes_become_a_number_of_evaluations_that_repeats_the_search(data, tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(["search", *data, "--minutes", "0.02", "--out", str(one)]) == 0
    said = re.search(r"--evaluations (\d+) repeats this search", capsys.readouterr().out)
    words = [*data, "--evaluations", said[1], "--out", str(two)]
    assert main(["search", *words]) == 0
    for name in ("search.json", "tasks.jsonl", "summary.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_the_measured_rate_is_shared_out_over_the_tasks(monkeypatch):
    """A clock that advances by a second for every 1,000 evaluations that a search spends."""
    from contextlib import contextmanager
    from dataclasses import dataclass

    now = 0.0
    asked = []

    @dataclass
    class Ended:
        evaluations: int

        @property
        def record(self):
            return self

    @contextmanager
    def search_each(tasks, corpus, settings, threads, evaluations, *, minimises):
        nonlocal now
        asked.append((len(tasks), evaluations))
        now += len(tasks) * evaluations / 1000
        yield iter([Ended(evaluations) for _ in tasks])

    monkeypatch.setattr(budgets, "search_each", search_each)
    monkeypatch.setattr(budgets.time, "perf_counter", lambda: now)
    budget = measure_budget(100, ["task"] * 400, [], SearchSettings(), 2)
    assert budget.rate == 1000
    assert asked == [(8, 2000), (8, 8000)]  # 16 s and 64 s; 30 s are asked for at least
    assert budget.evaluations == 11_000  # 0.8 * (6,000 s - 80 s) * 1,000 / 400, rounded down


# ---- What is printed ----


def test_solved_tasks_are_shown_with_their_answer_and_program(data, tmp_path, capsys):
    assert main(["search", *data, "--evaluations", "99", "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "13 tasks of " in out
    assert "task flip1, by corpus" in out
    assert "x1 = hmirror(I)" in out
    assert "right 3x4" in out
    assert re.search(
        r"task wrong, by \w+, chance \d+%: fits all demonstrations, wrong on a test", out
    )
    assert "task none" not in out
    assert "task some" not in out
    assert "task hidden, by corpus" in out
    assert "solved: 8 of 11 (three programs), 8 (two attempts), 8 (fits all)" in out
    assert "an attempt fits all demonstrations: 9 tasks, of which 1 wrong on a test" in out
    assert "the output of a test is hidden: 2 tasks, 2 with an attempt that fits all" in out
    assert re.search(r"corpus +65 +\d+ +8 *\n", out)
    assert out.rstrip().endswith(f"{tmp_path}/out/summary.json has the figures")
    assert "\x1b" not in out


def test_the_program_that_is_shown_is_minimised(data, tmp_path, capsys):
    longer = "x1 = rot90(I)\nx2 = rot90(x1)\nO = hmirror(x2)"
    programs = tmp_path / "longer.jsonl"
    programs.write_text(json.dumps({"task": "none", "program": longer}) + "\n")
    words = [*data[:2], "--programs", programs, "--evaluations", 10, "--methods", "corpus"]
    assert main(["search", *map(str, words), "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "O = vmirror(I)" in shown
    assert "x2" not in shown


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_no_line_is_wider_than_the_terminal(data, tmp_path, monkeypatch, width, is_terminal):
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, height=50)
    monkeypatch.setattr(command, "open_console", lambda: console)
    words = ["--programs", data[3], "--tasks", data[1], "--evaluations", "99"]
    monkeypatch.chdir(tmp_path)
    assert main(["search", *words, "--out", "out"]) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    lines = [line for line in re.split(r"[\n\r]", text) if " tasks of " not in line]
    sentences = ("fits all", "hidden", "submission", "solved", "searched")
    pictures = [line for line in lines if not any(word in line for word in sentences)]
    assert max(map(len, pictures)) <= width


def test_names_cannot_steer_the_terminal(tmp_path, capsys):
    tasks, programs = write_tasks(tmp_path)
    data = json.loads(tasks.read_text())
    tasks.write_text(json.dumps({"[/x]\x1b[2J": data["flip1"]}))
    words = [
        "--tasks",
        tasks,
        "--programs",
        programs,
        "--evaluations",
        9,
        "--out",
        tmp_path / "out",
    ]
    assert main(["search", *map(str, words)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "task [/x]\\x1b[2J, by corpus" in out


def test_tasks_that_the_corpus_has_programs_for_are_named(tmp_path, capsys):
    words = ["--tasks", "arc1-training", "--ids", "007bbfb7,00d62c1b", "--evaluations", "4000"]
    assert main(["search", *words, "--out", str(tmp_path / "kept")]) == 0
    out = capsys.readouterr().out
    assert "the corpus has programs for 2 of the tasks, under any id: 007bbfb7, 00d62c1b" in out
    assert "solved without these: 0 of 0 (three programs)" in out
    summary = json.loads((tmp_path / "kept" / "summary.json").read_text())
    assert summary["seen"] == ["007bbfb7", "00d62c1b"]
    assert summary["solved"]["top3"] == 2
    assert summary["solved_unseen"] == {"top3": 0, "two_attempts": 0, "fits_all": 0}
    words += ["--leave-own-out", "--out", str(tmp_path / "left out")]
    assert main(["search", *words]) == 0
    assert "the corpus has" not in capsys.readouterr().out


def test_a_search_of_hidden_tasks_alone_says_so(tmp_path, capsys):
    tasks, programs = write_tasks(tmp_path)
    words = ["--tasks", tasks, "--programs", programs, "--ids", "hidden", "--evaluations", 9]
    assert main(["search", *map(str, words), "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "the output of a test is hidden: 1 task, 1 with an attempt that fits" in out
    assert "solved:" not in out


def test_the_default_settings_are_those_of_the_command(data, tmp_path):
    import codeit
    from codeit.language import load_seed_programs

    out = tmp_path / "out"
    number = SearchSettings().evaluations
    assert main(["search", *data, "--evaluations", str(number), "--out", str(out)]) == 0
    rows = [json.loads(line) for line in (out / "tasks.jsonl").read_text().splitlines()]
    records = search(codeit.arc.load(data[1]), corpus=load_seed_programs(data[3]))
    for row, record in zip(rows, records, strict=True):
        del row["digest"]
        assert row == json.loads(json.dumps(record.to_row()))
