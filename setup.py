"""Builds the native extensions. Metadata lives in pyproject.toml.

Environment switches, all off by default; the default build runs on any x86-64 or aarch64 machine:
    CODEIT_DEBUG=1                      -O0 -g and assertions
    CODEIT_SANITIZE=address,undefined   compiler sanitizers by name; preload their run time
    CODEIT_NATIVE=1                     tune for this processor; the result may not run elsewhere
"""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

debug = os.environ.get("CODEIT_DEBUG") == "1"
sanitize = os.environ.get("CODEIT_SANITIZE", "")
native = os.environ.get("CODEIT_NATIVE") == "1"

# Wide vectors stay inside inlined functions, so that no calling convention matters; the qualifiers
# are in what Cython writes.
quiet = ["-Wno-psabi", "-Wno-ignored-qualifiers"]
compile_args = ["-std=c++20", "-Wall", "-Wextra", *quiet, "-fvisibility=hidden", "-pthread"]
compile_args += ["-O0", "-g", "-UNDEBUG"] if debug else ["-O3", "-g0", "-DNDEBUG"]
link_args = ["-pthread"]
if native:
    compile_args += ["-march=native"]
if sanitize:
    flags = [
        f"-fsanitize={sanitize}",
        "-fno-sanitize-recover=all",
        "-fno-omit-frame-pointer",
        "-g1",
    ]
    compile_args += ["-O1", *flags]
    link_args += flags


def extension(name, folders):
    """The extension module codeit._native.NAME, with all sources of the named csrc folders."""
    sources = [path for folder in folders for path in sorted(glob(f"csrc/{folder}/*.cc"))]
    headers = [path for pattern in ("*.h", "*.def") for path in glob(f"csrc/*/{pattern}")]
    return Extension(
        f"codeit._native.{name}",
        [f"codeit/_native/{name}.pyx", *sources],
        include_dirs=["csrc"],
        depends=headers,
        language="c++",
        extra_compile_args=compile_args,
        extra_link_args=link_args,
    )


setup(
    ext_modules=cythonize(
        [
            extension("vm", ["lang", "code", "core", "primitives", "vm", "mutation"]),
            extension("replay", ["replay"]),
            extension("text", ["lang", "text"]),
            extension("decoding", ["decoding"]),
        ],
        language_level=3,
    ),
)
