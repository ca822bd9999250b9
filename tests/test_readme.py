"""What the README shows is true of the tree; tests/test_docs.py has the names in all documents."""

import re
import subprocess
from pathlib import Path

import pytest

from codeit.cli import main
from codeit.language import load_seed_programs
from codeit.policy.tokenizer import CompactTokenizer
from codeit.runs.settings import PRESETS
from codeit.tasks.scoring import RULES, in_words

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_readme_shows_the_two_commands():
    lines = README.splitlines()
    assert lines.count("make demo") == lines.count("make test") == 1


def test_the_readme_says_what_the_demo_learns_from():
    demo = PRESETS["demo"]
    encode = CompactTokenizer().encode_program
    lengths = [len(encode(seed.program.text)) for seed in load_seed_programs()]
    num_fitting = sum(length <= demo.sampling.max_tokens for length in lengths)
    assert demo.training.num_mutated >= demo.mutation.num_tasks + num_fitting
    text = " ".join(README.split())
    assert (
        f"mutates {num_fitting} of the {len(lengths)} seed programs, those of up to "
        f"{demo.sampling.max_tokens} tokens, into {demo.mutation.num_tasks:,} tasks"
    ) in text
    searched = f"searches every evaluation task, with {demo.search.evaluations:,} evaluations"
    assert searched in text
    rows = re.findall(r"^ *\d+  \d\.\d{3} ", README, flags=re.MULTILINE)
    assert len(rows) == demo.iterations


def test_the_picture_and_the_readme_are_of_one_run():
    title = re.search(r"<title>(.*)</title>", (ROOT / "docs" / "demo.svg").read_text())
    row = r"^ *all together +(\d+) \(\d+\) +(\d+) \(\d+\) +(\d+) \(\d+\) +(\d+)$"
    together = re.search(row, README, flags=re.MULTILINE)
    assert title
    assert together
    *counts, num_tasks = map(int, together.groups())
    figures = dict(zip(RULES, counts, strict=True))
    assert title[1] == f"Tasks solved: {in_words(figures, num_tasks)}"


def rows(text):
    """The rows of its tables, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_five_figures_are_those_of_the_page_of_all():
    five = [row[1:] for row in rows(README) if row[-1].startswith("`benchmarks/")]
    page = [row[1:] for row in rows((ROOT / "docs" / "figures.md").read_text())]
    assert len(five) == 5
    assert [row for row in five if row not in page] == []


def test_the_tree_has_every_folder():
    (tree,) = re.findall(r"```text\n(csrc/.*?)```", README, flags=re.DOTALL)
    shown = {line.split("/")[0] for line in tree.splitlines()}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("no checkout of git")
    folders = {name.split("/")[0] for name in listed.stdout.splitlines() if "/" in name}
    assert shown == {name for name in folders if not name.startswith(".")}


def test_the_recorded_outcomes_are_counted_once():
    differences = (ROOT / "docs" / "differences.md").read_text()
    table = differences.partition("| recording |")[2].splitlines()[2:6]
    counts = [[int(n.replace(",", "")) for n in line.strip("|").split("|")[1:]] for line in table]
    recorded, equal = map(sum, zip(*counts, strict=True))
    said = re.search(r"([\d,]+) recorded outcomes", (ROOT / "docs" / "figures.md").read_text())
    assert int(said[1].replace(",", "")) == recorded
    assert equal == recorded - 1


def test_the_picture_of_a_task_is_what_its_command_draws(tmp_path, monkeypatch, capsys):
    """The README shows the command below the picture; docs/task.txt is the program in it."""
    (command,) = re.findall(r"^\.venv/bin/codeit (run .* --save .*)$", README, flags=re.MULTILINE)
    for name in ("docs/task.txt", "docs/task.svg"):
        assert name in command
    (tmp_path / "docs").mkdir()
    program = (ROOT / "docs" / "task.txt").read_text()
    (tmp_path / "docs" / "task.txt").write_text(program)
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 0
    drawn = (tmp_path / "docs" / "task.svg").read_text()
    assert drawn == (ROOT / "docs" / "task.svg").read_text(), "draw it again by the command"
    assert "5 of 5 pairs are right" in capsys.readouterr().out


def test_the_plan_of_the_house_names_every_room():
    plan = (ROOT / "CONTRIBUTING.md").read_text()
    for folder in (ROOT / "csrc").iterdir():
        assert f"`csrc/{folder.name}`" in plan
    for path in (ROOT / "codeit").glob("*.py"):
        # progress and parallel are tools of one function each, not rooms with a decision.
        if path.stem not in ("__init__", "__main__", "progress", "parallel"):
            assert f"{path.name}`" in plan, path.name
