"""The code keeps to the plan of tests/house.py. Read from the import and include lines."""

import ast
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from house import CPP_ROOMS, PYTHON_ROOMS, ROOT, TORCH_FILES, with_table

PYTHON_FILES = sorted(p for p in (ROOT / "codeit").rglob("*.py") if "_native" not in p.parts)
CPP_FILES = sorted(p for p in (ROOT / "csrc").rglob("*") if p.suffix in (".h", ".cc", ".def"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The innermost room that a module is in."""
    path = module.removeprefix("codeit").removeprefix(".").replace(".", "/") + "/"
    rooms = [room.name for room in PYTHON_ROOMS if path.startswith(room.name + "/")]
    return max(rooms, key=len, default="")


def included(path: Path) -> set[str]:
    """The files of csrc that a file includes."""
    return set(re.findall(r'#include "(\w+/[\w.]+)"', path.read_text()))


def imported_names(path: Path) -> set[str]:
    """Every module that a file imports, also inside its functions, and what it takes from it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported(path: Path) -> set[str]:
    """The modules of `codeit` that a file imports."""
    modules = {module_of(p) for p in PYTHON_FILES}
    modules |= {f"codeit._native.{p.stem}" for p in (ROOT / "codeit" / "_native").glob("*.pyx")}
    found = set()
    for name in imported_names(path):
        if name.split(".")[0] == "codeit":
            found.add(name if name in modules else name.rpartition(".")[0])
    assert found <= modules, found - modules
    return found


def find_circle(edges: dict[str, set[str]]) -> list[str]:
    """Those that need each other, or need those that do; [] when there is an order."""
    waiting = {name: needs - {name} for name, needs in edges.items()}
    while ready := {name for name, needs in waiting.items() if not needs & waiting.keys()}:
        waiting = {name: needs for name, needs in waiting.items() if name not in ready}
    return sorted(waiting)


def test_the_plan_has_every_folder_of_csrc_and_every_part_of_the_package():
    folders = {p.name for p in (ROOT / "csrc").iterdir() if p.is_dir()}
    assert folders == {room.name for room in CPP_ROOMS}
    parts = {p.name.removesuffix(".py") for p in (ROOT / "codeit").iterdir()}
    parts -= {"__init__", "__main__", "__pycache__", "data", "py.typed"}
    assert parts == {room.name for room in PYTHON_ROOMS if "/" not in room.name}


@pytest.mark.parametrize("rooms", [CPP_ROOMS, PYTHON_ROOMS], ids=["csrc", "codeit"])
def test_a_room_may_use_only_rooms_before_it(rooms):
    names = [room.name for room in rooms]
    for number, room in enumerate(rooms):
        assert set(room.uses) <= set(names[:number]), room.name
        assert list(room.uses) == sorted(room.uses, key=names.index), room.name


@pytest.mark.parametrize("room", CPP_ROOMS, ids=lambda room: room.name)
def test_a_native_room_includes_only_the_rooms_of_its_row(room):
    files = [path for path in CPP_FILES if path.parent.name == room.name]
    used = {name.split("/")[0] for path in files for name in included(path)}
    assert used - {room.name} <= set(room.uses)


@pytest.mark.parametrize("room", PYTHON_ROOMS, ids=lambda room: room.name)
def test_a_python_room_imports_only_and_all_the_rooms_of_its_row(room):
    files = [path for path in PYTHON_FILES if room_of(module_of(path)) == room.name]
    used = {room_of(module) for path in files for module in imported(path)}
    if room.name == "_native":
        used = {"ranges"}  # read from Cython's files by no one here
    if room.name == "cli":
        used.discard("")  # the package's front
    assert used - {room.name} == set(room.uses)


def test_no_native_room_knows_python():
    for path in CPP_FILES:
        assert "Python.h" not in path.read_text(), path


def test_no_python_file_imports_what_imports_it():
    assert find_circle({module_of(path): imported(path) for path in PYTHON_FILES}) == []


def test_no_native_file_includes_what_includes_it():
    edges = {str(path.relative_to(ROOT / "csrc")): included(path) for path in CPP_FILES}
    assert find_circle(edges) == []


def test_tables_of_bits_know_nothing_of_unions_that_have_none():
    core = ROOT / "csrc" / "core"
    for name in ("packed_table.h", "packed_table.cc"):
        assert "scattered" not in (core / name).read_text()
        assert not included(core / name) & {"core/scattered_set.h", "core/patch_union.h"}
    assert "lay_out_joined" in (core / "scattered_set.cc").read_text()


@pytest.fixture(scope="module")
def objects():
    """The compiled files of csrc's rooms; made where they are not up to date."""
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    built = subprocess.run(
        ["make", "-s", "-C", "csrc", "library"], cwd=ROOT, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    return ROOT / "build" / "release"


@pytest.mark.parametrize(
    "room", [room for room in CPP_ROOMS if room.name not in ("fuzz", "tests")], ids=lambda r: r.name
)
def test_a_native_room_links_with_the_rooms_that_it_uses_alone(room, objects, tmp_path):
    uses = {other.name: other.uses for other in CPP_ROOMS}
    needed = {room.name}
    while more := {name for other in needed for name in uses[other]} - needed:
        needed |= more
    files = [
        str(objects / path.relative_to(ROOT / "csrc").with_suffix(".o"))
        for path in CPP_FILES
        if path.suffix == ".cc" and path.parent.name in needed
    ]
    command = [*shlex.split(os.environ.get("CXX", "g++")), "-shared", "-pthread"]
    command += ["-Wl,--no-undefined", *files, "-o", str(tmp_path / "room.so")]
    linked = subprocess.run(command, capture_output=True, text=True)
    assert linked.returncode == 0, linked.stderr[-2000:]


def test_a_circle_is_found():
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name_of)
def test_only_some_files_import_torch(path):
    imports_torch = any(name.split(".")[0] == "torch" for name in imported_names(path))
    assert imports_torch == (str(path.relative_to(ROOT / "codeit")) in TORCH_FILES)


def test_the_table_in_contributing_is_the_plan():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert text == with_table(text), "python tests/house.py writes the table"


def test_no_source_file_is_longer_than_the_ceiling():
    for folder in ("codeit", "csrc", "benchmarks", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".pyx", ".pxd", ".h", ".cc"):
                assert len(path.read_text().splitlines()) <= 600, path


@pytest.mark.parametrize(
    "name",
    [
        *("code.pxd", "lang.pxd", "vm.pyx", "mutation.pyx"),
        *("replay.pyx", "text.pyx", "decoding.pyx"),
    ],
)
def test_every_native_function_says_whether_it_throws(name):
    """An exception that leaves one that does not say `except +` would end the process."""
    text = (ROOT / "codeit" / "_native" / name).read_text()
    blocks = re.findall(r"^cdef extern from .*\n((?: +.*\n|\n)+)", text, flags=re.MULTILINE)
    declarations = re.findall(r"^ +.*\((?:[^()]|\n)*\).*$", "".join(blocks), flags=re.MULTILINE)
    functions = [line for line in declarations if not line.lstrip().startswith("cdef enum")]
    assert len(functions) > 5
    assert [line for line in functions if not re.search(r"\) (except \+|noexcept)$", line)] == []
