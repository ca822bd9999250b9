"""Every benchmark runs to its end at tiny size, checks its arguments, and prints no figure without
a measurement behind it."""

import importlib
import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_programs import write_programs

from codeit.language import STANDARD, current

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "benchmarks"
OTHERS = {"harness", "rivals", "latency"}
SCRIPTS = sorted(p.stem for p in FOLDER.glob("*.py") if p.stem not in OTHERS)

FUNCTIONS = """
def vmirror(piece):
    return tuple(row[::-1] for row in piece)


def hmirror(piece):
    return piece[::-1]
"""
ORIGINAL_EXECUTOR = """
def execute_candidate_program(program, grid, sig_alarm):
    return "Error"
"""


@pytest.fixture(autouse=True)
def as_a_script(monkeypatch):
    """Benchmarks import one another, and nothing is read that this machine happens to have."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("CODEIT_SHARED", "nowhere")


@pytest.fixture
def programs(tmp_path):
    return write_programs(tmp_path)


@pytest.fixture
def arc_dsl(tmp_path):
    folder = tmp_path / "arc-dsl"
    folder.mkdir()
    (folder / "dsl.py").write_text(FUNCTIONS)
    (folder / "constants.py").write_text("ONE = 1\n")
    yield str(folder)
    for name in ("dsl", "constants"):
        sys.modules.pop(name, None)


def run(monkeypatch, capsys, name, *words, **constants):
    """What a benchmark prints, and its record; its constants may be smaller."""
    module = importlib.import_module(name)
    for constant, value in constants.items():
        monkeypatch.setattr(module, constant, value)
    monkeypatch.setattr(sys, "argv", [name, *words])
    capsys.readouterr()
    module.main()
    text = capsys.readouterr().out
    record = json.loads(text.splitlines()[-1], parse_constant=lambda word: pytest.fail(word))
    assert record["figures"]
    for figure, found in record["figures"].items():
        value = found.get("median") if isinstance(found, dict) else found
        assert value is None or value >= 0, figure
    assert not re.search(r"\bnan\b|\binf\b| -\d", text.rsplit("\n{", 1)[0]), text
    return text, record


def figures(record):
    return {
        name: found["median"] if isinstance(found, dict) else found
        for name, found in record["figures"].items()
    }


def test_the_machine(monkeypatch, capsys, programs, arc_dsl):
    words = ["--programs", programs, "--arc-dsl", arc_dsl, "--repeats", "3"]
    small = {"NUM_MUTANTS": 20, "FAMILY": 3, "NUM_IDLE": 50, "LEAST_SECONDS": 1e-4}
    text, record = run(monkeypatch, capsys, "bench_vm", *words, **small)
    assert "2 of 2 programs are right" in text
    assert {"geometric mean over programs", "total time"} <= set(figures(record))


def test_mutation(monkeypatch, capsys, programs, tmp_path):
    folder = tmp_path / "original" / "codeit" / "policy"
    folder.mkdir(parents=True)
    (folder / "environment.py").write_text(ORIGINAL_EXECUTOR)
    for package in (folder, folder.parent):
        (package / "__init__.py").touch()
    words = ["--programs", programs, "--mutants", "30", "--original", str(folder.parent.parent)]
    small = {"NUM_COMPARED": 10, "NUM_OF_ORIGINAL": 2, "TASKS_OF_ORIGINAL": 3}
    _, record = run(monkeypatch, capsys, "bench_mutation", *words, **small)
    found = figures(record)
    assert found["mutants, distinct and valid"] > 0
    assert found["executions of mutants on all tasks"] > 0
    assert found["the original's code, signals"] > 0


def test_the_search(monkeypatch, capsys, programs):
    words = ["--programs", programs, "--repeats", "3", "--step", "100"]
    text, record = run(monkeypatch, capsys, "bench_search", *words, EVALUATIONS=2_000)
    assert "programs confirmed" in text
    assert {"a call that the memo answers", "the search, work"} <= set(figures(record))


def test_the_ranking(monkeypatch, capsys, programs):
    words = ["--programs", programs, "--evaluations", "3000", "--step", "8"]
    text, record = run(monkeypatch, capsys, "fit_ranking", *words)
    assert "tasks with a right one" in text
    assert set(record["weights"]) > {"length", "derivations", "votes"}
    assert figures(record)["learned on other tasks, claimed"] >= 0


def test_primitives(monkeypatch, capsys, programs):
    words = ["--programs", programs, "--top", "2", "--repeats", "3"]
    _, record = run(monkeypatch, capsys, "bench_primitives", *words, LEAST_SECONDS=1e-4)
    assert set(record["figures"]) == {"vmirror", "hmirror", "(hmirror alone)"}


def test_primitives_of_ones_own(monkeypatch, capsys):
    pytest.importorskip("numba")
    words = ["--grids", "2", "--repeats", "3"]
    text, record = run(monkeypatch, capsys, "bench_own", *words, SWEEPS=1)
    assert "2 grids of" in text
    assert {"hmirror, by Numba", "ofcolor, built in", "upscale, by Python"} <= set(
        record["figures"]
    )
    assert current() is STANDARD


def test_the_replay_buffer(monkeypatch, capsys):
    words = ["--experiences", "2000", "--drawn", "200", "--repeats", "3"]
    _, record = run(monkeypatch, capsys, "bench_replay", *words, BATCH=700)
    assert figures(record)["memory of an experience: codeit"] > 600


def test_text(monkeypatch, capsys):
    import bench_text

    load, seeds = bench_text.datasets.load, bench_text.load_seed_programs
    monkeypatch.setattr(bench_text.datasets, "load", lambda name: load(name)[:2])
    monkeypatch.setattr(bench_text, "load_seed_programs", lambda: seeds()[:20])
    words = ["--grids", "10", "--repeats", "3"]
    _, record = run(monkeypatch, capsys, "bench_text", *words, ROWS=(2,))
    assert figures(record)["step of a row: compact, typed, 2 rows"] > 0


def test_extents(monkeypatch, capsys):
    words = ["--primitives", "manhattan", "--few", "--repeats", "3"]
    text, record = run(monkeypatch, capsys, "bench_extent", *words, LEAST_SECONDS=1e-5)
    assert "--- the nearest" in text
    assert figures(record)["calls"] > 0


def test_long_runs(monkeypatch, capsys):
    text, _ = run(monkeypatch, capsys, "bench_worst", "--programs", "3", "--shown", "1")
    assert "--- slowest" in text


def test_sampling(monkeypatch, capsys, programs):
    words = ["--model", "tiny", "--tasks", "2", "--rival-batches", "1", "--programs", programs]
    small = {"NUM_PROMPTS": 2, "SOURCE": 8, "TARGET": 6, "MAX_PROMPT": 30}
    _, record = run(monkeypatch, capsys, "bench_sampling", *words, "--repeats", "3", **small)
    found = figures(record)
    assert found["engine, float32, beside transformers generate"] > 0
    assert found["samples none twice, repeated"] == 0 < found["samples none twice, distinct ones"]


def test_training(monkeypatch, capsys):
    words = ["--model", "tiny", "--device", "cpu", "--experiences", "2", "--repeats", "3"]
    words += ["--precisions", "float32"]
    small = {"CPU_PRODUCT": 128, "SOURCES": (20, 0.5, 40), "TARGETS": (9, 0.5, 12)}
    _, record = run(monkeypatch, capsys, "bench_training", *words, **small)
    assert figures(record)["float32: codeit, packed"] > 0


def test_attention(monkeypatch, capsys):
    words = ["--device", "cpu", "--experiences", "1", "--rows", "3", "--dtype", "float32"]
    small = {"HEADS": 2, "CAPACITY": 128}
    _, record = run(monkeypatch, capsys, "bench_attention", *words, "--repeats", "3", **small)
    assert figures(record)["decoding, 3 rows: codeit"] > 0


def test_attention_says_when_there_is_no_gpu(monkeypatch, capsys):
    import bench_attention

    monkeypatch.setattr(bench_attention.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["bench_attention"])
    bench_attention.main()
    assert "there is no CUDA device here" in capsys.readouterr().out


def test_sampling_on_a_gpu(monkeypatch, capsys):
    words = ["--device", "cpu", "--model", "tiny", "--tasks", "1", "--rows", "4"]
    small = {"SOURCE": 8, "MEAN_LENGTH": 6, "MAX_LENGTH": 16, "MAX_PROGRAM": 32}
    words += ["--precision", "float32", "--rival-batches", "1"]
    _, record = run(monkeypatch, capsys, "h200_sampling", *words, **small)
    assert figures(record)["engine in graphs, tokens"] > 0


def test_an_iteration_on_a_gpu(monkeypatch, capsys, tmp_path):
    trace = tmp_path / "trace.json"
    words = ["--device", "cpu", "--model", "tiny", "--share", "1e-4", "--trace", str(trace)]
    text, record = run(monkeypatch, capsys, "h200_profile", *words, MAX_PROGRAM=16)
    assert "would move it." in text
    found = figures(record)
    assert 0 < found["the model runs"] <= 1
    assert {"learn, of the time", "sample, of the time", "execute, of the time"} <= set(found)
    assert json.loads(trace.read_text())["traceEvents"]


def test_the_latency_of_calls():
    """Each call once: pytest-benchmark does not measure then."""
    words = [FOLDER / "latency.py", "--benchmark-disable", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "10 passed" in done.stdout


# ---- Arguments


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_benchmark_has_help(monkeypatch, capsys, name):
    module = importlib.import_module(name)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        module.main()
    assert end.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_a_benchmark_is_a_script():
    done = subprocess.run(
        [sys.executable, FOLDER / "bench_vm.py", "--repeats", "1"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == "bench_vm.py: argument --repeats: '1'; allowed: 3 or more\n"


BAD = [
    ("bench_vm", ["--repeats", "1"], "argument --repeats: '1'; allowed: 3 or more"),
    ("bench_vm", ["--repeats", "many"], "argument --repeats: 'many'; allowed: 3 or more"),
    ("bench_vm", ["--programs", "no.jsonl"], "argument --programs: 'no.jsonl': there is no such"),
    ("bench_vm", ["--arc-dsl", "no"], "argument --arc-dsl: 'no': there is no dsl.py in it"),
    ("bench_vm", ["--programs", "{bad}"], "bad.jsonl"),
    ("bench_vm", ["--programs", "{other}"], "'elsewhere' is no training task of ARC-AGI-1"),
    ("bench_vm", ["--programs", "{wrong}"], "no program is right on the demonstrations of its"),
    ("bench_vm", ["stray\x1b"], r"unrecognized arguments: stray\x1b"),
    ("bench_primitives", ["--top", "0"], "argument --top: '0'; allowed: 1 or more"),
    ("bench_primitives", ["--programs", "{other}"], "'elsewhere' is no training task"),
    ("bench_primitives", ["--repeats", "0"], "argument --repeats: '0'; allowed: 3 or more"),
    ("bench_own", ["--grids", "0"], "argument --grids: '0'; allowed: 1 or more"),
    ("bench_replay", ["--experiences", "0"], "argument --experiences: '0'; allowed: 2 to"),
    ("bench_replay", ["--drawn", "2000000"], "argument --drawn: 2000000; allowed: below the"),
    ("bench_replay", ["--repeats", "-1"], "argument --repeats: '-1'; allowed: 3 or more"),
    ("bench_text", ["--tokenizer", "{folder}"], "there is no tokenizer in this directory"),
    ("bench_text", ["--grids", "-1"], "argument --grids: '-1'; allowed: 0 or more"),
    ("bench_worst", ["--programs", "0"], "argument --programs: '0'; allowed: 1 or more"),
    ("bench_worst", ["--shown", "0"], "argument --shown: '0'; allowed: 1 or more"),
    ("bench_extent", ["--primitives", "manhatan"], "there is no primitive 'manhatan'"),
    ("bench_extent", ["--arc-dsl", "no"], "no"),
    ("bench_extent", ["--tolerance", "nan"], "argument --tolerance: 'nan'; allowed: a number"),
    ("bench_extent", ["--repeats", "2"], "argument --repeats: '2'; allowed: 3 or more"),
    ("bench_sampling", ["--model", "huge"], "argument --model: invalid choice: 'huge'"),
    ("bench_sampling", ["--tasks", "401"], "argument --tasks: '401'; allowed: 0 to 400"),
    ("bench_sampling", ["--programs", "no"], "argument --programs: 'no': there is no such file"),
    ("bench_sampling", ["--tokenizer", "{folder}"], "there is no tokenizer in this directory"),
    ("bench_training", ["--model", "huge"], "argument --model: invalid choice: 'huge'"),
    ("bench_training", ["--device", "abacus"], "device 'abacus' cannot be used"),
    ("bench_training", ["--experiences", "0"], "argument --experiences: '0'; allowed: 1 or more"),
    ("bench_training", ["--dropout", "1"], "argument --dropout: '1'; allowed: 0 to below 1"),
    ("bench_attention", ["--dtype", "int8"], "argument --dtype: invalid choice: 'int8'"),
    ("bench_attention", ["--rows", "0"], "argument --rows: '0'; allowed: 1 or more"),
    ("h200_sampling", ["--device", "abacus"], "device 'abacus' cannot be used"),
    ("h200_sampling", ["--tasks", "0"], "argument --tasks: '0'; allowed: 1 or more"),
    ("h200_profile", ["--device", "abacus"], "device 'abacus' cannot be used"),
    ("h200_profile", ["--share", "2"], "argument --share: '2'; allowed: above 0, at most 1"),
]


@pytest.mark.parametrize(("name", "words", "message"), BAD)
def test_a_bad_argument_is_one_line_at_once(monkeypatch, capsys, tmp_path, name, words, message):
    texts = {
        "bad": "{",
        "other": json.dumps({"task": "elsewhere", "program": "O = vmirror(I)"}),
        "wrong": json.dumps({"task": "67a3c6ac", "program": "O = hmirror(I)"}),
    }
    for key, text in texts.items():
        (tmp_path / f"{key}.jsonl").write_text(text)
    paths = {key: tmp_path / f"{key}.jsonl" for key in texts} | {"folder": tmp_path}
    module = importlib.import_module(name)
    monkeypatch.setattr(sys, "argv", [name, *(word.format(**paths) for word in words)])
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        module.main()
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert error.count("\n") == 1
    assert message in error


# ---- What is printed


@pytest.fixture
def report(capsys):
    import harness

    made = harness.Report()
    capsys.readouterr()
    return made


@pytest.mark.parametrize(
    "seconds",
    [[], [1.0], [1.0, 1.0], [1.0, 1.0, 0.0], [1.0, -1.0, 1.0], [math.nan] * 3, [math.inf] * 3],
)
def test_too_few_or_senseless_times_are_not_measurable(capsys, report, seconds):
    report.add("a rate", seconds, items=10)
    assert capsys.readouterr().out.split() == ["a", "rate", "not", "measurable"]
    assert report.figures == {"a rate": None}


def test_what_is_measured_once_says_so(capsys, report):
    report.add("a time", [0.5], is_once=True)
    assert capsys.readouterr().out.split() == ["a", "time", "500.00", "ms", "once"]
    assert report.figures["a time"]["spread"] is None
    report.add("none", [None], is_once=True)
    assert "not measurable" in capsys.readouterr().out


def test_enough_times_have_a_median_and_a_spread(capsys, report):
    report.add("a rate", [1.0, 2.0, 4.0], items=10)
    assert capsys.readouterr().out.split() == ["a", "rate", "5", "/s", "150%"]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, 0.0, -3.0])
def test_a_ratio_that_cannot_be_is_not_measurable(capsys, report, value):
    report.add_ratio("gain", value)
    assert capsys.readouterr().out.split() == ["gain", "not", "measurable"]
    assert report.figures == {"gain": None}


def test_a_ratio_needs_two_measured_sides():
    import harness

    assert harness.ratio(6.0, 2.0) == 3.0
    for a, b in ((None, 1.0), (1.0, None), (1.0, 0.0), (0.0, 1.0), (-1.0, 2.0), (math.nan, 1.0)):
        assert harness.ratio(a, b) is None


def test_a_difference_needs_times_that_are_apart():
    import harness

    assert harness.difference([5.0, 6.0, 7.0], [1.0, 2.0, 3.0]) == 4.0
    assert harness.difference([5.0, 2.5, 7.0], [1.0, 2.0, 3.0]) is None
    assert harness.difference([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]) is None


def test_a_program_that_takes_no_longer_than_nothing_has_no_hot_time(monkeypatch):
    import bench_vm

    from codeit import Program

    monkeypatch.setattr(bench_vm, "cpu_time_of", lambda work: (3e-3, None))
    times = bench_vm.hot_times([Program.parse("O = hmirror(I)")], [[[[1]]]], 3)
    assert times == [None]
    assert bench_vm.total(times) is None


def test_time_on_one_thread_is_the_processors():
    import harness

    assert harness.cpu_time_of(lambda: time.sleep(0.2))[0] < 0.1
    assert harness.time_of(lambda: time.sleep(0.2))[0] >= 0.2
