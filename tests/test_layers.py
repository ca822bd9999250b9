"""The house plan: each room uses only rooms before it. Read from the import and include lines."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CPP_ROOMS = {
    "lang": set(),
    "text": {"lang"},
    "core": {"lang"},
    "primitives": {"lang", "core"},
    "vm": {"lang", "core"},
    "mutation": {"lang", "core", "vm"},
    "replay": set(),
    "decoding": set(),
    "fuzz": {"lang", "core", "text", "vm"},
}

PYTHON_ROOMS = {
    "arc": set(),
    "text": set(),
    "terminal": set(),
    "progress": {"terminal"},
    "parallel": set(),
    "broken_runs": {"terminal"},
    "whole_file": set(),
    "json_file": set(),
    "event_file": {"whole_file"},
    "whole_directory": {"json_file", "whole_file"},
    "ranges": set(),
    "distributed": set(),
    "scoring": set(),
    "model": {"_native", "json_file", "tokenizer", "whole_directory"},
    "sampling": {"_native", "distributed", "model", "parallel", "ranges", "tokenizer"},
    "training": {"distributed", "model", "parallel", "ranges", "replay", "whole_file"},
    "dsl": {"_native"},
    "replay_file": {"_native", "whole_file"},
    "replay": {"_native", "ranges", "replay_file"},
    "results": {"_native", "ranges"},
    "executor": {"_native", "dsl", "broken_runs", "ranges", "results"},
    "render": {"arc", "terminal", "whole_file"},
    "tokenizer": {"_native", "arc", "dsl", "json_file", "ranges", "text"},
    "mutation": {"_native", "arc", "dsl", "executor", "ranges", "results"},
    "fuzzing": {"_native", "arc", "dsl", "executor", "progress", "results", "terminal"},
    "experience": {"arc", "replay", "results", "tokenizer"},
    "seeds": {"arc", "dsl", "executor", "results"},
    "evaluation": {"arc", "seeds"},
    "samples": {"arc", "dsl", "executor", "experience", "results", "scoring"},
    "run_directory": {"json_file", "scoring", "whole_directory", "whole_file"},
    "config": {
        *("arc", "dsl", "executor", "model", "mutation"),
        *("ranges", "replay", "sampling", "training"),
    },
    "effects": {"config"},
    "setting_words": {"config"},
    "resuming": {"arc", "config", "dsl", "effects", "json_file", "whole_file"},
    "report": {
        *("arc", "config", "dsl", "executor", "json_file"),
        *("render", "run_directory", "scoring", "terminal"),
    },
}

# What may know all other rooms: the loop, the command line over it, and the package's front.
UNBOUND = {"loop", "cli", "__init__", "__main__"}

TORCH_FILES = {
    "loop.py",
    "cli.py",
    "distributed.py",
    "model/attention.py",
    "model/checkpoint.py",
    "model/dropout.py",
    "model/finite.py",
    "model/fused_attention.py",
    "model/fused_decoding.py",
    "model/layers.py",
    "model/t5.py",
    "model/weight_files.py",
    "sampling/decoder.py",
    "sampling/engine.py",
    "sampling/generate.py",
    "sampling/guide.py",
    "sampling/kernels.py",
    "sampling/law.py",
    "sampling/memory.py",
    "sampling/static_decoder.py",
    "sampling/static_grammar.py",
    "sampling/static_guide.py",
    "sampling/static_session.py",
    "sampling/weights.py",
    "training/trainer.py",
}


def included_rooms(path: Path) -> set[str]:
    return set(re.findall(r'#include "(\w+)/', path.read_text()))


@pytest.mark.parametrize("room", sorted(p.name for p in (ROOT / "csrc").iterdir() if p.is_dir()))
def test_a_native_room_includes_only_rooms_before_it(room):
    used = set().union(*(included_rooms(path) for path in (ROOT / "csrc" / room).iterdir()))
    assert used - {room} <= CPP_ROOMS[room]


def test_no_native_room_knows_python():
    for path in (ROOT / "csrc").rglob("*"):
        if path.suffix in (".h", ".cc"):
            assert "Python.h" not in path.read_text(), path


def imported_names(path: Path) -> set[str]:
    """Every module that a file imports, also inside its functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_of(names: set[str]) -> set[str]:
    rooms = {name.split(".")[1] for name in names if name.startswith("codeit.")}
    known = PYTHON_ROOMS.keys() | UNBOUND | {"_native"}
    return rooms & known


PYTHON_FILES = sorted(p for p in (ROOT / "codeit").rglob("*.py") if "_native" not in p.parts)


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda p: str(p.relative_to(ROOT / "codeit")))
def test_a_python_room_imports_only_rooms_before_it(path):
    room = path.relative_to(ROOT / "codeit").parts[0].removesuffix(".py")
    if room in UNBOUND:
        return
    assert rooms_of(imported_names(path)) - {room} <= PYTHON_ROOMS[room]


def test_the_order_of_the_python_rooms_has_no_circle():
    done = {"_native"}
    waiting = dict(PYTHON_ROOMS)
    while waiting:
        ready = {room for room, needs in waiting.items() if needs <= done}
        assert ready, f"these need each other: {sorted(waiting)}"
        done |= ready
        for room in ready:
            del waiting[room]


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda p: str(p.relative_to(ROOT / "codeit")))
def test_only_some_files_import_torch(path):
    imports_torch = any(name.split(".")[0] == "torch" for name in imported_names(path))
    assert not imports_torch or str(path.relative_to(ROOT / "codeit")) in TORCH_FILES


def test_no_source_file_is_longer_than_the_ceiling():
    for folder in ("codeit", "csrc", "benchmarks", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".pyx", ".h", ".cc"):
                assert len(path.read_text().splitlines()) <= 600, path


@pytest.mark.parametrize("name", ["vm", "replay", "text", "decoding"])
def test_every_native_function_says_whether_it_throws(name):
    """An exception that leaves one that does not say `except +` would end the process."""
    text = (ROOT / "codeit" / "_native" / f"{name}.pyx").read_text()
    blocks = re.findall(r"^cdef extern from .*\n((?: +.*\n|\n)+)", text, flags=re.MULTILINE)
    declarations = re.findall(r"^ +.*\((?:[^()]|\n)*\).*$", "".join(blocks), flags=re.MULTILINE)
    functions = [line for line in declarations if not line.lstrip().startswith("cdef enum")]
    assert len(functions) > 10
    assert [line for line in functions if not re.search(r"\) (except \+|noexcept)$", line)] == []
