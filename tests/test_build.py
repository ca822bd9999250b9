"""setup.py and csrc/Makefile, on a project of two rooms and one module, built in seconds."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

for name in ("Cython", "setuptools"):
    if find_spec(name) is None:
        pytest.skip(f"there is no {name}", allow_module_level=True)
if shutil.which("make") is None:
    pytest.skip("there is no make", allow_module_level=True)

ROOT = Path(__file__).parent.parent

FILES = {
    "csrc/near/one.h": "int one();\nconstexpr int kTen = 10;\n",
    "csrc/near/one.cc": '#include "near/one.h"\nint one() { return kTen + 1; }\n',
    "csrc/near/two.cc": "int two() { return 2; }\n",
    "csrc/far/three.cc": "#include <cassert>\nint three() { assert(3 < 2); return 3; }\n",
    "codeit/__init__.py": "",
    "codeit/version.py": (ROOT / "codeit" / "version.py").read_text(),
    "codeit/_native/__init__.py": "",
    "codeit/_native/small.pyx": """
cdef extern from *:
    "int one(); int two(); int three();"
    int one()
    int two()
    int three()

def numbers():
    return one(), two()

def fails_when_debugged():
    return three()
""",
}


class Project:
    """A folder with what builds codeit, and little to build."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def build(self, **variables):
        """What `setup.py build_ext --inplace` prints, with these variables in the environment."""
        command = [sys.executable, "setup.py", "build_ext", "--inplace"]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CODEIT_")}
        return subprocess.run(
            command, cwd=self.folder, env=kept | variables, capture_output=True, text=True
        )

    def compiled(self, **variables):
        """The stems of the files that were compiled, once all is built."""
        done = self.build(**variables)
        assert done.returncode == 0, done.stdout + done.stderr
        words = [shlex.split(line) for line in done.stdout.splitlines() if " -c " in line]
        return {Path(line[line.index("-c") + 1]).stem for line in words}

    def prints(self, expression):
        command = [sys.executable, "-c", f"from codeit._native import small; print({expression})"]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env={"PATH": os.defpath}
        ).stdout.strip()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("built"))
    for name, text in FILES.items():
        project.write(name, text)
    for name in ("csrc/Makefile", "setup.py", "pyproject.toml"):
        project.write(name, (ROOT / name).read_text())
    assert project.compiled() == {"one", "two", "three", "small"}
    return project.folder


@pytest.fixture
def project(built, tmp_path):
    """The project as it was built, in the same place, so that nothing of it is out of date."""
    kept = tmp_path / "kept"
    shutil.copytree(built, kept, copy_function=shutil.copy2)
    yield Project(built)
    shutil.rmtree(built)
    shutil.copytree(kept, built, copy_function=shutil.copy2)


def test_what_is_up_to_date_is_not_built_again(project):
    assert project.compiled() == set()
    assert project.prints("small.numbers()") == "(11, 2)"


def test_only_a_changed_source_is_compiled_again(project):
    project.write("csrc/near/two.cc", "int two() { return 22; }\n")
    assert project.compiled() == {"two"}
    assert project.prints("small.numbers()") == "(11, 22)"


def test_all_that_include_a_changed_header_are_compiled_again(project):
    project.write("csrc/near/one.h", "int one();\nconstexpr int kTen = 20;\n")
    assert project.compiled() == {"one"}
    assert project.prints("small.numbers()") == "(21, 2)"


def test_a_header_may_go_with_the_line_that_includes_it(project):
    (project.folder / "csrc" / "near" / "one.h").unlink()
    project.write("csrc/near/one.cc", "int one() { return 1; }\n")
    assert project.compiled() == {"one"}


def test_a_source_that_is_gone_leaves_the_library(project):
    (project.folder / "csrc" / "near" / "two.cc").unlink()
    project.write("csrc/near/one.cc", "int one() { return 1; }\nint two() { return 7; }\n")
    assert project.compiled() == {"one"}
    assert project.prints("small.numbers()") == "(1, 7)"


def test_other_flags_compile_all_again(project):
    assert project.compiled(CXXFLAGS="-DSOMETHING") == {"one", "two", "three", "small"}


