"""The stages of an iteration side by side: what they make depends on no time."""

import dataclasses
import json
import threading
import time

import numpy as np
import pytest

pytest.importorskip("torch")

from small_run import PROGRAMS, quiet, settings_for, without_seconds
from test_loop import check_same_run

from codeit import Limits, Program, run
from codeit.files.json_file import read_lines
from codeit.parallel.behind import Behind
from codeit.parallel.processes import SINGLE_PROCESS
from codeit.runs import harvest, led_search
from codeit.runs import loop as loop_module
from codeit.runs.harvest import Elsewhere
from codeit.runs.led_search import LedSearch
from codeit.runs.loop import Loop
from codeit.runs.running import resume, train
from codeit.runs.settings import LoopSearchSettings
from codeit.runs.timeline import Timeline
from codeit.searching.settings import SearchSettings
from codeit.tasks.datasets import load


@pytest.mark.parametrize("changes", [{"threads": 3}, {"overlap": False}], ids=str)
def test_neither_threads_nor_overlap_change_a_result(changes, finished, data, tmp_path):
    train(settings_for(data, **changes), tmp_path / "run", quiet())
    check_same_run(tmp_path / "run", finished[0])


def slowed(function, random):
    """The function, which now and then takes long."""

    def slow(*arguments, **named):
        time.sleep(random.choice([0, 0, 0.05]))
        return function(*arguments, **named)

    return slow


@pytest.mark.parametrize("seed", range(3))
def test_what_takes_long_changes_no_result(seed, finished, data, tmp_path, monkeypatch):
    random = np.random.default_rng(seed)
    for room, name in ((harvest, "execute"), (harvest, "find_candidates"), (led_search, "confirm")):
        monkeypatch.setattr(room, name, slowed(getattr(room, name), random))
    train(settings_for(data, threads=2), tmp_path / "run", quiet())
    check_same_run(tmp_path / "run", finished[0])


def test_samples_are_run_while_others_are_written(data, tmp_path, monkeypatch):
    """The last prompt is written only when the programs of the first have been run."""
    first_is_run = threading.Event()
    plain = harvest.Harvester.of

    def noted(self, samples, timeline):
        made = plain(self, samples, timeline)
        first_is_run.set()
        return made

    monkeypatch.setattr(harvest.Harvester, "of", noted)
    loop = Loop(settings_for(data, iterations=1), quiet())
    written = loop._policy.sample_ids

    def waiting(*arguments):
        first, *rest = written(*arguments)
        yield first
        assert first_is_run.wait(10)
        yield from rest

    monkeypatch.setattr(loop._policy, "sample_ids", waiting)
    loop.run(None)


