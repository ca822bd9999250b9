"""What the README and the other documents show is true of the tree."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_python_example_prints_what_it_says(capsys):
    text = (ROOT / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    exec(example, {})
    expected = re.findall(r"print\(.*\)  # (.*)", example)
    assert expected
    assert capsys.readouterr().out.splitlines()[: len(expected)] == expected


def test_the_readme_shows_the_two_commands():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert "    make demo" in lines
    assert "    make test" in lines


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_to_files_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).is_file(), target


def test_the_plan_of_the_house_names_every_room():
    plan = (ROOT / "CONTRIBUTING.md").read_text()
    for folder in (ROOT / "csrc").iterdir():
        assert f"`csrc/{folder.name}`" in plan
    for path in (ROOT / "codeit").glob("*.py"):
        # progress and parallel are tools of one function each, not rooms with a decision.
        if path.stem not in ("__init__", "__main__", "progress", "parallel"):
            assert f"{path.name}`" in plan, path.name
