"""What is wrong with a run is said before anything is written, and before its start takes long."""

import dataclasses
import json
import shutil

import pytest

torch = pytest.importorskip("torch")

from small_run import PROGRAMS, quiet, settings_for  # noqa: E402
from test_resuming import changed, edit, refused  # noqa: E402

from codeit.learning.training import TrainingSettings  # noqa: E402
from codeit.policy.model import checkpoint  # noqa: E402
from codeit.policy.model.checkpoint import build_model, save_checkpoint  # noqa: E402
from codeit.policy.sampling import memory_budget  # noqa: E402
from codeit.policy.tokenizer import CompactTokenizer  # noqa: E402
from codeit.runs import loop as loop_module  # noqa: E402
from codeit.runs.loop import Loop  # noqa: E402
from codeit.runs.running import resume, train  # noqa: E402
from codeit.runs.settings import PRESETS, RunSettings  # noqa: E402


@pytest.fixture
def fails(data, tmp_path, monkeypatch):
    """A function: a run of the small data with other settings fails before it starts."""

    def check(message, error=ValueError, programs=None, **changes):
        started = []
        monkeypatch.setattr(Loop, "_start", lambda self: started.append(self))
        values = {name.replace("__", "."): value for name, value in changes.items()}
        settings = changed(settings_for(data), values)
        if programs is not None:
            path = tmp_path / "programs.jsonl"
            rows = [{"task": task, "program": program} for task, program in programs.items()]
            path.write_text("\n".join(map(json.dumps, rows)))
            settings = dataclasses.replace(settings, programs=str(path))
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(error, match=message):
            train(settings, tmp_path / "some" / "run", quiet())
        assert sorted(tmp_path.rglob("*")) == before
        assert started == []

    return check


@pytest.mark.parametrize(
    ("mode", "sampler"),
    [
        *((mode, "engine") for mode in ("reference", "speculative", "grammar", "typed")),
        ("reference", "generate"),
    ],
)
def test_samples_must_have_room_for_the_shortest_program(fails, mode, sampler):
    fails(
        r"sampling.max_tokens is 3; allowed: 4 or more, which the shortest program takes",
        sampling__mode=mode,
        sampling__sampler=sampler,
        sampling__max_tokens=3,
    )


def test_samples_as_long_as_the_shortest_program_do(data):
    Loop(changed(settings_for(data), {"sampling.max_tokens": 4}), quiet())


def test_a_seed_program_must_fit_into_a_sample(fails, data):
    fails(
        r"no seed program is left .* they do not fit sampling.max_tokens",
        programs={"double": PROGRAMS["double"]},
        sampling__max_tokens=8,
    )
    with pytest.raises(ValueError, match="is 3; allowed: 4 or more"):
        Loop(changed(settings_for(data), {"sampling.max_tokens": 3}), quiet())


def test_a_seed_program_must_be_right(fails):
    fails("no seed program is left", programs={"flip": PROGRAMS["turn"]})
    fails("no seed program is left", limits__fuel=0)


def test_a_tokenizer_must_be_able_to_write_a_grid(fails, monkeypatch):
    """That it cannot shows when it writes one."""

    class Mute(CompactTokenizer):
        def _encode(self, text, opens):
            raise ValueError(f"no token of {text!r}")

    monkeypatch.setattr(loop_module, "load_tokenizer", lambda _: Mute())
    fails("no token of")


def test_a_model_needs_a_tokenizer(fails, tmp_path):
    folder = tmp_path / "model"
    save_checkpoint(
        build_model(PRESETS["demo"].model, CompactTokenizer(), 1), CompactTokenizer(), folder
    )
    (folder / "compact_tokenizer.json").unlink()
    fails(f"{folder}: there is no tokenizer in this directory", model__name=str(folder))


@pytest.mark.parametrize("device", ["meta", "mps", "cuda:99", "cpu:x", ""])
def test_a_device_must_be_a_cpu_or_a_gpu_that_is_there(fails, device):
    fails(f"device '{device}' cannot be used", model__device=device)


