"""A broken invariant is an outcome, and what met it is saved for a report."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from codeit import Limits, Outcome, Program, execute, execute_groups, run
from codeit._native import vm
from codeit.execution.broken_runs import MAX_SAVED
from codeit.execution.executor import call_canonical as call

pytestmark = pytest.mark.skipif(
    os.environ.get("CODEIT_DEBUG") == "1", reason="a debug build aborts instead"
)

PROGRAM = Program.parse("x1 = hmirror(I)\nO = vconcat(x1, I)", dialect="arc-dsl")
GRID = [[1, 2], [3, 4]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where reports go while every run leaves an invariant broken."""
    monkeypatch.setenv("CODEIT_REPORTS", str(tmp_path / "reports"))
    vm.break_invariants(True)
    yield tmp_path / "reports"
    vm.break_invariants(False)


def reports(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.iterdir())]


def test_a_program_that_met_a_broken_invariant_is_saved(folder):
    with pytest.warns(RuntimeWarning, match=rf"broken invariant.*: 1; .*{folder}"):
        result = run(PROGRAM, GRID, Limits(fuel=1000, max_len=7))
    assert result.outcome == Outcome.internal_error
    assert result.grid is None
    (report,) = reports(folder)
    assert report["program"] == PROGRAM.text
    assert report["dialect"] == "arc-dsl"
    assert report["grid"] == GRID
    assert Limits(**report["limits"]) == Limits(fuel=1000, max_len=7)
    assert report["version"] == "0.1.0"


def test_a_call_that_met_a_broken_invariant_is_saved(folder):
    arguments = [["t", ["t", 1, 2]], {"fn": ["power", {"fn": "hmirror"}, 2]}]
    with pytest.warns(RuntimeWarning, match="broken invariant"):
        assert call("apply", arguments[::-1]).outcome == Outcome.internal_error
    (report,) = reports(folder)
    assert (report["primitive"], report["arguments"]) == ("apply", arguments[::-1])


def test_every_run_of_a_batch_has_the_outcome_and_the_first_are_saved(folder):
    grids = [np.full((1, k), 3) for k in range(1, 10)]
    with pytest.warns(RuntimeWarning, match=r"broken invariant.*: 28; "):
        first, second = execute_groups([([PROGRAM] * 3, grids), ([PROGRAM], [GRID])], threads=2)
    assert (first.outcome == Outcome.internal_error).all()
    assert (second.outcome == Outcome.internal_error).all()
    widths = sorted(len(report["grid"][0]) for report in reports(folder))
    assert widths == list(range(1, MAX_SAVED + 1))


def test_the_same_run_is_saved_once_and_nothing_else_is_left(folder):
    for _ in range(3):
        with pytest.warns(RuntimeWarning):
            run(PROGRAM, GRID)
    assert [path.suffix for path in folder.iterdir()] == [".json"]


def test_a_folder_that_cannot_be_written_costs_only_the_report(folder):
    folder.write_text("in the way")
    with pytest.warns(RuntimeWarning, match="could not be saved"):
        assert run(PROGRAM, GRID).outcome == Outcome.internal_error


def test_without_a_named_folder_reports_go_where_temporary_files_go(folder, monkeypatch):
    monkeypatch.delenv("CODEIT_REPORTS")
    monkeypatch.setattr("tempfile.tempdir", str(folder.parent))
    with pytest.warns(RuntimeWarning):
        run(PROGRAM, GRID)
    named = folder.parent / f"codeit-reports-{os.getuid()}"
    assert len(reports(named)) == 1
    assert named.stat().st_mode & 0o777 == 0o700


def test_the_machine_is_whole_again_afterwards(folder):
    with pytest.warns(RuntimeWarning):
        run(PROGRAM, GRID)
    vm.break_invariants(False)
    with warnings.catch_warnings(action="error"):
        assert execute([PROGRAM], [GRID])[0, 0].grid.tolist() == [[3, 4], [1, 2], [1, 2], [3, 4]]


def test_a_run_without_one_saves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("CODEIT_REPORTS", str(tmp_path / "reports"))
    with warnings.catch_warnings(action="error"):
        run(PROGRAM, GRID)
    assert not (tmp_path / "reports").exists()


def test_a_broken_invariant_of_a_release_build_ends_no_process(tmp_path):
    program = "from codeit import Program, run\nfrom codeit._native import vm\n"
    program += "vm.break_invariants(True)\n"
    program += "print(run(Program.parse('O = identity(I)'), [[1]]).outcome.name)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "CODEIT_REPORTS": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "internal_error\n")
    assert "broken invariant" in done.stderr


@pytest.mark.parametrize(("flags", "code"), [([], -signal.SIGABRT), (["-DNDEBUG"], 15)])
def test_a_broken_invariant_aborts_only_in_a_debug_build(tmp_path, flags, code):
    compiler = shlex.split(os.environ.get("CXX", "c++"))  # may have a cache before it
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"there is no C++ compiler {compiler[0]} to make a debug build with (CXX)")
    source = tmp_path / "main.cc"
    source.write_text(
        '#include "core/outcome.h"\n\n'
        "int main() { return static_cast<int>(codeit::broken_invariant()); }\n"
    )
    csrc = Path(__file__).parent.parent / "csrc"
    command = [*compiler, "-std=c++20", *flags, f"-I{csrc}", source, "-o", tmp_path / "a"]
    subprocess.run(command, check=True)
    done = subprocess.run([tmp_path / "a"], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr == ("" if flags else f"{source}:3: an invariant is broken\n")
