"""What the documents show as a command, a program or code is run, or checked as far as it can be.

A fenced block says what it is: `sh`, `python` (`runs/small` in it stands for any run), `cpp`,
`program` and `rows` (which tests/test_language.py runs), or `text`, of which nothing is asked.
Commands, options and settings in the running text are looked up by name.
"""

import argparse
import io
import re
import shlex
import subprocess
from contextlib import redirect_stdout, suppress
from functools import cache
from pathlib import Path

import pytest

import codeit
from codeit.benching.command import PASSED_ON
from codeit.benching.options import SUBJECTS
from codeit.cli import main
from codeit.language import own_primitives, remove_own
from codeit.profiling.command import profile_parser
from codeit.runs.effects import check_effect
from codeit.runs.setting_words import parse_settings
from codeit.runs.settings import PRESETS, setting_names

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
KINDS = {"sh", "python", "c", "cpp", "program", "rows", "text"}
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]

BENCHED = [f"bench {subject}" for subject in SUBJECTS]

NOT_RUN = {
    "sudo apt-get": "it needs root and the network",
    "git clone": "it needs the network, and an address",
    "cd codeit": "it follows the clone",
    "make": "it takes minutes, and makes .venv: `make -n` says whether all its rules are there",
    ".venv/bin/codeit train": "it takes minutes: its settings are read; tests/test_loop.py runs it",
    ".venv/bin/codeit resume": "it needs a run: its options are read; see tests/test_resuming.py",
    ".venv/bin/codeit profile": "it takes a minute: its words are read; see tests/test_profile.py",
    ".venv/bin/codeit report": "it needs a run: its options are read; tests/test_loop.py runs it",
    ".venv/bin/codeit search": "it takes minutes: its options are read; see tests/test_search_*.py",
    ".venv/bin/codeit submit": "it takes minutes: its options are read; see tests/test_submit*.py",
    ".venv/bin/codeit score": "it needs a file: its options are read; see tests/test_score_*.py",
    ".venv/bin/codeit bench": "it takes a minute: its options are read; see tests/test_bench.py",
    ".venv/bin/codeit mutate": "it takes minutes: its options are read; see tests/test_mutate.py",
    ".venv/bin/codeit minimise": "it takes minutes: its options are read; see tests/test_minimise*",
    ".venv/bin/torchrun": "it needs GPUs: its options are read; tests/test_distributed.py runs it",
}
"""Commands in `sh` blocks that no test runs as they stand, and what is done in place of it."""


def blocks(text):
    """Every fenced block of a document: its kind and its text."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)
    return [(kind, re.sub(rf"^{indent}", "", body, flags=re.M)) for indent, kind, body in found]


def commands(text):
    """The lines of its `sh` blocks, without what they say behind a #."""
    for kind, body in blocks(text):
        if kind == "sh":
            yield from (line.partition(" #")[0].strip() for line in body.splitlines())


ALL_COMMANDS = [
    pytest.param(line, id=f"{path.name}: {line}")
    for path in DOCUMENTS
    for line in commands(path.read_text())
]


