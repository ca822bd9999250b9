"""Primitives of one's own in a file of Python, which a command runs before anything else."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from codeit.language import own_primitives

OPTION = "--primitives"


@dataclass(frozen=True)
class Source:
    """A file of primitives that this process has run.

    Attributes:
        path: absolute.
        digest: of its content: 16 hexadecimal digits.
    """

    path: str
    digest: str


_loaded: dict[str, Source] = {}


def loaded() -> Source | None:
    """The file that this process has run, if it has; the last one of several."""
    return next(reversed(_loaded.values()), None)


def loaded_digest() -> str:
    """Of the files that this process has run; empty where there are none."""
    digests = list(_loaded)
    return (
        digests[0] if len(digests) == 1 else _digest("".join(digests).encode()) if digests else ""
    )


def load_primitives(path: Path) -> Source:
    """Run a file of Python that registers primitives; once, however often it is asked for.

    Raises:
        ValueError: it registers none, or fails; the message names the file and says why, in one
            line.
        OSError: the file cannot be read.
    """
    place = os.path.abspath(path)
    data = Path(place).read_bytes()
    digest = _digest(data)
    if digest in _loaded:
        return _loaded[digest]
    if not place.endswith(".py"):
        raise ValueError(f"{path}: primitives of one's own are in a file of Python, NAME.py")
    name = f"codeit_primitives_{digest}"
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = set(own_primitives())
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise ValueError(f"{path}, line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from None
    except Exception as error:
        text = " ".join(str(error).split())
        raise ValueError(f"{path}: {type(error).__name__}: {text}") from None
    if set(own_primitives()) == before:
        raise ValueError(f"{path}: no function in it is a codeit.primitive")
    _loaded[digest] = Source(place, digest)
    return _loaded[digest]


def check_same(digest: str, what: str) -> None:
    """Raise ValueError unless the primitives of one's own are those of a file.

    Args:
        digest: of the file; empty where there was none.
        what: was made with them.
    """
    if loaded_digest() == digest:
        return
    if not digest:
        raise ValueError(f"{what} was made without primitives of one's own; leave {OPTION} out")
    has = "is another" if _loaded else "is missing"
    raise ValueError(
        f"{what} was made with primitives of one's own, a file of digest {digest}; {OPTION} "
        f"FILE.py {has}"
    )


def take_option(words: list[str]) -> tuple[list[str], str | None]:
    """The words of a command line without the option, and what it says; None where it is not there.

    Raises:
        ValueError: it says nothing, or stands there twice.
    """
    rest: list[str] = []
    found: list[str] = []
    left = list(reversed(words))
    while left:
        word = left.pop()
        if word == "--":
            rest += [word, *reversed(left)]
            break
        if word == OPTION:
            if not left or left[-1].startswith("--"):
                raise ValueError(f"{OPTION} needs a value: a file of Python")
            found.append(left.pop())
        elif word.startswith(f"{OPTION}="):
            found.append(word.partition("=")[2])
        else:
            rest.append(word)
    if len(found) > 1:
        raise ValueError(f"{OPTION} stands there twice; a file may import others")
    return rest, found[0] if found else None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
