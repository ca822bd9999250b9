"""What the documents name is in the tree: files, folders, and what is said to be in a file."""

import fnmatch
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = (".ci", "benchmarks", "codeit", "csrc", "docs", "tests")

OF_OTHERS = {
    *(
        "config.toml",
        "metrics.jsonl",
        "performance.csv",
        "solutions.jsonl",
        "submitted.jsonl",
        "written.json",
    ),
    *("search.json", "tasks.jsonl", "times.jsonl", "submission.json", "summary.json"),
    *("mutate.json", "curve.csv", "position.json"),
    *("dsl.py", "arc_types.py"),
}
"""Files of runs and searches, and those of the original language: they are in no checkout."""

OF_BUILD = {"compile_commands.json", "reference/api.md", "reference/commands.md"}
OF_BUILD |= {"reference/settings.md"}  # docs/made_pages.py makes these for the site
OF_MODELS = {"config.json", "model.safetensors", "tokenizer.json"}

SUFFIXES = "py|pyi|pyx|h|cc|def|md|txt|toml|sh|svg|png|json|jsonl|csv"


def in_tree():
    """Every file of the tree by its path below the root, and every folder."""
    files = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        files += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    names = {str(path.relative_to(ROOT)) for path in files}
    folders = {str(parent) for name in names for parent in Path(name).parents}
    return names | folders


TREE = in_tree()


def names_in(text):
    """What looks like a file or a folder of ours: `codeit/dsl`, `core/set.h`, `scoring.py`."""
    spans = re.findall(r"`([^`\n]+)`", text) + re.findall(r"\]\(([^)#]+)\)", text)
    for span in spans:
        for word in re.split(r"[\s,;()=]+", span):
            word = word.removeprefix("./").rstrip("/:")
            is_file = re.fullmatch(rf"[\w./*-]+\.({SUFFIXES})", word)
            is_below = re.fullmatch(rf"({'|'.join(map(re.escape, FOLDERS))})(/[\w.*-]+)+", word)
            if (is_file or is_below) and not re.search(r"\b[A-Z]{3,}\b", word.rpartition(".")[0]):
                yield word


def is_in_tree(name, beside=""):
    """Whether a name is that of a file, the end of its path, or a pattern of such names."""
    patterns = (name, f"*/{name}", os.path.normpath(Path(beside, name)))
    return any(fnmatch.fnmatch(path, pattern) for path in TREE for pattern in patterns)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_that_a_document_names_is_in_the_tree(path):
    unknown = [
        name
        for name in names_in(path.read_text())
        if name not in OF_OTHERS | OF_BUILD | OF_MODELS
        and not is_in_tree(name, str(path.parent.relative_to(ROOT)))
    ]
    assert unknown == []


OF_EXAMPLES = (
    "test_docs.py",
    "test_build.py",
    "test_packaging.py",
)  # they name files of trees that they make themselves
CODE = sorted(
    path
    for folder in ("benchmarks", "codeit", "csrc", "tests")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".pyx", ".pyi", ".h", ".cc", ".def", ".sh")
    and path.name not in OF_EXAMPLES
)


def test_every_source_file_that_the_code_names_is_in_the_tree():
    """With the folder that it is in: comments, docstrings and messages do so."""
    name = re.compile(r"(?<![\w/.*{}<-])(?:[\w-]+/)+[\w-]+\.(?:py|pyx|h|cc|def|md)\b")
    unknown = {
        (word, str(path.relative_to(ROOT)))
        for path in CODE
        for word in name.findall(path.read_text())
        if not is_in_tree(word, str(path.parent.relative_to(ROOT)))
        and word not in OF_OTHERS | OF_BUILD
    }
    assert unknown == set()


def test_names_are_found_and_told_apart():
    text = "`core/set.h`, `no/such.py`, [a](docs/design/sets.md), `tests/primitives/GROUP.txt`"
    names = list(names_in(text))
    assert names == ["core/set.h", "no/such.py", "docs/design/sets.md"]
    assert [is_in_tree(name) for name in names] == [True, False, True]


def test_the_files_of_a_run_are_named_as_the_code_names_them():
    code = "".join(path.read_text() for path in (ROOT / "codeit").rglob("*.py"))
    assert [name for name in OF_OTHERS if f'"{name}"' not in code] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_is_said_to_be_in_a_file_is_in_it(path):
    """`Loop._save` in `runs/loop.py`, or the other way round: `scoring.py` (`Scoreboard`)."""
    text = path.read_text()
    said = re.findall(r"`(\w[\w.:]*)`\s+in\s+`([\w/.]+)`", text)
    said += [(name, file) for file, name in re.findall(r"`([\w/.]+\.\w+)` \(`([\w.:]+)`\)", text)]
    for name, file in said:
        if re.search(rf"\.({SUFFIXES})$", file):
            (found,) = [p for p in TREE if p == file or p.endswith("/" + file)]
            last = re.split(r"\.|::", name)[-1]
            assert re.search(rf"\b{re.escape(last)}\b", (ROOT / found).read_text()), (name, file)


NOT_OURS = {"num_x", "max_x", "snake_case", "PascalCase", "kName", "_NAME", "GPUTarget"}
"""What stands for a name of that form, and what is of Triton."""

ESSAYS = [path for path in DOCUMENTS if path.parent.name == "design"]


@pytest.mark.parametrize("path", [ROOT / "CONTRIBUTING.md", *ESSAYS], ids=lambda p: p.name)
def test_a_name_of_the_code_in_the_text_is_in_the_code(path):
    """Such as `Machine::Checkpoint`, `m.charge`, `is_sparse` or `with_absolute_paths(settings)`."""
    files = [ROOT / "setup.py", ROOT / "pyproject.toml"]
    for folder in ("codeit", "csrc", "tests", "benchmarks"):
        files += [p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".pyx", ".h", ".cc")]
    words = set(re.findall(r"\w+", "".join(file.read_text() for file in files)))
    for span in re.findall(r"`([^`\n]+)`", path.read_text()):
        match = re.fullmatch(r"([A-Za-z_]\w*(?:(?:::|\.)\w+)*)(\(.*\))?", span)
        if match and not re.search(rf"\.({SUFFIXES})$", match[1]):
            assert set(re.findall(r"\w+", match[1])) <= words | NOT_OURS, span


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).is_file(), target


def test_the_essays_are_linked_from_the_plan():
    plan = (ROOT / "CONTRIBUTING.md").read_text()
    for essay in (ROOT / "docs" / "design").glob("*.md"):
        assert f"(docs/design/{essay.name})" in plan


def test_scripts_name_tests_that_there_are():
    """A shell leaves a name in braces as it is where there is no such file, and pytest stops."""
    for script in (ROOT / "csrc" / "fuzz").glob("*.sh"):
        text = script.read_text()
        named = re.findall(r"tests/test_(\w+)\.py", text)
        for several in re.findall(r"tests/test_\{([\w,]+)\}\.py", text):
            named += several.split(",")
        missing = [name for name in named if not (ROOT / "tests" / f"test_{name}.py").exists()]
        assert missing == [], script.name
        assert named or script.name != "sanitize.sh"
