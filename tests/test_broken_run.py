"""A run on a disk that breaks goes on from where it was, and ends as if nothing had been."""

import contextlib
import resource
import shutil

import pytest

torch = pytest.importorskip("torch")

import small_loop  # noqa: E402
from broken_disk import Killed, sweep  # noqa: E402
from small_loop import everything  # noqa: E402
from small_run import quiet, settings_for  # noqa: E402

from codeit.cli import _one_line  # noqa: E402
from codeit.policy.model import checkpoint  # noqa: E402
from codeit.policy.tokenizer import CompactTokenizer  # noqa: E402
from codeit.runs.loop import Loop  # noqa: E402
from codeit.runs.running import resume, train  # noqa: E402


@pytest.fixture(autouse=True)
def small(monkeypatch):
    small_loop.install(monkeypatch)


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


def test_a_run_ends_as_if_nothing_had_been_whatever_goes_wrong_when(data, quick_path):
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
def test_what_goes_wrong_when_a_run_goes_on_is_done_again(data, quick_path, state):
    """Clearing up after a kill, comparing what is there, going back, and the new settings."""
    settings = settings_for(data, iterations=1)
    made, longer = quick_path / "made", quick_path / "longer"
    train(settings, made, quiet())
    shutil.copytree(made, longer)
    resume(longer, quiet(), iterations=2)
    expected = everything(longer)
    if state == "within":  # of the second iteration
        for name in ("metrics.jsonl", "solutions.jsonl", "submitted.jsonl", "performance.csv"):
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


@pytest.mark.parametrize(
    "rest", [b"\0" * 5000, b"\xff\n" * 99, b"[" * 9**5, b"9" * 5000, b"3\n{}\n"]
)
def test_what_a_cut_in_the_power_leaves_after_the_rows_is_no_damage(data, quick_path, rest):
    """Some file systems have made a file longer before they write what is in it."""
    settings = settings_for(data, iterations=1)
    train(settings, quick_path / "run", quiet())
    shutil.copytree(quick_path / "run", quick_path / "undisturbed")
    for name in ("metrics.jsonl", "solutions.jsonl", "submitted.jsonl", "performance.csv"):
        with (quick_path / "run" / name).open("ab") as file:
            file.write(rest)
    for name in ("run", "undisturbed"):
        resume(quick_path / name, quiet(), iterations=2)
    assert everything(quick_path / "run") == everything(quick_path / "undisturbed")


def test_a_file_that_may_not_grow_leaves_the_checkpoint_before(data, quick_path, monkeypatch):
    """By the system's own limit, which what writes past Python meets, too."""
    monkeypatch.undo()
    small = checkpoint.Geometry(d_model=4, d_kv=2, d_ff=4, num_layers=1, num_heads=1)
    monkeypatch.setitem(checkpoint.GEOMETRIES, "tiny", small)
    tokenizer = CompactTokenizer()
    settings = settings_for(data).model
    before, after = (checkpoint.build_model(settings, tokenizer, seed) for seed in (1, 2))
    path = quick_path / "checkpoint"
    checkpoint.save_checkpoint(before, tokenizer, path)
    sizes = sorted(file.stat().st_size for file in path.iterdir())
    expected = everything(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in sizes:
        for limit in (size // 2, size - 1):
            try:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
                with pytest.raises(OSError, match=r"checkpoint: the next checkpoint cannot be wri"):
                    checkpoint.save_checkpoint(after, tokenizer, path)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            assert everything(path) == expected
            assert [file.name for file in quick_path.iterdir()] == ["checkpoint"]
    checkpoint.save_checkpoint(after, tokenizer, path)
    assert everything(path) != expected
