"""`codeit profile`: what it measures, what it makes of it, and what a person sees."""

import dataclasses
import io
import json
import tempfile
import threading
import types

import pytest
from commands import fails_with
from rich.console import Console

torch = pytest.importorskip("torch")

from torch.autograd import DeviceType  # noqa: E402

from codeit.cli import main  # noqa: E402
from codeit.profiling import ceilings, kernels  # noqa: E402
from codeit.profiling.kernels import watch_kernels  # noqa: E402
from codeit.profiling.measured import Measured  # noqa: E402
from codeit.profiling.size import scaled, share_for  # noqa: E402
from codeit.profiling.tables import print_profile  # noqa: E402
from codeit.profiling.trace import chrome_trace  # noqa: E402
from codeit.profiling.verdict import bottleneck, sentence  # noqa: E402
from codeit.runs.loop import Loop  # noqa: E402
from codeit.runs.settings import PRESETS, setting_values  # noqa: E402
from codeit.runs.timeline import Span, Timeline  # noqa: E402

# ---- What is made of figures


def measured(spans, **changes):
    """An iteration of ten seconds. Spans are (stage, begin, end), or with a thread that is not 0,
    the one that puts the stages together."""
    spans = [Span(begin, end, name, *(rest or [0])) for name, begin, end, *rest in spans]
    names = dict.fromkeys(span.stage for span in spans)
    stages = {
        name: {
            "begin": min(s.begin for s in spans if s.stage == name),
            "end": max(s.end for s in spans if s.stage == name),
            "busy": sum(s.end - s.begin for s in spans if s.stage == name),
            "items": 100,
        }
        for name in names
    }
    plain = Measured(
        wall=10.0,
        model=0.9,
        cores=0.5,
        num_cores=2,
        queue_mean=1.0,
        queue_most=3,
        queue_capacity=32,
        thread=0,
        spans=spans,
        stages=stages,
        training={"num_tokens": 700, "num_steps": 7, "num_flops": 14e9, "share_of_padding": 0.1},
        sampling={
            "num_tokens": 200,
            "num_flops": 1e9,
            "num_bytes": 6e9,
            "share_of_slots": 0.9,
            "num_steps": 20,
            "mean_rows": 10,
            "num_captures": 0,
        },
        training_precision="float32",
        sampling_precision="float32",
        products={"float32": 10e9, "bfloat16": 20e9},
        copy=10e9,
        on_cpu=True,
    )
    return dataclasses.replace(plain, **changes)


LEARNING = [("learn", 0, 7), ("sample", 7, 9), ("execute", 7.5, 9.5, 1), ("wait", 9, 9.5)]


def test_training_that_takes_the_longest_is_named_beside_its_ceiling():
    one = measured(LEARNING)
    assert bottleneck(one) == ("learn", 0.7)
    assert sentence(one) == (
        "Training is what an iteration waits for: 70% of its time, at 20% of this machine's rate "
        "of float32 products; --training.precision bfloat16 (products 2.0 times as fast) or a GPU "
        "would move it."
    )


@pytest.mark.parametrize("rate", [12.4e9, 12.6e9])
def test_another_precision_is_advised_where_it_is_faster_by_a_quarter(rate):
    one = measured(LEARNING, products={"float32": 10e9, "bfloat16": rate})
    assert ("bfloat16" in sentence(one)) == (rate > 12.5e9)


@pytest.mark.parametrize("share", [0.59, 0.61])
def test_at_the_ceiling_only_less_work_helps(share):
    training = measured(LEARNING).training | {"num_flops": share * 70e9}
    text = sentence(measured(LEARNING, training=training))
    assert ("less work or a GPU would move it" in text) == (share > 0.6)


def test_padding_and_a_gpu_ask_for_larger_micro_batches():
    padded = measured(LEARNING).training | {"share_of_padding": 0.3}
    word = "a larger --training.micro-batch-tokens"
    assert word in sentence(measured(LEARNING, training=padded))
    assert word not in sentence(measured(LEARNING))
    assert f"{word} or a faster GPU" in sentence(measured(LEARNING, on_cpu=False))


SAMPLING = [("learn", 0, 2), ("sample", 2, 9), ("execute", 3, 8, 1), ("tokenise", 8, 8.5, 2)]


def test_sampling_stands_beside_the_nearer_of_two_ceilings():
    one = measured(SAMPLING)
    assert bottleneck(one) == ("sample", 0.7)
    assert "at 9% of this machine's rate of copying" in sentence(one)
    assert "--sampling.precision int8" in sentence(one)
    many = one.sampling | {"num_flops": 21e9}
    text = sentence(measured(SAMPLING, sampling=many))
    assert "at 30% of this machine's rate of float32 products" in text