def test_a_precision_must_be_one_of_the_device(fails, monkeypatch):
    narrow = dataclasses.replace(checkpoint.GEOMETRIES["tiny"], d_model=100)
    monkeypatch.setitem(checkpoint.GEOMETRIES, "tiny", narrow)
    fails("precision 'int8' is for CPUs and widths of whole", sampling__precision="int8")


def test_a_sample_must_fit_into_the_memory(fails, monkeypatch):
    monkeypatch.setattr(memory_budget, "free_bytes", lambda _: 1000)
    fails("lower max_tokens", MemoryError)
    monkeypatch.setattr(memory_budget, "free_bytes", lambda _: 400_000)
    fails("a prompt has [0-9]+ tokens; [0-9]+ fit", data__max_prompt_tokens=32767)


def test_a_compiler_must_be_there_if_one_is_wanted(fails, monkeypatch):
    def compile(_):
        def run(*_):
            raise RuntimeError("No working compiler found\nmore")

        return run

    monkeypatch.setattr(torch, "compile", compile)
    fails("torch.compile cannot be used: No working compiler found$", training__compile=True)


def test_there_must_be_something_to_learn_from():
    with pytest.raises(ValueError, match="num_policy and num_mutated are both 0"):
        TrainingSettings(num_policy=0, num_mutated=0)
    TrainingSettings(num_policy=0)
    some = TrainingSettings(num_mutated=0)
    RunSettings(training=some)
    with pytest.raises(ValueError, match=r"training.num_mutated is 0; allowed without exp"):
        RunSettings(training=some, expert_iteration=False)


def test_a_setting_that_was_changed_is_checked_before_a_run_goes_on(finished, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(finished[0], out)
    edit(out, iterations=3, sampling__max_tokens=3)
    refused(out, "sampling.max_tokens is 3; allowed: 4 or more")


@pytest.mark.parametrize("error", [ValueError, MemoryError])
@pytest.mark.parametrize("phase", ["_start", "_record"])
def test_nothing_is_left_of_a_run_that_fails_before_its_first_checkpoint(
    error, phase, data, tmp_path, monkeypatch
):
    plain = getattr(Loop, phase)

    def fail(self, *arguments):
        plain(self, *arguments)
        raise error("a piece of a grid")

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Loop, phase, fail)
        with pytest.raises(error, match="a piece of a grid"):
            train(settings_for(data), out, quiet())
    assert not out.exists()


def test_what_others_put_there_stays_when_a_run_fails(data, tmp_path, monkeypatch):
    out = tmp_path / "run"

    def fail(self):
        (out / "samples" / "ours").write_text("ours")
        raise ValueError("bad")

    monkeypatch.setattr(Loop, "_start", fail)
    with pytest.raises(ValueError, match="bad"):
        train(settings_for(data), out, quiet())
    assert [path for path in out.rglob("*") if path.is_file()] == [out / "samples" / "ours"]


def test_a_run_that_fails_after_its_first_checkpoint_can_go_on(data, tmp_path, monkeypatch):
    out = tmp_path / "run"

    def fail(self, _):
        raise MemoryError("too little")

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_iterate", fail)
        with pytest.raises(MemoryError):
            train(settings_for(data, iterations=1), out, quiet())
    resume(out, quiet())
    assert (out / "samples" / "0001.jsonl").exists()


def test_a_full_disk_at_the_start_leaves_what_can_go_on(data, tmp_path, monkeypatch):
    """It is no fault of the settings."""
    out = tmp_path / "run"

    def fail(self, *_):
        raise OSError(28, "No space left on device", str(out))

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_save", fail)
        with pytest.raises(OSError, match="No space left"):
            train(settings_for(data, iterations=1), out, quiet())
    resume(out, quiet())
    assert (out / "checkpoint").is_dir()
