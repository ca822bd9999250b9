"""What a run that goes on may have lost, and what may have changed."""

import dataclasses
import os
import shutil
import sys
from pathlib import Path
from unittest import mock

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402
from small_run import quiet, settings_for, without_seconds, write_data  # noqa: E402

from codeit.files.whole_directory import MANIFEST, read_manifest, write_entries  # noqa: E402
from codeit.learning.training import trainer  # noqa: E402
from codeit.reporting.text import print_report  # noqa: E402
from codeit.runs import loop as loop_module  # noqa: E402
from codeit.runs.directory import read_lines  # noqa: E402
from codeit.runs.loop import Loop  # noqa: E402
from codeit.runs.resuming import BY_CONTENT, DECISIONS, TAKES_EFFECT  # noqa: E402
from codeit.runs.running import resume, train  # noqa: E402
from codeit.runs.settings import (  # noqa: E402
    RunSettings,
    load_settings,
    setting_names,
    setting_values,
    settings_to_toml,
)

REASONS = {name: reason for reason, names in DECISIONS.items() for name in names}
REFUSED = [name for name, reason in REASONS.items() if reason not in (TAKES_EFFECT, BY_CONTENT)]


@pytest.fixture
def out(finished, tmp_path):
    """A copy of a finished run of two iterations."""
    shutil.copytree(finished[0], tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def resumed(monkeypatch):
    """The loops that are about to go on, which do not."""
    loops = []
    monkeypatch.setattr(Loop, "run", lambda self, *_: loops.append(self))
    return loops


def content(folder):
    return {p: p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def refused(out, message, **arguments):
    """It does not go on, says why, and everything is as it was."""
    before = content(out)
    with pytest.raises(ValueError, match=message) as error:
        resume(out, quiet(), **arguments)
    assert content(out) == before
    return str(error.value)


def changed(settings, values):
    """The settings with others, by their full names."""
    for name, value in values.items():
        section, _, key = name.rpartition(".")
        table = dataclasses.replace(
            getattr(settings, section) if section else settings, **{key: value}
        )
        settings = dataclasses.replace(settings, **{section: table}) if section else table
    return settings


def edit(out, **values):
    """Changes settings in the config of a run: `training__epochs=3`."""
    path = out / "config.toml"
    values = {name.replace("__", "."): value for name, value in values.items()}
    path.write_text(settings_to_toml(changed(load_settings(path, RunSettings()), values)))


# ---- What is recorded ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "only",
    ["", "metrics.jsonl", "performance.csv", "solutions.jsonl", "submitted.jsonl", "samples"],
)
def test_without_its_checkpoint_a_run_does_not_go_on_and_loses_nothing(only, out):
    """Whichever file tells that iterations were done."""
    shutil.rmtree(out / "checkpoint")
    for name in (
        "metrics.jsonl",
        "performance.csv",
        "solutions.jsonl",
        "submitted.jsonl",
        "samples",
    ):
        if only and name != only:
            shutil.rmtree(out / name) if name == "samples" else (out / name).unlink()
    if only in ("solutions.jsonl", "submitted.jsonl"):
        text = (out / only).read_text()
        (out / only).write_text(text + text.splitlines()[0].replace('n": 0', 'n": 2') + "\n")
    message = refused(out, r"checkpoint is missing, .* what 2 iterations have recorded")
    assert f"codeit train --config {out / 'config.toml'} --out DIR" in message


@pytest.mark.parametrize("name", [".checkpoint.new", ".checkpoint.old"])
def test_what_is_left_of_a_checkpoint_stays_when_a_run_does_not_go_on(name, out):
    """It may be all that there is: a checkpoint that was moved aside, and damaged."""
    (out / "checkpoint").rename(out / name)
    for file in (out / name).glob("m*"):  # the model and the manifest
        file.unlink()
    if name.endswith("old"):  # it takes the name again
        (out / name).rename(out / "checkpoint")
        shutil.copytree(out / "checkpoint", out / name)
    refused(out, r"checkpoint is missing|manifest.json: there is no such file")


def test_what_is_recorded_of_the_start_alone_is_done_again(finished, out):
    shutil.rmtree(out / "checkpoint")
    for name in ("metrics.jsonl", "solutions.jsonl", "submitted.jsonl"):
        lines = (out / name).read_text().splitlines(keepends=True)
        (out / name).write_text("".join(line for line in lines if '"iteration": 0' in line))
    (out / "performance.csv").write_text(
        (out / "performance.csv").read_text().splitlines(keepends=True)[0]
    )
    shutil.rmtree(out / "samples")
    resume(out, quiet())
    assert without_seconds(out) == without_seconds(finished[0])
    for name in ("performance.csv", "solutions.jsonl", "submitted.jsonl", "samples/0001.jsonl"):
        assert (out / name).read_bytes() == (finished[0] / name).read_bytes()


@pytest.fixture(scope="module")
def older(data, tmp_path_factory):
    """A run of two iterations that has the checkpoint of the first."""
    out = tmp_path_factory.mktemp("older") / "run"
    train(settings_for(data, iterations=1), out, quiet())
    shutil.copytree(out / "checkpoint", out.with_name("first"))
    resume(out, quiet(), iterations=2)
    shutil.rmtree(out / "checkpoint")
    shutil.copytree(out.with_name("first"), out / "checkpoint")
    return out


@pytest.fixture
def outdated(older, tmp_path):
    """A copy of it."""
    shutil.copytree(older, tmp_path / "outdated")
    return tmp_path / "outdated"


def test_with_an_older_checkpoint_what_came_after_is_done_again(finished, outdated):
    out = outdated
    resume(out, quiet())
    assert without_seconds(out) == without_seconds(finished[0])
    for name in ("performance.csv", "solutions.jsonl", "submitted.jsonl", "samples/0002.jsonl"):
        assert (out / name).read_bytes() == (finished[0] / name).read_bytes()


def test_iterations_that_would_not_be_done_again_are_not_removed(outdated):
    """The checkpoint is of the first, three are recorded, and two are to be done."""
    out = outdated
    shutil.copy(out / "samples" / "0002.jsonl", out / "samples" / "0003.jsonl")
    refused(out, "3 iterations are recorded, those after iteration 1 .* --iterations 3 loses none")


def test_files_that_the_run_has_not_written_stay(outdated):
    out = outdated
    ours = [
        *("notes.jsonl", "readme.txt", "0002.jsonl.bak", "00002.jsonl", "2.jsonl", "x0002.jsonl"),
        *(".0002.jsonl", "٠٠٠٢.jsonl"),
    ]
    for name in ours:
        (out / "samples" / name).write_text("ours")
    (out / "samples" / "0005.jsonl").mkdir()
    (out / "tensorboard" / "ours").write_text("ours")
    resume(out, quiet())
    assert {path.name for path in (out / "samples").iterdir()} == {
        *ours,
        *("0001.jsonl", "0002.jsonl", "0005.jsonl"),
    }
    for path in [*(out / "samples" / name for name in ours), out / "tensorboard" / "ours"]:
        assert path.read_text() == "ours"


def test_a_run_whose_checkpoint_is_of_a_version_that_kept_no_programs_goes_on(finished, outdated):
    """It does the same, and says of no program that it is new."""
    checkpoint = outdated / "checkpoint"
    entries = dict(read_manifest(checkpoint))
    del entries["programs.npy"]
    write_entries(checkpoint / MANIFEST, entries)
    (checkpoint / "programs.npy").unlink()
    resume(outdated, quiet())
    expected = without_seconds(finished[0])
    del expected[2]["num_new"]
    assert without_seconds(outdated) == expected
    assert not (checkpoint / "programs.npy").exists()


@pytest.mark.parametrize("gone", ["samples", "samples/0001.jsonl"])
def test_samples_that_were_removed_to_save_room_are_not_needed_to_go_on(gone, outdated, finished):
    out = outdated
    shutil.rmtree(out / gone) if gone == "samples" else (out / gone).unlink()
    console = quiet()
    print_report(out, console)
    resume(out, console)
    said = " ".join(console.file.getvalue().split())
    assert said.count("1 of 1 files of samples are gone; the run goes on without them") == 2
    assert without_seconds(out) == without_seconds(finished[0])
    console = quiet()
    resume(out, console, iterations=3)
    assert "are gone" not in console.file.getvalue()  # it was said
    assert "are gone" not in console.file.getvalue()
    assert {path.name for path in (out / "samples").iterdir()} == {"0002.jsonl", "0003.jsonl"}


IN_THE_WAY = {
    "samples/0004.jsonl": "this is no file, and the run will write one",
    "samples/.0003.jsonl.new": "this folder is in the way",
    ".config.toml.new": "this folder is in the way",
    ".performance.csv.new": "this folder is in the way",
}


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_what_is_in_the_way_of_a_later_file_is_found_before_anything_is_learned(
    name, out, monkeypatch
):
    monkeypatch.setattr(Loop, "_iterate", lambda *_: pytest.fail("it has learned"))
    (out / name).mkdir()
    message = refused(out, IN_THE_WAY[name], iterations=4)
    assert message.startswith(f"{out / name}: ")


@pytest.mark.parametrize("name", ["", "samples", "tensorboard", "metrics.jsonl", "solutions.jsonl"])
def test_what_must_not_be_written_is_found_before_anything_is_learned(name, out, monkeypatch):
    """By what the system says, as root may write everywhere."""
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != out / name and access(path, mode))
    monkeypatch.setattr(Loop, "_iterate", lambda *_: pytest.fail("it has learned"))
    assert refused(out, "no permission to write", iterations=4).startswith(f"{out / name}: ")