@pytest.mark.parametrize("mean", [15.9, 16.1])
def test_what_sampling_is_made_to_wait_for_is_named(mean):
    one = measured(SAMPLING, queue_mean=mean, queue_most=32)
    assert bottleneck(one)[0] == ("execute" if mean > 16 else "sample")
    if mean > 16:
        assert "more cores or less fuel for each run (--limits.fuel) would move it" in sentence(one)


def test_waiting_is_for_the_stage_that_works_meanwhile():
    spans = [("learn", 0, 3), ("wait", 3, 9), ("search", 1, 9, 1), ("search", 2, 8, 2)]
    one = measured([*spans, ("save", 0, 8, 3)])
    assert bottleneck(one) == ("search", 0.6)
    assert one.awaited() == {"search": 11, "save": 5}
    assert sentence(one).startswith(
        "Search around what the policy wrote is what an iteration waits for: 60% of its time, with "
        "the cores 50% busy; more cores or fewer evaluations"
    )


@pytest.mark.parametrize(
    ("load", "cores", "is_crowded"),
    [(3.1, 0.69, True), (3.1, 0.71, False), (2.9, 0.1, False)],
)
def test_cores_that_others_take_away_come_first(load, cores, is_crowded):
    for spans in (LEARNING, [("wait", 0, 9), ("search", 0, 9, 1)]):
        text = sentence(measured(spans, load=load, cores=cores))
        assert ("; cores that nobody else uses, " in text) == is_crowded


def test_a_stage_alone_is_not_what_an_iteration_waits_for():
    text = sentence(measured([("execute", 0, 6, 1), ("score", 6, 7, 1)], alone="executing"))
    assert text.startswith("Of executing alone, running programs takes 60% of the time")


def test_a_stage_on_several_threads_works_while_one_of_them_does():
    one = measured([("execute", 0, 4, 1), ("execute", 2, 5, 2), ("execute", 7, 8, 1)])
    assert one.covered("execute") == 6
    assert one.rate("execute") == pytest.approx(100 / 6)
    assert one.use_of_ceiling("execute") is None


def test_the_rate_of_the_models_stages_is_that_of_tokens():
    one = measured(LEARNING)
    assert one.rate("learn") == pytest.approx(100)
    assert one.rate("sample") == pytest.approx(100)


@pytest.mark.parametrize("width", [80, 120])
def test_a_stage_is_one_line_however_large_its_figures_are(width):
    spans = [("learn", 0, 9000), ("sample", 9000, 9999.5), ("tokenise", 1, 9999, 1)]
    one = measured([*spans, ("store", 9999.5, 9999.6), ("wait", 9999, 9999.5)], wall=9999.6)
    for stage in one.stages.values():
        stage["items"] = 5_000_000
    console = Console(file=io.StringIO(), width=width)
    print_profile(one, "An iteration", console)
    lines = console.file.getvalue().splitlines()
    first = next(k for k, line in enumerate(lines) if "of ceiling" in line)
    shown = [line.split()[0] for line in lines[first + 2 : first + 7]]
    assert shown == ["learn", "sample", "tokenise", "store", "wait"]
    assert max(map(len, lines)) <= width


# ---- The trace


def test_a_trace_has_every_part_on_the_thread_that_did_it():
    spans = measured(LEARNING).spans
    events = chrome_trace(spans, 0, [{"name": "aten::mm", "ts": 1, "dur": 2}])["traceEvents"]
    parts = [e for e in events if e.get("cat") == "stage"]
    assert [(e["name"], e["ts"], e["dur"]) for e in parts[:2]] == [
        ("learn", 0, 7e6),
        ("sample", 7e6, 2e6),
    ]
    assert {e["name"]: e["tid"] for e in parts} == {
        "learn": 0,
        "sample": 0,
        "execute": 1,
        "wait": 0,
    }
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert names == {0: "puts the stages together", 1: "beside it, thread 1"}
    assert events[-1]["name"] == "aten::mm"


def test_the_timeline_knows_the_thread_of_each_part():
    timeline = Timeline()
    with timeline.span("learn"):
        pass

    def work():
        with timeline.span("execute"):
            pass

    other = threading.Thread(target=work)
    other.start()
    other.join()
    first, second = timeline.spans()
    assert (first.stage, first.thread) == ("learn", timeline.thread)
    assert second.stage == "execute"
    assert second.thread != timeline.thread
    assert first.begin <= first.end <= second.begin


# ---- How much is run


