"""How a policy was trained, as its run or its checkpoint says it, and what it writes for tasks."""

import json
import re
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("torch")

import commands
from small_run import settings_for

import codeit
from codeit import SearchSettings, Solver
from codeit.cli import main
from codeit.language import load_seed_programs
from codeit.language.corpus import PACKAGED
from codeit.policy.policy import Policy
from codeit.policy.sampling import SamplingSettings
from codeit.policy.trained import Trained
from codeit.tasks.datasets import load
from codeit.tasks.task import Example, Task


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished run."""
    shutil.copytree(finished[0], tmp_path / "run")
    return tmp_path / "run"


# ---- What a checkpoint says


@pytest.mark.parametrize("part", ["", "checkpoint"])
def test_a_run_and_its_checkpoint_say_how_the_policy_was_trained(finished, data, part):
    settings = settings_for(data)
    trained = Trained.read(finished[0] / part)
    assert trained.checkpoint == finished[0] / "checkpoint"
    assert trained.sampling == settings.sampling
    assert trained.max_demonstrations == settings.data.max_demonstrations
    assert trained.max_prompt_tokens == settings.data.max_prompt_tokens
    assert trained.dialect == "codeit"
    assert trained.programs == settings.programs


def test_a_model_alone_has_the_defaults(run):
    (run / "checkpoint" / "settings.toml").unlink()
    trained = Trained.read(run / "checkpoint")
    assert trained.sampling == SamplingSettings()
    assert trained.programs == PACKAGED


def test_the_digest_is_of_all_files_with_and_without_a_manifest(run):
    checkpoint = run / "checkpoint"
    first = Trained.read(run).digest()
    assert first == Trained.read(checkpoint).digest()
    (checkpoint / "manifest.json").unlink()
    assert Trained.read(run).digest() == first
    (checkpoint / "config.json").write_text((checkpoint / "config.json").read_text() + " ")
    assert Trained.read(run).digest() != first


def change(name, old, new):
    def apply(run):
        path = run / "checkpoint" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return apply


def remove(name):
    def apply(run):
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return apply


BROKEN = [
    (remove("."), "run: there is no such directory"),
    (
        remove("checkpoint"),
        "it is no checkpoint, as it has no config.json, and no run with a policy",
    ),
    (remove("checkpoint/config.json"), "checkpoint/config.json: there is no such file"),
    (remove("checkpoint/model.safetensors"), "there is neither model.safetensors nor"),
    (remove("checkpoint/compact_tokenizer.json"), "checkpoint"),
    (change("settings.toml", "[sampling]", "[sampling"), "settings.toml: "),
    (change("settings.toml", "[sampling]", "[sampling]\nmagic = 1"), "magic is no setting"),
    (change("settings.toml", 'mode = "', 'mode = "x'), "settings.toml: mode is 'x"),
    (change("settings.toml", "max_demonstrations = ", "max_demonstrations = -"), "data.max_demo"),
    (change("settings.toml", 'dialect = "codeit"', 'dialect = "x"'), "dialect 'x': allowed are"),
    (change("settings.toml", "[sampling]", "[other]"), None),
    (change("config.json", '"d_kv"', '"d"'), "config.json has no 'd_kv'"),
]


@pytest.mark.parametrize(("damage", "said"), BROKEN)
def test_what_is_missing_or_damaged_is_one_line(run, data, capsys, damage, said):
    damage(run)
    words = ["--programs", data / "programs.jsonl", "--evaluations", "5", "--run", run]
    words = ["solve", f"{data / 'evaluation.json'}/flip1", *words]
    if said is None:  # a table that is not there has the defaults
        Trained.read(run)
        return
    commands.fails_with(capsys, words, said)
    with pytest.raises((ValueError, OSError)):
        Policy.load(run, device="cpu")


def test_a_file_is_no_run(data, capsys):
    words = ["solve", "00d62c1b", "--run", data / "programs.jsonl"]
    capsys.readouterr()
    assert main(list(map(str, words))) == 2
    assert "programs.jsonl: no directory" in capsys.readouterr().err


# ---- The policy


def test_a_policy_is_loaded_from_a_run_as_from_its_checkpoint(finished, data):
    tasks = load(data / "evaluation.json")[:2]
    settings = settings_for(data)
    loaded = [Policy.load(finished[0] / part, device="cpu") for part in ("", "checkpoint")]
    plain = Policy.load(
        finished[0] / "checkpoint",
        settings.sampling,
        device="cpu",
        max_demonstrations=settings.data.max_demonstrations,
        max_prompt_tokens=settings.data.max_prompt_tokens,
    )
    one, two, three = (dict(policy.sample(tasks, seed=4)) for policy in (*loaded, plain))
    assert one == two == three
    assert {len(texts) for texts in one.values()} == {settings.sampling.samples_per_task}


def test_the_package_has_the_policy():
    assert codeit.Policy is Policy


def test_a_solver_with_a_policy_gives_the_same_answers_on_any_number_of_threads(finished, data):
    tasks = load(data / "evaluation.json")
    seeds = load_seed_programs(data / "programs.jsonl")
    hidden = [
        Task(t.task_id, t.demonstrations, [Example(e.input, None) for e in t.tests]) for t in tasks
    ]
    rows = []
    for threads, some in ((1, tasks), (2, tasks), (2, hidden)):
        policy = Policy.load(finished[0], device="cpu", threads=threads)
        solver = Solver(policy, seeds, SearchSettings(evaluations=200), threads=threads)
        rows.append([answer.to_row() for answer in solver.solve(some).answers])
    assert rows[0] == rows[1] == rows[2]


def test_importing_the_package_and_solving_by_search_load_no_torch():
    code = (
        "import sys, codeit; codeit.Solver, codeit.Submission; import codeit.solving.solve_command;"
        "import codeit.solving.submit_command; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# ---- The commands


def test_solve_says_what_the_policy_wrote(finished, data, capsys):
    words = ["--evaluations", "300", "--run", str(finished[0]), "--samples", "5"]
    assert main(["solve", f"{data / 'evaluation.json'}/flip1", *words]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"4 programs of {data}/programs.jsonl to begin with" in out
    assert re.search(r"the policy wrote 5 texts, \d distinct programs among them, \d of which", out)
    assert "solved: the first attempt is right" in out


def test_submit_with_a_policy_writes_the_same_file_again(finished, data, tmp_path, capsys):
    words = ["submit", str(data / "evaluation.json"), "--evaluations", "300"]
    words += ["--run", str(finished[0]), "--seed", "3"]
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file, threads in zip(files, "12", strict=True):
        assert main([*words, "--threads", threads, "--out", str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert list(json.loads(files[0].read_text())) == [
        task.task_id for task in load(data / "evaluation.json")
    ]
    out = capsys.readouterr().out
    assert "the policy wrote 24 texts" in out
    assert "solved: 8 of 8 (three programs)" in out


def test_samples_without_a_policy_are_refused(capsys):
    commands.fails_with(
        capsys, ["solve", "arc1-training/00d62c1b", "--samples", "5"], "--run DIR says where it is"
    )
