"""What type checkers see of the package: an installed one, and stubs that tell the truth."""

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("mypy")

ROOT = Path(__file__).parent.parent
NATIVE = ROOT / "codeit" / "_native"
MODULES = sorted(path.stem for path in NATIVE.glob("*.pyx"))

USER_SCRIPT = """\
import numpy as np

import codeit
from codeit import Limits, Program, execute, run
from codeit._native import decoding, replay, text, vm
from codeit.tasks.datasets import load
from codeit.learning.replay import ReplayBuffer

program = Program.parse("O = hmirror(I)")
result = run(program, [[1, 2], [3, 4]], Limits(fuel=1000))
reveal_type(result.fuel)
reveal_type(codeit.execute([program], [[[1]]]))
reveal_type(load("arc1-training")[0].task_id)
reveal_type(vm.MAX_SIDE)
reveal_type(replay.PriorityBuffer(5).capacity)
reveal_type(text.ProgramWriter)
reveal_type(decoding.Weights(np.zeros((1, 16)), "float32").num_in)
reveal_type(codeit.call("hmirror", ((1, 2), (3, 4))))
codeit.call("recolor", 5, frozenset({(1, (0, 0))}))
codeit.call("apply", codeit.call("lbind", "add", 1), [1, np.int64(2)], limits=Limits(fuel=100))
codeit.call("vmirror", np.zeros((2, 2), np.uint8), dialect="arc-dsl")
task = codeit.Task("mine", [codeit.Example([[1, 2]], [[2, 1]])], [codeit.Example([[3]], None)])
reveal_type(task.tests)
settings = codeit.SearchSettings(evaluations=1000)
reveal_type(codeit.search([task], settings, threads=1)[0].submission)
reveal_type(codeit.Solver(settings=settings).solve([task]))
policy = codeit.Policy.load("runs/small", codeit.SamplingSettings(samples_per_task=3))
reveal_type(policy.log_probabilities(task, ["O = hmirror(I)"]))
for k, texts in policy.sample([task], seed=0):
    reveal_type(texts)
reveal_type(codeit.Solver(policy))
reveal_type(codeit.minimise(program, [[[1]]]))
try:
    codeit.call("divide", 1, 0)
except codeit.CallError as error:
    reveal_type(error.outcome)
run("O = hmirror(I)", [[1]])
codeit.call("add", 1.5, 2)
codeit.Policy.load("runs/small", threads="two")
result.fule
execute([program], [[[1]]], threads="two")
"""
SEEN = [
    'note: Revealed type is "int"',
    'note: Revealed type is "codeit.execution.results.Results"',
    'note: Revealed type is "str"',
    'note: Revealed type is "int"',
    'note: Revealed type is "int"',
    'note: Revealed type is "def (spelling:',
    'note: Revealed type is "int"',
    'note: Revealed type is "Any"',
    'note: Revealed type is "tuple[codeit.tasks.task.Example, ...]"',
    'note: Revealed type is "codeit.tasks.scoring.Submission"',
    'note: Revealed type is "codeit.solving.submission.Submission"',
    'note: Revealed type is "numpy.ndarray',
    'note: Revealed type is "list[str]"',
    'note: Revealed type is "codeit.solving.solver.Solver"',
    'note: Revealed type is "codeit.language.program.Program"',
    'note: Revealed type is "codeit.execution.results.Outcome"',
    'error: Argument 1 to "run" has incompatible type "str"; expected "Program"',
    'error: Argument 2 to "call" has incompatible type "float"',
    'error: Argument "threads" to "load" of "Policy" has incompatible type "str"',
    'error: "Result" has no attribute "fule"',
    'error: Argument "threads" to "execute" has incompatible type "str"',
]


def without_path_for_mypy():
    return {name: value for name, value in os.environ.items() if name != "MYPYPATH"}


