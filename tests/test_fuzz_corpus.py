"""The inputs that the fuzzer keeps (csrc/fuzz) are run once more, as tests."""

import subprocess
from pathlib import Path

import pytest

from codeit import Program, ProgramError

ROOT = Path(__file__).parent.parent
TEXTS = sorted((ROOT / "tests" / "corpus" / "parser").iterdir())
PROGRAMS = sorted((ROOT / "tests" / "corpus" / "programs").iterdir())
ROWS = sorted((ROOT / "tests" / "corpus" / "rows").iterdir())
POPULATIONS = sorted((ROOT / "tests" / "corpus" / "populations").iterdir())
POOLS = sorted((ROOT / "tests" / "corpus" / "pools").iterdir())


def test_the_corpus_is_small():
    assert 50 < len(TEXTS) < 500
    assert 50 < len(PROGRAMS) < 500
    assert 50 < len(ROWS) < 500
    assert 50 < len(POPULATIONS) < 500
    assert 50 < len(POOLS) < 500
    kept = (*TEXTS, *PROGRAMS, *ROWS, *POPULATIONS, *POOLS)
    assert sum(path.stat().st_size for path in kept) < 96_000


def parse(data):
    """What the text that a file stands for is: a program, or the error."""
    dialect = "codeit" if data[0] % 2 == 0 else "arc-dsl"
    try:
        return Program.parse(data[1:].decode("latin-1"), dialect)
    except ProgramError as error:
        return error


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_text_is_a_program_or_has_a_line_and_a_reason(path):
    data = path.read_bytes()
    found, again = parse(data), parse(data)
    if isinstance(found, ProgramError):
        assert 1 <= found.line <= data.count(b"\n") + 1
        assert found.reason.isascii()
        assert (again.line, again.reason) == (found.line, found.reason)
    else:
        assert again == found
        assert Program.parse(found.text, found.dialect).text == found.text
        assert len(found) == found.text.count("\n") + 1


def test_programs_and_most_errors_are_in_the_corpus():
    found = [parse(path.read_bytes()) for path in TEXTS]
    reasons = {error.reason.split("'")[0] for error in found if isinstance(error, ProgramError)}
    assert sum(isinstance(program, Program) for program in found) > 5
    assert len(reasons) > 8


@pytest.mark.parametrize("kind", ["address", "release"])
@pytest.mark.parametrize(
    ("target", "inputs"),
    [("programs", PROGRAMS), ("rows", ROWS), ("populations", POPULATIONS), ("pools", POOLS)],
)
def test_the_corpus_of_a_target_has_no_finding(kind, target, inputs):
    """Programs end the same on every way; rows end in time, and take what their masks say; mutants
    are distinct and valid; a search keeps to its budget, and finds what it says."""
    question = ["make", "-q", "-C", str(ROOT / "csrc"), "fuzz", f"KIND={kind}"]
    program = ROOT / "build" / kind / "fuzz" / target
    if not program.exists() or subprocess.run(question, capture_output=True).returncode != 0:
        pytest.skip(f"there is no up-to-date build; make -C csrc fuzz KIND={kind} makes one")
    command = [program, *inputs]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{len(inputs)} inputs without a finding" in done.stderr
