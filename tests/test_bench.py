"""`codeit bench`: every subject at tiny size, what it refuses to time, and what it calls slower."""

import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_programs import PROGRAMS, write_programs

from codeit.benching import executor, loop, mutation, replay, sampling, search, timing, training
from codeit.benching.case import Case
from codeit.benching.comparison import compare, slower
from codeit.benching.ctranslate2 import CTranslate2Sampler
from codeit.benching.models import load_policy
from codeit.benching.options import SUBJECTS
from codeit.benching.record import Figure, Record
from codeit.cli import main
from codeit.profiling import ceilings
from codeit.searching import records

LOOP = ["--sampling.samples-per-task", "2", "--sampling.max-tokens", "16", "--threads", "1"]
"""Settings of a small iteration."""
TINY = ["--repeats", "3", "--seconds", "0.001"]


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """What the machine reaches at best is of no interest here."""
    monkeypatch.setattr(ceilings, "_SECONDS", 1e-3)


@pytest.fixture
def programs(tmp_path):
    return write_programs(tmp_path)


@pytest.fixture
def tiny(programs):
    """Words that make a subject small."""
    own = ["--programs", programs]
    few = ["--num-tasks", "2", "--threads", "2"]
    return {
        "executor": [*own, "--mutants", "8", "--threads", "2"],
        "mutation": [*own, *few, "--n", "8"],
        "search": [*own, *few, "--evaluations", "500"],
        "replay": ["--experiences", "300", "--drawn", "30"],
        "sampling": ["--num-tasks", "1", "--samples", "2", "--max-tokens", "12", "--threads", "2"],
        "training": [*own, "--experiences", "2"],
        "loop": ["--share", "0.001", *LOOP],
    }


@pytest.fixture
def bench(capfd):
    """What a subject prints: its exit code, stdout and stderr."""

    def run(*words):
        capfd.readouterr()
        try:
            code = main(["bench", *map(str, words)])
        except SystemExit as end:
            code = end.code or 0
        return code, *capfd.readouterr()

    return run


