"""The help of every command has examples, and each of them is run, at a small size."""

import io
import json
import os
import re
import shlex
import shutil
from contextlib import redirect_stdout, suppress
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("torch")

import small_loop
import small_run

from codeit.cli import main
from codeit.files.json_file import read_lines
from codeit.language import load_seed_programs
from codeit.profiling.command import profile_parser
from codeit.public.catalogue import PUBLIC
from codeit.runs.setting_words import parse_settings
from codeit.runs.settings import PRESETS, settings_to_toml
from codeit.tasks import datasets

(TASK,) = datasets.load("arc1-training", ["68b16354"])
ROOT = Path(__file__).parent.parent


def help_of(*words):
    out = io.StringIO()
    with redirect_stdout(out), suppress(SystemExit):
        main([*words, "--help"])
    return out.getvalue()


COMMANDS = re.findall(r"^  (\w+) +\w", help_of().partition("commands:")[2], flags=re.MULTILINE)
SUBCOMMANDS = [("search", "resume"), ("search", "merge"), ("mutate", "resume")]
CALLS = [(name,) for name in COMMANDS] + SUBCOMMANDS


def examples_of(text):
    """The lines of an `examples:` section."""
    section = re.search(r"^examples:\n((?:  .*\n)+)", text, flags=re.MULTILINE)
    return [line.strip() for line in section[1].splitlines()] if section else []


EXAMPLES = [line for call in CALLS for line in examples_of(help_of(*call))]

NOT_RUN = {
    "codeit data fetch": "it needs the network: its names are read; tests/test_public_data.py",
    "codeit profile": "it takes a minute: its words are read; tests/test_profile.py runs it",
    "codeit train --preset small": "it needs a GPU and the hub: its settings are read",
}
"""Examples that are not run, and why."""

SMALL = {
    "--evaluations": "200",
    "--n": "20",
    "--programs": "20",  # of fuzz
    "--iterations": "3",
}
"""In place of what the example says."""


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_the_help_of_a_command_has_an_example_of_it(call):
    examples = examples_of(help_of(*call))
    assert examples
    assert all(line.startswith(f"codeit {' '.join(call)}") for line in examples)


