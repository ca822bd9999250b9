"""JSON that may be damaged: whatever is wrong with it is a ValueError that names the file."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from codeit.files import text_file


def read_json(path: Path) -> Any:
    """The value in a file.

    Raises:
        ValueError: there is no such file, or it holds no JSON.
    """
    return parse_json(read_text(path), str(path))


def read_object(path: Path) -> dict[str, Any]:
    """The object in a file.

    Raises:
        ValueError: there is no such file, or it holds no JSON, or something else than an object.
    """
    return _object(read_json(path), str(path))


class Row(dict[str, Any]):
    """An object, with those in it; asked for a key that is not there, it says where that is."""

    def __init__(self, values: dict[str, Any], name: str) -> None:
        super().__init__(
            (key, Row(value, f"{name}, {key}") if isinstance(value, dict) else value)
            for key, value in values.items()
        )
        self._name = name

    def __missing__(self, key: str) -> Any:
        raise ValueError(f'{self._name}: there is no "{key}"')


def read_lines(path: Path) -> list[Row]:
    """The objects of a JSONL file; a last line that was cut off is left out.

    Raises:
        ValueError: there is no such file, or another line is no object.
    """
    *lines, rest = read_text(path).split("\n")
    rows = []
    for number, line in enumerate(lines, start=1):
        name = f"{path}, line {number}"
        rows.append(Row(_object(parse_json(line, name), name), name))
    with suppress(ValueError):
        name = f"{path}, line {len(lines) + 1}"
        rows.append(Row(_object(parse_json(rest, name), name), name))
    return rows


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        ValueError: there is no such file, or it is no text.
    """
    if not path.is_file():
        what = "this is no file" if path.exists() else "there is no such file"
        raise ValueError(f"{path}: {text_file.dead_link(path) or what}")
    return text_file.read_text(path)


def parse_json(text: str, name: str) -> Any:
    """The value in a text.

    Raises:
        ValueError: it is no JSON; the message begins with the name.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"{name}: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{name}: no JSON: {error}") from None


def json_digest(value: Any) -> str:
    """32 hexadecimal digits of a value as JSON, the same on every machine."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:32]


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name}: {type(value).__name__} where an object is needed")
    return value
