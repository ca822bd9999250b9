"""The unit tests of csrc/tests, which look at what Python cannot see: built, then run."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UNITS = sorted(path.stem for path in (ROOT / "csrc" / "tests").glob("*.cc") if path.stem != "main")


@pytest.fixture(scope="module")
def folder():
    """Where they are, up to date."""
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    if shutil.which("make") is None or shutil.which(compiler[0]) is None:
        pytest.skip("there is no make, or no compiler")
    command = [*compiler, "-E", "-x", "c++", "-"]
    header = "#include <doctest/doctest.h>\n"
    if subprocess.run(command, input=header, capture_output=True, text=True).returncode != 0:
        pytest.skip("there is no doctest (Debian: apt-get install doctest-dev)")
    made = subprocess.run(
        ["make", "-s", "-C", ROOT / "csrc", "tests"], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    return ROOT / "build" / "release" / "tests"


@pytest.mark.parametrize("name", UNITS)
def test_a_room_of_csrc_passes_its_unit_tests(folder, name):
    done = subprocess.run([folder / name, "--no-colors"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed | 0 skipped" in done.stdout