@pytest.mark.parametrize("call", [(), *CALLS], ids=" ".join)
def test_the_paragraphs_of_a_help_fit_the_terminal(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    lines = help_of(*call).partition("usage: codeit train")[0].splitlines()
    assert len(lines) > 5
    wide = [line for line in lines if len(line) > 60 and not line.startswith(" ")]
    assert [line for line in wide if not line.startswith("codeit train --out")] == []


def test_the_text_of_a_setting_goes_on_until_its_line_is_full(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    indent = " " * 8  # of the texts, with the border of a box
    texts = [line.rstrip() for line in help_of("train").splitlines()]
    pairs = [
        (text, after.split()[0])
        for text, after in pairwise(texts)
        if text.startswith(indent) and after.startswith(indent)
    ]
    assert len(pairs) > 50
    width = max(len(text) for text, _ in pairs)
    assert [text for text, word in pairs if len(f"{text} {word}") <= width] == []


def to_json(task):
    parts = {"train": task.demonstrations, "test": task.tests}
    return {
        name: [{"input": p.input.tolist(), "output": p.output.tolist()} for p in pairs]
        for name, pairs in parts.items()
    }


def files_of_examples(folder, data, finished):
    """What the examples name, in a folder."""
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("*.md"))
    for name in ("demo", "small"):
        shutil.copytree(finished[0], folder / "runs" / name)
    tasks = json.loads((data / "evaluation.json").read_text())
    (folder / "my-task.json").write_text(json.dumps(next(iter(tasks.values()))))
    for name in ("my-tasks", "tasks", "arc-agi_test_challenges"):
        (folder / f"{name}.json").write_text(json.dumps(tasks))
    (folder / "arc1.json").write_text(json.dumps({TASK.task_id: to_json(TASK)}))
    # Those of the tasks of arc1-training that `codeit mutate` takes them to be of.
    seeds = load_seed_programs()[:20]
    lines = [json.dumps({"task": seed.task_id, "program": seed.program.text}) for seed in seeds]
    (folder / "tasks").mkdir()
    for task in datasets.load("arc1-training", [seed.task_id for seed in seeds]):
        (folder / "tasks" / f"{task.task_id}.json").write_text(json.dumps(to_json(task)))
    (folder / "solvers.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "solvers.py").write_text("def solve_flip1(I):\n    O = vmirror(I)\n    return O\n")


PREPARED = {
    "codeit bench executor --programs solvers.jsonl --tasks tasks --compare": [
        "codeit bench executor --programs solvers.jsonl --tasks tasks --json before.json"
    ],
    "codeit score": ["codeit submit tasks.json --evaluations 200 --out submission.json"],
    "codeit search resume": ["codeit search --tasks tasks.json --evaluations 200 --out runs/mine"],
    "codeit search merge": [
        f"codeit search --tasks tasks.json --evaluations 200 --shard {k}/2 --out runs/part-{k}"
        for k in (1, 2)
    ],
    "codeit mutate resume": ["codeit mutate --programs solvers.jsonl --n 20 --out runs/mutants"],
    "codeit minimise runs/search": [
        "codeit search --tasks arc1.json --evaluations 5000 --out runs/search"
    ],
}
"""What has to be done before an example makes sense."""


def small_words(line):
    """The words of an example, with less to do."""
    words = shlex.split(line)[1:]
    for k, word in enumerate(words[:-1]):
        if word == "--minutes":
            words[k : k + 2] = ["--evaluations", "200"]
        elif word in SMALL and (words[k + 1][0].isdigit()):
            words[k + 1] = SMALL[word]
    words = ["tasks.json" if w == "arc2-evaluation" else w for w in words]
    if words[0] == "report" and "--task" in words:
        words[words.index("--task") + 1] = next(iter(json.loads(Path("tasks.json").read_text())))
    if words[0] == "search" and not {"--tasks", "resume", "merge"} & {*words}:
        words += ["--tasks", "tasks.json"]
    if words[0] in ("mutate", "search", "minimise", "solve"):
        words = ["solvers.jsonl" if w == "packaged" else w for w in words]
    if words[0] == "solve":  # where nothing is found, it ends with 1
        words = [word for word in words if word not in ("--evaluations", "200")]
        words += ["--evaluations", "20_000"]
    if words[0] == "bench":  # of a model that there is
        words = ["runs/small" if word == "runs/mine" else word for word in words]
    if words[0] == "fuzz" and "--programs" not in words:
        words += ["--programs", "20"]
    return words


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_of_the_help_runs(line, data, finished, tmp_path, monkeypatch, capsys):
    read = next((start for start in NOT_RUN if line.startswith(start)), None)
    if read is not None:
        rest = shlex.split(line.removeprefix(read))
        if read == "codeit data fetch":
            assert set(rest) <= PUBLIC.keys()
            return
        if read == "codeit profile":
            _, rest = profile_parser().parse_known_args(rest)
        else:
            rest = [word for word in rest if word not in ("--out", "runs/small")]
        parse_settings(rest, PRESETS["small"])
        return
    files_of_examples(tmp_path, data, finished)
    monkeypatch.chdir(tmp_path)
    for start, lines in PREPARED.items():
        if line.startswith(start):
            for before in lines:
                assert main(shlex.split(before)[1:]) == 0
    words = small_words(line)
    if words[0] in ("train", "resume"):  # the stages of the loop are others' business
        small_loop.install(monkeypatch, read_lines(finished[0] / "metrics.jsonl"))
        config = Path("runs", "demo", "config.toml")
        config.write_text(config.read_text().replace("iterations = 2\n", "iterations = 3\n", 1))
    if words[0] == "train" and "--config" not in words:
        Path("small.toml").write_text(settings_to_toml(small_run.settings_for(data, iterations=1)))
        shutil.rmtree("runs/demo")
        words += ["--config", "small.toml"]
    capsys.readouterr()
    code = 0
    try:
        code = main(words)
    except SystemExit as end:
        code = end.code or 0
    was_slower = code == 1 and "--compare" in words  # as others work on the machine
    assert code == 0 or was_slower, capsys.readouterr().err
    assert capsys.readouterr().out
    assert os.getcwd() == str(tmp_path)


def test_every_command_that_is_not_run_is_an_example():
    assert len(EXAMPLES) >= len(CALLS)
    assert all(any(line.startswith(start) for line in EXAMPLES) for start in NOT_RUN)