def test_a_part_of_an_iteration_has_a_part_of_all_that_is_done_in_one():
    demo = PRESETS["demo"]
    part = scaled(demo, 0.1, 400)
    changed = {k: v for k, v in setting_values(part).items() if v != setting_values(demo)[k]}
    assert changed == {
        "iterations": 2,
        "data.num_evaluation": 40,
        "mutation.num_tasks": 300,
        "mutation.num_scored": 300,
        "search.evaluations": 0,
        "training.num_policy": 200,
        "training.num_mutated": 400,
    }


def test_a_profile_is_handed_to_nobody():
    tracked = dataclasses.replace(PRESETS["demo"], tracking="wandb")
    assert scaled(tracked, 1.0, 400).tracking == ""


def test_there_is_always_something_to_do_and_never_more_than_there_is():
    least = scaled(PRESETS["demo"], 1e-9, 400)
    assert (least.data.num_evaluation, least.training.num_policy) == (16, 16)
    assert scaled(PRESETS["demo"], 1e-9, 3).data.num_evaluation == 3
    whole = scaled(PRESETS["demo"], 1.0, 400)
    assert whole.training == PRESETS["demo"].training


def test_a_larger_model_and_a_slower_machine_do_a_smaller_part():
    demo = PRESETS["demo"]
    fast = share_for(demo, 10**6, 400, 1e11, 10.0)
    assert share_for(demo, 10**7, 400, 1e11, 10.0) == pytest.approx(fast / 10)
    assert share_for(demo, 10**6, 400, 1e10, 10.0) == pytest.approx(fast / 10)
    assert share_for(demo, 10**6, 400, 1e15, 10.0) == 1.0


# ---- The machine


def test_ceilings_are_measured_on_every_thread_at_once(monkeypatch):
    monkeypatch.setattr(ceilings, "_SECONDS", 0.01)
    found = ceilings.measure(torch.device("cpu"), 2)
    assert found.copy > 1e8
    assert found.products["float32"] > 1e8
    assert set(found.products) <= {"float32", "bfloat16", "int8"}


def test_kernels_of_all_threads_are_seen():
    a = torch.ones(64, 64)
    with watch_kernels(torch.device("cpu")) as watched:
        worker = threading.Thread(target=lambda: [a @ a for _ in range(7)])
        worker.start()
        worker.join()
    calls = {kernel.name: kernel.calls for kernel in watched.kernels}
    assert calls["aten::mm"] == 7
    assert [k.seconds for k in watched.kernels] == sorted(
        (k.seconds for k in watched.kernels), reverse=True
    )
    assert all(event["ts"] >= 0 for event in watched.events if event["name"] == "aten::mm")


def test_a_kernel_of_a_gpu_counts_once_and_not_again_for_the_operation_that_launched_it():
    gpu = torch.device("cuda")
    times = {"self_device_time_total": 7.0, "self_cpu_time_total": 2.0}
    kernel = types.SimpleNamespace(device_type=DeviceType.CUDA, **times)
    operation = types.SimpleNamespace(device_type=DeviceType.CPU, **times)
    assert [kernels._own_time(row, gpu) for row in (kernel, operation)] == [7.0, 0.0]
    assert kernels._own_time(operation, torch.device("cpu")) == 2.0


# ---- The command


@pytest.fixture
def words(data, monkeypatch):
    """A profile of the small run, on one thread."""
    monkeypatch.setattr(ceilings, "_SECONDS", 0.01)
    return [
        *("--share", "1", "--threads", "1", "--programs", str(data / "programs.jsonl")),
        *("--data.training", str(data / "training.json")),
        *("--data.evaluation", str(data / "evaluation.json")),
        *("--mutation.num-tasks", "40", "--sampling.samples-per-task", "3"),
        *("--sampling.max-tokens", "24", "--limits.fuel", "100000"),
    ]


STAGES = ("record", "save", "draw", "learn", "sample", "read", "execute", "tokenise", "store")