def test_settings_are_rewritten_only_when_all_is_open(out, monkeypatch):
    def fail(*_):
        raise OSError(13, "Permission denied", "events")

    monkeypatch.setattr(loop_module, "EventFile", fail)
    before = (out / "config.toml").read_bytes()
    with pytest.raises(OSError, match="Permission denied"):
        resume(out, quiet(), iterations=4)
    assert (out / "config.toml").read_bytes() == before


def test_events_of_others_stay_when_a_run_starts_again(out, resumed):
    """It stopped before its first checkpoint."""
    for path in out.iterdir():
        if path.name not in ("config.toml", "tensorboard"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (out / "tensorboard" / "ours").write_text("ours")
    resume(out, quiet())
    assert (out / "tensorboard" / "ours").read_text() == "ours"
    assert len(resumed) == 1


# ---- What has changed ------------------------------------------------------------------------


def test_every_setting_has_one_decision():
    names = [name for names in DECISIONS.values() for name in names]
    assert sorted(names) == sorted(setting_names())


def another(value):
    """Another value of the kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return {"codeit": "arc-dsl"}.get(value, f"{value}2")
    return value + 1 if isinstance(value, int) else value / 2 or 1.0


@pytest.mark.parametrize("name", REFUSED)
def test_a_setting_that_can_take_no_effect_is_refused_by_name(name, data, out):
    settings = settings_for(data, iterations=3)
    value = setting_values(settings)[name]
    other = another(value)
    if name == "model.pretrained":  # no other can be
        settings = changed(settings, {"model.name": "Salesforce/codet5-small"})
    settings = changed(settings, {name: other, "training.epochs": 1})
    (out / "config.toml").write_text(settings_to_toml(settings))
    message = refused(out, f"{name} was {value!r} and is {other!r}, but {REASONS[name]}")
    assert "only a new run can have it otherwise" in message
    assert "epochs" not in message


IDLE = {
    "training.num_policy": (11, "expert_iteration is false"),
    "sampling.batch_size": (6, "sampling.sampler is 'engine'"),
    "sampling.cuda_graphs": (False, "the model runs on a CPU"),
}


@pytest.mark.parametrize("name", IDLE)
def test_a_change_that_has_no_effect_beside_the_others_is_refused_by_name(name, out):
    value, why = IDLE[name]
    beside = {"expert_iteration": name != "training.num_policy", "model.device": "cpu"}
    edit(out, iterations=3, **beside, **{name: value})
    message = refused(out, f"{name} was .* and is {value!r}, but it has no effect while {why}")
    assert message.count(" was ") == 1


def test_each_setting_that_takes_effect_is_in_force_when_the_run_goes_on(
    data, out, resumed, monkeypatch
):
    """At the place that reads it, whatever the checkpoint was made with."""
    monkeypatch.setattr(trainer, "check_compiler", lambda _: None)
    monkeypatch.setitem(sys.modules, "trackio", mock.Mock())
    new = {
        "iterations": 7,
        "expert_iteration": False,
        "relabel": False,
        "elsewhere": False,
        "overlap": False,
        "tracking": "trackio",
        "threads": 2,
        "replay.capacity": 500,
        "model.dropout": 0.25,
        "model.device": "cpu:0",
        "training.num_mutated": 12,
        "training.epochs": 13,
        "training.learning_rate": 0.125,
        "training.batch_size": 14,
        "training.micro_batch_tokens": 15,
        "training.precision": "bfloat16",
        "training.max_gradient_norm": 0.5,
        "training.checkpoint_activations": True,
        "training.compile": True,
        "training.reset_optimizer": True,
        "sampling.samples_per_task": 2,
        "sampling.mode": "grammar",
        "sampling.distinct": True,
        "sampling.temperature": 0.5,
        "sampling.top_k": 3,
        "sampling.top_p": 0.5,
        "sampling.max_tokens": 40,
        "sampling.precision": "int8",
        "sampling.num_rows": 5,
        "limits.fuel": 50_000,
        "limits.max_bytes": 1 << 20,
        "limits.max_depth": 50,
        "limits.max_len": 1000,
        "limits.kept_bytes": 1 << 20,
    }
    assert {*new, "sampling.sampler", *IDLE} == set(DECISIONS[TAKES_EFFECT])
    old = setting_values(settings_for(data))
    assert [name for name in new if old[name] == new[name]] == []
    edit(out, **new)
    console = quiet()
    resume(out, console)
    (loop,) = resumed
    found = setting_values(loop._settings)
    for section, settings in (
        ("training", loop._trainer._settings),
        ("sampling", loop._policy.settings),
        ("replay", loop._buffer.settings),
    ):
        found |= {f"{section}.{key}": v for key, v in dataclasses.asdict(settings).items()}
    assert {name: found[name] for name in new} == new
    (group,) = loop._trainer._optimizer.param_groups
    assert group["lr"] == 0.125
    assert loop._policy.model.config.dropout == 0.25
    assert loop._device == torch.device("cpu:0")
    assert loop._workers.threads == 2
    assert loop._buffer._mutated.capacity == loop._buffer._policy.capacity == 500
    assert loop._writer._max_program_tokens == 40
    said = console.file.getvalue().replace("\n", " ")
    for name in new:
        assert f"{name} from {old[name]!r} to {new[name]!r}" in said


def test_the_other_sampler_takes_over(out, resumed):
    edit(out, iterations=3, sampling__sampler="generate")
    resume(out, quiet())
    assert type(resumed[0]._policy._sampler).__name__ == "GenerateSampler"


def test_a_changed_learning_rate_and_number_of_samples_take_effect_and_are_recorded(finished, out):
    def weights(run):
        return load_file(run / "checkpoint" / "model.safetensors")

    edit(out, iterations=3, training__learning_rate=1e-30, sampling__samples_per_task=5)
    with (out / "config.toml").open("a") as file:
        file.write("# This line is ours.\n")
    config = (out / "config.toml").read_bytes()
    resume(out, quiet())
    for name, tensor in weights(out).items():
        assert torch.allclose(tensor, weights(finished[0])[name], atol=2e-6), name
    metrics = read_lines(out / "metrics.jsonl")
    assert metrics[3]["num_samples"] == 40
    assert metrics[3]["changed"] == {
        "training.learning_rate": [3e-3, 1e-30],
        "sampling.samples_per_task": [3, 5],
    }
    assert all("changed" not in row for row in metrics[:3])
    assert (out / "config.toml").read_bytes() == config
    console = quiet()
    print_report(out, console)
    line = (
        "from iteration 3 on other settings (before, after): training.learning_rate [0.003, 1e-30]"
    )
    assert line in console.file.getvalue()
    console = quiet()
    resume(out, console, iterations=4)
    assert "changed since iteration 3: iterations from 3 to 4\n" in console.file.getvalue()
    assert "changed" not in read_lines(out / "metrics.jsonl")[4]
    assert load_settings(out / "config.toml", RunSettings()).iterations == 4


def test_less_capacity_than_the_buffer_holds_is_refused(out):
    edit(out, iterations=3, replay__capacity=10)
    refused(out, r"replay.npz: .* experiences; the capacity is 10")


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("programs", "programs.jsonl"),
        ("data__training", "training.json"),
        ("data__evaluation", "evaluation.json"),
    ],
)
def test_data_may_lie_elsewhere_but_must_be_the_same(setting, name, out, tmp_path, resumed):
    write_data(tmp_path)
    edit(out, **{"iterations": 3, setting: str(tmp_path / name)})
    resume(out, quiet())
    assert len(resumed) == 1
    text = (tmp_path / name).read_text()
    if name == "programs.jsonl":
        (tmp_path / name).write_text(text.replace("x1 = hmirror(I)", "x1 = vmirror(I)"))
    else:
        (tmp_path / name).write_text(text.replace("[[0", "[[1", 1).replace("[[2", "[[1", 1))
    refused(out, f"{setting.replace('__', '.')} is '{tmp_path / name}', whose content is not")


def test_data_that_was_changed_in_its_place_is_refused(data, tmp_path):
    write_data(tmp_path)
    out = tmp_path / "run"
    train(settings_for(tmp_path, iterations=1), out, quiet())
    path = tmp_path / "evaluation.json"
    path.write_text(path.read_text().replace("flip1", "flap1"))
    refused(out, r"data.evaluation is '.*evaluation.json', whose content is not", iterations=2)


def test_before_the_first_checkpoint_every_setting_may_change(out, resumed):
    for path in out.iterdir():
        if path.name != "config.toml":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    edit(out, seed=5, data__max_demonstrations=2)
    resume(out, quiet())
    assert resumed[0]._settings.seed == 5


def test_a_checkpoint_that_does_not_say_its_settings_does_not_go_on(out):
    (out / "checkpoint" / "settings.toml").unlink()
    refused(out, "settings.toml: it is missing", iterations=3)


def test_an_untouched_config_is_not_written_again(out):
    path = Path(out / "config.toml")
    path.write_text("# Ours.\n" + path.read_text().replace("iterations = 2", "iterations=3"))
    before = path.read_bytes()
    resume(out, quiet())
    assert path.read_bytes() == before