class Steps:
    """A clock that only work moves on, and looks at it a little."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1e-9
        return self.now


@pytest.fixture
def steps(monkeypatch):
    """Times do not depend on the machine: a call of a case takes as long as `seconds` says."""
    clock = Steps()
    clock.seconds = 1.0

    def case(name, work, *values, **named):
        def slow():
            clock.now += clock.seconds
            return work()

        return Case(name, slow, *values, **named)

    monkeypatch.setattr(executor, "Case", case)
    monkeypatch.setattr(timing, "timer_of", lambda _: clock)
    return clock


# ---- What is measured


def test_a_bench_without_a_subject_says_what_there_is(bench):
    code, out, err = bench()
    assert (code, err) == (0, "")
    assert all(f"\n  {subject} " in out for subject in SUBJECTS)
    assert "examples:" in out


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_prints_a_line_for_each_case_and_leaves_its_figures(
    bench, tiny, tmp_path, subject
):
    file = tmp_path / "figures.json"
    code, out, err = bench(subject, *tiny[subject], *TINY, "--json", file)
    assert (code, err) == (0, ""), out
    record = json.loads(file.read_text())
    assert record["subject"] == subject
    assert record["machine"]
    for figure in record["figures"]:
        assert figure["name"][:30] in out
        assert 0 < figure["least"] <= figure["median"]
        assert figure["rounds"] >= 3
        assert figure["rate"] == pytest.approx(figure["items"] / figure["median"])
        assert figure["share"] is None or figure["share"] >= 0
    again = [*tiny[subject], *TINY, "--compare", file]
    code, out, err = bench(subject, *again)
    assert code in (0, 1)
    assert err == ""
    assert f"beside {file}" in out


def test_every_subject_has_help_with_an_example(bench, tiny):
    assert set(tiny) == set(SUBJECTS)
    for subject in SUBJECTS:
        code, out, _ = bench(subject, "--help")
        assert code == 0
        assert f"examples:\n  codeit bench {subject}\n" in out


def test_one_thread_takes_the_time_of_the_processor_and_several_that_of_the_clock(
    bench, tiny, tmp_path
):
    file = tmp_path / "figures.json"
    bench("executor", *tiny["executor"], *TINY, "--json", file)
    clocks = {f["name"]: f["clock"] for f in json.loads(file.read_text())["figures"]}
    assert clocks["programs on their tasks, 1 thread"] == "processor"
    assert clocks["programs on their tasks, 2 threads"] == "wall"


def test_plain_python_runs_the_same_programs(bench, tiny, tmp_path):
    folder = tmp_path / "arc-dsl"
    folder.mkdir()
    (folder / "dsl.py").write_text(
        "from constants import ONE\n"
        "def vmirror(piece): return tuple(row[::-1] for row in piece)\n"
        "def hmirror(piece): return piece[::-1]\n"
    )
    (folder / "constants.py").write_text("ONE = 1\n")
    words = [*tiny["executor"], *TINY, "--arc-dsl", folder]
    code, out, err = bench("executor", *words)
    assert (code, err) == (0, "")
    assert "the same by plain Python" in out
    assert "constants" not in sys.modules
    (folder / "dsl.py").write_text("def vmirror(piece): return piece\nhmirror = vmirror\n")
    code, out, err = bench("executor", *words)
    assert code == 1
    assert "the same by plain Python: not timed: plain Python is wrong" in out


def test_programs_that_cannot_be_timed_are_named(bench, tiny, programs):
    rows = [*PROGRAMS, {"task": "68b16354", "program": "O = vmirror(I)"}]
    rows.append({"task": "elsewhere", "program": "O = vmirror(I)"})
    with open(programs, "w") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    code, out, _ = bench("executor", *tiny["executor"], *TINY)
    assert code == 0
    assert "2 programs on the demonstrations of their tasks, 6 runs, 167 times over; " in out
    assert "for no task of arc1-training, such as 'elsewhere'" in out
    assert "wrong on the demonstrations of its task, such as that of '68b16354'" in out


def test_a_call_has_so_many_runs_that_what_a_call_costs_is_little_of_it(bench, tiny, tmp_path):
    file = tmp_path / "out.json"
    assert bench("executor", *tiny["executor"], *TINY, "--json", file)[0] == 0
    record = json.loads(file.read_text())
    figures = {one["name"]: one["items"] for one in record["figures"]}
    assert figures["programs on their tasks, 1 thread"] == 1002 >= executor.LEAST_RUNS
    assert record["settings"]["times"] == 167


def test_a_wrong_output_is_not_timed(bench, tiny, tmp_path, monkeypatch):
    batches = executor.execute_groups

    def execute_groups(groups, *arguments, **named):
        return batches(groups, *arguments, **named)[::-1]

    monkeypatch.setattr(executor, "execute_groups", execute_groups)
    file = tmp_path / "figures.json"
    code, out, err = bench("executor", *tiny["executor"], *TINY, "--json", file)
    assert (code, err) == (1, "")
    assert "1 thread: not timed: the program for 67a3c6ac is wrong on a demonstration" in out
    names = [figure["name"] for figure in json.loads(file.read_text())["figures"]]
    assert "programs on their tasks, 1 thread" not in names


def test_mutants_that_miss_what_ordinary_runs_hit_are_not_timed(bench, tiny, monkeypatch):
    class Families(mutation.mutation.Families):
        def match(self, *arguments):
            numbers, places = super().match(*arguments)
            return numbers + 1, places

    words = [*tiny["mutation"], "--tasks", "arc1-training", "--n", "60", *TINY]
    monkeypatch.setattr(mutation, "spread_out", lambda tasks, _: of_programs(tasks))
    assert bench("mutation", *words)[0] == 0
    monkeypatch.setattr(mutation.mutation, "Families", Families)
    code, out, _ = bench("mutation", *words)
    assert code == 1
    assert out.count("not timed: the hits are not those of ordinary runs") == 2


def of_programs(tasks):
    ids = {row["task"] for row in PROGRAMS}
    return [task for task in tasks if task.task_id in ids]


def test_programs_that_the_machine_does_not_confirm_are_not_timed(bench, tiny, monkeypatch):
    def confirm(task, found, **named):
        return replace(records.confirm(task, found, **named), num_unconfirmed=1)

    monkeypatch.setattr(search, "confirm", confirm)
    code, out, _ = bench("search", *tiny["search"], *TINY)
    assert code == 1
    assert out.count("1 program not confirmed by the machine") == 2


def test_a_draw_that_is_not_by_priority_is_not_timed(bench, tiny, monkeypatch):
    uniform = lambda priority, n, generator: generator.choice(len(priority), n, replace=False)  # noqa: E731
    monkeypatch.setattr(replay, "draw_plain", uniform)
    code, out, _ = bench("replay", "--experiences", "3000", "--drawn", "900", *TINY)
    assert code == 1
    assert "drawn, by NumPy: not timed: " in out
    assert "are due" in out


@pytest.mark.parametrize("subject", ["sampling", "training"])
def test_a_checkpoint_of_the_user_is_measured(bench, tiny, tmp_path, subject):
    load_policy("tiny", "cpu", 1, seed=3).save(tmp_path / "mine")
    words = [*tiny[subject], "--no-peers", "--model", tmp_path / "mine", *TINY]
    code, out, err = bench(subject, *words)
    assert (code, err) == (0, ""), out
    assert f"{tmp_path / 'mine'}, 1,0" in out


def test_samples_that_no_seed_gives_again_are_not_timed(bench, tiny, monkeypatch):
    class Sampler(sampling.EngineSampler):
        def sample(self, prompts, seed, *more):
            self.times = getattr(self, "times", -1) + 1
            return super().sample(prompts, seed + self.times, *more)

    monkeypatch.setattr(sampling, "EngineSampler", Sampler)
    words = [*tiny["sampling"], "--no-peers", "--threads", "1", *TINY]
    code, out, _ = bench("sampling", *words)
    assert code == 1
    assert "not timed: the same seed gives other samples" in out
    assert "left out: transformers and CTranslate2: --no-peers" in out


def test_the_tokens_of_ctranslate2_are_counted_to_the_end_of_each_sample(tmp_path):
    """A sample that it has ended has the end behind it, as ours; then there is only padding."""
    pytest.importorskip("ctranslate2", reason="pip install '.[peers]' brings CTranslate2")
    policy = load_policy("tiny", "cpu", 1, 0)
    end = policy.tokenizer.end_id
    with torch.no_grad():
        policy.model.embedding[end] *= 3  # so that some end early
    settings = replace(policy.settings, samples_per_task=8, max_tokens=12, mode="reference")
    sampler = CTranslate2Sampler(policy.model, policy.tokenizer, settings)
    prompts = [np.arange(2, 9), np.arange(20, 40)]
    num_ended = 0
    for _, rows in sampler.sample(prompts, 0):
        for row in rows.tolist():
            if end in row:
                num_ended += 1
                assert set(row[row.index(end) + 1 :]) <= {policy.tokenizer.pad_id}
    assert 0 < num_ended < 16


def test_a_loss_that_is_not_transformers_is_not_timed(bench, tiny, monkeypatch):
    monkeypatch.setattr(training, "losses", lambda *_: (1.0, 2.0))
    code, out, _ = bench("training", *tiny["training"], *TINY)
    assert code == 1
    assert out.count("not timed: the loss is 1, and by transformers 2") == 4


def test_an_iteration_that_no_seed_gives_again_is_not_timed(bench, tiny, monkeypatch):
    outcomes = iter(range(10))
    monkeypatch.setattr(loop, "_iterate", lambda settings: next(outcomes))
    code, out, _ = bench("loop", *tiny["loop"], *TINY)
    assert code == 1
    assert "an iteration: not timed: the same seed gives another iteration" in out


def test_a_peer_that_fails_is_named_and_the_others_are_timed(bench, tiny, monkeypatch):
    def fails(*_):
        raise KeyError("weights\nare missing")

    monkeypatch.setattr(training.PaddedLoop, "train", fails)
    code, out, err = bench("training", *tiny["training"], *TINY)
    assert (code, err) == (1, "")
    assert out.count("not timed: KeyError:") == 2
    assert "packed, float32" in out


# ---- What is slower


def test_a_slow_down_is_flagged_and_an_equal_run_is_not(bench, tiny, tmp_path, steps):
    file = tmp_path / "before.json"
    words = [*tiny["executor"], *TINY]
    assert bench("executor", *words, "--json", file)[0] == 0
    code, out, _ = bench("executor", *words, "--compare", file)
    assert (code, out.count("no change beyond noise")) == (0, 5)
    steps.seconds = 1.2
    code, out, _ = bench("executor", *words, "--compare", file)
    assert code == 1
    assert out.count("1.20 times  slower") == 5
    steps.seconds = 0.5
    code, out, _ = bench("executor", *words, "--compare", file)
    assert (code, out.count("0.50 times  faster")) == (0, 5)


def figure(median, iqr=0.0, least=None, **others):
    least = median if least is None else least
    values = {"name": "a", "unit": "runs", "items": 1, "rounds": 5, "clock": "wall"}
    return Figure(**(values | others), median=median, iqr=iqr, least=least)


def record(*figures):
    return Record("executor", "m", {}, {}, {}, figures)


@pytest.mark.parametrize(
    ("now", "is_slower"),
    [
        (figure(1.0), False),
        (figure(1.04), False),
        (figure(1.06), True),
        (figure(1.06, iqr=0.03), False),
        (figure(1.3, iqr=0.09), True),
        (figure(1.3, iqr=0.11), False),
        (figure(1.3, least=1.0), False),
        (figure(0.5), False),
        (figure(2.0, beside="b"), False),
        (figure(2.0, items=2), False),
    ],
)
def test_slower_is_beyond_the_spread_and_a_share_also_of_the_fastest_rounds(now, is_slower):
    assert bool(slower(compare(record(now), record(figure(1.0))))) == is_slower


# ---- pytest-benchmark's own options


def test_options_of_pytest_benchmark_are_passed_on(bench, tiny, tmp_path, steps):
    storage = [f"--benchmark-storage={tmp_path / 'stored'}"]
    words = [*tiny["executor"], *TINY, *storage]
    assert bench("executor", *words, "--benchmark-save=first")[0] == 0
    (stored,) = (tmp_path / "stored").rglob("*.json")
    assert len(json.loads(stored.read_text())["benchmarks"]) == 5
    fail = ["--benchmark-compare", "--benchmark-compare-fail=median:10%"]
    code, out, _ = bench("executor", *words, *fail)
    assert code == 0
    assert "0001_first" in out
    steps.seconds = 1.5
    code, out, err = bench("executor", *words, *fail)
    assert (code, err) == (1, "")
    assert "Performance has regressed" in out


def test_tests_of_the_folder_and_of_the_environment_do_not_take_part(
    bench, tiny, tmp_path, monkeypatch
):
    (tmp_path / "conftest.py").write_text("raise RuntimeError")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    code, out, err = bench("executor", *tiny["executor"], *TINY)
    assert (code, err) == (0, ""), out
    assert os.environ["PYTEST_ADDOPTS"] == "--no-such-option"
    assert not (tmp_path / ".benchmarks").exists()


def test_an_interruption_ends_it_without_a_traceback(bench, tiny, monkeypatch):
    def execute_groups(*_, **__):
        raise KeyboardInterrupt

    def load(*arguments):
        found = executor_bench(*arguments)
        monkeypatch.setattr(executor, "execute_groups", execute_groups)
        return found

    executor_bench = executor.executor_bench
    monkeypatch.setattr(executor, "executor_bench", load)
    code, _, err = bench("executor", *tiny["executor"], *TINY)
    assert (code, err) == (130, "")


# ---- What is refused


BAD = [
    (["exekutor"], "did you mean executor?"),
    (["executor", "--program", "x.py"], "unknown option --program; did you mean --programs?"),
    (["executor", "--repeats", "2"], "'2'; allowed: a whole number from 3"),
    (["executor", "--seconds", "nan"], "'nan'; allowed: a number above 0"),
    (["executor", "--mutants", "0"], "'0'; allowed: a whole number from 1"),
    (["executor", "--programs", "no.jsonl"], "no.jsonl"),
    (["executor", "--programs", ""], "''; allowed: a path"),
    (["executor", "--tasks", "no"], "no data set or path is named 'no'"),
    (["executor", "--arc-dsl", "no"], "--arc-dsl no: there is no dsl.py in it"),
    (["executor", "--compare", "no.json"], "no.json: there is no such file"),
    (["executor", "--compare", "{bad}"], "bad.json"),
    (["executor", "--compare", "{other}"], "is of `codeit bench replay`; allowed: executor"),
    (["executor", "--compare", "{empty}"], "this is no file of `codeit bench --json`"),
    (["executor", "--compare", "{nan}"], "a, median is nan"),
    (["executor", "--compare", "{extra}"], "this is no file of `codeit bench --json`"),
    (["executor", "--programs", "{wrong}"], "no program is right on a task of arc1-training"),
    (["executor", "--json", "{folder}"], "is a folder"),
    (["executor", "--json", "no/where.json"], "there is no folder no"),
    (["replay", "--drawn", "100000"], "--drawn 100000; allowed: below --experiences 100000"),
    (["search", "--evaluations", "0"], "'0'; allowed: a whole number from 1"),
    (["search", "--tasks", "no"], "no data set or path is named 'no'"),
    (["mutation", "--training", "no"], "no data set or path is named 'no'"),
    (["sampling", "--model", "no"], "no"),
    (["sampling", "--device", "abacus"], "device 'abacus' cannot be used"),
    (["sampling", "--max-tokens", "0"], "'0'; allowed: a whole number from 1"),
    (["training", "--experiences", "0"], "'0'; allowed: a whole number from 1"),
    (["loop", "--preset", "huge"], "huge"),
    (["loop", "--colour", "red"], "colour"),
    (["loop", "--share", "2"], "'2'; allowed: a number above 0, at most 1"),
    (["loop", "--tracking", "wandb"], "tracking has no effect in a benchmark"),
    (["executor", "stray\x1b"], r"unrecognized arguments: stray\x1b"),
    (["executor", "--benchmark-disable"], "--benchmark-disable is not passed on; allowed:"),
    (["executor", "--benchmark-sort=colour"], "pytest-benchmark:"),
]


@pytest.mark.parametrize(("words", "message"), BAD)
def test_what_is_wrong_is_one_line(bench, tmp_path, programs, words, message):
    good = json.loads(json.dumps(vars(record(figure(1.0))) | {"figures": [vars(figure(1.0))]}))
    nan = good | {"figures": [good["figures"][0] | {"median": float("nan")}]}
    texts = {
        "bad": "{",
        "empty": '{"subject": "executor"}',
        "other": json.dumps(good | {"subject": "replay"}),
        "nan": json.dumps(nan),
        "extra": json.dumps(good | {"figures": [{"name": "a", "colour": 1}]}),
    }
    paths = {"folder": tmp_path, "wrong": tmp_path / "wrong.jsonl"}
    paths["wrong"].write_text(json.dumps({"task": "67a3c6ac", "program": "O = hmirror(I)"}))
    for name, text in texts.items():
        paths[name] = tmp_path / f"{name}.json"
        paths[name].write_text(text)
    given = [word.format(**paths) for word in words]
    if words[0] in ("executor", "training") and "--programs" not in words:
        given += ["--programs", programs]
    code, _, err = bench(*given)
    assert code == 2
    assert err.count("\n") == 1
    assert message in err


def test_other_work_is_not_compared(bench, tiny, tmp_path):
    file = tmp_path / "before.json"
    bench("executor", *tiny["executor"], *TINY, "--json", file)
    code, out, err = bench("executor", *tiny["executor"], "--mutants", "9", "--compare", file)
    assert (code, err.count("\n")) == (2, 1)
    assert "was measured with mutants 8, and this is 9" in err
    assert "1 thread" not in out


def test_a_missing_pytest_benchmark_is_named(bench, tiny, monkeypatch):
    monkeypatch.setattr(timing, "NEEDED", "no_such_module")
    code, _, err = bench("executor", *tiny["executor"])
    assert (code, err.count("\n")) == (2, 1)
    assert "pip install pytest-benchmark" in err


def test_another_machine_and_other_cases_are_named():
    from codeit.benching.comparison import notes

    now = replace(record(figure(1.0), figure(1.0, name="b")), versions={"numpy": "2"})
    before = replace(record(figure(1.0), figure(1.0, name="c")), machine="n")
    assert notes(now, before) == [
        "the other machine is n; this one is m",
        "numpy was none, and is 2",
        "c: measured before alone",
        "b: measured now alone",
    ]