@pytest.mark.parametrize("width", [80, 120])
def test_a_profile_names_the_bottleneck_below_its_tables(
    width, words, capsys, tmp_path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    trace, figures = tmp_path / "trace.json", tmp_path / "figures.json"
    files = ["--trace", str(trace), "--json", str(figures)]
    assert main(["profile", *words, *files]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert [name for name in STAGES if not any(x.startswith(f" {name} ") for x in lines)] == []
    assert ("the model is trained on them" in out) == (width == 120)
    for part in ("imports", "tasks, programs, model", "first experiences"):
        assert part in out
    assert " ".join(out.split()).endswith("would move it.")  # its figures say where it is wrapped
    assert "tokens/s" in out
    assert "\x1b" not in out
    tables = [line for line in lines if line.startswith(" ")]
    assert max(map(len, tables)) <= width
    assert [path for path in tmp_path.iterdir() if path.name.startswith("codeit")] == []
    record = json.loads(figures.read_text())
    assert record["bottleneck"] in record["stages"]
    assert record["stages"]["learn"]["rate"] > 0
    assert record["stages"]["learn"]["ceiling"]["share"] > 0
    assert " ".join(out.split()).endswith(record["sentence"])
    events = json.loads(trace.read_text())["traceEvents"]
    seen = {event["name"] for event in events if event["ph"] == "X"}
    assert set(STAGES) <= seen


@pytest.mark.parametrize(
    ("stage", "has"), [("sampling", {"sample"}), ("training", {"draw", "learn"})]
)
def test_a_stage_of_the_model_can_be_profiled_alone(stage, has, words, capsys, tmp_path):
    figures = tmp_path / "figures.json"
    assert main(["profile", *words, "--stage", stage, "--json", str(figures)]) == 0
    record = json.loads(figures.read_text())
    assert set(record["stages"]) == has
    assert record["sentence"].startswith(f"Of {stage} alone, ")
    assert bool(record["sampling"]) == (stage == "sampling")
    assert bool(record["training"]) == (stage == "training")
    assert "the model ran" not in capsys.readouterr().out


def test_running_programs_can_be_profiled_alone(words, capsys, tmp_path):
    figures = tmp_path / "figures.json"
    assert main(["profile", *words, "--stage", "executing", "--json", str(figures)]) == 0
    stages = json.loads(figures.read_text())["stages"]
    assert {"execute", "score", "relabel", "tokenise", "elsewhere"} == set(stages)
    assert stages["execute"]["rate"] > 0


def test_kernels_are_shown_and_traced_where_asked_for(words, capsys, tmp_path):
    trace = tmp_path / "trace.json"
    words = [*words, "--stage", "training", "--kernels", "--trace", str(trace)]
    assert main(["profile", *words]) == 0
    captured = capsys.readouterr()
    assert "Kernels, 15 of " in captured.out
    assert captured.err == ""
    events = json.loads(trace.read_text())["traceEvents"]
    (learn,) = [e for e in events if e["name"] == "learn"]
    inside = [e for e in events if e.get("cat") == "cpu_op"]
    assert len(inside) > 100
    assert all(learn["ts"] - 1e6 < e["ts"] < learn["ts"] + learn["dur"] + 1e6 for e in inside)


def test_a_profile_that_is_interrupted_leaves_nothing(words, tmp_path, monkeypatch):
    def interrupt(*_):
        assert [p for p in tmp_path.iterdir() if p.name.startswith("codeit-profile-")]
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Loop, "_learn", interrupt)
    assert main(["profile", *words]) == 130
    assert [p for p in tmp_path.iterdir() if p.name.startswith("codeit-profile-")] == []


def test_a_file_of_settings_may_hold_what_a_profile_does_not_read(words, capsys, tmp_path):
    path = tmp_path / "my.toml"
    path.write_text('iterations = 50\ntracking = "wandb"\n[training]\nepochs = 2\n')
    figures = tmp_path / "figures.json"
    words = [*words, "--config", str(path), "--stage", "training", "--json", str(figures)]
    assert main(["profile", *words]) == 0
    assert json.loads(figures.read_text())["stages"]["learn"]["items"] % 2 == 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--preset", "big"], "unknown preset 'big'; there are demo, small, paper"),
        (["--stage", "drawing"], "argument --stage: invalid choice: 'drawing'"),
        (["--share", "0"], "argument --share: '0'; allowed: a number above 0, at most 1"),
        (["--training.epoch", "2"], "unknown setting --training.epoch; did you mean"),
        (["--sampling.batch-size", "4"], "sampling.batch_size has no effect while"),
        (["--iterations", "3"], "iterations has no effect in a profile: two are run"),
        (["--search.evaluations", "9"], "search.evaluations has no effect in a profile"),
        (["--tracking", "wandb"], "tracking has no effect in a profile"),
        (["--json", "nowhere/x.json"], "nowhere/x.json: there is no folder"),
        (["--trace", "."], ".: this is a folder"),
        (["--data.evaluation", "nowhere.json"], "nowhere.json"),
        (["--model.device", "abacus"], "device 'abacus' cannot be used"),
    ],
)
def test_what_is_wrong_is_one_line(given, says, capsys):
    fails_with(capsys, ["profile", *given], says)