def test_a_users_script_is_checked_strictly(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(USER_SCRIPT)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "script.py"]
    # Without the checkout's path, which mypy would take the package from in any case.
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=without_path_for_mypy()
    )
    said = [line.split(": ", 1)[1] for line in done.stdout.splitlines()]
    for line, wanted in zip(said, SEEN, strict=False):
        assert line.startswith(wanted), done.stdout
    assert len(said) == len(SEEN), done.stdout


def with_meta_of(tmp_path):
    """The project without its modules, which take long to build."""
    (tmp_path / "codeit").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "MANIFEST.in"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("__init__.py", "version.py", "py.typed"):
        shutil.copy(ROOT / "codeit" / name, tmp_path / "codeit")
    shutil.copytree(NATIVE, tmp_path / "codeit" / "_native")
    return tmp_path


def built(project, kind):
    """The names in the wheel of a kind that setuptools builds, and its .pth files."""
    # Not imported: it will not be where something else, such as torch, has imported distutils.
    installed = version("setuptools")
    if int(installed.split(".")[0]) < 77:
        pytest.skip(f"setuptools {installed} is too old to build the package")
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}('.'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    with zipfile.ZipFile(project / done.stdout.split()[-1]) as wheel:
        names = wheel.namelist()
        return names, [wheel.read(name).decode() for name in names if name.endswith(".pth")]


def test_an_editable_installation_is_a_path_that_type_checkers_follow(tmp_path):
    project = with_meta_of(tmp_path)
    names, paths = built(project, "editable")
    assert [Path(path.strip()) for path in paths] == [project]
    assert not [name for name in names if name.endswith(".py")]


def test_a_wheel_holds_the_marker_and_the_stubs(tmp_path):
    names, _ = built(with_meta_of(tmp_path), "wheel")
    assert {"codeit/py.typed", *(f"codeit/_native/{name}.pyi" for name in MODULES)} <= set(names)
    assert not [name for name in names if name.endswith((".cpp", ".pyx"))]


# ---- Stubs


@pytest.fixture(scope="module")
def differences():
    """What mypy's stubtest finds in the stubs beside the modules, apart from what Cython adds."""
    modules = [f"codeit._native.{name}" for name in MODULES]
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "--concise", *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("codeit.")]
    assert lines, done.stdout + done.stderr
    # Constructors of extension types have no signature, and are compared below.
    ours = re.compile(
        r"__(reduce_cython|setstate_cython|test|pyx_capi)__ is not present in stub"
        r"|is a disjoint base|\.__init__ is inconsistent"
    )
    return [line for line in lines if not ours.search(line)]


def test_every_native_module_has_a_stub():
    assert [path.stem for path in sorted(NATIVE.glob("*.pyi"))] == MODULES
    assert len(MODULES) >= 6


def test_stubs_have_the_names_and_signatures_of_their_modules(differences):
    assert differences == []


def constructors_of_source(name):
    """The names of the arguments of each type's constructor, by the Cython source."""
    text = (NATIVE / f"{name}.pyx").read_text()
    found = {}
    for part in re.split(r"^cdef class ", text, flags=re.MULTILINE)[1:]:
        made = re.search(r"^    def __c?init__\(self(?:, )?([^)]*)\):", part, flags=re.MULTILINE)
        if made and not part.startswith("_"):
            arguments = [a.split("=")[0].removesuffix(" not None") for a in made[1].split(",")]
            found[part.split(":")[0]] = [a.split()[-1] for a in arguments if a.split()]
    return found


def constructors_of_stub(name):
    found = {}
    for node in ast.parse((NATIVE / f"{name}.pyi").read_text()).body:
        for part in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef) and part.name in ("__init__", "__new__"):
                found[node.name] = [argument.arg for argument in part.args.args[1:]]
    return found


@pytest.mark.parametrize("name", MODULES)
def test_stubs_have_the_constructors_of_their_types(name):
    assert constructors_of_stub(name) == constructors_of_source(name)
