"""A run that searches its tasks before the first iteration."""

import dataclasses
import json
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch")

import small_run
import small_search
from small_run import PROGRAMS, quiet, settings_for, without_seconds

from codeit import Limits, Program, search
from codeit.files.json_file import read_lines
from codeit.language import load_seed_programs
from codeit.learning.experience import Lessons
from codeit.parallel.processes import SINGLE_PROCESS
from codeit.policy.sampling.settings import SamplingSettings
from codeit.reporting.text import print_report
from codeit.runs.loop import Loop
from codeit.runs.running import resume, train
from codeit.runs.settings import LoopSearchSettings, settings_to_toml
from codeit.runs.stages import Workers
from codeit.runs.stages import search as search_stage
from codeit.searching import engine
from codeit.searching.corpus import Corpus
from codeit.searching.settings import SearchSettings
from codeit.tasks.datasets import load

SLOW_SEARCH = f"""import sys, time
sys.path.insert(0, {str(small_run.__file__).rpartition("/")[0]!r})
import small_search
small_search.slow_down(0.5, at_random=False)
from codeit.cli import main
sys.exit(main(sys.argv[1:]))
"""


def searching(data, **changes):
    """The settings of a small run that searches."""
    settings = settings_for(data, iterations=1, search=LoopSearchSettings(evaluations=300))
    return dataclasses.replace(settings, **changes)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A finished run, and what it printed."""
    out = tmp_path_factory.mktemp("searching") / "run"
    console = quiet()
    train(searching(data), out, console)
    return out, " ".join(console.file.getvalue().split())


@pytest.fixture
def asked(monkeypatch):
    """The tasks that are searched, and the programs that their search begins with."""
    calls = {}
    plain = engine.search_task

    def search_task(task, programs, *rest):
        calls[task.task_id] = task, [program.text for program in programs]
        return plain(task, programs, *rest)

    monkeypatch.setattr(engine, "search_task", search_task)
    return calls


def start_alone(monkeypatch, settings, out):
    """A run that ends when its start is done."""
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_iterate", lambda *_: pytest.fail("an iteration"))
        with pytest.raises(pytest.fail.Exception, match="an iteration"):
            train(settings, out, quiet())


def test_what_search_finds_is_recorded_under_its_own_name(run):
    out, printed = run
    start, last = read_lines(out / "metrics.jsonl")
    found = [s for s in read_lines(out / "solutions.jsonl") if s["origin"] == "search"]
    assert {s["task_id"] for s in found} == {f"{name}{k}" for name in PROGRAMS for k in (1, 2)}
    assert {s["iteration"] for s in found} == {0}
    assert start["num_searched"] == 8
    assert start["solved"]["search"]["top3"] == last["solved"]["search"]["top3"] == 8
    note = "8 tasks searched with 300 evaluations each: 8 have a program that is right on all"
    assert note in printed
    assert note in start["notes"][-1]


def test_the_report_says_what_came_from_search_and_what_nothing_else_solves(run):
    out, _ = run
    last = read_lines(out / "metrics.jsonl")[-1]
    console = quiet()
    print_report(out, console)
    text = " ".join(console.file.getvalue().split())
    for by, name in (
        ("mutation", "mutation of seed programs"),
        ("search", "search without a model"),
        ("policy", "policy, all iterations"),
        ("all", "all together"),
    ):
        solved, only = last["solved"][by], last["solved_only"][by]
        assert f"{name} {' '.join(f'{solved[rule]} ({only[rule]})' for rule in solved)} 8" in text
    assert last["solved_only"]["search"]["top3"] == 8 - len(
        {
            s["task_id"]
            for s in read_lines(out / "solutions.jsonl")
            if s["origin"] != "search" and all(s["tests_right"])
        }
    )


def test_a_run_without_search_has_no_row_of_it(finished):
    out, printed = finished
    console = quiet()
    print_report(out, console)
    assert "search without a model" not in console.file.getvalue() + printed
    assert read_lines(out / "metrics.jsonl")[0]["num_searched"] == 0


def test_no_output_of_a_test_reaches_the_search(data, tmp_path, monkeypatch, asked):
    start_alone(monkeypatch, searching(data), tmp_path / "run")
    assert len(asked) == 8
    assert {test.output for task, _ in asked.values() for test in task.tests} == {None}
    (tmp_path / "other").mkdir()
    tasks = json.loads((data / "evaluation.json").read_text())
    for one in tasks.values():
        one["test"][0]["output"] = [[9]]
    path = tmp_path / "other" / "evaluation.json"
    path.write_text(json.dumps(tasks))
    plain = searching(data)
    other = dataclasses.replace(plain, data=dataclasses.replace(plain.data, evaluation=str(path)))
    start_alone(monkeypatch, other, tmp_path / "other" / "run")
    unknown = {"tests_right": 0, "task_digest": 0}
    first, second = (
        [s | unknown for s in read_lines(tmp_path / folder / "run" / "solutions.jsonl")]
        for folder in ("", "other")
    )
    assert first == second


def test_a_task_is_not_solved_by_a_look_at_its_own_seed_program(data, tmp_path, monkeypatch, asked):
    """It is a training task, too, under this id or another."""
    tasks = json.loads((data / "training.json").read_text())
    tasks["twin"] = tasks["flip"]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    plain = searching(data)
    sources = dataclasses.replace(plain.data, evaluation=str(tmp_path / "tasks.json"))
    start_alone(monkeypatch, dataclasses.replace(plain, data=sources), tmp_path / "run")
    programs = {name: Program.parse(text).text for name, text in PROGRAMS.items()}
    for name, (_, corpus) in asked.items():
        own = programs["flip" if name == "twin" else name]
        assert sorted(corpus) == sorted(p for p in programs.values() if p != own)


def test_seed_programs_of_tasks_that_are_no_training_tasks_take_no_part(
    data, tmp_path, monkeypatch, asked
):
    more = json.dumps({"task": "flip1", "program": "x1 = vmirror(I)\nO = identity(x1)"})
    path = tmp_path / "programs.jsonl"
    path.write_text((data / "programs.jsonl").read_text() + "\n" + more)
    start_alone(monkeypatch, searching(data, programs=str(path)), tmp_path / "run")
    assert {len(corpus) for _, corpus in asked.values()} == {4}


def candidates(*arguments):
    """What the stage finds, without what it teaches."""
    tasks, corpus, settings, workers = arguments
    found = search_stage(tasks, corpus, settings, lambda *_: Lessons([]), workers)
    return [candidate for one in found for candidate in one.found]


def test_what_a_search_finds_is_learned_under_its_own_name(data):
    settings = dataclasses.replace(searching(data), sampling=SamplingSettings(max_tokens=60))
    loop = Loop(settings, quiet())
    assert loop._buffer.statistics().num_searched == 0
    loop._start()
    assert loop._buffer.statistics().num_searched >= 8
    plain = dataclasses.replace(settings, search=LoopSearchSettings())
    loop = Loop(plain, quiet())
    loop._start()
    assert loop._buffer.statistics().num_searched == 0


def test_what_search_finds_is_confirmed_within_the_limits_of_the_run(data):
    seeds = load_seed_programs(data / "programs.jsonl")
    corpus = Corpus.of(seeds, load(data / "training.json"))
    tasks = load(data / "evaluation.json")
    settings = SearchSettings(evaluations=300)
    found = [
        candidates(tasks, corpus, settings, Workers(SINGLE_PROCESS, 1, limits, quiet()))
        for limits in (Limits(), Limits(fuel=1))
    ]
    assert {c.task_id for c in found[0]} == {task.task_id for task in tasks}
    assert found[1] == []


def test_what_takes_part_in_the_score_is_what_the_search_would_submit(tmp_path):
    """In its order, which knows more of what fits by chance than the lengths of programs do."""
    path, programs = small_search.write_tasks(tmp_path)
    seeds, tasks = load_seed_programs(programs), load(path)
    settings = SearchSettings(evaluations=3000)
    workers = Workers(SINGLE_PROCESS, 2, Limits(), quiet())
    found = candidates(tasks, Corpus.of(seeds, ()), settings, workers)
    records = search(tasks, settings, corpus=seeds)
    assert sum(len(record.found) for record in records) > len(found)
    attempts = [group for record in records for group in record.submission.attempts]
    assert found == [candidate for group in attempts for candidate in group]


def test_the_figures_do_not_depend_on_the_number_of_threads(run, data, tmp_path):
    train(searching(data, threads=3), tmp_path / "run", quiet())
    assert without_seconds(tmp_path / "run") == without_seconds(run[0])
    for name in ("solutions.jsonl", "submitted.jsonl", "performance.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (run[0] / name).read_bytes()


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM], ids=lambda s: s.name)
def test_a_run_that_was_ended_while_it_searched_goes_on_as_if_it_had_not(
    ending, run, data, tmp_path
):
    """By a signal that no handler sees, or by a request; nothing is recorded of a start that is not
    done."""
    config = tmp_path / "config.toml"
    config.write_text(settings_to_toml(searching(data)))
    out = tmp_path / "run"
    words = [sys.executable, "-u", "-c", SLOW_SEARCH, "train", "--config", str(config)]
    process = subprocess.Popen(
        [*words, "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    for line in process.stdout:
        if "scoring mutants" in line:
            break
    time.sleep(1)
    process.send_signal(ending)
    rest = process.stdout.read()
    process.wait()
    assert "searching" not in rest  # which is said when all are searched
    assert ("interrupted in iteration 0" in rest) == (ending == signal.SIGTERM)
    assert not (out / "solutions.jsonl").exists()
    console = quiet()
    resume(out, console)
    assert "searching" in console.file.getvalue()
    assert without_seconds(out) == without_seconds(run[0])
    for name in ("solutions.jsonl", "performance.csv", "samples/0001.jsonl"):
        assert (out / name).read_bytes() == (run[0] / name).read_bytes()


def test_a_run_that_goes_on_later_neither_searches_again_nor_forgets(run, data, tmp_path, asked):
    out = tmp_path / "run"
    train(searching(data), out, quiet())
    asked.clear()
    resume(out, quiet(), iterations=2)
    assert asked == {}
    rows = read_lines(out / "metrics.jsonl")
    assert rows[2]["solved"]["search"] == rows[0]["solved"]["search"]
