"""Each setting has an effect, or is refused by name where it has none."""

import hashlib
import json

import pytest
import small_run
import torch

from codeit.cli import main
from codeit.runs.effects import check_effect, without_effect
from codeit.runs.running import train
from codeit.runs.settings import (
    PRESETS,
    RunSettings,
    override,
    setting_names,
    setting_values,
    settings_to_toml,
)

CHANGES = {
    "iterations": 2,
    "seed": 4,
    "programs": "other",
    "expert_iteration": False,
    "relabel": False,
    "data.training": "other",
    "data.evaluation": "other",
    "data.mutated": "other",
    "data.num_evaluation": 3,
    "data.max_demonstrations": 1,
    "data.max_prompt_tokens": 20,
    "mutation.num_tasks": 5,
    "mutation.argument": 0.0,
    "mutation.function": 9.0,
    "mutation.definition": 9.0,
    "mutation.new_variable": 0.0,
    "mutation.num_scored": 2,
    "search.evaluations": 20,
    "search.iteration_evaluations": 20,
    "elsewhere": False,
    "replay.capacity": 5,
    "replay.demonstration_weight": 5.0,
    "replay.length_weight": 0.0,
    "replay.age_weight": 5.0,
    "replay.distance_weight": 5.0,
    "replay.use_priority": False,
    "replay.length_normalizer": 7,
    "replay.age_normalizer": 1,
    "model.name": "other",
    "model.pretrained": False,
    "model.tokenizer": "compact",
    "model.dropout": 0.5,
    "model.device": "cpu:0",
    "training.num_policy": 1,
    "training.num_mutated": 3,
    "training.epochs": 2,
    "training.learning_rate": 1e-4,
    "training.batch_size": 3,
    "training.max_gradient_norm": 1e-3,
    "training.precision": "bfloat16",
    "training.reset_optimizer": True,
    "sampling.samples_per_task": 2,
    "sampling.mode": "typed",
    "sampling.distinct": True,
    "sampling.temperature": 0.5,
    "sampling.top_k": 5,
    "sampling.top_p": 0.5,
    "sampling.max_tokens": 14,
    "sampling.sampler": "generate",
    "sampling.precision": "bfloat16",
    "limits.fuel": 100,
    "limits.max_len": 4,
}
"""Another value for each setting that decides what a run does."""

FLIPS = ("hmirror", "dmirror", "cmirror", "rot90", "rot180", "rot270")

