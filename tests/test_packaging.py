"""A source distribution has all that it takes: unpacked, it is built, installed and run."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

# Not by find_spec: one look for pip makes setuptools leave distutils to Python, for the whole
# process, and then neither setuptools nor torch.compile can be imported.
for name in ("Cython", "pip", "setuptools"):
    try:
        version(name)
    except PackageNotFoundError:
        pytest.skip(f"there is no {name}", allow_module_level=True)
if int(version("setuptools").split(".")[0]) < 77:
    pytest.skip("setuptools is too old to build the package", allow_module_level=True)
if shutil.which("make") is None:
    pytest.skip("there is no make", allow_module_level=True)

ROOT = Path(__file__).parent.parent
MADE = (
    ".git",
    ".*_cache",
    ".venv",
    ".cache",
    ".benchmarks",
    "__pycache__",
    "build",
    "dist",
    "runs",
)
MADE += ("*.egg-info", "*.so", "*.cpp", "*.pyc", "compile_commands.json")
"""What is in a checkout only because something ran in it."""

MODULES = {path.stem for path in (ROOT / "codeit" / "_native").glob("*.pyx")}


def run(*command, folder=None, **variables):
    """What a command prints that is not told of this checkout, with these variables."""
    own = ("CODEIT_", "PYTHONPATH", "MAKE")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(own)}
    done = subprocess.run(
        command, cwd=folder, env=environment | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(kind, checkout, folder):
    """setuptools' build of a kind, unoptimised, and by way of ccache where that is installed."""
    code = f"from setuptools import build_meta; build_meta.build_{kind}({str(folder)!r})"
    flags = {"CODEIT_DEBUG": "1", "CXXFLAGS": "-g0", "CCACHE_NOHASHDIR": "1"}
    compiler = os.environ.get("CXX", "g++")
    if shutil.which("ccache") and not compiler.startswith("ccache"):
        compiler = f"ccache {compiler}"
    run(sys.executable, "-c", code, folder=checkout, CXX=compiler, **flags)
    (path,) = (p for p in folder.iterdir() if p.suffix in (".gz", ".whl"))
    return path


def files_below(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout") / "codeit"
    return Path(shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*MADE)))


@pytest.fixture(scope="module")
def unpacked(checkout, tmp_path_factory):
    """The source distribution of a checkout in which nothing was built, in a folder of its own."""
    folder = tmp_path_factory.mktemp("unpacked")
    before = files_below(checkout)
    archive = build("sdist", checkout, folder)
    new = files_below(checkout) - before
    assert not [name for name in new if not name.startswith("codeit.egg-info/")]
    with tarfile.open(archive) as file:
        # Python 3.11.2, which Debian 12 has, knows no filters.
        file.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (found,) = (path for path in folder.iterdir() if path.is_dir())
    return found


@pytest.fixture(scope="module")
def wheel(unpacked, tmp_path_factory):
    return build("wheel", unpacked, tmp_path_factory.mktemp("wheel"))


def test_a_source_distribution_is_the_whole_tree(checkout, unpacked):
    tree = {name for name in files_below(checkout) if not name.startswith("codeit.egg-info/")}
    assert {name for name in tree - files_below(unpacked) if not name.startswith(".")} == set()
    endings = {Path(name).suffix for name in files_below(unpacked)}
    assert {".cc", ".h", ".def", ".pyx", ".pxd", ".pyi", ".jsonl"} <= endings
    assert {"csrc/Makefile", "codeit/py.typed"} <= files_below(unpacked)


def test_a_wheel_has_the_package_its_stubs_and_modules_and_no_sources(checkout, wheel):
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    package = {str(Path("codeit", name)) for name in files_below(checkout / "codeit")}
    expected = {name for name in package if not name.endswith((".pyx", ".pxd"))}
    assert names == expected | {f"codeit/_native/{name}{suffix}" for name in MODULES}


def test_a_wheel_has_no_modules_that_an_earlier_build_left(wheel, unpacked, tmp_path):
    (left,) = (unpacked / "build").glob("lib.*/codeit")
    (left / "gone.py").write_text("")
    with zipfile.ZipFile(build("wheel", unpacked, tmp_path)) as file:
        assert "codeit/gone.py" not in file.namelist()


def test_what_is_installed_from_a_source_distribution_runs_a_program(wheel, tmp_path):
    place = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", place)
    pip = [sys.executable, "-m", "pip", "--python", place / "bin" / "python", "install", "--quiet"]
    run(*pip, "--no-deps", "--no-index", "--no-cache-dir", wheel)
    # Its dependencies are those of this environment; a .pth file there, such as the one of an
    # editable installation, is not followed from here.
    (library,) = place.glob("lib/python*/site-packages")
    (library / "others.pth").write_text(sysconfig.get_path("purelib"))
    program = tmp_path / "program.txt"
    program.write_text("O = vmirror(I)\n")
    codeit = place / "bin" / "codeit"
    said = run(codeit, "run", program, "--task", "67a3c6ac", folder=tmp_path)
    assert "4 of 4 pairs are right" in said
    code = "import codeit; print(codeit.__file__)"
    where = Path(run(place / "bin" / "python", "-c", code, folder=tmp_path).strip())
    assert where.is_relative_to(library)