def spans(path):
    """The code in the running text of a document."""
    text = re.sub(r"^ *```.*?^ *```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


@cache
def help_of(command):
    out = io.StringIO()
    with redirect_stdout(out), suppress(SystemExit):
        main([*command.split(), "--help"])
    return out.getvalue()


@cache
def all_options():
    """Every option of a command, of a benchmark, of the fuzz driver, of torchrun and pytest."""
    found = set()
    for name in setting_names():
        section, dot, key = name.replace("_", "-").rpartition(".")
        found |= {f"--{section}{dot}{key}", f"--{section}{dot}no-{key}"}
    names = "train", "resume", "report", "search", "mutate", "minimise", "run", "show", "dsl"
    for command in (
        *names,
        "solve",
        "submit",
        "score",
        "data",
        "profile",
        "fuzz",
        "info",
        *BENCHED,
    ):
        found |= set(re.findall(r"--[\w-]+", help_of(command)))
    found |= {f"--benchmark-{name}" for name in PASSED_ON}
    for path in (ROOT / "benchmarks").glob("*.py"):
        found |= set(re.findall(r'"(--[\w-]+)"', path.read_text()))
    found |= set(re.findall(r'"(--[\w-]+)"', (ROOT / "csrc" / "fuzz" / "driver.cc").read_text()))
    return found


def check_train(words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", default="demo", choices=PRESETS)
    parser.add_argument("--out", required=True)
    parsed, rest = parser.parse_known_args(words)
    settings, chosen = parse_settings(rest, PRESETS[parsed.preset])
    check_effect(settings, chosen)


def check_options(command, words):
    if command == "bench" and words and not words[0].startswith("-"):
        command, words = f"bench {words[0]}", [w for w in words if "--benchmark" not in w]
    known = set(re.findall(r"--[\w-]+", help_of(command)))
    assert {word for word in words if word.startswith("--")} <= known


def check_benchmark(words):
    source = (ROOT / words[0]).read_text()
    shared = (ROOT / "benchmarks" / "harness.py").read_text()
    options = set(re.findall(r'"(--[\w-]+)"', source + shared))
    assert {w for w in words if w.startswith("--")} <= options, words


# ---- Blocks


@pytest.mark.parametrize("name", NAMES)
def test_every_block_says_what_it_is(name):
    text = (ROOT / name).read_text()
    assert {kind for kind, _ in blocks(text)} <= KINDS
    if name != "docs/language.md":  # which sets off what it defines by four blanks
        plain = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
        assert re.findall(r"^ {4,}\S.*", plain, flags=re.MULTILINE) == []


@pytest.mark.parametrize("line", ALL_COMMANDS)
def test_a_command_runs_as_it_is_shown(line, tmp_path, monkeypatch, capsys):
    words = shlex.split(line)
    if words[0] == "make":
        variables = [word.partition("=")[0] for word in words[1:] if "=" in word]
        makefile = (ROOT / "Makefile").read_text()
        assert all(re.search(rf"^{name} \?=", makefile, flags=re.M) for name in variables)
        subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)
    elif words[0] == ".venv/bin/torchrun":
        torchrun = pytest.importorskip("torch.distributed.run")
        parsed = torchrun.get_args_parser().parse_args(words[1:])
        assert parsed.training_script == "codeit"
        assert parsed.training_script_args[0] == "train"
        check_train(parsed.training_script_args[1:])
    elif words[:2] == [".venv/bin/codeit", "train"] and "--help" not in words:
        check_train(words[2:])
    elif words[:2] == [".venv/bin/codeit", "profile"]:
        parsed, rest = profile_parser().parse_known_args(words[2:])
        check_train(["--out", "x", "--preset", parsed.preset, *rest])
    elif words[:2] == [".venv/bin/codeit", "solve"] and "--run" in words:
        check_options(words[1], words[2:])  # it needs a run; tests/test_trained.py has one
    elif words[0] == ".venv/bin/codeit" and words[1] in (
        *("resume", "report", "search", "mutate", "minimise", "submit", "score", "bench"),
    ):
        check_options(words[1], words[2:])
    elif words[0] == ".venv/bin/codeit":
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "task.txt").write_text((ROOT / "docs" / "task.txt").read_text())
        monkeypatch.chdir(tmp_path)
        is_fuzz = words[1] == "fuzz"
        arguments = [re.sub(r"^\d{3,}$", "5", w) if is_fuzz else w for w in words[1:]]
        try:
            code = main(arguments)
        except SystemExit as end:  # of --help
            code = end.code or 0
        assert code == 0
        assert capsys.readouterr().out
    else:
        assert any(line.startswith(start) for start in NOT_RUN)


def test_every_command_and_every_target_of_make_is_shown():
    lines = [line for path in DOCUMENTS for line in commands(path.read_text())]
    own = re.findall(
        r"^  (\w+) +\w", help_of("--help").partition("commands:")[2], flags=re.MULTILINE
    )
    assert len(own) >= 8
    shown = commands((ROOT / "docs" / "using.md").read_text())
    assert set(own) <= {line.split()[1] for line in shown if line.startswith(".venv/bin/codeit")}
    phony = re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(phony[1].split()) - {"clean"} <= {x.split()[1] for x in lines if x[:5] == "make "}