AT_WORK = {
    "overlap": "tests/test_stages.py compares the results",
    "tracking": "who gets the metrics; tests/test_tracking.py",
    "primitives": "what programs may be written with; tests/test_primitives_option.py",
    "threads": "tests/test_loop.py compares the results of different numbers",
    "data.dialect": "tests/test_seeds.py and tests/test_primitives.py compare the two",
    "mutation.max_tries": "tests/test_mutation.py gives up after so many",
    "limits.max_bytes": "tests/test_limits.py holds it from both sides",
    "limits.max_depth": "tests/test_limits.py holds it from both sides",
    "limits.kept_bytes": "memory and speed alone; tests/test_memory.py",
    "search.memory": "what a search of little memory leaves out; tests/test_native_search.py",
    "model.pretrained": "needs weights of the hub; tests/test_model.py",
    "model.tokenizer": "needs another tokenizer; tests/test_model.py",
    "model.name": "needs another model; tests/test_model.py",
    "training.micro_batch_tokens": "memory alone; tests/test_training.py",
    "training.checkpoint_activations": "memory alone; tests/test_training.py",
    "training.compile": "speed alone; tests/test_training.py",
    "model.device": "where the model runs",
    "sampling.num_rows": "memory and speed alone; tests/test_engine.py",
    "sampling.batch_size": "of `generate`",
    "sampling.cuda_graphs": "of a GPU",
}
"""Settings that leave a run's results as they are, or need what is not here."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    small_run.write_data(folder)
    for name in ("training.json", "evaluation.json"):
        text = (folder / name).read_text()
        (folder / f"other {name}").write_text(text.replace("[[1, ", "[[2, "))
    programs = (folder / "programs.jsonl").read_text().splitlines()
    (folder / "other.jsonl").write_text("\n".join(programs[1:]))
    mutants = [{"task": "flip", "program": f"x1 = {f}(I)\nO = vmirror(x1)"} for f in FLIPS]
    (folder / "mutants.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mutants))
    return folder


def base_settings(data):
    """A run in which every setting matters that can matter together."""
    settings = small_run.settings_for(data, iterations=1)
    return override(
        settings,
        {
            "mutation.num_tasks": 12,
            "mutation.num_scored": 12,
            "mutation.max_tries": 3,
            "search.evaluations": 300,
            "replay.length_weight": 1.0,
            "replay.age_weight": 1.0,
            "replay.distance_weight": 1.0,
            "training.epochs": 1,
            "training.num_mutated": 8,
            "training.num_policy": 8,
            "sampling.samples_per_task": 3,
            "sampling.max_tokens": 12,
            "sampling.mode": "grammar",
        },
    )


def digest_of_run(settings, out):
    """All that a run leaves but its settings and times."""
    train(settings, out, small_run.quiet())
    parts = [repr(small_run.without_seconds(out)).encode()]
    parts += [(out / "solutions.jsonl").read_bytes()]
    parts += [path.read_bytes() for path in sorted((out / "samples").iterdir())]
    parts += [(out / "checkpoint" / "model.safetensors").read_bytes()]
    parts += [(out / "checkpoint" / "replay.npz").read_bytes()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.fixture(scope="module")
def digests(data, tmp_path_factory):
    """Of a run with settings, and each time the same."""
    known = {}

    def of(settings):
        key = repr(settings)
        if key not in known:
            known[key] = digest_of_run(settings, tmp_path_factory.mktemp("run") / "out")
        return known[key]

    return of


WITH_VALID_SAMPLES = {"sampling.mode": "typed", "sampling.samples_per_task": 24}
BESIDE = {
    "relabel": WITH_VALID_SAMPLES,
    "replay.age_normalizer": WITH_VALID_SAMPLES,
    "training.num_policy": {"iterations": 2, **WITH_VALID_SAMPLES},
    "training.reset_optimizer": {"iterations": 2},
    "elsewhere": WITH_VALID_SAMPLES,
    "search.iteration_evaluations": {"iterations": 2, **WITH_VALID_SAMPLES},
    "search.evaluations": {"search.iteration_evaluations": 0},
    "expert_iteration": {"search.evaluations": 0},
    "sampling.sampler": {"sampling.mode": "reference"},
    "sampling.mode": {"sampling.mode": "reference"},
}
"""What else a setting needs for its effect to show."""


def test_every_setting_is_changed_or_has_a_reason_not_to_be():
    assert {*CHANGES, *AT_WORK} == set(setting_names())


@pytest.mark.parametrize("name", [name for name in CHANGES if name not in AT_WORK])
def test_a_change_of_a_setting_changes_the_run(name, data, digests):
    base = override(base_settings(data), BESIDE.get(name, {}))
    value = CHANGES[name]
    if value == "other":
        files = {"programs": "other.jsonl", "data.mutated": "mutants.jsonl"}
        path = files.get(name, f"other {name.removeprefix('data.')}.json")
        value = str(data / path)
    assert value != setting_values(base)[name]
    assert name not in without_effect(base)
    assert digests(override(base, {name: value})) != digests(base)


def test_the_number_of_tasks_together_changes_a_run_of_generate(data, digests):
    settings = {"sampling.mode": "reference", "sampling.sampler": "generate"}
    base = override(base_settings(data), settings)
    assert "sampling.batch_size" not in without_effect(base)
    assert digests(override(base, {"sampling.batch_size": 2})) != digests(base)


# ---- What has none


IDLE = {
    ("sampling.sampler", "generate"): {
        "sampling.num_rows": 3,
        "sampling.precision": "bfloat16",
        "sampling.cuda_graphs": False,
    },
    ("sampling.sampler", "engine"): {"sampling.batch_size": 2},
    ("model.device", "cpu"): {"sampling.cuda_graphs": False},
    ("sampling.mode", "typed"): {"sampling.cuda_graphs": False},
    ("sampling.mode", "speculative"): {"sampling.cuda_graphs": False},
    ("sampling.distinct", True): {"sampling.cuda_graphs": False},
    ("mutation.num_tasks", 0): {
        "mutation.argument": 9.0,
        "mutation.function": 9.0,
        "mutation.definition": 9.0,
        "mutation.new_variable": 0.25,
        "mutation.num_scored": 3,
        "mutation.max_tries": 2,
        "data.mutated": "mutants.jsonl",
    },
    ("data.mutated", "mutants.jsonl"): {
        "mutation.argument": 9.0,
        "mutation.function": 9.0,
        "mutation.definition": 9.0,
        "mutation.new_variable": 0.25,
        "mutation.max_tries": 2,
    },
    ("search.evaluations", 0): {"search.memory": 2.0},
    ("mutation.argument", 0.0): {"mutation.new_variable": 0.25},
    ("replay.use_priority", False): {
        "replay.demonstration_weight": 3.0,
        "replay.length_weight": 3.0,
        "replay.age_weight": 3.0,
        "replay.distance_weight": 3.0,
        "replay.length_normalizer": 7,
        "replay.age_normalizer": 7,
    },
    ("replay.length_weight", 0.0): {"replay.length_normalizer": 7},
    ("replay.age_weight", 0.0): {"replay.age_normalizer": 7},
    ("expert_iteration", False): {"training.num_policy": 2},
}
"""What has no effect beside one setting of a value."""


def in_folder(data, values):
    """The same with the path of what is a file there."""
    is_file = {name for name, value in values.items() if str(value).endswith(".jsonl")}
    return {name: str(data / v) if name in is_file else v for name, v in values.items()}


CASES = [(*beside, name, value) for beside, some in IDLE.items() for name, value in some.items()]


@pytest.mark.parametrize(("cause", "set_to", "name", "value"), CASES)
def test_a_setting_without_effect_is_refused_by_name(cause, set_to, name, value, data):
    beside = {**BESIDE.get(cause, {}), cause: set_to, name: value}
    settings = override(base_settings(data), in_folder(data, beside))
    assert name in without_effect(settings)
    with pytest.raises(ValueError, match=f"^{name} has no effect while ."):
        check_effect(settings, [cause, name])
    check_effect(settings, [cause])


@pytest.mark.parametrize(
    ("cause", "set_to", "name", "value"), [case for case in CASES if case[2] != "sampling.num_rows"]
)
def test_what_is_refused_would_have_had_no_effect(cause, set_to, name, value, data, digests):
    beside = {**BESIDE.get(cause, {}), cause: set_to}
    base = override(base_settings(data), in_folder(data, beside))
    ours = override(base, in_folder(data, {name: value}))
    assert digests(ours) == digests(base)


def test_without_mutated_tasks_at_first_fresh_mutants_still_follow_their_settings(data):
    changes = {"mutation.num_tasks": 0, "expert_iteration": False}
    idle = without_effect(override(base_settings(data), changes))
    assert "mutation.function" not in idle
    assert "mutation.num_scored" in idle


def test_the_device_may_be_known_later():
    assert "sampling.cuda_graphs" not in without_effect(RunSettings())
    assert "sampling.cuda_graphs" not in without_effect(RunSettings(), "cuda")
    assert "sampling.cuda_graphs" in without_effect(RunSettings(), "cpu")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_nothing_that_only_another_preset_could_use(name):
    """What the other sampler would take is all that may lie idle."""
    defaults = setting_values(RunSettings())
    values = setting_values(PRESETS[name])
    idle = [n for n in without_effect(PRESETS[name]) if values[n] != defaults[n]]
    assert set(idle) <= {"sampling.batch_size"}


def refuses(capsys, tmp_path, words, message):
    out = tmp_path / "run"
    assert main(["train", "--out", str(out), *words]) == 2
    error = capsys.readouterr().err
    assert error == f"codeit train: {message}\n"
    assert not out.exists()


def test_the_command_line_refuses_what_has_no_effect_even_at_its_default(capsys, tmp_path):
    message = "sampling.batch_size has no effect while sampling.sampler is 'engine'"
    refuses(capsys, tmp_path, ["--sampling.batch-size", "4"], message)
    message = "sampling.num_rows has no effect while sampling.sampler is 'generate'"
    words = ["--sampling.sampler", "generate", "--sampling.num-rows", "96"]
    refuses(capsys, tmp_path, words, message)


def test_a_file_that_sets_what_has_no_effect_is_refused(capsys, tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("[sampling]\nbatch_size = 4\n")
    message = "sampling.batch_size has no effect while sampling.sampler is 'engine'"
    refuses(capsys, tmp_path, ["--config", str(path)], message)


def test_a_file_of_a_run_has_all_settings_and_is_taken(capsys, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(settings_to_toml(PRESETS["demo"]))
    words = ["--config", str(path), "--programs", "nowhere.jsonl"]
    refuses(capsys, tmp_path, words, "nowhere.jsonl: No such file or directory")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("word", ["--sampling.cuda-graphs", "--sampling.no-cuda-graphs"])
def test_without_a_gpu_cuda_graphs_cannot_be_set(capsys, tmp_path, word):
    message = "sampling.cuda_graphs has no effect while the model runs on a CPU"
    refuses(capsys, tmp_path, [word], message)
    refuses(capsys, tmp_path, [word, "--model.device", "cpu"], message)
