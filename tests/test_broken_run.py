"""A run on a disk that breaks goes on from where it was, and ends as if nothing had been.

The loop, the run directory and the checkpoint are the real ones. What is learned and sampled is
replaced by something small that follows from the iteration.
"""

import contextlib
import os
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from broken_disk import Killed, sweep  # noqa: E402
from safetensors.torch import save  # noqa: E402
from small_run import quiet, settings_for  # noqa: E402

from codeit import loop  # noqa: E402
from codeit.cli import _one_line  # noqa: E402
from codeit.loop import Loop, resume, train  # noqa: E402
from codeit.model import checkpoint  # noqa: E402
from codeit.replay import Origin  # noqa: E402
from codeit.scoring import RULES, Candidate  # noqa: E402


class NoBoard:
    """In the place of TensorBoard, which writes on a thread of its own."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def add_scalar(self, *_):
        pass

    def flush(self):
        pass


def save_file(tensors, path, metadata):
    """As safetensors does it, by operations that can be counted."""
    with open(path, "wb") as file:
        file.write(save(tensors, metadata))


def start(self):
    """Before the first iteration."""
    return done(self, 0)


def done(self, iteration):
    """What an iteration leaves; the next one builds on the weights and the buffer."""
    with torch.no_grad():
        self._model.embedding.mul_(0.5).add_(iteration)
    for parameter in self._model.parameters():
        parameter.grad = torch.full_like(parameter, 0.1 * iteration)
    self._trainer._optimizer.step()
    self._trainer.num_steps += 1
    name = f"program {iteration}"
    ids = np.arange(iteration, iteration + 3)
    self._buffer.add(
        ["task"],
        [name],
        origin=Origin.policy,
        iteration=iteration,
        demonstration_share=0.5,
        source_ids=ids,
        source_offsets=[0, 3],
        target_ids=ids,
        target_offsets=[0, 3],
    )
    task = self._tasks[0]
    candidate = Candidate(task.task_id, task.digest, name, 1, 3, ("grid",), (iteration > 0,))
    new = self._found.add("policy" if iteration else "mutation", [candidate])
    metrics = {"iteration": iteration, "weight": self._model.embedding[0, 0].item()}
    return loop._Done(metrics, new, [])


def plot(self, metrics, directory, board):
    score = dict.fromkeys(RULES, 0.5)
    directory.add_performance(metrics["iteration"], score, score, 1, 2, 3)


@pytest.fixture
def small_loop(monkeypatch):
    small = checkpoint.Geometry(d_model=4, d_kv=2, d_ff=4, num_layers=1, num_heads=1)
    monkeypatch.setitem(checkpoint.GEOMETRIES, "tiny", small)
    monkeypatch.setattr(checkpoint, "save_file", save_file)
    monkeypatch.setattr(loop, "SummaryWriter", NoBoard)
    monkeypatch.setattr(loop, "EngineSampler", lambda *_: None)
    monkeypatch.setattr(Loop, "_start", start)
    monkeypatch.setattr(Loop, "_iterate", done)
    monkeypatch.setattr(Loop, "_plot", plot)
    monkeypatch.setattr(os, "fsync", lambda _: None)


def everything(path):
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def go_on(settings, out):
    """What someone does after a run has ended early, until it is done."""
    if not (out / "config.toml").exists():
        train(settings, out, quiet())
        return
    with contextlib.suppress(RunIsDone):
        resume_unless_done(out)


class RunIsDone(Exception):
    pass


def resume_unless_done(out, iterations=None):
    try:
        resume(out, quiet(), iterations)
    except ValueError as error:
        if "iterations are done" not in str(error):
            raise
        raise RunIsDone from None


def check_message(error, kind, out):
    """One line that names a file of the run, as far as anyone is left to say it."""
    if kind == "kills":
        assert isinstance(error, Killed)
    elif error is not None:
        line = _one_line(error)
        assert "\n" not in line
        assert str(out) in line


def test_a_run_ends_as_if_nothing_had_been_whatever_goes_wrong_when(small_loop, data, quick_path):
    settings = settings_for(data, iterations=1)
    train(settings, quick_path / "undisturbed", quiet())
    expected = everything(quick_path / "undisturbed")

    def act(folder):
        train(settings, folder / "run", quiet())

    def check(folder, error, kind):
        check_message(error, kind, folder / "run")
        go_on(settings, folder / "run")
        found = everything(folder / "run")
        assert found.keys() == expected.keys()
        assert [name for name in expected if found[name] != expected[name]] == []

    (quick_path / "cases").mkdir()
    num = sweep(quick_path / "cases", lambda _: None, act, check, ["fails", "kills"])
    assert num > 250


@pytest.mark.parametrize("state", ["between", "within", "cut off"])
def test_what_goes_wrong_when_a_run_goes_on_is_done_again(small_loop, data, quick_path, state):
    """Clearing up after a kill, comparing what is there, going back, and the new settings."""
    settings = settings_for(data, iterations=1)
    made, longer = quick_path / "made", quick_path / "longer"
    train(settings, made, quiet())
    shutil.copytree(made, longer)
    resume(longer, quiet(), iterations=2)
    expected = everything(longer)
    if state == "within":  # of the second iteration
        for name in ("metrics.jsonl", "solutions.jsonl", "performance.csv"):
            (made / name).write_bytes(expected[name])
        (made / "samples" / "0002.jsonl").write_bytes(b"{}")
        with (made / "solutions.jsonl").open("ab") as file:
            file.write(b'{"iterat')
    elif state == "cut off":  # while a checkpoint is replaced
        (made / "checkpoint").rename(made / ".checkpoint.old")
        shutil.copytree(longer / "checkpoint", made / ".checkpoint.new")
        (made / ".checkpoint.new" / "optimizer.pt").unlink()

    def prepare(folder):
        shutil.copytree(made, folder / "run")

    def act(folder):
        resume(folder / "run", quiet(), iterations=2)

    def check(folder, error, kind):
        check_message(error, kind, folder / "run")
        with contextlib.suppress(RunIsDone):
            resume_unless_done(folder / "run", iterations=2)
        found = everything(folder / "run")
        assert found.keys() == expected.keys()
        assert [name for name in expected if found[name] != expected[name]] == []

    class Enough(ValueError):
        """What follows is another test's."""

    plain = Loop.run

    def stop(*_):
        raise Enough("run: enough")

    def act_until_the_loop(folder):
        Loop.run = stop
        try:
            act(folder)
        except Enough:
            pass
        finally:
            Loop.run = plain

    (quick_path / "cases").mkdir()
    num = sweep(quick_path / "cases", prepare, act_until_the_loop, check, ["fails", "kills"])
    assert num > 40