@pytest.mark.skipif(shutil.which("ccache") is None, reason="there is no ccache")
def test_a_cache_before_the_compiler_compiles_nothing_again(project):
    assert project.compiled(CXX="g++") == set()
    assert project.compiled(CXX="ccache g++") == set()


def test_kinds_of_build_stand_side_by_side_and_the_one_asked_for_is_in_place(project):
    assert project.prints("small.fails_when_debugged()") == "3"
    assert project.compiled(CODEIT_DEBUG="1") == {"one", "two", "three", "small"}
    assert project.prints("small.fails_when_debugged()") == ""
    assert project.compiled() == set()
    assert project.prints("small.fails_when_debugged()") == "3"


def test_a_build_that_was_copied_from_another_place_is_not_taken_for_ones_own(project, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(project.folder, other)
    moved = Project(other)
    moved.write("csrc/near/two.cc", "int two() { return 5; }\n")
    os.utime(other / "csrc" / "near" / "two.cc", (0, 0))  # older than the object that came along
    assert moved.compiled() == {"one", "two", "three", "small"}
    assert moved.prints("small.numbers()") == "(11, 5)"


def test_generated_code_of_another_source_is_not_taken_however_new_it_is(project):
    target = project.write("build/generated/small.cpp", '#error "of another branch"\n')
    os.utime(target)
    assert project.compiled() == {"small"}
    assert project.prints("small.numbers()") == "(11, 2)"
    project.write("codeit/_native/small.cpp", '#error "of a version that wrote it here"\n')
    assert project.compiled() == set()


def test_a_module_whose_source_changed_is_translated_though_it_looks_old(project):
    path = project.folder / "codeit" / "_native" / "small.pyx"
    path.write_text(path.read_text().replace("one(), two()", "two(), one()"))
    os.utime(path, (0, 0))
    assert project.compiled() == {"small"}
    assert project.prints("small.numbers()") == "(2, 11)"


def test_a_module_is_translated_again_when_a_declaration_that_it_may_share_changed(project):
    path = project.folder / "codeit" / "_native" / "small.pyx"
    path.write_text("from codeit._native.shared cimport kNumber\ndef number(): return kNumber\n")
    project.write("codeit/_native/shared.pxd", "cdef enum: kNumber = 1\n")
    assert project.compiled() == {"small"}
    shared = project.write("codeit/_native/shared.pxd", "cdef enum: kNumber = 2\n")
    os.utime(shared, (0, 0))
    assert project.compiled() == {"small"}
    assert project.prints("small.number()") == "2"


def test_a_module_that_cython_refuses_is_named_and_nothing_is_compiled(project):
    path = project.folder / "codeit" / "_native" / "small.pyx"
    path.write_text("def broken(:\n")
    done = project.build()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("cannot translate codeit/_native/small.pyx")
    assert " -c " not in done.stdout
    assert project.prints("small.numbers()") == "(11, 2)"


def test_a_source_that_does_not_compile_is_named_and_the_modules_stay(project):
    project.write("csrc/near/two.cc", "int two() { return; }\n")
    done = project.build()
    assert done.returncode == 1
    assert "near/two.cc:1:" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: make -C csrc")
    assert project.prints("small.numbers()") == "(11, 2)"


def test_a_machine_without_make_is_told_so(project):
    path = Path(sys.executable).parent
    done = project.build(PATH=str(path))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("there is no make")


def test_what_an_outer_make_was_told_does_not_reach_the_build(project):
    project.write("csrc/near/two.cc", "int two() { return 8; }\n")
    assert project.compiled(MAKEFLAGS="n -- KIND=debug", MAKELEVEL="2") == {"two"}
    assert project.prints("small.numbers()") == "(11, 8)"


def test_editors_find_how_each_source_is_compiled(project):
    project.compiled()
    entries = json.loads((project.folder / "compile_commands.json").read_text())
    assert {entry["file"] for entry in entries} == {"near/one.cc", "near/two.cc", "far/three.cc"}
    for entry in entries:
        command = [*shlex.split(entry["command"]), "-fsyntax-only"]
        subprocess.run(command, cwd=entry["directory"], check=True)
    project.write("csrc/near/new.cc", "int four() { return 4; }\n")
    project.compiled()
    entries = json.loads((project.folder / "compile_commands.json").read_text())
    assert "near/new.cc" in {entry["file"] for entry in entries}