def test_a_failure_behind_the_sampler_ends_the_run_by_its_name(data, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("the machine is broken")

    monkeypatch.setattr(harvest.Harvester, "of", fail)
    with pytest.raises(RuntimeError, match="the machine is broken"):
        train(settings_for(data), tmp_path / "run", quiet())


def test_the_metrics_say_when_each_stage_worked(finished):
    for row in read_lines(finished[0] / "metrics.jsonl")[1:]:
        stages = row["stages"]
        for name in ("draw", "learn", "sample", "read", "execute", "relabel", "tokenise", "store"):
            assert 0 <= stages[name]["begin"] <= stages[name]["end"] <= row["use"]["wall"]
            assert row["seconds"][name] == stages[name]["busy"]
        assert stages["execute"]["items"] > 0
        assert stages["learn"]["end"] <= stages["sample"]["begin"]
        assert 0 < row["use"]["model"] <= 1
        assert row["use"]["queue_most"] >= 1


def test_the_model_runs_where_one_of_its_stages_does():
    timeline = Timeline()
    with timeline.span("learn"):
        time.sleep(0.05)
    with timeline.span("other"):
        time.sleep(0.05)
    use = timeline.use(1)
    assert use["wall"] >= 0.1
    assert 0.3 < use["model"] < 0.7
    assert timeline.stages()["other"]["begin"] >= 0.05


# ---- Programs on other tasks ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def tasks(data):
    return load(data / "evaluation.json")


def test_a_program_hits_the_tasks_whose_first_demonstration_it_reproduces(tasks, monkeypatch):
    programs = [Program.parse(text) for text in (*PROGRAMS.values(), "O = dmirror(I)")]
    programs.append(Program.parse("O = crop(I, ORIGIN, ORIGIN)"))
    elsewhere = Elsewhere(tasks, Limits())
    hits = elsewhere.hits(programs)
    for program, numbers in zip(programs, hits, strict=True):
        right = [
            np.array_equal(run(program, t.demonstrations[0].input).grid, t.demonstrations[0].output)
            for t in tasks
        ]
        assert [k in numbers for k in range(len(tasks))] == right
    assert [len(numbers) for numbers in hits[:4]] == [2, 2, 2, 2]
    assert elsewhere.hits(programs[::-1]) == hits[::-1]
    with monkeypatch.context() as patch:
        patch.setattr(harvest, "_AT_A_TIME", 2)
        assert Elsewhere(tasks, Limits()).hits(programs) == hits


def test_what_the_policy_writes_for_one_task_solves_another(data, tmp_path, monkeypatch):
    """It writes only the program of the first task, and only for the third."""
    settings = settings_for(data, iterations=1, search=LoopSearchSettings())
    loop = Loop(settings, quiet())
    ours = next(t for t in loop._tasks if t.task_id == "turn1")
    others = {"flip1", "flip2"}
    text = PROGRAMS["flip"]
    tokenizer = loop._policy.tokenizer
    ids = np.array([[*tokenizer.encode_program(text), tokenizer.end_id]], np.int64)

    def written(tasks, *_):
        yield list(tasks).index(ours), ids

    monkeypatch.setattr(loop._policy, "sample_ids", written)
    loop._start()
    before = loop._buffer.statistics()
    done = loop._iterate(1)
    found = done.solutions["elsewhere"]
    assert {candidate.task_id for candidate in found} == others
    assert {candidate.program for candidate in found} == {text}
    assert all(candidate.is_solution for candidate in found)
    assert done.solutions["policy"] == []
    after = loop._buffer.statistics()
    assert (before.num_elsewhere, after.num_elsewhere) == (0, 2)
    assert after.num_policy == 1  # it taught the task that it does solve
    assert done.metrics.buffer_num_elsewhere == 2


def test_without_it_no_program_is_tried_on_other_tasks(data, tmp_path):
    settings = settings_for(data, iterations=1, elsewhere=False, search=LoopSearchSettings())
    train(settings, tmp_path / "run", quiet())
    row = read_lines(tmp_path / "run" / "metrics.jsonl")[-1]
    assert "elsewhere" not in row["stages"]
    assert row["buffer_num_elsewhere"] == row["solved"]["elsewhere"]["top3"] == 0


# ---- The search around what the policy wrote -----------------------------------------------------


def led(tasks, writer, evaluations=2000):
    return LedSearch(tasks, SearchSettings(evaluations=evaluations), Limits(), writer, True)


def harvest_of(number, *texts):
    return dataclasses.replace(
        harvest.Harvest(number, {}, None, [], None), valid=[Program.parse(t) for t in texts]
    )


def found_by(search, tasks):
    with search.beside(SINGLE_PROCESS, 2, Timeline(), True) as line:
        return {one.number: one for one in line.finish()}


def test_a_search_begins_with_what_the_policy_wrote_for_the_task(data, tasks):
    """`double` is a call away from what is wrong, and not from nothing."""
    loop = Loop(settings_for(data), quiet())
    search = led(tasks, loop._writer)
    number = next(k for k, t in enumerate(tasks) if t.task_id == "double1")
    assert found_by(search, tasks) == {}
    search.follow([harvest_of(number, "x1 = vmirror(I)\nO = vconcat(I, x1)")])
    found = found_by(search, tasks)
    assert list(found) == [number]
    assert found[number].found[0].is_solution
    assert len(found[number].lessons.rows) > 0
    assert found[number].lessons.rows[0].task_digest == tasks[number].digest


def test_what_searches_find_is_learned_and_scored_under_its_own_name(finished):
    rows = read_lines(finished[0] / "metrics.jsonl")[1:]
    assert rows[0]["num_searched"] == 0
    assert rows[1]["num_searched"] > 0
    assert "search" in rows[1]["stages"]
    origins = {s["origin"] for s in read_lines(finished[0] / "solutions.jsonl")}
    assert "led_search" in origins


def test_programs_to_search_around_outlive_a_checkpoint(data, tasks, tmp_path):
    search = led(tasks, None)
    turned = harvest_of(3, "O = rot90(I)", "O = dmirror(I)")
    search.follow([turned, harvest_of(1), harvest_of(0, "O = rot180(I)")])
    search.save(tmp_path)
    again = led(tasks, None)
    again.load(tmp_path, "codeit")
    assert again._leads == {0: [Program.parse("O = rot180(I)")], 3: turned.valid}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"task": 8, "programs": []}, "line 2: it names no task, or no programs"),
        ({"task": -1, "programs": []}, "line 2: it names no task"),
        ({"task": True, "programs": []}, "line 2: it names no task"),
        ({"programs": []}, "line 2: it names no task"),
        ({"task": 0, "programs": "O"}, "line 2: it names no task, or no programs"),
        ({"task": 0, "programs": ["O = nothing(I)"]}, "line 2: .*nothing"),
        ({"task": 0, "programs": [3]}, "line 2: text is of type int"),
    ],
)
def test_a_damaged_list_of_programs_is_named(row, message, tasks, tmp_path):
    good = json.dumps({"task": 0, "programs": ["O = rot90(I)"]})
    (tmp_path / "leads.jsonl").write_text(f"{good}\n{json.dumps(row)}\n")
    with pytest.raises(ValueError, match=message):
        led(tasks, None).load(tmp_path, "codeit")


