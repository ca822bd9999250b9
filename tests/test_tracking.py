"""The metrics of a run for wandb or trackio: the same as in its own files, or one clear line."""

import dataclasses
import re
import sys
import types

import pytest

pytest.importorskip("torch")

from small_run import quiet, settings_for, without_seconds

from codeit.cli import main
from codeit.files.json_file import read_lines
from codeit.runs import tracking
from codeit.runs.metrics import scalars
from codeit.runs.running import resume, train
from codeit.runs.settings import load_settings, setting_values


class Package(types.ModuleType):
    """A package that keeps what it is given."""

    def __init__(self, name, fails_in=""):
        super().__init__(name)
        self.calls = []
        self._fails_in = fails_in

    def _keep(self, function, given):
        self.calls.append((function, given))
        if function == self._fails_in:
            raise RuntimeError("nobody is there\nat all")

    def log(self, metrics, step=None):
        self._keep("log", {"metrics": metrics, "step": step})

    def finish(self):
        self._keep("finish", {})

    @property
    def names(self):
        return [function for function, _ in self.calls]


class Wandb(Package):
    def init(self, project=None, id=None, name=None, config=None, resume=None):
        given = {"project": project, "id": id, "name": name, "config": config, "resume": resume}
        self._keep("init", given)


class Trackio(Package):
    def init(self, project, name=None, config=None, resume="never"):
        given = {"project": project, "name": name, "config": config, "resume": resume}
        self._keep("init", given)


@pytest.fixture(params=[("wandb", Wandb), ("trackio", Trackio)], ids=lambda one: one[0])
def installed(request, monkeypatch):
    """The name of a package, and how it is installed."""
    name, kind = request.param

    def install(**changes):
        package = kind(name, **changes)
        monkeypatch.setitem(sys.modules, name, package)
        return package

    return name, install


def quick(data, **changes):
    """A run that takes no time."""
    settings = settings_for(data, **changes)
    return dataclasses.replace(
        settings,
        mutation=dataclasses.replace(settings.mutation, num_tasks=4, num_scored=0),
        training=dataclasses.replace(settings.training, epochs=1),
        sampling=dataclasses.replace(settings.sampling, samples_per_task=1, max_tokens=12),
    )


def test_a_package_gets_what_the_run_records_and_changes_nothing(
    installed, finished, data, tmp_path
):
    name, install = installed
    package, out = install(), tmp_path / "run"
    settings = settings_for(data, tracking=name)
    train(settings, out, quiet())
    assert package.names == ["init", "log", "log", "finish"]
    begun = package.calls[0][1]
    assert begun["project"] == "codeit"
    assert begun["name"].startswith("run-")
    saved = load_settings(out / "config.toml", settings)
    assert begun["config"] == setting_values(saved)
    for row, (_, logged) in zip(
        read_lines(out / "metrics.jsonl")[1:], package.calls[1:3], strict=True
    ):
        assert logged == {"metrics": dict(scalars(row)), "step": row["iteration"]}
        assert logged["metrics"]["sampling/num_tokens"] > 0
    assert without_seconds(out) == without_seconds(finished[0])


def test_a_run_that_goes_on_is_the_same_run_there(installed, data, tmp_path):
    name, install = installed
    package, out = install(), tmp_path / "run"
    train(quick(data, tracking=name, iterations=1), out, quiet())
    resume(out, quiet(), iterations=2)
    first, second = (given for function, given in package.calls if function == "init")
    assert second | {"config": None} == first | {"config": None}
    assert second["resume"] == "allow"
    assert [g["step"] for f, g in package.calls if f == "log"] == [1, 2]


def test_another_run_in_the_same_place_is_another_there(installed, data, tmp_path):
    name, install = installed
    package = install()
    for folder in ("one", "two"):
        out = tmp_path / folder / "run"
        out.parent.mkdir()
        train(quick(data, tracking=name, iterations=1), out, quiet())
    names = [given["name"] for function, given in package.calls if function == "init"]
    assert len(set(names)) == 2


def test_a_package_that_cannot_begin_ends_the_command_and_leaves_nothing(installed, data, tmp_path):
    name, install = installed
    install(fails_in="init")
    out = tmp_path / "run"
    message = f"tracking is {name!r}, which cannot begin: RuntimeError: nobody is there"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        train(quick(data, tracking=name), out, quiet())
    assert not out.exists()


@pytest.mark.parametrize("fails_in", ["log", "finish"])
def test_a_package_that_fails_later_is_left_with_one_line(fails_in, data, tmp_path, monkeypatch):
    package, console = Wandb("wandb", fails_in), quiet()
    monkeypatch.setitem(sys.modules, "wandb", package)
    out = tmp_path / "run"
    train(quick(data, tracking="wandb"), out, console)
    said = console.file.getvalue()
    assert said.count("wandb gets no more metrics: RuntimeError: nobody is there\n") == 1
    assert package.names.count(fails_in) == 1
    assert len(read_lines(out / "metrics.jsonl")) == 3


def test_a_package_that_is_missing_is_named_in_one_line(capsys, data, tmp_path, monkeypatch):
    monkeypatch.setattr(tracking, "import_module", missing)
    out = tmp_path / "run"
    words = ["--programs", data / "programs.jsonl", "--tracking", "wandb"]
    for name in ("training", "evaluation"):
        words += [f"--data.{name}", data / f"{name}.json"]
    assert main(["train", "--out", str(out), *map(str, words)]) == 2
    message = "tracking is 'wandb', which is not installed; `pip install wandb` installs it"
    assert capsys.readouterr().err == f"codeit train: {message}\n"
    assert not out.exists()


def missing(name):
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_by_default_neither_package_is_looked_for(data, tmp_path, monkeypatch):
    monkeypatch.setattr(tracking, "import_module", missing)
    train(quick(data, iterations=1), tmp_path / "run", quiet())


def test_a_name_that_is_none_of_them_is_refused_with_those_there_are(capsys, tmp_path):
    assert main(["train", "--out", str(tmp_path / "run"), "--tracking", "file"]) == 2
    error = capsys.readouterr().err
    assert error == "codeit train: --tracking is 'file'; allowed: \"\", wandb, trackio\n"
