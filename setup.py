"""Builds the native extensions. Metadata lives in pyproject.toml.

Cython translates what has changed, csrc/Makefile compiles what has, both into build/. Environment
switches, all off by default; the default build runs on any x86-64 or aarch64 machine:
    CODEIT_DEBUG=1                      -O0 -g and assertions
    CODEIT_SANITIZE=address,undefined   compiler sanitizers by name; preload their run time
    CODEIT_NATIVE=1                     tune for this processor; the result may not run elsewhere
CXX, CPPFLAGS, CXXFLAGS and LDFLAGS mean what they mean everywhere.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

MODULES = sorted(Path("codeit/_native").glob("*.pyx"))
GENERATED = Path("build/generated")
CYTHON = ["-3", "--cplus"]


def kind():
    """The name by which csrc/Makefile knows the build that the switches ask for."""
    words = ["debug"] if os.environ.get("CODEIT_DEBUG") == "1" else []
    words += ["native"] if os.environ.get("CODEIT_NATIVE") == "1" else []
    words += os.environ.get("CODEIT_SANITIZE", "").replace(",", " ").split()
    return "+".join(words or ["release"])


def digest(*contents):
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def translate(sources):
    """The C++ of each .pyx file, written anew where it is not what this Cython made of this file.

    Content decides, not time: a file that was copied here may be newer than its source.
    """
    GENERATED.mkdir(parents=True, exist_ok=True)
    targets = [GENERATED / f"{source.stem}.cpp" for source in sources]
    tool = " ".join(["cython", version("Cython"), *CYTHON]).encode()
    shared = [path.read_bytes() for path in sorted(sources[0].parent.glob("*.pxd"))]
    begun = []
    for source, target in zip(sources, targets, strict=True):
        record = target.with_suffix(".digest")
        made_of = [tool, source.read_bytes(), *shared]
        is_there = target.exists() and record.exists()
        if is_there and record.read_text() == digest(*made_of, target.read_bytes()):
            continue
        target.unlink(missing_ok=True)  # Cython does not write over what is not its own
        command = [sys.executable, "-m", "cython", *CYTHON, str(source), "-o", str(target)]
        begun.append((target, record, made_of, subprocess.Popen(command)))
    failed = [target.stem for target, _, _, process in begun if process.wait() != 0]
    if failed:
        raise CompileError(f"Cython cannot translate codeit/_native/{failed[0]}.pyx")
    for target, record, made_of, _ in begun:
        record.write_text(digest(*made_of, target.read_bytes()))
    return targets


def make(targets, num_jobs, is_silent):
    """Has csrc/Makefile make the modules of generated C++. Returns the folder they are in."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    shared = sysconfig.get_config_var("LDCXXSHARED") or "g++ -shared"
    command = [
        *("make", "-C", "csrc", f"-j{num_jobs}", "library", "modules", f"KIND={kind()}"),
        f"GENERATED={' '.join(target.name for target in targets)}",
        f"PYTHON=-I{sysconfig.get_path('include')}",
        f"SHARED={shared.partition(' ')[2]}",
        f"SUFFIX={suffix}",
    ]
    if shutil.which("make") is None:
        raise CompileError("building codeit takes make and a C++20 compiler; there is no make")
    # What an outer make was told is not meant for this one.
    environment = {k: v for k, v in os.environ.items() if "MAKE" not in k and k != "MFLAGS"}
    command += ["-s"] if is_silent else []
    if subprocess.run(command, env=environment).returncode != 0:
        raise CompileError(f"{' '.join(command[:7])} failed")
    return Path("build", kind(), "python" + suffix.removesuffix(".so"))


class BuildByMake(build_ext):
    """setuptools' command, which knows where modules go, with another way to make them."""

    def build_extensions(self):
        self.force = True  # the module in place may be newer, and yet of another kind of build
        targets = translate([Path(extension.sources[0]) for extension in self.extensions])
        jobs = self.parallel or len(os.sched_getaffinity(0))
        folder = make(targets, jobs, is_silent=not self.verbose)
        for extension in self.extensions:
            path = self.get_ext_fullpath(extension.name)
            self.mkpath(os.path.dirname(path))
            self.copy_file(str(folder / os.path.basename(path)), path)


class BuildAnew(build):
    """setuptools' command, without the files of modules that are no longer there."""

    def run(self):
        library, base = Path(self.build_lib).resolve(), Path(self.build_base).resolve()
        if base in library.parents:
            shutil.rmtree(library, ignore_errors=True)
        super().run()


setup(
    cmdclass={"build": BuildAnew, "build_ext": BuildByMake},
    ext_modules=[
        Extension(f"codeit._native.{path.stem}", [str(path)], language="c++") for path in MODULES
    ],
)