def test_a_missing_list_of_programs_is_named(tasks, tmp_path):
    with pytest.raises(ValueError, match=r"leads\.jsonl: there is no such file"):
        led(tasks, None).load(tmp_path, "codeit")


def test_a_longer_run_searches_as_if_it_had_been_asked_for_at_once(finished, data, tmp_path):
    train(settings_for(data, iterations=1), tmp_path / "run", quiet())
    resume(tmp_path / "run", quiet(), iterations=2)
    assert without_seconds(tmp_path / "run") == without_seconds(finished[0])


# ---- Checkpoints beside the next iteration -------------------------------------------------------


def test_a_checkpoint_is_written_while_the_next_iteration_learns(data, tmp_path, monkeypatch):
    """And it holds what was there before that."""
    has_learned = threading.Event()
    save, learn = loop_module.save_checkpoint, Loop._learn

    def slow_save(*arguments):
        assert has_learned.wait(120)
        save(*arguments)

    def noted(self, iteration, timeline):
        report = learn(self, iteration, timeline)
        has_learned.set()
        return report

    monkeypatch.setattr(loop_module, "save_checkpoint", slow_save)
    monkeypatch.setattr(Loop, "_learn", noted)
    train(settings_for(data), tmp_path / "run", quiet())


@pytest.mark.parametrize("overlap", [True, False])
def test_a_checkpoint_that_cannot_be_written_ends_the_run_and_the_one_before_stands(
    overlap, finished, data, tmp_path, monkeypatch
):
    save = loop_module.save_checkpoint
    calls = []

    def fail_once(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise OSError("the disk is full")
        save(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "save_checkpoint", fail_once)
        with pytest.raises(OSError, match="the disk is full"):
            train(settings_for(data, overlap=overlap), tmp_path / "run", quiet())
    position = json.loads((tmp_path / "run" / "checkpoint" / "position.json").read_text())
    assert position["iteration"] == 0
    resume(tmp_path / "run", quiet())
    check_same_run(tmp_path / "run", finished[0])


def test_work_behind_raises_when_it_is_waited_for_and_at_the_end():
    with Behind() as behind:
        behind.begin(lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            behind.wait()
        behind.wait()
    with pytest.raises(ZeroDivisionError), Behind() as behind:
        behind.begin(lambda: 1 // 0)
    done = []
    with pytest.raises(KeyError), Behind() as behind:
        raise KeyError(behind.begin(lambda: done.append(1)))
    assert done == [1]


def test_lazy_work_is_done_at_once():
    done = []
    with Behind(is_lazy=True) as behind:
        behind.begin(lambda: done.append(threading.current_thread()))
        assert done == [threading.current_thread()]