def test_what_is_not_run_is_shown_somewhere():
    lines = [line for path in DOCUMENTS for line in commands(path.read_text())]
    assert [start for start in NOT_RUN if not any(x.startswith(start) for x in lines)] == []
    assert len(lines) > 20


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(body, id=name)
        for name in NAMES
        for kind, body in blocks((ROOT / name).read_text())
        if kind == "python"
    ],
)
def test_a_python_example_prints_what_it_says(example, capsys, request, tmp_path, monkeypatch):
    if "runs/small" in example:  # it is of a run, and any will do
        pytest.importorskip("torch")
        (tmp_path / "runs").mkdir()
        (tmp_path / "runs" / "small").symlink_to(request.getfixturevalue("finished")[0])
        monkeypatch.chdir(tmp_path)
    path = tmp_path / "example.py"  # from which Numba reads functions
    path.write_text(example)
    try:
        exec(compile(example, str(path), "exec"), {"__name__": "example"})
    finally:
        for name in list(own_primitives()):
            remove_own(name)
    expected = re.findall(r"^ *print\(.*\)  # (.*)", example, flags=re.MULTILINE)
    assert expected
    assert capsys.readouterr().out.splitlines() == expected


def test_a_piece_of_c_stands_in_the_code():
    code = " ".join("".join(p.read_text() for p in (ROOT / "csrc").rglob("*.cc")).split())
    pieces = [b for path in DOCUMENTS for kind, b in blocks(path.read_text()) if kind == "cpp"]
    assert len(pieces) > 0
    assert [piece for piece in pieces if " ".join(piece.split()) not in code] == []


# ---- The running text


@pytest.mark.parametrize("name", NAMES)
def test_a_command_in_the_text_exists_with_its_options(name):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for span in spans(ROOT / name):
        words = span.removeprefix(".venv/bin/").split()
        if words[0] == "codeit" and len(words) > 1:
            assert f"\n  {words[1]} " in help_of("--help"), span
            if words[1] in ("train", "profile"):
                assert {w for w in words if w.startswith("--")} <= all_options(), span
            else:
                check_options(words[1], words[2:])
        elif words[0] == "make" and len(words) > 1 and words[1] != "-C":
            assert words[1] in targets, span
        elif words[0] == "pytest" and len(words) > 1:
            assert (ROOT / words[1]).is_file(), span
        elif re.match(r"benchmarks/\w+\.py$", words[0]):
            check_benchmark(words)
        elif re.match(r"--[a-z]", span):
            assert words[0] in all_options(), span


OF_THE_PAPER = "docs/paper-settings.md"  # has its names, too; see tests/test_paper_settings.py


@pytest.mark.parametrize("name", [name for name in NAMES if name != OF_THE_PAPER])
def test_a_setting_in_the_text_exists(name):
    rooms = {setting.partition(".")[0] for setting in setting_names() if "." in setting}
    for span in spans(ROOT / name):
        match = re.match(rf"(({'|'.join(rooms)})\.[a-z_0-9]+)(=\S+)?$", span)
        if match and not re.search(r"\.(py|h|cc|md|def|json|safetensors)$", match[1]):
            assert match[1] in setting_names(), span


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_package_in_the_text_exists(name):
    for span in spans(ROOT / name):
        match = re.match(r"codeit\.([A-Za-z_]\w*)", span)
        if match:
            assert hasattr(codeit, match[1]), span


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_of_the_environment_in_the_text_is_read(name):
    files = [ROOT / "setup.py", ROOT / "Makefile", *(ROOT / "csrc" / "fuzz").iterdir()]
    for folder in ("codeit", "tests", "benchmarks"):
        files += (ROOT / folder).rglob("*.py")
    code = "".join(path.read_text() for path in files if path.is_file())
    for span in spans(ROOT / name):
        match = re.match(r"([A-Z][A-Z_]{3,})(=|$)", span)
        if match and (match[1].startswith("CODEIT_") or match[2]):
            assert re.search(rf"\b{match[1]}\b", code), span


def test_names_that_are_wrong_are_found():
    assert "--no-relabel" in all_options()
    assert "--training.micro-batch-tokens" in all_options()
    assert "--no-such-thing" not in all_options()
    with pytest.raises(ValueError, match="unknown"):
        check_train(["--out", "x", "--training.no-such-thing", "1"])
    assert blocks("a\n\n```sh\nmake x  # y\n```\n") == [("sh", "make x  # y\n")]
    assert list(commands("```sh\nmake x  # y\n```\n")) == ["make x"]
