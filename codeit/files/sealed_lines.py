"""JSONL of which every line knows what it should be.

The last key of each object, "digest", is that of the others, so that a line that was changed is
noticed. Lines are added whole or not at all, but for the end of the file: a kill may cut off the
last one, and a cut in the power leave bytes that nobody wrote. What follows the last whole line is
therefore left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeit.files.json_file import Row, parse_json
from codeit.files.text_file import dead_link

_KEY = "digest"


class DamagedLineError(ValueError):
    """A line that is not what was written."""


@dataclass(frozen=True)
class SealedLines:
    """What a file holds.

    Attributes:
        num_bytes: of the lines, without what follows them.
    """

    rows: list[Row]
    num_bytes: int


def sealed(values: Mapping[str, Any]) -> bytes:
    """An object as a line, with its line end.

    Raises:
        ValueError: it holds a number that JSON has not.
    """
    content = json.dumps(dict(values), allow_nan=False)[1:-1]
    digest = _digest(content.encode())
    return f'{{{content}{", " if content else ""}"{_KEY}": "{digest}"}}\n'.encode()


def read_sealed(path: Path) -> SealedLines:
    """The objects of a file, without their digests.

    Raises:
        DamagedLineError: a line before the last whole one; the message names it.
        ValueError: there is no such file.
        OSError: it cannot be read.
    """
    if not path.is_file():
        what = "this is no file" if path.exists() else "there is no such file"
        raise ValueError(f"{path}: {dead_link(path) or what}")
    lines = path.read_bytes().split(b"\n")[:-1]
    found = [_unsealed(line, f"{path}, line {k}") for k, line in enumerate(lines, start=1)]
    while found and found[-1] is None:
        found.pop()
    if None in found:
        number = found.index(None) + 1
        raise DamagedLineError(f"{path}, line {number}: it is damaged: not what was written")
    num_bytes = sum(len(line) + 1 for line in lines[: len(found)])
    return SealedLines([row for row in found if row is not None], num_bytes)


def _unsealed(line: bytes, name: str) -> Row | None:
    content, _, digest = line[1:].rpartition(f'"{_KEY}": '.encode())
    if digest != f'"{_digest(content.removesuffix(b", "))}"}}'.encode():
        return None
    try:
        values = parse_json(line.decode(), name)
    except ValueError:
        return None
    if not isinstance(values, dict) or values.pop(_KEY, None) is None:
        return None
    return Row(values, name)


def _digest(content: bytes) -> str:
    """That of an object, without its braces."""
    return hashlib.sha256(b"{" + content + b"}").hexdigest()[:32]
